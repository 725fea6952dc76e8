/* SPDX-License-Identifier: Apache-2.0 */
#include "support/history_client.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/history_private.h"

enum {
    OPS_MAX = 5,
    VALUES_EACH = 10000000, /* of a client */
    ROLLBACK_OF_100 = 8,
    READ_ONLY_OF_100 = 15,
    SLOW_OF_100 = 50, /* pause within, so that others come between */
    PAUSE_US_MAX = 400,
    LINE_BYTES = 1 << 16,
};

struct run {
    const struct history_client *client;
    struct history_door *door;
    FILE *file;
    uint64_t random;
    int64_t next_value;
    struct history_op ops[HISTORY_KINDS * HISTORY_ROUND_OBJECTS];
    size_t op_count;
    size_t done; /* ops that were run */
    struct history_values reads[HISTORY_KINDS * HISTORY_ROUND_OBJECTS];
};

static uint64_t now_ns(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static unsigned random_below(struct run *run, unsigned n)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return (unsigned)(run->random >> 20) % n;
}

/* ---- Telling ---- */

static void tell_op(struct run *run, size_t i, bool with_values)
{
    static const char letters[2][HISTORY_KINDS] = {{'a', 'i', 'w'}, {'l', 's', 'g'}};
    const struct history_op *op = &run->ops[i];

    (void)fprintf(run->file, " %c%u", letters[op->is_read][op->kind], op->object);
    if (!op->is_read) {
        (void)fprintf(run->file, ":%" PRId64, op->value);
        return;
    }
    for (size_t k = 0; with_values && k < run->reads[i].count; k++) {
        (void)fprintf(run->file, "%s%" PRId64, k == 0 ? "=" : ",", run->reads[i].values[k]);
    }
    if (with_values && run->reads[i].count == 0) {
        (void)fprintf(run->file, "=");
    }
}

/* One write to the file a line: what was told survives the client. */
static int tell(struct run *run, const char *word, uint64_t begin_ns, uint64_t end_ns, uint64_t tx)
{
    bool is_over = end_ns != 0;

    (void)fprintf(run->file, "%s c%u %" PRIu64, word, run->client->number, begin_ns);
    if (is_over) {
        (void)fprintf(run->file, "-%" PRIu64, end_ns);
    }
    if (tx != 0) {
        (void)fprintf(run->file, " tx%" PRIu64, tx);
    }
    for (size_t i = 0; i < (is_over ? run->done : run->op_count); i++) {
        tell_op(run, i, is_over);
    }
    (void)fputc('\n', run->file);
    return fflush(run->file) == 0 ? 0 : 3;
}

/* ---- Transactions ---- */

static void plan(struct run *run, unsigned round)
{
    bool is_read_only = random_below(run, 100) < READ_ONLY_OF_100;

    run->op_count = 1 + random_below(run, OPS_MAX);
    for (size_t i = 0; i < run->op_count; i++) {
        unsigned low = random_below(run, HISTORY_ROUND_OBJECTS);
        unsigned high = random_below(run, HISTORY_ROUND_OBJECTS);

        run->ops[i] = (struct history_op){
            .kind = (enum history_kind)random_below(run, HISTORY_KINDS),
            .is_read = is_read_only || random_below(run, 2) == 0,
            /* Some objects are visited more than others. */
            .object = round * HISTORY_ROUND_OBJECTS + (low < high ? low : high),
            .value = run->next_value,
        };
        run->next_value += run->ops[i].is_read ? 0 : 1;
    }
}

static arm_status run_op(struct run *run, size_t i)
{
    struct history_door *door = run->door;
    const struct history_op *op = &run->ops[i];

    return op->is_read ? door->read(door->self, op->kind, op->object, &run->reads[i])
                       : door->write(door->self, op->kind, op->object, op->value);
}

static void pause_a_little(struct run *run)
{
    struct timespec time = {.tv_nsec = 1000L * random_below(run, PAUSE_US_MAX)};

    (void)nanosleep(&time, NULL);
}

/* The planned operations; `*out_tx` if they were committed. */
static arm_status run_planned(struct run *run, bool gives_up, uint64_t *out_tx)
{
    bool is_slow = random_below(run, 100) < SLOW_OF_100;
    bool is_alone = run->op_count == 1 && !gives_up && random_below(run, 2) == 0;
    struct history_door *door = run->door;
    arm_status st = door->begin(door->self, is_alone);

    run->done = 0;
    while (st == ARM_OK && run->done < run->op_count) {
        if (is_slow) {
            pause_a_little(run);
        }
        st = run_op(run, run->done);
        run->done += st == ARM_OK ? 1 : 0;
    }
    if (st == ARM_OK && !gives_up) {
        st = door->commit(door->self, out_tx);
    }
    if (st != ARM_OK || gives_up) {
        door->rollback(door->self);
    }
    return st;
}

static int run_one(struct run *run, bool gives_up)
{
    uint64_t begin_ns = now_ns();
    uint64_t tx = 0;
    arm_status st;

    if (tell(run, "begin", begin_ns, 0, 0) != 0) {
        return 3;
    }
    st = run_planned(run, gives_up, &tx);
    if (st != ARM_OK && st != ARM_CONFLICT && st != ARM_COMMIT_UNKNOWN) {
        (void)fprintf(stderr, "client %u: %s: %s\n", run->client->number, arm_status_name(st),
                      run->door->err->message);
        return 4;
    }
    return tell(run,
                st == ARM_COMMIT_UNKNOWN ? "unknown"
                : st == ARM_CONFLICT     ? "conflict"
                : gives_up               ? "rollback"
                                         : "ok",
                begin_ns, now_ns(), tx);
}

static bool open_run(struct run *run, const struct history_client *client,
                     struct history_door *door)
{
    *run = (struct run){.client = client,
                        .door = door,
                        .file = fopen(client->file, "wb"),
                        .random = client->seed * 2654435761U + client->number,
                        .next_value = (int64_t)client->number * VALUES_EACH + 1};
    if (run->file == NULL) {
        perror(client->file);
        return false;
    }
    return setvbuf(run->file, NULL, _IOFBF, LINE_BYTES) == 0;
}

static int close_run(struct run *run, int status)
{
    if (run->file != NULL && fclose(run->file) != 0 && status == 0) {
        status = 3;
    }
    for (size_t i = 0; i < sizeof run->reads / sizeof run->reads[0]; i++) {
        free(run->reads[i].values);
    }
    return status;
}

int history_client_run(const struct history_client *client, struct history_door *door)
{
    struct run run;
    int status = open_run(&run, client, door) ? 0 : 3;

    while (status == 0) {
        unsigned begun = atomic_fetch_add(client->begun, 1);

        if (begun >= client->txns) {
            break;
        }
        plan(&run, (unsigned)((uint64_t)begun * client->rounds / client->txns));
        status = run_one(&run, random_below(&run, 100) < ROLLBACK_OF_100);
    }
    return close_run(&run, status);
}

int history_client_read_all(const struct history_client *client, struct history_door *door)
{
    struct run run;
    int status = open_run(&run, client, door) ? 0 : 3;

    for (unsigned round = 0; round < client->rounds && status == 0; round++) {
        run.op_count = 0;
        for (int kind = 0; kind < HISTORY_KINDS; kind++) {
            for (uint32_t k = 0; k < HISTORY_ROUND_OBJECTS; k++) {
                run.ops[run.op_count++] =
                    (struct history_op){.kind = (enum history_kind)kind,
                                        .is_read = true,
                                        .object = round * HISTORY_ROUND_OBJECTS + k};
            }
        }
        status = run_one(&run, false);
    }
    return close_run(&run, status);
}
