/* SPDX-License-Identifier: Apache-2.0 */
/* The table function arm_run(id). A run is found by its id while the statement is bound, and then
 * read block by block on one thread, so that the order of its rows is kept. The ids are random:
 * a user who calls the function gets an error and nothing else. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/run.h"

struct entry {
    uint64_t id;
    const struct arm_run *run;
};

struct arm_runs {
    struct arm_mutex mutex;
    struct entry *entries;
    size_t count;
    size_t capacity;
};

struct cursor {
    struct arm_runs *runs;
    const struct arm_run *run;
    size_t next_block;
};

/* ---- The function: DuckDB calls it on threads of its own, under the mutex of the list ---- */

static const struct arm_run *find(const struct arm_runs *runs, uint64_t id)
{
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->entries[i].id == id) {
            return runs->entries[i].run;
        }
    }
    return NULL;
}

/* Bind the run of `id`; returns what is wrong, or NULL. */
static const char *bind_found(duckdb_bind_info info, struct arm_runs *runs, uint64_t id)
{
    const struct arm_run *run = find(runs, id);
    struct cursor *cursor = NULL;

    if (run == NULL) {
        return "arm_run is Armillaria's own: no such run";
    }
    if (arm__calloc(1, sizeof *cursor, &cursor, NULL) != ARM_OK) {
        return "out of memory";
    }
    cursor->runs = runs;
    cursor->run = run;
    duckdb_bind_set_bind_data(info, cursor, arm__free);
    for (size_t c = 0; c < run->schema->n_columns; c++) {
        duckdb_bind_add_result_column(info, run->schema->columns[c]->field->name, run->types[c]);
    }
    duckdb_bind_set_cardinality(info, run->rows, true);
    return NULL;
}

static void bind_run(duckdb_bind_info info)
{
    struct arm_runs *runs = duckdb_bind_get_extra_info(info);
    duckdb_value value = duckdb_bind_get_parameter(info, 0);
    const char *wrong;

    arm__mutex_lock(&runs->mutex);
    wrong = bind_found(info, runs, duckdb_get_uint64(value));
    arm__mutex_unlock(&runs->mutex);
    duckdb_destroy_value(&value);
    if (wrong != NULL) {
        duckdb_bind_set_error(info, wrong);
    }
}

static void init_run(duckdb_init_info info)
{
    struct cursor *cursor = duckdb_init_get_bind_data(info);

    cursor->next_block = 0;
    duckdb_init_set_max_threads(info, 1);
}

static void scan_run(duckdb_function_info info, duckdb_data_chunk output)
{
    struct cursor *cursor = duckdb_function_get_bind_data(info);
    const struct arm_run *run = cursor->run;

    arm__mutex_lock(&cursor->runs->mutex);
    if (cursor->next_block == run->block_count) {
        duckdb_data_chunk_set_size(output, 0);
    } else {
        duckdb_data_chunk block = run->blocks[cursor->next_block++];

        for (size_t c = 0; c < run->schema->n_columns; c++) {
            duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, c),
                                           duckdb_data_chunk_get_vector(block, c));
        }
        duckdb_data_chunk_set_size(output, duckdb_data_chunk_get_size(block));
    }
    arm__mutex_unlock(&cursor->runs->mutex);
}

static arm_status register_function(duckdb_connection connection, struct arm_runs *runs,
                                    struct arm_error *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type id = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    duckdb_state state;

    duckdb_table_function_set_name(function, "arm_run");
    duckdb_table_function_add_parameter(function, id);
    duckdb_table_function_set_extra_info(function, runs, NULL);
    duckdb_table_function_set_bind(function, bind_run);
    duckdb_table_function_set_init(function, init_run);
    duckdb_table_function_set_function(function, scan_run);
    state = duckdb_register_table_function(connection, function);
    duckdb_destroy_logical_type(&id);
    duckdb_destroy_table_function(&function);
    return state == DuckDBSuccess
               ? ARM_OK
               : arm__fail(err, ARM_NO_MEMORY, "DuckDB refuses the table function arm_run");
}

/* ---- The list ---- */

arm_status arm__runs_new(duckdb_connection connection, struct arm_runs **out, struct arm_error *err)
{
    struct arm_runs *runs = NULL;
    arm_status st = arm__calloc(1, sizeof *runs, &runs, err);

    if (st != ARM_OK) {
        return st;
    }
    arm__mutex_init(&runs->mutex);
    st = register_function(connection, runs, err);
    if (st != ARM_OK) {
        arm__runs_free(runs);
        return st;
    }
    *out = runs;
    return ARM_OK;
}

void arm__runs_free(struct arm_runs *runs)
{
    if (runs != NULL) {
        assert(runs->count == 0); /* U2 */
        arm__mutex_release(&runs->mutex);
        arm__free(runs->entries);
        arm__free(runs);
    }
}

arm_status arm__runs_add(struct arm_runs *runs, const struct arm_run *run, uint64_t *out_id,
                         struct arm_error *err)
{
    struct arm_id random;
    uint64_t id;
    arm_status st = arm__id_random(&random, err);

    if (st != ARM_OK) {
        return st;
    }
    memcpy(&id, random.bytes, sizeof id);
    arm__mutex_lock(&runs->mutex);
    if (runs->count == runs->capacity) {
        st = arm__realloc(&runs->entries, 2 * runs->capacity + 4, sizeof *runs->entries, err);
        runs->capacity = st == ARM_OK ? 2 * runs->capacity + 4 : runs->capacity;
    }
    if (st == ARM_OK) {
        runs->entries[runs->count++] = (struct entry){id, run};
        *out_id = id;
    }
    arm__mutex_unlock(&runs->mutex);
    return st;
}

void arm__runs_remove(struct arm_runs *runs, uint64_t id)
{
    arm__mutex_lock(&runs->mutex);
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->entries[i].id == id) {
            runs->entries[i] = runs->entries[--runs->count];
            break;
        }
    }
    arm__mutex_unlock(&runs->mutex);
}
