/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_TABLE_NAME_H
#define ARM_CLI_TABLE_NAME_H

/* Names of tables as they are typed and as SQL takes them. */

#include "text.h"

/* "name" or "schema.name", quoted where it is odd, taken apart; the schema is "main" where none is
 * named. False: it is no such name. Both are owned by the caller. */
bool cli_table_name_parse(const char *typed, char **out_schema, char **out_name);
/* Append `"schema"."name"`. */
void cli_table_name_add(const char *schema, const char *name, struct cli_text *out);
/* Append a literal of SQL. */
void cli_sql_text(const char *text, struct cli_text *out);

#endif
