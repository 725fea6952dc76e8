/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up of the command: verbs that need no SQL, each a process of its own, on a repository of a
 * few tables; beside them `--version`, which loads the libraries and does nothing (DuckDB's is
 * most of it).
 *
 * usage: startup COMMAND WORK_DIRECTORY [RUNS]
 *
 * Budget: the quickest run of each verb, which the machine left alone, takes at most 20 ms. */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/bench.h"

enum { RUNS_DEFAULT = 40, RUNS_MAX = 1000, PATH_BYTES = 4096 };
static const double budget_ms = 20;

/* Run the command with its output thrown away. */
static void run(const char *command, const char *repository, const char *const *arguments)
{
    char *argv[8] = {(char *)(uintptr_t)command, (char *)(uintptr_t)"-C",
                     (char *)(uintptr_t)repository};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;

    for (size_t i = 0; arguments[i] != NULL; i++) {
        argv[3 + i] = (char *)(uintptr_t)arguments[i];
    }
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0 ||
        posix_spawn(&child, command, &actions, NULL, argv, environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0) {
        bench_fail(command, "cannot be run");
    }
    (void)posix_spawn_file_actions_destroy(&actions);
}

static void measure(const char *command, const char *repository, const char *const *arguments,
                    int runs, double *out_least, double *out_median)
{
    double *times = calloc((size_t)runs, sizeof *times);

    if (times == NULL) {
        bench_fail("startup", "out of memory");
    }
    for (int i = 0; i < runs; i++) {
        double start = bench_now_ms();

        run(command, repository, arguments);
        times[i] = bench_now_ms() - start;
    }
    *out_median = bench_median(times, (size_t)runs); /* sorts them */
    *out_least = times[0];
    free(times);
}

int main(int argc, char **argv)
{
    static const char *const init[] = {"init", NULL};
    static const char *const fill[] = {"sql", "-c",
                                       "CREATE TABLE a AS SELECT * FROM range(20000) t(i); "
                                       "CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1)",
                                       NULL};
    static const char *const verbs[][4] = {
        {"--version"}, {"tables"},       {"versions", "a"}, {"schema", "a"},
        {"log"},       {"show", "main"}, {"stats"},
    };
    int runs = argc > 3 ? atoi(argv[3]) : RUNS_DEFAULT;
    char repository[PATH_BYTES];
    double worst = 0;

    if (argc < 3 || runs < 1 || runs > RUNS_MAX) {
        bench_fail("usage", "startup COMMAND WORK_DIRECTORY [RUNS]");
    }
    (void)snprintf(repository, sizeof repository, "%s/startup", argv[2]);
    run(argv[1], repository, init);
    run(argv[1], repository, fill);
    printf("| verb | least ms | median ms |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        double least = 0;
        double median = 0;

        measure(argv[1], repository, verbs[i], runs, &least, &median);
        printf("| %s | %.1f | %.1f |\n", verbs[i][0], least, median);
        worst = i > 0 && least > worst ? least : worst;
    }
    printf("\nbudget: slowest verb %.1f ms at its quickest, at most %.0f: %s\n", worst, budget_ms,
           worst <= budget_ms ? "met" : "missed");
    bench_remove_tree(repository);
    return 0;
}
