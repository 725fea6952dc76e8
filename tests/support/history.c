/* SPDX-License-Identifier: Apache-2.0 */
/* Histories as text. */

#include "support/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/history_private.h"

static const char read_letters[HISTORY_KINDS] = {'l', 's', 'g'};
static const char *const words[HISTORY_OUTCOMES] = {"ok", "conflict", "rollback", "unknown"};
static const char write_letters[HISTORY_KINDS] = {'a', 'i', 'w'};

void *history_grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count == *capacity) {
        *capacity = *capacity == 0 ? 64 : 2 * *capacity;
        array = realloc(array, *capacity * size);
        history_require(array != NULL, "memory");
    }
    return array;
}

void history_require(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

/* ---- Reading ---- */

struct cursor {
    const char *at;
    const char *end; /* of the line */
};

static bool take(struct cursor *c, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0) {
        return false;
    }
    c->at += size;
    return true;
}

static bool take_number(struct cursor *c, int64_t *out)
{
    char *behind = NULL;

    if (c->at == c->end || !((*c->at >= '0' && *c->at <= '9') || *c->at == '-')) {
        return false;
    }
    *out = strtoll(c->at, &behind, 10);
    c->at = behind;
    return behind <= c->end;
}

static bool take_values(struct history *history, struct cursor *c, struct history_op *op)
{
    int64_t value = 0;

    op->first = history->value_count;
    while (take_number(c, &value)) {
        history->values = history_grow(history->values, history->value_count,
                                       &history->value_capacity, sizeof *history->values);
        history->values[history->value_count++] = value;
        op->count++;
        if (!take(c, ",")) {
            break;
        }
    }
    return op->kind != HISTORY_REGISTER || op->count == 1;
}

static bool take_op(struct history *history, struct cursor *c)
{
    struct history_op op = {.kind = HISTORY_KINDS};
    int64_t object = 0;
    bool good;

    for (int kind = 0; kind < HISTORY_KINDS && c->at < c->end; kind++) {
        if (*c->at == read_letters[kind] || *c->at == write_letters[kind]) {
            op.kind = (enum history_kind)kind;
            op.is_read = *c->at == read_letters[kind];
        }
    }
    c->at++;
    if (op.kind == HISTORY_KINDS || !take_number(c, &object)) {
        return false;
    }
    op.object = (uint32_t)object;
    good = op.is_read ? !take(c, "=") || take_values(history, c, &op)
                      : take(c, ":") && take_number(c, &op.value);
    history->ops =
        history_grow(history->ops, history->op_count, &history->op_capacity, sizeof *history->ops);
    history->ops[history->op_count++] = op;
    return good;
}

/* "c1 5-9 tx3", the end and the tx where they are known. */
static bool take_head(struct cursor *c, struct history_txn *txn)
{
    int64_t client = 0;
    int64_t begin = 0;
    int64_t end = 0;
    int64_t tx = 0;

    if (!take(c, " c") || !take_number(c, &client) || !take(c, " ") || !take_number(c, &begin)) {
        return false;
    }
    txn->client = (uint32_t)client;
    txn->begin_ns = (uint64_t)begin;
    txn->end_ns = UINT64_MAX;
    if (take(c, "-")) {
        if (!take_number(c, &end)) {
            return false;
        }
        txn->end_ns = (uint64_t)end;
    }
    if (take(c, " tx")) {
        if (!take_number(c, &tx)) {
            return false;
        }
        txn->tx = (uint64_t)tx;
    }
    return true;
}

/* What a client was about to do is replaced by what it did. */
static void add_txn(struct history *history, const struct history_txn *txn)
{
    size_t at = history->txn_count;

    while (at > 0 && history->txns[at - 1].client != txn->client) {
        at--;
    }
    if (at > 0 && history->txns[at - 1].is_pending) {
        history->txns[at - 1] = *txn;
        return;
    }
    history->txns = history_grow(history->txns, history->txn_count, &history->txn_capacity,
                                 sizeof *history->txns);
    history->txns[history->txn_count++] = *txn;
}

static bool take_line(struct history *history, struct cursor *c)
{
    struct history_txn txn = {.outcome = HISTORY_UNKNOWN, .first_op = history->op_count};
    int outcome = 0;

    while (outcome < HISTORY_OUTCOMES && !take(c, words[outcome])) {
        outcome++;
    }
    if (outcome < HISTORY_OUTCOMES) {
        txn.outcome = (enum history_outcome)outcome;
    } else if (take(c, "begin")) {
        txn.is_pending = true;
    } else {
        return false;
    }
    if (!take_head(c, &txn) || (txn.outcome != HISTORY_UNKNOWN && txn.end_ns == UINT64_MAX)) {
        return false;
    }
    txn.end_ns = txn.outcome == HISTORY_UNKNOWN ? UINT64_MAX : txn.end_ns;
    while (c->at < c->end) {
        if (!take(c, " ") || !take_op(history, c)) {
            return false;
        }
    }
    txn.op_count = history->op_count - txn.first_op;
    add_txn(history, &txn);
    return true;
}

bool history_add(struct history *history, const char *text, char bad[200])
{
    const char *end;

    for (const char *line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        struct cursor cursor = {line, end};

        if (line < end && !take_line(history, &cursor)) {
            (void)snprintf(bad, 200, "%.*s", (int)(end - line < 199 ? end - line : 199), line);
            return false;
        }
    }
    return true;
}

bool history_add_file(struct history *history, const char *path, char bad[200])
{
    FILE *file = fopen(path, "rb");
    char *text;
    long size;
    bool good;

    history_require(file != NULL && fseek(file, 0, SEEK_END) == 0, path);
    size = ftell(file);
    text = malloc((size_t)size + 1);
    history_require(size >= 0 && text != NULL && fseek(file, 0, SEEK_SET) == 0, path);
    history_require(fread(text, 1, (size_t)size, file) == (size_t)size, path);
    text[size] = '\0';
    (void)fclose(file);
    good = history_add(history, text, bad);
    free(text);
    return good;
}

void history_free(struct history *history)
{
    free(history->txns);
    free(history->ops);
    free(history->values);
    *history = (struct history){.txns = NULL};
}

/* ---- Telling ---- */

static size_t tell_op(const struct history *history, const struct history_op *op, char *out,
                      size_t size)
{
    int used;
    size_t at;

    if (!op->is_read) {
        used =
            snprintf(out, size, " %c%u:%" PRId64, write_letters[op->kind], op->object, op->value);
        return (size_t)used;
    }
    at = (size_t)snprintf(out, size, " %c%u=", read_letters[op->kind], op->object);
    for (size_t i = 0; i < op->count && at < size; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s%" PRId64, i == 0 ? "" : ",",
                               history->values[op->first + i]);
    }
    return at;
}

void history_tell(const struct history *history, size_t index, char *out, size_t size)
{
    const struct history_txn *txn = &history->txns[index];
    size_t at = (size_t)snprintf(out, size, "%s c%u %" PRIu64, words[txn->outcome], txn->client,
                                 txn->begin_ns);

    if (txn->end_ns != UINT64_MAX && at < size) {
        at += (size_t)snprintf(out + at, size - at, "-%" PRIu64, txn->end_ns);
    }
    if (txn->tx != 0 && at < size) {
        at += (size_t)snprintf(out + at, size - at, " tx%" PRIu64, txn->tx);
    }
    for (size_t i = 0; i < txn->op_count && at < size; i++) {
        at += tell_op(history, &history->ops[txn->first_op + i], out + at, size - at);
    }
}
