/* SPDX-License-Identifier: Apache-2.0 */
#include "query/explain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/utf8.h"

enum { SHOWN_BYTES = 120, REASON_BYTES = 400 };

/* Ends `text` where `mark` begins. */
static void cut_at(char *text, const char *mark)
{
    char *found = strstr(text, mark);

    if (found != NULL) {
        *found = '\0';
    }
}

static void trim_end(char *text)
{
    size_t size = strlen(text);

    while (size > 0 && strchr(" \n\r\t", text[size - 1]) != NULL) {
        text[--size] = '\0';
    }
}

/* Copies one line, at most `max` bytes of it, whole characters only, and tells where the next
 * begins. */
static const char *take_line(const char *text, size_t max, char *out)
{
    size_t size = strcspn(text, "\n");
    size_t shown = arm__utf8_cut(text, size, max);

    (void)snprintf(out, max + 4, "%.*s%s", (int)shown, text, shown < size ? "..." : "");
    return text[size] == '\0' ? text + size : text + size + 1;
}

/* What DuckDB says is wrong stands behind the line, which may be many, and before its advice. */
static void find_reason(const char *text, char out[REASON_BYTES + 4])
{
    static const char *const beginnings[] = {"Error when", "Expected Number", "Value with", "The ",
                                             "Could not",  "Maximum",         "Invalid"};

    out[0] = '\0';
    for (const char *at = text; *at != '\0' && out[0] == '\0'; at += *at == '\0' ? 0 : 1) {
        for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && out[0] == '\0'; i++) {
            if (strncmp(at, beginnings[i], strlen(beginnings[i])) == 0) {
                (void)take_line(at, REASON_BYTES, out);
            }
        }
        at += strcspn(at, "\n");
    }
}

/* "CSV Error on Line: 3 \nOriginal Line: 1,2 \nExpected Number of Columns: 3 Found: 2 \n…" */
static bool explain_csv(const char *path, struct arm_error *err)
{
    static const char head[] = "CSV Error on Line: ";
    static const char original[] = "Original Line: ";
    const char *at = strstr(err->message, head);
    unsigned long long line = 0;
    char shown[SHOWN_BYTES + 4] = "";
    char reason[REASON_BYTES + 4];
    char text[sizeof err->message];

    if (at == NULL || sscanf(at + strlen(head), "%llu", &line) != 1) {
        return false;
    }
    at += strcspn(at, "\n");
    at += *at == '\n' ? 1 : 0;
    if (strncmp(at, original, strlen(original)) == 0) {
        at = take_line(at + strlen(original), SHOWN_BYTES, shown);
    }
    find_reason(at, reason);
    trim_end(reason);
    (void)snprintf(text, sizeof text, "%s, line %llu: %s%s%s", path, line,
                   reason[0] == '\0' ? "ill-formed; perhaps a quote that begins there has no end"
                                     : reason,
                   shown[0] == '\0' ? "" : "\nThe line: ", shown);
    memcpy(err->message, text, sizeof err->message);
    return true;
}

void arm__explain(const char *path, struct arm_error *err)
{
    if (err == NULL) {
        return;
    }
    cut_at(err->message, "\n\nLINE ");
    if (path == NULL || !explain_csv(path, err)) {
        cut_at(err->message, "\nPossible fixes");
        cut_at(err->message, "\nPossible solutions");
        cut_at(err->message, "\nTry setting ");
    }
    trim_end(err->message);
}
