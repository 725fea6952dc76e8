/* SPDX-License-Identifier: Apache-2.0 */
/* Hot rows: the bytes of a small write, out of the log record that carries them. Small ones are
 * kept, since a table of many small commits is read by many small reads; a log record never
 * changes. What is kept is dropped all at once when it gets too much. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_private.h"

enum { KEPT_BYTES_MAX = 8 << 20, ITEM_BYTES_MAX = 16 << 10, KEY_BYTES = 16 };

struct hot_item {
    size_t size;
    uint8_t bytes[];
};

static void key_of(const struct arm_state_entry *entry, uint8_t key[KEY_BYTES])
{
    arm__set_u64(key, entry->tx);
    arm__set_u64(key + 8, entry->payload_offset);
}

void arm__catalog_hot_release(struct arm_catalog *catalog)
{
    arm__cache_release(&catalog->hot, arm__free);
    catalog->hot_bytes = 0;
}

/* Copy out what is kept; `*out_found` false: it is not. */
static arm_status recall(struct arm_catalog *catalog, const uint8_t key[KEY_BYTES],
                         struct arm_buf *out, bool *out_found, struct arm_error *err)
{
    const struct hot_item *item;
    arm_status st = ARM_OK;

    arm__mutex_lock(&catalog->mutex);
    item = arm__cache_get(&catalog->hot, key);
    *out_found = item != NULL;
    if (item != NULL) {
        arm__buf_clear(out);
        st = arm__buf_append(out, item->bytes, item->size, err);
    }
    arm__mutex_unlock(&catalog->mutex);
    return st;
}

/* Keeping is no duty: what fails for want of memory is read again. */
static void keep(struct arm_catalog *catalog, const uint8_t key[KEY_BYTES], struct arm_bytes bytes)
{
    struct hot_item *item = NULL;

    if (bytes.size > ITEM_BYTES_MAX ||
        arm__calloc(1, sizeof *item + bytes.size, &item, NULL) != ARM_OK) {
        return;
    }
    item->size = bytes.size;
    memcpy(item->bytes, bytes.data, bytes.size);
    arm__mutex_lock(&catalog->mutex);
    if (catalog->hot_bytes > KEPT_BYTES_MAX) {
        arm__catalog_hot_release(catalog);
    }
    if (arm__cache_get(&catalog->hot, key) == NULL &&
        arm__cache_put(&catalog->hot, key, item, NULL) == ARM_OK) {
        catalog->hot_bytes += sizeof *item + item->size;
        item = NULL;
    }
    arm__mutex_unlock(&catalog->mutex);
    arm__free(item);
}

static arm_status read_rows(struct arm_catalog *catalog, const struct arm_state_entry *entry,
                            struct arm_buf *out, struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_record_row row;
    struct arm_record record;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_find_record(catalog, entry->tx, &row, err));
    ARM_TRY(arm__catalog_read_frame(catalog, &row, &frame, &record, err));
    if (entry->payload_offset > record.payload.size ||
        entry->bytes > record.payload.size - entry->payload_offset) {
        st = arm__fail(err, ARM_CORRUPT, "hot rows of tx %llu lie outside their record",
                       (unsigned long long)entry->tx);
        goto done;
    }
    arm__buf_clear(out);
    ARM_TRY(arm__buf_append(out, record.payload.data + entry->payload_offset, (size_t)entry->bytes,
                            err));
done:
    arm__buf_release(&frame);
    return st;
}

arm_status arm__catalog_hot_rows(struct arm_catalog *catalog, const struct arm_state_entry *entry,
                                 struct arm_buf *out, struct arm_error *err)
{
    uint8_t key[KEY_BYTES];
    bool found;
    arm_status st = ARM_OK;

    assert(entry->is_hot);
    key_of(entry, key);
    ARM_TRY(recall(catalog, key, out, &found, err));
    if (!found) {
        ARM_TRY(read_rows(catalog, entry, out, err));
        keep(catalog, key, arm__buf_bytes(out));
    }
done:
    return st;
}
