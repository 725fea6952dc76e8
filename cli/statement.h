/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_STATEMENT_H
#define ARM_CLI_STATEMENT_H

/* Where a statement ends, as far as spelling tells: a ';' outside of quotes, dollar quotes and
 * comments. For the shell, which must know when to run what was typed; everything else leaves
 * the cutting to the library. */

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the first statement, its ';' included; 0: it has no end yet. */
size_t cli_statement_end(const char *sql);

/* Behind the quote, comment or word that begins at `at`, or the end of the text where it does not
 * end; `at` itself where none begins. */
const char *cli_statement_skip(const char *at);

/* Only blanks, comments and ';'. */
bool cli_statement_is_blank(const char *sql);

#endif
