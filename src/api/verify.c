/* SPDX-License-Identifier: Apache-2.0 */
/* Trust: verify and recover. */

#include "api/api_private.h"

static arm_status hand_on_issue(void *context, const struct arm_issue *issue, struct arm_error *err)
{
    const struct arm_verify_options *options = context;

    (void)err;
    if (options->on_issue != NULL) {
        struct arm_damage damage = {issue->kind, issue->object, issue->message};

        options->on_issue(options->context, &damage);
    }
    return ARM_OK;
}

static bool hand_on_progress(void *context, uint64_t done, uint64_t total)
{
    const struct arm_verify_options *options = context;

    return options->on_progress == NULL || options->on_progress(options->context, done, total);
}

arm_status arm_verify(arm_repo *repo, const struct arm_verify_options *options,
                      struct arm_verify_result *out, struct arm_error *err)
{
    struct arm_verify_options known;
    struct arm_verify_report report = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(arm__repository_verify(arm__root_repository(repo->root), known.full, hand_on_issue,
                                   hand_on_progress, &known, &report, err));
    *out = (struct arm_verify_result){
        .is_healthy = report.issues == 0,
        .frames = report.frames,
        .records = report.records,
        .chunks = report.chunks,
        .bytes_hashed = report.bytes_hashed,
        .issues = report.issues,
    };
done:
    return st;
}

arm_status arm_recover(arm_repo *repo, struct arm_recover_result *out, struct arm_error *err)
{
    struct arm_recovery_report opening = {0};
    struct arm_recovery_report now = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(out, "out", err));
    if (repo->read_only) {
        st = arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only", arm_repo_path(repo));
        goto done;
    }
    arm__repository_recovery(arm__root_repository(repo->root), &opening);
    ARM_TRY(arm__repository_recover(arm__root_repository(repo->root), &now, err));
    *out = (struct arm_recover_result){
        .is_clean = opening.is_clean && now.is_clean,
        .rolled_back = opening.rolled_back + now.rolled_back,
        .cut_bytes = opening.cut_bytes + now.cut_bytes,
        .rebuilt = opening.rebuilt || now.rebuilt,
    };
done:
    return st;
}
