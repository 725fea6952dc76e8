/* SPDX-License-Identifier: Apache-2.0 */
/* Who wrote which value: a sorted array, since values are unique in their object. */

#include <stdlib.h>

#include "support/history_private.h"

static int compare_writes(const void *a, const void *b)
{
    const struct history_write *x = a;
    const struct history_write *y = b;

    if (x->object != y->object) {
        return x->object < y->object ? -1 : 1;
    }
    return (x->value > y->value) - (x->value < y->value);
}

static bool is_last_write(const struct history *history, const struct history_txn *txn, size_t at)
{
    const struct history_op *op = &history->ops[txn->first_op + at];

    for (size_t i = at + 1; i < txn->op_count; i++) {
        const struct history_op *later = &history->ops[txn->first_op + i];

        if (!later->is_read && later->kind == op->kind && later->object == op->object) {
            return false;
        }
    }
    return true;
}

static void add_writes(struct history_checker *c, size_t index)
{
    const struct history_txn *txn = &c->history->txns[index];

    for (size_t i = 0; i < txn->op_count; i++) {
        const struct history_op *op = &c->history->ops[txn->first_op + i];

        if (!op->is_read) {
            c->writes =
                history_grow(c->writes, c->write_count, &c->write_capacity, sizeof *c->writes);
            c->writes[c->write_count++] =
                (struct history_write){.object = history_object(op->kind, op->object),
                                       .value = op->value,
                                       .txn = index,
                                       .is_last = is_last_write(c->history, txn, i)};
        }
    }
}

void history_find_writes(struct history_checker *c)
{
    for (size_t i = 0; i < c->history->txn_count; i++) {
        add_writes(c, i);
    }
    if (c->write_count > 0) {
        qsort(c->writes, c->write_count, sizeof *c->writes, compare_writes);
    }
    for (size_t i = 1; i < c->write_count; i++) {
        size_t txns[] = {c->writes[i - 1].txn, c->writes[i].txn};

        if (compare_writes(&c->writes[i - 1], &c->writes[i]) == 0) {
            history_found(c, HISTORY_TWICE, "the clients wrote a value twice", txns, 2);
        }
    }
}

const struct history_write *history_writer(const struct history_checker *c, uint64_t object,
                                           int64_t value)
{
    struct history_write wanted = {.object = object, .value = value};

    return c->write_count == 0
               ? NULL
               : bsearch(&wanted, c->writes, c->write_count, sizeof *c->writes, compare_writes);
}

const struct history_write *history_writes_of(const struct history_checker *c, uint64_t object,
                                              size_t *count)
{
    size_t low = 0;
    size_t high = c->write_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->writes[middle].object < object) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < c->write_count && c->writes[low + *count].object == object) {
        ++*count;
    }
    return c->writes + low;
}
