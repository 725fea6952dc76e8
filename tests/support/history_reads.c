/* SPDX-License-Identifier: Apache-2.0 */
/* What each transaction saw of others. Of an object that it reads twice, or changed before it reads
 * it, it must see what it saw before and its own changes, no more and no less. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/history_private.h"

/* ---- One transaction and one object ---- */

struct look {
    struct history_checker *c;
    size_t txn;
    enum history_kind kind;
    uint32_t object;
    int64_t *own; /* written so far */
    size_t own_count;
    size_t own_capacity;
    bool has_seen;
    struct history_seen seen;
};

static int compare_values(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static bool holds(const int64_t *values, size_t count, int64_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] == value) {
            return true;
        }
    }
    return false;
}

static bool same(const int64_t *a, size_t a_count, const int64_t *b, size_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof *a) == 0);
}

/* A sorted copy of a set less the transaction's own values. */
static const int64_t *set_of_others(struct look *look, const int64_t *values, size_t count,
                                    size_t *out_count)
{
    struct history_checker *c = look->c;
    int64_t *copy = malloc((count + 1) * sizeof *copy);

    history_require(copy != NULL, "memory");
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!holds(look->own, look->own_count, values[i])) {
            copy[(*out_count)++] = values[i];
        }
    }
    qsort(copy, *out_count, sizeof *copy, compare_values);
    c->sorted = history_grow(c->sorted, c->sorted_count, &c->sorted_capacity, sizeof(int64_t *));
    c->sorted[c->sorted_count++] = copy;
    return copy;
}

/* What a read says of others. False: it does not show the transaction's own changes. */
static bool part_of_others(struct look *look, const int64_t *values, size_t count,
                           const int64_t **out, size_t *out_count)
{
    *out = values;
    *out_count = count;
    switch (look->kind) {
    case HISTORY_REGISTER:
        return true;
    case HISTORY_LIST:
        if (count < look->own_count) {
            return false;
        }
        *out_count = count - look->own_count;
        return same(values + *out_count, look->own_count, look->own, look->own_count);
    default:
        *out = set_of_others(look, values, count, out_count);
        return *out_count + look->own_count == count;
    }
}

static void take_read(struct look *look, const struct history_op *op, size_t number)
{
    static const int64_t none = 0;
    const int64_t *values = op->count == 0 ? &none : look->c->history->values + op->first;
    const int64_t *others = NULL;
    size_t count = 0;
    bool good;

    if (look->kind == HISTORY_REGISTER && look->own_count > 0) {
        good = op->count == 1 && values[0] == look->own[look->own_count - 1];
    } else {
        good = part_of_others(look, values, op->count, &others, &count) &&
               (!look->has_seen || same(others, count, look->seen.values, look->seen.count));
        if (good && !look->has_seen) {
            look->has_seen = true;
            look->seen = (struct history_seen){.object = history_object(look->kind, look->object),
                                               .txn = look->txn,
                                               .values = others,
                                               .count = count,
                                               .read = number};
        }
    }
    if (!good) {
        history_found(look->c, HISTORY_INTERNAL, "it saw another state than before", &look->txn, 1);
    }
}

static void look_at(struct look *look)
{
    const struct history_txn *txn = &look->c->history->txns[look->txn];

    for (size_t i = 0; i < txn->op_count; i++) {
        const struct history_op *op = &look->c->history->ops[txn->first_op + i];

        if (op->kind != look->kind || op->object != look->object) {
            continue;
        }
        if (op->is_read) {
            take_read(look, op, i);
        } else {
            look->own =
                history_grow(look->own, look->own_count, &look->own_capacity, sizeof *look->own);
            look->own[look->own_count++] = op->value;
        }
    }
}

/* Whether the operation is the first of its transaction at its object. */
static bool is_first(const struct history *history, const struct history_txn *txn, size_t at)
{
    const struct history_op *op = &history->ops[txn->first_op + at];

    for (size_t i = 0; i < at; i++) {
        const struct history_op *other = &history->ops[txn->first_op + i];

        if (other->kind == op->kind && other->object == op->object) {
            return false;
        }
    }
    return true;
}

static void find_seen_by(struct history_checker *c, size_t index)
{
    const struct history_txn *txn = &c->history->txns[index];

    for (size_t i = 0; i < txn->op_count; i++) {
        const struct history_op *op = &c->history->ops[txn->first_op + i];
        struct look look = {.c = c, .txn = index, .kind = op->kind, .object = op->object};

        if (!is_first(c->history, txn, i)) {
            continue;
        }
        look_at(&look);
        if (look.has_seen) {
            c->seen = history_grow(c->seen, c->seen_count, &c->seen_capacity, sizeof *c->seen);
            c->seen[c->seen_count++] = look.seen;
        }
        free(look.own);
    }
}

static int compare_seen(const void *a, const void *b)
{
    const struct history_seen *x = a;
    const struct history_seen *y = b;

    if (x->object != y->object) {
        return x->object < y->object ? -1 : 1;
    }
    return (x->txn > y->txn) - (x->txn < y->txn);
}

void history_find_seen(struct history_checker *c)
{
    for (size_t i = 0; i < c->history->txn_count; i++) {
        if (c->history->txns[i].outcome != HISTORY_UNKNOWN) { /* whose reads were not told */
            find_seen_by(c, i);
        }
    }
    if (c->seen_count > 0) {
        qsort(c->seen, c->seen_count, sizeof *c->seen, compare_seen);
    }
}

/* ---- What one read gives away ---- */

static bool has_seen(const struct history_seen *seen, int64_t value)
{
    return history_object_kind(seen->object) == HISTORY_SET
               ? bsearch(&value, seen->values, seen->count, sizeof value, compare_values) != NULL
               : holds(seen->values, seen->count, value);
}

/* Whether the writer has a later value in the object that was not seen. */
static bool is_intermediate(const struct history_checker *c, const struct history_seen *seen,
                            const struct history_write *write)
{
    size_t count = 0;
    const struct history_write *all = history_writes_of(c, seen->object, &count);

    if (history_object_kind(seen->object) == HISTORY_REGISTER) {
        return !write->is_last;
    }
    if (write->is_last && history_object_kind(seen->object) == HISTORY_LIST) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (all[i].txn == write->txn && !has_seen(seen, all[i].value)) {
            return true;
        }
    }
    return false;
}

static bool came_to_nothing(const struct history_txn *txn)
{
    return txn->outcome == HISTORY_CONFLICT || txn->outcome == HISTORY_ROLLBACK;
}

static void judge_value(struct history_checker *c, const struct history_seen *seen, int64_t value)
{
    const struct history_write *write = history_writer(c, seen->object, value);
    size_t txns[2] = {seen->txn, 0};
    char what[100];

    if (write == NULL) {
        (void)snprintf(what, sizeof what, "value %lld was read", (long long)value);
        history_found(c, HISTORY_NOT_WRITTEN, what, txns, 1);
        return;
    }
    txns[1] = write->txn;
    (void)snprintf(what, sizeof what, "value %lld of the second was read by the first",
                   (long long)value);
    if (came_to_nothing(&c->history->txns[write->txn])) {
        history_found(c, HISTORY_G1A, what, txns, 2);
        return;
    }
    c->is_committed[write->txn] = true;
    if (is_intermediate(c, seen, write)) {
        history_found(c, HISTORY_G1B, what, txns, 2);
    }
}

static void judge_twice(struct history_checker *c, const struct history_seen *seen)
{
    int64_t *copy = malloc((seen->count + 1) * sizeof *copy);

    history_require(copy != NULL, "memory");
    memcpy(copy, seen->values, seen->count * sizeof *copy);
    qsort(copy, seen->count, sizeof *copy, compare_values);
    for (size_t i = 1; i < seen->count; i++) {
        if (copy[i - 1] == copy[i]) {
            history_found(c, HISTORY_TWICE, "a value was read twice", &seen->txn, 1);
            break;
        }
    }
    free(copy);
}

void history_judge_seen(struct history_checker *c)
{
    for (size_t i = 0; i < c->history->txn_count; i++) {
        c->is_committed[i] = c->history->txns[i].outcome == HISTORY_OK;
    }
    for (size_t i = 0; i < c->seen_count; i++) {
        const struct history_seen *seen = &c->seen[i];

        for (size_t k = 0; k < seen->count; k++) {
            if (history_object_kind(seen->object) != HISTORY_REGISTER || seen->values[k] != 0) {
                judge_value(c, seen, seen->values[k]);
            }
        }
        if (seen->count > 1) {
            judge_twice(c, seen);
        }
    }
}
