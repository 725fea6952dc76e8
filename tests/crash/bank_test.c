/* SPDX-License-Identifier: Apache-2.0 */
/* A bank: processes move money between accounts of two tables, each transfer one transaction that
 * reads both balances, writes both, and notes the transfer's number in a ledger; on a conflict it
 * is tried again. They are killed with SIGKILL at random and started anew; who comes after one that
 * was killed looks in the ledger whether the last transfer came through, and does it if not.
 * Meanwhile another process, killed as well, reads, compacts and collects garbage.
 *
 * Whoever looks, at any time: the total is what it was. At each start and in the end: every
 * transfer that was acknowledged is in the ledger, every one that was begun is there once, nothing
 * else is, and the balances are what the ledger makes of them. What was begun and acknowledged is
 * told to a file of each client's own, which outlives it.
 *
 * ARM_KILLS says how many; the seed is printed. The parent opens nothing itself: it forks. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/cmocka_all.h"
#include "support/sql_client.h"
#include "support/temp.h"

enum {
    KILLS_DEFAULT = 60,
    WRITERS = 3,
    SLOTS = WRITERS + 1, /* the last reads */
    ACCOUNTS = 12,       /* of each table */
    BALANCE = 1000,
    TOTAL = 2 * ACCOUNTS * BALANCE,
    AMOUNT_MAX = 400,
    NUMBERS_EACH = 1000000, /* of transfers of a slot */
    SQL_BYTES = 500,
    DELAY_US_MAX = 120000,
    UPKEEP_EVERY = 20,
};

struct bank {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct shared {
        atomic_bool stop; /* finish what is begun, and go */
        atomic_uint conflicts;
        atomic_uint found;  /* transfers of a killed process that had come through */
        atomic_uint redone; /* and that had not */
        atomic_uint readings;
    } *shared;
};

static void run(struct sql_client *client, const char *sql)
{
    child_must(sql_client_run(client, sql) == ARM_OK, sql, client->err.message);
}

static long long number(struct sql_client *client, const char *sql)
{
    run(client, sql);
    return strtoll(client->text, NULL, 10);
}

static void open_client(const struct bank *bank, struct sql_client *client)
{
    child_must(sql_client_open(client, bank->path) == ARM_OK, "open", client->err.message);
}

/* ---- A client's journal: "begin N" before, "done N" after it was acknowledged ---- */

struct journal {
    FILE *file;
    long long begun; /* the last; 0: none */
    long long done;  /* how many */
    bool is_open;    /* the last that was begun is not done */
};

static void journal_path(const struct bank *bank, unsigned slot, char out[TEMP_PATH_BYTES])
{
    char name[32];

    (void)snprintf(name, sizeof name, "journal-%u", slot);
    (void)temp_path(&bank->dir, name, out);
}

static struct journal read_journal(const struct bank *bank, unsigned slot)
{
    struct journal journal = {.file = NULL};
    char path[TEMP_PATH_BYTES];
    char line[64];

    journal_path(bank, slot, path);
    journal.file = fopen(path, "a+b");
    child_must(journal.file != NULL, path, "cannot be opened");
    child_must(fseek(journal.file, 0, SEEK_SET) == 0, path, "cannot be read");
    while (fgets(line, sizeof line, journal.file) != NULL) {
        journal.is_open = strncmp(line, "begin ", 6) == 0;
        if (journal.is_open) {
            journal.begun = strtoll(line + 6, NULL, 10);
        } else {
            journal.done++;
        }
    }
    return journal;
}

static void note(struct journal *journal, const char *word, long long transfer)
{
    (void)fprintf(journal->file, "%s %lld\n", word, transfer);
    child_must(fflush(journal->file) == 0, "journal", "cannot be written");
}

/* ---- Transfers ---- */

/* Accounts 0 .. ACCOUNTS-1 are in one table, those from there on in the other. */
static const char *table_of(unsigned account)
{
    return account < ACCOUNTS ? "giro" : "savings";
}

struct transfer {
    long long number;
    unsigned from;
    unsigned to;
    long long amount;
};

static struct transfer transfer_of(long long transfer)
{
    uint64_t mixed = (uint64_t)transfer * 0x9e3779b97f4a7c15U;
    unsigned from = (unsigned)(mixed >> 33) % (2 * ACCOUNTS);

    return (struct transfer){
        .number = transfer,
        .from = from,
        .to = (from + 1 + (unsigned)(mixed >> 13) % (2 * ACCOUNTS - 1)) % (2 * ACCOUNTS),
        .amount = (long long)(mixed >> 45) % AMOUNT_MAX,
    };
}

static arm_status read_balance(struct sql_client *client, unsigned account, long long *out)
{
    char sql[SQL_BYTES];
    arm_status st;

    (void)snprintf(sql, sizeof sql, "SELECT balance FROM %s WHERE id = %u", table_of(account),
                   account);
    st = sql_client_run(client, sql);
    if (st == ARM_OK) {
        child_must(client->text_size > 0, sql, "no such account");
        *out = strtoll(client->text, NULL, 10);
    }
    return st;
}

static arm_status write_balance(struct sql_client *client, unsigned account, long long balance)
{
    char sql[SQL_BYTES];

    (void)snprintf(sql, sizeof sql, "UPDATE %s SET balance = %lld WHERE id = %u", table_of(account),
                   balance, account);
    return sql_client_run(client, sql);
}

static arm_status try_transfer(struct sql_client *client, const struct transfer *transfer)
{
    char sql[SQL_BYTES];
    long long from = 0;
    long long to = 0;
    long long amount;
    arm_status st = sql_client_run(client, "BEGIN");

    st = st == ARM_OK ? read_balance(client, transfer->from, &from) : st;
    st = st == ARM_OK ? read_balance(client, transfer->to, &to) : st;
    amount = transfer->amount < from ? transfer->amount : from; /* no debts */
    st = st == ARM_OK ? write_balance(client, transfer->from, from - amount) : st;
    st = st == ARM_OK ? write_balance(client, transfer->to, to + amount) : st;
    (void)snprintf(sql, sizeof sql, "INSERT INTO ledger VALUES (%lld, %u, %u, %lld)",
                   transfer->number, transfer->from, transfer->to, amount);
    st = st == ARM_OK ? sql_client_run(client, sql) : st;
    return st == ARM_OK ? sql_client_run(client, "COMMIT") : st;
}

static void leave(struct sql_client *client)
{
    if (arm_session_in_transaction(client->session)) {
        run(client, "ROLLBACK");
    }
}

/* Until it is done. False: it had been, by a process that was killed: what such a one has appended
 * becomes a commit when another takes the log over, which may be after we looked. */
static bool do_transfer(const struct bank *bank, struct sql_client *client, long long number_of)
{
    struct transfer transfer = transfer_of(number_of);
    arm_status st;

    while ((st = try_transfer(client, &transfer)) != ARM_OK && st != ARM_CONSTRAINT) {
        child_must(st == ARM_CONFLICT, "transfer", client->err.message);
        atomic_fetch_add(&bank->shared->conflicts, 1);
        leave(client);
    }
    if (st == ARM_CONSTRAINT) {
        child_must(strstr(client->err.message, "ledger") != NULL, "transfer", client->err.message);
        leave(client);
    }
    return st == ARM_OK;
}

/* ---- Processes ---- */

/* What the one before left: all that was acknowledged is there; the last may be. */
static void take_over(const struct bank *bank, struct sql_client *client, unsigned slot,
                      struct journal *journal)
{
    char sql[SQL_BYTES];
    char text[100];
    long long there = 0;
    long long last = 0;

    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*), count(*) FILTER (WHERE id = %lld) FROM ledger "
                   "WHERE id > %lld AND id < %lld",
                   journal->begun, (long long)slot * NUMBERS_EACH,
                   (long long)(slot + 1) * NUMBERS_EACH);
    run(client, sql);
    child_must(sscanf(client->text, "%lld,%lld|", &there, &last) == 2, sql, client->text);
    (void)snprintf(text, sizeof text, "%lld of slot %u were acknowledged, %lld are there%s",
                   journal->done, slot, there, last > 0 ? ", the last too" : "");
    child_must(there == journal->done + (journal->is_open ? last : 0), "the ledger", text);
    child_must(last == 1 || journal->is_open || journal->begun == 0, "the last transfer", text);
    if (journal->is_open) {
        bool is_found = last > 0 || !do_transfer(bank, client, journal->begun);

        atomic_fetch_add(is_found ? &bank->shared->found : &bank->shared->redone, 1);
        note(journal, "done", journal->begun);
    }
}

static int be_writer(const void *context, unsigned slot)
{
    const struct bank *bank = context;
    struct journal journal = read_journal(bank, slot);
    struct sql_client client;
    long long next = journal.begun > 0 ? journal.begun : (long long)slot * NUMBERS_EACH;

    open_client(bank, &client);
    take_over(bank, &client, slot, &journal);
    while (!atomic_load(&bank->shared->stop)) {
        note(&journal, "begin", ++next);
        child_must(do_transfer(bank, &client, next), "a transfer", "was there before it was made");
        note(&journal, "done", next);
    }
    sql_client_close(&client);
    (void)fclose(journal.file);
    return 0;
}

/* Two statements of one snapshot, or one. */
static void read_total(struct sql_client *client, bool in_one)
{
    long long total;
    char text[100];

    if (in_one) {
        total = number(client, "SELECT (SELECT sum(balance) FROM giro) + "
                               "(SELECT sum(balance) FROM savings)");
    } else {
        run(client, "BEGIN");
        total = number(client, "SELECT sum(balance) FROM giro");
        total += number(client, "SELECT sum(balance) FROM savings");
        run(client, "COMMIT");
    }
    (void)snprintf(text, sizeof text, "%lld in place of %d", total, TOTAL);
    child_must(total == TOTAL, "the total", text);
}

static int be_reader(const void *context, unsigned slot)
{
    const struct bank *bank = context;
    struct arm_gc_options gc = {.size = sizeof gc, .grace_s = -1};
    struct sql_client client;

    (void)slot;
    open_client(bank, &client);
    for (unsigned i = 0; !atomic_load(&bank->shared->stop); i++) {
        read_total(&client, i % 2 == 0);
        child_must(number(&client, "SELECT count(*) - count(DISTINCT id) FROM ledger") == 0,
                   "a transfer", "is there twice");
        atomic_fetch_add(&bank->shared->readings, 1);
        if (i % UPKEEP_EVERY == UPKEEP_EVERY - 1) {
            child_must(arm_compact(client.session, NULL, NULL, NULL, &client.err) == ARM_OK,
                       "compact", client.err.message);
            child_must(arm_gc(client.repo, &gc, NULL, &client.err) == ARM_OK, "gc",
                       client.err.message);
        }
    }
    sql_client_close(&client);
    return 0;
}

static int be_founder(const void *context, unsigned unused)
{
    const struct bank *bank = context;
    struct sql_client client;
    char sql[SQL_BYTES];

    (void)unused;
    open_client(bank, &client);
    run(&client, "CREATE TABLE giro (id INTEGER PRIMARY KEY, balance BIGINT CHECK (balance >= 0))");
    run(&client, "CREATE TABLE savings (id INTEGER, balance BIGINT)");
    run(&client, "CREATE TABLE ledger (id BIGINT PRIMARY KEY, \"from\" INTEGER, \"to\" INTEGER, "
                 "amount BIGINT)");
    (void)snprintf(sql, sizeof sql, "INSERT INTO giro SELECT i, %d FROM range(%d) t(i)", BALANCE,
                   ACCOUNTS);
    run(&client, sql);
    (void)snprintf(sql, sizeof sql, "INSERT INTO savings SELECT i, %d FROM range(%d, %d) t(i)",
                   BALANCE, ACCOUNTS, 2 * ACCOUNTS);
    run(&client, sql);
    sql_client_close(&client);
    return 0;
}

static int be_judge(const void *context, unsigned unused)
{
    const struct bank *bank = context;
    struct arm_verify_options options = {.size = sizeof options, .full = true};
    struct arm_verify_result verified;
    struct sql_client client;
    char sql[SQL_BYTES];
    long long done = 0;

    (void)unused;
    open_client(bank, &client);
    read_total(&client, true);
    for (unsigned slot = 0; slot < WRITERS; slot++) {
        struct journal journal = read_journal(bank, slot);

        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM ledger WHERE id > %lld AND id <= %lld",
                       (long long)slot * NUMBERS_EACH, journal.begun);
        child_must(!journal.is_open && number(&client, sql) == journal.done, "the ledger",
                   "is not what was acknowledged");
        done += journal.done;
        (void)fclose(journal.file);
    }
    child_must(number(&client, "SELECT count(*) FROM ledger") == done, "the ledger", "has more");
    child_must(number(&client, "SELECT count(*) - count(DISTINCT id) FROM ledger") == 0,
               "a transfer", "is there twice");
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM (FROM giro UNION ALL FROM savings) a WHERE balance <> %d "
                   "+ (SELECT coalesce(sum(amount), 0) FROM ledger WHERE \"to\" = a.id) "
                   "- (SELECT coalesce(sum(amount), 0) FROM ledger WHERE \"from\" = a.id)",
                   BALANCE);
    child_must(number(&client, sql) == 0, "a balance", "is not what the ledger makes of it");
    child_must(arm_verify(client.repo, &options, &verified, &client.err) == ARM_OK &&
                   verified.is_healthy,
               "verify", "damage");
    (void)printf("%lld transfers\n", done);
    (void)fflush(stdout);
    sql_client_close(&client);
    return 0;
}

/* ---- The parent ---- */

static pid_t start_slot(const struct bank *bank, unsigned slot)
{
    return child_start(slot < WRITERS ? be_writer : be_reader, bank, slot);
}

static void test_bank_money_is_neither_made_nor_lost(void **state)
{
    unsigned kills = children_kills(KILLS_DEFAULT);
    unsigned seed = (unsigned)time(NULL);
    struct bank bank = {.dir = temp_dir_make()};
    pid_t slots[SLOTS];

    print_message("seed %u\n", seed);
    srand(seed);
    (void)temp_path(&bank.dir, "repo", bank.path);
    bank.shared = children_share(sizeof *bank.shared);
    child_wait(child_start(be_founder, &bank, 0));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        slots[slot] = start_slot(&bank, slot);
    }
    for (unsigned i = 0; i < kills; i++) {
        unsigned slot = (unsigned)rand() % SLOTS;

        nap_us(rand() % DELAY_US_MAX);
        child_kill(slots[slot]);
        slots[slot] = start_slot(&bank, slot);
    }
    atomic_store(&bank.shared->stop, true);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        child_wait(slots[slot]);
    }
    child_wait(child_start(be_judge, &bank, 0));
    print_message(
        "%u kills, %u conflicts, %u readings; of transfers in flight %u had come through, "
        "%u were done anew\n",
        kills, atomic_load(&bank.shared->conflicts), atomic_load(&bank.shared->readings),
        atomic_load(&bank.shared->found), atomic_load(&bank.shared->redone));
    assert_true(atomic_load(&bank.shared->readings) > 0);
    children_unshare(bank.shared, sizeof *bank.shared);
    temp_dir_remove(&bank.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bank_money_is_neither_made_nor_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
