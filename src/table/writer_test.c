/* SPDX-License-Identifier: Apache-2.0 */
#include "table/writer.h"

#include <errno.h>
#include <sys/mount.h>

#include "base/alloc.h"
#include "table/writer_fixture.h"

static struct rows many_rows(struct desk *desk, int count)
{
    char sql[1000];

    (void)snprintf(sql, sizeof sql,
                   "SELECT i AS id, (i * 7919 %% 1000)::INTEGER AS n,"
                   " 'comment number ' || hash(i) AS comment,"
                   " CASE WHEN i %% 11 > 0 THEN (i %% 1000) / 8.0 END AS x,"
                   " DATE '2000-01-01' + (i %% 5000)::INTEGER AS d, [i %% 5, NULL] AS l"
                   " FROM range(%d) t(i)",
                   count);
    return rows_of(desk->engine, sql);
}

/* ---- What goes in comes out ---- */

static void expect_round_trip(struct desk *desk, const char *sql)
{
    struct rows rows = rows_of(desk->engine, sql);

    for (int no_hot = 0; no_hot < 2; no_hot++) {
        struct arm_written written = desk_write(desk, rows.schema, &rows, no_hot != 0);
        struct rows back = desk_read(desk, &rows, &written);

        assert_same_rows(rows.schema, &rows, &back);
        rows_free_chunks(&back);
        arm__written_release(&written);
    }
    rows_free(&rows);
}

static void test_writer_every_type_comes_back_at_its_extremes(void **state)
{
    expect_round_trip(*state, EXTREMES_SQL);
}

static void test_writer_nested_values_come_back(void **state)
{
    expect_round_trip(
        *state,
        "SELECT CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN {'x': NULL, 'y': [i, NULL]}"
        "  ELSE {'x': i::HUGEINT, 'y': NULL} END AS s,"
        " CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN [] ELSE"
        "  [CASE WHEN i % 2 = 0 THEN [i, i + 1] END, [NULL], []] END AS l,"
        " (CASE WHEN i % 4 > 0 THEN [{'k': i::BIT}, NULL] END)::STRUCT(k BIT)[2] AS r,"
        " CASE WHEN i % 7 = 0 THEN NULL ELSE MAP {i::VARCHAR: NULL, 'b': [i]} END AS m,"
        " NULL::VARCHAR[3][] AS nn, INTERVAL (i) DAY AS \"odd \"\" name\","
        " (CASE WHEN i % 2 = 0 THEN 'ja' ELSE 'nein' END)::ENUM('ja', 'nein') AS e"
        " FROM range(5000) t(i)");
}

static void test_writer_large_values_come_back(void **state)
{
    expect_round_trip(*state, "SELECT repeat('0123456789', 1000000) AS a, ''::BLOB AS b"
                              " UNION ALL SELECT '', NULL UNION ALL SELECT NULL, '\\x00'::BLOB");
}

/* -0.0 and NaNs of any payload keep their bits, though DuckDB's dictionaries would not. */
static void test_writer_floats_keep_their_bits(void **state)
{
    static const uint64_t bits[] = {
        0,
        UINT64_C(1) << 63,
        UINT64_C(0x7FF8000000000000),
        UINT64_C(0x7FF8DEADBEEF0001),
        UINT64_C(0xFFF8000000000007),
    };
    struct desk *desk = *state;

    for (int variant = 0; variant < 3; variant++) {
        struct rows rows = rows_of(desk->engine, "SELECT i::DOUBLE AS d, [i::FLOAT] AS l"
                                                 " FROM range(2000) t(i)");
        uint64_t *doubles = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[0], 0));
        duckdb_vector list = duckdb_data_chunk_get_vector(rows.chunks[0], 1);
        uint32_t *floats = duckdb_vector_get_data(duckdb_list_vector_get_child(list));
        struct arm_written written;
        struct rows back;

        for (size_t i = 0; i < 2000; i++) {
            doubles[i] = variant == 0   ? bits[i % 2]
                         : variant == 1 ? bits[i % 5]
                                        : UINT64_C(1) << 62;
            floats[i] = variant < 2 ? UINT32_C(0x3F800000) : UINT32_C(0x7FC00000) + (i % 3 == 0);
        }
        written = desk_write(desk, rows.schema, &rows, true);
        back = desk_read(desk, &rows, &written);
        assert_same_rows(rows.schema, &rows, &back);
        rows_free_chunks(&back);
        arm__written_release(&written);
        rows_free(&rows);
    }
}

/* What no text of DuckDB gives back is refused, hot or not; what lies next to it is kept. */
static void test_writer_H4_what_no_chunk_can_keep_is_refused(void **state)
{
    static const char *const kept =
        "SELECT to_microseconds(3599999999999999999 * (i - 1)) + to_days(-5) + to_months(17) AS v,"
        " CAST(['12:00:00+15:59:59', '00:00:00-00:01:01', '24:00:00+00:00'][i + 1] AS TIMETZ) AS z,"
        " CAST(['infinity', '-infinity', '2020-02-02 02:02:02'][i + 1] AS TIMESTAMP_S) AS s,"
        " ['infinity'::TIMESTAMP_S, NULL] AS l FROM range(3) t(i)";
    static const char *const refused[] = {
        "SELECT to_microseconds(3600000000000000000) AS v",
        "SELECT [NULL, to_microseconds(-3600000000000000000)] AS v",
        "SELECT {'a': MAP {1: '00:00:00+00:00:01'::TIMETZ}} AS v",
        "SELECT '10:00:00-01:00:59'::TIMETZ AS v",
    };
    struct desk *desk = *state;

    expect_round_trip(desk, kept);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct rows rows = rows_of(desk->engine, refused[i]);
        struct arm_writer *writer = desk_writer(desk, rows.schema, i % 2 != 0);
        struct arm_error err = {0};

        assert_fails(ARM_UNSUPPORTED, arm__writer_push(writer, rows.chunks[0], &err), err);
        assert_non_null(strstr(err.message, "column v"));
        arm__writer_abort(writer);
        rows_free(&rows);
    }
}

/* Another reader of Parquet gives the same rows, also where DuckDB's deltas would be too wide for
 * it: their number, and sums of two columns. */
static void test_writer_chunks_are_parquet_for_others(void **state)
{
    static const struct {
        const char *sql;
        const char *sums;
    } cases[] = {
        {"SELECT i::INTEGER AS a, (i * 7919 % 1000)::INTEGER AS b, 'x' || i AS v, i / 8.0 AS d"
         " FROM range(20000) t(i)",
         "20000 199990000 9990000"},
        {"SELECT (i % 2 * 4294967295 - 2147483648)::INTEGER AS a, (i % 2 * 4294967295)::UINTEGER "
         "AS b"
         " FROM range(20000) t(i)",
         "20000 -10000 42949672950000"},
    };
    struct desk *desk = *state;
    const char *deps = getenv("ARM_DEPS");
    char command[1000];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rows rows = rows_of(desk->engine, cases[i].sql);
        struct arm_written written = desk_write(desk, rows.schema, &rows, true);
        char *path = NULL;
        struct arm_error err = {0};

        assert_ok(arm__store_path(arm__repository_store(desk->kernel->repository),
                                  &written.entries[0].chunk, &path, &err),
                  err);
        (void)snprintf(command, sizeof command,
                       "'%s/venv/bin/python' -c 'import pyarrow.parquet as pq, sys;"
                       " t = pq.read_table(sys.argv[1]); import pyarrow.compute as pc;"
                       " sys.exit(0 if \"%%d %%d %%d\" %% (t.num_rows, pc.sum(t[\"a\"]).as_py(),"
                       " pc.sum(t[\"b\"]).as_py()) == sys.argv[2] else 3)' '%s' '%s'",
                       deps == NULL ? ".deps" : deps, path, cases[i].sums);
        int status =
            deps == NULL ? -1 : system(command); /* NOLINT(bugprone-command-processor): a test */

        if (deps == NULL) {
            print_message("ARM_DEPS is not set: no pyarrow, not tried\n");
        } else {
            assert_int_equal(status, 0);
        }
        arm__free(path);
        arm__written_release(&written);
        rows_free(&rows);
    }
}

static void test_writer_no_rows_make_no_entry(void **state)
{
    struct desk *desk = *state;
    struct rows rows = rows_of(desk->engine, "SELECT 1 AS a WHERE false");
    struct arm_written written = desk_write(desk, rows.schema, &rows, false);

    assert_int_equal(written.entry_count, 0);
    arm__written_release(&written);
    rows_free(&rows);
}

/* ---- Hot or not ---- */

static void test_writer_few_rows_are_one_hot_entry(void **state)
{
    static const struct {
        const char *sql;
        bool hot;
    } cases[] = {
        {"SELECT i FROM range(10000) t(i)", true},
        {"SELECT i FROM range(10001) t(i)", false},
        {"SELECT repeat('x', 1040000) AS v", true},
        {"SELECT repeat('x', 1050000) AS v", false},
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rows rows = rows_of(desk->engine, cases[i].sql);
        struct arm_written written = desk_write(desk, rows.schema, &rows, false);

        assert_int_equal(written.entry_count, 1);
        assert_true(written.entries[0].is_hot == cases[i].hot);
        assert_int_equal(written.chunks_new, cases[i].hot ? 0 : 1);
        assert_int_equal(written.bytes_new, written.entries[0].bytes);
        arm__written_release(&written);
        rows_free(&rows);
    }
}

/* ---- W1, W3 ---- */

static void test_writer_W1_W3_entries_are_in_order_and_bytes_are_the_same(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, FIXTURE_TSAN ? 250000 : 500000);
    struct arm_written first = desk_write(desk, rows.schema, &rows, false);
    struct rows back = desk_read(desk, &rows, &first);

    assert_true(first.entry_count >= 2 && first.entry_count <= 6);
    assert_int_equal(first.chunks_new, first.entry_count);
    assert_same_rows(rows.schema, &rows, &back); /* W1 */
    rows_free_chunks(&back);
    for (unsigned seed = 1; seed < 3; seed++) {
        struct rows batches = rows_rebatch(&rows, seed);
        struct arm_engine *engine = desk->engine;
        struct arm_engine_options options = {.thread_count = seed == 1 ? 1 : 5};
        struct kernel *kernel = desk->kernel;
        struct kernel fresh = {.dir = temp_dir_make()};
        struct arm_written again;

        assert_ok(arm__repository_create(NULL, fresh.dir.path, &fresh.err), fresh.err);
        kernel_open(&fresh);
        desk->kernel = &fresh;
        assert_ok(arm__engine_open(&options, &desk->engine, &fresh.err), fresh.err);
        fixture_calm(desk->engine);
        again = desk_write(desk, rows.schema, &batches, false);
        assert_int_equal(again.entry_count, first.entry_count);
        for (size_t i = 0; i < first.entry_count; i++) {
            assert_true(arm__hash_equal(&first.entries[i].chunk, &again.entries[i].chunk)); /* W3 */
            assert_true(arm__hash_equal(&first.entries[i].rows_hash, &again.entries[i].rows_hash));
            assert_true(again.entries[i].is_new);
        }
        arm__written_release(&again);
        arm__engine_close(desk->engine);
        kernel_close(&fresh);
        temp_dir_remove(&fresh.dir);
        desk->engine = engine;
        desk->kernel = kernel;
        rows_free_chunks(&batches);
    }
    arm__written_release(&first);
    rows_free(&rows);
}

/* ---- W2 ---- */

static void commit_written(struct desk *desk, const char *name, const Armpb__Schema *schema,
                           const struct arm_written *written)
{
    struct arm_snapshot at = kernel_snapshot(desk->kernel, "main");
    struct arm_new_change change = {
        .kind = ARMPB__CHANGE_KIND__CREATE,
        .schema_name = "main",
        .name = name,
        .schema = schema,
        .added = written->entries,
        .added_count = written->entry_count,
    };

    assert_ok(kernel_commit_one(desk->kernel, &at, &change, NULL, NULL), desk->kernel->err);
}

static void test_writer_W2_known_rows_are_not_encoded_again(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 300000);
    struct arm_written first = desk_write(desk, rows.schema, &rows, false);
    struct arm_written again;
    struct rows back;

    commit_written(desk, "t", rows.schema, &first);
    again = desk_write(desk, rows.schema, &rows, false);
    assert_int_equal(again.chunks_new, 0);
    assert_int_equal(again.chunks_reused, first.entry_count);
    assert_int_equal(again.bytes_new, 0);
    for (size_t i = 0; i < first.entry_count; i++) {
        assert_true(arm__hash_equal(&first.entries[i].chunk, &again.entries[i].chunk));
        assert_int_equal(first.entries[i].bytes, again.entries[i].bytes);
        assert_int_equal(again.entries[i].statistics_count, 0);
    }
    back = desk_read(desk, &rows, &again);
    assert_same_rows(rows.schema, &rows, &back);
    rows_free_chunks(&back);
    commit_written(desk, "u", rows.schema, &again);
    arm__written_release(&again);
    arm__written_release(&first);
    rows_free(&rows);
}

static void test_writer_W2_equal_runs_of_one_writer_are_one_chunk(void **state)
{
    struct desk *desk = *state;
    struct rows rows = rows_of(desk->engine, "SELECT 1 AS a, 'x' AS b FROM range(600000)");
    struct arm_written written = desk_write(desk, rows.schema, &rows, false);

    assert_true(written.entry_count >= 4);
    for (size_t i = 0; i + 1 < written.entry_count; i++) {
        assert_true(arm__hash_equal(&written.entries[0].chunk, &written.entries[i].chunk));
        assert_true(written.entries[i].is_new == (i == 0));
        assert_true((written.entries[i].statistics_count > 0) == (i == 0));
    }
    assert_int_equal(written.chunks_new, 2);
    commit_written(desk, "t", rows.schema, &written);
    arm__written_release(&written);
    rows_free(&rows);
}

/* A chunk that the log knows but the disk has lost is written again. */
static void test_writer_lost_chunk_is_written_again(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 20000);
    struct arm_written first = desk_write(desk, rows.schema, &rows, false);
    struct arm_written again;
    char *path = NULL;
    struct arm_error err = {0};

    commit_written(desk, "t", rows.schema, &first);
    assert_ok(arm__store_path(arm__repository_store(desk->kernel->repository),
                              &first.entries[0].chunk, &path, &err),
              err);
    assert_int_equal(remove(path), 0);
    again = desk_write(desk, rows.schema, &rows, false);
    assert_int_equal(again.chunks_new, 1);
    assert_true(arm__io_exists(arm__io_system(), path));
    arm__free(path);
    arm__written_release(&again);
    arm__written_release(&first);
    rows_free(&rows);
}

/* ---- W5 ---- */

static void test_writer_W5_chunks_are_leased_until_released(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 300000);
    struct arm_written written = desk_write(desk, rows.schema, &rows, false);

    assert_int_equal(desk_leases(desk), written.entry_count);
    assert_int_equal(desk_staged(desk), 0);
    arm__written_release(&written);
    assert_int_equal(desk_leases(desk), 0);
    rows_free(&rows);
}

static void test_writer_W5_abort_leaves_nothing_staged(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 300000);

    for (size_t pushed = 1; pushed <= rows.count; pushed += rows.count / 5) {
        struct arm_writer *writer = desk_writer(desk, rows.schema, false);
        struct arm_error err = {0};

        for (size_t i = 0; i < pushed; i++) {
            assert_ok(arm__writer_push(writer, rows.chunks[i], &err), err);
        }
        arm__writer_abort(writer);
        assert_int_equal(desk_staged(desk), 0);
        assert_int_equal(desk_leases(desk), 0);
    }
    arm__writer_abort(NULL);
    rows_free(&rows);
}

/* Any operation of the file door fails: the writer says so, and nothing stays behind (but a file
 * whose removal it was that failed: the next sweep takes it). */
static void test_writer_failing_worker_is_told_and_leaves_nothing(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 20000);
    bool happened = true;
    uint64_t failures = 0;
    size_t unremovable = 0;

    for (uint64_t n = 1; happened; n++) {
        struct arm_written written;
        struct arm_error err = {0};
        arm_status st;

        io_fault_at(desk->kernel->fault, n, n % 2 == 0 ? ENOSPC : EIO, IO_FAULT_ONCE);
        st = desk_try_write(desk, rows.schema, &rows, true, &written, &err);
        happened = io_fault_happened(desk->kernel->fault);
        unremovable += io_fault_find(desk->kernel->fault, 0, "remove", " !") >= 0;
        io_fault_at(desk->kernel->fault, 0, 0, IO_FAULT_ONCE);
        if (st == ARM_OK) {
            arm__written_release(&written);
        } else {
            assert_true(st == ARM_FULL || st == ARM_IO);
            assert_true(err.message[0] != '\0');
            failures++;
        }
        assert_int_equal(desk_staged(desk), unremovable);
        assert_int_equal(desk_leases(desk), 0);
    }
    assert_true(failures > 5);
    rows_free(&rows);
}

/* The disk is really full: DuckDB, which writes past the file door, says so. */
static void test_writer_full_disk_is_told(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 100000);
    struct arm_written written;
    char staging[TEMP_PATH_BYTES];
    struct arm_error err = {0};
    size_t staged;
    arm_status st;

    (void)temp_path(&desk->kernel->dir, "staging", staging);
    kernel_close(desk->kernel); /* another staging/ than that of the opening is not written to */
    if (mount("arm-test", staging, "tmpfs", 0, "size=256k") != 0) {
        print_message("no right to mount: not tried\n");
        kernel_open(desk->kernel);
        rows_free(&rows);
        return;
    }
    kernel_open(desk->kernel);
    st = desk_try_write(desk, rows.schema, &rows, true, &written, &err);
    staged = desk_staged(desk);
    kernel_close(desk->kernel);
    assert_int_equal(umount2(staging, MNT_DETACH), 0); /* first: nothing can be removed under it */
    kernel_open(desk->kernel);
    if (st != ARM_FULL)
        fail_msg("%d %s", (int)st, err.message);
    assert_int_equal(staged, 0);
    assert_ok(desk_try_write(desk, rows.schema, &rows, true, &written, &err), err);
    arm__written_release(&written);
    rows_free(&rows);
}

static void test_writer_out_of_memory_leaves_nothing(void **state)
{
    struct desk *desk = *state;
    struct rows rows = many_rows(desk, 3000);
    arm_status st = ARM_NO_MEMORY;

    for (uint64_t n = 1; st != ARM_OK; n++) {
        struct arm_writer_options options = {
            .repository = desk->kernel->repository,
            .engine = desk->engine,
            .schema = rows.schema,
            .table = "t",
        };
        struct arm_writer *writer = NULL;
        struct arm_written written;
        struct arm_error err = {0};

        arm__alloc_fail_at(n);
        st = arm__writer_new(&options, &writer, &err);
        for (size_t i = 0; st == ARM_OK && i < rows.count; i++) {
            st = arm__writer_push(writer, rows.chunks[i], &err);
        }
        if (st == ARM_OK) {
            st = arm__writer_finish(writer, &written, &err);
        } else {
            arm__writer_abort(writer);
        }
        arm__alloc_fail_at(0);
        if (st == ARM_OK) {
            arm__written_release(&written);
        } else {
            assert_int_equal(st, ARM_NO_MEMORY);
        }
    }
    rows_free(&rows);
}

/* ---- What is refused ---- */

static void test_writer_null_is_refused_by_table_column_and_row(void **state)
{
    struct desk *desk = *state;
    struct rows rows = rows_of(desk->engine, "SELECT i, CASE WHEN i <> 5000 THEN i END AS b"
                                             " FROM range(9000) t(i)");
    struct arm_written written;
    struct arm_error err = {0};

    rows.schema->columns[1]->has_not_null = true;
    rows.schema->columns[1]->not_null = true;
    assert_fails(ARM_CONSTRAINT, desk_try_write(desk, rows.schema, &rows, false, &written, &err),
                 err);
    assert_non_null(strstr(err.message, "t.b"));
    assert_non_null(strstr(err.message, "row 5001"));
    rows_free(&rows);
}

static void test_writer_other_columns_are_refused(void **state)
{
    static const char *const queries[] = {
        "SELECT 1 AS a",
        "SELECT 1 AS a, 'x' AS b, 2 AS c",
        "SELECT 1::BIGINT AS a, 'x' AS b",
        "SELECT 1 AS a, 'x'::BLOB AS b",
        "SELECT 1 AS a, ['x'] AS b",
    };
    struct desk *desk = *state;
    struct rows rows = rows_of(desk->engine, "SELECT 1 AS a, 'x' AS b");

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct rows other = rows_of(desk->engine, queries[i]);
        struct arm_written written;
        struct arm_error err = {0};

        assert_fails(ARM_SCHEMA, desk_try_write(desk, rows.schema, &other, false, &written, &err),
                     err);
        rows_free(&other);
    }
    rows_free(&rows);
}

/* A run's id is nobody's to guess. */
static void test_writer_run_function_shows_users_nothing(void **state)
{
    struct desk *desk = *state;
    duckdb_connection connection;
    struct arm_error err = {0};

    assert_ok(arm__engine_connect(desk->engine, &connection, &err), err);
    assert_fails(ARM_SQL, arm__engine_run(connection, "FROM arm_run(1::UBIGINT)", ARM_SQL, &err),
                 err);
    assert_non_null(strstr(err.message, "no such run"));
    arm__engine_disconnect(desk->engine, connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_writer_every_type_comes_back_at_its_extremes),
        desk_test(test_writer_nested_values_come_back),
        desk_test(test_writer_large_values_come_back),
        desk_test(test_writer_floats_keep_their_bits),
        desk_test(test_writer_H4_what_no_chunk_can_keep_is_refused),
        desk_test(test_writer_chunks_are_parquet_for_others),
        desk_test(test_writer_no_rows_make_no_entry),
        desk_test(test_writer_few_rows_are_one_hot_entry),
        desk_test(test_writer_W1_W3_entries_are_in_order_and_bytes_are_the_same),
        desk_test(test_writer_W2_known_rows_are_not_encoded_again),
        desk_test(test_writer_W2_equal_runs_of_one_writer_are_one_chunk),
        desk_test(test_writer_lost_chunk_is_written_again),
        desk_test(test_writer_W5_chunks_are_leased_until_released),
        desk_test(test_writer_W5_abort_leaves_nothing_staged),
        desk_test(test_writer_failing_worker_is_told_and_leaves_nothing),
        desk_test(test_writer_full_disk_is_told),
        desk_test(test_writer_out_of_memory_leaves_nothing),
        desk_test(test_writer_null_is_refused_by_table_column_and_row),
        desk_test(test_writer_other_columns_are_refused),
        desk_test(test_writer_run_function_shows_users_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
