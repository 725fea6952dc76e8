/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_PIECES_H
#define ARM_FEED_PIECES_H

/* Rows of entries, each marked with a number: what a composed view shows (txn.h), and the SQL that
 * tells the number of a row.
 *
 * A file is read as often as it is an entry of the view. So a chunk of which rows were marked with
 * many numbers, a few each, is one entry all the same: whose number each row has is then listed, by
 * entry and row, and joined to what the view gives. */

#include "catalog/cache.h"
#include "txn/txn.h"

struct arm_piece_row {
    size_t entry;
    uint32_t row;
    uint64_t number;
};
struct arm_pieces {
    size_t count;
    size_t capacity;
    struct arm_view_piece *items;    /* `entry` is set when they are shown */
    struct arm_state_entry *entries; /* of each, copied */
    struct arm_cache chunks;         /* chunk -> the number of its first entry, and 1 */
    size_t listed_count;             /* rows whose number is not their entry's */
    size_t listed_capacity;
    struct arm_piece_row *listed;
};
void arm__pieces_init(struct arm_pieces *pieces);
void arm__pieces_release(struct arm_pieces *pieces);

/* `rows` is taken, whatever happens. */
arm_status arm__pieces_add(struct arm_pieces *pieces, const struct arm_state_entry *entry,
                           roaring_bitmap_t *rows, uint64_t number, struct arm_error *err);
/* The view of all of them; to be asked once, at the end. */
arm_status arm__pieces_compose(struct arm_pieces *pieces, struct arm_transaction *txn,
                               const Armpb__Schema *schema, const struct arm_view **out,
                               struct arm_error *err);
/* What to put before and behind the SQL of a side that reads the view (merge/columns.h), so that
 * `p` is each row's number. */
arm_status arm__pieces_sql_begin(const struct arm_pieces *pieces, struct arm_buf *out,
                                 struct arm_error *err);
arm_status arm__pieces_sql_end(const struct arm_pieces *pieces, struct arm_buf *out,
                               struct arm_error *err);

#endif
