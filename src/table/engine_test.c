/* SPDX-License-Identifier: Apache-2.0 */
#include "table/engine.h"

#include <pthread.h>

#include "table/table_fixture.h"

static void test_engine_reaches_no_network(void **state)
{
    static const char *const statements[] = {
        "INSTALL httpfs",
        "INSTALL httpfs FROM 'http://127.0.0.1:9/x'",
        "INSTALL httpfs FROM core_nightly",
        "LOAD httpfs",
        "FROM 'http://127.0.0.1:9/a.parquet'",
        "FROM read_parquet('s3://bucket/a.parquet')",
    };
    struct arm_engine *engine = fixture_engine();
    duckdb_connection connection;
    struct arm_error err = {0};

    (void)state;
    assert_ok(arm__engine_connect(engine, &connection, &err), err);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        assert_fails(ARM_SQL, arm__engine_run(connection, statements[i], ARM_SQL, &err), err);
        assert_null(strstr(err.message, "127.0.0.1:9/x/"));
        assert_null(strstr(err.message, "onnect"));
    }
    arm__engine_disconnect(engine, connection);
    arm__engine_close(engine);
}

static void test_engine_takes_its_limits(void **state)
{
    struct arm_engine_options options = {
        .memory_limit_bytes = 64 << 20,
        .thread_count = 3,
        .spill_directory = "/tmp/armillaria-spill-test",
    };
    struct arm_engine *engine = NULL;
    duckdb_connection connection;
    struct arm_error err = {0};

    (void)state;
    assert_ok(arm__engine_open(&options, &engine, &err), err);
    assert_int_equal(arm__engine_thread_count(engine), 3);
    struct rows rows = rows_of(engine, "SELECT current_setting('memory_limit') AS m,"
                                       " current_setting('threads')::INTEGER AS t,"
                                       " current_setting('temp_directory') AS d");
    const duckdb_string_t *limit =
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[0], 0));
    const int32_t *threads =
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[0], 1));

    assert_memory_equal(limit->value.inlined.inlined, "64.0 MiB", 8);
    assert_int_equal(*threads, 3);
    rows_free(&rows);
    assert_ok(arm__engine_connect(engine, &connection, &err), err);
    assert_ok(arm__engine_run(connection, "SET temp_directory = ''", ARM_SQL, &err), err);
    assert_fails(ARM_NO_MEMORY,
                 arm__engine_run(connection,
                                 "CREATE TEMP TABLE t AS SELECT hash(i) FROM range(100000000) t(i)",
                                 ARM_SQL, &err),
                 err);
    arm__engine_disconnect(engine, connection);
    arm__engine_close(engine);
    arm__engine_close(NULL);
}

static void test_engine_wrong_options_are_told(void **state)
{
    struct arm_engine_options options = {.thread_count = 1, .spill_directory = ""};
    struct arm_engine *engine = NULL;
    struct arm_error err = {0};

    (void)state;
    assert_ok(arm__engine_open(&options, &engine, &err), err);
    arm__engine_close(engine);
}

static void *connect_often(void *context)
{
    struct arm_engine *engine = context;

    for (int i = 0; i < 200; i++) {
        duckdb_connection connection;
        struct arm_error err = {0};

        if (arm__engine_connect(engine, &connection, &err) != ARM_OK ||
            arm__engine_run(connection, "SELECT 1", ARM_SQL, &err) != ARM_OK) {
            return context;
        }
        arm__engine_disconnect(engine, connection);
    }
    return NULL;
}

static void test_engine_connections_serve_many_threads(void **state)
{
    enum { THREADS = 6 };
    struct arm_engine *engine = fixture_engine();
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, connect_often, engine), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = engine;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    arm__engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_reaches_no_network),
        cmocka_unit_test(test_engine_takes_its_limits),
        cmocka_unit_test(test_engine_wrong_options_are_told),
        cmocka_unit_test(test_engine_connections_serve_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
