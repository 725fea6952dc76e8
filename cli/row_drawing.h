/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_ROW_DRAWING_H
#define ARM_CLI_ROW_DRAWING_H

/* Rows that were changed, drawn for people as they are read: `+` and `-`, and `~` with the key and
 * what became of the cells that changed. */

#include "output.h"

struct cli_row_drawing {
    arm_session *session; /* which knows the table's key */
    const char *table;    /* as arm_schema takes it ... */
    const char *at;       /* ... and a ref at which it is there */
    const char *indent;   /* before each line */
};
/* The reader's columns, in ARM_RENDER_TEXT, end with _change, _tx and _version; an update's row
 * after it follows the one before it. Written behind what stands in `text`, which is used up. */
arm_status cli_draw_rows(const struct cli_row_drawing *how, struct cli_reader *reader,
                         const struct cli_sink *sink, struct cli_text *text, struct arm_error *err);

#endif
