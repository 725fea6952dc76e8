/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_PATTERN_H
#define ARM_FEED_PATTERN_H

/* Which tables a subscriber wants: names as users type them ("orders", "sales.orders", quoted as in
 * SQL where odd), or patterns, in which `*` stands for any characters and `?` for one. Without
 * regard to ASCII case. A pattern without a dot is of tables of main, `*` alone of all there are; a
 * name with a quote in it is never a pattern. */

#include "model/table_name.h"

struct arm_table_pattern {
    bool is_glob;
    bool is_every; /* "*" */
    bool has_dot;  /* of a glob: it is held against "schema.name" */
    char schema_name[256];
    char name[256];
    char glob[ARM_SHOWN_NAME_BYTES];
};
/* Errors: ARM_INVALID_NAME. */
arm_status arm__pattern_parse(const char *text, struct arm_table_pattern *out,
                              struct arm_error *err);
bool arm__pattern_matches(const struct arm_table_pattern *pattern, const char *schema_name,
                          const char *name);

#endif
