/* SPDX-License-Identifier: Apache-2.0 */
#include "support/children.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/cmocka_all.h"

pid_t child_start(int (*main_of)(const void *context, unsigned slot), const void *context,
                  unsigned slot)
{
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handlers are the parent's */
        (void)signal(SIGABRT, SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(main_of(context, slot));
    }
    return child;
}

void child_wait(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

void child_kill(pid_t child)
{
    int status = 0;

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

void child_must(bool good, const char *what, const char *text)
{
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", what, text);
        _exit(3);
    }
}

void *children_share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(memory != MAP_FAILED);
    return memory;
}

void children_unshare(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

unsigned children_kills(unsigned otherwise)
{
    const char *wanted = getenv("ARM_KILLS");

    return wanted == NULL ? otherwise : (unsigned)strtoul(wanted, NULL, 10);
}

void nap_us(long us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    (void)nanosleep(&time, NULL);
}
