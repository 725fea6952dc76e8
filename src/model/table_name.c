/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tables as users type them: [schema.]table, each part quoted as in SQL where it holds a
 * dot or a quote. What cannot be read as such a pair, but is a valid name, is the table's: a name
 * with spaces or slashes needs no quotes. */

#include "model/table_name.h"

#include <stdio.h>
#include <string.h>

#include "model/utf8.h"

/* As many bytes of `text` as a message may show, at most `most`: no character is cut. */
static int shown_size(const char *text, size_t most)
{
    size_t size = strnlen(text, most + 1);

    if (size > most) {
        for (size = most; size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80;) {
            size--;
        }
    }
    return (int)size;
}

/* Take one part off `*text`: quoted, or up to the next dot. */
static arm_status take_part(const char **text, char out[256], struct arm_error *err)
{
    const char *at = *text;
    bool quoted = *at == '"';
    size_t size = 0;

    at += quoted ? 1 : 0;
    while (*at != '\0' && (quoted || *at != '.')) {
        if (quoted && *at == '"') {
            at++; /* a quote: the end, or the first of two that stand for one */
            if (*at != '"') {
                quoted = false;
                break;
            }
        }
        if (size == ARM_NAME_BYTES_MAX) {
            return arm__fail(err, ARM_INVALID_NAME, "the name \"%.*s...\" is longer than %d bytes",
                             shown_size(*text, 40), *text, ARM_NAME_BYTES_MAX);
        }
        out[size++] = *at++;
    }
    out[size] = '\0';
    if (quoted) {
        return arm__fail(err, ARM_INVALID_NAME, "the quote in %s is not closed", *text);
    }
    *text = at;
    return ARM_OK;
}

arm_status arm__table_name_parse(const char *text, char schema_name[256], char name[256],
                                 struct arm_error *err)
{
    char first[256];
    char second[256];
    const char *rest = text;
    arm_status st = ARM_OK;

    if (!arm__utf8_valid(arm__bytes(text, strlen(text)))) {
        return arm__fail(err, ARM_INVALID_NAME, "table name: not UTF-8");
    }
    ARM_TRY(take_part(&rest, first, err));
    if (*rest == '\0') {
        memcpy(second, first, sizeof second);
        (void)snprintf(first, sizeof first, "main");
    } else if (*rest == '.') {
        rest++;
        ARM_TRY(take_part(&rest, second, err));
    }
    if (*rest != '\0') {
        st = arm__fail(err, ARM_INVALID_NAME,
                       "%.*s is not a table's name: write name or schema.name, in double quotes "
                       "where a part holds a dot or a quote",
                       shown_size(text, 80), text);
        goto done;
    }
    ARM_TRY(arm__name_check(first, "schema", err));
    ARM_TRY(arm__name_check(second, "table", err));
    memcpy(schema_name, first, 256);
    memcpy(name, second, 256);
done:
    return st;
}

void arm__shown_name(const char *schema_name, const char *name, char out[ARM_SHOWN_NAME_BYTES])
{
    bool is_main = strcmp(schema_name, "main") == 0;

    (void)snprintf(out, ARM_SHOWN_NAME_BYTES, "%s%s%s", is_main ? "" : schema_name,
                   is_main ? "" : ".", name);
}
