/* SPDX-License-Identifier: Apache-2.0 */
/* Armillaria by row calls: transactions as handles, rows by key, no SQL. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transactions/ours.h"

enum { HISTORY_COLUMNS = 5 };

struct side_writer {
    arm_session *session;
    struct ours_rows key;     /* id */
    struct ours_rows row;     /* of events and big */
    struct ours_rows balance; /* of accounts, tellers, branches */
    struct ours_rows history;
    int64_t id;
    double amount;
    char note[SIDE_NOTE_BYTES];
    int32_t offsets[2];
    int64_t branch;
    int64_t sum;
    int64_t entry[HISTORY_COLUMNS];
    struct bulk {
        struct ours_rows rows;
        int64_t ids[UPSERT_ROWS];
        double amounts[UPSERT_ROWS];
        int32_t offsets[UPSERT_ROWS + 1];
        char notes[UPSERT_ROWS * SIDE_NOTE_BYTES];
    } bulk;
};

static struct ours_rows rows_of(size_t count, int64_t row_count, const struct ours_column *columns)
{
    struct ours_rows rows = {.column_count = count, .row_count = row_count};

    memcpy(rows.columns, columns, count * sizeof *columns);
    return rows;
}

static struct side_writer *open_writer(const char *where, void *shared)
{
    struct side_writer *w = calloc(1, sizeof *w);

    (void)where;
    if (w == NULL) {
        bench_fail("writer", "out of memory");
    }
    w->session = ours_session(shared);
    w->key = rows_of(1, 1, (struct ours_column[]){{"id", "l", &w->id, NULL}});
    w->row = rows_of(3, 1,
                     (struct ours_column[]){{"id", "l", &w->id, NULL},
                                            {"amount", "g", &w->amount, NULL},
                                            {"note", "u", w->note, w->offsets}});
    w->balance = rows_of(3, 1,
                         (struct ours_column[]){{"id", "l", &w->id, NULL},
                                                {"branch", "l", &w->branch, NULL},
                                                {"balance", "l", &w->sum, NULL}});
    w->history = rows_of(HISTORY_COLUMNS, 1,
                         (struct ours_column[]){{"id", "l", &w->entry[0], NULL},
                                                {"account", "l", &w->entry[1], NULL},
                                                {"teller", "l", &w->entry[2], NULL},
                                                {"branch", "l", &w->entry[3], NULL},
                                                {"delta", "l", &w->entry[4], NULL}});
    w->bulk.rows = rows_of(3, UPSERT_ROWS,
                           (struct ours_column[]){{"id", "l", w->bulk.ids, NULL},
                                                  {"amount", "g", w->bulk.amounts, NULL},
                                                  {"note", "u", w->bulk.notes, w->bulk.offsets}});
    return w;
}

static void close_writer(struct side_writer *w)
{
    arm_session_close(w->session);
    free(w);
}

static int64_t ask(struct side_writer *w, const char *sql)
{
    return ours_ask(w->session, sql);
}

/* ---- Calls ---- */

static arm_status put(arm_txn *txn, const char *table, struct ours_rows *rows,
                      struct arm_error *err)
{
    struct ArrowArrayStream stream = ours_stream(rows);

    return arm_put(txn, table, &stream, NULL, err);
}

/* The row with the writer's key, as the one row of `out`; ARM_NOT_FOUND. */
static arm_status get(struct side_writer *w, arm_txn *txn, const char *table,
                      struct ArrowArray *out, struct arm_error *err)
{
    struct ArrowArrayStream keys = ours_stream(&w->key);
    struct ArrowArrayStream rows;
    arm_status st = arm_get(txn, table, &keys, &rows, err);

    if (st != ARM_OK) {
        return st;
    }
    if (rows.get_next(&rows, out) != 0 || out->release == NULL) {
        (void)snprintf(err->message, sizeof err->message, "no row has key %lld in %s",
                       (long long)w->id, table);
        st = ARM_NOT_FOUND;
    }
    rows.release(&rows);
    return st;
}

static int64_t integer(const struct ArrowArray *row, int64_t column)
{
    const struct ArrowArray *values = row->children[column];

    return ((const int64_t *)values->buffers[1])[values->offset + row->offset];
}

/* ---- Acts ---- */

static void set_row(struct side_writer *w, const struct side_values *values)
{
    w->id = values->id;
    w->amount = values->amount;
    (void)snprintf(w->note, sizeof w->note, "%s", values->note);
    w->offsets[1] = (int32_t)strlen(w->note);
}

static arm_status add(struct side_writer *w, arm_txn *txn, const char *table, int64_t id,
                      int64_t delta, struct arm_error *err)
{
    struct ArrowArray row;
    arm_status st = ARM_OK;

    w->id = id;
    st = get(w, txn, table, &row, err);
    if (st != ARM_OK) {
        return st;
    }
    w->branch = integer(&row, 1);
    w->sum = integer(&row, 2) + delta;
    row.release(&row);
    return put(txn, table, &w->balance, err);
}

static arm_status transfer(struct side_writer *w, arm_txn *txn, const struct side_values *v,
                           struct arm_error *err)
{
    arm_status st = add(w, txn, "accounts", v->account, v->delta, err);

    if (st == ARM_OK) {
        st = add(w, txn, "tellers", v->teller, v->delta, err);
    }
    if (st == ARM_OK) {
        st = add(w, txn, "branches", v->branch, v->delta, err);
    }
    if (st == ARM_OK) {
        const int64_t entry[] = {v->id, v->account, v->teller, v->branch, v->delta};

        memcpy(w->entry, entry, sizeof entry);
        st = put(txn, "history", &w->history, err);
    }
    return st;
}

static arm_status look_up(struct side_writer *w, arm_txn *txn, const char *table,
                          struct arm_error *err)
{
    struct ArrowArray row;
    arm_status st = get(w, txn, table, &row, err);

    if (st == ARM_OK) {
        row.release(&row);
    }
    return st;
}

/* Rows change whole: what stays the same of one is read first. */
static arm_status update(struct side_writer *w, arm_txn *txn, double amount, struct arm_error *err)
{
    struct ArrowArray row;
    arm_status st = get(w, txn, "big", &row, err);
    const int32_t *offsets;

    if (st != ARM_OK) {
        return st;
    }
    offsets = (const int32_t *)row.children[2]->buffers[1] + row.children[2]->offset;
    w->amount = amount;
    w->offsets[1] = offsets[1] - offsets[0];
    memcpy(w->note, (const char *)row.children[2]->buffers[2] + offsets[0], (size_t)w->offsets[1]);
    row.release(&row);
    return put(txn, "big", &w->row, err);
}

static arm_status act_in(struct side_writer *w, arm_txn *txn, enum side_act act,
                         const struct side_values *values, struct arm_error *err)
{
    struct ArrowArrayStream keys;

    set_row(w, values);
    switch (act) {
    case ACT_INSERT:
        return put(txn, "events", &w->row, err);
    case ACT_UPDATE:
        return update(w, txn, values->amount, err);
    case ACT_DELETE:
        keys = ours_stream(&w->key);
        return arm_delete(txn, "big", &keys, NULL, err);
    case ACT_LOOKUP_HOT:
        return look_up(w, txn, "events", err);
    case ACT_LOOKUP:
        return look_up(w, txn, "big", err);
    case ACT_TRANSFER:
        return transfer(w, txn, values, err);
    case ACT_UPSERT:
        break; /* no row call */
    }
    return ARM_OK;
}

/* More rows than a row call takes: a write. */
static arm_status upsert(struct side_writer *w, const struct side_values *values,
                         struct arm_error *err)
{
    struct arm_write_options options = {.size = sizeof options, .mode = ARM_WRITE_UPSERT};
    struct ArrowArrayStream stream = ours_stream(&w->bulk.rows);
    int32_t end = 0;

    for (int32_t i = 0; i < UPSERT_ROWS; i++) {
        w->bulk.ids[i] = values->id + i;
        w->bulk.amounts[i] = values->amount;
        end += snprintf(w->bulk.notes + end, SIDE_NOTE_BYTES, "%s", values->note);
        w->bulk.offsets[i + 1] = end;
    }
    return arm_write(w->session, "big", &stream, &options, NULL, err);
}

static enum side_outcome run(struct side_writer *w, enum side_act act,
                             const struct side_values *values, char why[SIDE_WHY_BYTES])
{
    arm_txn *txn = NULL;
    struct arm_error err;
    arm_status st = ARM_OK;

    if (act == ACT_UPSERT) {
        return ours_outcome(upsert(w, values, &err), &err, why);
    }
    st = arm_txn_begin(w->session, NULL, &txn, &err);
    if (st == ARM_OK) {
        st = act_in(w, txn, act, values, &err);
        if (st == ARM_OK) {
            st = arm_txn_commit(txn, "bench", NULL, &err);
        } else {
            arm_txn_rollback(txn);
        }
    }
    return ours_outcome(st, &err, why);
}

const struct side side_rows = {
    .name = "armillaria, row calls",
    .make = ours_make,
    .share = ours_share,
    .unshare = ours_unshare,
    .open = open_writer,
    .close = close_writer,
    .run = run,
    .ask = ask,
};
