/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_DIFF_H
#define ARM_MERGE_DIFF_H

/* What differs between two refs, as SQL that gives it: which tables, and in one which rows. The
 * statement reads only rows in which the two may differ (merge/parts.h): what that costs follows
 * the change, not the table, wherever upkeep moved rows between the two.
 *
 * D4  Applied to what A has, the rows of the diff give what B has.
 * D5  Where entries alone tell how many rows there are of a kind, none is read. */

#include "merge/columns.h"
#include "txn/txn.h"

/* Who lets statements read a view (taken, whatever happens) AT the answer: duck/duck.h. */
struct arm_shower {
    void *self;
    arm_status (*show)(void *self, const struct arm_view *view, char out_at[32],
                       struct arm_error *err);
};

/* Those of the view's rows that stand in `rows`, per entry, become what the side reads. `view`
 * NULL: the side does not have the table, and reads none of the rows of `other`. `at` lives as long
 * as the side. */
arm_status arm__side_show(const struct arm_shower *shower, const struct arm_view *view,
                          const struct arm_view *other, roaring_bitmap_t *const *rows,
                          struct arm_side *side, char at[32], struct arm_error *err);

/* The rows of one table: its columns at `b` (at `a`, where it is not there), _change, _tx and
 * _version. Errors: ARM_NOT_FOUND: neither has the table; those of refs. */
arm_status arm__diff_rows(struct arm_transaction *txn, const struct arm_shower *shower,
                          const char *schema_name, const char *name, const char *a, const char *b,
                          struct arm_buf *out_sql, struct arm_error *err);

/* The tables that differ: table, status (added, removed, modified, renamed), old_version,
 * new_version, rows_added, rows_removed, rows_changed, conflict: whether b could not be merged into
 * a (merge/foresee.h), bytes_added, bytes_removed: of the chunks and hot rows that one of the two
 * alone has. Objects without rows are left out. */
arm_status arm__diff_tables(struct arm_transaction *txn, const struct arm_shower *shower,
                            const char *a, const char *b, struct arm_buf *out_sql,
                            struct arm_error *err);

/* What differs of the columns, keys and CHECKs (merge/schema_diff.h) of the tables that both have:
 * table, change, column, property, old, new. No row is read. */
arm_status arm__diff_schemas(struct arm_transaction *txn, const char *a, const char *b,
                             struct arm_buf *out_sql, struct arm_error *err);
/* Of one table, at refs that may name versions of it. Errors: as arm__diff_rows. */
arm_status arm__diff_schema(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const char *a, const char *b, struct arm_buf *out_sql,
                            struct arm_error *err);

#endif
