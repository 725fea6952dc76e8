/* SPDX-License-Identifier: Apache-2.0 */
/* The row count in a Parquet file's footer: as much of Thrift's compact protocol as that takes.
 *
 *   … FileMetaData, u32 its size, "PAR1"      the end of the file
 *
 *   FileMetaData  1 i32 version · 2 list of schema elements · 3 i64 number of rows · …
 *   field         u8: delta of the id << 4 | type (delta 0: zigzag varint id follows)
 *   types         1 true, 2 false · 3 i8 · 4-6 i16, i32, i64 as zigzag varints · 7 double
 *                 · 8 binary · 9 list, 10 set · 11 map · 12 struct (ends with a 0 byte)
 *   list          u8: size << 4 | type (size 15: varint size follows)
 *   map           varint size; if not 0, u8: key type << 4 | value type
 *
 * The bytes are untrusted: lengths are checked against what is left, and nesting is bounded. */

#include <string.h>

#include "commit/commit_private.h"

enum {
    TYPE_TRUE = 1,
    TYPE_FALSE,
    TYPE_I8,
    TYPE_I16,
    TYPE_I32,
    TYPE_I64,
    TYPE_DOUBLE,
    TYPE_BINARY,
    TYPE_LIST,
    TYPE_SET,
    TYPE_MAP,
    TYPE_STRUCT,
};

enum { DEPTH_MAX = 16, TRAILER_BYTES = 8, ROWS_FIELD = 3 };

static const char magic[] = "PAR1";

static arm_status bad(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "Parquet footer: %s", what);
}

/* A varint as Thrift has it: any encoding of a 64-bit value. */
static arm_status take_varint(struct arm_reader *r, uint64_t *out, struct arm_error *err)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte;
        arm_status st = arm__take_u8(r, &byte, err);

        if (st != ARM_OK) {
            return st;
        }
        if (shift < 64) {
            value |= (uint64_t)(byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            *out = value;
            return ARM_OK;
        }
    }
    return bad("a number without end", err);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static arm_status skip_bytes(struct arm_reader *r, uint64_t size, struct arm_error *err)
{
    const uint8_t *ignored;

    if (size > r->rest.size) {
        return bad("it ends early", err);
    }
    return arm__take(r, (size_t)size, &ignored, err);
}

static arm_status skip(struct arm_reader *r, uint8_t type, unsigned depth, struct arm_error *err);

/* The header of a field; `*out_type` 0 at the end of the struct. */
static arm_status take_field(struct arm_reader *r, int64_t *inout_id, uint8_t *out_type,
                             struct arm_error *err)
{
    uint8_t byte;
    uint64_t id;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &byte, err));
    *out_type = byte & 0x0f;
    if (*out_type == 0) {
        goto done;
    }
    if (byte >> 4 != 0) {
        *inout_id += byte >> 4;
    } else {
        ARM_TRY(take_varint(r, &id, err));
        *inout_id = unzigzag(id) & INT16_MAX;
    }
done:
    return st;
}

static arm_status skip_struct(struct arm_reader *r, unsigned depth, struct arm_error *err)
{
    int64_t id = 0;
    uint8_t type;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(take_field(r, &id, &type, err));
        if (type == 0) {
            break;
        }
        if (type != TYPE_TRUE && type != TYPE_FALSE) { /* a field's boolean is its type */
            ARM_TRY(skip(r, type, depth, err));
        }
    }
done:
    return st;
}

static arm_status skip_list(struct arm_reader *r, unsigned depth, struct arm_error *err)
{
    uint64_t size;
    uint8_t byte;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &byte, err));
    size = byte >> 4;
    if (size == 15) {
        ARM_TRY(take_varint(r, &size, err));
    }
    if (size > r->rest.size) { /* every element has a byte at least */
        st = bad("a list longer than the footer", err);
        goto done;
    }
    for (uint64_t i = 0; i < size; i++) {
        ARM_TRY(skip(r, byte & 0x0f, depth, err));
    }
done:
    return st;
}

static arm_status skip_map(struct arm_reader *r, unsigned depth, struct arm_error *err)
{
    uint64_t size;
    uint8_t types;
    arm_status st = ARM_OK;

    ARM_TRY(take_varint(r, &size, err));
    if (size == 0) {
        goto done;
    }
    if (size > r->rest.size) {
        st = bad("a map longer than the footer", err);
        goto done;
    }
    ARM_TRY(arm__take_u8(r, &types, err));
    for (uint64_t i = 0; i < size; i++) {
        ARM_TRY(skip(r, types >> 4, depth, err));
        ARM_TRY(skip(r, types & 0x0f, depth, err));
    }
done:
    return st;
}

/* One value; a boolean here is an element of a list or map, one byte. */
static arm_status skip(struct arm_reader *r, uint8_t type, unsigned depth, struct arm_error *err)
{
    uint64_t size;
    arm_status st = ARM_OK;

    if (depth == 0) {
        return bad("it is nested too deep", err);
    }
    switch (type) {
    case TYPE_TRUE:
    case TYPE_FALSE:
    case TYPE_I8:
        return skip_bytes(r, 1, err);
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64:
        return take_varint(r, &size, err);
    case TYPE_DOUBLE:
        return skip_bytes(r, 8, err);
    case TYPE_BINARY:
        ARM_TRY(take_varint(r, &size, err));
        ARM_TRY(skip_bytes(r, size, err));
        break;
    case TYPE_LIST:
    case TYPE_SET:
        return skip_list(r, depth - 1, err);
    case TYPE_MAP:
        return skip_map(r, depth - 1, err);
    case TYPE_STRUCT:
        return skip_struct(r, depth - 1, err);
    default:
        return bad("a field of no type", err);
    }
done:
    return st;
}

static arm_status find_rows(struct arm_reader *r, uint64_t *out, struct arm_error *err)
{
    int64_t id = 0;
    uint64_t value;
    uint8_t type;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(take_field(r, &id, &type, err));
        if (type == 0) {
            st = bad("it has no row count", err);
            goto done;
        }
        if (id == ROWS_FIELD && type == TYPE_I64) {
            break;
        }
        if (type != TYPE_TRUE && type != TYPE_FALSE) {
            ARM_TRY(skip(r, type, DEPTH_MAX, err));
        }
    }
    ARM_TRY(take_varint(r, &value, err));
    if (unzigzag(value) < 0) {
        st = bad("its row count is negative", err);
        goto done;
    }
    *out = (uint64_t)unzigzag(value);
done:
    return st;
}

arm_status arm__parquet_rows(struct arm_bytes file, uint64_t *out, struct arm_error *err)
{
    struct arm_reader r;
    uint32_t size;

    if (file.size < TRAILER_BYTES ||
        memcmp(file.data + file.size - 4, magic, sizeof magic - 1) != 0) {
        return bad("the file does not end as one", err);
    }
    size = arm__get_u32(file.data + file.size - TRAILER_BYTES);
    if (size > file.size - TRAILER_BYTES) {
        return bad("it is longer than the file", err);
    }
    r = arm__reader(arm__bytes(file.data + file.size - TRAILER_BYTES - size, size),
                    "Parquet footer");
    return find_rows(&r, out, err);
}
