/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_SQL_TEXT_H
#define ARM_ADBC_SQL_TEXT_H

/* What can be told of a statement by its words alone, and texts of SQL put together. The words are
 * DuckDB's: texts in '…', E'…' and $tag$…$tag$, names in "…", comments -- and nested ones. */

#include "adbc/adbc_private.h"

/* The name of a repository's catalog in SQL. */
#define ARM_ADBC_CATALOG "armillaria"

enum arm_adbc_sql_kind {
    ARM_ADBC_SQL_NONE,  /* blanks and comments */
    ARM_ADBC_SQL_QUERY, /* may stand behind FROM in brackets: SELECT, WITH, VALUES … */
    ARM_ADBC_SQL_APART, /* stands outside of transactions, or begins and ends them itself */
    ARM_ADBC_SQL_OTHER,
};
enum arm_adbc_sql_kind arm__adbc_sql_kind(const char *sql);
/* How many bytes of `sql` come before the semicolons, blanks and comments that end it. */
size_t arm__adbc_sql_size(const char *sql);

/* The parameters of a statement in their order: "1", "2" … of ? and $1 by number, names of $name
 * by first use. */
struct arm_adbc_parameters {
    size_t count;
    char **names;
};
AdbcStatusCode arm__adbc_parameters(const char *sql, struct arm_adbc_parameters *out,
                                    struct AdbcError *error);
void arm__adbc_parameters_release(struct arm_adbc_parameters *parameters);

/* A text that grows; a failure is told at its end. The zeroed state is empty. */
struct arm_adbc_words {
    char *text;
    size_t size;
    bool failed;
};
void arm__adbc_add(struct arm_adbc_words *words, const char *text);
void arm__adbc_add_bytes(struct arm_adbc_words *words, const char *text, size_t size);
/* In double quotes. */
void arm__adbc_add_name(struct arm_adbc_words *words, const char *name);
/* The text, on the heap; `words` is empty then, whatever happens. */
AdbcStatusCode arm__adbc_words_end(struct arm_adbc_words *words, char **out,
                                   struct AdbcError *error);

#endif
