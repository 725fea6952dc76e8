/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_COMPLETE_PRIVATE_H
#define ARM_CLI_COMPLETE_PRIVATE_H

/* complete.c reads the statement, complete_source.c knows what there is. */

#include "complete.h"

/* Candidates being gathered: those that begin with `prefix`. */
struct builder {
    const struct cli_completer *completer;
    struct cli_candidates *out;
    const char *prefix; /* without an opening quote */
    size_t prefix_size;
    bool is_quoted; /* there is one */
};

/* A name: quoted where SQL needs it. Names that a terminal does not show as they are (control
 * characters) are never offered. */
void cli_builder_name(const struct builder *builder, const char *name, char suffix);
/* A keyword, in the case of the prefix. */
void cli_builder_word(const struct builder *builder, const char *word, char suffix);
/* As it is, without regard to case. */
void cli_builder_raw(const struct builder *builder, const char *text, char suffix);

/* The tables and views; the columns of one (its name as SQL has it without quotes; `schema_name`
 * "" where none was said). */
void cli_builder_tables(const struct builder *builder);
void cli_builder_columns(const struct builder *builder, const char *schema_name, const char *table);
/* The columns of all tables. */
void cli_builder_all_columns(const struct builder *builder);
/* The names of branches and of tags. */
void cli_builder_refs(const struct builder *builder, bool branches, bool tags);
/* Files whose path begins with the prefix. */
void cli_builder_files(const struct builder *builder);

#endif
