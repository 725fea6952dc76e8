/* SPDX-License-Identifier: Apache-2.0 */
/* Redis Streams by its own protocol, over a socket: XADD, and XREAD BLOCK behind the last entry.
 * The server is started with appendfsync always (support/redis): what is answered is on disk. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "changes/side.h"
#include "support/bench.h"

enum { ANSWER_BYTES = 4096 };

struct redis {
    int fd;
    char answer[ANSWER_BYTES];
    size_t size;
    char last[64]; /* id of the last entry that was read */
};

static void fill(struct redis *redis)
{
    ssize_t got = read(redis->fd, redis->answer + redis->size, sizeof redis->answer - redis->size);

    if (got <= 0) {
        bench_fail("redis", "the server is gone");
    }
    redis->size += (size_t)got;
}

/* Take one line off the answer, without its end. */
static void take_line(struct redis *redis, char *out, size_t out_size)
{
    char *end;

    while ((end = memmem(redis->answer, redis->size, "\r\n", 2)) == NULL) {
        fill(redis);
    }
    (void)snprintf(out, out_size, "%.*s", (int)(end - redis->answer), redis->answer);
    redis->size -= (size_t)(end + 2 - redis->answer);
    memmove(redis->answer, end + 2, redis->size);
}

/* Read one answer, whatever it is; the id of an entry (digits, '-', digits) is kept. */
static void take_answer(struct redis *redis)
{
    char line[ANSWER_BYTES];
    long count;

    take_line(redis, line, sizeof line);
    count = strtol(line + 1, NULL, 10);
    if (line[0] == '-') {
        bench_fail("redis", line);
    } else if (line[0] == '*') {
        for (long i = 0; i < count; i++) {
            take_answer(redis);
        }
    } else if (line[0] == '$' && count >= 0) {
        take_line(redis, line, sizeof line);
        if (strchr(line, '-') != NULL) {
            (void)snprintf(redis->last, sizeof redis->last, "%.40s", line);
        }
    }
}

static void ask(struct redis *redis, const char *const *words, size_t count)
{
    char text[ANSWER_BYTES];
    int size = snprintf(text, sizeof text, "*%zu\r\n", count);

    for (size_t i = 0; i < count; i++) {
        size += snprintf(text + size, sizeof text - (size_t)size, "$%zu\r\n%s\r\n",
                         strlen(words[i]), words[i]);
    }
    if (write(redis->fd, text, (size_t)size) != size) {
        bench_fail("redis", "the server is gone");
    }
    take_answer(redis);
}

static void *connect_to(const char *where)
{
    struct redis *redis = calloc(1, sizeof *redis);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (redis == NULL) {
        bench_fail("redis", "out of memory");
    }
    redis->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
    if (connect(redis->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        bench_fail("redis", where);
    }
    return redis;
}

static void disconnect(void *context)
{
    struct redis *redis = context;

    (void)close(redis->fd);
    free(redis);
}

static int64_t change(void *writer, uint64_t number)
{
    char text[24];
    const char *words[] = {"XADD", "events", "*", "n", text};
    int64_t start;

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    start = side_now_ns();
    ask(writer, words, 5);
    return start;
}

static void prepare(const char *where)
{
    struct redis *redis = connect_to(where);

    (void)change(redis, 0);
    disconnect(redis);
}

static void *open_reader(const char *where)
{
    struct redis *redis = connect_to(where);
    const char *words[] = {"XREVRANGE", "events", "+", "-", "COUNT", "1"};

    ask(redis, words, 6);
    return redis;
}

static void next(void *reader)
{
    struct redis *redis = reader;
    char last[64];
    const char *words[] = {"XREAD", "COUNT", "1", "BLOCK", "0", "STREAMS", "events", last};

    (void)snprintf(last, sizeof last, "%s", redis->last);
    ask(redis, words, 8);
}

const struct side side_redis = {.name = "Redis Streams",
                                .prepare = prepare,
                                .open_writer = connect_to,
                                .change = change,
                                .close_writer = disconnect,
                                .open_reader = open_reader,
                                .next = next,
                                .close_reader = disconnect};
