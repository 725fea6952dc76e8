/* SPDX-License-Identifier: Apache-2.0 */
/* arm_compact: the session gives the branch and the engine; nothing of it passes through SQL. */

#include "table/compact.h"

#include "query/branch.h"
#include "query/query_private.h"

arm_status arm__session_compact(struct arm_query_session *session, const char *table,
                                arm_progress *progress, void *context,
                                struct arm_compact_report *out, struct arm_error *err)
{
    struct arm_snapshot now;
    char schema_name[256];
    char name[256];
    struct arm_compact_job job = {.repository = arm__host_repository(session->host),
                                  .progress = progress,
                                  .context = context};
    arm_status st = ARM_OK;

    if (arm__host_read_only(session->host)) {
        return arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                         arm__repository_path(job.repository));
    }
    if (arm__session_in_transaction(session)) {
        return arm__fail(err, ARM_INVALID,
                         "a transaction is open: commit or roll it back before compacting");
    }
    ARM_TRY(arm__session_now(session, &now, err));
    job.branch = now.branch;
    if (table != NULL) {
        ARM_TRY(arm__table_name_parse(table, schema_name, name, err));
        job.schema_name = schema_name;
        job.name = name;
    }
    ARM_TRY(arm__host_engine(session->host, &job.engine, err));
    ARM_TRY(arm__compact(&job, out, err));
done:
    return st;
}
