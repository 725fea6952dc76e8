/* SPDX-License-Identifier: Apache-2.0 */
/* Armillaria by SQL: statements as text, and as EXECUTE of what was prepared. */

#include <stdio.h>
#include <stdlib.h>

#include "transactions/ours.h"

enum { SQL_BYTES = 400 };

struct side_writer {
    arm_session *session;
    bool is_prepared;
};

static const char *const preparations[] = {
    "PREPARE do_insert AS INSERT INTO events VALUES ($1, $2, $3)",
    "PREPARE do_update AS UPDATE big SET amount = $2 WHERE id = $1",
    "PREPARE do_delete AS DELETE FROM big WHERE id = $1",
    "PREPARE do_look_hot AS SELECT * FROM events WHERE id = $1",
    "PREPARE do_look AS SELECT * FROM big WHERE id = $1",
    ("PREPARE do_upsert AS INSERT INTO big SELECT range, $2, $3 FROM range($1, $1 + 10000)"
     " ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, note = excluded.note"),
    "PREPARE add_account AS UPDATE accounts SET balance = balance + $2 WHERE id = $1",
    "PREPARE add_teller AS UPDATE tellers SET balance = balance + $2 WHERE id = $1",
    "PREPARE add_branch AS UPDATE branches SET balance = balance + $2 WHERE id = $1",
    "PREPARE do_history AS INSERT INTO history VALUES ($1, $2, $3, $4, $5)",
};

static struct side_writer *open_writer(void *shared, bool is_prepared)
{
    struct side_writer *w = calloc(1, sizeof *w);

    if (w == NULL) {
        bench_fail("writer", "out of memory");
    }
    w->session = ours_session(shared);
    w->is_prepared = is_prepared;
    for (size_t i = 0; is_prepared && i < sizeof preparations / sizeof *preparations; i++) {
        (void)bench_session_run(w->session, preparations[i]);
    }
    return w;
}

static struct side_writer *open_prepared(const char *where, void *shared)
{
    (void)where;
    return open_writer(shared, true);
}

static struct side_writer *open_text(const char *where, void *shared)
{
    (void)where;
    return open_writer(shared, false);
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

/* ---- Statements ---- */

static void write_one(const struct side_writer *w, enum side_act act, const struct side_values *v,
                      char sql[SQL_BYTES])
{
    static const char *const texts[][2] = {
        [ACT_INSERT] = {"INSERT INTO events VALUES (%lld, %g, '%s')",
                        "EXECUTE do_insert(%lld, %g, '%s')"},
        [ACT_UPDATE] = {"UPDATE big SET amount = %2$g WHERE id = %1$lld",
                        "EXECUTE do_update(%lld, %g)"},
        [ACT_DELETE] = {"DELETE FROM big WHERE id = %lld", "EXECUTE do_delete(%lld)"},
        [ACT_LOOKUP_HOT] = {"SELECT * FROM events WHERE id = %lld", "EXECUTE do_look_hot(%lld)"},
        [ACT_LOOKUP] = {"SELECT * FROM big WHERE id = %lld", "EXECUTE do_look(%lld)"},
        [ACT_UPSERT] = {"INSERT INTO big SELECT range, %2$g, '%3$s' FROM range(%1$lld, %1$lld + "
                        "10000) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, note = "
                        "excluded.note",
                        "EXECUTE do_upsert(%lld, %g, '%s')"},
    };

    (void)snprintf(sql, SQL_BYTES, texts[act][w->is_prepared], (long long)v->id, v->amount,
                   v->note);
}

static arm_status transfer(const struct side_writer *w, const struct side_values *v,
                           struct arm_error *err)
{
    static const char *const texts[][2] = {
        {"UPDATE %1$s SET balance = balance + %2$lld WHERE id = %3$lld",
         "EXECUTE add_%1$s(%3$lld, %2$lld)"},
        {"INSERT INTO history VALUES (%lld, %lld, %lld, %lld, %lld)",
         "EXECUTE do_history(%lld, %lld, %lld, %lld, %lld)"},
    };
    const char *names[][2] = {
        {"accounts", "account"}, {"tellers", "teller"}, {"branches", "branch"}};
    const int64_t ids[] = {v->account, v->teller, v->branch};
    arm_status st = ours_run(w->session, "BEGIN", err);
    char sql[SQL_BYTES];

    for (size_t i = 0; st == ARM_OK && i < 3; i++) {
        (void)snprintf(sql, sizeof sql, texts[0][w->is_prepared], names[i][w->is_prepared],
                       (long long)v->delta, (long long)ids[i]);
        st = ours_run(w->session, sql, err);
    }
    if (st == ARM_OK) {
        (void)snprintf(sql, sizeof sql, texts[1][w->is_prepared], (long long)v->id,
                       (long long)v->account, (long long)v->teller, (long long)v->branch,
                       (long long)v->delta);
        st = ours_run(w->session, sql, err);
    }
    if (st == ARM_OK) {
        st = ours_run(w->session, "COMMIT", err);
    }
    if (st != ARM_OK && arm_session_in_transaction(w->session)) {
        (void)ours_run(w->session, "ROLLBACK", NULL);
    }
    return st;
}

static enum side_outcome run(struct side_writer *w, enum side_act act,
                             const struct side_values *values, char why[SIDE_WHY_BYTES])
{
    struct arm_error err;
    char sql[SQL_BYTES];

    if (act == ACT_TRANSFER) {
        return ours_outcome(transfer(w, values, &err), &err, why);
    }
    write_one(w, act, values, sql);
    if (act == ACT_LOOKUP || act == ACT_LOOKUP_HOT) {
        (void)bench_session_run(w->session, sql);
        return SIDE_DONE;
    }
    return ours_outcome(ours_run(w->session, sql, &err), &err, why);
}

const struct side side_prepared = {
    .name = "armillaria, prepared SQL",
    .make = ours_make,
    .share = ours_share,
    .unshare = ours_unshare,
    .open = open_prepared,
    .close = close_writer,
    .run = run,
    .ask = ask,
};

const struct side side_text = {
    .name = "armillaria, SQL text",
    .make = ours_make,
    .share = ours_share,
    .unshare = ours_unshare,
    .open = open_text,
    .close = close_writer,
    .run = run,
    .ask = ask,
};
