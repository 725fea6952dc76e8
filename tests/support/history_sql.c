/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a history by SQL: a list is a row whose LIST column grows, a set a row for each value,
 * a register a row that is overwritten. In every other round the tables have keys. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/history_door.h"
#include "support/history_private.h"
#include "support/sql_client.h"

enum { SQL_BYTES = 400 };

struct door {
    struct sql_client client;
    bool is_alone;
    uint64_t last_tx; /* of the session, when the transaction began */
};

void history_values_add(struct history_values *values, int64_t value)
{
    values->values =
        history_grow(values->values, values->count, &values->capacity, sizeof *values->values);
    values->values[values->count++] = value;
}

static bool has_key(unsigned round)
{
    return round % 2 == 1;
}

/* All three tables in one transaction. */
static arm_status make(void *self, unsigned round)
{
    static const char *const forms[] = {
        "BEGIN",
        "CREATE TABLE l%1$u (k INTEGER%2$s, v BIGINT[])",
        "INSERT INTO l%1$u SELECT i, [] FROM range(%3$d) t(i)",
        "CREATE TABLE g%1$u (k INTEGER%2$s, v BIGINT)",
        "INSERT INTO g%1$u SELECT i, 0 FROM range(%3$d) t(i)",
        "CREATE TABLE s%1$u (k INTEGER, v BIGINT)",
        "COMMIT",
    };
    struct door *door = self;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && st == ARM_OK; i++) {
        char sql[SQL_BYTES];

        (void)snprintf(sql, sizeof sql, forms[i], round, has_key(round) ? " PRIMARY KEY" : "",
                       HISTORY_ROUND_OBJECTS);
        st = sql_client_run(&door->client, sql);
    }
    return st;
}

static arm_status begin(void *self, bool alone)
{
    struct door *door = self;

    door->is_alone = alone;
    door->last_tx = arm_session_last_tx(door->client.session);
    return alone ? ARM_OK : sql_client_run(&door->client, "BEGIN");
}

/* Numbers of a text, whatever parts them. */
static void take_numbers(const char *text, struct history_values *out)
{
    while (*text != '\0') {
        char *behind = NULL;

        if (*text >= '0' && *text <= '9') {
            history_values_add(out, strtoll(text, &behind, 10));
            text = behind;
        } else {
            text++;
        }
    }
}

static arm_status read_object(void *self, enum history_kind kind, uint32_t object,
                              struct history_values *out)
{
    static const char letters[HISTORY_KINDS] = {'l', 's', 'g'};
    struct door *door = self;
    struct sql_client *client = &door->client;
    char sql[SQL_BYTES];
    arm_status st;

    (void)snprintf(sql, sizeof sql, "SELECT v FROM %c%u WHERE k = %u", letters[kind],
                   history_round_of(object), object % HISTORY_ROUND_OBJECTS);
    st = sql_client_run(client, sql);
    out->count = 0;
    if (st == ARM_OK) {
        take_numbers(client->text, out);
    }
    return st;
}

static arm_status write_object(void *self, enum history_kind kind, uint32_t object, int64_t value)
{
    struct door *door = self;
    unsigned round = history_round_of(object);
    unsigned k = object % HISTORY_ROUND_OBJECTS;
    long long v = value;
    char sql[SQL_BYTES];

    switch (kind) {
    case HISTORY_LIST:
        (void)snprintf(sql, sizeof sql, "UPDATE l%u SET v = list_append(v, %lld) WHERE k = %u",
                       round, v, k);
        break;
    case HISTORY_SET:
        (void)snprintf(sql, sizeof sql, "INSERT INTO s%u VALUES (%u, %lld)", round, k, v);
        break;
    default:
        (void)snprintf(sql, sizeof sql,
                       has_key(round) ? "INSERT INTO g%1$u VALUES (%2$u, %3$lld) "
                                        "ON CONFLICT (k) DO UPDATE SET v = excluded.v"
                                      : "UPDATE g%1$u SET v = %3$lld WHERE k = %2$u",
                       round, k, v);
        break;
    }
    return sql_client_run(&door->client, sql);
}

static arm_status commit(void *self, uint64_t *out_tx)
{
    struct door *door = self;
    arm_status st = door->is_alone ? ARM_OK : sql_client_run(&door->client, "COMMIT");
    uint64_t tx = arm_session_last_tx(door->client.session);

    *out_tx = tx != door->last_tx ? tx : 0;
    return st;
}

static void rollback(void *self)
{
    struct door *door = self;
    struct sql_client *client = &door->client;
    struct arm_error err = client->err;

    if (arm_session_in_transaction(client->session)) {
        (void)sql_client_run(client, "ROLLBACK");
    }
    client->err = err;
}

static arm_status compact(void *self)
{
    struct door *door = self;
    struct sql_client *client = &door->client;

    return arm_compact(client->session, NULL, NULL, NULL, &client->err);
}

static void close_door(void *self)
{
    struct door *door = self;

    sql_client_close(&door->client);
    free(door);
}

arm_status history_door_sql(const char *path, enum history_level level, struct history_door *out,
                            struct arm_error *err)
{
    struct door *door = calloc(1, sizeof *door);
    arm_status st;

    history_require(door != NULL, "memory");
    st = sql_client_open(&door->client, path);
    if (st == ARM_OK) { /* of operations that are alone */
        st = sql_client_run(&door->client, "SET arm_retries = 2");
    }
    if (st == ARM_OK && level == HISTORY_SERIALIZABLE) {
        st = sql_client_run(&door->client, "SET arm_isolation = 'serializable'");
    }
    *err = door->client.err;
    *out = (struct history_door){.self = door,
                                 .err = &door->client.err,
                                 .make = make,
                                 .begin = begin,
                                 .read = read_object,
                                 .write = write_object,
                                 .commit = commit,
                                 .rollback = rollback,
                                 .compact = compact,
                                 .close = close_door};
    if (st != ARM_OK) {
        close_door(door);
    }
    return st;
}
