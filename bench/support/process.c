/* SPDX-License-Identifier: Apache-2.0 */
/* Files, children and syncs. */

#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "support/bench.h"

enum {
    PIECE_BYTES = 1 << 20,
    ARGUMENTS_MAX = 16,
    PROBE_BYTES = 512,
    BLOCK_BYTES = 512,
    OVERWRITE_BYTES = 4 << 20
};

/* ---- Trees ---- */

static FTS *open_tree(const char *path)
{
    char *const paths[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    if (tree == NULL) {
        bench_fail(path, "cannot be read");
    }
    return tree;
}

struct bench_sizes bench_tree_sizes(const char *path)
{
    struct bench_sizes sizes = {0};
    FTS *tree = open_tree(path);
    FTSENT *entry;

    while ((entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_F) {
            sizes.apparent_bytes += (uint64_t)entry->fts_statp->st_size;
            sizes.file_count++;
        }
        if (entry->fts_info == FTS_F || entry->fts_info == FTS_D) {
            sizes.allocated_bytes += (uint64_t)entry->fts_statp->st_blocks * BLOCK_BYTES;
        }
    }
    (void)fts_close(tree);
    return sizes;
}

static void read_file(const char *path, char *piece, bool is_hashing)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct arm_hasher hasher;
    ssize_t size;

    if (fd < 0) {
        bench_fail(path, "cannot be read");
    }
    arm__hasher_init(&hasher);
    while ((size = read(fd, piece, PIECE_BYTES)) > 0) {
        if (is_hashing) {
            arm__hasher_update(&hasher, piece, (size_t)size);
        }
    }
    (void)arm__hasher_finish(&hasher);
    (void)close(fd);
}

double bench_hash_files(const char *path, bool is_hashing)
{
    FTS *tree = open_tree(path);
    char *piece = malloc(PIECE_BYTES);
    double start = bench_now_ms();
    FTSENT *entry;

    if (piece == NULL) {
        bench_fail(path, "out of memory");
    }
    while ((entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_F) {
            read_file(entry->fts_accpath, piece, is_hashing);
        }
    }
    start = bench_now_ms() - start;
    free(piece);
    (void)fts_close(tree);
    return start;
}

char *bench_list_chunks(const char *repository)
{
    char chunks[BENCH_PATH_BYTES];
    char *list = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&list, &size);
    FTS *tree = open_tree(bench_path(repository, "chunks", chunks));
    const char *before = "[";
    FTSENT *entry;

    if (out == NULL) {
        bench_fail(repository, "out of memory");
    }
    while ((entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_F) {
            (void)fprintf(out, "%s'%s'", before, entry->fts_path);
            before = ", ";
        }
    }
    (void)fprintf(out, "]");
    (void)fclose(out);
    (void)fts_close(tree);
    return list;
}

/* ---- Children ---- */

static pid_t start(const char *const *arguments, int out_fd, int other_fd)
{
    char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t)"/proc/self/exe"};
    posix_spawn_file_actions_t actions;
    pid_t child = -1;

    for (size_t i = 0; arguments[i] != NULL && i + 2 < ARGUMENTS_MAX; i++) {
        argv[1 + i] = (char *)(uintptr_t)arguments[i];
    }
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addclose(&actions, other_fd) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO) != 0 ||
        posix_spawn(&child, "/proc/self/exe", &actions, NULL, argv, environ) != 0) {
        bench_fail(arguments[0], "cannot be run");
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return child;
}

/* What it prints, as text to be freed, and how it ended. */
static char *run(const char *const *arguments, int *out_status, struct rusage *out_usage)
{
    char *text = NULL;
    size_t size = 0;
    int ends[2];
    pid_t child;
    FILE *file;

    (void)fflush(stdout);
    if (pipe(ends) != 0) {
        bench_fail(arguments[0], "no pipe");
    }
    child = start(arguments, ends[1], ends[0]);
    (void)close(ends[1]);
    file = fdopen(ends[0], "r");
    if (file == NULL || (getdelim(&text, &size, '\0', file) < 0 && ferror(file))) {
        bench_fail(arguments[0], "cannot be read");
    }
    (void)fclose(file);
    if (wait4(child, out_status, 0, out_usage) != child) {
        bench_fail(arguments[0], "is lost");
    }
    return text;
}

void bench_child(const char *const *arguments, double *out, size_t count, long *out_peak_kb)
{
    struct rusage usage;
    int status = 0;
    char *text = run(arguments, &status, &usage);
    char *at = text;

    if (status != 0 || text == NULL) {
        bench_fail(arguments[0], "its process failed");
    }
    for (size_t i = 0; i < count; i++) {
        char *end = at;

        out[i] = strtod(at, &end);
        if (end == at) {
            bench_fail(arguments[0], "too few numbers");
        }
        at = end;
    }
    free(text);
    if (out_peak_kb != NULL) {
        *out_peak_kb = usage.ru_maxrss;
    }
}

void bench_child_killed(const char *const *arguments)
{
    struct rusage usage;
    int status = 0;

    free(run(arguments, &status, &usage));
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        bench_fail(arguments[0], "its process was not killed");
    }
}

/* ---- Syncs ---- */

static int probe_file(const char *directory, const char *name)
{
    char path[BENCH_PATH_BYTES];
    int fd = open(bench_path(directory, name, path), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0) {
        bench_fail(path, "cannot be made");
    }
    (void)unlink(path);
    return fd;
}

void bench_sync_probe_open(struct bench_sync_probe *probe, const char *directory)
{
    char *zeros = calloc(1, OVERWRITE_BYTES);

    *probe = (struct bench_sync_probe){.append_fd = probe_file(directory, "probe-append"),
                                       .overwrite_fd = probe_file(directory, "probe-overwrite")};
    if (zeros == NULL ||
        pwrite(probe->overwrite_fd, zeros, OVERWRITE_BYTES, 0) != OVERWRITE_BYTES ||
        fsync(probe->overwrite_fd) != 0) {
        bench_fail(directory, "cannot be written");
    }
    free(zeros);
}

static double timed(int fd, long long at)
{
    char bytes[PROBE_BYTES];
    double start = bench_now_ms();

    memset(bytes, 1, sizeof bytes);
    if ((at < 0 ? write(fd, bytes, sizeof bytes) : pwrite(fd, bytes, sizeof bytes, at)) !=
            (ssize_t)sizeof bytes ||
        fdatasync(fd) != 0) {
        bench_fail("probe", "cannot be synced");
    }
    return bench_now_ms() - start;
}

double bench_sync_probe_append(struct bench_sync_probe *probe)
{
    return timed(probe->append_fd, -1);
}

double bench_sync_probe_overwrite(struct bench_sync_probe *probe)
{
    long long at = probe->overwrite_at;

    probe->overwrite_at = (at + PROBE_BYTES) % OVERWRITE_BYTES;
    return timed(probe->overwrite_fd, at);
}

void bench_sync_probe_close(struct bench_sync_probe *probe)
{
    (void)close(probe->append_fd);
    (void)close(probe->overwrite_fd);
}
