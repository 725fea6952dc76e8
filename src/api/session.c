/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, statements, data in and out: the calls that go down to query/. */

#include "api/api_private.h"
#include "base/alloc.h"

arm_status arm_session_open(arm_repo *repo, const char *branch, arm_session **out,
                            struct arm_error *err)
{
    struct arm_session *session = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__calloc(1, sizeof *session, &session, err));
    ARM_TRY(arm__session_open(arm__root_host(repo->root), branch == NULL ? "main" : branch,
                              repo->read_only, &session->query, err));
    session->root = arm__root_retain(repo->root);
    session->read_only = repo->read_only;
    *out = session;
    session = NULL;
done:
    arm__free(session);
    return st;
}

void arm_session_close(arm_session *session)
{
    if (session == NULL) {
        return;
    }
    if (!arm__root_is_forked(session->root)) {
        arm__session_close(session->query);
        arm__root_drop(session->root);
    }
    arm__free(session);
}

const char *arm_session_branch(const arm_session *session)
{
    return session == NULL ? "" : arm__session_branch(session->query);
}

void arm_session_interrupt(arm_session *session)
{
    if (session != NULL && !arm__root_is_forked(session->root)) {
        arm__session_interrupt(session->query);
    }
}

double arm_session_progress(arm_session *session)
{
    bool usable = session != NULL && !arm__root_is_forked(session->root);

    return usable ? arm__session_progress(session->query) : -1;
}

uint64_t arm_session_last_tx(const arm_session *session)
{
    return session == NULL ? 0 : arm__session_last_tx(session->query);
}

bool arm_session_in_transaction(arm_session *session)
{
    return session != NULL && !arm__root_is_forked(session->root) &&
           arm__session_in_transaction(session->query);
}

/* ---- SQL ---- */

static arm_status check_sql_options(const struct arm_sql_options *options, struct arm_error *err)
{
    if ((unsigned)options->render > ARM_RENDER_JSON) {
        return arm__fail(err, ARM_INVALID, "options.render is %u, which is none of arm_render",
                         (unsigned)options->render);
    }
    if (options->version_count > 0 && options->versions == NULL) {
        return arm__fail(err, ARM_INVALID, "options.versions is NULL");
    }
    if (options->parameters != NULL && options->parameters->release == NULL) {
        return arm__fail(err, ARM_INVALID, "options.parameters was released already");
    }
    return ARM_OK;
}

arm_status arm_sql(arm_session *session, const char *sql, const struct arm_sql_options *options,
                   struct ArrowArrayStream *out, const char **out_tail, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct arm_sql_options known = {0};
    struct arm_held *held = NULL;
    const char *tail = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__options_copy(options, sizeof known, &known, err)); /* what is taken is known */
    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(sql, "sql", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(check_sql_options(&known, err));
    ARM_TRY(arm__held_new(session->root, &held, err)); /* before there is anything to lose */
    ARM_TRY(arm__session_sql(session->query, sql, &known, &stream, out_tail == NULL ? NULL : &tail,
                             err));
    arm__stream_hold(&stream, held);
    held = NULL;
    if (out_tail != NULL) {
        *out_tail = tail;
    }
    *out = stream;
done:
    arm__held_free(held);
    if (known.parameters != NULL) {
        arm__stream_release(known.parameters);
    }
    return st;
}

/* ---- Data in ---- */

/* What arm_write and arm_import have in common before they go down. */
static arm_status check_write(const struct arm_session *session, const char *table,
                              const struct arm_write_options *given, struct arm_write_options *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__options_copy(given, sizeof *out, out, err));
    if ((unsigned)out->mode > ARM_WRITE_UPSERT) {
        st = arm__fail(err, ARM_INVALID, "options.mode is %u, which is none of arm_write_mode",
                       (unsigned)out->mode);
    } else if (out->key_count > 0 && out->key == NULL) {
        st = arm__fail(err, ARM_INVALID, "options.key is NULL");
    } else if (out->use_count > 0 && out->uses == NULL) {
        st = arm__fail(err, ARM_INVALID, "options.uses is NULL");
    } else if (out->metadata != NULL && out->metadata[0] == '\0') {
        st = arm__fail(err, ARM_INVALID, "options.metadata is empty: leave it NULL");
    } else if (out->column_count > 0) {
        st = arm__fail(err, ARM_INVALID, "options.columns is reserved: leave it NULL");
    } else if (session->read_only) {
        st = arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                       arm__repository_path(arm__root_repository(session->root)));
    }
done:
    return st;
}

arm_status arm_write(arm_session *session, const char *table, struct ArrowArrayStream *stream,
                     const struct arm_write_options *options, struct arm_write_result *out,
                     struct arm_error *err)
{
    struct arm_write_options known;
    struct arm_write_result result = {0};
    arm_status st = ARM_OK;

    ARM_TRY(check_write(session, table, options, &known, err));
    ARM_TRY(arm__require(stream, "stream", err));
    if (stream->release == NULL) {
        st = arm__fail(err, ARM_INVALID, "stream was released already");
        goto done;
    }
    ARM_TRY(arm__session_write(session->query, table, stream, &known, &result, err));
    if (out != NULL) {
        *out = result;
    }
done:
    arm__stream_release(stream);
    return st;
}

arm_status arm_import(arm_session *session, const char *table, const char *const *paths,
                      size_t path_count, const struct arm_write_options *options,
                      struct arm_write_result *out, struct arm_error *err)
{
    struct arm_write_options known;
    struct arm_write_result result = {0};
    arm_status st = ARM_OK;

    ARM_TRY(check_write(session, table, options, &known, err));
    ARM_TRY(arm__require(paths, "paths", err));
    if (path_count == 0) {
        st = arm__fail(err, ARM_INVALID, "path_count is 0: name a file");
        goto done;
    }
    for (size_t i = 0; i < path_count; i++) {
        ARM_TRY(arm__require(paths[i], "a path", err));
    }
    ARM_TRY(arm__session_import(session->query, table, paths, path_count, &known, &result, err));
    if (out != NULL) {
        *out = result;
    }
done:
    return st;
}

/* ---- Data out ---- */

arm_status arm_export(arm_session *session, const char *table, const char *path,
                      const struct arm_export_options *options, uint64_t *out_rows,
                      struct arm_error *err)
{
    struct arm_export_options known;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(path, "path", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(arm__session_export(session->query, table, path, &known, &rows, err));
    if (out_rows != NULL) {
        *out_rows = rows;
    }
done:
    return st;
}

arm_status arm_arrow_write_file(struct ArrowArrayStream *stream, const char *path,
                                uint64_t *out_rows, struct arm_error *err)
{
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(path, "path", err));
    ARM_TRY(arm__require(stream, "stream", err));
    if (stream->release == NULL) {
        st = arm__fail(err, ARM_INVALID, "stream was released already");
        goto done;
    }
    ARM_TRY(arm__arrow_write_file(stream, path, &rows, err));
    if (out_rows != NULL) {
        *out_rows = rows;
    }
done:
    arm__stream_release(stream);
    return st;
}
