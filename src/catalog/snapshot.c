/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: a branch at a tx, from a name or from any ref a user types. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_private.h"

static void set_branch(struct arm_snapshot *snapshot, const char *name)
{
    (void)snprintf(snapshot->branch, sizeof snapshot->branch, "%s", name);
}

arm_status arm__catalog_snapshot(struct arm_catalog *catalog, const char *branch,
                                 struct arm_snapshot *out, struct arm_error *err)
{
    uint64_t tx = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    struct arm_ref_row row;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, branch, tx, &row, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no branch \"%s\"", branch);
        goto done;
    }
    *out = (struct arm_snapshot){.branch_id = row.branch_id, .tx = tx};
    set_branch(out, branch);
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_head(struct arm_catalog *catalog, const struct arm_snapshot *at,
                             uint64_t *out_tx, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_head(txn, at->branch_id, at->tx, out_tx, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_branch_name(struct arm_catalog *catalog, uint64_t branch_id, char out[256],
                                    struct arm_error *err)
{
    uint64_t tx = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_branch_name(txn, branch_id, tx, out, err));
done:
    arm__index_abort(txn);
    return st;
}

/* ---- Refs ---- */

/* The point that a record marks: its own branch's if it is a commit, else `on`'s. */
static arm_status at_record(struct arm_index_txn *txn, const struct arm_snapshot *on, uint64_t tx,
                            uint64_t durable, struct arm_snapshot *out, struct arm_error *err)
{
    struct arm_record_row row;
    bool found = false;
    arm_status st = ARM_OK;

    if (tx <= durable) {
        ARM_TRY(arm__index_record(txn, tx, &row, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no tx %llu; the last one is %llu",
                       (unsigned long long)tx, (unsigned long long)durable);
        goto done;
    }
    *out = *on;
    out->tx = tx;
    if (row.is_commit && row.branch_id != on->branch_id) {
        out->branch_id = row.branch_id;
        ARM_TRY(arm__index_branch_name(txn, row.branch_id, durable, out->branch, err));
    }
done:
    return st;
}

static arm_status resolve_name(struct arm_index_txn *txn, const struct arm_snapshot *on,
                               const struct arm_ref *ref, uint64_t durable,
                               struct arm_snapshot *out, struct arm_error *err)
{
    struct arm_ref_row row;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, ref->name, durable, &row, &found, err));
    if (found) {
        *out = (struct arm_snapshot){.branch_id = row.branch_id, .tx = durable};
        set_branch(out, ref->name);
        goto done;
    }
    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__TAG, ref->name, durable, &row, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no branch or tag \"%s\"", ref->name);
        goto done;
    }
    ARM_TRY(at_record(txn, on, row.target_tx, durable, out, err));
done:
    return st;
}

static arm_status resolve_time(struct arm_index_txn *txn, const struct arm_snapshot *on,
                               const struct arm_ref *ref, uint64_t durable,
                               struct arm_snapshot *out, struct arm_error *err)
{
    char text[ARM_TIME_TEXT];
    uint64_t tx = 0;
    uint64_t head = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_find_time(txn, ref->time_us, durable, &tx, &found, err));
    if (found) {
        ARM_TRY(arm__index_head(txn, on->branch_id, tx, &head, err));
    }
    if (head == 0) {
        arm__time_format(ref->time_us, text);
        st = arm__fail(err, ARM_NOT_FOUND, "branch \"%s\" has no commit at or before %s",
                       on->branch, text);
        goto done;
    }
    *out = *on;
    out->tx = head;
done:
    return st;
}

/* `back` commits towards the root, along first parents: the branch's own history. */
static arm_status walk_back(struct arm_index_txn *txn, const char *ref, uint64_t back,
                            struct arm_snapshot *at, struct arm_error *err)
{
    uint64_t tx = at->tx;
    arm_status st = ARM_OK;

    for (uint64_t step = 0; step <= back; step++) {
        ARM_TRY(arm__index_head(txn, at->branch_id, step == 0 ? tx : tx - 1, &tx, err));
        if (tx == 0) {
            st = arm__fail(err, ARM_NOT_FOUND, "\"%s\": there are only %llu commits before it", ref,
                           (unsigned long long)(step == 0 ? 0 : step - 1));
            goto done;
        }
    }
    at->tx = tx;
done:
    return st;
}

arm_status arm__catalog_resolve(struct arm_catalog *catalog, const struct arm_snapshot *on,
                                const char *text, struct arm_snapshot *out, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    struct arm_snapshot found = {0};
    struct arm_ref ref;
    arm_status st = ARM_OK;

    ARM_TRY(arm__ref_parse(text, &ref, err));
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    switch (ref.kind) {
    case ARM_REF_NAME:
        ARM_TRY(resolve_name(txn, on, &ref, durable, &found, err));
        break;
    case ARM_REF_TX:
        ARM_TRY(at_record(txn, on, ref.number, durable, &found, err));
        break;
    case ARM_REF_TIME:
        ARM_TRY(resolve_time(txn, on, &ref, durable, &found, err));
        break;
    case ARM_REF_VERSION:
        st = arm__fail(
            err, ARM_INVALID,
            "\"%s\" is a version of one table: it can be used where one is named; for all "
            "tables, name a branch, a tag, tx:N or a time",
            text);
        goto done;
    }
    if (ref.back > 0) {
        ARM_TRY(walk_back(txn, text, ref.back, &found, err));
    }
    *out = found;
done:
    arm__index_abort(txn);
    return st;
}

/* ---- Branches: collected first, so that no visitor runs inside a read transaction (C3) ---- */

struct branch_item {
    struct arm_branch_info info;
    uint64_t described_tx;
};

struct branch_list {
    struct branch_item *items;
    size_t count;
    size_t capacity;
};

static arm_status collect_branch(void *context, const char *name, const struct arm_ref_row *row,
                                 struct arm_error *err)
{
    struct branch_list *list = context;
    struct branch_item *item;
    arm_status st = ARM_OK;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;

        ARM_TRY(arm__realloc(&list->items, capacity, sizeof *list->items, err));
        list->capacity = capacity;
    }
    item = &list->items[list->count++];
    *item =
        (struct branch_item){.info.branch_id = row->branch_id, .described_tx = row->described_tx};
    (void)snprintf(item->info.name, sizeof item->info.name, "%s", name);
done:
    return st;
}

/* The branch's head, age and origin. */
static arm_status describe_branch(struct arm_index_txn *txn, uint64_t durable,
                                  struct arm_branch_info *info, struct arm_error *err)
{
    struct arm_branch_row branch;
    struct arm_record_row record;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_head(txn, info->branch_id, durable, &info->head_tx, err));
    ARM_TRY(arm__index_branch(txn, info->branch_id, &branch, &found, err));
    if (found && branch.parent_branch_id != 0) {
        ARM_TRY(arm__index_branch_name(txn, branch.parent_branch_id, durable, info->parent, err));
    }
    ARM_TRY(arm__index_record(txn, info->branch_id, &record, &found, err));
    if (found) {
        info->created_us = record.time_us;
    }
done:
    return st;
}

static arm_status collect_branches(struct arm_catalog *catalog, struct branch_list *list,
                                   struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_refs(txn, ARMPB__REF_KIND__BRANCH, durable, collect_branch, list, err));
    for (size_t i = 0; i < list->count; i++) {
        ARM_TRY(describe_branch(txn, durable, &list->items[i].info, err));
    }
done:
    arm__index_abort(txn);
    return st;
}

/* What the record that described it last says. */
static arm_status read_description(struct arm_catalog *catalog, struct branch_item *item,
                                   struct arm_error *err)
{
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    if (item->described_tx == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__catalog_record(catalog, item->described_tx, &record, NULL, err));
    if (record->ref != NULL) {
        ARM_TRY(arm__strdup(record->ref->description, &item->info.description, err));
    }
done:
    arm__record_free(record);
    return st;
}

arm_status arm__catalog_branches(struct arm_catalog *catalog, arm_visit_branch *visit,
                                 void *context, struct arm_error *err)
{
    struct branch_list list = {0};
    arm_status st = ARM_OK;

    ARM_TRY(collect_branches(catalog, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        ARM_TRY(read_description(catalog, &list.items[i], err));
        ARM_TRY(visit(context, &list.items[i].info, err));
    }
done:
    for (size_t i = 0; i < list.count; i++) {
        arm__free(list.items[i].info.description);
    }
    arm__free(list.items);
    return st;
}
