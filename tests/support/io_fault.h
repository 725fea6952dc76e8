/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_IO_FAULT_H
#define ARM_TESTS_SUPPORT_IO_FAULT_H

/* A file door (base/io.h) that passes everything on to another one, writes down the order of
 * what it did, and fails the n-th operation with a chosen errno.
 *
 * Counted, and so made to fail: open, read, write, sync, truncate, stat, size, lock (taking),
 * map, rename, remove, make_directory, sync_directory, list. Not: close, unmap and unlocking,
 * which cannot fail in a way a program could do anything about. A write that fails has
 * written its first half; every other operation that fails has done nothing.
 *
 *     struct io_fault *fault = io_fault_new(arm__io_system());
 *     for (uint64_t n = 1;; n++) {
 *         io_fault_at(fault, n, ENOSPC, IO_FAULT_ONCE);
 *         st = the_call(io_fault_io(fault), …);
 *         if (!io_fault_happened(fault)) break;   // the call does fewer than n operations
 *         … st says why, nothing is left, and the call works when repeated …
 *     }
 *     io_fault_free(fault);                       // stops the test if a file is still open
 *
 * Thread-safe. */

#include "base/io.h"

enum io_fault_kind {
    IO_FAULT_ONCE,  /* the n-th operation, and none after it */
    IO_FAULT_AFTER, /* the n-th and every one after it: the disk is gone */
    IO_FAULT_KILL,  /* the process dies by SIGKILL instead of doing the n-th; use in a child */
};

struct io_fault;

struct io_fault *io_fault_new(const struct arm_io *inner);
void io_fault_free(struct io_fault *fault);
const struct arm_io *io_fault_io(struct io_fault *fault);

/* Fail the n-th counted operation from now on (1 is the next; 0: none), and forget the log. */
void io_fault_at(struct io_fault *fault, uint64_t nth, int error_number, enum io_fault_kind kind);
/* As IO_FAULT_ONCE, for the n-th operation of the name `verb` ("rename") only. */
void io_fault_at_verb(struct io_fault *fault, const char *verb, uint64_t nth, int error_number);
/* Whether an operation was made to fail since io_fault_at. */
bool io_fault_happened(const struct io_fault *fault);
/* Counted operations since io_fault_at. */
uint64_t io_fault_count(const struct io_fault *fault);

/* One line an operation since io_fault_at, failed ones marked: "write /x/staging/1\n",
 * "rename /x/a -> /x/b\n", "sync /x/a !\n". Valid until the next operation. */
const char *io_fault_log(const struct io_fault *fault);
/* The line number (from 0) of the first operation at or after line `from` named `verb` whose
 * line contains `part`; -1 if there is none. */
int io_fault_find(const struct io_fault *fault, int from, const char *verb, const char *part);

#endif
