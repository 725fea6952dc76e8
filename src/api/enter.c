/* SPDX-License-Identifier: Apache-2.0 */
/* How a call enters: its handle, its arguments, its options. */

#include <stdio.h>
#include <string.h>

#include "api/api_private.h"
#include "query/branch.h"

arm_status arm__require(const void *value, const char *argument, struct arm_error *err)
{
    return value != NULL ? ARM_OK : arm__fail(err, ARM_INVALID, "%s is NULL", argument);
}

arm_status arm__repo_enter(const struct arm_repo *repo, struct arm_error *err)
{
    return repo == NULL ? arm__require(NULL, "repo", err) : arm__root_check(repo->root, err);
}

arm_status arm__session_enter(const struct arm_session *session, struct arm_error *err)
{
    return session == NULL ? arm__require(NULL, "session", err)
                           : arm__root_check(session->root, err);
}

arm_status arm__options_copy(const void *given, size_t known, void *out, struct arm_error *err)
{
    size_t size = known;

    if (given != NULL) {
        memcpy(&size, given, sizeof size);
        if (size < sizeof size) {
            return arm__fail(err, ARM_INVALID,
                             "options.size is %zu: set it to the size of the struct", size);
        }
        if (size > known) {
            return arm__fail(err, ARM_INVALID,
                             "options.size is %zu, but this library (%s) knows %zu bytes of it: "
                             "the program was built with a newer armillaria.h",
                             size, arm_version(), known);
        }
    }
    memset(out, 0, known);
    if (given != NULL) {
        memcpy(out, given, size);
    }
    memcpy(out, &known, sizeof known);
    return ARM_OK;
}

struct arm_catalog *arm__session_catalog(const struct arm_session *session)
{
    return arm__repository_catalog(arm__root_repository(session->root));
}

arm_status arm__session_snapshot(const struct arm_session *session, const char *at,
                                 struct arm_snapshot *out, struct arm_error *err)
{
    struct arm_snapshot now;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_now(session->query, &now, err));
    if (at != NULL) {
        ARM_TRY(arm__catalog_resolve(arm__session_catalog(session), &now, at, out, err));
    } else {
        *out = now;
    }
done:
    return st;
}
