/* SPDX-License-Identifier: Apache-2.0 */
/* Branches and tags as they are listed. What the index has is collected first, so that no visitor
 * runs inside a read transaction; what it does not repeat (descriptions, protections, authors) is
 * read from the log. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_private.h"

/* A name, and the state it is in. */
struct ref_item {
    char name[256];
    struct arm_ref_row row;
};

struct ref_list {
    struct ref_item *items;
    size_t count;
    size_t capacity;
};

static arm_status collect(void *context, const char *name, const struct arm_ref_row *row,
                          struct arm_error *err)
{
    struct ref_list *list = context;
    struct ref_item *item;
    arm_status st = ARM_OK;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;

        ARM_TRY(arm__realloc(&list->items, capacity, sizeof *list->items, err));
        list->capacity = capacity;
    }
    item = &list->items[list->count++];
    item->row = *row;
    (void)snprintf(item->name, sizeof item->name, "%s", name);
done:
    return st;
}

/* ---- What is not there ---- */

struct last_state {
    const char *name;
    struct arm_ref_row row; /* tx 0: it never was there */
};

static arm_status keep_last(void *context, const char *name, const struct arm_ref_row *row,
                            struct arm_error *err)
{
    struct last_state *last = context;

    (void)err;
    if (strcmp(name, last->name) == 0 && row->tx > last->row.tx) {
        last->row = *row;
    }
    return ARM_OK;
}

/* What became of the branch that was called `name` last; "" if it is no more, or never was. */
static arm_status find_renamed(struct arm_index_txn *txn, const char *name, uint64_t at_tx,
                               char out[256], struct arm_error *err)
{
    struct last_state last = {.name = name};
    arm_status st = ARM_OK;

    out[0] = '\0';
    ARM_TRY(arm__index_refs_since(txn, ARMPB__REF_KIND__BRANCH, 0, keep_last, &last, err));
    if (last.row.tx != 0) {
        ARM_TRY(arm__index_branch_name(txn, last.row.branch_id, at_tx, out, err));
    }
    if (strcmp(out, name) == 0) { /* it is called so still */
        out[0] = '\0';
    }
done:
    return st;
}

arm_status arm__ref_missing(struct arm_index_txn *txn, Armpb__RefKind kind, const char *name,
                            uint64_t at_tx, struct arm_error *err)
{
    const char *what = kind == 0                         ? "branch or tag"
                       : kind == ARMPB__REF_KIND__BRANCH ? "branch"
                                                         : "tag";
    char now[256] = "";
    arm_status st = ARM_OK;

    if (kind != ARMPB__REF_KIND__TAG) {
        ARM_TRY(find_renamed(txn, name, at_tx, now, err));
    }
    st = now[0] == '\0'
             ? arm__fail(err, ARM_NOT_FOUND, "there is no %s \"%s\"", what, name)
             : arm__fail(err, ARM_NOT_FOUND, "there is no %s \"%s\": it was renamed \"%s\"", what,
                         name, now);
done:
    return st;
}

arm_status arm__catalog_renamed(struct arm_catalog *catalog, const char *name, char out[256],
                                bool *out_found, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    char now[256];
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(find_renamed(txn, name, durable, now, err));
    *out_found = now[0] != '\0';
    if (*out_found) {
        memcpy(out, now, sizeof now);
    }
done:
    arm__index_abort(txn);
    return st;
}

/* ---- Branches ---- */

/* The branch's head, age and origin. */
static arm_status look_up_branch(struct arm_catalog *catalog, const struct ref_item *item,
                                 struct arm_branch_info *out, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    struct arm_branch_row branch;
    struct arm_record_row record;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    (void)snprintf(out->name, sizeof out->name, "%s", item->name);
    out->branch_id = item->row.branch_id;
    ARM_TRY(arm__index_head(txn, out->branch_id, durable, &out->head_tx, err));
    ARM_TRY(arm__index_branch(txn, out->branch_id, &branch, &found, err));
    if (found && branch.parent_branch_id != 0) {
        ARM_TRY(arm__index_branch_name(txn, branch.parent_branch_id, durable, out->parent, err));
    }
    ARM_TRY(arm__index_record(txn, out->branch_id, &record, &found, err));
    if (found) {
        out->created_us = record.time_us;
    }
done:
    arm__index_abort(txn);
    return st;
}

/* The ref change of a record; `*out_record` owns it. */
static arm_status read_change(struct arm_catalog *catalog, uint64_t tx, Armpb__Record **out_record,
                              const Armpb__RefChange **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_record(catalog, tx, out_record, NULL, err));
    if ((*out_record)->ref == NULL) {
        st = arm__fail(err, ARM_CORRUPT, "index: tx %llu changed no branch and no tag",
                       (unsigned long long)tx);
        goto done;
    }
    *out = (*out_record)->ref;
done:
    return st;
}

static arm_status show_branch(struct arm_catalog *catalog, const struct ref_item *item,
                              arm_visit_branch *visit, void *context, struct arm_error *err)
{
    struct arm_branch_info info = {.description = NULL};
    const Armpb__RefChange *described = NULL;
    const Armpb__RefChange *protects = NULL;
    Armpb__Record *description = NULL;
    Armpb__Record *protection = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(look_up_branch(catalog, item, &info, err));
    if (item->row.described_tx != 0) {
        ARM_TRY(read_change(catalog, item->row.described_tx, &description, &described, err));
        info.description = described->description;
    }
    if (item->row.protected_tx != 0) {
        ARM_TRY(read_change(catalog, item->row.protected_tx, &protection, &protects, err));
        info.protection = protects->protection;
    }
    ARM_TRY(visit(context, &info, err));
done:
    arm__record_free(description);
    arm__record_free(protection);
    return st;
}

static arm_status collect_refs(struct arm_catalog *catalog, Armpb__RefKind kind,
                               struct ref_list *list, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_refs(txn, kind, arm__log_durable_to(catalog->log), collect, list, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_branches(struct arm_catalog *catalog, arm_visit_branch *visit,
                                 void *context, struct arm_error *err)
{
    struct ref_list list = {0};
    arm_status st = ARM_OK;

    ARM_TRY(collect_refs(catalog, ARMPB__REF_KIND__BRANCH, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        ARM_TRY(show_branch(catalog, &list.items[i], visit, context, err));
    }
done:
    arm__free(list.items);
    return st;
}

arm_status arm__catalog_branch_named(struct arm_catalog *catalog, const char *name,
                                     arm_visit_branch *visit, void *context, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    struct ref_item item = {.name = ""};
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, name, durable, &item.row, &found, err));
    ARM_TRY(found ? ARM_OK : arm__ref_missing(txn, ARMPB__REF_KIND__BRANCH, name, durable, err));
    arm__index_abort(txn);
    txn = NULL;
    (void)snprintf(item.name, sizeof item.name, "%s", name);
    ARM_TRY(show_branch(catalog, &item, visit, context, err));
done:
    arm__index_abort(txn);
    return st;
}

/* The branch's row, by id. */
static arm_status find_branch(struct arm_catalog *catalog, uint64_t branch_id,
                              struct arm_ref_row *out, bool *out_found, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    char name[256];
    arm_status st = ARM_OK;

    *out_found = false;
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_branch_name(txn, branch_id, durable, name, err));
    if (name[0] != '\0') {
        ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, name, durable, out, out_found, err));
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_checks(struct arm_catalog *catalog, uint64_t branch_id, uint64_t *out_tx,
                               Armpb__Record **out, struct arm_error *err)
{
    const Armpb__RefChange *change = NULL;
    Armpb__Record *record = NULL;
    struct arm_ref_row row;
    bool found;
    arm_status st = ARM_OK;

    *out = NULL;
    ARM_TRY(find_branch(catalog, branch_id, &row, &found, err));
    if (found && row.has_checks) {
        ARM_TRY(read_change(catalog, row.protected_tx, &record, &change, err));
        *out_tx = row.protected_tx;
        *out = record;
        record = NULL;
    }
done:
    arm__record_free(record);
    return st;
}

/* ---- Tags ---- */

/* The commit it names, and where that was made. */
static arm_status look_up_tag(struct arm_catalog *catalog, const struct ref_item *item,
                              struct arm_tag_info *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    (void)snprintf(out->name, sizeof out->name, "%s", item->name);
    ARM_TRY(arm__index_record(txn, item->row.target_tx, &out->commit, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT, "index: tag \"%s\" names tx %llu, which is not there",
                       item->name, (unsigned long long)item->row.target_tx);
        goto done;
    }
    ARM_TRY(arm__index_branch_name(txn, out->commit.branch_id, arm__log_durable_to(catalog->log),
                                   out->branch, err));
done:
    arm__index_abort(txn);
    return st;
}

static arm_status show_tag(struct arm_catalog *catalog, const struct ref_item *item,
                           arm_visit_tag *visit, void *context, struct arm_error *err)
{
    struct arm_tag_info info = {.author = ""};
    const Armpb__RefChange *change = NULL;
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(look_up_tag(catalog, item, &info, err));
    ARM_TRY(read_change(catalog, item->row.tx, &record, &change, err));
    info.created_us = change->time_us;
    info.author = change->author;
    info.description = change->description;
    ARM_TRY(visit(context, &info, err));
done:
    arm__record_free(record);
    return st;
}

arm_status arm__catalog_tags(struct arm_catalog *catalog, arm_visit_tag *visit, void *context,
                             struct arm_error *err)
{
    struct ref_list list = {0};
    arm_status st = ARM_OK;

    ARM_TRY(collect_refs(catalog, ARMPB__REF_KIND__TAG, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        ARM_TRY(show_tag(catalog, &list.items[i], visit, context, err));
    }
done:
    arm__free(list.items);
    return st;
}
