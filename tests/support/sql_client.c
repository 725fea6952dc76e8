/* SPDX-License-Identifier: Apache-2.0 */
/* A message to a peer is one statement and NUL; back come a status and a text of fixed size. An
 * empty one ends it: that a pipe is closed a peer would not see while later ones hold it too. */

#include "support/sql_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SQL_BYTES_MAX = 2000 };

static void require(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

/* ---- A client ---- */

arm_status sql_client_open(struct sql_client *client, const char *path)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true, .thread_count = 1};
    arm_status st;

    *client = (struct sql_client){.repo = NULL};
    st = arm_repo_open(path, &options, &client->repo, &client->err);
    if (st == ARM_OK) {
        st = arm_session_open(client->repo, NULL, &client->session, &client->err);
    }
    if (st != ARM_OK) {
        sql_client_close(client);
    }
    return st;
}

void sql_client_close(struct sql_client *client)
{
    arm_session_close(client->session);
    arm_repo_close(client->repo);
    free(client->text);
    client->session = NULL;
    client->repo = NULL;
    client->text = NULL;
    client->text_capacity = 0;
}

static void add_text(struct sql_client *client, const char *bytes, size_t size)
{
    if (client->text_size + size + 1 > client->text_capacity) {
        client->text_capacity = 2 * (client->text_size + size + 100);
        client->text = realloc(client->text, client->text_capacity);
        require(client->text != NULL, "memory");
    }
    memcpy(client->text + client->text_size, bytes, size);
    client->text_size += size;
    client->text[client->text_size] = '\0';
}

/* A value of a column of utf8. */
static void add_value(struct sql_client *client, const struct ArrowArray *column, int64_t row)
{
    const uint8_t *valid = column->buffers[0];
    const int32_t *offsets = column->buffers[1];
    const char *bytes = column->buffers[2];
    int64_t at = column->offset + row;

    if (column->null_count != 0 && valid != NULL && (valid[at / 8] >> at % 8 & 1) == 0) {
        add_text(client, "NULL", 4);
    } else if (offsets[at + 1] > offsets[at]) {
        add_text(client, bytes + offsets[at], (size_t)(offsets[at + 1] - offsets[at]));
    }
}

static arm_status read_rows(struct sql_client *client, struct ArrowArrayStream *stream)
{
    struct ArrowArray batch = {.release = NULL};
    int rc;

    while ((rc = stream->get_next(stream, &batch)) == 0 && batch.release != NULL) {
        for (int64_t row = 0; row < batch.length; row++) {
            for (int64_t c = 0; c < batch.n_children; c++) {
                if (c > 0) {
                    add_text(client, ",", 1);
                }
                add_value(client, batch.children[c], batch.offset + row);
            }
            add_text(client, "|", 1);
        }
        batch.release(&batch);
    }
    if (rc != 0) {
        client->err.code = ARM_SQL;
        (void)snprintf(client->err.message, sizeof client->err.message, "%s",
                       stream->get_last_error(stream));
    }
    return rc == 0 ? ARM_OK : ARM_SQL;
}

/* Whether the rows are only a count of changed ones. */
static bool is_count(struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema = {.release = NULL};
    bool is;

    require(stream->get_schema(stream, &schema) == 0, "schema");
    is = schema.metadata != NULL || schema.n_children == 0;
    schema.release(&schema);
    return is;
}

arm_status sql_client_run(struct sql_client *client, const char *sql)
{
    struct arm_sql_options options = {.size = sizeof options, .render = ARM_RENDER_TEXT};
    struct ArrowArrayStream stream = {.release = NULL};
    arm_status st;

    client->text_size = 0;
    add_text(client, "", 0);
    st = arm_sql(client->session, sql, &options, &stream, NULL, &client->err);
    if (st == ARM_OK) {
        st = is_count(&stream) ? ARM_OK : read_rows(client, &stream);
        stream.release(&stream);
    }
    return st;
}

/* ---- A peer ---- */

static void write_all(int fd, const void *bytes, size_t size)
{
    require(write(fd, bytes, size) == (ssize_t)size, "a pipe"); /* less than a pipe takes at once */
}

static void serve(const char *path, int from, int to)
{
    struct sql_client client;
    char sql[SQL_BYTES_MAX];
    size_t size = 0;

    require(sql_client_open(&client, path) == ARM_OK, client.err.message);
    while (read(from, sql + size, 1) == 1 && (size > 0 || sql[0] != '\0')) {
        if (sql[size++] == '\0') {
            arm_status st = sql_client_run(&client, sql);
            char text[sizeof((struct sql_peer *)NULL)->text];

            (void)snprintf(text, sizeof text, "%s",
                           st == ARM_OK ? client.text : client.err.message);
            write_all(to, &st, sizeof st);
            write_all(to, text, sizeof text);
            size = 0;
        }
        require(size < sizeof sql, "a statement that long");
    }
    sql_client_close(&client);
}

void sql_peer_start(struct sql_peer *peer, const char *path)
{
    int there[2];
    int back[2];

    require(pipe(there) == 0 && pipe(back) == 0, "pipe");
    peer->process = fork();
    require(peer->process >= 0, "fork");
    if (peer->process == 0) {
        (void)close(there[1]);
        (void)close(back[0]);
        serve(path, there[0], back[1]);
        _exit(0);
    }
    (void)close(there[0]);
    (void)close(back[1]);
    peer->ends[0] = there[1];
    peer->ends[1] = back[0];
}

static void read_all(int fd, void *out, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t more = read(fd, (char *)out + got, size - got);

        require(more > 0, "the peer is gone");
        got += (size_t)more;
    }
}

arm_status sql_peer_run(struct sql_peer *peer, const char *sql)
{
    write_all(peer->ends[0], sql, strlen(sql) + 1);
    read_all(peer->ends[1], &peer->status, sizeof peer->status);
    read_all(peer->ends[1], peer->text, sizeof peer->text);
    return peer->status;
}

void sql_peer_stop(struct sql_peer *peer)
{
    int status = 0;

    write_all(peer->ends[0], "", 1);
    (void)close(peer->ends[0]);
    (void)close(peer->ends[1]);
    require(waitpid(peer->process, &status, 0) == peer->process, "wait");
    require(status == 0, "the peer failed");
}
