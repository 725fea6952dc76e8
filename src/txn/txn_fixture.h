/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_TXN_FIXTURE_H
#define ARM_TXN_TXN_FIXTURE_H

/* For tests: transactions over tables of one column, id BIGINT, whose rows are numbers. */

#include "table/writer_fixture.h"
#include "txn/txn.h"

static inline struct rows number_rows(struct desk *desk, int64_t from, int64_t to)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "SELECT i AS id FROM range(%lld, %lld) t(i)", (long long)from,
                   (long long)to);
    return rows_of(desk->engine, sql);
}

static inline Armpb__Schema *table_schema(struct desk *desk)
{
    struct rows rows = number_rows(desk, 0, 0);
    Armpb__Schema *schema = NULL;
    struct arm_error err = {0};

    assert_ok(arm__schema_clone(rows.schema, &schema, &err), err);
    rows_free(&rows);
    return schema;
}

struct txn_choice {
    struct desk *desk;
    const char *branch;
};

static inline arm_status txn_choose(void *self, struct arm_snapshot *out, bool *out_read_only,
                                    struct arm_error *err)
{
    const struct txn_choice *choice = self;

    *out_read_only = false;
    return arm__catalog_snapshot(arm__repository_catalog(choice->desk->kernel->repository),
                                 choice->branch, out, err);
}

static inline struct arm_transaction *txn_begin(struct desk *desk, const char *branch)
{
    struct txn_choice choice = {desk, branch};
    struct arm_transaction *txn = NULL;
    struct arm_error err = {0};

    assert_ok(
        arm__txn_open(desk->kernel->repository, desk->engine, txn_choose, &choice, &txn, &err),
        err);
    return txn;
}

static inline struct arm_commit_result txn_commit(struct desk *desk, struct arm_transaction *txn)
{
    struct arm_commit_result result;
    struct arm_error err = {0};

    (void)desk;
    assert_ok(arm__txn_commit(txn, "test", &result, &err), err);
    return result;
}

static inline void txn_create(struct desk *desk, struct arm_transaction *txn, const char *name)
{
    Armpb__Schema *schema = table_schema(desk);
    struct arm_error err = {0};

    assert_ok(arm__txn_create_table(txn, "main", name, schema, false, &err), err);
    arm__schema_free(schema);
}

static inline void txn_drop(struct arm_transaction *txn, const char *name)
{
    struct arm_error err = {0};

    assert_ok(arm__txn_drop_table(txn, "main", name, &err), err);
}

static inline void txn_insert(struct desk *desk, struct arm_transaction *txn, const char *name,
                              int64_t from, int64_t to)
{
    struct rows rows = number_rows(desk, from, to);
    struct arm_written written = desk_write(desk, rows.schema, &rows, false);
    struct arm_error err = {0};

    assert_ok(arm__txn_append(txn, "main", name, &written, &err), err);
    assert_int_equal(written.entry_count, 0);
    rows_free(&rows);
}

static inline void txn_replace_sql(struct desk *desk, struct arm_transaction *txn, const char *name,
                                   const char *sql)
{
    struct rows rows = rows_of(desk->engine, sql);
    struct arm_written written = desk_write(desk, rows.schema, &rows, false);
    struct arm_error err = {0};

    assert_ok(arm__txn_replace(txn, "main", name, NULL, &written, &err), err);
    assert_int_equal(written.entry_count, 0);
    rows_free(&rows);
}

static inline void txn_replace(struct desk *desk, struct arm_transaction *txn, const char *name,
                               int64_t from, int64_t to)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "SELECT i AS id FROM range(%lld, %lld) t(i)", (long long)from,
                   (long long)to);
    txn_replace_sql(desk, txn, name, sql);
}

static inline const struct arm_view *txn_view(struct arm_transaction *txn, const char *name)
{
    const struct arm_view *view = NULL;
    struct arm_error err = {0};

    assert_ok(arm__txn_view(txn, "main", name, &view, &err), err);
    return view;
}

/* A table made and filled by a transaction of its own. */
static inline void make_table(struct desk *desk, const char *name, int64_t from, int64_t to)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    txn_create(desk, txn, name);
    txn_insert(desk, txn, name, from, to);
    txn_commit(desk, txn);
}

/* ---- Reading ---- */

struct numbers {
    int64_t *values;
    size_t count;
};

/* The values of one entry, dead ones too, in order. */
static inline struct rows view_entry_rows(struct desk *desk, const struct arm_view *view, size_t i)
{
    struct rows like = number_rows(desk, 0, 0);
    struct rows rows;
    struct arm_error err = {0};

    if (view->entries[i].is_hot) {
        struct arm_buf bytes = ARM_BUF_INIT(64 << 20);
        struct arm_hot_batch *batch = NULL;
        duckdb_data_chunk chunk;

        assert_ok(arm__view_hot(view, i, &bytes, &batch, &err), err);
        rows = (struct rows){.count = 0};
        for (uint32_t at = 0; at < arm__hot_row_count(batch); at += 2048) {
            uint32_t rest = arm__hot_row_count(batch) - at;
            uint32_t count = rest < 2048 ? rest : 2048;

            chunk = duckdb_create_data_chunk(like.types, 1);
            assert_ok(arm__hot_fill(batch, like.schema->columns[0]->field, at, count,
                                    duckdb_data_chunk_get_vector(chunk, 0), &err),
                      err);
            duckdb_data_chunk_set_size(chunk, count);
            rows_add(&rows, chunk);
        }
        arm__hot_free(batch);
        arm__buf_release(&bytes);
    } else {
        struct rows all = desk_read_chunk(desk, like.schema, &view->entries[i].chunk);

        rows = (struct rows){.count = 0};
        rows_move(&rows, &all);
        rows_free(&all);
    }
    rows_free(&like);
    assert_int_equal(rows.row_count, view->entries[i].rows);
    return rows;
}

/* Live values of a view, in order; freed by the caller. */
static inline struct numbers view_numbers(struct desk *desk, const struct arm_view *view)
{
    struct numbers numbers = {calloc(view->live_rows + 1, sizeof(int64_t)), 0};

    for (size_t i = 0; i < view->entry_count; i++) {
        struct rows rows = view_entry_rows(desk, view, i);
        uint32_t row = 0;

        for (size_t c = 0; c < rows.count; c++) {
            const int64_t *values =
                duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[c], 0));

            for (idx_t v = 0; v < duckdb_data_chunk_get_size(rows.chunks[c]); v++, row++) {
                if (view->entries[i].vector == NULL ||
                    !roaring_bitmap_contains(view->entries[i].vector, row)) {
                    assert_true(numbers.count < view->live_rows);
                    numbers.values[numbers.count++] = values[v];
                }
            }
        }
        rows_free_chunks(&rows);
    }
    assert_int_equal(numbers.count, view->live_rows);
    return numbers;
}

/* `wanted`: the numbers with blanks between. */
static inline void assert_view(struct desk *desk, const struct arm_view *view, const char *wanted)
{
    struct numbers numbers = view_numbers(desk, view);
    char text[1000] = "";
    size_t at = 0;

    for (size_t i = 0; i < numbers.count && at < sizeof text; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, i == 0 ? "%lld" : " %lld",
                               (long long)numbers.values[i]);
    }
    assert_string_equal(text, wanted);
    free(numbers.values);
}

static inline void assert_rows(struct desk *desk, struct arm_transaction *txn, const char *name,
                               const char *wanted)
{
    const struct arm_view *view = txn_view(txn, name);

    assert_non_null(view);
    assert_view(desk, view, wanted);
    arm__view_drop(view);
}

static inline void assert_head_rows(struct desk *desk, const char *name, const char *wanted)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    assert_rows(desk, txn, name, wanted);
    arm__txn_rollback(txn);
}

/* 0, 1, 2 … with `count` numbers -1, -2, … put in before row `at`. */
static inline void assert_order(struct desk *desk, struct arm_transaction *txn, const char *name,
                                size_t at, size_t count)
{
    const struct arm_view *view = txn_view(txn, name);
    struct numbers numbers = view_numbers(desk, view);

    for (size_t i = 0; i < numbers.count; i++) {
        int64_t wanted = i < at           ? (int64_t)i
                         : i < at + count ? -(int64_t)(i - at) - 1
                                          : (int64_t)(i - count);

        if (numbers.values[i] != wanted) {
            fail_msg("row %zu is %lld, not %lld", i, (long long)numbers.values[i],
                     (long long)wanted);
        }
    }
    free(numbers.values);
    arm__view_drop(view);
}

/* Delete the row of value `id`: what a DELETE statement does. Returns how many died. */
static inline uint64_t txn_delete(struct desk *desk, struct arm_transaction *txn, const char *name,
                                  int64_t id)
{
    const struct arm_view *view = txn_view(txn, name);
    roaring_bitmap_t **bits = calloc(view->entry_count + 1, sizeof *bits);
    uint64_t count = 0;
    struct arm_error err = {0};

    for (size_t i = 0; i < view->entry_count; i++) {
        struct rows rows = view_entry_rows(desk, view, i);
        uint32_t row = 0;

        for (size_t c = 0; c < rows.count; c++) {
            const int64_t *values =
                duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[c], 0));

            for (idx_t v = 0; v < duckdb_data_chunk_get_size(rows.chunks[c]); v++, row++) {
                if (values[v] == id) {
                    bits[i] = bits[i] == NULL ? roaring_bitmap_create() : bits[i];
                    roaring_bitmap_add(bits[i], row);
                }
            }
        }
        rows_free_chunks(&rows);
    }
    assert_ok(arm__txn_delete(txn, view, bits, &count, &err), err);
    for (size_t i = 0; i < view->entry_count; i++) {
        if (bits[i] != NULL) {
            roaring_bitmap_free(bits[i]);
        }
    }
    free(bits);
    arm__view_drop(view);
    return count;
}

#endif
