/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_API_API_PRIVATE_H
#define ARM_API_API_PRIVATE_H

/* What the files of api/ share: the handles behind the public types, and how a call enters.
 *
 * A root is one repository directory that this process has open: repository and host exist once
 * per root, whatever the number of handles, sessions and streams, which each hold a count. */

#include "query/session.h"

struct arm_root;

/* Open the repository in `path`, or share the one that is open already; counted. */
arm_status arm__root_open(const char *path, const struct arm_repo_options *options,
                          struct arm_root **out, struct arm_error *err);
struct arm_root *arm__root_retain(struct arm_root *root);
void arm__root_drop(struct arm_root *root); /* NULL is accepted; in a forked child it only leaks */
/* ARM_FORKED in a child of the process that opened it. */
arm_status arm__root_check(const struct arm_root *root, struct arm_error *err);
bool arm__root_is_forked(const struct arm_root *root);
bool arm__root_is_read_only(const struct arm_root *root);
struct arm_host *arm__root_host(const struct arm_root *root);
struct arm_repository *arm__root_repository(const struct arm_root *root);

struct arm_repo {
    struct arm_root *root;
    bool read_only; /* of this handle; its root may be open for writing */
};

struct arm_session {
    struct arm_root *root;
    struct arm_query_session *query;
    bool read_only; /* as its repository handle */
};

/* Every public call begins with one of these: ARM_INVALID for NULL, ARM_FORKED in a child. */
arm_status arm__repo_enter(const struct arm_repo *repo, struct arm_error *err);
arm_status arm__session_enter(const struct arm_session *session, struct arm_error *err);
/* ARM_INVALID, naming the argument, if `value` is NULL. */
arm_status arm__require(const void *value, const char *argument, struct arm_error *err);

/* Copy the caller's option struct (NULL: all defaults) of `known` bytes to `out`. A smaller one,
 * of an older header, leaves the newer fields zero; a larger one, of a newer header, is refused,
 * since what it asks for cannot be honoured. Both begin with their size. */
arm_status arm__options_copy(const void *given, size_t known, void *out, struct arm_error *err);

/* What the session reads: `at`, or its branch now. */
arm_status arm__session_snapshot(const struct arm_session *session, const char *at,
                                 struct arm_snapshot *out, struct arm_error *err);
struct arm_catalog *arm__session_catalog(const struct arm_session *session);

/* A count of `root`, made before a call that may commit, since nothing may fail after it; then
 * `*stream` is wrapped so that it takes the count, and gives it up when it is released. */
struct arm_held;
arm_status arm__held_new(struct arm_root *root, struct arm_held **out, struct arm_error *err);
void arm__held_free(struct arm_held *held); /* NULL is accepted */
void arm__stream_hold(struct ArrowArrayStream *stream, struct arm_held *held);
/* Release a stream a call has taken; NULL and released ones are accepted. */
void arm__stream_release(struct ArrowArrayStream *stream);

#endif
