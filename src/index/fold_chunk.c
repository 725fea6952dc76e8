/* SPDX-License-Identifier: Apache-2.0 */
/* Folding the chunks that a change names: each gets its row when the log names it first. */

#include <string.h>

#include "index/index_private.h"

enum { STATISTICS_BYTES_MAX = 256 << 20 };

/* The entry that holds statistics alone, as the chunk's row keeps it. */
static arm_status append_statistics(const Armpb__Entry *entry, struct arm_buf *out,
                                    struct arm_error *err)
{
    Armpb__Entry alone = ARMPB__ENTRY__INIT;
    size_t size;
    arm_status st = ARM_OK;

    alone.n_statistics = entry->n_statistics;
    alone.statistics = entry->statistics;
    size = armpb__entry__get_packed_size(&alone);
    ARM_TRY(arm__buf_reserve(out, size, err));
    out->size += armpb__entry__pack(&alone, out->data + out->size);
done:
    return st;
}

static arm_status put_chunk(const struct arm_fold *fold, const Armpb__Entry *entry,
                            struct arm_buf *packed, struct arm_error *err)
{
    struct arm_index_txn *txn = fold->txn;
    struct arm_chunk_row row = {.tx = fold->at->tx, .rows = entry->rows, .bytes = entry->bytes};
    struct arm_buf *bytes = arm__kv_scratch(txn);
    struct arm_hash chunk;
    struct arm_key key;
    struct arm_bytes old;
    bool found;
    arm_status st = ARM_OK;

    memcpy(chunk.bytes, entry->chunk.data, ARM_HASH_BYTES);
    memcpy(row.rows_hash.bytes, entry->rows_hash.data, ARM_HASH_BYTES);
    key = arm__key_hash(&chunk);
    ARM_TRY(arm__kv_get(txn, ARM_DB_CHUNK, arm__key_bytes(&key), &old, &found, err));
    if (!found) {
        arm__buf_clear(packed);
        ARM_TRY(append_statistics(entry, packed, err));
        ARM_TRY(arm__row_put_chunk(&row, arm__buf_bytes(packed), bytes, err));
        ARM_TRY(arm__kv_put(txn, ARM_DB_CHUNK, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
    }
    key = arm__key_hash(&row.rows_hash);
    ARM_TRY(arm__kv_get(txn, ARM_DB_ROWS, arm__key_bytes(&key), &old, &found, err));
    if (!found) {
        ARM_TRY(arm__kv_put_content(txn, ARM_DB_ROWS, arm__key_bytes(&key), row.tx,
                                    arm__bytes(chunk.bytes, ARM_HASH_BYTES), err));
    }
done:
    return st;
}

arm_status arm__fold_chunks(const struct arm_fold *fold, Armpb__Entry *const *entries, size_t count,
                            struct arm_error *err)
{
    struct arm_buf packed = ARM_BUF_INIT(STATISTICS_BYTES_MAX);
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        const Armpb__Entry *entry = entries[i];

        if (entry->rows_hash.len != ARM_HASH_BYTES ||
            (entry->has_chunk && entry->chunk.len != ARM_HASH_BYTES)) {
            st = arm__fail(err, ARM_CORRUPT, "an entry's hash has not its size");
            goto done;
        }
        if (entry->has_chunk) {
            ARM_TRY(put_chunk(fold, entry, &packed, err));
        }
    }
done:
    arm__buf_release(&packed);
    return st;
}
