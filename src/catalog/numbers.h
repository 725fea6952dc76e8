/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CATALOG_NUMBERS_H
#define ARM_CATALOG_NUMBERS_H

/* Numbers of a table that are given over all branches, so that one never means two things. */

#include "catalog/catalog.h"

/* Ids of its rows are below `*out`. Errors: ARM_NOT_FOUND. */
arm_status arm__catalog_next_row_id(struct arm_catalog *catalog,
                                    const struct arm_table_id *table_id, uint64_t *out,
                                    struct arm_error *err);
/* Ids of its columns, nested ones too, are up to `*out`. Errors: ARM_NOT_FOUND. */
arm_status arm__catalog_last_field_id(struct arm_catalog *catalog,
                                      const struct arm_table_id *table_id, uint32_t *out,
                                      struct arm_error *err);

#endif
