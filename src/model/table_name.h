/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_TABLE_NAME_H
#define ARM_MODEL_TABLE_NAME_H

/* Names of tables as users type them, wherever a table is named outside of a statement. */

#include "model/name.h"

/* "schema.name" or "name", quoted as in SQL, taken apart; schema is "main" where none is named.
 * Errors: ARM_INVALID_NAME. */
arm_status arm__table_name_parse(const char *text, char schema_name[256], char name[256],
                                 struct arm_error *err);

/* The name of a table as people see it: "name", or "schema.name" outside of main. */
#define ARM_SHOWN_NAME_BYTES ((size_t)512)
void arm__shown_name(const char *schema_name, const char *name, char out[ARM_SHOWN_NAME_BYTES]);

#endif
