/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_ADBC_FIXTURE_H
#define ARM_ADBC_ADBC_FIXTURE_H

/* What tests of the driver begin with. */

#include <string.h>

#include "adbc/adbc_private.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

AdbcStatusCode AdbcArmillariaInit(int version, void *raw_driver, struct AdbcError *error);
AdbcStatusCode AdbcDriverInit(int version, void *raw_driver, struct AdbcError *error);

/* A database in a directory of its own, with a connection and a statement. */
struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct AdbcDriver driver;
    struct AdbcDatabase database;
    struct AdbcConnection connection;
    struct AdbcStatement statement;
    struct AdbcError error;
};

#define assert_done(fixture, expr)                                                                 \
    do {                                                                                           \
        AdbcStatusCode assert_done_status = (expr);                                                \
        if (assert_done_status != ADBC_STATUS_OK) {                                                \
            fail_msg("%s: status %d: %s", #expr, assert_done_status, (fixture)->error.message);    \
        }                                                                                          \
    } while (0)

/* `expr` fails with `wanted`, and says why; the error is released. */
#define assert_refused(fixture, wanted, expr)                                                      \
    do {                                                                                           \
        assert_int_equal((expr), (wanted));                                                        \
        assert_non_null((fixture)->error.release);                                                 \
        assert_true((fixture)->error.message[0] != '\0');                                          \
        (fixture)->error.release(&(fixture)->error);                                               \
        assert_null((fixture)->error.release);                                                     \
        assert_null((fixture)->error.message);                                                     \
    } while (0)

static inline void open_fixture(struct fixture *f)
{
    *f = (struct fixture){.dir = temp_dir_make(), .error = ADBC_ERROR_INIT};
    (void)temp_path(&f->dir, "repo", f->path);
    assert_done(f, AdbcArmillariaInit(ADBC_VERSION_1_1_0, &f->driver, &f->error));
    assert_done(f, f->driver.DatabaseNew(&f->database, &f->error));
    assert_done(f, f->driver.DatabaseSetOption(&f->database, "uri", f->path, &f->error));
    assert_done(
        f, f->driver.DatabaseSetOption(&f->database, "adbc.armillaria.create", "true", &f->error));
    assert_done(f, f->driver.DatabaseInit(&f->database, &f->error));
    assert_done(f, f->driver.ConnectionNew(&f->connection, &f->error));
    assert_done(f, f->driver.ConnectionInit(&f->connection, &f->database, &f->error));
    assert_done(f, f->driver.StatementNew(&f->connection, &f->statement, &f->error));
}

static inline void close_fixture(struct fixture *f)
{
    if (f->statement.private_data != NULL) {
        assert_done(f, f->driver.StatementRelease(&f->statement, &f->error));
    }
    if (f->connection.private_data != NULL) {
        assert_done(f, f->driver.ConnectionRelease(&f->connection, &f->error));
    }
    if (f->database.private_data != NULL) {
        assert_done(f, f->driver.DatabaseRelease(&f->database, &f->error));
    }
    assert_done(f, f->driver.release(&f->driver, &f->error));
    temp_dir_remove(&f->dir);
}

static inline AdbcStatusCode try_sql(struct fixture *f, const char *sql,
                                     struct ArrowArrayStream *out, int64_t *rows)
{
    assert_done(f, f->driver.StatementSetSqlQuery(&f->statement, sql, &f->error));
    return f->driver.StatementExecuteQuery(&f->statement, out, rows, &f->error);
}

static inline int64_t run(struct fixture *f, const char *sql)
{
    int64_t rows = -7;

    assert_done(f, try_sql(f, sql, NULL, &rows));
    return rows;
}

static inline int64_t count_rows(struct ArrowArrayStream *stream)
{
    struct ArrowArray batch = {0};
    int64_t rows = 0;

    for (;;) {
        assert_int_equal(stream->get_next(stream, &batch), 0);
        if (batch.release == NULL) {
            stream->release(stream);
            assert_null(stream->release);
            return rows;
        }
        rows += batch.length;
        batch.release(&batch);
    }
}

static inline int64_t query(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream = {0};

    assert_done(f, try_sql(f, sql, &stream, NULL));
    return count_rows(&stream);
}

#endif
