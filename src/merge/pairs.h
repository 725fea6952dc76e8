/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_PAIRS_H
#define ARM_MERGE_PAIRS_H

/* Which table at one point of history is which at another: the same one, whatever it is called
 * there; else the one of its name, if that is nothing else's fellow. Tables only: objects without
 * rows are left out. */

#include "txn/txn.h"

/* One table at two points, a and b. */
struct arm_pair {
    bool has_a; /* it is there */
    bool has_b;
    struct arm_table_info a;
    struct arm_table_info b;
};
void arm__pair_release(struct arm_pair *pair); /* accepts the zeroed state */

/* The table that has the name at `b`; at `a`, if b has none. The refs may name versions of it.
 * `out` is to be released whatever happens. Errors: ARM_NOT_FOUND: neither has it; those of refs.
 */
arm_status arm__pair_find(struct arm_transaction *txn, const char *schema_name, const char *name,
                          const char *a, const char *b, struct arm_pair *out,
                          struct arm_error *err);

/* The pair is the visitor's until it returns. */
typedef arm_status arm_visit_pair(void *context, const struct arm_pair *pair,
                                  struct arm_error *err);
/* Each table that the two points do not have in one version and under one name: those of b by name,
 * then those that a alone has. */
arm_status arm__pairs_each(struct arm_transaction *txn, const struct arm_snapshot *a,
                           const struct arm_snapshot *b, arm_visit_pair *visit, void *context,
                           struct arm_error *err);

/* All tables at a point, found by id and by name. */
struct arm_table_map {
    struct arm_table_list list; /* owned; by name */
    const struct arm_table_row **by_id;
};
arm_status arm__table_map_read(struct arm_transaction *txn, const struct arm_snapshot *at,
                               struct arm_table_map *out, struct arm_error *err);
const struct arm_table_row *arm__table_map_find(const struct arm_table_map *map,
                                                const struct arm_table_id *id);
void arm__table_map_release(struct arm_table_map *map); /* accepts the zeroed state */

#endif
