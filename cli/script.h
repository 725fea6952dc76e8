/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_SCRIPT_H
#define ARM_CLI_SCRIPT_H

/* SQL text from a file. */

#include "watch.h"

/* SQL is UTF-8 without a NUL; else ARM_SQL, with the line. */
arm_status cli_script_check(const char *name, const char *text, size_t size, struct arm_error *err);
/* All of a file, or of standard input ("-"), ended by NUL; `*out` is owned by the caller. Errors:
 * those of reading, ARM_SQL, ARM_INTERRUPTED. */
arm_status cli_script_read(const struct cli_watch *watch, const char *path, char **out,
                           struct arm_error *err);

#endif
