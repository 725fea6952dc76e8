/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of chunks that are kept decoded: every type, as the chunk has them; columns that came, went
 * or changed their names since; what is kept, and what has to go. */

#include <pthread.h>
#include <unistd.h>

#include "table/chunk_rows.h"
#include "table/writer_fixture.h"

/* A chunk of rows, and who reads it. */
struct shelf {
    struct desk *desk;
    struct rows rows;
    struct arm_written written;
    struct arm_table_id table_id;
    struct arm_state_entry entry;
    struct arm_chunk_source source;
    struct arm_chunk_rows *kept;
    struct arm_error err;
};

static void open_shelf(struct shelf *s, struct desk *desk, const char *sql)
{
    *s = (struct shelf){.desk = desk, .rows = rows_of(desk->engine, sql)};
    s->written = desk_write(desk, s->rows.schema, &s->rows, true);
    assert_int_equal(s->written.entry_count, 1);
    s->entry = (struct arm_state_entry){.rows = s->written.entries[0].rows,
                                        .chunk = s->written.entries[0].chunk};
    s->source = (struct arm_chunk_source){.repository = desk->kernel->repository,
                                          .engine = desk->engine,
                                          .table_id = &s->table_id,
                                          .entry = &s->entry,
                                          .written = s->rows.schema};
}

static void close_shelf(struct shelf *s)
{
    arm__written_release(&s->written);
    rows_free(&s->rows);
}

static void keep(struct shelf *s, size_t bytes_max)
{
    assert_ok(arm__chunk_rows_new(bytes_max, &s->kept, &s->err), s->err);
}

/* NULL: not kept. */
static duckdb_data_chunk ask(struct shelf *s, uint32_t row)
{
    duckdb_data_chunk chunk = NULL;

    assert_ok(
        arm__chunk_row(s->kept, &s->source, row, s->rows.schema, s->rows.types, &chunk, &s->err),
        s->err);
    return chunk;
}

/* How often it is asked for until it is there. */
static unsigned asks_until_kept(struct shelf *s)
{
    for (unsigned asked = 1; asked < 1000; asked++) {
        duckdb_data_chunk chunk = ask(s, 0);

        if (chunk != NULL) {
            duckdb_destroy_data_chunk(&chunk);
            return asked;
        }
    }
    fail_msg("never kept");
    return 0;
}

static void expect_all_rows(struct desk *desk, const char *sql)
{
    struct shelf s;
    struct rows got = {.count = 0};

    open_shelf(&s, desk, sql);
    keep(&s, ARM_CHUNK_ROWS_BYTES);
    assert_int_equal(asks_until_kept(&s), ARM_CHUNK_ROWS_WORTH);
    for (uint32_t row = 0; row < s.entry.rows; row++) {
        duckdb_data_chunk chunk = ask(&s, row);

        assert_non_null(chunk);
        assert_int_equal(duckdb_data_chunk_get_size(chunk), 1);
        rows_add(&got, chunk);
    }
    assert_null(ask(&s, s.entry.rows)); /* there is no such row */
    assert_int_equal(got.row_count, s.rows.row_count);
    assert_same_rows(s.rows.schema, &s.rows, &got);
    rows_free_chunks(&got);
    arm__chunk_rows_free(s.kept);
    close_shelf(&s);
}

static void test_chunk_rows_of_every_type(void **state)
{
    expect_all_rows(*state, EXTREMES_SQL);
}

static void test_chunk_rows_of_many_blocks(void **state)
{
    expect_all_rows(*state, "SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE repeat('x', i % 40) END"
                            " AS s, CASE WHEN i % 5 = 0 THEN [] ELSE [i, NULL] END AS l,"
                            " {'a': i, 'b': [{'c': i::VARCHAR}]} AS t FROM range(7000) r(i)");
}

/* The schema of now without a column, with another name for one: what is there is taken. With
 * another type for one, or one more: the row is for a statement. */
static void test_chunk_rows_under_a_later_schema(void **state)
{
    struct shelf s;
    Armpb__Schema later;
    Armpb__Column *columns[2];
    Armpb__Field *field;
    duckdb_logical_type types[2];
    duckdb_data_chunk chunk = NULL;
    Armpb__Type text = ARMPB__TYPE__INIT;
    Armpb__Type *was;

    open_shelf(&s, *state, "SELECT i AS a, i::VARCHAR AS b, -i AS c FROM range(100) r(i)");
    keep(&s, ARM_CHUNK_ROWS_BYTES);
    (void)asks_until_kept(&s);
    later = *s.rows.schema;
    later.schema_id++;
    columns[0] = s.rows.schema->columns[2];
    columns[1] = s.rows.schema->columns[0];
    later.columns = columns;
    later.n_columns = 2;
    types[0] = s.rows.types[2];
    types[1] = s.rows.types[0];
    assert_ok(arm__chunk_row(s.kept, &s.source, 42, &later, types, &chunk, &s.err), s.err);
    assert_non_null(chunk);
    assert_int_equal(*(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)),
                     -42);
    assert_int_equal(*(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1)),
                     42);
    duckdb_destroy_data_chunk(&chunk);

    field = columns[0]->field;
    was = field->type;
    text.kind = ARMPB__TYPE_KIND__VARCHAR;
    {
        Armpb__Column changed = *columns[0];
        Armpb__Field changed_field = *field;

        changed.field = &changed_field;
        columns[0] = &changed;
        changed_field.type = &text;
        assert_ok(arm__chunk_row(s.kept, &s.source, 42, &later, types, &chunk, &s.err), s.err);
        assert_null(chunk);
        changed_field.type = was;
        changed_field.id = 99; /* a column that came later */
        assert_ok(arm__chunk_row(s.kept, &s.source, 42, &later, types, &chunk, &s.err), s.err);
        assert_null(chunk);
    }
    arm__chunk_rows_free(s.kept);
    close_shelf(&s);
}

/* Room for two of three: the one that was used longest ago goes, and must be asked for twice as
 * often to come back. */
static void test_chunk_rows_that_have_to_go(void **state)
{
    struct shelf s[3];

    open_shelf(&s[0], *state, "SELECT i FROM range(10000) r(i)");
    open_shelf(&s[1], *state, "SELECT i + 1 AS i FROM range(10000) r(i)");
    open_shelf(&s[2], *state, "SELECT i + 2 AS i FROM range(10000) r(i)");
    keep(&s[0], 200000); /* 80,000 bytes each */
    s[1].kept = s[2].kept = s[0].kept;
    assert_int_equal(asks_until_kept(&s[0]), ARM_CHUNK_ROWS_WORTH);
    assert_int_equal(asks_until_kept(&s[1]), ARM_CHUNK_ROWS_WORTH);
    assert_int_equal(asks_until_kept(&s[0]), 1);
    assert_int_equal(asks_until_kept(&s[2]), ARM_CHUNK_ROWS_WORTH); /* s[1] goes */
    assert_int_equal(asks_until_kept(&s[0]), 1);
    assert_int_equal(asks_until_kept(&s[1]), 2 * ARM_CHUNK_ROWS_WORTH); /* s[2] goes */
    assert_int_equal(asks_until_kept(&s[0]), 1);
    arm__chunk_rows_free(s[0].kept);
    for (size_t i = 0; i < 3; i++) {
        close_shelf(&s[i]);
    }
}

static void test_chunk_rows_too_large_to_keep(void **state)
{
    struct shelf s;

    open_shelf(&s, *state, "SELECT repeat(i::VARCHAR, 1000) AS v FROM range(10000, 11000) r(i)");
    keep(&s, 1000000); /* 5 MB */
    for (unsigned asked = 0; asked < 50; asked++) {
        assert_null(ask(&s, asked));
    }
    arm__chunk_rows_free(s.kept);
    close_shelf(&s);
}

/* Damage is not kept, and no row of it is given. */
static void test_chunk_rows_of_a_damaged_chunk(void **state)
{
    struct shelf s;
    char *path = NULL;

    open_shelf(&s, *state, "SELECT i FROM range(10000) r(i)");
    keep(&s, ARM_CHUNK_ROWS_BYTES);
    assert_ok(arm__store_path(arm__repository_store(s.desk->kernel->repository), &s.entry.chunk,
                              &path, &s.err),
              s.err);
    assert_int_equal(truncate(path, 100), 0);
    for (unsigned asked = 0; asked < 50; asked++) {
        assert_null(ask(&s, asked));
    }
    arm__free(path);
    arm__chunk_rows_free(s.kept);
    close_shelf(&s);
}

/* Many threads, little room: whatever is given is the row that was asked for. */
static void *ask_at_random(void *context)
{
    const struct shelf *from = context;
    uint64_t seed = (uint64_t)(uintptr_t)&seed;

    for (unsigned i = 0; i < 4000; i++) {
        struct shelf s;
        duckdb_data_chunk chunk;
        uint32_t row;

        seed = seed * UINT64_C(6364136223846793005) + 1;
        s = from[(seed >> 33) % 3];
        s.source.entry = &s.entry;
        s.source.table_id = &s.table_id;
        row = (uint32_t)(seed >> 40) % 10000;
        chunk = ask(&s, row);
        if (chunk != NULL) {
            int64_t value =
                *(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));

            if (value != (int64_t)row + (int64_t)((seed >> 33) % 3)) {
                return context;
            }
            duckdb_destroy_data_chunk(&chunk);
        }
    }
    return NULL;
}

static void test_chunk_rows_by_many_threads(void **state)
{
    struct shelf s[3];
    pthread_t threads[4];

    open_shelf(&s[0], *state, "SELECT i FROM range(10000) r(i)");
    open_shelf(&s[1], *state, "SELECT i + 1 AS i FROM range(10000) r(i)");
    open_shelf(&s[2], *state, "SELECT i + 2 AS i FROM range(10000) r(i)");
    keep(&s[0], 200000);
    s[1].kept = s[2].kept = s[0].kept;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_at_random, s), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *wrong = NULL;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    arm__chunk_rows_free(s[0].kept);
    for (size_t i = 0; i < 3; i++) {
        close_shelf(&s[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_chunk_rows_of_every_type),
        desk_test(test_chunk_rows_of_many_blocks),
        desk_test(test_chunk_rows_under_a_later_schema),
        desk_test(test_chunk_rows_that_have_to_go),
        desk_test(test_chunk_rows_too_large_to_keep),
        desk_test(test_chunk_rows_of_a_damaged_chunk),
        desk_test(test_chunk_rows_by_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
