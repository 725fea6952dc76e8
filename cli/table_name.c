/* SPDX-License-Identifier: Apache-2.0 */
#include "table_name.h"

#include <stdlib.h>
#include <string.h>

/* One part of a name, without its quotes; `*at` then stands behind it. NULL: there is none. */
static char *take_part(const char **at)
{
    const char *from = *at;
    struct cli_text part = {0};
    bool is_closed = true;

    if (*from == '"') {
        is_closed = false;
        for (from++; *from != '\0' && !is_closed; from++) {
            if (*from != '"') {
                cli_text_append(&part, from, 1);
            } else if (from[1] == '"') {
                cli_text_append(&part, from++, 1);
            } else {
                is_closed = true;
            }
        }
    } else {
        size_t size = strcspn(from, ".\"");

        cli_text_append(&part, from, size);
        from += size;
    }
    *at = from;
    if (part.size == 0 || !is_closed) {
        cli_text_release(&part);
        return NULL;
    }
    return part.data;
}

bool cli_table_name_parse(const char *typed, char **out_schema, char **out_name)
{
    const char *at = typed;
    char *first = take_part(&at);
    char *second = NULL;

    if (first != NULL && *at == '.') {
        at++;
        second = take_part(&at);
    } else if (first != NULL) {
        second = first;
        first = cli_strdup("main");
    }
    if (second == NULL || *at != '\0') {
        free(first);
        free(second);
        return false;
    }
    *out_schema = first;
    *out_name = second;
    return true;
}

static void add_quoted(const char *text, char quote, struct cli_text *out)
{
    cli_text_append(out, &quote, 1);
    for (; *text != '\0'; text++) {
        cli_text_append(out, text, 1);
        if (*text == quote) {
            cli_text_append(out, text, 1);
        }
    }
    cli_text_append(out, &quote, 1);
}

void cli_table_name_add(const char *schema, const char *name, struct cli_text *out)
{
    add_quoted(schema, '"', out);
    cli_text_add(out, ".");
    add_quoted(name, '"', out);
}

void cli_sql_text(const char *text, struct cli_text *out)
{
    add_quoted(text, '\'', out);
}
