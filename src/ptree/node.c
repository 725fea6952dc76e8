/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one node, and the rule that says where it ends.
 *
 * LAYOUT. A varint is LEB128, no longer than needed.
 *
 *   offset  size  field
 *   0       1     version: 1
 *   1       1     level: 0 for a leaf, else one more than that of its children
 *   2       ...   entries: one or more, up to the end of the node
 *
 *   entry:  1     shared: bytes its key has in common with the key before (first entry: 0)
 *           1     rest: bytes of the key that follow
 *           rest  the rest of the key
 *           1-2   leaf only: size of the value, a varint
 *           ...   leaf: the value; inner: hash of the child (32), then the number of the map's
 *                 entries below the child, a varint
 *
 * The key of an inner entry is the last key below the child. A node is valid iff it is at most
 * ARM_NODE_BYTES_MAX long; level < ARM_PTREE_LEVELS_MAX; every key but the first is above the one
 * before and `shared` counts all they have in common; keys and values keep to their maximum; and
 * counts, and their sum, are 1 to ARM_PTREE_ENTRIES_MAX. So one content has one encoding, and
 * whatever decodes encodes to the same bytes.
 *
 * THE CUT. A node ends after an entry if the key's hash says so, or if the largest entry would no
 * longer fit (T2). Both look only at the node's entries up to that one: never at what follows,
 * never at how the node came about. README.md shows why T1 follows. */

#include "ptree/ptree_private.h"

#include <assert.h>
#include <string.h>

enum {
    NODE_VERSION = 1,
    NODE_HEADER_BYTES = 2,
    LEAF_ENTRY_BYTES_MAX = 2 + ARM_PTREE_KEY_BYTES_MAX + 2 + ARM_PTREE_VALUE_BYTES_MAX,
    INNER_ENTRY_BYTES_MAX = 2 + ARM_PTREE_KEY_BYTES_MAX + ARM_NODE_REF_BYTES_MAX,
    /* The chance of a cut grows with the node: an entry of b bytes that makes the node s bytes
     * long ends it with probability b x s / 2^CUT_BITS (a Rayleigh distribution of sizes). */
    LEAF_CUT_BITS = 19,
    INNER_CUT_BITS = 20,
};

_Static_assert(ARM_PTREE_KEY_BYTES_MAX <= UINT8_MAX, "key sizes are one byte");
_Static_assert(ARM_PTREE_VALUE_BYTES_MAX < 1u << 14, "a value's size is a varint of two bytes");
_Static_assert(NODE_HEADER_BYTES + ARM_NODE_CHILDREN_MIN * INNER_ENTRY_BYTES_MAX <=
                   ARM_NODE_BYTES_MAX,
               "ARM_NODE_CHILDREN_MIN children always fit");
_Static_assert(ARM_PTREE_ENTRIES_MAX < UINT64_C(1) << 63, "ARM_NODE_REF_BYTES_MAX holds");

/* Whether the node ends with its last entry, of `entry_bytes`. Keys of an inner level are last
 * keys, which the levels below chose by their hash: each level looks at other bits of it. */
static bool is_cut(const struct arm_node_writer *writer, size_t entry_bytes)
{
    bool leaf = writer->level == 0;
    size_t entry_bytes_max = leaf ? LEAF_ENTRY_BYTES_MAX : INNER_ENTRY_BYTES_MAX;
    unsigned cut_bits = leaf ? LEAF_CUT_BITS : INNER_CUT_BITS;
    uint64_t threshold = (uint64_t)(entry_bytes * writer->bytes.size) << (32 - cut_bits);
    struct arm_hash hash;

    if (writer->bytes.size + entry_bytes_max > ARM_NODE_BYTES_MAX) {
        return true; /* T2 */
    }
    if (!leaf && writer->entry_count < ARM_NODE_CHILDREN_MIN) {
        return false; /* else keys that all cut would pile up levels without end */
    }
    hash = arm__hash(arm__ptree_key_bytes(&writer->last));
    return arm__get_u32(hash.bytes + 4 * (size_t)(writer->level % 8)) < threshold;
}

static size_t shared_size(struct arm_bytes a, struct arm_bytes b)
{
    size_t size = 0;

    while (size < a.size && size < b.size && a.data[size] == b.data[size]) {
        size++;
    }
    return size;
}

arm_status arm__node_begin(struct arm_node_writer *writer, unsigned level, struct arm_error *err)
{
    struct arm_buf *bytes = &writer->bytes;
    arm_status st;

    assert(level < ARM_PTREE_LEVELS_MAX);
    arm__buf_clear(bytes);
    /* All the room at once: no append below can fail, so no entry is ever half written. */
    st = arm__buf_reserve(bytes, ARM_NODE_BYTES_MAX, err);
    if (st == ARM_OK) {
        (void)arm__buf_u8(bytes, NODE_VERSION, NULL);
        (void)arm__buf_u8(bytes, (uint8_t)level, NULL);
        *writer = (struct arm_node_writer){.bytes = *bytes, .level = level};
    }
    return st;
}

/* Append the entry's bytes. The room is there (T2), so nothing here fails. */
static void entry_encode(struct arm_node_writer *writer, struct arm_bytes key,
                         struct arm_bytes value)
{
    struct arm_buf *bytes = &writer->bytes;
    size_t shared = shared_size(arm__ptree_key_bytes(&writer->last), key);

    (void)arm__buf_u8(bytes, (uint8_t)shared, NULL);
    (void)arm__buf_u8(bytes, (uint8_t)(key.size - shared), NULL);
    if (key.size > shared) {
        (void)arm__buf_append(bytes, key.data + shared, key.size - shared, NULL);
    }
    if (writer->level == 0) {
        (void)arm__buf_varint(bytes, value.size, NULL);
    }
    (void)arm__buf_append(bytes, value.data, value.size, NULL);
}

arm_status arm__node_add(struct arm_node_writer *writer, struct arm_bytes key,
                         struct arm_bytes value, struct arm_error *err)
{
    size_t before = writer->bytes.size;
    struct arm_node_ref ref = {.count = 1};
    arm_status st = ARM_OK;

    assert(!writer->is_cut);
    assert(key.size <= ARM_PTREE_KEY_BYTES_MAX);
    assert(writer->entry_count == 0 ||
           arm__bytes_compare(arm__ptree_key_bytes(&writer->last), key) < 0);
    if (writer->level > 0) {
        st = arm__node_ref_decode(value, &ref, err);
    }
    if (st == ARM_OK && ref.count > ARM_PTREE_ENTRIES_MAX - writer->count) {
        st = arm__fail(err, ARM_CORRUPT, "a ptree node counts more entries than can be");
    }
    if (st != ARM_OK) {
        return st;
    }
    assert(value.size <= ARM_PTREE_VALUE_BYTES_MAX);
    entry_encode(writer, key, value);
    assert(writer->bytes.size <= ARM_NODE_BYTES_MAX); /* T2 */
    if (key.size > 0) {
        memcpy(writer->last.bytes, key.data, key.size);
    }
    writer->last.size = key.size;
    writer->entry_count++;
    writer->count += ref.count;
    writer->is_cut = is_cut(writer, writer->bytes.size - before);
    return ARM_OK;
}

void arm__node_writer_release(struct arm_node_writer *writer)
{
    arm__buf_release(&writer->bytes);
    *writer = ARM_NODE_WRITER_INIT;
}

arm_status arm__node_ref_encode(const struct arm_node_ref *ref, struct arm_buf *out,
                                struct arm_error *err)
{
    size_t before = out->size;
    arm_status st = arm__buf_append(out, ref->hash.bytes, sizeof ref->hash.bytes, err);

    assert(ref->count >= 1);
    assert(ref->count <= ARM_PTREE_ENTRIES_MAX);
    if (st == ARM_OK) {
        st = arm__buf_varint(out, ref->count, err);
    }
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}

/* Take a reference from the front of `r`; `out` may be written on failure. */
static arm_status ref_take(struct arm_reader *r, struct arm_node_ref *out, struct arm_error *err)
{
    const uint8_t *hash = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take(r, ARM_HASH_BYTES, &hash, err));
    memcpy(out->hash.bytes, hash, ARM_HASH_BYTES);
    ARM_TRY(arm__take_varint(r, &out->count, err));
    if (out->count < 1 || out->count > ARM_PTREE_ENTRIES_MAX) {
        st = arm__fail(err, ARM_CORRUPT, "%s: a child of %llu entries", r->what,
                       (unsigned long long)out->count);
    }
done:
    return st;
}

arm_status arm__node_ref_decode(struct arm_bytes value, struct arm_node_ref *out,
                                struct arm_error *err)
{
    struct arm_reader r = arm__reader(value, "ptree child");
    struct arm_node_ref ref;
    arm_status st = ARM_OK;

    ARM_TRY(ref_take(&r, &ref, err));
    ARM_TRY(arm__take_end(&r, err));
    *out = ref;
done:
    return st;
}

/* Take the key of the next entry into `key`, which holds the one before unless `first`. */
static arm_status key_take(struct arm_reader *r, bool first, struct arm_ptree_key *key,
                           struct arm_error *err)
{
    uint8_t shared = 0;
    uint8_t rest = 0;
    const uint8_t *data = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &shared, err));
    ARM_TRY(arm__take_u8(r, &rest, err));
    ARM_TRY(arm__take(r, rest, &data, err));
    if ((size_t)shared + rest > ARM_PTREE_KEY_BYTES_MAX) {
        ARM_TRY(arm__fail(err, ARM_CORRUPT, "%s: a key of %d bytes", r->what, shared + rest));
    }
    if (first ? shared > 0 : shared > key->size) {
        ARM_TRY(arm__fail(err, ARM_CORRUPT, "%s: a key shares bytes that are not there", r->what));
    }
    /* Above the key before, and sharing all there is to share: the first byte that is not
     * shared must be there, and pass the one it replaces. */
    if (!first && (rest == 0 || (shared < key->size && data[0] <= key->bytes[shared]))) {
        ARM_TRY(arm__fail(err, ARM_CORRUPT, "%s: keys are out of order", r->what));
    }
    memcpy(key->bytes + shared, data, rest);
    key->size = (size_t)shared + rest;
done:
    return st;
}

static arm_status value_take(struct arm_reader *r, unsigned level, struct arm_bytes *out,
                             struct arm_error *err)
{
    const uint8_t *start = r->rest.data;
    struct arm_node_ref ref;
    arm_status st = ARM_OK;

    if (level > 0) {
        ARM_TRY(ref_take(r, &ref, err));
        *out = arm__bytes(start, (size_t)(r->rest.data - start));
    } else {
        ARM_TRY(arm__take_blob(r, out, err));
        if (out->size > ARM_PTREE_VALUE_BYTES_MAX) {
            ARM_TRY(arm__fail(err, ARM_CORRUPT, "%s: a value of %zu bytes", r->what, out->size));
        }
    }
done:
    return st;
}

arm_status arm__node_first(struct arm_bytes node, struct arm_node_cursor *out,
                           struct arm_error *err)
{
    struct arm_reader r = arm__reader(node, "ptree node");
    uint8_t version = 0;
    uint8_t level = 0;
    arm_status st = ARM_OK;

    if (node.size > ARM_NODE_BYTES_MAX) {
        ARM_TRY(arm__fail(err, ARM_CORRUPT, "a ptree node of %zu bytes", node.size)); /* T2 */
    }
    ARM_TRY(arm__take_u8(&r, &version, err));
    ARM_TRY(arm__take_u8(&r, &level, err));
    if (version != NODE_VERSION || level >= ARM_PTREE_LEVELS_MAX) {
        ARM_TRY(
            arm__fail(err, ARM_CORRUPT, "a ptree node of version %d, level %d", version, level));
    }
    out->rest = r;
    out->level = level;
    out->is_end = false;
    ARM_TRY(key_take(&out->rest, true, &out->key, err));
    ARM_TRY(value_take(&out->rest, level, &out->value, err));
done:
    return st;
}

arm_status arm__node_next(struct arm_node_cursor *cursor, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(!cursor->is_end);
    if (arm__node_is_last(cursor)) {
        cursor->is_end = true;
        return ARM_OK;
    }
    ARM_TRY(key_take(&cursor->rest, false, &cursor->key, err));
    ARM_TRY(value_take(&cursor->rest, cursor->level, &cursor->value, err));
done:
    return st;
}
