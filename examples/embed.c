/* SPDX-License-Identifier: Apache-2.0 */
/* A program with a versioned database inside. It needs armillaria.h and one library:
 *
 *     cc embed.c $(pkg-config --cflags --libs armillaria) -o embed && ./embed /tmp/shop
 *
 * It makes a repository, changes a table twice, and reads both versions. */

#include <armillaria.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void check(arm_status status, const struct arm_error *err)
{
    if (status != ARM_OK) {
        fprintf(stderr, "%s: %s\n", arm_status_name(status), err->message);
        exit(EXIT_FAILURE);
    }
}

/* Run one statement; if it gives rows, print the first column, which is a BIGINT. */
static void run(arm_session *session, const char *sql)
{
    struct ArrowArrayStream rows;
    struct ArrowArray batch;
    struct arm_error err;

    check(arm_sql(session, sql, NULL, &rows, NULL, &err), &err);
    printf("%s\n", sql);
    while (rows.get_next(&rows, &batch) == 0 && batch.release != NULL) {
        for (int64_t i = 0; i < batch.length && batch.n_children > 0; i++) {
            const int64_t *values = batch.children[0]->buffers[1];
            printf("    %" PRId64 "\n", values[batch.children[0]->offset + i]);
        }
        batch.release(&batch);
    }
    rows.release(&rows);
}

int main(int argc, char **argv)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct ArrowArrayStream orders;
    struct arm_write_options append = {.size = sizeof append, .mode = ARM_WRITE_APPEND};
    struct arm_write_result written;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    struct arm_error err;

    check(arm_repo_open(argc > 1 ? argv[1] : "shop", &options, &repo, &err), &err);
    check(arm_session_open(repo, NULL, &session, &err), &err);

    /* SQL makes version 1; anything that gives an Arrow stream can be written too: version 2. */
    run(session, "CREATE TABLE orders AS SELECT 1::BIGINT AS id, 20::BIGINT AS amount");
    check(
        arm_sql(session, "SELECT 2::BIGINT AS id, 22::BIGINT AS amount", NULL, &orders, NULL, &err),
        &err);
    check(arm_write(session, "orders", &orders, &append, &written, &err), &err);
    printf("orders is at version %" PRIu64 "\n", written.version);

    run(session, "SELECT sum(amount)::BIGINT FROM orders");
    run(session, "SELECT sum(amount)::BIGINT FROM orders AT (VERSION => 1)");

    arm_session_close(session);
    arm_repo_close(repo);
    return EXIT_SUCCESS;
}
