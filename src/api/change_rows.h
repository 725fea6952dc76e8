/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_API_CHANGE_ROWS_H
#define ARM_API_CHANGE_ROWS_H

/* What a commit did to tables, as a list of structs in a row: of arm_log and of arm_changes. */

#include "api/rows.h"
#include "feed/events.h"

/* The item of the list. */
extern const struct arm_rows_field arm__change_field;

/* The changes of the event as one value of `list`. */
arm_status arm__rows_changes(struct arm_rows_column *list, const struct arm_event *event,
                             struct arm_error *err);

#endif
