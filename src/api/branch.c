/* SPDX-License-Identifier: Apache-2.0 */
/* Branches and tags: the orders that a session gives, and what there is. None of this starts an SQL
 * engine. */

#include <string.h>

#include "api/api_private.h"
#include "api/rows.h"
#include "model/table_name.h"
#include "query/branch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- Orders ---- */

static arm_status give_order(arm_session *session, const struct arm_branch_order *order,
                             struct arm_error *err)
{
    bool is_rename = order->verb == ARM_BRANCH_RENAME;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(order->name, order->verb == ARM_BRANCH_USE ? "branch" : "name", err));
    ARM_TRY(is_rename ? arm__require(order->other, "new_name", err) : ARM_OK);
    ARM_TRY(arm__session_branch_order(session->query, order, err));
done:
    return st;
}

arm_status arm_session_use(arm_session *session, const char *branch, struct arm_error *err)
{
    struct arm_branch_order order = {.verb = ARM_BRANCH_USE, .name = branch};

    return give_order(session, &order, err);
}

arm_status arm_branch_create(arm_session *session, const char *name, const char *from,
                             const char *description, struct arm_error *err)
{
    struct arm_branch_order order = {
        .verb = ARM_BRANCH_CREATE, .name = name, .other = from, .description = description};

    return give_order(session, &order, err);
}

arm_status arm_branch_drop(arm_session *session, const char *name, struct arm_error *err)
{
    struct arm_branch_order order = {.verb = ARM_BRANCH_DROP, .name = name};

    return give_order(session, &order, err);
}

arm_status arm_branch_rename(arm_session *session, const char *name, const char *new_name,
                             struct arm_error *err)
{
    struct arm_branch_order order = {.verb = ARM_BRANCH_RENAME, .name = name, .other = new_name};

    return give_order(session, &order, err);
}

arm_status arm_branch_describe(arm_session *session, const char *name, const char *description,
                               struct arm_error *err)
{
    struct arm_branch_order order = {
        .verb = ARM_BRANCH_DESCRIBE, .name = name, .description = description};

    return give_order(session, &order, err);
}

static arm_status check_protection(const struct arm_branch_protection *protection,
                                   struct arm_error *err)
{
    if (protection->check_count > 0 && protection->checks == NULL) {
        return arm__fail(err, ARM_INVALID, "protection.checks is NULL");
    }
    for (size_t i = 0; i < protection->check_count; i++) {
        if (protection->checks[i].sql == NULL) {
            return arm__fail(err, ARM_INVALID, "protection.checks[%zu].sql is NULL", i);
        }
        if (protection->checks[i].sql[0] == '\0') {
            return arm__fail(err, ARM_INVALID, "protection.checks[%zu].sql is empty", i);
        }
    }
    return ARM_OK;
}

arm_status arm_branch_protect(arm_session *session, const char *name,
                              const struct arm_branch_protection *protection, struct arm_error *err)
{
    struct arm_branch_protection known;
    struct arm_branch_order order = {
        .verb = ARM_BRANCH_PROTECT, .name = name, .protection = &known};
    arm_status st = ARM_OK;

    ARM_TRY(arm__options_copy(protection, sizeof known, &known, err));
    ARM_TRY(check_protection(&known, err));
    ARM_TRY(give_order(session, &order, err));
done:
    return st;
}

arm_status arm_tag_create(arm_session *session, const char *name, const char *ref,
                          const char *description, struct arm_error *err)
{
    struct arm_branch_order order = {
        .verb = ARM_TAG_CREATE, .name = name, .other = ref, .description = description};

    return give_order(session, &order, err);
}

arm_status arm_tag_drop(arm_session *session, const char *name, struct arm_error *err)
{
    struct arm_branch_order order = {.verb = ARM_TAG_DROP, .name = name};

    return give_order(session, &order, err);
}

arm_status arm_branch_renamed(arm_repo *repo, const char *name, char out[256],
                              struct arm_error *err)
{
    char now[256];
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(name, "name", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__catalog_renamed(arm__repository_catalog(arm__root_repository(repo->root)), name,
                                 now, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "no branch was called \"%s\" and has another name now",
                       name);
        goto done;
    }
    memcpy(out, now, sizeof now);
done:
    return st;
}

/* ---- arm_branches ---- */

enum {
    BRANCHES_NAME,
    BRANCHES_HEAD,
    BRANCHES_CREATED_AT,
    BRANCHES_PARENT,
    BRANCHES_DESCRIPTION,
    BRANCHES_TX,
    BRANCHES_ONLY_MERGES,
    BRANCHES_CHECKS,
};
enum { HEAD_TABLE, HEAD_VERSION };
enum { CHECK_NAME, CHECK_SQL };

static const struct arm_rows_field head_members[] = {
    [HEAD_TABLE] = {.name = "key", .format = "u"},
    [HEAD_VERSION] = {.name = "value", .format = "L"},
};

static const struct arm_rows_field head_entry = {.name = "entries",
                                                 .format = "+s",
                                                 .child_count = COUNT_OF(head_members),
                                                 .children = head_members};

static const struct arm_rows_field check_members[] = {
    [CHECK_NAME] = {.name = "name", .format = "u", .nullable = true},
    [CHECK_SQL] = {.name = "sql", .format = "u"},
};

static const struct arm_rows_field check_item = {.name = "item",
                                                 .format = "+s",
                                                 .child_count = COUNT_OF(check_members),
                                                 .children = check_members};

static const struct arm_rows_field branches_fields[] = {
    [BRANCHES_NAME] = {.name = "name", .format = "u"},
    [BRANCHES_HEAD] = {.name = "head", .format = "+m", .child_count = 1, .children = &head_entry},
    [BRANCHES_CREATED_AT] = {.name = "created_at", .format = "tsu:UTC"},
    [BRANCHES_PARENT] = {.name = "parent_branch", .format = "u", .nullable = true},
    [BRANCHES_DESCRIPTION] = {.name = "description", .format = "u", .nullable = true},
    [BRANCHES_TX] = {.name = "tx", .format = "L", .nullable = true},
    [BRANCHES_ONLY_MERGES] = {.name = "only_merges", .format = "b"},
    [BRANCHES_CHECKS] = {.name = "checks",
                         .format = "+l",
                         .child_count = 1,
                         .children = &check_item},
};

struct branches_walk {
    struct arm_catalog *catalog;
    struct arm_rows *rows;
};

static arm_status push_head_entry(void *context, const struct arm_table_row *row,
                                  struct arm_error *err)
{
    struct arm_rows_column *entry = context;
    char shown[ARM_SHOWN_NAME_BYTES];
    arm_status st = ARM_OK;

    if (row->object != ARMPB__OBJECT_KIND__TABLE) {
        return ARM_OK;
    }
    arm__shown_name(row->schema_name, row->name, shown);
    ARM_TRY(arm__rows_text(arm__rows_child(entry, HEAD_TABLE), shown, err));
    ARM_TRY(arm__rows_u64(arm__rows_child(entry, HEAD_VERSION), row->version, err));
    ARM_TRY(arm__rows_end(entry, err));
done:
    return st;
}

static arm_status push_checks(struct arm_rows_column *checks, const Armpb__Protection *protection,
                              struct arm_error *err)
{
    struct arm_rows_column *item = arm__rows_child(checks, 0);
    arm_status st = ARM_OK;

    for (size_t i = 0; protection != NULL && i < protection->n_checks; i++) {
        const Armpb__Check *check = protection->checks[i];

        ARM_TRY(arm__rows_text(arm__rows_child(item, CHECK_NAME), check->name, err));
        ARM_TRY(arm__rows_text(arm__rows_child(item, CHECK_SQL), check->sql, err));
        ARM_TRY(arm__rows_end(item, err));
    }
    ARM_TRY(arm__rows_end(checks, err));
done:
    return st;
}

static arm_status push_branch(void *context, const struct arm_branch_info *info,
                              struct arm_error *err)
{
    struct branches_walk *walk = context;
    struct arm_rows *rows = walk->rows;
    struct arm_snapshot at = {.branch_id = info->branch_id, .tx = info->head_tx};
    struct arm_rows_column *head = arm__rows_column(rows, BRANCHES_HEAD);
    struct arm_rows_column *tx = arm__rows_column(rows, BRANCHES_TX);
    const char *parent = info->parent[0] == '\0' ? NULL : info->parent;
    bool only_merges = info->protection != NULL && info->protection->only_merges;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_text(arm__rows_column(rows, BRANCHES_NAME), info->name, err));
    ARM_TRY(
        arm__catalog_tables(walk->catalog, &at, push_head_entry, arm__rows_child(head, 0), err));
    ARM_TRY(arm__rows_end(head, err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, BRANCHES_CREATED_AT), info->created_us, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, BRANCHES_PARENT), parent, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, BRANCHES_DESCRIPTION), info->description, err));
    ARM_TRY(info->head_tx == 0 ? arm__rows_null(tx, err) : arm__rows_u64(tx, info->head_tx, err));
    ARM_TRY(arm__rows_bool(arm__rows_column(rows, BRANCHES_ONLY_MERGES), only_merges, err));
    ARM_TRY(push_checks(arm__rows_column(rows, BRANCHES_CHECKS), info->protection, err));
    arm__rows_end_row(rows);
done:
    return st;
}

arm_status arm_branches(arm_session *session, const char *name, struct ArrowArrayStream *out,
                        struct arm_error *err)
{
    struct branches_walk walk = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    walk.catalog = arm__session_catalog(session);
    ARM_TRY(arm__rows_new(branches_fields, COUNT_OF(branches_fields), &walk.rows, err));
    ARM_TRY(name == NULL ? arm__catalog_branches(walk.catalog, push_branch, &walk, err)
                         : arm__catalog_branch_named(walk.catalog, name, push_branch, &walk, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__rows_free(walk.rows);
    return st;
}

/* ---- arm_tags ---- */

enum {
    TAGS_NAME,
    TAGS_TX,
    TAGS_COMMIT,
    TAGS_BRANCH,
    TAGS_CREATED_AT,
    TAGS_AUTHOR,
    TAGS_DESCRIPTION
};

static const struct arm_rows_field tags_fields[] = {
    [TAGS_NAME] = {.name = "name", .format = "u"},
    [TAGS_TX] = {.name = "tx", .format = "L"},
    [TAGS_COMMIT] = {.name = "commit", .format = "u"},
    [TAGS_BRANCH] = {.name = "branch", .format = "u"},
    [TAGS_CREATED_AT] = {.name = "created_at", .format = "tsu:UTC"},
    [TAGS_AUTHOR] = {.name = "author", .format = "u"},
    [TAGS_DESCRIPTION] = {.name = "description", .format = "u", .nullable = true},
};

static arm_status push_tag(void *context, const struct arm_tag_info *info, struct arm_error *err)
{
    struct arm_rows *rows = context;
    char hex[2 * ARM_ID_BYTES + 1];
    arm_status st = ARM_OK;

    arm__id_hex(&info->commit.commit_id, hex);
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TAGS_NAME), info->name, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, TAGS_TX), info->commit.tx, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TAGS_COMMIT), hex, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TAGS_BRANCH), info->branch, err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, TAGS_CREATED_AT), info->created_us, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TAGS_AUTHOR), info->author, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TAGS_DESCRIPTION), info->description, err));
    arm__rows_end_row(rows);
done:
    return st;
}

arm_status arm_tags(arm_session *session, struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__rows_new(tags_fields, COUNT_OF(tags_fields), &rows, err));
    ARM_TRY(arm__catalog_tags(arm__session_catalog(session), push_tag, rows, err));
    st = arm__rows_stream(rows, out, err);
    rows = NULL;
done:
    arm__rows_free(rows);
    return st;
}
