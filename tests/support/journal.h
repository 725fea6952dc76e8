/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_JOURNAL_H
#define ARM_TESTS_SUPPORT_JOURNAL_H

/* Writers that may die at any moment, and a journal outside of them: a byte for each statement
 * that was acknowledged, through a pipe. */

#include <sys/types.h>

/* Writes to the repository at `path`, and a byte to `journal` after each statement. */
typedef void journal_writer(const char *path, unsigned writer, int journal);

/* Begin `be_writer` in a process of its own; `*out_journal` is the end to read. */
pid_t journal_start(journal_writer *be_writer, const char *path, unsigned writer, int *out_journal);
/* Statements acknowledged until the writer was gone; closes the journal. */
unsigned journal_count(int journal);

#endif
