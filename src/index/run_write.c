/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a run (run.h): items are gathered into blocks, blocks packed, the directory put last. */

#include <assert.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "index/run.h"

enum { BLOCK_BYTES = 1 << 18, LEVEL = 1 };
static const size_t block_bytes_max = (size_t)1 << 30; /* a vector is at most half of it */

struct arm_run_writer {
    struct arm_store_writer *target;
    ZSTD_CCtx *packer;
    uint64_t offset; /* bytes written */
    enum arm_db db;
    struct arm_run_section sections[ARM_RUN_DB_COUNT];
    struct arm_buf raw;
    struct arm_buf packed;
    struct arm_key key; /* of the last item in `raw` */
};

static arm_status put(struct arm_run_writer *writer, const void *data, size_t size,
                      struct arm_error *err)
{
    arm_status st = arm__store_writer_append(writer->target, data, size, err);

    if (st == ARM_OK) {
        writer->offset += size;
    }
    return st;
}

arm_status arm__run_writer_new(struct arm_store_writer *target, struct arm_run_writer **out,
                               struct arm_error *err)
{
    struct arm_run_writer *writer = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *writer, &writer, err));
    writer->target = target;
    writer->db = ARM_RUN_DB_FIRST;
    writer->raw = ARM_BUF_INIT(block_bytes_max);
    writer->packed = ARM_BUF_INIT(ZSTD_compressBound(block_bytes_max));
    writer->packer = ZSTD_createCCtx();
    if (writer->packer == NULL) {
        st = arm__fail(err, ARM_NO_MEMORY, "no memory to pack a checkpoint");
        goto done;
    }
    ARM_TRY(put(writer, ARM_RUN_MAGIC, ARM_RUN_MAGIC_BYTES, err));
    writer->sections[0].offset = writer->offset;
    *out = writer;
    writer = NULL;
done:
    arm__run_writer_free(writer);
    return st;
}

void arm__run_writer_free(struct arm_run_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    ZSTD_freeCCtx(writer->packer);
    arm__buf_release(&writer->raw);
    arm__buf_release(&writer->packed);
    arm__free(writer);
}

static arm_status flush(struct arm_run_writer *writer, struct arm_error *err)
{
    uint8_t head[ARM_RUN_BLOCK_HEAD_BYTES];
    size_t bound = ZSTD_compressBound(writer->raw.size);
    size_t size;
    arm_status st = ARM_OK;

    if (writer->raw.size == 0) {
        return ARM_OK;
    }
    arm__buf_clear(&writer->packed);
    ARM_TRY(arm__buf_reserve(&writer->packed, bound, err));
    size = ZSTD_compressCCtx(writer->packer, writer->packed.data, bound, writer->raw.data,
                             writer->raw.size, LEVEL);
    if (ZSTD_isError(size)) {
        st = arm__fail(err, ARM_NO_MEMORY, "packing a checkpoint: %s", ZSTD_getErrorName(size));
        goto done;
    }
    arm__set_u32(head, (uint32_t)writer->raw.size);
    arm__set_u32(head + 4, (uint32_t)size);
    ARM_TRY(put(writer, head, sizeof head, err));
    ARM_TRY(put(writer, writer->packed.data, size, err));
    writer->sections[writer->db - ARM_RUN_DB_FIRST].blocks++;
    arm__buf_clear(&writer->raw);
    writer->key.size = 0;
done:
    return st;
}

/* Go on to the sections of later sub-databases. */
static arm_status advance(struct arm_run_writer *writer, enum arm_db db, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(db >= writer->db && db < ARM_DB_COUNT);
    if (db != writer->db) {
        ARM_TRY(flush(writer, err));
    }
    while (writer->db < db) {
        writer->db++;
        writer->sections[writer->db - ARM_RUN_DB_FIRST].offset = writer->offset;
    }
done:
    return st;
}

static size_t shared_bytes(const struct arm_key *before, struct arm_bytes key)
{
    size_t limit = before->size < key.size ? before->size : key.size;
    size_t shared = 0;

    while (shared < limit && before->bytes[shared] == key.data[shared]) {
        shared++;
    }
    return shared;
}

arm_status arm__run_write(struct arm_run_writer *writer, enum arm_db db,
                          const struct arm_kv_item *item, struct arm_error *err)
{
    size_t shared;
    arm_status st = ARM_OK;

    assert(item->key.size <= ARM_KEY_BYTES_MAX);
    ARM_TRY(advance(writer, db, err));
    if (writer->raw.size >= BLOCK_BYTES) {
        ARM_TRY(flush(writer, err));
    }
    shared = shared_bytes(&writer->key, item->key);
    ARM_TRY(arm__buf_varint(&writer->raw, shared, err));
    ARM_TRY(arm__buf_varint(&writer->raw, item->key.size - shared, err));
    ARM_TRY(arm__buf_varint(&writer->raw, item->value.size, err));
    ARM_TRY(arm__buf_append(&writer->raw, item->key.data + shared, item->key.size - shared, err));
    ARM_TRY(arm__buf_append(&writer->raw, item->value.data, item->value.size, err));
    memcpy(writer->key.bytes, item->key.data, item->key.size);
    writer->key.size = item->key.size;
    writer->sections[db - ARM_RUN_DB_FIRST].items++;
done:
    return st;
}

arm_status arm__run_finish(struct arm_run_writer *writer, struct arm_error *err)
{
    uint8_t entry[ARM_RUN_SECTION_BYTES];
    uint64_t directory;
    arm_status st = ARM_OK;

    ARM_TRY(advance(writer, ARM_DB_COUNT - 1, err));
    ARM_TRY(flush(writer, err));
    directory = writer->offset;
    for (size_t i = 0; i < ARM_RUN_DB_COUNT; i++) {
        arm__set_u64(entry, writer->sections[i].offset);
        arm__set_u64(entry + 8, writer->sections[i].blocks);
        arm__set_u64(entry + 16, writer->sections[i].items);
        ARM_TRY(put(writer, entry, sizeof entry, err));
    }
    arm__set_u64(entry, directory);
    ARM_TRY(put(writer, entry, 8, err));
    ARM_TRY(put(writer, ARM_RUN_MAGIC, ARM_RUN_MAGIC_BYTES, err));
done:
    return st;
}
