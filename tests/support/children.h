/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_CHILDREN_H
#define ARM_TESTS_SUPPORT_CHILDREN_H

/* Processes that a test starts, waits for and kills. The test itself opens no repository. */

#include <stdbool.h>
#include <sys/types.h>

/* In a child, which dies with the test: its exit status is what `main_of` returns. */
pid_t child_start(int (*main_of)(const void *context, unsigned slot), const void *context,
                  unsigned slot);
/* It comes to its end by itself, with status 0. */
void child_wait(pid_t child);
/* By SIGKILL; it had not ended by itself. */
void child_kill(pid_t child);

/* In such a process, which is no test: say what is wrong, and end. */
void child_must(bool good, const char *what, const char *text);

/* Zeroed memory that children started later share. */
void *children_share(size_t size);
void children_unshare(void *memory, size_t size);

/* How many kills ARM_KILLS asks for. */
unsigned children_kills(unsigned otherwise);

void nap_us(long us);

#endif
