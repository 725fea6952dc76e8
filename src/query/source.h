/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_SOURCE_H
#define ARM_QUERY_SOURCE_H

/* The user's files as a source of rows: globs expanded, one format told by content and suffix. */

#include "query/query_private.h"

enum arm_file_format {
    ARM_FILE_UNKNOWN,
    ARM_FILE_PARQUET,
    ARM_FILE_CSV,
    ARM_FILE_JSON,  /* an array, or objects one after the other */
    ARM_FILE_JSONL, /* written one object a line; read as JSON */
    ARM_FILE_ARROW,
};

/* By name ("csv", …) or by suffix. ARM_FILE_UNKNOWN: none of ours. */
enum arm_file_format arm__format_by_name(const char *name);
enum arm_file_format arm__format_by_suffix(const char *path);

/* Files of one format. */
struct arm_source {
    enum arm_file_format format;
    struct arm_name_list paths;
    const char *null_text; /* CSV: what stands for NULL besides nothing; borrowed; NULL: nothing */
    bool has_long_lines;   /* CSV: lines of more than DuckDB's 2 MB */
    /* CSV, JSON: read these columns in the types of the schema; NULL: guess. */
    const Armpb__Schema *schema;
    char *const *columns;
    size_t column_count;
    char *spool; /* a pipe's content in a file of ours, removed at release; NULL: none */
};

/* `format` NULL: told by content and suffix. `spool_directory`: where a pipe is kept while it is
 * read. Errors name the file: ARM_NOT_FOUND (none, or no match), ARM_PERMISSION, ARM_SCHEMA
 * (empty, of another format than it says, formats mixed, packed and
 * damaged), ARM_INVALID (no such format). */
arm_status arm__source_open(const char *const *paths, size_t path_count, const char *format,
                            const char *spool_directory, struct arm_source *out,
                            struct arm_error *err);
void arm__source_release(struct arm_source *source); /* accepts the zeroed state */

/* Append the table function over the files: `read_csv(['a', 'b'])`. Not for Arrow. */
arm_status arm__source_sql(const struct arm_source *source, struct arm_buf *sql,
                           struct arm_error *err);

#endif
