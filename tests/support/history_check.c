/* SPDX-License-Identifier: Apache-2.0 */
/* A history judged: the steps in their order, and the report. */

#include <stdio.h>
#include <stdlib.h>

#include "support/history_private.h"

enum { TOLD_EACH = 3, LINE_BYTES = 1000 };

static const char *const names[] = {
#define HISTORY_ANOMALY_NAME(code, name, forbidden) name,
    HISTORY_ANOMALY_MAP(HISTORY_ANOMALY_NAME)
#undef HISTORY_ANOMALY_NAME
};

static const bool forbidden_by_snapshot[] = {
#define HISTORY_ANOMALY_FORBIDDEN(code, name, forbidden) forbidden,
    HISTORY_ANOMALY_MAP(HISTORY_ANOMALY_FORBIDDEN)
#undef HISTORY_ANOMALY_FORBIDDEN
};

const char *history_anomaly_name(enum history_anomaly anomaly)
{
    return names[anomaly];
}

static void tell(struct history_report *report, const char *head, const char *text)
{
    size_t left = sizeof report->text - report->text_size;
    int used = snprintf(report->text + report->text_size, left, "%s%s\n", head, text);

    report->text_size += used > 0 && (size_t)used < left ? (size_t)used : 0;
    report->text[report->text_size] = '\0'; /* a line that has no room is left out */
}

static bool is_forbidden(int anomaly, enum history_level level)
{
    return level == HISTORY_SERIALIZABLE || forbidden_by_snapshot[anomaly];
}

void history_found(struct history_checker *c, enum history_anomaly anomaly, const char *what,
                   const size_t *txns, size_t txn_count)
{
    char line[LINE_BYTES];

    if (c->report->found[anomaly]++ >= TOLD_EACH || !is_forbidden((int)anomaly, c->level)) {
        return;
    }
    (void)snprintf(line, sizeof line, "%s: %s", names[anomaly], what);
    tell(c->report, "", line);
    for (size_t i = 0; i < txn_count; i++) {
        history_tell(c->history, txns[i], line, sizeof line);
        tell(c->report, "    ", line);
    }
}

void history_check(const struct history *history, enum history_level level,
                   struct history_report *out)
{
    struct history_checker c = {.history = history, .level = level, .report = out};

    *out = (struct history_report){.ops = 0};
    for (size_t i = 0; i < history->txn_count; i++) {
        out->txns[history->txns[i].outcome]++;
        out->ops += history->txns[i].op_count;
    }
    c.is_committed = calloc(history->txn_count + 1, sizeof *c.is_committed);
    history_require(c.is_committed != NULL, "memory");
    history_find_writes(&c);
    history_find_seen(&c);
    history_judge_seen(&c);
    history_find_edges(&c);
    history_find_realtime(&c);
    history_find_cycles(&c);
    for (size_t i = 0; i < c.sorted_count; i++) {
        free(c.sorted[i]);
    }
    free(c.sorted);
    free(c.edges);
    free(c.seen);
    free(c.is_committed);
    free(c.writes);
}

uint64_t history_forbidden(const struct history_report *report, enum history_level level)
{
    uint64_t count = 0;

    for (int i = 0; i < HISTORY_ANOMALIES; i++) {
        count += is_forbidden(i, level) ? report->found[i] : 0;
    }
    return count;
}
