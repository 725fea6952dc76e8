/* SPDX-License-Identifier: Apache-2.0 */
/* The order of each object's versions, and who depends on whom.
 *
 * Lists: the longest that was seen gives the order; what was committed and seen by nobody comes
 * behind it, in what order is not known. Sets: nobody overwrites; who does not see a value read
 * before it was put in. Registers: the order of the tx ids; versions whose tx is not known are
 * in no place. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/history_private.h"

/* All that is known of one object. */
struct object {
    uint64_t id;
    const struct history_write *writes;
    size_t write_count;
    const struct history_seen *seen;
    size_t seen_count;
};

void history_add_edge(struct history_checker *c, size_t from, size_t to, enum history_edge kind,
                      uint64_t object)
{
    if (from == to) {
        return;
    }
    c->edges = history_grow(c->edges, c->edge_count, &c->edge_capacity, sizeof *c->edges);
    c->edges[c->edge_count++] = (struct history_edge_row){
        .from = (uint32_t)from, .to = (uint32_t)to, .kind = kind, .object = object};
    c->report->edges[kind]++;
}

/* ---- Lists ---- */

static const struct history_seen *longest_of(struct history_checker *c, const struct object *object)
{
    const struct history_seen *longest = NULL;

    for (size_t i = 0; i < object->seen_count; i++) {
        if (longest == NULL || object->seen[i].count > longest->count) {
            longest = &object->seen[i];
        }
    }
    for (size_t i = 0; i < object->seen_count; i++) {
        const struct history_seen *seen = &object->seen[i];

        if (seen->count > 0 &&
            memcmp(seen->values, longest->values, seen->count * sizeof *seen->values) != 0) {
            size_t txns[] = {seen->txn, longest->txn};

            history_found(c, HISTORY_NO_ORDER, "what the first saw does not begin the second's",
                          txns, 2);
        }
    }
    return longest;
}

/* Whose version of a list has so many values; false: nobody's that counts. */
static bool list_writer(const struct history_checker *c, const struct history_seen *longest,
                        size_t count, size_t *out)
{
    const struct history_write *write =
        count == 0 ? NULL : history_writer(c, longest->object, longest->values[count - 1]);

    if (write == NULL || !c->is_committed[write->txn]) {
        return false;
    }
    *out = write->txn;
    return true;
}

static bool is_in(const struct history_seen *longest, int64_t value)
{
    for (size_t i = 0; longest != NULL && i < longest->count; i++) {
        if (longest->values[i] == value) {
            return true;
        }
    }
    return false;
}

/* Committed values that nobody saw come after the longest version. */
static void add_list_unseen(struct history_checker *c, const struct object *object,
                            const struct history_seen *longest)
{
    for (size_t i = 0; i < object->write_count; i++) {
        const struct history_write *write = &object->writes[i];
        size_t before;

        if (!c->is_committed[write->txn] || is_in(longest, write->value)) {
            continue;
        }
        if (longest != NULL && list_writer(c, longest, longest->count, &before)) {
            history_add_edge(c, before, write->txn, HISTORY_WW, object->id);
        }
        for (size_t k = 0; k < object->seen_count; k++) {
            if (object->seen[k].count == longest->count) {
                history_add_edge(c, object->seen[k].txn, write->txn, HISTORY_RW, object->id);
            }
        }
    }
}

static void add_list(struct history_checker *c, const struct object *object)
{
    const struct history_seen *longest = longest_of(c, object);
    size_t one;
    size_t next;

    for (size_t i = 1; longest != NULL && i < longest->count; i++) {
        if (list_writer(c, longest, i, &one) && list_writer(c, longest, i + 1, &next)) {
            history_add_edge(c, one, next, HISTORY_WW, object->id);
        }
    }
    for (size_t i = 0; i < object->seen_count; i++) {
        const struct history_seen *seen = &object->seen[i];

        if (list_writer(c, longest, seen->count, &one)) {
            history_add_edge(c, one, seen->txn, HISTORY_WR, object->id);
        }
        if (seen->count < longest->count && list_writer(c, longest, seen->count + 1, &next)) {
            history_add_edge(c, seen->txn, next, HISTORY_RW, object->id);
        }
    }
    add_list_unseen(c, object, longest);
}

/* ---- Sets ---- */

static int compare_values(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void add_set(struct history_checker *c, const struct object *object)
{
    for (size_t i = 0; i < object->seen_count; i++) {
        const struct history_seen *seen = &object->seen[i];

        for (size_t k = 0; k < object->write_count; k++) {
            const struct history_write *write = &object->writes[k];

            if (!c->is_committed[write->txn]) {
                continue;
            }
            if (bsearch(&write->value, seen->values, seen->count, sizeof write->value,
                        compare_values) != NULL) {
                history_add_edge(c, write->txn, seen->txn, HISTORY_WR, object->id);
            } else {
                history_add_edge(c, seen->txn, write->txn, HISTORY_RW_PREDICATE, object->id);
            }
        }
    }
}

/* ---- Registers ---- */

struct version {
    uint64_t tx;
    int64_t value;
    size_t txn;
};

static int compare_versions(const void *a, const void *b)
{
    const struct version *x = a;
    const struct version *y = b;

    return (x->tx > y->tx) - (x->tx < y->tx);
}

/* In order; to be freed. */
static struct version *versions_of(const struct history_checker *c, const struct object *object,
                                   size_t *out_count)
{
    struct version *versions = malloc((object->write_count + 1) * sizeof *versions);

    history_require(versions != NULL, "memory");
    *out_count = 0;
    for (size_t i = 0; i < object->write_count; i++) {
        const struct history_write *write = &object->writes[i];
        uint64_t tx = c->history->txns[write->txn].tx;

        if (write->is_last && tx > 0 && c->is_committed[write->txn]) {
            versions[(*out_count)++] = (struct version){tx, write->value, write->txn};
        }
    }
    qsort(versions, *out_count, sizeof *versions, compare_versions);
    return versions;
}

static void add_register(struct history_checker *c, const struct object *object)
{
    size_t count = 0;
    struct version *versions = versions_of(c, object, &count);

    for (size_t i = 1; i < count; i++) {
        history_add_edge(c, versions[i - 1].txn, versions[i].txn, HISTORY_WW, object->id);
    }
    for (size_t i = 0; i < object->seen_count; i++) {
        const struct history_seen *seen = &object->seen[i];
        const struct history_write *write = history_writer(c, object->id, seen->values[0]);
        size_t next = seen->values[0] == 0 ? 0 : SIZE_MAX;

        if (write != NULL && c->is_committed[write->txn]) {
            history_add_edge(c, write->txn, seen->txn, HISTORY_WR, object->id);
        }
        for (size_t k = 0; k < count && next == SIZE_MAX; k++) {
            if (versions[k].value == seen->values[0]) {
                next = k + 1;
            }
        }
        if (next < count) {
            history_add_edge(c, seen->txn, versions[next].txn, HISTORY_RW, object->id);
        }
    }
    free(versions);
}

/* ---- Lost updates: two that saw one version and both made another of it ---- */

static bool has_written(const struct object *object, size_t txn)
{
    for (size_t i = 0; i < object->write_count; i++) {
        if (object->writes[i].txn == txn) {
            return true;
        }
    }
    return false;
}

static bool same_version(const struct history_seen *a, const struct history_seen *b)
{
    return a->count == b->count &&
           (a->count == 0 || a->values[a->count - 1] == b->values[b->count - 1]);
}

static void find_lost_updates(struct history_checker *c, const struct object *object)
{
    const struct history_seen **changed =
        malloc((object->seen_count + 1) * sizeof(struct history_seen *));
    size_t count = 0;

    history_require(changed != NULL, "memory");
    for (size_t i = 0; i < object->seen_count; i++) {
        const struct history_seen *seen = &object->seen[i];

        if (!c->is_committed[seen->txn] || !has_written(object, seen->txn)) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            if (same_version(changed[k], seen)) {
                size_t txns[] = {changed[k]->txn, seen->txn};

                history_found(c, HISTORY_LOST_UPDATE, "both changed what both had read", txns, 2);
            }
        }
        changed[count++] = seen;
    }
    free(changed);
}

/* ---- All objects ---- */

static size_t first_seen(const struct history_checker *c, uint64_t object)
{
    size_t low = 0;
    size_t high = c->seen_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->seen[middle].object < object) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add_object(struct history_checker *c, const struct object *object)
{
    switch (history_object_kind(object->id)) {
    case HISTORY_LIST:
        add_list(c, object);
        find_lost_updates(c, object);
        break;
    case HISTORY_REGISTER:
        add_register(c, object);
        find_lost_updates(c, object);
        break;
    default:
        add_set(c, object);
        break;
    }
}

void history_find_edges(struct history_checker *c)
{
    for (size_t i = 0; i < c->write_count;) {
        struct object object = {.id = c->writes[i].object, .writes = &c->writes[i]};
        size_t at = first_seen(c, object.id);

        while (i < c->write_count && c->writes[i].object == object.id) {
            i++;
            object.write_count++;
        }
        object.seen = c->seen + at;
        while (at < c->seen_count && c->seen[at].object == object.id) {
            at++;
            object.seen_count++;
        }
        add_object(c, &object);
    }
}

/* ---- Real time ---- */

struct moment {
    uint64_t ns;
    size_t txn;
};

static int compare_moments(const void *a, const void *b)
{
    const struct moment *x = a;
    const struct moment *y = b;

    return (x->ns > y->ns) - (x->ns < y->ns);
}

/* The last moment before `ns`, from 1; 0: none. */
static size_t moments_before(const struct moment *moments, size_t count, uint64_t ns)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;

        if (moments[middle].ns < ns) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

/* The answers, one after the other, are nodes of their own: a transaction comes before its answer,
 * and the last answer before a transaction's beginning comes before it. */
void history_find_realtime(struct history_checker *c)
{
    const struct history *history = c->history;
    struct moment *moments = malloc((history->txn_count + 1) * sizeof *moments);
    size_t count = 0;

    history_require(moments != NULL, "memory");
    for (size_t i = 0; i < history->txn_count; i++) {
        if (history->txns[i].end_ns != UINT64_MAX) {
            moments[count++] = (struct moment){history->txns[i].end_ns, i};
        }
    }
    qsort(moments, count, sizeof *moments, compare_moments);
    for (size_t i = 0; i < count; i++) {
        history_add_edge(c, moments[i].txn, history->txn_count + i, HISTORY_REALTIME, 0);
        if (i > 0) {
            history_add_edge(c, history->txn_count + i - 1, history->txn_count + i,
                             HISTORY_REALTIME, 0);
        }
    }
    for (size_t i = 0; i < history->txn_count; i++) {
        size_t before = moments_before(moments, count, history->txns[i].begin_ns);

        if (before > 0) {
            history_add_edge(c, history->txn_count + before - 1, i, HISTORY_REALTIME, 0);
        }
    }
    c->node_count = history->txn_count + count;
    free(moments);
}
