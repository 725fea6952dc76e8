/* SPDX-License-Identifier: Apache-2.0 */
/* Repository handles. */

#include <string.h>

#include "api/api_private.h"
#include "base/alloc.h"
#include "commit/commit.h"

arm_status arm_repo_create(const char *path, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(path, "path", err));
    ARM_TRY(arm__repository_create(arm__io_system(), path, err));
done:
    return st;
}

/* Open, or where there is nothing and `create` is set, make it and open that. */
static arm_status open_root(const char *path, const struct arm_repo_options *options,
                            struct arm_root **out, struct arm_error *err)
{
    struct arm_error first = {0};
    arm_status st = arm__root_open(path, options, out, &first);

    if (st == ARM_NOT_REPOSITORY && options->create && !options->read_only) {
        st = arm__repository_create(arm__io_system(), path, err);
        if (st == ARM_EXISTS) { /* another process was quicker, or something else lies there */
            st = ARM_OK;
        }
        ARM_TRY(st);
        st = arm__root_open(path, options, out, &first);
    }
    if (st != ARM_OK && err != NULL) {
        *err = first;
    }
done:
    return st;
}

arm_status arm_repo_open(const char *path, const struct arm_repo_options *options, arm_repo **out,
                         struct arm_error *err)
{
    struct arm_repo_options known;
    struct arm_repo *repo = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(path, "path", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    if ((unsigned)known.epoch > ARM_EPOCH_HIGH_THROUGHPUT) {
        st = arm__fail(err, ARM_INVALID, "options.epoch is %u, which is none of arm_epoch",
                       (unsigned)known.epoch);
        goto done;
    }
    ARM_TRY(arm__calloc(1, sizeof *repo, &repo, err));
    ARM_TRY(open_root(path, &known, &repo->root, err));
    repo->read_only = known.read_only;
    *out = repo;
    repo = NULL;
done:
    arm__free(repo);
    return st;
}

void arm_repo_close(arm_repo *repo)
{
    if (repo != NULL) {
        arm__root_drop(repo->root);
        arm__free(repo);
    }
}

const char *arm_repo_path(const arm_repo *repo)
{
    return repo == NULL ? "" : arm__repository_path(arm__root_repository(repo->root));
}

arm_status arm_latest_tx(arm_repo *repo, uint64_t *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(out, "out", err));
    *out = arm__log_durable_to(arm__repository_log(arm__root_repository(repo->root)));
done:
    return st;
}

arm_status arm_commit_find(arm_repo *repo, const uint8_t commit_id[16], uint64_t *out_tx,
                           struct arm_error *err)
{
    struct arm_id id;
    char hex[2 * ARM_ID_BYTES + 1];
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(commit_id, "commit_id", err));
    ARM_TRY(arm__require(out_tx, "out_tx", err));
    memcpy(id.bytes, commit_id, sizeof id.bytes);
    ARM_TRY(arm__commit_find(arm__root_repository(repo->root), &id, &tx, err));
    if (tx == 0) {
        arm__id_hex(&id, hex);
        st = arm__fail(err, ARM_NOT_FOUND, "commit %s did not happen", hex);
        goto done;
    }
    *out_tx = tx;
done:
    return st;
}
