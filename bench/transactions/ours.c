/* SPDX-License-Identifier: Apache-2.0 */
#include "transactions/ours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The repository ---- */

static const char *const tables[] = {
    "CREATE TABLE events (id BIGINT PRIMARY KEY, amount DOUBLE, note VARCHAR)",
    "CREATE TABLE big (id BIGINT PRIMARY KEY, amount DOUBLE, note VARCHAR)",
    "CREATE TABLE accounts (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT)",
    "CREATE TABLE tellers (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT)",
    "CREATE TABLE branches (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT)",
    ("CREATE TABLE history (id BIGINT PRIMARY KEY, account BIGINT, teller BIGINT, branch BIGINT,"
     " delta BIGINT)"),
};

static void fill(arm_session *session, const char *table, size_t count, const char *columns)
{
    char sql[400];

    (void)snprintf(sql, sizeof sql, "INSERT INTO %s SELECT %s FROM range(%zu)", table, columns,
                   count);
    (void)bench_session_run(session, sql);
}

void *ours_make(const char *where, size_t rows, size_t accounts)
{
    arm_repo *repo = ours_share(where);
    arm_session *session = ours_session(repo);

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        (void)bench_session_run(session, tables[i]);
    }
    fill(session, "big", rows, "2 * range, range / 2.0, 'note ' || range");
    fill(session, "accounts", accounts, "range, range % 10, 0");
    fill(session, "tellers", TELLERS, "range, range % 10, 0");
    fill(session, "branches", BRANCHES, "range, range, 0");
    arm_session_close(session);
    return repo;
}

void *ours_share(const char *where)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct arm_error err;
    arm_repo *repo = NULL;

    bench_check(arm_repo_open(where, &options, &repo, &err), &err, where);
    return repo;
}

void ours_unshare(void *shared)
{
    arm_repo_close(shared);
}

arm_session *ours_session(void *shared)
{
    arm_session *session = NULL;
    struct arm_error err;

    bench_check(arm_session_open(shared, NULL, &session, &err), &err, "session");
    (void)bench_session_run(session, "SELECT 1");
    return session;
}

int64_t ours_ask(arm_session *session, const char *sql)
{
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    struct arm_error err;
    int64_t number = 0;

    bench_check(arm_sql(session, sql, NULL, &stream, NULL, &err), &err, sql);
    if (stream.get_next(&stream, &array) != 0 || array.release == NULL || array.n_children != 1) {
        bench_fail(sql, "gives no number");
    }
    number = ((const int64_t *)array.children[0]->buffers[1])[array.children[0]->offset];
    array.release(&array);
    stream.release(&stream);
    return number;
}

arm_status ours_run(arm_session *session, const char *sql, struct arm_error *err)
{
    struct ArrowArrayStream stream;
    arm_status st = arm_sql(session, sql, NULL, &stream, NULL, err);

    if (st == ARM_OK) {
        stream.release(&stream);
    }
    return st;
}

enum side_outcome ours_outcome(arm_status status, const struct arm_error *err,
                               char why[SIDE_WHY_BYTES])
{
    if (status == ARM_OK) {
        return SIDE_DONE;
    }
    if (status == ARM_CONFLICT) {
        return SIDE_CONFLICT;
    }
    (void)snprintf(why, SIDE_WHY_BYTES, "%s: %.150s", arm_status_name(status), err->message);
    return SIDE_FAILED;
}

/* ---- Rows as a stream ---- */

static void release_schema(struct ArrowSchema *schema)
{
    free((void *)schema->children);
    free(schema->private_data);
    schema->release = NULL;
}

static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL; /* a child: its parent's memory */
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const struct ours_rows *rows = stream->private_data;
    struct ArrowSchema *children = calloc(rows->column_count, sizeof *children);
    struct ArrowSchema **list = calloc(rows->column_count, sizeof *list);

    if (children == NULL || list == NULL) {
        bench_fail("stream", "out of memory");
    }
    for (size_t i = 0; i < rows->column_count; i++) {
        children[i] = (struct ArrowSchema){.format = rows->columns[i].format,
                                           .name = rows->columns[i].name,
                                           .flags = ARROW_FLAG_NULLABLE,
                                           .release = keep_schema};
        list[i] = &children[i];
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = (int64_t)rows->column_count,
                                .children = list,
                                .release = release_schema,
                                .private_data = children};
    return 0;
}

static void release_array(struct ArrowArray *array)
{
    array->release = NULL; /* all of it is in the ours_rows */
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    static const void *no_validity[1] = {NULL};
    struct ours_rows *rows = stream->private_data;

    *out = (struct ArrowArray){.release = NULL};
    if (rows->is_given) {
        return 0;
    }
    for (size_t i = 0; i < rows->column_count; i++) {
        const struct ours_column *column = &rows->columns[i];
        bool is_text = column->format[0] == 'u';

        rows->buffers[i][0] = NULL;
        rows->buffers[i][1] = is_text ? column->offsets : column->values;
        rows->buffers[i][2] = column->values;
        rows->arrays[i] = (struct ArrowArray){.length = rows->row_count,
                                              .n_buffers = is_text ? 3 : 2,
                                              .buffers = rows->buffers[i],
                                              .release = release_array};
        rows->array_list[i] = &rows->arrays[i];
    }
    *out = (struct ArrowArray){.length = rows->row_count,
                               .n_buffers = 1,
                               .n_children = (int64_t)rows->column_count,
                               .buffers = no_validity,
                               .children = rows->array_list,
                               .release = release_array};
    rows->is_given = true;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

struct ArrowArrayStream ours_stream(struct ours_rows *rows)
{
    rows->is_given = false;
    return (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release_stream,
                                     .private_data = rows};
}
