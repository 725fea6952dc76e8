/* SPDX-License-Identifier: Apache-2.0 */
/* Writing deletion vectors (the layout stands in vector.c). CRoaring's own writer keeps whichever
 * form a container happens to have; ours chooses by the rows alone, and by a rule that no new
 * release changes: runs if they are smaller, else an array up to 4,096 rows, else bits. */

#include <string.h>

#include "model/vector.h"

enum {
    COOKIE_PLAIN = 12346,
    COOKIE_RUNS = 12347,
    NO_OFFSETS_BELOW = 4,
    ARRAY_ROWS_MAX = 4096,
    BITS_BYTES = 8192,
    WORD_BITS = 64,
    WORDS = BITS_BYTES / 8,
    READ_ROWS = 1024,
};

/* The parts of the encoding, which are put together when all containers are known. */
struct parts {
    struct arm_buf keys;     /* per container: u16 key, u16 rows - 1 */
    struct arm_buf starts;   /* per container: u32, where its body begins in `bodies` */
    struct arm_buf run_bits; /* per container: a bit */
    struct arm_buf bodies;
    uint32_t count;
    bool has_runs;
};

/* The container being filled, in ascending order. Words before `low` and behind `high` are 0, and
 * no time is spent on them: most vectors have one row. */
struct container {
    uint32_t key;
    uint32_t rows;
    uint32_t low;
    uint32_t high;
    uint64_t words[WORDS];
};

static arm_status put_u16(struct arm_buf *out, uint32_t value, struct arm_error *err)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};

    return arm__buf_append(out, bytes, sizeof bytes, err);
}

/* The first row from `row` on that is dead (`dead`) or not; 65,536 if there is none. */
static uint32_t next(const struct container *c, uint32_t row, bool dead)
{
    for (; row < WORDS * WORD_BITS; row = (row / WORD_BITS + 1) * WORD_BITS) {
        uint64_t word = dead ? c->words[row / WORD_BITS] : ~c->words[row / WORD_BITS];

        word >>= row % WORD_BITS;
        if (word != 0) {
            return row + (uint32_t)__builtin_ctzll(word);
        }
    }
    return WORDS * WORD_BITS;
}

static uint32_t count_runs(const struct container *c)
{
    uint32_t runs = 0;
    uint64_t before = 0; /* the last bit of the word before */

    for (uint32_t i = c->low; i <= c->high; i++) {
        runs += (uint32_t)__builtin_popcountll(c->words[i] & ~(c->words[i] << 1 | before));
        before = c->words[i] >> (WORD_BITS - 1);
    }
    return runs;
}

static arm_status put_runs(const struct container *c, uint32_t runs, struct arm_buf *out,
                           struct arm_error *err)
{
    uint32_t end = c->low * WORD_BITS;
    arm_status st = ARM_OK;

    ARM_TRY(put_u16(out, runs, err));
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t first = next(c, end, true);

        end = next(c, first, false);
        ARM_TRY(put_u16(out, first, err));
        ARM_TRY(put_u16(out, end - first - 1, err));
    }
done:
    return st;
}

static arm_status put_array(const struct container *c, struct arm_buf *out, struct arm_error *err)
{
    uint32_t row = c->low * WORD_BITS;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; i < c->rows; i++, row++) {
        row = next(c, row, true);
        ARM_TRY(put_u16(out, row, err));
    }
done:
    return st;
}

static arm_status put_bits(const struct container *c, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < WORDS; i++) {
        ARM_TRY(arm__buf_u64(out, c->words[i], err));
    }
done:
    return st;
}

/* The container is full: choose its form, write its body, and begin the next. */
static arm_status finish_container(struct container *c, struct parts *parts, struct arm_error *err)
{
    uint32_t runs = count_runs(c);
    uint32_t plain_bytes = c->rows <= ARRAY_ROWS_MAX ? 2 * c->rows : BITS_BYTES;
    bool is_run = 2 + 4 * runs < plain_bytes;
    arm_status st = ARM_OK;

    ARM_TRY(put_u16(&parts->keys, c->key, err));
    ARM_TRY(put_u16(&parts->keys, c->rows - 1, err));
    ARM_TRY(arm__buf_u32(&parts->starts, (uint32_t)parts->bodies.size, err));
    if (parts->count % 8 == 0) {
        ARM_TRY(arm__buf_u8(&parts->run_bits, 0, err));
    }
    if (is_run) {
        parts->run_bits.data[parts->count / 8] |= (uint8_t)(1u << parts->count % 8);
        parts->has_runs = true;
        ARM_TRY(put_runs(c, runs, &parts->bodies, err));
    } else if (c->rows <= ARRAY_ROWS_MAX) {
        ARM_TRY(put_array(c, &parts->bodies, err));
    } else {
        ARM_TRY(put_bits(c, &parts->bodies, err));
    }
    parts->count++;
    memset(c->words + c->low, 0, (c->high - c->low + 1) * sizeof *c->words);
    c->rows = 0;
done:
    return st;
}

static arm_status gather(const roaring_bitmap_t *bitmap, struct parts *parts, struct arm_error *err)
{
    struct container c = {0};
    uint32_t rows[READ_ROWS];
    uint32_t count = READ_ROWS;
    roaring_uint32_iterator_t iterator;
    arm_status st = ARM_OK;

    roaring_init_iterator(bitmap, &iterator);
    while (count == READ_ROWS) {
        count = roaring_read_uint32_iterator(&iterator, rows, READ_ROWS);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t low = rows[i] & UINT16_MAX;

            if (c.rows > 0 && c.key != rows[i] >> 16) {
                ARM_TRY(finish_container(&c, parts, err));
            }
            c.key = rows[i] >> 16;
            c.low = c.rows == 0 ? low / WORD_BITS : c.low;
            c.high = low / WORD_BITS;
            c.words[c.high] |= UINT64_C(1) << low % WORD_BITS;
            c.rows++;
        }
    }
    if (c.rows > 0) {
        ARM_TRY(finish_container(&c, parts, err));
    }
done:
    return st;
}

static arm_status assemble(const struct parts *parts, struct arm_buf *out, struct arm_error *err)
{
    bool has_offsets = !parts->has_runs || parts->count >= NO_OFFSETS_BELOW;
    size_t before = parts->has_runs ? 4 + parts->run_bits.size : 8; /* cookie, count or bits */
    size_t bodies = before + parts->keys.size + (has_offsets ? parts->starts.size : 0);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_reserve(out, bodies + parts->bodies.size, err));
    if (parts->has_runs) {
        ARM_TRY(arm__buf_u32(out, COOKIE_RUNS | (parts->count - 1) << 16, err));
        ARM_TRY(arm__buf_append(out, parts->run_bits.data, parts->run_bits.size, err));
    } else {
        ARM_TRY(arm__buf_u32(out, COOKIE_PLAIN, err));
        ARM_TRY(arm__buf_u32(out, parts->count, err));
    }
    ARM_TRY(arm__buf_append(out, parts->keys.data, parts->keys.size, err));
    for (size_t i = 0; has_offsets && i < parts->starts.size; i += 4) {
        uint32_t start = arm__get_u32(parts->starts.data + i);

        ARM_TRY(arm__buf_u32(out, (uint32_t)bodies + start, err));
    }
    ARM_TRY(arm__buf_append(out, parts->bodies.data, parts->bodies.size, err));
done:
    return st;
}

arm_status arm__vector_encode(const roaring_bitmap_t *bitmap, struct arm_buf *out,
                              struct arm_error *err)
{
    struct parts parts = {
        .keys = ARM_BUF_INIT(UINT32_MAX),
        .starts = ARM_BUF_INIT(UINT32_MAX),
        .run_bits = ARM_BUF_INIT(UINT32_MAX),
        .bodies = ARM_BUF_INIT(UINT32_MAX),
    };
    arm_status st = ARM_OK;

    ARM_TRY(gather(bitmap, &parts, err));
    ARM_TRY(assemble(&parts, out, err)); /* reserves all first: fails before it writes */
done:
    arm__buf_release(&parts.bodies);
    arm__buf_release(&parts.run_bits);
    arm__buf_release(&parts.starts);
    arm__buf_release(&parts.keys);
    return st;
}
