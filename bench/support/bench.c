/* SPDX-License-Identifier: Apache-2.0 */
#include "support/bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

double bench_cpu_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double bench_mean(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum / (double)count;
}

const char *bench_verdict(bool is_met)
{
    return is_met ? "met" : "missed";
}

size_t bench_size(size_t usual, size_t full)
{
    const char *value = getenv("FULL");

    return value != NULL && strcmp(value, "1") == 0 ? full : usual;
}

size_t bench_count(int argc, char **argv, int n, size_t usual, size_t most)
{
    size_t value = argc > n ? strtoul(argv[n], NULL, 10) : usual;

    if (value < 1 || value > most) {
        bench_fail(argv[n], "not a count");
    }
    return value;
}

char *bench_path(const char *directory, const char *name, char out[BENCH_PATH_BYTES])
{
    if (snprintf(out, BENCH_PATH_BYTES, "%s/%s", directory, name) >= BENCH_PATH_BYTES) {
        bench_fail(directory, "too long a path");
    }
    return out;
}

_Noreturn void bench_fail(const char *what, const char *message)
{
    (void)fprintf(stderr, "bench: %.300s: %.1000s\n", what, message);
    exit(1);
}

void bench_check(arm_status status, const struct arm_error *err, const char *what)
{
    if (status != ARM_OK) {
        bench_fail(what, err->message);
    }
}

void bench_duckdb_open(struct bench_duckdb *duckdb)
{
    if (duckdb_open(NULL, &duckdb->database) != DuckDBSuccess ||
        duckdb_connect(duckdb->database, &duckdb->connection) != DuckDBSuccess) {
        bench_fail("duckdb", "cannot open a database in memory");
    }
}

void bench_duckdb_close(struct bench_duckdb *duckdb)
{
    duckdb_disconnect(&duckdb->connection);
    duckdb_close(&duckdb->database);
}

size_t bench_duckdb_run(struct bench_duckdb *duckdb, const char *sql)
{
    duckdb_result result;
    duckdb_data_chunk chunk;
    size_t rows = 0;

    if (duckdb_query(duckdb->connection, sql, &result) != DuckDBSuccess) {
        bench_fail(sql, duckdb_result_error(&result));
    }
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        rows += duckdb_data_chunk_get_size(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return rows;
}

size_t bench_session_run(arm_session *session, const char *sql)
{
    struct ArrowArrayStream stream;
    struct arm_error err;
    size_t rows = 0;

    bench_check(arm_sql(session, sql, NULL, &stream, NULL, &err), &err, sql);
    for (;;) {
        struct ArrowArray array = {0};

        if (stream.get_next(&stream, &array) != 0) {
            bench_fail(sql, stream.get_last_error(&stream));
        }
        if (array.release == NULL) {
            break;
        }
        rows += (size_t)array.length;
        array.release(&array);
    }
    stream.release(&stream);
    return rows;
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *where)
{
    (void)found;
    (void)type;
    (void)where;
    return remove(path);
}

void bench_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *bench_read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL || getdelim(&text, &size, '\0', file) < 0) {
        bench_fail(path, "cannot be read");
    }
    (void)fclose(file);
    return text;
}
