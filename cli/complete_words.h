/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_COMPLETE_WORDS_H
#define ARM_CLI_COMPLETE_WORDS_H

/* The words that the shell completes. Each list ends with NULL. */

#include <stdbool.h>
#include <stddef.h>

extern const char *const cli_words_reserved[];  /* by DuckDB: as a name they need quotes */
extern const char *const cli_words_other[];     /* keywords that may be names */
extern const char *const cli_words_first[];     /* what statements begin with */
extern const char *const cli_words_functions[]; /* that stand behind FROM */

/* Whether a word of `size` bytes is in a list, in whatever case. */
bool cli_words_have(const char *const *list, const char *word, size_t size);

#endif
