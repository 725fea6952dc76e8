/* SPDX-License-Identifier: Apache-2.0 */
#include "transactions/crew.h"

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TRIES_MAX = 100000, WAIT_US = 50 };

/* One writer's; in memory that processes share. */
struct lane {
    double begun_ms;
    double done_ms;
    uint64_t conflicts;
    uint64_t failed;
    char why[SIDE_WHY_BYTES];
};

struct crew {
    struct crew_plan plan;
    atomic_uint ready;
    atomic_bool go;
    struct lane lanes[CREW_WRITERS_MAX];
    double times[];
};

static size_t crew_bytes(const struct crew_plan *plan)
{
    return sizeof(struct crew) + plan->writers * plan->count * sizeof(double);
}

static void doze(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000L * WAIT_US}, NULL);
}

/* ---- One writer ---- */

/* A place among `count`, other for each number below it, and neighbours far apart. */
static int64_t scatter(uint64_t number, size_t count)
{
    return (int64_t)(number * 48271 % count);
}

static struct side_values values_of(const struct crew_plan *plan, uint64_t number)
{
    struct side_values v = {.amount = (double)(number % 1000) + 0.5};

    switch (plan->act) {
    case ACT_INSERT:
        v.id = (int64_t)number;
        break;
    case ACT_LOOKUP_HOT:
        v.id = scatter(number, plan->events);
        break;
    case ACT_UPDATE:
    case ACT_DELETE:
    case ACT_LOOKUP:
        v.id = 2 * scatter(number, plan->rows);
        break;
    case ACT_UPSERT:
        v.id = scatter(number, 2 * plan->rows / UPSERT_ROWS) * UPSERT_ROWS;
        break;
    case ACT_TRANSFER:
        v.id = (int64_t)number;
        v.account = scatter(number, plan->accounts);
        v.teller = scatter(number, TELLERS);
        v.branch = v.teller % BRANCHES;
        v.delta = (int64_t)(number % 999) - 499;
        break;
    }
    (void)snprintf(v.note, sizeof v.note, "note %llu", (unsigned long long)number);
    return v;
}

static void act_once(const struct side *side, struct side_writer *writer,
                     const struct crew_plan *plan, uint64_t number, struct lane *lane)
{
    struct side_values values = values_of(plan, number);
    enum side_outcome outcome = SIDE_CONFLICT;

    for (size_t tries = 0; outcome == SIDE_CONFLICT && tries < TRIES_MAX; tries++) {
        outcome = side->run(writer, plan->act, &values, lane->why);
        lane->conflicts += outcome == SIDE_CONFLICT;
    }
    lane->failed += outcome != SIDE_DONE;
}

static void write_lane(const struct side *side, const char *where, void *shared, struct crew *crew,
                       unsigned index)
{
    const struct crew_plan *plan = &crew->plan;
    struct lane *lane = &crew->lanes[index];
    struct side_writer *writer = side->open(where, shared);
    double *times = crew->times + index * plan->count;
    uint64_t first = plan->first + index * plan->count;

    atomic_fetch_add(&crew->ready, 1);
    while (!atomic_load(&crew->go)) {
        doze();
    }
    lane->begun_ms = bench_now_ms();
    lane->done_ms = lane->begun_ms;
    for (size_t i = 0; i < plan->count; i++) {
        act_once(side, writer, plan, first + i, lane);
        times[i] = bench_now_ms() - lane->done_ms;
        lane->done_ms += times[i];
    }
    side->close(writer);
}

/* ---- Threads ---- */

struct thread_task {
    const struct side *side;
    const char *where;
    void *shared;
    struct crew *crew;
    unsigned index;
};

static void *thread_main(void *argument)
{
    struct thread_task *task = argument;

    write_lane(task->side, task->where, task->shared, task->crew, task->index);
    return NULL;
}

static void begin_together(struct crew *crew)
{
    while (atomic_load(&crew->ready) < crew->plan.writers) {
        if (crew->plan.by_processes && waitpid(-1, NULL, WNOHANG) > 0) {
            bench_fail("crew", "a writer's process failed");
        }
        doze();
    }
    atomic_store(&crew->go, true);
}

static void run_threads(const struct side *side, const char *where, void *shared, struct crew *crew)
{
    pthread_t threads[CREW_WRITERS_MAX];
    struct thread_task tasks[CREW_WRITERS_MAX];

    for (unsigned i = 0; i < crew->plan.writers; i++) {
        tasks[i] = (struct thread_task){side, where, shared, crew, i};
        if (pthread_create(&threads[i], NULL, thread_main, &tasks[i]) != 0) {
            bench_fail(side->name, "no thread to be had");
        }
    }
    begin_together(crew);
    for (unsigned i = 0; i < crew->plan.writers; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ---- Processes ---- */

static struct crew *map_crew(int fd, size_t bytes)
{
    struct crew *crew = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (crew == MAP_FAILED) {
        bench_fail("crew", "no memory to share");
    }
    return crew;
}

static pid_t spawn_writer(const struct side *side, const char *where, int fd, unsigned index)
{
    char number[16];
    char file[16];
    char *argv[] = {(char *)(uintptr_t)"/proc/self/exe",
                    (char *)(uintptr_t)"--writer",
                    (char *)(uintptr_t)side->name,
                    (char *)(uintptr_t)where,
                    file,
                    number,
                    NULL};
    pid_t child = -1;

    (void)snprintf(number, sizeof number, "%u", index);
    (void)snprintf(file, sizeof file, "%d", fd);
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ) != 0) {
        bench_fail(side->name, "no process to be had");
    }
    return child;
}

static void run_processes(const struct side *side, const char *where, struct crew *crew, int fd)
{
    pid_t children[CREW_WRITERS_MAX];

    for (unsigned i = 0; i < crew->plan.writers; i++) {
        children[i] = spawn_writer(side, where, fd, i);
    }
    begin_together(crew);
    for (unsigned i = 0; i < crew->plan.writers; i++) {
        int status = 0;

        if (waitpid(children[i], &status, 0) < 0 || status != 0) {
            bench_fail(side->name, "a writer's process failed");
        }
    }
}

bool crew_is_writer(int argc, char **argv, const struct side *const *sides, size_t side_count)
{
    struct crew *crew;
    void *shared;
    int fd;

    if (argc != 6 || strcmp(argv[1], "--writer") != 0) {
        return false;
    }
    fd = (int)strtol(argv[4], NULL, 10);
    crew = map_crew(fd, sizeof *crew);
    crew = map_crew(fd, crew_bytes(&crew->plan));
    for (size_t i = 0; i < side_count; i++) {
        if (strcmp(sides[i]->name, argv[2]) == 0) {
            shared = sides[i]->share(argv[3]);
            write_lane(sides[i], argv[3], shared, crew, (unsigned)strtoul(argv[5], NULL, 10));
            sides[i]->unshare(shared);
            return true;
        }
    }
    bench_fail(argv[2], "no such side");
}

/* ---- Both ---- */

static struct crew_result result_of(const struct crew *crew)
{
    struct crew_result result = {.per_second = 0};
    double begun = crew->lanes[0].begun_ms;
    double done = crew->lanes[0].done_ms;

    for (unsigned i = 0; i < crew->plan.writers; i++) {
        const struct lane *lane = &crew->lanes[i];

        begun = lane->begun_ms < begun ? lane->begun_ms : begun;
        done = lane->done_ms > done ? lane->done_ms : done;
        result.conflicts += lane->conflicts;
        result.failed += lane->failed;
        if (lane->failed > 0) {
            memcpy(result.why, lane->why, sizeof result.why);
        }
    }
    result.per_second = 1e3 * (double)(crew->plan.writers * crew->plan.count) / (done - begun);
    return result;
}

struct crew_result crew_run(const struct side *side, const char *where, void *shared,
                            const struct crew_plan *plan, double *times)
{
    size_t bytes = crew_bytes(plan);
    int fd = memfd_create("crew", 0); /* open in the children, too */
    struct crew_result result;
    struct crew *crew;

    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
        bench_fail("crew", "no memory to share");
    }
    crew = map_crew(fd, bytes);
    crew->plan = *plan;
    if (plan->by_processes) {
        run_processes(side, where, crew, fd);
    } else {
        run_threads(side, where, shared, crew);
    }
    result = result_of(crew);
    memcpy(times, crew->times, plan->writers * plan->count * sizeof *times);
    (void)munmap(crew, bytes);
    (void)close(fd);
    return result;
}
