/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep on demand. */

#include "table/compact.h"
#include "api/api_private.h"

static bool hand_on_progress(void *context, uint64_t done, uint64_t total)
{
    const struct arm_compact_options *options = context;

    return options->on_progress == NULL || options->on_progress(options->context, done, total);
}

arm_status arm_compact(arm_session *session, const char *table,
                       const struct arm_compact_options *options, struct arm_compact_result *out,
                       struct arm_error *err)
{
    struct arm_compact_report report = {0};
    struct arm_compact_options known;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    if (session->read_only) {
        st = arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                       arm__repository_path(arm__root_repository(session->root)));
        goto done;
    }
    ARM_TRY(arm__session_compact(session->query, table, hand_on_progress, &known, &report, err));
    if (out != NULL) {
        *out = (struct arm_compact_result){
            .tables = report.tables,
            .entries_removed = report.sources,
            .entries_added = report.entries,
            .hot_rows_flushed = report.hot_rows,
            .dead_rows = report.dead_rows,
            .rows = report.rows,
            .bytes_added = report.bytes_added,
            .given_up = report.given_up,
        };
    }
done:
    return st;
}
