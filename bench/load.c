/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk load: arm_write of lineitem from Arrow in memory into a fresh repository (durable, with
 * statistics and deduplication) beside DuckDB's COPY of the same Arrow stream to one Parquet file
 * (zstd, nothing synced).
 *
 * usage: load LINEITEM.arrow WORK_DIRECTORY [RUNS]      (an Arrow IPC stream)
 *
 * Budget: the median of the pairwise ratios is at most 1. */

#include <nanoarrow/nanoarrow_ipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/bench.h"

enum { RUNS_DEFAULT = 5, RUNS_MAX = 99 };

/* The batches in memory, and their schema's stream to copy it from. */
struct batches {
    struct ArrowSchema schema;
    struct ArrowArray *arrays;
    size_t count;
};

static void read_batches(const char *path, struct batches *out)
{
    FILE *file = fopen(path, "rb");
    struct ArrowIpcInputStream input;
    struct ArrowArrayStream stream;

    if (file == NULL || ArrowIpcInputStreamInitFile(&input, file, 1) != 0 ||
        ArrowIpcArrayStreamReaderInit(&stream, &input, NULL) != 0 ||
        stream.get_schema(&stream, &out->schema) != 0) {
        bench_fail(path, "not an Arrow IPC stream");
    }
    for (;;) {
        struct ArrowArray array = {0};

        if (stream.get_next(&stream, &array) != 0) {
            bench_fail(path, stream.get_last_error(&stream));
        }
        if (array.release == NULL) {
            break;
        }
        struct ArrowArray *grown = realloc(out->arrays, (out->count + 1) * sizeof *out->arrays);

        if (grown == NULL) {
            bench_fail(path, "out of memory");
        }
        out->arrays = grown;
        out->arrays[out->count++] = array;
    }
    stream.release(&stream);
}

/* ---- A stream over borrowed batches: the structs are copied, the buffers shared ---- */

struct replay {
    const struct batches *batches;
    size_t next;
};

static void release_copy(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
        free(array->children[i]);
    }
    free(array->children);
    array->release = NULL;
}

static void copy_array(const struct ArrowArray *from, struct ArrowArray *to)
{
    *to = *from;
    to->children = calloc((size_t)from->n_children + 1, sizeof *to->children);
    for (int64_t i = 0; i < from->n_children; i++) {
        to->children[i] = calloc(1, sizeof **to->children);
        copy_array(from->children[i], to->children[i]);
    }
    to->release = release_copy;
}

static int replay_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct replay *replay = stream->private_data;

    return ArrowSchemaDeepCopy(&replay->batches->schema, out);
}

static int replay_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct replay *replay = stream->private_data;

    if (replay->next == replay->batches->count) {
        *out = (struct ArrowArray){0};
    } else {
        copy_array(&replay->batches->arrays[replay->next++], out);
    }
    return 0;
}

static const char *replay_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void replay_release(struct ArrowArrayStream *stream)
{
    free(stream->private_data);
    stream->release = NULL;
}

static struct ArrowArrayStream replay(const struct batches *batches)
{
    struct replay *state = calloc(1, sizeof *state);

    state->batches = batches;
    return (struct ArrowArrayStream){
        .get_schema = replay_schema,
        .get_next = replay_next,
        .get_last_error = replay_error,
        .release = replay_release,
        .private_data = state,
    };
}

/* ---- The two sides ---- */

static double run_ours(const struct batches *batches, const char *path, uint64_t *out_bytes)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct ArrowArrayStream stream = replay(batches);
    struct arm_write_result result;
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    double start;

    bench_remove_tree(path);
    bench_check(arm_repo_open(path, &options, &repo, &err), &err, "open");
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    (void)bench_session_run(session, "SELECT 1"); /* the engine is running, as the other's is */
    start = bench_now_ms();
    bench_check(arm_write(session, "lineitem", &stream, NULL, &result, &err), &err, "write");
    start = bench_now_ms() - start;
    arm_session_close(session);
    arm_repo_close(repo);
    *out_bytes = result.bytes_added;
    return start;
}

static double run_copy(struct bench_duckdb *duckdb, const struct batches *batches, const char *path)
{
    struct ArrowArrayStream stream = replay(batches);
    char sql[4200];
    double start = bench_now_ms();

    if (duckdb_arrow_scan(duckdb->connection, "source", (duckdb_arrow_stream)&stream) !=
        DuckDBSuccess) {
        bench_fail("duckdb", "cannot scan the Arrow stream");
    }
    (void)snprintf(sql, sizeof sql, "COPY source TO '%s' (FORMAT parquet, COMPRESSION zstd)", path);
    (void)bench_duckdb_run(duckdb, sql);
    start = bench_now_ms() - start;
    (void)bench_duckdb_run(duckdb, "DROP VIEW source");
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    return start;
}

static double megabytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    double size = 0;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        size = (double)ftell(file) / 1e6;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return size;
}

int main(int argc, char **argv)
{
    struct batches batches = {0};
    struct bench_duckdb duckdb;
    double ours[RUNS_MAX];
    double copy[RUNS_MAX];
    double ratio[RUNS_MAX];
    double copy_cpu[RUNS_MAX];
    double ours_cpu[RUNS_MAX];
    char repo_path[4096];
    char file_path[4096];
    uint64_t bytes = 0;
    size_t runs;

    if (argc < 3) {
        bench_fail("usage", "load LINEITEM.arrow WORK_DIRECTORY [RUNS]");
    }
    runs = argc > 3 ? strtoul(argv[3], NULL, 10) : RUNS_DEFAULT;
    runs = runs < 1 || runs > RUNS_MAX ? RUNS_DEFAULT : runs;
    (void)snprintf(repo_path, sizeof repo_path, "%s/load.repo", argv[2]);
    (void)snprintf(file_path, sizeof file_path, "%s/load.parquet", argv[2]);
    read_batches(argv[1], &batches);
    bench_duckdb_open(&duckdb);
    (void)run_copy(&duckdb, &batches, file_path); /* warm up both */
    (void)run_ours(&batches, repo_path, &bytes);
    for (size_t i = 0; i < runs; i++) {
        double start = bench_cpu_ms();
        double middle;

        copy[i] = run_copy(&duckdb, &batches, file_path);
        middle = bench_cpu_ms();
        ours[i] = run_ours(&batches, repo_path, &bytes);
        copy_cpu[i] = middle - start;
        ours_cpu[i] = bench_cpu_ms() - middle;
        ratio[i] = ours[i] / copy[i];
    }
    printf("| bulk load of lineitem | median ms | processor ms | MB |\n|---|---|---|---|\n");
    printf("| DuckDB COPY to one file, zstd, not synced | %.0f | %.0f | %.1f |\n",
           bench_median(copy, runs), bench_median(copy_cpu, runs), megabytes(file_path));
    printf("| armillaria, durable | %.0f | %.0f | %.1f |\n", bench_median(ours, runs),
           bench_median(ours_cpu, runs), (double)bytes / 1e6);
    printf("\nbudget: load ratio %.2f (<= 1.00), median of %zu pairs, range %.2f to %.2f\n",
           bench_median(ratio, runs), runs, ratio[0], ratio[runs - 1]);
    bench_duckdb_close(&duckdb);
    bench_remove_tree(repo_path);
    (void)remove(file_path);
    return 0;
}
