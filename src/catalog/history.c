/* SPDX-License-Identifier: Apache-2.0 */
/* Commits and versions, newest first: the index says which, the log has what they say. */

#include <stdio.h>
#include <string.h>

#include "catalog/catalog_private.h"
#include "catalog/lineage.h"

enum { PAYLOAD_BYTES_MAX = ARM_FRAME_BYTES_MAX };

/* ---- Records ---- */

arm_status arm__catalog_find_record(struct arm_catalog *catalog, uint64_t tx,
                                    struct arm_record_row *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_record(txn, tx, out, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no tx %llu", (unsigned long long)tx);
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__record_resolve(struct arm_store *store, const struct arm_record *bytes,
                               Armpb__Record **out, struct arm_error *err)
{
    struct arm_buf chunk = ARM_BUF_INIT(SIZE_MAX);
    Armpb__Record *record = NULL;
    struct arm_hash hash;
    arm_status st = ARM_OK;

    ARM_TRY(arm__record_decode(bytes->spine, bytes->payload.size, &record, err));
    if (record->in_chunk != NULL) {
        memcpy(hash.bytes, record->in_chunk->hash.data, ARM_HASH_BYTES);
        arm__record_free(record);
        record = NULL;
        ARM_TRY(arm__store_get_verified(store, &hash, &chunk, err));
        ARM_TRY(arm__record_decode(arm__buf_bytes(&chunk), bytes->payload.size, &record, err));
    }
    *out = record;
    record = NULL;
done:
    arm__record_free(record);
    arm__buf_release(&chunk);
    return st;
}

arm_status arm__catalog_read_frame(struct arm_catalog *catalog, const struct arm_record_row *row,
                                   struct arm_buf *frame, struct arm_record *out,
                                   struct arm_error *err)
{
    struct arm_frame_header header;
    arm_status st = ARM_OK;

    ARM_TRY(arm__log_read_at(catalog->log, row->segment, row->offset, frame, &header, err));
    if (row->record >= header.record_count || header.first_tx + row->record != row->tx) {
        st = arm__fail(err, ARM_CORRUPT,
                       "the index points to segment %llu offset %llu for tx %llu, which is not "
                       "there: delete index/ and reopen",
                       (unsigned long long)row->segment, (unsigned long long)row->offset,
                       (unsigned long long)row->tx);
        goto done;
    }
    *out = arm__frame_record(arm__buf_bytes(frame), row->record);
done:
    return st;
}

arm_status arm__catalog_record(struct arm_catalog *catalog, uint64_t tx, Armpb__Record **out,
                               struct arm_buf *payload, struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(PAYLOAD_BYTES_MAX);
    struct arm_record_row row;
    struct arm_record record;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_find_record(catalog, tx, &row, err));
    ARM_TRY(arm__catalog_read_frame(catalog, &row, &frame, &record, err));
    if (payload != NULL) {
        arm__buf_clear(payload);
        ARM_TRY(arm__buf_append(payload, record.payload.data, record.payload.size, err));
    }
    ARM_TRY(arm__record_resolve(catalog->store, &record, out, err));
done:
    arm__buf_release(&frame);
    return st;
}

/* ---- Commits ---- */

/* The name of a branch, remembered over a walk that mostly stays on one. */
struct branch_memo {
    uint64_t branch_id;
    char name[256];
};

static arm_status recall_branch(struct arm_catalog *catalog, struct branch_memo *memo,
                                uint64_t branch_id, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (memo->branch_id != branch_id) {
        ARM_TRY(arm__catalog_branch_name(catalog, branch_id, memo->name, err));
        memo->branch_id = branch_id;
    }
done:
    return st;
}

static arm_status visit_tx(struct arm_catalog *catalog, uint64_t tx, struct branch_memo *memo,
                           arm_visit_commit *visit, void *context, struct arm_error *err)
{
    struct arm_commit_info info = {0};
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_find_record(catalog, tx, &info.row, err));
    ARM_TRY(arm__catalog_record(catalog, tx, &record, NULL, err));
    if (record->commit == NULL) {
        st = arm__fail(err, ARM_NOT_FOUND, "tx %llu is not a commit: it changed a branch or a tag",
                       (unsigned long long)tx);
        goto done;
    }
    ARM_TRY(recall_branch(catalog, memo, info.row.branch_id, err));
    info.commit = record->commit;
    info.branch = memo->name;
    ARM_TRY(visit(context, &info, err));
done:
    arm__record_free(record);
    return st;
}

arm_status arm__catalog_commit(struct arm_catalog *catalog, uint64_t tx, arm_visit_commit *visit,
                               void *context, struct arm_error *err)
{
    struct branch_memo memo = {0};

    return visit_tx(catalog, tx, &memo, visit, context, err);
}

arm_status arm__catalog_commits(struct arm_catalog *catalog, const uint64_t *txs, size_t count,
                                arm_visit_commit *visit, void *context, struct arm_error *err)
{
    struct branch_memo memo = {0};
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        ARM_TRY(visit_tx(catalog, txs[i], &memo, visit, context, err));
    }
done:
    return st;
}

static arm_status begin_walk(struct arm_catalog *catalog, const struct arm_snapshot *at,
                             struct arm_lineage *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__lineage_of(txn, at->branch_id, at->tx, out, err));
done:
    arm__index_abort(txn);
    return st;
}

static arm_status next_commit(struct arm_catalog *catalog, struct arm_lineage *lineage,
                              uint64_t *out_tx, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__lineage_next(txn, lineage, out_tx, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_log(struct arm_catalog *catalog, const struct arm_snapshot *at,
                            uint64_t limit, arm_visit_commit *visit, void *context,
                            struct arm_error *err)
{
    struct arm_lineage lineage = {.count = 0};
    struct branch_memo memo = {0};
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(begin_walk(catalog, at, &lineage, err));
    for (uint64_t count = 0; limit == 0 || count < limit; count++) {
        ARM_TRY(next_commit(catalog, &lineage, &tx, err));
        if (tx == 0) {
            break;
        }
        ARM_TRY(visit_tx(catalog, tx, &memo, visit, context, err));
    }
done:
    arm__lineage_release(&lineage);
    return st;
}

/* ---- Versions ---- */

struct version_walk {
    struct arm_catalog *catalog;
    struct branch_memo memo;
    arm_visit_version *visit;
    void *context;
};

static arm_status visit_version(struct version_walk *walk, const struct arm_version_row *version,
                                struct arm_error *err)
{
    struct arm_version_info info = {.version = *version};
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_find_record(walk->catalog, version->tx, &info.record, err));
    ARM_TRY(arm__catalog_record(walk->catalog, version->tx, &record, NULL, err));
    ARM_TRY(recall_branch(walk->catalog, &walk->memo, info.record.branch_id, err));
    info.branch = walk->memo.name;
    info.message = record->commit == NULL ? "" : record->commit->message;
    ARM_TRY(walk->visit(walk->context, &info, err));
done:
    arm__record_free(record);
    return st;
}

static arm_status find_version(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                               uint64_t number, struct arm_version_row *out, bool *out_found,
                               struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_version(txn, table_id, number, out, NULL, out_found, err));
done:
    arm__index_abort(txn);
    return st;
}

/* The parent in the layout that the change is of: the newest when it was committed, unless it names
 * one. */
static arm_status find_parent(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                              const Armpb__TableChange *change, struct arm_version_row *out,
                              struct arm_error *err)
{
    struct arm_version_row own = {.tx = ARM_LAYOUT_NEWEST};
    struct arm_layout_row layout = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_version(txn, table_id, change->parent_version, out, NULL, &found, err));
    if (change->has_version) {
        ARM_TRY(arm__index_version(txn, table_id, change->version, &own, NULL, &found, err));
    }
    layout.tx = change->base_layout;
    if (!change->has_base_layout) {
        ARM_TRY(
            arm__index_layout(txn, table_id, change->parent_version, own.tx, &layout, &found, err));
    }
    ARM_TRY(arm__index_lay(txn, out, layout.tx, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_bytes_removed(struct arm_catalog *catalog, const Armpb__TableChange *change,
                                      uint64_t *out, struct arm_error *err)
{
    struct arm_version_row parent = {.data_bytes = 0};
    struct arm_table_id id;
    uint64_t added = 0;
    arm_status st = ARM_OK;

    memcpy(id.bytes, change->table_id.data, sizeof id.bytes);
    if (change->has_parent_version && change->parent_version != 0) {
        ARM_TRY(find_parent(catalog, &id, change, &parent, err));
    }
    for (size_t i = 0; i < change->n_added; i++) {
        added += change->added[i]->bytes;
    }
    *out = parent.data_bytes + added - change->data_bytes;
done:
    return st;
}

/* The parent of what was adopted is another branch's: what this one had is asked for. */
arm_status arm__catalog_change_versions(struct arm_catalog *catalog,
                                        const struct arm_commit_info *info,
                                        const Armpb__TableChange *change,
                                        struct arm_change_versions *out, struct arm_error *err)
{
    bool is_adopted = change->kind == ARMPB__CHANGE_KIND__ADOPT;
    struct arm_index_txn *txn = NULL;
    struct arm_table_row had;
    struct arm_table_id id;
    uint64_t dropped_tx;
    bool found = false;
    arm_status st = ARM_OK;

    *out = (struct arm_change_versions){change->parent_version, change->version,
                                        change->kind == ARMPB__CHANGE_KIND__CREATE};
    if (is_adopted) {
        memcpy(id.bytes, change->table_id.data, sizeof id.bytes);
        ARM_TRY(arm__index_read(catalog->index, &txn, err));
        ARM_TRY(arm__index_table_by_id(txn, info->row.branch_id, info->row.tx - 1, &id, &had,
                                       &dropped_tx, &found, err));
        out->old_version = found ? had.version : 0;
        out->is_new_table = !found;
        out->new_version = change->has_version ? change->version : change->parent_version;
    }
done:
    arm__index_abort(txn);
    return st;
}

/* The history of the branch: from the snapshot's version along parents. */
static arm_status walk_parents(struct version_walk *walk, const struct arm_table_info *from,
                               struct arm_error *err)
{
    struct arm_version_row version = from->version;
    bool found = true;
    arm_status st = ARM_OK;

    while (found) {
        ARM_TRY(visit_version(walk, &version, err));
        if (version.parent_version == 0) {
            break;
        }
        ARM_TRY(find_version(walk->catalog, &from->row.table_id, version.parent_version, &version,
                             &found, err));
    }
done:
    return st;
}

static arm_status find_number(struct arm_catalog *catalog, const char *schema_name,
                              const char *name, uint64_t number, struct arm_table_id *out,
                              bool *out_found, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_number(txn, schema_name, name, number, out, out_found, err));
done:
    arm__index_abort(txn);
    return st;
}

/* Every number the name ever had, on any branch, that is durable. */
static arm_status walk_numbers(struct version_walk *walk, const char *schema_name, const char *name,
                               uint64_t last, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(walk->catalog->log);
    arm_status st = ARM_OK;

    for (uint64_t number = last; number > 0; number--) {
        struct arm_table_id table_id;
        struct arm_version_row version;
        bool found = false;

        ARM_TRY(find_number(walk->catalog, schema_name, name, number, &table_id, &found, err));
        if (found) {
            ARM_TRY(find_version(walk->catalog, &table_id, number, &version, &found, err));
        }
        if (found && version.tx <= durable) {
            ARM_TRY(visit_version(walk, &version, err));
        }
    }
done:
    return st;
}

arm_status arm__catalog_versions(struct arm_catalog *catalog, const struct arm_snapshot *at,
                                 const char *schema_name, const char *name, bool all,
                                 arm_visit_version *visit, void *context, struct arm_error *err)
{
    struct version_walk walk = {.catalog = catalog, .visit = visit, .context = context};
    struct arm_table_info info = {0};
    struct arm_index_txn *txn = NULL;
    uint64_t last = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_table(catalog, at, schema_name, name, &info, &found, err));
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_last_number(txn, schema_name, name, &last, err));
    arm__index_abort(txn);
    txn = NULL;
    if (!found && (!all || last == 0)) {
        st = last == 0 ? arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", name)
                       : arm__fail(err, ARM_NOT_FOUND,
                                   "there is no table \"%s\" on branch \"%s\"; other branches or "
                                   "earlier commits have %llu versions of that name: ask for all",
                                   name, at->branch, (unsigned long long)last);
        goto done;
    }
    if (all) {
        ARM_TRY(walk_numbers(&walk, schema_name, name, last, err));
    } else {
        ARM_TRY(walk_parents(&walk, &info, err));
    }
done:
    arm__index_abort(txn);
    arm__table_info_release(&info);
    return st;
}
