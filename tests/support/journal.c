/* SPDX-License-Identifier: Apache-2.0 */
#include "support/journal.h"

#include <unistd.h>

#include "support/cmocka_all.h"

pid_t journal_start(journal_writer *be_writer, const char *path, unsigned writer, int *out_journal)
{
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        be_writer(path, writer, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    *out_journal = ends[0];
    return child;
}

unsigned journal_count(int journal)
{
    char bytes[4096];
    unsigned count = 0;
    ssize_t got;

    while ((got = read(journal, bytes, sizeof bytes)) > 0) {
        count += (unsigned)got;
    }
    (void)close(journal);
    return count;
}
