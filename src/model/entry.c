/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest entries; the layout stands in entry.h. An encoding is valid iff no flag is unknown, at
 * least one row is there and its row ids fit 64 bits, the fields of the flags follow in their
 * order, the deletion vector holds as many rows as are said to be dead (inline: checked; by hash:
 * at least one), and nothing follows. */

#include "model/entry.h"

#include <string.h>

#include "model/vector.h"

enum { FORMAT = 1 };

enum flag {
    FLAG_CHUNK = 1,
    FLAG_EXPLICIT_ROW_IDS = 2,
    FLAG_NAME_MAPPING = 4,
    FLAG_ENCRYPTED = 8,
    FLAG_VECTOR_INLINE = 16,
    FLAG_VECTOR_HASH = 32,
    FLAGS_KNOWN = 63,
};

/* A row count is 32 bits in memory, and in any varint that stands for one. */
static arm_status take_u32(struct arm_reader *r, uint32_t *out, struct arm_error *err)
{
    uint64_t value = 0;
    arm_status st = arm__take_varint(r, &value, err);

    if (st != ARM_OK) {
        return st;
    }
    if (value > UINT32_MAX) {
        return arm__fail(err, ARM_CORRUPT, "entry: a number is too large");
    }
    *out = (uint32_t)value;
    return ARM_OK;
}

static arm_status take_hash(struct arm_reader *r, struct arm_hash *out, struct arm_error *err)
{
    const uint8_t *bytes = NULL;
    arm_status st = arm__take(r, ARM_HASH_BYTES, &bytes, err);

    if (st == ARM_OK) {
        memcpy(out->bytes, bytes, ARM_HASH_BYTES);
    }
    return st;
}

static unsigned flags_of(const struct arm_entry *e)
{
    unsigned vector = e->vector.size > 0 ? FLAG_VECTOR_INLINE : FLAG_VECTOR_HASH;

    return (e->is_hot ? 0u : FLAG_CHUNK) | (e->explicit_row_ids ? FLAG_EXPLICIT_ROW_IDS : 0u) |
           (e->name_mapping ? FLAG_NAME_MAPPING : 0u) | (e->key_id != 0 ? FLAG_ENCRYPTED : 0u) |
           (e->dead > 0 ? vector : 0u);
}

/* What holds of the numbers, whichever way they came; NULL, or what is wrong. */
static const char *fault(const struct arm_entry *e)
{
    uint64_t end;

    if (e->rows == 0 || __builtin_add_overflow(e->first_row_id, e->rows, &end)) {
        return "its rows cannot be counted";
    }
    if (e->dead > e->rows) {
        return "more dead rows than rows";
    }
    if (e->schema_id == 0) {
        return "schema id 0";
    }
    if (e->is_hot && e->tx == 0) {
        return "hot rows of tx 0";
    }
    return NULL;
}

static arm_status append(const struct arm_entry *e, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, FORMAT, err));
    ARM_TRY(arm__buf_u8(out, (uint8_t)flags_of(e), err));
    ARM_TRY(arm__buf_varint(out, e->first_row_id, err));
    ARM_TRY(arm__buf_varint(out, e->rows, err));
    ARM_TRY(arm__buf_varint(out, e->bytes, err));
    ARM_TRY(arm__buf_varint(out, e->schema_id, err));
    ARM_TRY(arm__buf_varint(out, e->dead, err));
    ARM_TRY(arm__buf_append(out, e->rows_hash.bytes, ARM_HASH_BYTES, err));
    if (e->is_hot) {
        ARM_TRY(arm__buf_varint(out, e->tx, err));
        ARM_TRY(arm__buf_varint(out, e->payload_offset, err));
    } else {
        ARM_TRY(arm__buf_append(out, e->chunk.bytes, ARM_HASH_BYTES, err));
    }
    if (e->key_id != 0) {
        ARM_TRY(arm__buf_varint(out, e->key_id, err));
    }
    if (e->dead > 0 && e->vector.size > 0) {
        ARM_TRY(arm__buf_blob(out, e->vector, err));
    } else if (e->dead > 0) {
        ARM_TRY(arm__buf_append(out, e->vector_hash.bytes, ARM_HASH_BYTES, err));
    }
done:
    return st;
}

arm_status arm__entry_encode(const struct arm_entry *entry, struct arm_buf *out,
                             struct arm_error *err)
{
    const char *what = fault(entry);
    size_t before = out->size;
    arm_status st;

    if (what != NULL) {
        return arm__fail(err, ARM_INVALID, "entry: %s", what);
    }
    if (entry->vector.size > 0 && entry->dead == 0) {
        return arm__fail(err, ARM_INVALID, "entry: a deletion vector, and no dead row");
    }
    if (entry->vector.size > ARM_VECTOR_INLINE_MAX) {
        return arm__fail(err, ARM_INVALID, "entry: deletion vector of %zu bytes inline, limit %d",
                         entry->vector.size, ARM_VECTOR_INLINE_MAX);
    }
    st = append(entry, out, err);
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}

static arm_status take_vector(struct arm_reader *r, unsigned flags, struct arm_entry *e,
                              struct arm_error *err)
{
    unsigned kind = flags & (FLAG_VECTOR_INLINE | FLAG_VECTOR_HASH);
    uint32_t dead = 0;
    arm_status st = ARM_OK;

    if (kind == (FLAG_VECTOR_INLINE | FLAG_VECTOR_HASH) || (kind != 0) != (e->dead > 0)) {
        return arm__fail(err, ARM_CORRUPT, "entry: dead rows and deletion vector do not agree");
    }
    if (kind == FLAG_VECTOR_HASH) {
        return take_hash(r, &e->vector_hash, err);
    }
    if (kind == FLAG_VECTOR_INLINE) {
        ARM_TRY(arm__take_blob(r, &e->vector, err));
        if (e->vector.size > ARM_VECTOR_INLINE_MAX) {
            return arm__fail(err, ARM_CORRUPT, "entry: its deletion vector is too large");
        }
        ARM_TRY(arm__vector_check(e->vector, e->rows, &dead, err));
        if (dead != e->dead) {
            return arm__fail(err, ARM_CORRUPT, "entry: %u dead rows, %u in the deletion vector",
                             e->dead, dead);
        }
    }
done:
    return st;
}

static arm_status take_entry(struct arm_reader *r, struct arm_entry *e, struct arm_error *err)
{
    uint8_t format = 0;
    uint8_t flags = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &format, err));
    ARM_TRY(arm__take_u8(r, &flags, err));
    if (format != FORMAT || flags > FLAGS_KNOWN) {
        return arm__fail(err, ARM_CORRUPT, "entry: format %u, flags %u", format, flags);
    }
    e->is_hot = (flags & FLAG_CHUNK) == 0;
    e->explicit_row_ids = (flags & FLAG_EXPLICIT_ROW_IDS) != 0;
    e->name_mapping = (flags & FLAG_NAME_MAPPING) != 0;
    ARM_TRY(arm__take_varint(r, &e->first_row_id, err));
    ARM_TRY(take_u32(r, &e->rows, err));
    ARM_TRY(arm__take_varint(r, &e->bytes, err));
    ARM_TRY(take_u32(r, &e->schema_id, err));
    ARM_TRY(take_u32(r, &e->dead, err));
    ARM_TRY(take_hash(r, &e->rows_hash, err));
    if (e->is_hot) {
        ARM_TRY(arm__take_varint(r, &e->tx, err));
        ARM_TRY(arm__take_varint(r, &e->payload_offset, err));
    } else {
        ARM_TRY(take_hash(r, &e->chunk, err));
    }
    if ((flags & FLAG_ENCRYPTED) != 0) {
        ARM_TRY(take_u32(r, &e->key_id, err));
        if (e->key_id == 0) {
            return arm__fail(err, ARM_CORRUPT, "entry: key id 0");
        }
    }
    ARM_TRY(take_vector(r, flags, e, err));
    ARM_TRY(arm__take_end(r, err));
done:
    return st;
}

arm_status arm__entry_decode(struct arm_bytes position, struct arm_bytes value,
                             struct arm_entry *out, struct arm_error *err)
{
    struct arm_reader r = arm__reader(value, "entry");
    struct arm_entry entry = {0};
    const char *what;
    arm_status st = ARM_OK;

    ARM_TRY(arm__position_check(position, err));
    ARM_TRY(take_entry(&r, &entry, err));
    what = fault(&entry);
    if (what != NULL) {
        return arm__fail(err, ARM_CORRUPT, "entry: %s", what);
    }
    memcpy(entry.position.bytes, position.data, position.size);
    entry.position.size = (uint8_t)position.size;
    *out = entry;
done:
    return st;
}
