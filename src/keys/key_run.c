/* SPDX-License-Identifier: Apache-2.0 */
/* Key runs in memory and as files.
 *
 *   offset  bytes
 *   0       8      "ARMKEYS1"
 *   8       4      rows that the run is of, LE
 *   12      4      count of those with a key, LE
 *   16      32     id: whose rows, which key
 *   48      32     BLAKE3 of all the other bytes
 *   80      8n     hashes, LE, ascending
 *   80+8n   4n     row numbers, LE
 *
 * The file is mapped, not read: of a large table's runs a look-up touches a few pages. */

#include "keys/key_run.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "runs are mapped as they lie");

static const char MAGIC[8] = "ARMKEYS1";

enum { ID_AT = 16, HASH_AT = 48, HEADER_BYTES = 80, ITEM_BYTES = 12, RADIX_BITS = 11 };

struct arm_key_run {
    atomic_uint references;
    uint32_t rows;
    size_t count;
    const uint64_t *hashes;
    const uint32_t *numbers;
    const struct arm_io *io; /* of `map` */
    void *map;
    size_t map_bytes;
    void *heap; /* not mapped: hashes, then numbers */
};

/* ---- Sorting ---- */

struct item {
    uint64_t hash;
    uint32_t row;
};

/* Least significant digit first: stable, so that equal hashes stay in order of rows. Returns
 * which of the two buffers the result is in. */
static struct item *sort_items(struct item *from, struct item *to, size_t count)
{
    for (unsigned shift = 0; shift < 64; shift += RADIX_BITS) {
        size_t starts[1 << RADIX_BITS] = {0};
        size_t sum = 0;
        struct item *swap = from;

        for (size_t i = 0; i < count; i++) {
            starts[from[i].hash >> shift & ((1 << RADIX_BITS) - 1)]++;
        }
        for (size_t d = 0; d < sizeof starts / sizeof *starts; d++) {
            size_t here = starts[d];

            starts[d] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            to[starts[from[i].hash >> shift & ((1 << RADIX_BITS) - 1)]++] = from[i];
        }
        from = to;
        to = swap;
    }
    return from;
}

/* For the few rows of a small write the tables of digits would cost more than the rows. */
static void insert_sort(struct item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct item item = items[i];
        size_t k = i;

        for (; k > 0 && items[k - 1].hash > item.hash; k--) {
            items[k] = items[k - 1];
        }
        items[k] = item;
    }
}

enum { FEW_ITEMS = 64 };

static arm_status make_run(struct item *sorted, size_t count, uint32_t rows,
                           struct arm_key_run **out, struct arm_error *err)
{
    struct arm_key_run *run = NULL;
    uint64_t *hashes = NULL;
    uint32_t *numbers;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *run, &run, err));
    ARM_TRY(arm__calloc(count, ITEM_BYTES, &hashes, err));
    numbers = (uint32_t *)(hashes + count);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = sorted[i].hash;
        numbers[i] = sorted[i].row;
    }
    atomic_init(&run->references, 1);
    run->rows = rows;
    run->count = count;
    run->hashes = hashes;
    run->numbers = numbers;
    run->heap = hashes;
    *out = run;
    run = NULL;
done:
    arm__free(run);
    return st;
}

arm_status arm__key_run_new(const uint64_t *hashes, uint32_t rows, struct arm_key_run **out,
                            struct arm_error *err)
{
    struct item few[2 * FEW_ITEMS];
    struct item *items = few;
    struct item *sorted;
    size_t count = 0;
    arm_status st = ARM_OK;

    if (rows > FEW_ITEMS) {
        items = NULL;
        ARM_TRY(arm__calloc(2 * (size_t)rows, sizeof *items, &items, err));
    }
    for (uint32_t i = 0; i < rows; i++) {
        if (hashes[i] != ARM_KEY_NONE) {
            items[count++] = (struct item){hashes[i], i};
        }
    }
    if (count <= FEW_ITEMS) {
        insert_sort(items, count);
        sorted = items;
    } else {
        sorted = sort_items(items, items + rows, count);
    }
    ARM_TRY(make_run(sorted, count, rows, out, err));
done:
    if (items != few) {
        arm__free(items);
    }
    return st;
}

struct arm_key_run *arm__key_run_retain(struct arm_key_run *run)
{
    atomic_fetch_add_explicit(&run->references, 1, memory_order_relaxed);
    return run;
}

void arm__key_run_drop(struct arm_key_run *run)
{
    if (run == NULL || atomic_fetch_sub_explicit(&run->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (run->map != NULL) {
        run->io->unmap(run->io->self, run->map, run->map_bytes);
    }
    arm__free(run->heap);
    arm__free(run);
}

/* ---- Reading ---- */

size_t arm__key_run_count(const struct arm_key_run *run)
{
    return run->count;
}

uint32_t arm__key_run_rows(const struct arm_key_run *run)
{
    return run->rows;
}

const uint64_t *arm__key_run_hashes(const struct arm_key_run *run)
{
    return run->hashes;
}

const uint32_t *arm__key_run_numbers(const struct arm_key_run *run)
{
    return run->numbers;
}

/* Hashes are spread evenly: the place is guessed, then found by steps that double. */
size_t arm__key_run_seek(const struct arm_key_run *run, uint64_t hash)
{
    size_t guess = (size_t)((unsigned __int128)hash * run->count >> 64);
    size_t low = 0;
    size_t high = run->count;

    for (size_t step = 8; guess < high && run->hashes[guess] >= hash; step *= 2) {
        high = guess;
        guess = guess > step ? guess - step : 0;
        if (high == 0) {
            return 0;
        }
        if (guess == 0) {
            break;
        }
    }
    if (guess < run->count && run->hashes[guess] < hash) {
        low = guess + 1;
        for (size_t step = 8; low + step < high && run->hashes[low + step] < hash; step *= 2) {
            low += step + 1;
        }
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (run->hashes[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- Files ---- */

static struct arm_hash hash_of(const uint8_t header[HEADER_BYTES], const void *items, size_t count)
{
    struct arm_hasher hasher;

    arm__hasher_init(&hasher);
    arm__hasher_update(&hasher, header, HASH_AT);
    arm__hasher_update(&hasher, items, count * ITEM_BYTES);
    return arm__hasher_finish(&hasher);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static arm_status write_bytes(const struct arm_io *io, const char *path,
                              const uint8_t header[HEADER_BYTES], const void *items, size_t count,
                              struct arm_error *err)
{
    struct arm_file *file = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, err));
    ARM_TRY(io->truncate(io->self, file, 0, err));
    ARM_TRY(io->write(io->self, file, 0, header, HEADER_BYTES, err));
    ARM_TRY(io->write(io->self, file, HEADER_BYTES, items, count * ITEM_BYTES, err));
done:
    io->close(io->self, file);
    return st;
}

arm_status arm__key_run_write(const struct arm_key_run *run, const struct arm_io *io,
                              const char *path, const struct arm_hash *id, struct arm_error *err)
{
    uint8_t header[HEADER_BYTES] = {0};
    struct arm_buf name = ARM_BUF_INIT(1u << 16);
    const char *temporary;
    struct arm_hash hash;
    struct arm_id random;
    char hex[2 * ARM_ID_BYTES + 1];
    arm_status st = ARM_OK;

    assert(run->heap != NULL || run->map != NULL);
    memcpy(header, MAGIC, sizeof MAGIC);
    put_u32(header + 8, run->rows);
    put_u32(header + 12, (uint32_t)run->count);
    memcpy(header + ID_AT, id->bytes, sizeof id->bytes);
    hash = hash_of(header, run->hashes, run->count);
    memcpy(header + HASH_AT, hash.bytes, sizeof hash.bytes);
    ARM_TRY(arm__id_random(&random, err)); /* two may write the same run at once */
    arm__id_hex(&random, hex);
    ARM_TRY(arm__buf_printf(&name, err, "%s.%s.new", path, hex));
    ARM_TRY(arm__buf_u8(&name, 0, err));
    temporary = (const char *)name.data;
    st = write_bytes(io, temporary, header, run->hashes, run->count, err);
    if (st == ARM_OK) {
        st = io->rename(io->self, temporary, path, err);
    }
    if (st != ARM_OK) {
        (void)io->remove(io->self, temporary, NULL);
    }
done:
    arm__buf_release(&name);
    return st;
}

/* Who looks keys up relies on it: hashes ascend, none of them says that there is no key, rows of
 * one hash ascend, and each is one of `rows`. */
static bool is_in_order(const uint8_t *items, size_t count, uint32_t rows)
{
    const uint64_t *hashes = (const uint64_t *)(const void *)items;
    const uint32_t *numbers = (const uint32_t *)(const void *)(hashes + count);
    bool is_good = count == 0 || hashes[0] != ARM_KEY_NONE;

    for (size_t i = 0; i < count; i++) {
        is_good &=
            numbers[i] < rows && (i == 0 || hashes[i - 1] < hashes[i] ||
                                  (hashes[i - 1] == hashes[i] && numbers[i - 1] < numbers[i]));
    }
    return is_good;
}

static bool is_sound(const uint8_t *bytes, uint64_t size, const struct arm_hash *id, uint32_t rows)
{
    struct arm_hash hash;
    size_t count;

    if (size < HEADER_BYTES || memcmp(bytes, MAGIC, sizeof MAGIC) != 0 ||
        memcmp(bytes + ID_AT, id->bytes, sizeof id->bytes) != 0) {
        return false;
    }
    count = get_u32(bytes + 12);
    if (size != HEADER_BYTES + count * (uint64_t)ITEM_BYTES || get_u32(bytes + 8) != rows) {
        return false;
    }
    hash = hash_of(bytes, bytes + HEADER_BYTES, count);
    return memcmp(hash.bytes, bytes + HASH_AT, sizeof hash.bytes) == 0 &&
           is_in_order(bytes + HEADER_BYTES, count, rows);
}

static arm_status map_file(const struct arm_io *io, const char *path, void **out, size_t *out_bytes,
                           struct arm_error *err)
{
    struct arm_file *file = NULL;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_WRITE, &file, err)); /* map wants it so */
    ARM_TRY(io->size(io->self, file, &size, err));
    if (size >= HEADER_BYTES) {
        ARM_TRY(io->map(io->self, file, (size_t)size, out, err));
        *out_bytes = (size_t)size;
    }
done:
    io->close(io->self, file);
    return st;
}

arm_status arm__key_run_read(const struct arm_io *io, const char *path, const struct arm_hash *id,
                             uint32_t rows, struct arm_key_run **out, struct arm_error *err)
{
    struct arm_key_run *run = NULL;
    void *map = NULL;
    size_t map_bytes = 0;
    arm_status st = ARM_OK;

    *out = NULL;
    if (!arm__io_exists(io, path)) {
        return ARM_OK;
    }
    ARM_TRY(map_file(io, path, &map, &map_bytes, err));
    if (map == NULL || !is_sound(map, map_bytes, id, rows)) {
        goto done;
    }
    ARM_TRY(arm__calloc(1, sizeof *run, &run, err));
    atomic_init(&run->references, 1);
    run->rows = rows;
    run->count = get_u32((const uint8_t *)map + 12);
    run->hashes = (const uint64_t *)((const uint8_t *)map + HEADER_BYTES);
    run->numbers = (const uint32_t *)(run->hashes + run->count);
    run->io = io;
    run->map = map;
    run->map_bytes = map_bytes;
    map = NULL;
    *out = run;
done:
    if (map != NULL) {
        io->unmap(io->self, map, map_bytes);
    }
    return st;
}
