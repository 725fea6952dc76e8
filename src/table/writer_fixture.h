/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_WRITER_FIXTURE_H
#define ARM_TABLE_WRITER_FIXTURE_H

/* For tests: a repository and an engine, rows from SQL through a writer, entries read back. */

#include "base/alloc.h"
#include "catalog/catalog.h"
#include "model/type.h"
#include "support/kernel_fixture.h"
#include "table/hot.h"
#include "table/table_fixture.h"
#include "table/writer.h"

struct desk {
    struct kernel *kernel;
    struct arm_engine *engine;
};

static inline int desk_setup(void **state)
{
    static struct desk desk;
    void *kernel = NULL;

    (void)kernel_setup_fault(&kernel);
    desk.kernel = kernel;
    desk.engine = fixture_engine();
    *state = &desk;
    return 0;
}

static inline int desk_teardown(void **state)
{
    struct desk *desk = *state;
    void *kernel = desk->kernel;

    arm__engine_close(desk->engine);
    return kernel_teardown(&kernel);
}

#define desk_test(test) cmocka_unit_test_setup_teardown(test, desk_setup, desk_teardown)

static inline struct arm_writer *desk_writer(struct desk *desk, const Armpb__Schema *schema,
                                             bool no_hot)
{
    struct arm_writer_options options = {
        .repository = desk->kernel->repository,
        .engine = desk->engine,
        .schema = schema,
        .table = "t",
        .no_hot = no_hot,
    };
    struct arm_writer *writer = NULL;
    struct arm_error err = {0};

    assert_ok(arm__writer_new(&options, &writer, &err), err);
    return writer;
}

static inline arm_status desk_try_write(struct desk *desk, const Armpb__Schema *schema,
                                        const struct rows *rows, bool no_hot,
                                        struct arm_written *out, struct arm_error *err)
{
    struct arm_writer *writer = desk_writer(desk, schema, no_hot);

    for (size_t i = 0; i < rows->count; i++) {
        arm_status st = arm__writer_push(writer, rows->chunks[i], err);

        if (st != ARM_OK) {
            arm__writer_abort(writer);
            return st;
        }
    }
    return arm__writer_finish(writer, out, err);
}

static inline struct arm_written desk_write(struct desk *desk, const Armpb__Schema *schema,
                                            const struct rows *rows, bool no_hot)
{
    struct arm_written written;
    struct arm_error err = {0};

    assert_ok(desk_try_write(desk, schema, rows, no_hot, &written, &err), err);
    assert_int_equal(written.rows, rows->row_count);
    return written;
}

/* The rows of a chunk, columns cast back to their types as the adapter does. */
static inline struct rows desk_read_chunk(struct desk *desk, const Armpb__Schema *schema,
                                          const struct arm_hash *chunk)
{
    struct arm_buf sql = ARM_BUF_INIT(64 << 20);
    struct arm_error err = {0};
    struct rows rows;
    char *path = NULL;

    assert_ok(arm__store_path(arm__repository_store(desk->kernel->repository), chunk, &path, &err),
              err);
    for (size_t c = 0; c < schema->n_columns; c++) {
        const Armpb__Field *field = schema->columns[c]->field;

        assert_ok(arm__buf_printf(&sql, &err, c == 0 ? "SELECT CAST(" : ", CAST("), err);
        assert_ok(arm__sql_identifier(field->name, &sql, &err), err);
        assert_ok(arm__buf_printf(&sql, &err, " AS "), err);
        assert_ok(arm__type_sql(field->type, &sql, &err), err);
        assert_ok(arm__buf_printf(&sql, &err, ") AS "), err);
        assert_ok(arm__sql_identifier(field->name, &sql, &err), err);
    }
    assert_ok(arm__buf_printf(&sql, &err, " FROM read_parquet('%s')%c", path, 0), err);
    rows = rows_of(desk->engine, (const char *)sql.data);
    arm__free(path);
    arm__buf_release(&sql);
    return rows;
}

static inline struct rows desk_read_hot(const struct rows *like, struct arm_bytes bytes)
{
    struct rows out = {.count = 0};
    struct arm_hot_batch *batch = NULL;
    struct arm_error err = {0};

    assert_ok(arm__hot_open(bytes, &batch, &err), err);
    for (uint32_t at = 0; at < arm__hot_row_count(batch); at += 2048) {
        uint32_t rest = arm__hot_row_count(batch) - at;
        uint32_t count = rest < 2048 ? rest : 2048;
        duckdb_data_chunk chunk = duckdb_create_data_chunk(like->types, like->schema->n_columns);

        for (size_t c = 0; c < like->schema->n_columns; c++) {
            assert_ok(arm__hot_fill(batch, like->schema->columns[c]->field, at, count,
                                    duckdb_data_chunk_get_vector(chunk, c), &err),
                      err);
        }
        duckdb_data_chunk_set_size(chunk, count);
        rows_add(&out, chunk);
    }
    arm__hot_free(batch);
    return out;
}

static inline void rows_move(struct rows *to, struct rows *from)
{
    for (size_t i = 0; i < from->count; i++) {
        rows_add(to, from->chunks[i]);
    }
    free(from->chunks);
    from->chunks = NULL;
    from->count = 0;
    from->row_count = 0;
}

/* All rows of the entries, in order. */
static inline struct rows desk_read(struct desk *desk, const struct rows *like,
                                    const struct arm_written *written)
{
    struct rows all = {.count = 0};

    for (size_t i = 0; i < written->entry_count; i++) {
        const struct arm_new_entry *entry = &written->entries[i];

        if (entry->is_hot) {
            struct rows part = desk_read_hot(like, entry->hot);

            rows_move(&all, &part);
        } else {
            struct rows part = desk_read_chunk(desk, like->schema, &entry->chunk);

            assert_int_equal(part.row_count, entry->rows);
            rows_move(&all, &part);
            rows_free(&part);
        }
    }
    return all;
}

static inline arm_status desk_count_name(void *context, const char *name, struct arm_error *err)
{
    size_t *count = context;

    (void)err;
    *count += strstr(name, ".lease") == NULL && strcmp(name, "lock") != 0;
    return ARM_OK;
}

/* Files in staging/ that are no leases. */
static inline size_t desk_staged(struct desk *desk)
{
    const struct arm_io *io = arm__io_system();
    char path[TEMP_PATH_BYTES];
    struct arm_error err = {0};
    size_t count = 0;

    assert_ok(io->list(io->self, temp_path(&desk->kernel->dir, "staging", path), desk_count_name,
                       &count, &err),
              err);
    return count;
}

static inline arm_status desk_count_hash(void *context, const struct arm_hash *hash,
                                         struct arm_error *err)
{
    (void)hash;
    (void)err;
    ++*(size_t *)context;
    return ARM_OK;
}

static inline size_t desk_leases(struct desk *desk)
{
    struct arm_error err = {0};
    size_t count = 0;

    assert_ok(arm__store_leases(arm__repository_store(desk->kernel->repository), desk_count_hash,
                                &count, &err),
              err);
    return count;
}

#endif
