/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "duck/branch_parse.h"
#include "query/query_private.h"
#include "query/row_calls.h"
#include "support/cmocka_all.h"

enum { SQL_BYTES = 4096, TELL_BYTES_MAX = 1 << 20 };

/* What query/session.c makes, but of an engine that is there. */
struct power_sql {
    struct arm_query_session session; /* what users have */
    struct arm_query_session maker;   /* of rows and keys that a stream gives */
    char text[SQL_BYTES];             /* of what is wrong */
};

/* ---- Sessions ---- */

static arm_status give_snapshot(void *self, struct arm_snapshot *out, bool *out_read_only,
                                struct arm_error *err)
{
    const struct arm_query_session *session = self;

    *out_read_only = false;
    return arm__catalog_snapshot(arm__repository_catalog(session->duck.repository), session->branch,
                                 out, err);
}

static const char *give_message(void *self)
{
    (void)self;
    return "m";
}

static void take_result(void *self, const struct arm_commit_result *result)
{
    (void)self;
    (void)result;
}

static arm_status refuse_branch(void *self, const struct arm_branch_statement *statement,
                                struct arm_error *err)
{
    (void)self;
    return arm__fail(err, ARM_UNSUPPORTED, "no branches here: %s", statement->name);
}

static void init_session(struct arm_query_session *session, struct arm_repository *repository,
                         struct arm_engine *engine)
{
    atomic_init(&session->references, 1);
    atomic_init(&session->last_tx, 0);
    (void)snprintf(session->branch, sizeof session->branch, "main");
    session->duck = (struct arm_duck_session){.self = session,
                                              .repository = repository,
                                              .engine = engine,
                                              .snapshot = give_snapshot,
                                              .message = give_message,
                                              .committed = take_result,
                                              .branch_statement = refuse_branch};
    arm__mutex_init(&session->run);
    arm__mutex_init(&session->peek);
}

static void close_session(struct arm_query_session *session)
{
    assert_int_equal(atomic_load(&session->references), 1); /* no stream is left */
    arm__duck_disconnect(session->connection);
    arm__mutex_release(&session->run);
    arm__mutex_release(&session->peek);
}

arm_status power_sql_open(struct arm_repository *repository, struct arm_engine *engine,
                          struct power_sql **out, struct arm_error *err)
{
    struct power_sql *sql = calloc(1, sizeof *sql);
    arm_status st = ARM_OK;

    assert_non_null(sql);
    init_session(&sql->session, repository, engine);
    init_session(&sql->maker, repository, engine);
    ARM_TRY(arm__duck_connect(&sql->session.duck, &sql->session.connection, err));
    *out = sql;
    sql = NULL;
done:
    power_sql_close(sql);
    return st;
}

void power_sql_close(struct power_sql *sql)
{
    if (sql != NULL) {
        close_session(&sql->session);
        close_session(&sql->maker);
        free(sql);
    }
}

/* ---- Statements ---- */

/* A line a row, its columns (of text) with blanks between; the stream is released. */
static arm_status print_stream(struct ArrowArrayStream *stream, struct arm_buf *out,
                               struct arm_error *err)
{
    struct ArrowArray batch;
    int rc;

    while ((rc = stream->get_next(stream, &batch)) == 0 && batch.release != NULL) {
        for (int64_t i = 0; out != NULL && i < batch.length * batch.n_children; i++) {
            const struct ArrowArray *column = batch.children[i % batch.n_children];
            int64_t row = i / batch.n_children + column->offset;
            const uint8_t *validity = column->buffers[0];
            const int32_t *offsets = column->buffers[1];
            const char *bytes = column->buffers[2];
            bool is_null = validity != NULL && (validity[row / 8] >> row % 8 & 1) == 0;

            assert_int_equal(
                arm__buf_printf(out, NULL, "%.*s%s",
                                is_null ? 4 : (int)(offsets[row + 1] - offsets[row]),
                                is_null ? "NULL" : bytes + offsets[row],
                                i % batch.n_children + 1 < batch.n_children ? " " : "\n"),
                ARM_OK);
        }
        batch.release(&batch);
    }
    if (rc != 0) {
        (void)arm__fail(err, ARM_IO, "%s", stream->get_last_error(stream));
    }
    stream->release(stream);
    return rc == 0 ? ARM_OK : ARM_IO;
}

/* One statement, what is behind it in `*inout_text`; NULL: nothing. */
static arm_status run_one(struct power_sql *sql, const char **inout_text, struct arm_buf *out,
                          struct arm_error *err)
{
    struct arm_sql_options options = {.size = sizeof options, .render = ARM_RENDER_TEXT};
    struct ArrowArrayStream stream;
    const char *tail = NULL;
    arm_status st = arm__session_sql(&sql->session, *inout_text, &options, &stream, &tail, err);

    *inout_text = tail;
    return st == ARM_OK ? print_stream(&stream, out, err) : st;
}

arm_status power_sql_run(struct power_sql *sql, const char *text, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (st == ARM_OK && text != NULL) {
        st = run_one(sql, &text, NULL, err);
    }
    if (st != ARM_OK && arm__session_in_transaction(&sql->session)) {
        text = "ROLLBACK";
        (void)run_one(sql, &text, NULL, NULL);
    }
    return st;
}

/* The rows of a SELECT, to be read by people; stops the test if it fails. */
static void ask(struct power_sql *sql, const char *text, struct arm_buf *out)
{
    const char *rest = text;
    struct arm_error err = {0};
    arm_status st = run_one(sql, &rest, out, &err);

    if (st != ARM_OK) {
        fail_msg("%s: %s", text, err.message);
    }
}

arm_status power_sql_number(struct power_sql *sql, const char *text, int64_t *out,
                            struct arm_error *err)
{
    struct arm_buf printed = ARM_BUF_INIT(SQL_BYTES);
    arm_status st = run_one(sql, &text, &printed, err);

    if (st == ARM_OK) {
        assert_int_equal(arm__buf_u8(&printed, 0, NULL), ARM_OK);
        *out = strtoll((const char *)printed.data, NULL, 10);
    }
    arm__buf_release(&printed);
    return st;
}

/* ---- Streams ---- */

static arm_status make(struct power_sql *sql, const char *text, struct ArrowArrayStream *out,
                       struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (sql->maker.connection == NULL) {
        ARM_TRY(arm__duck_connect(&sql->maker.duck, &sql->maker.connection, err));
    }
    ARM_TRY(arm__session_sql(&sql->maker, text, NULL, out, NULL, err));
done:
    return st;
}

static arm_status make_rows(struct power_sql *sql, int64_t from, int64_t to, const char *v,
                            struct ArrowArrayStream *out, struct arm_error *err)
{
    char text[200];

    (void)snprintf(text, sizeof text, "SELECT i AS id, '%s' || i AS v FROM range(%lld, %lld) r(i)",
                   v, (long long)from, (long long)to);
    return make(sql, text, out, err);
}

arm_status power_sql_write(struct power_sql *sql, const char *table, arm_write_mode mode,
                           int64_t from, int64_t to, const char *v, struct arm_error *err)
{
    static const char *const key[] = {"id"};
    const struct arm_write_options options = {
        .size = sizeof options, .mode = mode, .key = key, .key_count = 1};
    struct ArrowArrayStream stream;
    struct arm_write_result result;
    arm_status st = ARM_OK;

    ARM_TRY(make_rows(sql, from, to, v, &stream, err));
    st = arm__session_write(&sql->session, table, &stream, &options, &result, err);
    stream.release(&stream);
done:
    return st;
}

/* ---- Row calls ---- */

static arm_status make_keys(struct power_sql *sql, int64_t from, int64_t to,
                            struct ArrowArrayStream *out, struct arm_error *err)
{
    char text[200];

    (void)snprintf(text, sizeof text, "SELECT i AS id FROM range(%lld, %lld) r(i)", (long long)from,
                   (long long)to);
    return make(sql, text, out, err);
}

static arm_status call_rows(struct power_sql *sql, uint64_t number, const char *table, int64_t from,
                            int64_t to, struct arm_error *err)
{
    struct ArrowArrayStream keys = {.release = NULL};
    struct ArrowArrayStream rows = {.release = NULL};
    struct ArrowArrayStream first = {.release = NULL};
    struct ArrowArrayStream got;
    uint64_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(make_keys(sql, from, to, &keys, err));
    ARM_TRY(arm__session_get(&sql->session, number, table, &keys, &got, err));
    ARM_TRY(print_stream(&got, NULL, err));
    ARM_TRY(make_rows(sql, from, to + 1, "put", &rows, err));
    ARM_TRY(arm__session_put(&sql->session, number, table, &rows, &count, err));
    ARM_TRY(make_keys(sql, from, from + 1, &first, err));
    ARM_TRY(arm__session_delete(&sql->session, number, table, &first, &count, err));
    assert_int_equal(count, 1);
done:
    if (keys.release != NULL) {
        keys.release(&keys);
    }
    if (rows.release != NULL) {
        rows.release(&rows);
    }
    if (first.release != NULL) {
        first.release(&first);
    }
    return st;
}

arm_status power_sql_row_calls(struct power_sql *sql, const char *table, int64_t from, int64_t to,
                               struct arm_error *err)
{
    static const bool serializable = true;
    uint64_t number = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_begin(&sql->session, &serializable, &number, err));
    st = call_rows(sql, number, table, from, to, err);
    if (st == ARM_OK) {
        st = arm__session_commit(&sql->session, number, "m", NULL, err);
    } else {
        arm__session_roll_back(&sql->session, number);
    }
done:
    return st;
}

/* ---- Telling ---- */

static const char OBJECTS[] =
    "SELECT 'column' AS kind, schema_name, table_name, column_index::VARCHAR AS number,"
    "    column_name AS name, data_type || CASE WHEN is_nullable THEN '' ELSE ' not null' END"
    "    || coalesce(' default ' || column_default, '') AS text"
    " FROM duckdb_columns() WHERE database_name = 'armillaria' AND NOT internal"
    " UNION ALL SELECT 'constraint', schema_name, table_name, '', constraint_type,"
    "    constraint_text"
    " FROM duckdb_constraints() WHERE database_name = 'armillaria'"
    " UNION ALL SELECT 'view', schema_name, view_name, '', '', sql"
    " FROM duckdb_views() WHERE database_name = 'armillaria' AND NOT internal"
    " UNION ALL SELECT 'sequence', schema_name, sequence_name, start_value::VARCHAR,"
    "    increment_by::VARCHAR, max_value::VARCHAR"
    " FROM duckdb_sequences() WHERE database_name = 'armillaria'"
    " UNION ALL SELECT 'schema', schema_name, '', '', '', ''"
    " FROM duckdb_schemas() WHERE database_name = 'armillaria' AND NOT internal"
    " ORDER BY ALL";

static const char VERSIONS[] =
    "SELECT 'version', schema, \"table\", version, rows, coalesce(key::VARCHAR, '')"
    " FROM arm_tables() ORDER BY ALL";

/* A SELECT of the rows of all tables and views: how many, and the sum of their hashes. */
static const char ROWS_SQL[] =
    "SELECT coalesce(string_agg("
    "    format('SELECT ''rows'' AS w, ''{0}.{1}'' AS t, count(*) AS n, coalesce(sum(hash({2})"
    "::HUGEINT), 0) AS h, {3} AS s FROM \"{0}\".\"{1}\"', schema_name, table_name, columns,"
    "    serials), ' UNION ALL ') || ' ORDER BY ALL', 'SELECT ''no rows''')"
    " FROM (SELECT schema_name, table_name, coalesce(string_agg('\"' || column_name || '\"', ', '"
    "        ORDER BY column_index) FILTER (column_name <> 'serial'), '0') AS columns,"
    "        coalesce(max('count(DISTINCT \"serial\")') FILTER (column_name = 'serial'), '0')"
    "        AS serials"
    "    FROM duckdb_columns() WHERE database_name = 'armillaria' AND NOT internal"
    "    GROUP BY ALL)";

/* The line that a SELECT gives, as a text of its own. */
static void ask_text(struct power_sql *sql, const char *text, struct arm_buf *out)
{
    arm__buf_clear(out);
    ask(sql, text, out);
    assert_true(out->size > 0);
    out->data[out->size - 1] = '\0';
}

void power_sql_tell(struct power_sql *sql, struct arm_buf *out)
{
    struct arm_buf text = ARM_BUF_INIT(TELL_BYTES_MAX);

    arm__buf_clear(out);
    ask(sql, OBJECTS, out);
    ask(sql, VERSIONS, out);
    ask_text(sql, ROWS_SQL, &text);
    ask(sql, (const char *)text.data, out);
    assert_int_equal(arm__buf_u8(out, 0, NULL), ARM_OK);
    arm__buf_release(&text);
}

/* ---- Keys ---- */

static const char KEYED[] =
    "SELECT '\"' || schema || '\".\"' || \"table\" || '\"', key[1] FROM arm_tables()"
    " WHERE len(key) = 1 ORDER BY ALL";

static arm_status try(struct power_sql *sql, struct arm_buf *out, struct arm_error *err,
                      const char *form, const char *table, const char *key)
{
    char text[SQL_BYTES];

    (void)snprintf(text, sizeof text, form, table, key);
    arm__buf_clear(out);
    for (const char *rest = text; rest != NULL;) {
        arm_status st = run_one(sql, &rest, out, err);

        if (st != ARM_OK) {
            (void)power_sql_run(sql, "ROLLBACK", NULL);
            return st;
        }
    }
    return arm__buf_u8(out, 0, NULL);
}

static const char *wrong(struct power_sql *sql, const char *what, const char *table,
                         const char *message)
{
    (void)snprintf(sql->text, sizeof sql->text, "%s of %s: %s", what, table, message);
    return sql->text;
}

static const char *check_table(struct power_sql *sql, const char *table, const char *key)
{
    struct arm_buf out = ARM_BUF_INIT(SQL_BYTES);
    struct arm_error err = {0};
    int64_t rows = 0;
    const char *bad = NULL;
    arm_status st;

    st = try(sql, &out, &err, "INSERT INTO %1$s SELECT * FROM %1$s ON CONFLICT DO NOTHING", table,
             key);
    if (st != ARM_OK || strcmp((const char *)out.data, "0\n") != 0) {
        bad = wrong(sql, "keys not found", table,
                    st == ARM_OK ? (const char *)out.data : err.message);
        goto done;
    }
    st = try(sql, &out, &err, "SELECT count(*) FROM %1$s", table, key);
    assert_ok(st, err);
    rows = strtoll((const char *)out.data, NULL, 10);
    st = try(sql, &out, &err, "INSERT INTO %1$s SELECT * FROM %1$s ORDER BY %2$s LIMIT 1", table,
             key);
    if (st != (rows == 0 ? ARM_OK : ARM_CONSTRAINT)) {
        bad = wrong(sql, "a key twice", table, st == ARM_OK ? "taken" : err.message);
        goto done;
    }
    st =
        try(sql, &out, &err, "BEGIN; INSERT INTO %1$s (%2$s) VALUES (-4711); ROLLBACK", table, key);
    if (st != ARM_OK) {
        bad = wrong(sql, "a free key", table, err.message);
    }
done:
    arm__buf_release(&out);
    return bad;
}

const char *power_sql_check_keys(struct power_sql *sql)
{
    struct arm_buf tables = ARM_BUF_INIT(TELL_BYTES_MAX);
    const char *bad = NULL;
    char *rest = NULL;

    ask(sql, KEYED, &tables);
    assert_int_equal(arm__buf_u8(&tables, 0, NULL), ARM_OK);
    for (char *line = strtok_r((char *)tables.data, "\n", &rest); bad == NULL && line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *blank = strrchr(line, ' ');

        assert_non_null(blank);
        *blank = '\0';
        bad = check_table(sql, line, blank + 1);
    }
    arm__buf_release(&tables);
    return bad;
}
