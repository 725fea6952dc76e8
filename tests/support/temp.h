/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_TEMP_H
#define ARM_TESTS_SUPPORT_TEMP_H

/* A directory of a test's own, and what is in it. Anything that goes wrong stops the test. */

#include <stdbool.h>
#include <stddef.h>

enum { TEMP_PATH_BYTES = 256 };

struct temp_dir {
    char path[TEMP_PATH_BYTES];
};

/* Put temporary directories into memory, where there is a place for that and nobody said
 * otherwise: for tests that want no real sync, and many of them. */
void temp_use_memory(void);

/* A fresh empty directory below $TMPDIR or /tmp. */
struct temp_dir temp_dir_make(void);
/* It and everything in it. */
void temp_dir_remove(const struct temp_dir *dir);

/* "<dir>/<name>" in `out`; returns `out`. */
char *temp_path(const struct temp_dir *dir, const char *name, char out[TEMP_PATH_BYTES]);
void temp_make_subdirectory(const struct temp_dir *dir, const char *name);
/* Files (not directories) at any depth below `dir`/`name`. */
size_t temp_count_files(const struct temp_dir *dir, const char *name);
bool temp_exists(const struct temp_dir *dir, const char *name);
/* Write or replace a file. */
void temp_write_file(const struct temp_dir *dir, const char *name, const void *data,
                     size_t size_bytes);

#endif
