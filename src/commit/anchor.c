/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the paths still lead to the repository that was opened (R5).
 *
 * Much is reached by its path: new segments, chunks, the trust file. If somebody moves the
 * directory and puts another there, or replaces index/ or log/ in it, those paths lead into
 * something that is not ours. So the identities of the directory, of the file of locks and of the
 * shared page are remembered, and looked at again before anything is appended or marked. */

#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

static const char *const point_names[ARM_ANCHOR_POINTS] = {"", "index/lock", "log/shared"};

arm_status arm__anchor_take(const struct arm_io *io, const char *root, struct arm_anchor *out,
                            struct arm_error *err)
{
    struct arm_anchor anchor = {.io = io};
    arm_status st = ARM_OK;

    for (size_t i = 0; i < ARM_ANCHOR_POINTS; i++) {
        struct arm_error why;

        ARM_TRY(i == 0 ? arm__strdup(root, &anchor.points[i].path, err)
                       : arm__path_join(root, point_names[i], &anchor.points[i].path, err));
        st = arm__io_identify(io, anchor.points[i].path, &anchor.points[i].identity, &why);
        if (st != ARM_OK && st != ARM_NOT_FOUND) { /* who only reads may have no page */
            st = arm__fail(err, st, "%s", why.message);
            goto done;
        }
        anchor.points[i].is_there = st == ARM_OK;
        st = ARM_OK;
    }
    *out = anchor;
    anchor = (struct arm_anchor){.io = NULL};
done:
    arm__anchor_release(&anchor);
    return st;
}

arm_status arm__anchor_check(const struct arm_anchor *anchor, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; st == ARM_OK && i < ARM_ANCHOR_POINTS; i++) {
        const struct arm_anchor_point *point = &anchor->points[i];

        if (point->is_there) {
            st = arm__io_check_identity(anchor->io, point->path, &point->identity, err);
        }
    }
    return st;
}

void arm__anchor_release(struct arm_anchor *anchor)
{
    for (size_t i = 0; i < ARM_ANCHOR_POINTS; i++) {
        arm__free(anchor->points[i].path);
    }
    *anchor = (struct arm_anchor){.io = NULL};
}
