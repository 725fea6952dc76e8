/* SPDX-License-Identifier: Apache-2.0 */
/* Branches and tags: each call settles what it names, and appends one record. */

#include "query/branch.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit.h"
#include "query/check.h"
#include "query/query_private.h"

/* ---- Where the session stands ---- */

static struct arm_catalog *catalog_of(const struct arm_query_session *session)
{
    return arm__repository_catalog(session->duck.repository);
}

arm_status arm__session_now(struct arm_query_session *session, struct arm_snapshot *out,
                            struct arm_error *err)
{
    struct arm_snapshot now;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_branch(catalog_of(session), session->branch_id, &now, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND,
                       "branch \"%s\", where this session stands, was dropped: go to another with "
                       "USE BRANCH",
                       session->branch);
        goto done;
    }
    memcpy(session->branch, now.branch, sizeof session->branch);
    *out = now;
done:
    return st;
}

static arm_status use(struct arm_query_session *session, const char *branch, struct arm_error *err)
{
    struct arm_snapshot found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_snapshot(catalog_of(session), branch, &found, err));
    session->branch_id = found.branch_id;
    memcpy(session->branch, found.branch, sizeof session->branch);
done:
    return st;
}

/* ---- Changes ---- */

static arm_status check_writable(const struct arm_query_session *session, struct arm_error *err)
{
    if (session->read_only || arm__host_read_only(session->host)) {
        return arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                         arm__repository_path(session->duck.repository));
    }
    if (session->at != NULL) {
        return arm__fail(err, ARM_READ_ONLY, "as of \"%s\" there is only reading", session->at);
    }
    return ARM_OK;
}

static arm_status append(struct arm_query_session *session, Armpb__RefChange *change,
                         struct arm_error *err)
{
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(check_writable(session, err));
    ARM_TRY(arm__commit_ref(session->duck.repository, change, &tx, err));
done:
    return st;
}

/* The message's strings are not const; they are only read. */
static char *unconst(const char *text)
{
    union {
        const char *in;
        char *out;
    } both = {text};

    return both.out;
}

static Armpb__RefChange change_of(Armpb__RefKind kind, Armpb__RefAction action, const char *name)
{
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;

    change.kind = kind;
    change.action = action;
    change.name = unconst(name);
    return change;
}

/* A branch or a tag of what `ref` names; NULL: the session's branch, as it is under the lock. */
static arm_status create(struct arm_query_session *session, Armpb__RefKind kind, const char *name,
                         const char *ref, const char *description, struct arm_error *err)
{
    Armpb__RefChange change = change_of(kind, ARMPB__REF_ACTION__REF_CREATE, name);
    struct arm_snapshot from;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_now(session, &from, err));
    if (ref != NULL) {
        struct arm_snapshot now = from;

        ARM_TRY(arm__catalog_resolve(catalog_of(session), &now, ref, &from, err));
        change.has_from_tx = true;
        change.from_tx = from.tx;
    }
    change.has_from_branch_id = true;
    change.from_branch_id = from.branch_id;
    change.description = unconst(description);
    ARM_TRY(append(session, &change, err));
done:
    return st;
}

static arm_status drop_branch(struct arm_query_session *session, const char *name,
                              struct arm_error *err)
{
    Armpb__RefChange change = change_of(ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DROP, name);
    struct arm_snapshot found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_snapshot(catalog_of(session), name, &found, err));
    if (found.branch_id == session->branch_id && strcmp(name, "main") != 0) {
        st = arm__fail(err, ARM_INVALID,
                       "branch \"%s\" cannot be dropped while this session stands on it: go to "
                       "another first",
                       name);
        goto done;
    }
    ARM_TRY(append(session, &change, err));
done:
    return st;
}

static arm_status rename_branch(struct arm_query_session *session, const char *name,
                                const char *new_name, struct arm_error *err)
{
    Armpb__RefChange change =
        change_of(ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_RENAME, name);
    struct arm_snapshot now;
    arm_status st = ARM_OK;

    change.new_name = unconst(new_name);
    ARM_TRY(append(session, &change, err));
    (void)arm__session_now(session, &now, NULL); /* it is renamed, whatever this says */
done:
    return st;
}

static arm_status describe_branch(struct arm_query_session *session, const char *name,
                                  const char *description, struct arm_error *err)
{
    Armpb__RefChange change =
        change_of(ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DESCRIBE, name);

    change.description = unconst(description);
    return append(session, &change, err);
}

static arm_status protect_branch(struct arm_query_session *session, const char *name,
                                 const struct arm_branch_protection *given, struct arm_error *err)
{
    Armpb__RefChange change =
        change_of(ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_PROTECT, name);
    Armpb__Protection protection = ARMPB__PROTECTION__INIT;
    Armpb__Check *checks = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(check_writable(session, err));
    if (given != NULL && given->check_count > 0) {
        ARM_TRY(arm__session_try_checks(session, name, given, err));
    }
    if (given != NULL && (given->only_merges || given->check_count > 0)) {
        protection.has_only_merges = true;
        protection.only_merges = given->only_merges;
        ARM_TRY(arm__calloc(given->check_count + 1, sizeof *checks, &checks, err));
        ARM_TRY(
            arm__calloc(given->check_count + 1, sizeof(Armpb__Check *), &protection.checks, err));
        for (size_t i = 0; i < given->check_count; i++) {
            checks[i] = (Armpb__Check)ARMPB__CHECK__INIT;
            checks[i].name = unconst(given->checks[i].name);
            checks[i].sql = unconst(given->checks[i].sql);
            protection.checks[protection.n_checks++] = &checks[i];
        }
        change.protection = &protection;
    }
    ARM_TRY(append(session, &change, err));
done:
    arm__free(protection.checks);
    arm__free(checks);
    return st;
}

static arm_status drop_tag(struct arm_query_session *session, const char *name,
                           struct arm_error *err)
{
    Armpb__RefChange change = change_of(ARMPB__REF_KIND__TAG, ARMPB__REF_ACTION__REF_DROP, name);

    return append(session, &change, err);
}

/* ---- The doors ---- */

static arm_status run(struct arm_query_session *session, const struct arm_branch_order *order,
                      struct arm_error *err)
{
    const Armpb__RefKind branch = ARMPB__REF_KIND__BRANCH;
    const Armpb__RefKind tag = ARMPB__REF_KIND__TAG;

    switch (order->verb) {
    case ARM_BRANCH_CREATE:
        return create(session, branch, order->name, order->other, order->description, err);
    case ARM_BRANCH_DROP:
        return drop_branch(session, order->name, err);
    case ARM_BRANCH_USE:
        return use(session, order->name, err);
    case ARM_BRANCH_RENAME:
        return rename_branch(session, order->name, order->other, err);
    case ARM_BRANCH_DESCRIBE:
        return describe_branch(session, order->name, order->description, err);
    case ARM_BRANCH_PROTECT:
        return protect_branch(session, order->name, order->protection, err);
    case ARM_TAG_CREATE:
        return create(session, tag, order->name, order->other, order->description, err);
    case ARM_TAG_DROP:
        return drop_tag(session, order->name, err);
    case ARM_BRANCH_MERGE:
        break;
    }
    return arm__fail(err, ARM_UNSUPPORTED,
                     "MERGE BRANCH stands alone: it is no part of another statement");
}

arm_status arm__session_branch_order(struct arm_query_session *session,
                                     const struct arm_branch_order *order, struct arm_error *err)
{
    arm_status st = ARM_OK;

    arm__session_enter_open(session);
    ARM_TRY(arm__repository_check(session->duck.repository, false, err));
    if (session->connection != NULL && arm__duck_transaction(session->connection) != NULL) {
        st = arm__fail(err, ARM_INVALID,
                       "a transaction is open: commit or roll it back first, for %s is not part of "
                       "one",
                       arm__branch_verb_text(order->verb));
        goto done;
    }
    ARM_TRY(run(session, order, err));
done:
    arm__session_leave_run(session);
    return st;
}

/* IF [NOT] EXISTS: what was asked for is so already. */
static bool is_so_already(const struct arm_branch_statement *statement, arm_status st)
{
    bool is_drop = statement->verb == ARM_BRANCH_DROP || statement->verb == ARM_TAG_DROP;

    return statement->is_lenient && st == (is_drop ? ARM_NOT_FOUND : ARM_EXISTS);
}

arm_status arm__session_branch_statement(struct arm_query_session *session,
                                         const struct arm_branch_statement *statement,
                                         struct arm_error *err)
{
    struct arm_branch_protection protection = {.size = sizeof protection,
                                               .only_merges = statement->only_merges,
                                               .check_count = statement->check_count};
    struct arm_branch_order order = {.verb = statement->verb,
                                     .name = statement->name,
                                     .other = statement->other,
                                     .description = statement->comment,
                                     .protection = &protection};
    struct arm_branch_check *checks = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(statement->check_count + 1, sizeof *checks, &checks, err));
    for (size_t i = 0; i < statement->check_count; i++) {
        checks[i] = (struct arm_branch_check){statement->checks[i].name, statement->checks[i].sql};
    }
    protection.checks = checks;
    st = run(session, &order, err);
    st = is_so_already(statement, st) ? ARM_OK : st;
done:
    arm__free(checks);
    return st;
}
