/* SPDX-License-Identifier: Apache-2.0 */
/* Commits: arm_log, arm_show. */

#include <string.h>

#include "api/api_private.h"
#include "api/change_rows.h"
#include "api/rows.h"
#include "model/table_name.h"

enum {
    COMMIT_TX,
    COMMIT_ID,
    COMMIT_PARENTS,
    COMMIT_BRANCH,
    COMMIT_CREATED_AT,
    COMMIT_AUTHOR,
    COMMIT_MESSAGE,
    COMMIT_CHANGES,
    COMMIT_FIELDS
};

static const struct arm_rows_field list_of_text = {.name = "item", .format = "u"};

static const struct arm_rows_field commit_fields[COMMIT_FIELDS] = {
    [COMMIT_TX] = {.name = "tx", .format = "L"},
    [COMMIT_ID] = {.name = "commit", .format = "u"},
    [COMMIT_PARENTS] = {.name = "parents",
                        .format = "+l",
                        .child_count = 1,
                        .children = &list_of_text},
    [COMMIT_BRANCH] = {.name = "branch", .format = "u"},
    [COMMIT_CREATED_AT] = {.name = "created_at", .format = "tsu:UTC"},
    [COMMIT_AUTHOR] = {.name = "author", .format = "u"},
    [COMMIT_MESSAGE] = {.name = "message", .format = "u"},
    [COMMIT_CHANGES] = {.name = "changes",
                        .format = "+l",
                        .child_count = 1,
                        .children = &arm__change_field},
};

struct commits_walk {
    struct arm_catalog *catalog;
    struct arm_rows *rows;
    const char *schema_name; /* only commits that changed this table; NULL: all */
    const char *name;
    uint64_t limit; /* 0: none */
    uint64_t count;
    bool is_full; /* the walk was ended by us, not by an error */
};

static arm_status push_parents(struct arm_rows_column *column, const Armpb__Commit *commit,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < commit->n_parents; i++) {
        char hex[2 * ARM_ID_BYTES + 1];
        struct arm_id id;

        memcpy(id.bytes, commit->parents[i].data, sizeof id.bytes);
        arm__id_hex(&id, hex);
        ARM_TRY(arm__rows_text(arm__rows_child(column, 0), hex, err));
    }
    ARM_TRY(arm__rows_end(column, err));
done:
    return st;
}

static arm_status push_commit(struct commits_walk *walk, const struct arm_commit_info *info,
                              struct arm_error *err)
{
    struct arm_rows *rows = walk->rows;
    const Armpb__Commit *commit = info->commit;
    struct arm_arena arena = {NULL};
    char hex[2 * ARM_ID_BYTES + 1];
    struct arm_event event;
    arm_status st = ARM_OK;

    arm__id_hex(&info->row.commit_id, hex);
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, COMMIT_TX), info->row.tx, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, COMMIT_ID), hex, err));
    ARM_TRY(push_parents(arm__rows_column(rows, COMMIT_PARENTS), commit, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, COMMIT_BRANCH), info->branch, err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, COMMIT_CREATED_AT), info->row.time_us, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, COMMIT_AUTHOR), commit->author, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, COMMIT_MESSAGE), commit->message, err));
    ARM_TRY(arm__event_of(walk->catalog, info, &arena, &event, err));
    ARM_TRY(arm__rows_changes(arm__rows_column(rows, COMMIT_CHANGES), &event, err));
    arm__rows_end_row(rows);
done:
    arm__arena_release(&arena);
    return st;
}

/* Whether the commit changed the table asked for, by its name as of the commit. */
static arm_status concerns(const struct commits_walk *walk, const struct arm_commit_info *info,
                           bool *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    *out = walk->name == NULL;
    for (size_t i = 0; !*out && i < info->commit->n_changes; i++) {
        char schema_name[256];
        char name[256];
        struct arm_table_id id;

        memcpy(id.bytes, info->commit->changes[i]->table_id.data, sizeof id.bytes);
        ARM_TRY(arm__catalog_table_name(walk->catalog, info->row.branch_id, info->row.tx, &id,
                                        schema_name, name, err));
        *out = strcasecmp(name, walk->name) == 0 && strcasecmp(schema_name, walk->schema_name) == 0;
    }
done:
    return st;
}

static arm_status visit_commit(void *context, const struct arm_commit_info *info,
                               struct arm_error *err)
{
    struct commits_walk *walk = context;
    bool wanted = false;
    arm_status st = ARM_OK;

    ARM_TRY(concerns(walk, info, &wanted, err));
    if (wanted) {
        ARM_TRY(push_commit(walk, info, err));
        walk->count++;
    }
    if (walk->limit != 0 && walk->count == walk->limit) {
        walk->is_full = true;
        st = ARM_INTERRUPTED; /* ends the walk */
    }
done:
    return st;
}

/* A table no commit of any branch ever made is an error, not an empty answer. */
static arm_status check_table(const struct commits_walk *walk, const struct arm_snapshot *at,
                              struct arm_error *err)
{
    if (walk->count > 0 || walk->name == NULL) {
        return ARM_OK;
    }
    return arm__fail(err, ARM_NOT_FOUND,
                     "no commit in the history of branch \"%s\" changed a "
                     "table \"%s\"",
                     at->branch, walk->name);
}

arm_status arm_log(arm_session *session, const struct arm_history_options *options,
                   struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_history_options known;
    struct commits_walk walk = {0};
    struct arm_snapshot at;
    char schema_name[256];
    char name[256];
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    if (known.table != NULL) {
        ARM_TRY(arm__table_name_parse(known.table, schema_name, name, err));
        walk.schema_name = schema_name;
        walk.name = name;
    }
    ARM_TRY(arm__session_snapshot(session, known.at, &at, err));
    walk.catalog = arm__session_catalog(session);
    walk.limit = known.limit;
    ARM_TRY(arm__rows_new(commit_fields, COMMIT_FIELDS, &walk.rows, err));
    st = arm__catalog_log(walk.catalog, &at, 0, visit_commit, &walk, err);
    if (walk.is_full) {
        st = ARM_OK;
    }
    ARM_TRY(st);
    ARM_TRY(check_table(&walk, &at, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__rows_free(walk.rows);
    return st;
}

/* `tx:N` names a record; a snapshot at N would be the last commit before it instead. */
static arm_status check_is_commit(const char *ref, uint64_t head_tx, struct arm_error *err)
{
    struct arm_ref parsed;

    if (arm__ref_parse(ref, &parsed, NULL) == ARM_OK && parsed.kind == ARM_REF_TX &&
        parsed.back == 0 && parsed.number != head_tx) {
        return arm__fail(err, ARM_NOT_FOUND,
                         "tx %llu is not a commit: it changed a branch or a tag, or moved rows",
                         (unsigned long long)parsed.number);
    }
    return ARM_OK;
}

arm_status arm_show(arm_session *session, const char *ref, struct ArrowArrayStream *out,
                    struct arm_error *err)
{
    struct commits_walk walk = {0};
    struct arm_snapshot at;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(ref, "ref", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__session_snapshot(session, ref, &at, err));
    walk.catalog = arm__session_catalog(session);
    ARM_TRY(arm__catalog_head(walk.catalog, &at, &tx, err));
    ARM_TRY(check_is_commit(ref, tx, err));
    if (tx == 0) {
        st = arm__fail(err, ARM_NOT_FOUND, "branch \"%s\" has no commit yet", at.branch);
        goto done;
    }
    ARM_TRY(arm__rows_new(commit_fields, COMMIT_FIELDS, &walk.rows, err));
    ARM_TRY(arm__catalog_commit(walk.catalog, tx, visit_commit, &walk, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__rows_free(walk.rows);
    return st;
}
