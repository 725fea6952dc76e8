/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/consumers.h"

#include <string.h>

#include "base/alloc.h"
#include "feed/member.h"

enum { COUNTED_AT_ONCE = 4096 };

/* ---- Listing ---- */

struct consumer_item {
    char name[256];
    uint64_t acked_tx;
};
struct consumer_list {
    size_t count;
    struct consumer_item *items;
};

static arm_status add_consumer(void *context, const char *name, const struct arm_consumer_row *row,
                               struct arm_error *err)
{
    struct consumer_list *list = context;
    struct consumer_item *item;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&list->items, list->count + 1, sizeof *list->items, err));
    item = &list->items[list->count++];
    memcpy(item->name, name, strlen(name) + 1);
    item->acked_tx = row->acked_tx[0];
    for (size_t i = 1; i < ARM_CONSUMER_SHARES; i++) {
        item->acked_tx = row->acked_tx[i] < item->acked_tx ? row->acked_tx[i] : item->acked_tx;
    }
done:
    return st;
}

/* Commits from behind `*inout_tx` up to `durable`, so many at most; `*inout_tx` moves along. */
static arm_status count_some(struct arm_repository *repository, uint64_t durable,
                             uint64_t *inout_tx, bool *out_is_over, struct arm_consumer_info *info,
                             struct arm_error *err)
{
    struct arm_record_row record = {.time_us = 0};
    struct arm_index_txn *txn = NULL;
    uint64_t tx;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(arm__repository_index(repository), &txn, err));
    for (int i = 0; !*out_is_over && i < COUNTED_AT_ONCE; i++) {
        ARM_TRY(arm__index_next_commit(txn, 0, *inout_tx, &tx, err));
        *out_is_over = tx == 0 || tx > durable;
        if (!*out_is_over && info->lag++ == 0) {
            ARM_TRY(arm__index_record(txn, tx, &record, &found, err));
            info->waiting_since_us = record.time_us;
        }
        *inout_tx = tx;
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status visit_item(struct arm_repository *repository, const struct consumer_item *item,
                             arm_visit_consumer_info *visit, void *context, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(arm__repository_log(repository));
    struct arm_consumer_info info = {.name = item->name, .acked_tx = item->acked_tx};
    uint64_t tx = item->acked_tx;
    bool is_over = false;
    arm_status st = ARM_OK;

    while (!is_over) {
        ARM_TRY(count_some(repository, durable, &tx, &is_over, &info, err));
    }
    ARM_TRY(arm__member_count(arm__repository_io(repository), arm__repository_path(repository),
                              item->name, &info.members, err));
    ARM_TRY(visit(context, &info, err));
done:
    return st;
}

arm_status arm__consumers_list(struct arm_repository *repository, arm_visit_consumer_info *visit,
                               void *context, struct arm_error *err)
{
    struct consumer_list list = {.count = 0};
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(arm__repository_index(repository), &txn, err));
    ARM_TRY(arm__index_consumers(txn, arm__log_durable_to(arm__repository_log(repository)),
                                 add_consumer, &list, err));
    arm__index_abort(txn);
    txn = NULL;
    for (size_t i = 0; i < list.count; i++) {
        ARM_TRY(visit_item(repository, &list.items[i], visit, context, err));
    }
done:
    arm__index_abort(txn);
    arm__free(list.items);
    return st;
}

/* ---- Moving ---- */

static bool stands_at(const struct arm_consumer_row *row, uint64_t tx)
{
    bool all = true;

    for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        all = all && row->acked_tx[i] == tx;
    }
    return all;
}

arm_status arm__consumers_move(struct arm_repository *repository, const char *name, uint64_t tx,
                               struct arm_error *err)
{
    struct arm_new_cursor cursor = {.name = name, .shares = UINT64_MAX, .acked_tx = tx};
    struct arm_consumer_row row;
    arm_status st = ARM_OK;

    ARM_TRY(arm__consumer_make(repository, name, tx, &row, err));
    if (!stands_at(&row, tx)) {
        ARM_TRY(arm__consumer_move(repository, &cursor, NULL, err));
    }
done:
    return st;
}
