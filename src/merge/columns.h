/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_COLUMNS_H
#define ARM_MERGE_COLUMNS_H

/* The rows of several versions of a table in the columns of one: found by column id, whatever they
 * are called there, in the type that they have there and cast, or with the value that a column
 * which was added later has for them. And the SQL that reads and compares such rows.
 *
 * A row is a struct of its columns, "c0", "c1" and so on: no name of the user's is in the way. */

#include "model/record.h"

/* A column that one side calls by another id: both sides of a merge added it. */
struct arm_column_alias {
    uint32_t wanted; /* id in the schema that is wanted */
    uint32_t own;    /* in the side's; 0: it has none such */
};

/* One side: a table AT something (duck/duck.h), whose rows are in the columns `read`. */
struct arm_side {
    const char *at;   /* borrowed */
    bool has_pieces;  /* it is a composed view: which piece a row is of, too */
    bool is_to_write; /* stored columns only, and a value that cannot be cast is an error */
    const Armpb__Schema *wanted;
    Armpb__Schema *read; /* owned: wanted's columns, as this side has them */
};
arm_status arm__side_init(struct arm_side *out, const Armpb__Schema *wanted,
                          const Armpb__Schema *own, const struct arm_column_alias *aliases,
                          size_t alias_count, struct arm_error *err);
/* Of another table: its columns are those that are called so, whatever ids they have. */
arm_status arm__side_init_by_name(struct arm_side *out, const Armpb__Schema *wanted,
                                  const Armpb__Schema *own, struct arm_error *err);
void arm__side_release(struct arm_side *side); /* accepts the zeroed state */
/* Whether a column has another type there than is wanted. */
bool arm__side_casts(const struct arm_side *side);

/* How rows of two states are told to be the same row. */
enum arm_row_match {
    ARM_MATCH_KEY, /* by primary key */
    ARM_MATCH_ID,  /* by row id: one table's */
    ARM_MATCH_NONE /* not at all: rows are equal or different */
};
/* By key if the wanted schema has one whose columns both have, else by id if it is one table. */
enum arm_row_match arm__row_match(const Armpb__Schema *wanted, const Armpb__Schema *a,
                                  const Armpb__Schema *b, bool same_table);

/* How many columns its rows have, and what column `index` of them is called. */
size_t arm__side_width(const struct arm_side *side);
const char *arm__side_name(const struct arm_side *side, size_t index);

/* "SELECT … FROM …": the side's rows as `r`, their ids as `i`, their places as `e` and `n`, what
 * they are matched by as `k`; and the piece, if there are pieces, as `p`. */
arm_status arm__side_sql(const struct arm_side *side, enum arm_row_match match, struct arm_buf *out,
                         struct arm_error *err);

/* What differs between two sides: the wanted columns, and _change, _tx, _version. A version that is
 * not there (0) has no rows. */
struct arm_row_diff {
    const Armpb__Schema *wanted;
    enum arm_row_match match;
    struct arm_side a;
    struct arm_side b;
    uint64_t a_version;
    uint64_t b_version;
    uint64_t a_tx;
    uint64_t b_tx;
};
arm_status arm__row_diff_sql(const struct arm_row_diff *diff, struct arm_buf *out,
                             struct arm_error *err);
/* How many rows there are of each kind: added, removed, changed. */
arm_status arm__row_count_sql(const struct arm_row_diff *diff, struct arm_buf *out,
                              struct arm_error *err);

#endif
