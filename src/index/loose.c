/* SPDX-License-Identifier: Apache-2.0 */
/* Loose chunks: what a user has put into the store by himself, and what a version uses that is none
 * of its entries. Each row has all that is known of the chunk from its tx on. */

#include <string.h>

#include "index/index_private.h"

enum { LOOSE_KEPT = 1, LOOSE_WAS_THERE = 2, LOOSE_USED = 4, LOOSE_ALL = 7 };

/* ---- The row ---- */

static arm_status put_row(const struct arm_loose_row *row, struct arm_buf *out,
                          struct arm_error *err)
{
    unsigned flags = (row->is_kept ? LOOSE_KEPT : 0U) | (row->was_there ? LOOSE_WAS_THERE : 0U) |
                     (row->is_used ? LOOSE_USED : 0U);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, (uint8_t)flags, err));
    ARM_TRY(arm__buf_varint(out, row->bytes, err));
done:
    return st;
}

static arm_status take_row(const struct arm_kv_item *item, struct arm_loose_row *out,
                           struct arm_error *err)
{
    struct arm_reader r = arm__reader(item->value, "index loose row");
    struct arm_loose_row row = {.tx = 0};
    uint8_t flags;
    arm_status st = ARM_OK;

    ARM_TRY(arm__key_last_u64(item->key, &row.tx, err));
    ARM_TRY(arm__take_u8(&r, &flags, err));
    ARM_TRY(arm__take_varint(&r, &row.bytes, err));
    ARM_TRY(arm__take_end(&r, err));
    if ((flags & ~(unsigned)LOOSE_ALL) != 0) {
        return arm__fail(err, ARM_CORRUPT, "%s: flags %u", r.what, flags);
    }
    row.is_kept = (flags & LOOSE_KEPT) != 0;
    row.was_there = (flags & LOOSE_WAS_THERE) != 0;
    row.is_used = (flags & LOOSE_USED) != 0;
    *out = row;
done:
    return st;
}

/* ---- Reading ---- */

arm_status arm__index_loose(struct arm_index_txn *txn, const struct arm_hash *chunk, uint64_t at_tx,
                            struct arm_loose_row *out, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_loose(chunk, at_tx);
    struct arm_kv_item item;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__kv_floor(txn, ARM_DB_LOOSE, arm__key_bytes(&key), ARM_HASH_BYTES, &item, &found, err));
    if (found) {
        ARM_TRY(take_row(&item, out, err));
    }
    *out_found = found;
done:
    return st;
}

arm_status arm__index_all_loose(struct arm_index_txn *txn, uint64_t at_tx, arm_visit_loose *visit,
                                void *context, struct arm_error *err)
{
    struct arm_hash chunk = {{0}};
    struct arm_key key = arm__key_loose(&chunk, 0);
    arm_status st = ARM_OK;

    for (;;) {
        struct arm_loose_row row;
        struct arm_kv_item item;
        bool found;

        ARM_TRY(arm__kv_ceiling(txn, ARM_DB_LOOSE, arm__key_bytes(&key), &item, &found, err));
        if (!found) {
            break;
        }
        if (item.key.size != ARM_HASH_BYTES + 8) {
            st = arm__fail(err, ARM_CORRUPT, "index: a loose key of %zu bytes", item.key.size);
            goto done;
        }
        memcpy(chunk.bytes, item.key.data, sizeof chunk.bytes);
        ARM_TRY(arm__index_loose(txn, &chunk, at_tx, &row, &found, err));
        if (found) {
            ARM_TRY(visit(context, &chunk, &row, err));
        }
        key = arm__key_loose(&chunk, UINT64_MAX); /* past every row of this chunk */
    }
done:
    return st;
}

/* ---- Folding ---- */

static arm_status put(const struct arm_fold *fold, const struct arm_hash *chunk,
                      const struct arm_loose_row *row, struct arm_error *err)
{
    struct arm_key key = arm__key_loose(chunk, fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    arm_status st = ARM_OK;

    ARM_TRY(put_row(row, bytes, err));
    ARM_TRY(arm__kv_put(fold->txn, ARM_DB_LOOSE, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

arm_status arm__fold_loose(const struct arm_fold *fold, const Armpb__LooseChunk *loose,
                           struct arm_error *err)
{
    struct arm_loose_row row = {.tx = 0};
    struct arm_hash chunk;
    bool found;
    arm_status st = ARM_OK;

    memcpy(chunk.bytes, loose->chunk.data, sizeof chunk.bytes);
    ARM_TRY(arm__index_loose(fold->txn, &chunk, fold->at->tx, &row, &found, err));
    if (row.is_kept == loose->is_kept) {
        return arm__fail(err, ARM_CORRUPT, "a chunk is %s",
                         row.is_kept ? "kept that is kept" : "let go that is not kept");
    }
    row.is_kept = loose->is_kept;
    row.was_there = row.is_kept && loose->was_there;
    row.bytes = loose->bytes;
    ARM_TRY(put(fold, &chunk, &row, err));
done:
    return st;
}

arm_status arm__fold_uses(const struct arm_fold *fold, const Armpb__TableChange *change,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->n_uses; i++) {
        struct arm_loose_row row = {.tx = 0};
        struct arm_hash chunk;
        bool found;

        if (change->uses[i].len != ARM_HASH_BYTES) {
            return arm__fail(err, ARM_CORRUPT, "a chunk that a version uses is no hash");
        }
        memcpy(chunk.bytes, change->uses[i].data, sizeof chunk.bytes);
        ARM_TRY(arm__index_loose(fold->txn, &chunk, fold->at->tx, &row, &found, err));
        if (!row.is_used) {
            row.is_used = true;
            ARM_TRY(put(fold, &chunk, &row, err));
        }
    }
done:
    return st;
}
