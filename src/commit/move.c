/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that are brought to versions which are there already, in one commit: each is adopted, as
 * by a merge, from whatever branch made it. No row is written, and no version is made. */

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

struct moving {
    struct arm_repository *repository;
    const struct arm_move *move;
    struct arm_index_txn *txn;
    size_t count;
    struct arm_new_change *changes; /* two for each table at most */
};

static arm_status check_distinct(const struct arm_move *move, struct arm_error *err)
{
    for (size_t i = 0; i < move->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcasecmp(move->tables[i].name, move->tables[k].name) == 0 &&
                strcasecmp(move->tables[i].schema_name, move->tables[k].schema_name) == 0) {
                return arm__fail(err, ARM_INVALID, "table \"%s\" is named twice",
                                 move->tables[i].name);
            }
        }
    }
    return ARM_OK;
}

static arm_status find_row_count(struct moving *m, const struct arm_table_id *id, uint64_t version,
                                 uint64_t *out, struct arm_error *err)
{
    struct arm_version_row row = {.row_count = 0};
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_version(m->txn, id, version, &row, NULL, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT, "index: version %llu of a table is missing",
                       (unsigned long long)version);
        goto done;
    }
    *out = row.row_count;
done:
    return st;
}

/* What has the name on the branch, and is another table: it goes. */
static arm_status drop_other(struct moving *m, const struct arm_moved_table *table,
                             const struct arm_table_id *id, struct arm_error *err)
{
    const struct arm_snapshot *at = &m->move->snapshot;
    struct arm_table_row taken;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table(m->txn, at->branch_id, at->tx, table->schema_name, table->name, &taken,
                             &found, err));
    if (!found || arm__table_id_equal(&taken.table_id, id)) {
        goto done;
    }
    if (taken.object != ARMPB__OBJECT_KIND__TABLE) {
        st = arm__fail(err, ARM_EXISTS, "\"%s\" is a %s, not a table", table->name,
                       arm__object_word(taken.object));
        goto done;
    }
    m->changes[m->count++] = (struct arm_new_change){.kind = ARMPB__CHANGE_KIND__DROP,
                                                     .table_id = taken.table_id,
                                                     .base_version = taken.version};
done:
    return st;
}

static arm_status add_table(struct moving *m, const struct arm_moved_table *table,
                            struct arm_error *err)
{
    const struct arm_snapshot *at = &m->move->snapshot;
    struct arm_table_row had = {.version = 0};
    uint64_t had_rows = 0;
    uint64_t rows = 0;
    uint64_t dropped_tx;
    struct arm_table_id id;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_number(m->txn, table->schema_name, table->name, table->version, &id, &found,
                              err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no version %llu of a table \"%s\"",
                       (unsigned long long)table->version, table->name);
        goto done;
    }
    ARM_TRY(drop_other(m, table, &id, err));
    ARM_TRY(
        arm__index_table_by_id(m->txn, at->branch_id, at->tx, &id, &had, &dropped_tx, &found, err));
    if (!found) {
        had.version = 0;
    }
    if (had.version != table->version) { /* as a replacement counts */
        ARM_TRY(find_row_count(m, &id, table->version, &rows, err));
    }
    if (had.version != 0 && had.version != table->version) {
        ARM_TRY(find_row_count(m, &id, had.version, &had_rows, err));
    }
    m->changes[m->count++] = (struct arm_new_change){
        .kind = ARMPB__CHANGE_KIND__ADOPT,
        .table_id = id,
        .base_version = table->version,
        .base_layout = ARM_LAYOUT_NEWEST,
        .had_version = had.version,
        .rows_added = rows,
        .rows_removed = had_rows,
        .schema_name = table->schema_name,
        .name = table->name,
        .force_change = true,
    };
done:
    return st;
}

arm_status arm__commit_move(struct arm_repository *repository, const struct arm_move *move,
                            struct arm_commit_result *out, struct arm_error *err)
{
    struct moving m = {.repository = repository, .move = move};
    struct arm_commit_request request = {.snapshot = move->snapshot,
                                         .message = move->message,
                                         .unchanged_since = move->unchanged_since};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(check_distinct(move, err));
    ARM_TRY(arm__calloc(2 * move->count, sizeof *m.changes, &m.changes, err));
    ARM_TRY(arm__index_read(repository->index, &m.txn, err));
    for (size_t i = 0; i < move->count; i++) {
        ARM_TRY(add_table(&m, &move->tables[i], err));
    }
    arm__index_abort(m.txn); /* it does not outlive the call, and user code may hold it long */
    m.txn = NULL;
    request.changes = m.changes;
    request.change_count = m.count;
    ARM_TRY(arm__commit(repository, &request, out, NULL, err));
done:
    arm__index_abort(m.txn);
    arm__free(m.changes);
    return st;
}
