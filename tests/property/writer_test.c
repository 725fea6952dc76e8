/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer promises for tables of a million rows: an insertion at one place rewrites a few
 * chunks and no more, wherever it is; the same rows change nothing; more rows need no more
 * memory. */

#include "table/writer.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "table/writer_fixture.h"

enum { ROWS = 1000000, INSERTED = 1000, CHUNKS_MAX = 32 };

/* Rows of a table of a million with `count` others put in before row `at`. */
static struct rows table_rows(struct desk *desk, int at, int count)
{
    char sql[600];

    (void)snprintf(sql, sizeof sql,
                   "SELECT i AS id, (i * 7919 %% 1000)::INTEGER AS n, 'row ' || i AS name FROM ("
                   "SELECT i FROM range(%d) t(i) UNION ALL SELECT -1 - i FROM range(%d) t(i)"
                   " UNION ALL SELECT i FROM range(%d, %d) t(i))",
                   at, count, at, ROWS);
    return rows_of(desk->engine, sql);
}

static size_t count_new(const struct arm_written *old, const struct arm_written *new)
{
    size_t count = 0;

    for (size_t i = 0; i < new->entry_count; i++) {
        bool known = false;

        for (size_t j = 0; j < old->entry_count; j++) {
            known = known || arm__hash_equal(&old->entries[j].chunk, &new->entries[i].chunk);
        }
        count += !known;
    }
    return count;
}

static void test_writer_insertion_rewrites_at_most_three_chunks(void **state)
{
    static const int places[] = {0, 1, 123456, 500000, 777777, 999999, ROWS};
    struct desk *desk = *state;
    struct rows rows = table_rows(desk, 0, 0);
    struct arm_written old = desk_write(desk, rows.schema, &rows, false);

    assert_true(old.entry_count >= 6 && old.entry_count <= CHUNKS_MAX);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct rows changed = table_rows(desk, places[i], INSERTED);
        struct arm_written new = desk_write(desk, rows.schema, &changed, false);
        size_t count = count_new(&old, &new);

        assert_int_equal(changed.row_count, ROWS + INSERTED);
        if (count > 3) {
            fail_msg("1,000 rows before row %d: %zu new chunks", places[i], count);
        }
        arm__written_release(&new);
        rows_free(&changed);
    }
    arm__written_release(&old);
    rows_free(&rows);
}

static void test_writer_same_rows_in_other_batches_are_the_same_chunks(void **state)
{
    struct desk *desk = *state;
    struct rows rows = table_rows(desk, 0, 0);
    struct arm_written old = desk_write(desk, rows.schema, &rows, false);
    struct rows batches = rows_rebatch(&rows, 3);
    struct arm_written new = desk_write(desk, rows.schema, &batches, false);

    assert_int_equal(count_new(&old, &new), 0);
    assert_int_equal(old.entry_count, new.entry_count);
    arm__written_release(&new);
    rows_free_chunks(&batches);
    arm__written_release(&old);
    rows_free(&rows);
}

/* ---- W4 ---- */

static long peak_mib(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss / 1024;
}

/* Push `count` rows made on the spot, so that nothing but the writer can hold them. */
static void push_made_up(struct desk *desk, uint64_t count, struct arm_written *out)
{
    struct rows like = rows_of(desk->engine, "SELECT 0::BIGINT AS id, 0::DOUBLE AS x, 'y' AS y"
                                             " FROM range(2048)");
    struct arm_writer *writer = desk_writer(desk, like.schema, false);
    struct arm_error err = {0};

    for (uint64_t at = 0; at < count; at += 2048) {
        int64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(like.chunks[0], 0));
        double *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(like.chunks[0], 1));

        for (uint64_t i = 0; i < 2048; i++) {
            ids[i] = (int64_t)((at + i) * UINT64_C(0x9E3779B97F4A7C15));
            values[i] = (double)(at + i) / 7;
        }
        assert_ok(arm__writer_push(writer, like.chunks[0], &err), err);
    }
    assert_ok(arm__writer_finish(writer, out, &err), err);
    rows_free(&like);
}

static void test_writer_W4_more_rows_need_no_more_memory(void **state)
{
    struct desk *desk = *state;
    struct arm_written written;
    long before;

    push_made_up(desk, 1000000, &written);
    arm__written_release(&written);
    before = peak_mib();
    push_made_up(desk, FIXTURE_TSAN ? 2000000 : 6000000, &written);
    print_message("peak: %ld MiB after 1 M rows, %ld after %llu\n", before, peak_mib(),
                  (unsigned long long)written.rows);
    assert_true(FIXTURE_TSAN || peak_mib() - before < 64);
    arm__written_release(&written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_writer_insertion_rewrites_at_most_three_chunks),
        desk_test(test_writer_same_rows_in_other_batches_are_the_same_chunks),
        desk_test(test_writer_W4_more_rows_need_no_more_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
