/* SPDX-License-Identifier: Apache-2.0 */
#include "find_tx.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "arrow.h"

/* Behind the digits of a fraction, if there is one. */
static const char *skip_fraction(const char *text)
{
    if (*text != '.' || isdigit((unsigned char)text[1]) == 0) {
        return text;
    }
    do {
        text++;
    } while (isdigit((unsigned char)*text) != 0);
    return text;
}

static bool is_zone(const char *text)
{
    struct tm parts;
    const char *end = NULL;

    if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    if (*text != '+' && *text != '-') {
        return false;
    }
    end = strptime(text + 1, "%H:%M", &parts);
    return end != NULL && *end == '\0';
}

/* A date, or a date and a time (RFC 3339, with or without a zone). */
static bool is_time(const char *text)
{
    struct tm parts;
    const char *rest = strptime(text, "%Y-%m-%d", &parts);
    const char *seconds = NULL;

    if (rest == NULL || *rest == '\0') {
        return rest != NULL;
    }
    if (strchr("Tt ", *rest) == NULL) {
        return false;
    }
    rest = strptime(rest + 1, "%H:%M", &parts);
    seconds = rest == NULL ? NULL : strptime(rest, ":%S", &parts);
    return rest != NULL && is_zone(seconds == NULL ? rest : skip_fraction(seconds));
}

arm_status cli_find_tx(const struct cli *cli, const char *text, uint64_t *out,
                       struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    if (cli_parse_count(strncmp(text, "tx:", 3) == 0 ? text + 3 : text, out)) {
        return ARM_OK;
    }
    if (strcmp(text, "now") == 0) {
        return arm_latest_tx(cli->repo, out, err);
    }
    st = arm_show(cli->session, text, &stream, err);
    if (st == ARM_NOT_FOUND && is_time(text)) {
        *out = 0;
        return ARM_OK;
    }
    CLI_TRY(st);
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    CLI_TRY(cli_reader_next(&reader, &has_row, err));
    *out = (uint64_t)cli_cell_integer(cli_reader_cell(&reader, cli_reader_find(&reader, "tx")));
done:
    cli_reader_close(&reader);
    return st;
}
