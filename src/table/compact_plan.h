/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_COMPACT_PLAN_H
#define ARM_TABLE_COMPACT_PLAN_H

/* What of a table is worth writing anew. Pure.
 *
 * Wanting are entries that are hot or small, or of which a quarter is dead. Neighbouring ones
 * of one schema are joined; a small chunk alone is not, nor beside others that are less than a
 * quarter of it: so a row is written anew a number of times that grows with the logarithm of the
 * chunk it ends in, however often a table is compacted. */

#include "catalog/catalog.h"

struct arm_compact_limits {
    uint32_t chunk_factor;  /* chunks are of so many times the usual rows (table/cut.h) */
    uint32_t sources_max;   /* entries of one span at most */
    uint32_t chunk_rows;    /* rows of a whole chunk; fewer are small */
    uint64_t chunk_bytes;   /* a chunk of so many is not small, whatever its rows */
    uint64_t span_rows_max; /* a span ends behind so many */
};
/* For a table of so many live rows: chunks become larger as it grows. */
struct arm_compact_limits arm__compact_limits(uint64_t live_rows);

/* Entries first .. first+count-1 of a state. */
struct arm_compact_span {
    size_t first;
    size_t count;
    uint64_t rows; /* live ones */
};
/* In order; `*out` is arm__free'd by the caller, NULL if there is none. */
arm_status arm__compact_plan(const struct arm_table_state *state,
                             const struct arm_compact_limits *limits, struct arm_compact_span **out,
                             size_t *out_count, struct arm_error *err);

#endif
