/* SPDX-License-Identifier: Apache-2.0 */
/* The words that the shell completes. tests/e2e/test_shell.py holds them to DuckDB's own lists. */

#include "complete_words.h"

#include <string.h>
#include <strings.h>

const char *const cli_words_reserved[] = {
    "ALL",          "ANALYSE",     "ANALYZE", "AND",       "ANY",        "ARRAY",      "AS",
    "ASC",          "ASYMMETRIC",  "BOTH",    "CASE",      "CAST",       "CHECK",      "COLLATE",
    "COLUMN",       "CONSTRAINT",  "CREATE",  "DEFAULT",   "DEFERRABLE", "DESC",       "DESCRIBE",
    "DISTINCT",     "DO",          "ELSE",    "END",       "EXCEPT",     "FALSE",      "FETCH",
    "FOR",          "FOREIGN",     "FROM",    "GROUP",     "HAVING",     "IN",         "INITIALLY",
    "INTERSECT",    "INTO",        "LAMBDA",  "LATERAL",   "LEADING",    "LIMIT",      "NOT",
    "NULL",         "OFFSET",      "ON",      "ONLY",      "OR",         "ORDER",      "PIVOT",
    "PIVOT_LONGER", "PIVOT_WIDER", "PLACING", "PRIMARY",   "QUALIFY",    "REFERENCES", "RETURNING",
    "SELECT",       "SHOW",        "SOME",    "SUMMARIZE", "SYMMETRIC",  "TABLE",      "THEN",
    "TO",           "TRAILING",    "TRUE",    "UNION",     "UNIQUE",     "UNPIVOT",    "USING",
    "VARIADIC",     "WHEN",        "WHERE",   "WINDOW",    "WITH",       NULL,
};

const char *const cli_words_other[] = {
    "ADD",     "ALTER",     "ANTI",        "ASOF",         "AT",       "BEGIN",     "BETWEEN",
    "BIGINT",  "BLOB",      "BOOLEAN",     "BRANCH",       "BY",       "COMMIT",    "COPY",
    "CROSS",   "CUBE",      "DATE",        "DECIMAL",      "DELETE",   "DOUBLE",    "DROP",
    "ESCAPE",  "EXCLUDE",   "EXECUTE",     "EXISTS",       "EXPLAIN",  "FILTER",    "FIRST",
    "FLOAT",   "FOLLOWING", "FULL",        "GLOB",         "GROUPING", "IF",        "ILIKE",
    "INNER",   "INSERT",    "INTEGER",     "INTERVAL",     "IS",       "JOIN",      "KEY",
    "LAST",    "LEFT",      "LIKE",        "MATERIALIZED", "MERGE",    "NATURAL",   "NULLS",
    "OUTER",   "OVER",      "PARTITION",   "POSITIONAL",   "PRAGMA",   "PRECEDING", "PREPARE",
    "RANGE",   "RECURSIVE", "RENAME",      "REPLACE",      "RESET",    "RIGHT",     "ROLLBACK",
    "ROLLUP",  "ROW",       "ROWS",        "SAMPLE",       "SEMI",     "SET",       "SETS",
    "SIMILAR", "SMALLINT",  "TABLESAMPLE", "TAG",          "TEMP",     "TEMPORARY", "TEXT",
    "TIME",    "TIMESTAMP", "TRANSACTION", "TRUNCATE",     "TRY_CAST", "TYPE",      "UNBOUNDED",
    "UPDATE",  "USE",       "UUID",        "VALUES",       "VARCHAR",  "VERSION",   "VIEW",
    NULL,
};

const char *const cli_words_first[] = {
    "ALTER",   "BEGIN",    "COMMIT", "COPY",   "CREATE", "DELETE",    "DESCRIBE", "DROP",
    "EXECUTE", "EXPLAIN",  "FROM",   "INSERT", "MERGE",  "PIVOT",     "PRAGMA",   "PREPARE",
    "RESET",   "ROLLBACK", "SELECT", "SET",    "SHOW",   "SUMMARIZE", "TABLE",    "TRUNCATE",
    "UNPIVOT", "UPDATE",   "USE",    "VALUES", "WITH",   NULL,
};

const char *const cli_words_functions[] = {
    "arm_branches",    "arm_changes",  "arm_conflicts", "arm_consumers",
    "arm_diff",        "arm_log",      "arm_row_diff",  "arm_row_changes",
    "arm_schema_diff", "arm_tables",   "arm_tags",      "arm_versions",
    "generate_series", "glob",         "range",         "read_csv",
    "read_json",       "read_parquet", "unnest",        NULL,
};

bool cli_words_have(const char *const *list, const char *word, size_t size)
{
    for (; *list != NULL; list++) {
        if (strlen(*list) == size && strncasecmp(*list, word, size) == 0) {
            return true;
        }
    }
    return false;
}
