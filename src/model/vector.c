/* SPDX-License-Identifier: Apache-2.0 */
/* Deletion vectors in roaring's portable format (github.com/RoaringBitmap/RoaringFormatSpec):
 *
 *   u32     cookie: 12346, then u32 container count; or 12347 + (container count - 1) * 65536,
 *           then a bit per container: it is a run container
 *   per container: u16 key (the high half of its rows), u16 rows - 1
 *   per container: u32 offset of its body (left out with run containers and fewer than 4)
 *   per container, its body:
 *     run   u16 runs, then per run u16 first row, u16 rows - 1
 *     array (at most 4,096 rows)  u16 per row
 *     bits  8,192 bytes
 *
 * CRoaring's safe reader looks at sizes only; what is inside a container it believes, and a
 * wrong row count makes later operations write past their memory. So untrusted bytes are judged
 * here, down to the last bit, before CRoaring reads them. */

#include "model/vector.h"

#include <string.h>

enum {
    COOKIE_PLAIN = 12346,
    COOKIE_RUNS = 12347,
    COOKIE_BITS = 16,
    CONTAINERS_MAX = 1 << 16,
    NO_OFFSETS_BELOW = 4,
    ARRAY_ROWS_MAX = 4096,
    BITS_BYTES = 8192,
    CONTAINER_ROWS = 1 << 16,
};

/* What the bytes say before the first body. */
struct outline {
    struct arm_bytes all;
    uint32_t count;
    const uint8_t *run_bits; /* NULL: no run containers */
    const uint8_t *keys;     /* count x (u16 key, u16 rows - 1) */
    const uint8_t *offsets;  /* count x u32, or NULL */
};

static arm_status wrong(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "deletion vector: %s", what);
}

/* The u16 at `index` of an array of them. */
static uint32_t get_u16(const uint8_t *array, size_t index)
{
    return (uint32_t)array[2 * index] | (uint32_t)array[2 * index + 1] << 8;
}

static uint32_t key_of(const struct outline *o, size_t i)
{
    return get_u16(o->keys, 2 * i);
}

static uint32_t rows_of(const struct outline *o, size_t i)
{
    return get_u16(o->keys, 2 * i + 1) + 1;
}

static bool is_run(const struct outline *o, uint32_t i)
{
    return o->run_bits != NULL && (o->run_bits[i / 8] >> (i % 8) & 1) != 0;
}

/* The cookie, the number of containers and the bits that tell the run containers. */
static arm_status take_cookie(struct arm_reader *r, struct outline *o, struct arm_error *err)
{
    uint32_t cookie = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u32(r, &cookie, err));
    if (cookie == COOKIE_PLAIN) {
        ARM_TRY(arm__take_u32(r, &o->count, err));
    } else if ((cookie & ((1u << COOKIE_BITS) - 1)) == COOKIE_RUNS) {
        uint8_t any = 0;

        o->count = (cookie >> COOKIE_BITS) + 1;
        ARM_TRY(arm__take(r, (o->count + 7) / 8, &o->run_bits, err));
        for (uint32_t i = 0; i < (o->count + 7) / 8; i++) {
            any |= o->run_bits[i];
        }
        if (any == 0 || (o->count % 8 != 0 && o->run_bits[o->count / 8] >> (o->count % 8) != 0)) {
            return wrong("its run bits are wrong", err);
        }
    } else {
        return wrong("it does not begin as one", err);
    }
    if (o->count > CONTAINERS_MAX) {
        return wrong("it has too many containers", err);
    }
done:
    return st;
}

static arm_status take_outline(struct arm_reader *r, struct outline *o, struct arm_error *err)
{
    arm_status st = ARM_OK;

    o->all = r->rest;
    ARM_TRY(take_cookie(r, o, err));
    ARM_TRY(arm__take(r, 4 * (size_t)o->count, &o->keys, err));
    for (uint32_t i = 1; i < o->count; i++) {
        if (key_of(o, i) <= key_of(o, i - 1)) {
            return wrong("its containers are out of order", err);
        }
    }
    if (o->run_bits == NULL || o->count >= NO_OFFSETS_BELOW) {
        ARM_TRY(arm__take(r, 4 * (size_t)o->count, &o->offsets, err));
    }
done:
    return st;
}

/* Each `check_` takes one body that should hold `rows` rows; `*out_last` is the last of them. */
static arm_status check_runs(struct arm_reader *r, uint32_t rows, uint32_t *out_last,
                             struct arm_error *err)
{
    const uint8_t *count = NULL;
    const uint8_t *runs = NULL;
    uint32_t next = 0; /* no run may begin before this row: runs that touch are one */
    uint32_t sum = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take(r, 2, &count, err));
    ARM_TRY(arm__take(r, 4 * (size_t)get_u16(count, 0), &runs, err));
    for (uint32_t i = 0; i < get_u16(count, 0); i++) {
        uint32_t first = get_u16(runs, 2 * (size_t)i);
        uint32_t last = first + get_u16(runs, 2 * (size_t)i + 1);

        if (first < next || last >= CONTAINER_ROWS) {
            return wrong("its runs are out of order", err);
        }
        sum += last - first + 1;
        *out_last = last;
        next = last + 2;
    }
    if (sum != rows) {
        return wrong("its runs have another number of rows", err);
    }
done:
    return st;
}

static arm_status check_array(struct arm_reader *r, uint32_t rows, uint32_t *out_last,
                              struct arm_error *err)
{
    const uint8_t *values = NULL;
    arm_status st = arm__take(r, 2 * (size_t)rows, &values, err);

    if (st != ARM_OK) {
        return st;
    }
    for (uint32_t i = 1; i < rows; i++) {
        if (get_u16(values, i) <= get_u16(values, i - 1)) {
            return wrong("its rows are out of order", err);
        }
    }
    *out_last = get_u16(values, rows - 1);
    return ARM_OK;
}

static arm_status check_bits(struct arm_reader *r, uint32_t rows, uint32_t *out_last,
                             struct arm_error *err)
{
    const uint8_t *bits = NULL;
    uint32_t sum = 0;
    arm_status st = arm__take(r, BITS_BYTES, &bits, err);

    if (st != ARM_OK) {
        return st;
    }
    for (uint32_t i = 0; i < BITS_BYTES; i += 8) {
        uint64_t word = arm__get_u64(bits + i);

        sum += (uint32_t)__builtin_popcountll(word);
        if (word != 0) {
            *out_last = i * 8 + 63 - (uint32_t)__builtin_clzll(word);
        }
    }
    return sum == rows ? ARM_OK : wrong("its bits have another number of rows", err);
}

static arm_status check_container(struct arm_reader *r, const struct outline *o, uint32_t i,
                                  uint32_t *out_last, struct arm_error *err)
{
    uint32_t rows = rows_of(o, i);

    if (o->offsets != NULL &&
        arm__get_u32(o->offsets + 4 * (size_t)i) != o->all.size - r->rest.size) {
        return wrong("a container is not where it should be", err);
    }
    if (is_run(o, i)) {
        return check_runs(r, rows, out_last, err);
    }
    return rows <= ARRAY_ROWS_MAX ? check_array(r, rows, out_last, err)
                                  : check_bits(r, rows, out_last, err);
}

arm_status arm__vector_check(struct arm_bytes bytes, uint32_t row_count, uint32_t *out_dead,
                             struct arm_error *err)
{
    struct arm_reader r = arm__reader(bytes, "deletion vector");
    struct outline o = {0};
    uint64_t dead = 0;
    arm_status st = ARM_OK;

    ARM_TRY(take_outline(&r, &o, err));
    for (uint32_t i = 0; i < o.count; i++) {
        uint32_t key = key_of(&o, i);
        uint32_t last = 0;

        ARM_TRY(check_container(&r, &o, i, &last, err));
        if ((key << 16 | last) >= row_count) {
            return arm__fail(err, ARM_CORRUPT, "deletion vector: row %u of %u", key << 16 | last,
                             row_count);
        }
        dead += rows_of(&o, i);
    }
    ARM_TRY(arm__take_end(&r, err));
    *out_dead = (uint32_t)dead; /* < row_count, as the last row is */
done:
    return st;
}

arm_status arm__vector_decode(struct arm_bytes bytes, uint32_t row_count, roaring_bitmap_t **out,
                              struct arm_error *err)
{
    uint32_t dead;
    roaring_bitmap_t *bitmap;
    arm_status st = arm__vector_check(bytes, row_count, &dead, err);

    if (st != ARM_OK) {
        return st;
    }
    bitmap = roaring_bitmap_portable_deserialize_safe((const char *)bytes.data, bytes.size);
    if (bitmap == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a deletion vector of %zu bytes",
                         bytes.size);
    }
    *out = bitmap;
    return ARM_OK;
}

/* `bytes` may be empty: no rows. */
static arm_status decode_or_none(struct arm_bytes bytes, uint32_t row_count, roaring_bitmap_t **out,
                                 struct arm_error *err)
{
    if (bytes.size > 0) {
        return arm__vector_decode(bytes, row_count, out, err);
    }
    *out = roaring_bitmap_create();
    return *out != NULL ? ARM_OK : arm__fail(err, ARM_NO_MEMORY, "out of memory: a bitmap");
}

arm_status arm__vector_or(struct arm_bytes old, struct arm_bytes added, uint32_t row_count,
                          struct arm_buf *out, uint32_t *out_dead, uint32_t *out_new,
                          struct arm_error *err)
{
    roaring_bitmap_t *joined = NULL;
    roaring_bitmap_t *more = NULL;
    uint64_t before;
    uint64_t after;
    arm_status st = ARM_OK;

    ARM_TRY(decode_or_none(old, row_count, &joined, err));
    ARM_TRY(decode_or_none(added, row_count, &more, err));
    before = roaring_bitmap_get_cardinality(joined);
    roaring_bitmap_or_inplace(joined, more);
    after = roaring_bitmap_get_cardinality(joined);
    ARM_TRY(arm__vector_encode(joined, out, err));
    *out_dead = (uint32_t)after;
    *out_new = (uint32_t)(after - before);
done:
    arm__vector_free(more);
    arm__vector_free(joined);
    return st;
}

void arm__vector_free(roaring_bitmap_t *bitmap)
{
    if (bitmap != NULL) {
        roaring_bitmap_free(bitmap);
    }
}
