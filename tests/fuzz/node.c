/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of a ptree (ptree/node.c). T5: bytes are judged as they are met; whatever decodes to the
 * end is encoded again to the same bytes, but for where a node ends, which nobody can tell of
 * one. */

#include "ptree/ptree_private.h"
#include "support/fuzz.h"

/* Entries of the node, written anew. */
static void encode_again(struct arm_bytes node)
{
    struct arm_node_writer writer = ARM_NODE_WRITER_INIT;
    struct arm_node_cursor cursor;
    arm_status st = arm__node_first(node, &cursor, NULL);

    assert(st == ARM_OK);
    assert(arm__node_begin(&writer, cursor.level, NULL) == ARM_OK);
    while (!cursor.is_end) {
        struct arm_error err;

        FUZZ_FILL(err);
        writer.is_cut = false;
        st = arm__node_add(&writer, arm__ptree_key_bytes(&cursor.key), cursor.value, &err);
        if (!fuzz_judged(st, ARM_CORRUPT, ARM_CORRUPT, &err)) {
            break; /* more entries than can be */
        }
        assert(arm__node_next(&cursor, NULL) == ARM_OK);
    }
    assert(!cursor.is_end || fuzz_same(arm__buf_bytes(&writer.bytes), node));
    arm__node_writer_release(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_bytes node = arm__bytes(data, size);
    struct arm_node_cursor cursor;
    struct arm_node_ref ref;
    struct arm_error err;
    arm_status st;

    FUZZ_FILL(ref);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__node_ref_decode(node, &ref, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(FUZZ_UNTOUCHED(ref));
    }
    st = arm__node_first(node, &cursor, &err);
    while (st == ARM_OK && !cursor.is_end) {
        assert(cursor.key.size <= ARM_PTREE_KEY_BYTES_MAX);
        assert(cursor.value.size <= ARM_PTREE_VALUE_BYTES_MAX);
        FUZZ_FILL(err);
        st = arm__node_next(&cursor, &err);
    }
    if (fuzz_judged(st, ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(size <= ARM_NODE_BYTES_MAX); /* T2 */
        encode_again(node);
    }
    return 0;
}
