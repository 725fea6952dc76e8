/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a run (run.h): the directory first, then each sub-database's blocks in order. */

#include <string.h>
#include <zstd.h>

#include "index/run.h"

enum { TRAILER_BYTES = 8 + ARM_RUN_MAGIC_BYTES };
enum { DIRECTORY_BYTES = ARM_RUN_DB_COUNT * ARM_RUN_SECTION_BYTES };
static const size_t block_bytes_max = (size_t)1 << 30;

static arm_status wrong(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "checkpoint run: %s", what);
}

static arm_status read_directory(struct arm_run *run, struct arm_error *err)
{
    uint64_t size = arm__store_reader_size(run->bytes);
    uint8_t bytes[DIRECTORY_BYTES + TRAILER_BYTES];
    uint64_t directory;
    arm_status st = ARM_OK;

    if (size < ARM_RUN_MAGIC_BYTES + sizeof bytes) {
        return wrong("it is too short", err);
    }
    directory = size - sizeof bytes;
    ARM_TRY(arm__store_reader_read(run->bytes, directory, bytes, sizeof bytes, err));
    if (memcmp(bytes + DIRECTORY_BYTES + 8, ARM_RUN_MAGIC, ARM_RUN_MAGIC_BYTES) != 0 ||
        arm__get_u64(bytes + DIRECTORY_BYTES) != directory) {
        st = wrong("it has no directory of this version", err);
        goto done;
    }
    for (size_t i = 0; i < ARM_RUN_DB_COUNT; i++) {
        const uint8_t *entry = bytes + i * ARM_RUN_SECTION_BYTES;

        run->sections[i] = (struct arm_run_section){arm__get_u64(entry), arm__get_u64(entry + 8),
                                                    arm__get_u64(entry + 16)};
    }
done:
    return st;
}

arm_status arm__run_open(struct arm_store *store, const struct arm_hash *chunk, struct arm_run *out,
                         struct arm_error *err)
{
    struct arm_run run = {.bytes = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_reader_new(store, chunk, &run.bytes, err));
    ARM_TRY(read_directory(&run, err));
    *out = run;
    run.bytes = NULL;
done:
    arm__run_close(&run);
    return st;
}

void arm__run_close(struct arm_run *run)
{
    arm__store_reader_free(run->bytes);
    run->bytes = NULL;
}

void arm__run_cursor_init(const struct arm_run *run, enum arm_db db, struct arm_run_cursor *out)
{
    *out = (struct arm_run_cursor){.run = run,
                                   .rest = run->sections[db - ARM_RUN_DB_FIRST],
                                   .raw = ARM_BUF_INIT(block_bytes_max),
                                   .packed = ARM_BUF_INIT(ZSTD_compressBound(block_bytes_max)),
                                   .items = {.what = "checkpoint run"}};
}

void arm__run_cursor_release(struct arm_run_cursor *cursor)
{
    arm__buf_release(&cursor->raw);
    arm__buf_release(&cursor->packed);
}

static arm_status next_block(struct arm_run_cursor *cursor, struct arm_error *err)
{
    struct arm_store_reader *bytes = cursor->run->bytes;
    uint64_t end = arm__store_reader_size(bytes);
    uint8_t head[ARM_RUN_BLOCK_HEAD_BYTES];
    uint32_t raw_size;
    uint32_t packed_size;
    size_t size;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_reader_read(bytes, cursor->rest.offset, head, sizeof head, err));
    raw_size = arm__get_u32(head);
    packed_size = arm__get_u32(head + 4);
    if (raw_size == 0 || raw_size > block_bytes_max ||
        packed_size > end - cursor->rest.offset - sizeof head) {
        st = wrong("a block has a size that cannot be", err);
        goto done;
    }
    arm__buf_clear(&cursor->raw);
    arm__buf_clear(&cursor->packed);
    ARM_TRY(arm__buf_reserve(&cursor->packed, packed_size, err));
    ARM_TRY(arm__buf_reserve(&cursor->raw, raw_size, err));
    ARM_TRY(arm__store_reader_read(bytes, cursor->rest.offset + sizeof head, cursor->packed.data,
                                   packed_size, err));
    size = ZSTD_decompress(cursor->raw.data, raw_size, cursor->packed.data, packed_size);
    if (ZSTD_isError(size) || size != raw_size) {
        st = wrong("a block does not unpack", err);
        goto done;
    }
    cursor->raw.size = size;
    cursor->items.rest = arm__buf_bytes(&cursor->raw);
    cursor->rest.offset += sizeof head + packed_size;
    cursor->rest.blocks--;
done:
    return st;
}

/* The key of the next item: what it shares with the last one of the block, and the rest. */
static arm_status take_key(struct arm_run_cursor *cursor, uint64_t *out_value_size,
                           struct arm_error *err)
{
    struct arm_reader *r = &cursor->items;
    bool is_first = r->rest.size == cursor->raw.size;
    struct arm_key before = cursor->key;
    const uint8_t *more;
    uint64_t shared;
    uint64_t rest;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(r, &shared, err));
    ARM_TRY(arm__take_varint(r, &rest, err));
    ARM_TRY(arm__take_varint(r, out_value_size, err));
    if (shared > (is_first ? 0 : before.size) || rest > ARM_KEY_BYTES_MAX - shared) {
        st = wrong("a key has a size that cannot be", err);
        goto done;
    }
    ARM_TRY(arm__take(r, (size_t)rest, &more, err));
    if (rest > 0) {
        memcpy(cursor->key.bytes + shared, more, (size_t)rest);
    }
    cursor->key.size = (size_t)(shared + rest);
    if (cursor->item.key.data != NULL &&
        arm__bytes_compare(arm__key_bytes(&before), arm__key_bytes(&cursor->key)) >= 0) {
        st = wrong("keys do not rise", err);
    }
done:
    return st;
}

arm_status arm__run_cursor_next(struct arm_run_cursor *cursor, struct arm_error *err)
{
    struct arm_bytes value = {NULL, 0};
    uint64_t value_size;
    arm_status st = ARM_OK;

    if (cursor->items.rest.size == 0 && cursor->rest.blocks > 0) {
        ARM_TRY(next_block(cursor, err));
    }
    if (cursor->items.rest.size == 0) {
        if (cursor->rest.items != 0) {
            st = wrong("it has fewer items than it says", err);
        }
        cursor->item = (struct arm_kv_item){{NULL, 0}, {NULL, 0}};
        goto done;
    }
    ARM_TRY(take_key(cursor, &value_size, err));
    ARM_TRY(arm__take(&cursor->items, (size_t)value_size, &value.data, err));
    value.size = (size_t)value_size;
    if (cursor->rest.items == 0) {
        st = wrong("it has more items than it says", err);
        goto done;
    }
    cursor->rest.items--;
    cursor->item = (struct arm_kv_item){arm__key_bytes(&cursor->key), value};
done:
    return st;
}
