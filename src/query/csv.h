/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_CSV_H
#define ARM_QUERY_CSV_H

/* What a CSV file's first line says of the others, so that DuckDB's guesses do not hide a line that
 * does not fit: with another delimiter, every file is one column of text. */

#include "query/query_private.h"

struct arm_csv_head {
    char delimiter;      /* '\0': the line does not say */
    size_t column_count; /* with the delimiter */
};

/* The one delimiter of , ; tab and | that the first line of the file at `path` holds outside
 * quotes. A compressed file, one that cannot be read, or that begins with a comment, says
 * nothing. */
struct arm_csv_head arm__csv_look(const char *path);

/* DuckDB could not find the shape of the file at `path`: read it in the shape of its first line, so
 * that `err` names the first line that has another. Untouched where none has. Inside. */
void arm__csv_explain(struct arm_query_session *session, const char *path, struct arm_error *err);

#endif
