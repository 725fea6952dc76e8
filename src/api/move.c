/* SPDX-License-Identifier: Apache-2.0 */
/* arm_move: a branch is brought to table versions that are there. */

#include <stdio.h>

#include "api/api_private.h"
#include "base/alloc.h"
#include "model/table_name.h"

/* Names as the caller wrote them, taken apart. */
struct moved_names {
    char schema_name[256];
    char name[256];
};

static arm_status name_tables(const struct arm_table_version *versions, size_t count,
                              struct moved_names *names, struct arm_moved_table *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        ARM_TRY(arm__require(versions[i].table, "a table", err));
        ARM_TRY(arm__table_name_parse(versions[i].table, names[i].schema_name, names[i].name, err));
        out[i] = (struct arm_moved_table){names[i].schema_name, names[i].name, versions[i].version};
    }
done:
    return st;
}

static arm_status check(const struct arm_session *session, const struct arm_table_version *versions,
                        size_t count, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(versions, "versions", err));
    if (count == 0) {
        st = arm__fail(err, ARM_INVALID, "count is 0: name a table");
    } else if (session->read_only) {
        st = arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                       arm__repository_path(arm__root_repository(session->root)));
    } else if (arm__session_in_transaction(session->query)) {
        st = arm__fail(err, ARM_INVALID,
                       "a transaction is open: a move is a commit of its own, end it first");
    }
done:
    return st;
}

arm_status arm_move(arm_session *session, const struct arm_table_version *versions, size_t count,
                    const struct arm_move_options *options, uint64_t *out_tx, struct arm_error *err)
{
    struct arm_move_options known;
    struct arm_commit_result result = {.tx = 0};
    struct arm_move move = {.count = count};
    struct arm_moved_table *tables = NULL;
    struct moved_names *names = NULL;
    char message[600];
    arm_status st = ARM_OK;

    ARM_TRY(check(session, versions, count, err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(arm__calloc(count, sizeof *names, &names, err));
    ARM_TRY(arm__calloc(count, sizeof *tables, &tables, err));
    ARM_TRY(name_tables(versions, count, names, tables, err));
    if (known.into != NULL) {
        ARM_TRY(
            arm__catalog_snapshot(arm__session_catalog(session), known.into, &move.snapshot, err));
    } else {
        ARM_TRY(arm__session_snapshot(session, NULL, &move.snapshot, err));
    }
    (void)snprintf(message, sizeof message, "Move '%.500s'%s", tables[0].name,
                   count > 1 ? " and others" : "");
    move.message = known.message == NULL ? message : known.message;
    move.unchanged_since = known.unchanged_since;
    move.tables = tables;
    ARM_TRY(arm__commit_move(arm__root_repository(session->root), &move, &result, err));
    if (out_tx != NULL) {
        *out_tx = result.tx;
    }
done:
    arm__free(tables);
    arm__free(names);
    return st;
}
