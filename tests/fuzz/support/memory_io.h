/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_FUZZ_SUPPORT_MEMORY_IO_H
#define ARM_TESTS_FUZZ_SUPPORT_MEMORY_IO_H

/* A file door (base/io.h) onto files in memory, for code that reads a directory of bytes that
 * come from anywhere: nothing of it reaches a disk, and a run costs no system call. Directories
 * are there by their names alone. One thread. */

#include "base/io.h"

enum { MEMORY_FILES_MAX = 64, MEMORY_PATH_BYTES = 320, MEMORY_FILE_BYTES_MAX = 1 << 22 };

struct memory_file {
    char path[MEMORY_PATH_BYTES]; /* "": removed; kept while it is open */
    uint8_t *data;
    size_t size;
    size_t capacity;
    unsigned mapped;
    bool locked_elsewhere; /* another process holds a lock on it */
};

struct memory_io {
    struct arm_io io;
    struct memory_file files[MEMORY_FILES_MAX];
    size_t count;
    unsigned open; /* files not closed yet */
};

void memory_io_init(struct memory_io *memory);
void memory_io_release(struct memory_io *memory); /* stops the program if a file is open */

/* Make or replace a file; what is there, NULL: nothing. */
struct memory_file *memory_io_put(struct memory_io *memory, const char *path,
                                  struct arm_bytes data);
struct memory_file *memory_io_find(struct memory_io *memory, const char *path);

#endif
