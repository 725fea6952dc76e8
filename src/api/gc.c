/* SPDX-License-Identifier: Apache-2.0 */
/* gc: what nobody needs goes. */

#include "commit/gc.h"
#include "api/api_private.h"

enum { GRACE_S_DEFAULT = 3600 };
static const int64_t us_per_second = 1000000;
static const int64_t us_per_day = INT64_C(86400000000);

static bool hand_on_progress(void *context, uint64_t done, uint64_t total)
{
    const struct arm_gc_options *options = context;

    return options->on_progress == NULL || options->on_progress(options->context, done, total);
}

static int64_t grace_us(int64_t grace_s)
{
    if (grace_s < 0) {
        return 0;
    }
    if (grace_s == 0) {
        grace_s = GRACE_S_DEFAULT;
    }
    return grace_s > INT64_MAX / us_per_second ? INT64_MAX : grace_s * us_per_second;
}

/* Up to when history is given up; 0: it is kept whole. */
static int64_t keep_until_us(int64_t keep_days, int64_t now_us)
{
    if (keep_days == 0) {
        return 0;
    }
    if (keep_days < 0) {
        return INT64_MAX; /* the clock may have been set back since */
    }
    return keep_days >= now_us / us_per_day ? 1 : now_us - keep_days * us_per_day;
}

arm_status arm_gc(arm_repo *repo, const struct arm_gc_options *options, struct arm_gc_result *out,
                  struct arm_error *err)
{
    struct arm_gc_report report = {0};
    struct arm_gc_options known;
    struct arm_gc_request request;
    const struct arm_io *io;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    if (repo->read_only) {
        st = arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only", arm_repo_path(repo));
        goto done;
    }
    io = arm__repository_io(arm__root_repository(repo->root));
    request =
        (struct arm_gc_request){.dry_run = known.dry_run,
                                .grace_us = grace_us(known.grace_s),
                                .until_us = keep_until_us(known.keep_days, io->now_us(io->self)),
                                .progress = hand_on_progress,
                                .context = &known};
    ARM_TRY(arm__repository_gc(arm__root_repository(repo->root), &request, &report, err));
    if (out != NULL) {
        *out = (struct arm_gc_result){
            .chunks = report.chunks,
            .chunk_bytes = report.chunk_bytes,
            .key_runs = report.key_runs,
            .key_run_bytes = report.key_run_bytes,
            .young = report.young,
            .leased = report.leased,
            .pinned = report.pinned,
            .horizon_us = report.horizon_us,
        };
    }
done:
    return st;
}
