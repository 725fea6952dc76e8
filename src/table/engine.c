/* SPDX-License-Identifier: Apache-2.0 */
/* The DuckDB instance of a repository. No query of it reaches the network: nothing is installed
 * or loaded by itself, the place extensions would be installed to cannot be one, and the
 * repositories they would come from are no hosts. An extension can still be loaded by its path. */

#include "table/engine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "table/engine_private.h"
#include "table/run.h"

struct arm_engine {
    duckdb_database database;
    struct arm_runs *runs;
    struct arm_chunk_rows *chunk_rows;
    uint32_t thread_count;
    struct arm_mutex mutex;  /* guards what follows */
    duckdb_connection *idle; /* connections given back */
    size_t idle_count;
    size_t idle_capacity;
};

static const char nowhere[] = "/dev/null/none";

static uint32_t processor_count(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 1) {
        return 1;
    }
    return (uint32_t)CPU_COUNT(&set);
}

static arm_status set_option(duckdb_config config, const char *name, const char *value,
                             struct arm_error *err)
{
    if (duckdb_set_config(config, name, value) != DuckDBSuccess) {
        return arm__fail(err, ARM_INVALID, "DuckDB refuses %s = %s", name, value);
    }
    return ARM_OK;
}

static arm_status configure(duckdb_config config, const struct arm_engine_options *options,
                            uint32_t thread_count, struct arm_error *err)
{
    static const char *const fixed[][2] = {
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_persistent_secrets", "false"},
        {"extension_directory", nowhere},
        {"custom_extension_repository", nowhere},
        {"autoinstall_extension_repository", nowhere},
    };
    char number[32];
    arm_status st = ARM_OK;

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        ARM_TRY(set_option(config, fixed[i][0], fixed[i][1], err));
    }
    (void)snprintf(number, sizeof number, "%u", thread_count);
    ARM_TRY(set_option(config, "threads", number, err));
    if (options->memory_limit_bytes > 0) {
        (void)snprintf(number, sizeof number, "%lluB",
                       (unsigned long long)options->memory_limit_bytes);
        ARM_TRY(set_option(config, "memory_limit", number, err));
    }
    if (options->spill_directory != NULL) {
        ARM_TRY(set_option(config, "temp_directory", options->spill_directory, err));
    }
done:
    return st;
}

static arm_status open_database(struct arm_engine *engine, const struct arm_engine_options *options,
                                struct arm_error *err)
{
    duckdb_config config = NULL;
    char *why = NULL;
    arm_status st = ARM_OK;

    if (duckdb_create_config(&config) != DuckDBSuccess) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: DuckDB's options");
    }
    ARM_TRY(configure(config, options, engine->thread_count, err));
    if (duckdb_open_ext(NULL, &engine->database, config, &why) != DuckDBSuccess) {
        st = arm__fail(err, ARM_IO, "DuckDB does not start: %s", why == NULL ? "?" : why);
        duckdb_free(why);
    }
done:
    duckdb_destroy_config(&config);
    return st;
}

arm_status arm__engine_open(const struct arm_engine_options *options, struct arm_engine **out,
                            struct arm_error *err)
{
    struct arm_engine *engine = NULL;
    duckdb_connection connection = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *engine, &engine, err));
    arm__mutex_init(&engine->mutex);
    engine->thread_count = options->thread_count > 0 ? options->thread_count : processor_count();
    ARM_TRY(arm__chunk_rows_new(ARM_CHUNK_ROWS_BYTES, &engine->chunk_rows, err));
    ARM_TRY(open_database(engine, options, err));
    ARM_TRY(arm__engine_connect(engine, &connection, err));
    ARM_TRY(arm__runs_new(connection, &engine->runs, err));
    arm__engine_disconnect(engine, connection);
    *out = engine;
    return ARM_OK;
done:
    duckdb_disconnect(&connection);
    arm__engine_close(engine);
    return st;
}

void arm__engine_close(struct arm_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (size_t i = 0; i < engine->idle_count; i++) {
        duckdb_disconnect(&engine->idle[i]);
    }
    arm__chunk_rows_free(engine->chunk_rows);
    duckdb_close(&engine->database);
    arm__runs_free(engine->runs);
    arm__mutex_release(&engine->mutex);
    arm__free(engine->idle);
    arm__free(engine);
}

duckdb_database arm__engine_database(struct arm_engine *engine)
{
    return engine->database;
}

uint32_t arm__engine_thread_count(const struct arm_engine *engine)
{
    return engine->thread_count;
}

struct arm_runs *arm__engine_runs(struct arm_engine *engine)
{
    return engine->runs;
}

struct arm_chunk_rows *arm__engine_chunk_rows(struct arm_engine *engine)
{
    return engine->chunk_rows;
}

arm_status arm__engine_connect(struct arm_engine *engine, duckdb_connection *out,
                               struct arm_error *err)
{
    duckdb_connection connection = NULL;

    arm__mutex_lock(&engine->mutex);
    if (engine->idle_count > 0) {
        connection = engine->idle[--engine->idle_count];
    }
    arm__mutex_unlock(&engine->mutex);
    if (connection == NULL && duckdb_connect(engine->database, &connection) != DuckDBSuccess) {
        return arm__fail(err, ARM_NO_MEMORY, "DuckDB gives no connection");
    }
    *out = connection;
    return ARM_OK;
}

void arm__engine_disconnect(struct arm_engine *engine, duckdb_connection connection)
{
    bool kept = false;

    if (connection == NULL) {
        return;
    }
    arm__mutex_lock(&engine->mutex);
    if (engine->idle_count < engine->idle_capacity ||
        arm__realloc(&engine->idle, engine->idle_capacity + 8, sizeof *engine->idle, NULL) ==
            ARM_OK) {
        engine->idle_capacity += engine->idle_count == engine->idle_capacity ? 8 : 0;
        engine->idle[engine->idle_count++] = connection;
        kept = true;
    }
    arm__mutex_unlock(&engine->mutex);
    if (!kept) {
        duckdb_disconnect(&connection);
    }
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What DuckDB's failure is called. Its kind is in the text's first words; a full disk has none of
 * its own. */
static arm_status fail_as(const char *message, arm_status code, struct arm_error *err)
{
    message = message == NULL ? "DuckDB says nothing" : message;
    if (begins_with(message, "Out of Memory Error")) {
        code = ARM_NO_MEMORY;
    } else if (begins_with(message, "INTERRUPT Error")) {
        code = ARM_INTERRUPTED;
    } else if (begins_with(message, "IO Error") && (strstr(message, "No space left") != NULL ||
                                                    strstr(message, "quota exceeded") != NULL)) {
        code = ARM_FULL;
    }
    return arm__fail(err, code, "%s", message);
}

/* Work on the statement until it is done; false: it failed. Where one of DuckDB's own threads has
 * taken the work, sleep: duckdb_query would ask again and again, and take a processor's time
 * for it. */
static bool work(duckdb_pending_result pending)
{
    const struct timespec nap = {.tv_nsec = 100000L};

    for (;;) {
        duckdb_pending_state state = duckdb_pending_execute_task(pending);

        if (state == DUCKDB_PENDING_ERROR) {
            return false;
        }
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            (void)nanosleep(&nap, NULL);
        } else if (duckdb_pending_execution_is_finished(state)) {
            return true;
        }
    }
}

arm_status arm__engine_query(duckdb_connection connection, const char *sql, arm_status code,
                             duckdb_result *out, struct arm_error *err)
{
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    duckdb_result result;
    arm_status st = ARM_OK;

    if (duckdb_prepare(connection, sql, &statement) != DuckDBSuccess) {
        st = fail_as(duckdb_prepare_error(statement), code, err);
        goto done;
    }
    if (duckdb_pending_prepared(statement, &pending) != DuckDBSuccess || !work(pending)) {
        st = fail_as(duckdb_pending_error(pending), code, err);
        goto done;
    }
    if (duckdb_execute_pending(pending, &result) != DuckDBSuccess) {
        st = fail_as(duckdb_result_error(&result), code, err);
        duckdb_destroy_result(&result); /* also of a failure */
        goto done;
    }
    *out = result;
done:
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return st;
}

arm_status arm__engine_run(duckdb_connection connection, const char *sql, arm_status code,
                           struct arm_error *err)
{
    duckdb_result result;
    arm_status st = arm__engine_query(connection, sql, code, &result, err);

    if (st == ARM_OK) {
        duckdb_destroy_result(&result);
    }
    return st;
}
