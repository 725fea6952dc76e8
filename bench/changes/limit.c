/* SPDX-License-Identifier: Apache-2.0 */
/* The limit: 512 bytes over written zeros of a file, synced, and a futex in shared memory. */

#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "changes/side.h"
#include "support/bench.h"

struct limit {
    _Atomic uint32_t *word;
    uint32_t seen;
    struct bench_sync_probe probe;
    char directory[BENCH_PATH_BYTES];
};

static struct limit *open_word(const char *where)
{
    struct limit *limit = calloc(1, sizeof *limit);
    char path[BENCH_PATH_BYTES];
    int fd = open(bench_path(where, "word", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (limit == NULL || fd < 0 || ftruncate(fd, 4096) != 0) {
        bench_fail("limit", path);
    }
    limit->word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (limit->word == MAP_FAILED) {
        bench_fail("limit", "mmap");
    }
    (void)close(fd);
    limit->seen = atomic_load(limit->word);
    return limit;
}

static void prepare(const char *where)
{
    free(open_word(where));
}

static void *open_writer(const char *where)
{
    struct limit *limit = open_word(where);

    bench_sync_probe_open(&limit->probe, where);
    return limit;
}

static int64_t change(void *writer, uint64_t number)
{
    struct limit *limit = writer;
    int64_t start = side_now_ns();

    (void)number;
    (void)bench_sync_probe_overwrite(&limit->probe);
    atomic_fetch_add(limit->word, 1);
    (void)syscall(SYS_futex, limit->word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    return start;
}

static void close_writer(void *writer)
{
    struct limit *limit = writer;

    bench_sync_probe_close(&limit->probe);
    free(limit);
}

static void *open_reader(const char *where)
{
    return open_word(where);
}

static void next(void *reader)
{
    struct limit *limit = reader;

    while (atomic_load(limit->word) == limit->seen) {
        (void)syscall(SYS_futex, limit->word, FUTEX_WAIT, limit->seen, NULL, NULL, 0);
    }
    limit->seen++;
}

const struct side side_limit = {.name = "sync + futex",
                                .prepare = prepare,
                                .open_writer = open_writer,
                                .change = change,
                                .close_writer = close_writer,
                                .open_reader = open_reader,
                                .next = next,
                                .close_reader = free};
