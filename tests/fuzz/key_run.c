/* SPDX-License-Identifier: Apache-2.0 */
/* Files of key runs (keys/key_run.h): whatever lies there, no failure comes of it. What is believed
 * is in order and of rows that there are, so that looking keys up in it goes wrong nowhere, and is
 * what would be written. The input is the rows of the chunk, how to make the file, and its bytes:
 * all of them, or its hashes and row numbers, with a header that fits before them and flips of
 * single bits after it. */

#include "keys/key_meet.h"
#include "support/fuzz.h"
#include "support/memory_io.h"

enum { HEADER_BYTES = 80, HASH_AT = 48, ITEM_BYTES = 12, ITEMS_MAX = 4096, FLIPS_MAX = 3 };

enum { RAW = 1, FLIPPED = 2 }; /* bits of how the file is made */

static const char path[] = "keys/run";

static struct arm_hash id_of_run(void)
{
    return arm__hash(arm__bytes("run", 3));
}

/* A header that fits behind what is `size` bytes of items. */
static void put_header(uint8_t *file, size_t size, uint32_t rows)
{
    uint32_t count = (uint32_t)(size / ITEM_BYTES);
    struct arm_hash id = id_of_run();
    struct arm_hasher hasher;
    struct arm_hash hash;

    memset(file, 0, HEADER_BYTES);
    memcpy(file, "ARMKEYS1", 8);
    memcpy(file + 8, &rows, sizeof rows);
    memcpy(file + 12, &count, sizeof count);
    memcpy(file + 16, id.bytes, sizeof id.bytes);
    arm__hasher_init(&hasher);
    arm__hasher_update(&hasher, file, HASH_AT);
    arm__hasher_update(&hasher, file + HEADER_BYTES, size);
    hash = arm__hasher_finish(&hasher);
    memcpy(file + HASH_AT, hash.bytes, sizeof hash.bytes);
}

static void put_file(struct memory_io *memory, struct fuzz_input *in, uint32_t rows, unsigned how)
{
    static uint8_t file[HEADER_BYTES + ITEMS_MAX * ITEM_BYTES];
    size_t flips = (how & FLIPPED) == 0 ? 0 : fuzz_take_u8(in) % (FLIPS_MAX + 1);
    uint32_t flipped[FLIPS_MAX] = {0};
    size_t size;

    for (size_t i = 0; i < flips; i++) {
        flipped[i] = fuzz_take_u32(in);
    }
    if ((how & RAW) != 0) {
        (void)memory_io_put(memory, path, arm__bytes(in->data, in->size));
        return;
    }
    size = in->size / ITEM_BYTES > ITEMS_MAX ? ITEMS_MAX : in->size / ITEM_BYTES;
    size *= ITEM_BYTES;
    if (size > 0) {
        memcpy(file + HEADER_BYTES, in->data, size);
    }
    put_header(file, size, rows);
    for (size_t i = 0; i < flips; i++) {
        file[flipped[i] / 8 % (HEADER_BYTES + size)] ^= (uint8_t)(1u << flipped[i] % 8);
    }
    (void)memory_io_put(memory, path, arm__bytes(file, HEADER_BYTES + size));
}

static void check_order(const struct arm_key_run *run, uint32_t rows)
{
    const uint64_t *hashes = arm__key_run_hashes(run);
    const uint32_t *numbers = arm__key_run_numbers(run);

    assert(arm__key_run_rows(run) == rows);
    for (size_t i = 0; i < arm__key_run_count(run); i++) {
        assert(hashes[i] != ARM_KEY_NONE);
        assert(numbers[i] < rows);
        if (i > 0) {
            assert(hashes[i - 1] <= hashes[i]);
            assert(hashes[i - 1] < hashes[i] || numbers[i - 1] < numbers[i]);
        }
    }
}

static void check_seek(const struct arm_key_run *run, uint64_t hash)
{
    const uint64_t *hashes = arm__key_run_hashes(run);
    size_t count = arm__key_run_count(run);
    size_t at = arm__key_run_seek(run, hash);

    assert(at <= count);
    assert(at == 0 || hashes[at - 1] < hash);
    assert(at == count || hashes[at] >= hash);
}

struct met {
    uint64_t fresh;
    uint64_t old;
};

static arm_status count_pair(void *context, const struct arm_key_pair *pair, struct arm_error *err)
{
    struct met *met = context;

    (void)err;
    *(pair->is_fresh ? &met->fresh : &met->old) += 1;
    return ARM_OK;
}

/* A run meets itself: of g rows with one hash each meets each, and each the earlier ones. */
static void check_meeting(struct arm_key_run *run)
{
    const uint64_t *hashes = arm__key_run_hashes(run);
    size_t count = arm__key_run_count(run);
    struct met wanted = {0, 0};
    struct met met = {0, 0};
    arm_status st;

    for (size_t i = 0, same = 0; i < count; i += same) {
        for (same = 1; i + same < count && hashes[i + same] == hashes[i]; same++) {
        }
        wanted.fresh += same * (same - 1) / 2;
        wanted.old += same * same;
    }
    st = arm__keys_meet(&run, 1, &run, 1, count_pair, &met, NULL);
    assert(st == ARM_OK);
    assert(met.fresh == wanted.fresh);
    assert(met.old == wanted.old);
}

/* Written anew, it is the same file. */
static void check_written(struct memory_io *memory, const struct arm_key_run *run)
{
    struct arm_hash id = id_of_run();
    const struct memory_file *first = memory_io_find(memory, path);
    const struct memory_file *second;
    arm_status st = arm__key_run_write(run, &memory->io, "keys/again", &id, NULL);

    assert(st == ARM_OK);
    second = memory_io_find(memory, "keys/again");
    assert(fuzz_same(arm__bytes(first->data, first->size), arm__bytes(second->data, second->size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    struct fuzz_input in = {data, size};
    uint32_t rows = fuzz_take_u32(&in);
    unsigned how = fuzz_take_u8(&in);
    struct arm_hash id = id_of_run();
    struct arm_key_run *run = NULL;
    arm_status st;

    memory_io_init(&memory);
    put_file(&memory, &in, rows, how);
    st = arm__key_run_read(&memory.io, path, &id, rows, &run, NULL);
    assert(st == ARM_OK); /* whatever is in it (Y1) */
    if (run != NULL) {
        check_order(run, rows);
        for (size_t i = 0; i < arm__key_run_count(run); i++) {
            check_seek(run, arm__key_run_hashes(run)[i]);
            check_seek(run, arm__key_run_hashes(run)[i] + 1);
        }
        check_seek(run, fuzz_take_u64(&in));
        check_meeting(run);
        check_written(&memory, run);
    }
    arm__key_run_drop(run);
    memory_io_release(&memory);
    return 0;
}
