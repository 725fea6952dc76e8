/* SPDX-License-Identifier: Apache-2.0 */
/* What a version row of the index keeps of its change (index/change.c), and what is left of a
 * position after it (index/tail.c): restored and joined, or refused. I6: these bytes are not
 * those of the log, no record's rules were held to them. */

#include "index/index_private.h"
#include "support/fuzz.h"

/* A position's addition, then its deletion, as the tail would put them. */
static void check_join(const Armpb__Entry *entry, const Armpb__DeletionEdit *edit)
{
    struct arm_bytes position = arm__bytes(entry->position.data, entry->position.len);
    struct arm_step steps[] = {
        {.position = position, .kind = ARM_STEP_ADD, .tx = 3, .entry = entry},
        {.position = position, .kind = ARM_STEP_DELETE, .tx = 3, .deletion = edit},
        {.position = position, .kind = ARM_STEP_REMOVE, .tx = 3},
    };
    struct arm_buf vector = ARM_BUF_INIT(1 << 20);
    struct arm_joined joined;

    for (size_t count = 1; count <= sizeof steps / sizeof *steps; count++) {
        struct arm_error err;

        FUZZ_FILL(joined);
        FUZZ_FILL(err);
        if (count == 2 && edit == NULL) {
            continue;
        }
        if (fuzz_judged(arm__tail_join(NULL, position, (struct arm_bytes){NULL, 0}, steps, count,
                                       &vector, &joined, &err),
                        ARM_CORRUPT, ARM_CORRUPT, &err)) {
            assert(joined.is_there == (count < 3));
            assert(!joined.is_there || joined.entry.dead <= joined.entry.rows);
        } else {
            assert(FUZZ_UNTOUCHED(joined));
        }
        if (edit == NULL) {
            break;
        }
    }
    arm__buf_release(&vector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_version_state version = {
        .row = {.version = 9, .parent_version = 8, .schema_id = 7, .row_count = 6},
        .change = arm__bytes(data, size),
    };
    Armpb__TableChange *change;
    struct arm_error err;

    FUZZ_FILL(change);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__slim_restore(&version, &change, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(FUZZ_UNTOUCHED(change));
        return 0;
    }
    assert(change->table_id.len == ARM_TABLE_ID_BYTES);
    assert(change->version == 9);
    assert(change->row_count == 6);
    for (size_t i = 0; i < change->n_added; i++) {
        check_join(change->added[i], i < change->n_deleted ? change->deleted[i] : NULL);
    }
    arm__index_change_free(change);
    return 0;
}
