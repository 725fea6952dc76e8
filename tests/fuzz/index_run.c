/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, of which a checkpoint consists (index/run.h): keys rise, there are as many items as the
 * directory says, or it is damage. The input is, for each sub-database, how many items it is
 * said to have and how many blocks, each behind two bytes of its size; they are packed here.
 * Then flips of single bytes in the whole. */

#include <stdlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "index/run.h"
#include "store/store_private.h"
#include "support/fuzz.h"
#include "support/memory_io.h"

enum { FILE_BYTES_MAX = 1 << 21, BLOCKS_MAX = 4, FLIPS_MAX = 4 };

static void put_block(struct arm_buf *file, struct fuzz_input *in)
{
    size_t size = fuzz_take_u8(in);
    struct arm_bytes raw;
    size_t packed;

    size |= (size_t)fuzz_take_u8(in) << 8;
    raw = fuzz_take(in, size);
    assert(arm__buf_u32(file, (uint32_t)raw.size, NULL) == ARM_OK);
    assert(arm__buf_reserve(file, 4 + ZSTD_compressBound(raw.size), NULL) == ARM_OK);
    packed = ZSTD_compress(file->data + file->size + 4, ZSTD_compressBound(raw.size), raw.data,
                           raw.size, 1);
    assert(!ZSTD_isError(packed));
    assert(arm__buf_u32(file, (uint32_t)packed, NULL) == ARM_OK);
    file->size += packed;
    free((void *)(uintptr_t)raw.data);
}

static void build(struct arm_buf *file, struct fuzz_input *in)
{
    struct arm_buf directory = ARM_BUF_INIT(1 << 12);
    uint64_t start;

    assert(arm__buf_append(file, ARM_RUN_MAGIC, ARM_RUN_MAGIC_BYTES, NULL) == ARM_OK);
    for (size_t db = 0; db < ARM_RUN_DB_COUNT; db++) {
        uint64_t items = fuzz_take_u8(in);
        uint64_t blocks = fuzz_take_u8(in) % (BLOCKS_MAX + 1);

        assert(arm__buf_u64(&directory, file->size, NULL) == ARM_OK);
        assert(arm__buf_u64(&directory, blocks, NULL) == ARM_OK);
        assert(arm__buf_u64(&directory, items, NULL) == ARM_OK);
        for (uint64_t i = 0; i < blocks; i++) {
            put_block(file, in);
        }
    }
    start = file->size;
    assert(arm__buf_append(file, directory.data, directory.size, NULL) == ARM_OK);
    assert(arm__buf_u64(file, start, NULL) == ARM_OK);
    assert(arm__buf_append(file, ARM_RUN_MAGIC, ARM_RUN_MAGIC_BYTES, NULL) == ARM_OK);
    for (size_t i = 0; i < FLIPS_MAX && in->size > 0; i++) {
        size_t place = fuzz_take_u32(in) % file->size;

        file->data[place] ^= fuzz_take_u8(in);
    }
    arm__buf_release(&directory);
}

static void read_items(const struct arm_run *run, enum arm_db db)
{
    struct arm_run_cursor cursor;
    struct arm_key before = {.size = 0};
    uint64_t items = 0;
    bool goes_on = true;

    arm__run_cursor_init(run, db, &cursor);
    while (goes_on) {
        struct arm_error err;

        FUZZ_FILL(err);
        goes_on =
            fuzz_judged(arm__run_cursor_next(&cursor, &err), ARM_CORRUPT, ARM_NO_MEMORY, &err);
        if (!goes_on) {
            break;
        }
        if (cursor.item.key.data == NULL) {
            assert(items == run->sections[db - ARM_RUN_DB_FIRST].items);
            break;
        }
        assert(cursor.item.key.size <= ARM_KEY_BYTES_MAX);
        assert(items == 0 || arm__bytes_compare(arm__key_bytes(&before), cursor.item.key) < 0);
        before = cursor.key;
        items++;
        (void)arm__hash(cursor.item.value); /* all of it is there */
    }
    arm__run_cursor_release(&cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    struct fuzz_input in = {data, size};
    struct arm_buf file = ARM_BUF_INIT(FILE_BYTES_MAX);
    struct arm_store *store = NULL;
    struct arm_run run;
    struct arm_hash hash;
    struct arm_error err;
    char *path = NULL;

    build(&file, &in);
    hash = arm__hash(arm__buf_bytes(&file));
    memory_io_init(&memory);
    (void)memory_io_put(&memory, "/r/chunks/x", (struct arm_bytes){NULL, 0});
    (void)memory_io_put(&memory, "/r/staging/lock", (struct arm_bytes){NULL, 0});
    assert(arm__store_open(&memory.io, "/r", &store, NULL) == ARM_OK);
    assert(arm__store_path(store, &hash, &path, NULL) == ARM_OK);
    (void)memory_io_put(&memory, path, arm__buf_bytes(&file));
    FUZZ_FILL(run);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__run_open(store, &hash, &run, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
        for (unsigned db = ARM_RUN_DB_FIRST; db < ARM_DB_COUNT; db++) {
            read_items(&run, (enum arm_db)db);
        }
        arm__run_close(&run);
    } else {
        assert(FUZZ_UNTOUCHED(run));
    }
    arm__free(path);
    arm__store_close(store);
    memory_io_release(&memory);
    arm__buf_release(&file);
    return 0;
}
