/* SPDX-License-Identifier: Apache-2.0 */
/* Histories: clients on threads and in processes run random transactions over lists, sets and
 * registers, while rows are compacted and processes are killed; then the history checker holds all
 * that they saw to the isolation level (support/history.h).
 *
 * ARM_HISTORY_TXNS=n transactions instead of the usual, ARM_SEED=n the same plans again (what they
 * meet is another thing). A failure leaves the repository and the clients' files behind. */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/cmocka_all.h"
#include "support/history_client.h"
#include "support/temp.h"

enum {
    TXNS_DEFAULT = 100000,
    SQL_PART = 10, /* one of so many by SQL, which costs ten times as much */
    PROCESSES = 2,
    THREADS = 3,
    CLIENTS = PROCESSES * THREADS,
    ROUND_TXNS = 500,
    COMPACT_EVERY_US = 100000,
    KILL_US_MIN = 50000,
    KILL_US_MORE = 400000,
    PATH_BYTES = TEMP_PATH_BYTES + 40,
};

struct world {
    struct temp_dir dir;
    char repo[TEMP_PATH_BYTES];
    bool by_sql; /* or by the kernel's transactions */
    enum history_level level;
    unsigned txns;
    unsigned rounds;
    _Atomic unsigned *begun; /* shared by all processes */
    uint64_t seed;
};

static unsigned number_of(const char *variable, unsigned otherwise)
{
    const char *text = getenv(variable);

    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static void nap(long us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    (void)nanosleep(&time, NULL);
}

/* ---- In a process of its own ---- */

static void check_open(arm_status st, const struct arm_error *err)
{
    if (st != ARM_OK) {
        (void)fprintf(stderr, "open: %s\n", err->message);
        _exit(2);
    }
}

/* What the threads of a process share; NULL with SQL, whose sessions share unasked. */
static struct history_kernel *open_kernel(const struct world *world)
{
    struct history_kernel *kernel = NULL;
    struct arm_error err;

    if (!world->by_sql) {
        check_open(history_kernel_open(world->repo, &kernel, &err), &err);
    }
    return kernel;
}

static void open_door(const struct world *world, struct history_kernel *kernel,
                      struct history_door *door)
{
    struct arm_error err;

    if (kernel != NULL) {
        history_door_kernel(kernel, door);
    } else {
        check_open(history_door_sql(world->repo, world->level, door, &err), &err);
    }
}

static void client_file(const struct world *world, unsigned number, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%s/client-%u", world->dir.path, number);
}

struct client_thread {
    pthread_t thread;
    const struct world *world;
    struct history_kernel *kernel;
    unsigned number;
    atomic_bool *stop;
    int status;
};

static void *run_client(void *argument)
{
    struct client_thread *thread = argument;
    const struct world *world = thread->world;
    char file[PATH_BYTES];
    struct history_client client = {.number = thread->number,
                                    .txns = world->txns,
                                    .begun = world->begun,
                                    .rounds = world->rounds,
                                    .seed = world->seed,
                                    .file = file};
    struct history_door door;

    client_file(world, thread->number, file);
    open_door(world, thread->kernel, &door);
    thread->status = history_client_run(&client, &door);
    door.close(door.self);
    return NULL;
}

static void *run_compactor(void *argument)
{
    struct client_thread *thread = argument;
    struct history_door door;

    open_door(thread->world, thread->kernel, &door);
    while (!atomic_load(thread->stop)) {
        if (door.compact(door.self) != ARM_OK) {
            (void)fprintf(stderr, "compact: %s\n", door.err->message);
            thread->status = 5;
            break;
        }
        nap(COMPACT_EVERY_US);
    }
    door.close(door.self);
    return NULL;
}

/* Clients on threads; the first process compacts as well. */
static int be_process(const struct world *world, unsigned process)
{
    struct history_kernel *kernel = open_kernel(world);
    struct client_thread threads[THREADS + 1];
    atomic_bool stop = false;
    int status = 0;

    for (unsigned i = 0; i <= THREADS; i++) {
        threads[i] = (struct client_thread){
            .world = world, .kernel = kernel, .number = process * THREADS + i + 1, .stop = &stop};
        if ((i < THREADS || process == 0) &&
            pthread_create(&threads[i].thread, NULL, i < THREADS ? run_client : run_compactor,
                           &threads[i]) != 0) {
            return 6;
        }
    }
    for (unsigned i = 0; i <= THREADS; i++) {
        atomic_store(&stop, i >= THREADS);
        if (i < THREADS || process == 0) {
            (void)pthread_join(threads[i].thread, NULL);
        }
        status = status == 0 ? threads[i].status : status;
    }
    history_kernel_close(kernel);
    return status;
}

/* One client, to be killed. */
static int be_victim(const struct world *world, unsigned number)
{
    struct client_thread thread = {.world = world, .kernel = open_kernel(world), .number = number};

    (void)run_client(&thread);
    history_kernel_close(thread.kernel);
    return thread.status;
}

static int be_maker(const struct world *world, unsigned unused)
{
    struct history_kernel *kernel;
    struct history_door door;
    struct arm_error err;
    int status = 0;

    (void)unused;
    check_open(arm_repo_create(world->repo, &err), &err);
    kernel = open_kernel(world);
    open_door(world, kernel, &door);
    for (unsigned round = 0; round < world->rounds && status == 0; round++) {
        if (door.make(door.self, round) != ARM_OK) {
            (void)fprintf(stderr, "make: %s\n", door.err->message);
            status = 7;
        }
    }
    door.close(door.self);
    history_kernel_close(kernel);
    return status;
}

static int be_reader(const struct world *world, unsigned number)
{
    char file[PATH_BYTES];
    struct history_client client = {.number = number, .rounds = world->rounds, .file = file};
    struct history_kernel *kernel = open_kernel(world);
    struct history_door door;
    int status;

    client_file(world, number, file);
    open_door(world, kernel, &door);
    status = history_client_read_all(&client, &door);
    door.close(door.self);
    history_kernel_close(kernel);
    return status;
}

/* ---- The parent, which opens nothing ---- */

typedef int process_main(const struct world *world, unsigned number);

static pid_t start(process_main *main_of, const struct world *world, unsigned number)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would jump into the parent's test */
        (void)signal(SIGABRT, SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left behind by a test that failed */
        _exit(main_of(world, number));
    }
    return child;
}

static void wait_for(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static uint64_t seconds(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec;
}

static void load(const struct world *world, unsigned clients, struct history *out)
{
    for (unsigned number = 1; number <= clients; number++) {
        char file[PATH_BYTES];
        char bad[200];

        client_file(world, number, file);
        if (access(file, F_OK) != 0) {
            continue; /* killed before it could begin */
        }
        if (!history_add_file(out, file, bad)) {
            fail_msg("%s: %s", file, bad);
        }
    }
}

static void print_report(const struct history_report *report)
{
    print_message("transactions: %llu committed, %llu conflicted, %llu rolled back, %llu unknown; "
                  "%llu operations\n",
                  (unsigned long long)report->txns[HISTORY_OK],
                  (unsigned long long)report->txns[HISTORY_CONFLICT],
                  (unsigned long long)report->txns[HISTORY_ROLLBACK],
                  (unsigned long long)report->txns[HISTORY_UNKNOWN],
                  (unsigned long long)report->ops);
    print_message("edges: %llu ww, %llu wr, %llu rw, %llu rw by predicates, %llu realtime; "
                  "%llu components with cycles\n",
                  (unsigned long long)report->edges[HISTORY_WW],
                  (unsigned long long)report->edges[HISTORY_WR],
                  (unsigned long long)report->edges[HISTORY_RW],
                  (unsigned long long)report->edges[HISTORY_RW_PREDICATE],
                  (unsigned long long)report->edges[HISTORY_REALTIME],
                  (unsigned long long)report->components);
    for (int i = 0; i < HISTORY_ANOMALIES; i++) {
        if (report->found[i] > 0) {
            print_message("%llu x %s\n", (unsigned long long)report->found[i],
                          history_anomaly_name((enum history_anomaly)i));
        }
    }
}

/* Clients come and are killed until the others have begun all there is; returns how many came. */
static unsigned kill_clients(const struct world *world)
{
    unsigned count = 0;

    while (atomic_load(world->begun) < world->txns) {
        pid_t victim = start(be_victim, world, CLIENTS + 1 + count++);
        int status = 0;

        nap(KILL_US_MIN + rand() % KILL_US_MORE);
        assert_int_equal(kill(victim, SIGKILL), 0);
        assert_int_equal(waitpid(victim, &status, 0), victim);
        if (!WIFSIGNALED(status)) {
            assert_int_equal(status, 0); /* it came to the end */
        }
    }
    return count;
}

static void make_history(const struct world *world, struct history *out)
{
    pid_t children[PROCESSES];
    uint64_t from = seconds();
    unsigned killed;

    wait_for(start(be_maker, world, 0));
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = start(be_process, world, i);
    }
    killed = kill_clients(world);
    for (unsigned i = 0; i < PROCESSES; i++) {
        wait_for(children[i]);
    }
    wait_for(start(be_reader, world, CLIENTS + killed + 1));
    print_message("%llu s, %u clients on %u threads of %u processes, %u more killed\n",
                  (unsigned long long)(seconds() - from), CLIENTS, THREADS, PROCESSES, killed);
    load(world, CLIENTS + killed + 1, out);
}

static void hold_history(struct world *world, unsigned txns)
{
    enum history_level level = world->level;
    static struct history_report report;
    struct history history = {.txns = NULL};

    world->begun = children_share(sizeof *world->begun);
    world->txns = txns;
    world->rounds = 1 + txns / ROUND_TXNS;
    world->dir = temp_dir_make();
    world->seed = number_of("ARM_SEED", (unsigned)time(NULL));
    print_message("seed %llu\n", (unsigned long long)world->seed);
    (void)temp_path(&world->dir, "repo", world->repo);
    make_history(world, &history);
    history_check(&history, level, &report);
    print_report(&report);
    if (history_forbidden(&report, level) > 0) {
        (void)fputs(report.text, stderr); /* cmocka would cut it */
        fail_msg("%llu anomalies", (unsigned long long)history_forbidden(&report, level));
    }
    history_free(&history);
    children_unshare(world->begun, sizeof *world->begun);
    temp_dir_remove(&world->dir);
}

static void test_history_by_sql_is_snapshot_isolated(void **state)
{
    struct world world = {.by_sql = true};

    hold_history(&world, number_of("ARM_HISTORY_TXNS", TXNS_DEFAULT) / SQL_PART);
}

static void test_history_by_sql_is_serializable(void **state)
{
    struct world world = {.by_sql = true, .level = HISTORY_SERIALIZABLE};

    hold_history(&world, number_of("ARM_HISTORY_TXNS", TXNS_DEFAULT) / SQL_PART);
}

static void test_history_by_the_kernel_is_snapshot_isolated(void **state)
{
    struct world world = {.by_sql = false};
    unsigned txns = number_of("ARM_HISTORY_TXNS", TXNS_DEFAULT);

    hold_history(&world, txns - txns / SQL_PART);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_by_sql_is_snapshot_isolated),
        cmocka_unit_test(test_history_by_sql_is_serializable),
        cmocka_unit_test(test_history_by_the_kernel_is_snapshot_isolated),
    };

    temp_use_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
