/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_OBJECT_H
#define ARM_MODEL_OBJECT_H

/* Schemas of what has no rows, in the making: views and sequences. Pure. */

#include "model/record.h"

/* Whether users see its versions, and commits tell of its changes: of tables and views. */
bool arm__object_is_versioned(Armpb__ObjectKind object);

/* An empty one: of a namespace, and to begin with. Freed by arm__schema_free. */
arm_status arm__schema_new(Armpb__Schema **out, struct arm_error *err);
/* Make it a view's: its SELECT, and the names that it gives its first columns. `schema` has
 * neither; after a failure it is good for freeing alone. */
arm_status arm__schema_set_view(Armpb__Schema *schema, const char *sql, const char *const *aliases,
                                size_t alias_count, struct arm_error *err);
/* Make it a sequence's. Errors: ARM_INVALID: one that gives no values. */
arm_status arm__schema_set_sequence(Armpb__Schema *schema, const Armpb__Sequence *sequence,
                                    struct arm_error *err);

#endif
