/* SPDX-License-Identifier: Apache-2.0 */
/* Steps on a repository on a power disk. Whatever goes through the disk hands its status on, for
 * the disk may be made to fail. */

#include "support/power_play.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "commit/commit_private.h"
#include "commit/gc.h"
#include "log/log_private.h"
#include "support/power_consumer.h"
#include "support/power_loose.h"
#include "support/power_merge.h"
#include "support/power_rows.h"
#include "support/power_tell.h"
#include "table/compact.h"
#include "txn/txn_fixture.h"

enum { WIDE_BYTES = (1 << 20) + 100000, PAIR_WAIT_US = 5000000 };

/* ---- Worlds ---- */

struct play_engines play_engines_open(bool by_sql)
{
    /* By SQL on one thread: operations come in one order. */
    struct arm_engine_options options = {.thread_count = by_sql ? 1 : 2};
    struct play_engines engines = {.after = NULL};
    struct arm_error err = {0};

    assert_ok(arm__engine_open(&options, &engines.engine, &err), err);
    if (by_sql) {
        assert_ok(arm__duck_register(engines.engine, &err), err);
        assert_ok(arm__engine_open(&options, &engines.after, &err), err);
        assert_ok(arm__duck_register(engines.after, &err), err);
    }
    return engines;
}

void play_engines_close(struct play_engines *engines)
{
    arm__engine_close(engines->engine);
    arm__engine_close(engines->after);
}

struct play play_new(const struct play_engines *engines)
{
    struct play play = {.dir = temp_dir_make(),
                        .engine = engines->engine,
                        .engine_after = engines->after,
                        .branch = "main"};

    play.halves = PLAY_BOTH;
    play.disk = power_disk_new(play.dir.path);
    (void)temp_path(&play.dir, "repository", play.path);
    return play;
}

struct play play_after(struct play *play, const struct power_cut *cut)
{
    struct play after = {.dir = temp_dir_make(),
                         .engine = play->engine_after != NULL ? play->engine_after : play->engine,
                         .engine_after = play->engine_after,
                         .branch = "main",
                         .segment_bytes_max = play->segment_bytes_max,
                         .halves = PLAY_BOTH};

    (void)temp_path(&after.dir, "repository", after.path);
    after.disk = power_disk_cut(play->disk, cut, after.dir.path);
    return after;
}

struct play play_clone(struct play *play)
{
    static const struct power_cut kill = {POWER_KEEP, POWER_KILL, 1};
    struct play clone = play_after(play, &kill);

    clone.engine = play->engine;
    return clone;
}

static void close_sql(struct play *play)
{
    power_sql_close(play->sql);
    play->sql = NULL;
}

void play_free(struct play *play)
{
    power_disk_hook(play->disk, NULL, NULL);
    power_disk_fail(play->disk, 0, 0, POWER_ONCE);
    close_sql(play);
    if (play->repository != NULL) {
        arm__repository_detach(play->repository);
    }
    power_disk_free(play->disk);
    temp_dir_remove(&play->dir);
}

/* ---- Transactions ---- */

static arm_status begin(struct play *play, struct arm_transaction **out, struct arm_error *err)
{
    struct arm_snapshot at;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(play->repository, true, err));
    ARM_TRY(
        arm__catalog_snapshot(arm__repository_catalog(play->repository), play->branch, &at, err));
    ARM_TRY(arm__txn_begin(play->repository, play->engine, &at, false, out, err));
done:
    return st;
}

/* Commits if all went well so far; the transaction is gone either way. */
static arm_status end(struct play *play, struct arm_transaction *txn, const char *message,
                      arm_status st, struct arm_error *err)
{
    struct arm_commit_result result;

    if (txn == NULL) {
        return st;
    }
    if (st != ARM_OK) {
        arm__txn_rollback(txn);
        return st;
    }
    st = arm__txn_commit(txn, message, &result, err);
    if (st == ARM_COMMIT_UNKNOWN) {
        memcpy(play->commit_id.bytes, err->commit_id, sizeof play->commit_id.bytes);
    }
    return st;
}

static struct rows numbers(struct play *play, int64_t from, int64_t to)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "SELECT i AS id FROM range(%lld, %lld) t(i)", (long long)from,
                   (long long)to);
    return rows_of(play->engine, sql);
}

static arm_status write_rows(struct play *play, const struct rows *rows, bool no_hot,
                             struct arm_written *out, struct arm_error *err)
{
    struct arm_writer_options options = {.repository = play->repository,
                                         .engine = play->engine,
                                         .schema = rows->schema,
                                         .table = "t",
                                         .no_hot = no_hot};
    struct arm_writer *writer = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__writer_new(&options, &writer, err));
    for (size_t i = 0; i < rows->count; i++) {
        ARM_TRY(arm__writer_push(writer, rows->chunks[i], err));
    }
    st = arm__writer_finish(writer, out, err);
    writer = NULL;
done:
    arm__writer_abort(writer);
    return st;
}

static arm_status create(struct play *play, struct arm_transaction *txn, const char *name,
                         struct arm_error *err)
{
    struct rows rows = numbers(play, 0, 0);
    arm_status st = arm__txn_create_table(txn, "main", name, rows.schema, false, err);

    rows_free(&rows);
    return st;
}

static arm_status insert(struct play *play, struct arm_transaction *txn,
                         const struct play_step *step, struct arm_error *err)
{
    struct rows rows = numbers(play, step->from, step->to);
    struct arm_written written = {.rows = 0};
    arm_status st = ARM_OK;

    ARM_TRY(write_rows(play, &rows, step->op == PLAY_CHUNK, &written, err));
    ARM_TRY(step->op == PLAY_REPLACE
                ? arm__txn_replace(txn, "main", step->name, NULL, &written, err)
                : arm__txn_append(txn, "main", step->name, &written, err));
done:
    arm__written_release(&written);
    rows_free(&rows);
    return st;
}

static arm_status delete_rows(struct arm_transaction *txn, const struct play_step *step,
                              struct arm_error *err)
{
    const struct arm_view *view = NULL;
    roaring_bitmap_t **bits = NULL;
    uint64_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_view(txn, "main", step->name, &view, err));
    bits = calloc(view->entry_count + 1, sizeof *bits);
    for (size_t i = 0; i < view->entry_count; i++) {
        uint64_t end = (uint64_t)step->to;

        end = end < view->entries[i].rows ? end : view->entries[i].rows;
        bits[i] = roaring_bitmap_create();
        roaring_bitmap_add_range(bits[i], (uint64_t)step->from, end);
    }
    ARM_TRY(arm__txn_delete(txn, view, bits, &count, err));
done:
    for (size_t i = 0; bits != NULL && i < view->entry_count; i++) {
        roaring_bitmap_free(bits[i]);
    }
    free(bits);
    arm__view_drop(view);
    return st;
}

static arm_status several(struct play *play, struct arm_transaction *txn,
                          const struct play_step *step, struct arm_error *err)
{
    struct play_step deletion = {PLAY_DELETE, step->name, 0, 2, NULL};
    struct play_step small = {PLAY_INSERT, "small", 0, 7, NULL};
    struct play_step large = {PLAY_CHUNK, "large", 0, 300, NULL};
    arm_status st = ARM_OK;

    ARM_TRY(insert(play, txn, step, err));
    ARM_TRY(delete_rows(txn, &deletion, err));
    ARM_TRY(create(play, txn, small.name, err));
    ARM_TRY(insert(play, txn, &small, err));
    ARM_TRY(create(play, txn, large.name, err));
    ARM_TRY(insert(play, txn, &large, err));
done:
    return st;
}

/* One commit. */
static arm_status change(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct arm_transaction *txn = NULL;
    char *message = NULL;
    arm_status st = begin(play, &txn, err);

    if (st == ARM_OK) {
        switch (step->op) {
        case PLAY_TABLE:
            st = create(play, txn, step->name, err);
            break;
        case PLAY_DELETE:
            st = delete_rows(txn, step, err);
            break;
        case PLAY_UPDATE:
            st = power_update(play->repository, play->engine, txn, step->name, (uint64_t)step->from,
                              (uint64_t)step->to, err);
            break;
        case PLAY_DROP:
            st = arm__txn_drop_table(txn, "main", step->name, err);
            break;
        case PLAY_SEVERAL:
            st = several(play, txn, step, err);
            break;
        case PLAY_CONSUMED:
            st = insert(play, txn, &(struct play_step){PLAY_INSERT, step->name, 0, 3, NULL}, err);
            st = st == ARM_OK ? power_consumed(play, txn, step, err) : st;
            break;
        case PLAY_USING:
            st = insert(play, txn, step, err);
            st = st == ARM_OK ? power_using(txn, step, err) : st;
            break;
        case PLAY_WIDE:
            message = malloc(WIDE_BYTES + 1);
            assert(message != NULL);
            memset(message, 'm', WIDE_BYTES);
            message[WIDE_BYTES] = '\0';
            st = insert(play, txn, step, err);
            break;
        default:
            st = insert(play, txn, step, err);
            break;
        }
    }
    st = end(play, txn, message == NULL ? "m" : message, st, err);
    free(message);
    return st;
}

/* ---- Two threads ---- */

struct half {
    struct play *play;
    struct play_step step;
    int number;
    arm_status st;
    struct arm_error err;
};

static void *run_half(void *argument)
{
    struct half *half = argument;

    half->st = change(half->play, &half->step, &half->err);
    if (half->st == ARM_OK) {
        (void)atomic_fetch_or(&half->play->halves_done, half->number);
    }
    return NULL;
}

static arm_status together(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct half first = {.play = play,
                         .step = {PLAY_INSERT, step->name, step->from, step->to, NULL},
                         .number = PLAY_FIRST};
    struct half second = first;
    pthread_t thread;
    int rc;

    second.step.name = step->other;
    second.number = PLAY_SECOND;
    atomic_store(&play->halves_done, 0);
    if (play->halves != PLAY_BOTH) {
        (void)run_half(play->halves == PLAY_FIRST ? &first : &second);
    } else {
        rc = pthread_create(&thread, NULL, run_half, &second);
        assert(rc == 0);
        (void)run_half(&first);
        rc = pthread_join(thread, NULL);
        assert(rc == 0);
        (void)rc;
    }
    *err = first.st != ARM_OK ? first.err : second.err;
    return first.st != ARM_OK ? first.st : second.st;
}

/* ---- Refs ---- */

static arm_status change_ref(struct play *play, const struct play_step *step, struct arm_error *err)
{
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    struct arm_snapshot at;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(play->repository, true, err));
    change.kind = step->op == PLAY_TAG || step->op == PLAY_DROP_TAG ? ARMPB__REF_KIND__TAG
                                                                    : ARMPB__REF_KIND__BRANCH;
    change.name = arm__commit_unconst(step->name);
    change.action = ARMPB__REF_ACTION__REF_DROP;
    if (step->op == PLAY_RENAME) {
        change.action = ARMPB__REF_ACTION__REF_RENAME;
        change.new_name = arm__commit_unconst(step->other);
    } else if (step->op == PLAY_BRANCH || step->op == PLAY_TAG) {
        change.action = ARMPB__REF_ACTION__REF_CREATE;
        ARM_TRY(arm__catalog_snapshot(arm__repository_catalog(play->repository), "main", &at, err));
        change.has_from_branch_id = true;
        change.from_branch_id = at.branch_id;
        change.has_from_tx = true;
        change.from_tx = at.tx;
    }
    st = arm__commit_ref(play->repository, &change, &tx, err);
    if (st == ARM_COMMIT_UNKNOWN) {
        memcpy(play->commit_id.bytes, err->commit_id, sizeof play->commit_id.bytes);
    }
done:
    return st;
}

/* ---- By SQL ---- */

/* Opening attaches the repository, which reads it and pins what it reads: a disk that fails may
 * refuse that. */
static arm_status open_sql(struct play *play, struct arm_error *err)
{
    return play->sql != NULL ? ARM_OK
                             : power_sql_open(play->repository, play->engine, &play->sql, err);
}

/* Of a disk that does not fail. */
static struct power_sql *play_sql(struct play *play)
{
    struct arm_error err = {0};

    assert_ok(open_sql(play, &err), err);
    return play->sql;
}

static arm_status take_number(struct play *play, const char *sequence, struct arm_error *err)
{
    char text[100];
    int64_t number = 0;
    arm_status st = ARM_OK;

    (void)snprintf(text, sizeof text, "SELECT nextval('%s')", sequence);
    ARM_TRY(power_sql_number(play->sql, text, &number, err));
    play->handed = number > play->handed ? number : play->handed;
done:
    return st;
}

const char *play_check_sql(struct play *play, bool numbers, int64_t handed)
{
    struct arm_error err = {0};
    int64_t stored = 0;
    int64_t next = 0;

    if (numbers) {
        assert_ok(power_sql_number(play_sql(play), "SELECT coalesce(max(serial), 0) FROM q",
                                   &stored, &err),
                  err);
        assert_ok(power_sql_number(play_sql(play), "SELECT nextval('s')", &next, &err), err);
        if (next <= stored || next <= handed) {
            return "a number of a sequence was given twice";
        }
    }
    return power_sql_check_keys(play_sql(play));
}

static arm_status change_by_sql(struct play *play, const struct play_step *step,
                                struct arm_error *err)
{
    struct power_sql *sql;
    arm_status st = ARM_OK;

    ARM_TRY(open_sql(play, err));
    sql = play->sql;
    switch (step->op) {
    case PLAY_IMPORT:
        st = power_sql_write(sql, step->name, ARM_WRITE_CREATE, step->from, step->to, "new", err);
        break;
    case PLAY_UPSERT:
        st = power_sql_write(sql, step->name, ARM_WRITE_UPSERT, step->from, step->to, "again", err);
        break;
    case PLAY_ROW_CALLS:
        st = power_sql_row_calls(sql, step->name, step->from, step->to, err);
        break;
    case PLAY_NEXTVAL:
        st = take_number(play, step->name, err);
        break;
    default:
        st = power_sql_run(sql, step->name, err);
        break;
    }
    if (st == ARM_COMMIT_UNKNOWN) {
        memcpy(play->commit_id.bytes, err->commit_id, sizeof play->commit_id.bytes);
    }
done:
    return st;
}

/* ---- The repository itself ---- */

static arm_status open_repository(struct play *play, bool pairs, struct arm_error *err)
{
    struct arm_repository_options options = {.io = power_disk_io(play->disk)};
    arm_status st;

    if (pairs) {
        options.epoch = (struct arm_epoch_config){PAIR_WAIT_US, 2};
    }
    st = arm__repository_open(play->path, &options, &play->repository, err);
    if (st == ARM_OK && play->segment_bytes_max != 0) {
        arm__repository_log(play->repository)->segment_bytes_max = play->segment_bytes_max;
    }
    return st;
}

static void lose_index(struct play *play)
{
    static const char *const names[] = {"repository/index/data.mdb", "repository/index/lock.mdb",
                                        "repository/index/trust", "repository/index/lock",
                                        "repository/index/damage"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[TEMP_PATH_BYTES];

        (void)unlink(temp_path(&play->dir, names[i], path));
    }
}

static arm_status compact(struct play *play, struct arm_error *err)
{
    struct arm_compact_job job = {
        .repository = play->repository, .engine = play->engine, .branch = "main"};
    struct arm_compact_report report;

    return arm__compact(&job, &report, err);
}

static arm_status litter(struct play *play, struct arm_error *err)
{
    struct arm_store *store = arm__repository_store(play->repository);
    struct arm_hash chunk;
    arm_status st = arm__store_put(store, arm__bytes("litter", 6), &chunk, NULL, err);

    if (st == ARM_OK) {
        arm__store_lease_drop(store, &chunk);
    }
    return st;
}

static arm_status collect(struct play *play, bool gives_up, struct arm_error *err)
{
    struct arm_gc_request request = {.until_us = gives_up ? INT64_MAX : 0};
    struct arm_gc_report report;

    return arm__repository_gc(play->repository, &request, &report, err);
}

arm_status play_step(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct arm_recovery_report report;

    switch (step->op) {
    case PLAY_CREATE:
        return arm__repository_create(power_disk_io(play->disk), play->path, err);
    case PLAY_OPEN:
    case PLAY_OPEN_PAIRS:
        return open_repository(play, step->op == PLAY_OPEN_PAIRS, err);
    case PLAY_CLOSE:
        close_sql(play);
        arm__repository_close(play->repository);
        play->repository = NULL;
        return ARM_OK;
    case PLAY_ABANDON:
        close_sql(play);
        arm__repository_detach(play->repository);
        play->repository = NULL;
        return ARM_OK;
    case PLAY_LOSE_INDEX:
        lose_index(play);
        return ARM_OK;
    case PLAY_RECOVER:
        return arm__repository_recover(play->repository, &report, err);
    case PLAY_CHECKPOINT:
        return arm__repository_checkpoint(play->repository, err);
    case PLAY_COMPACT:
        return compact(play, err);
    case PLAY_LITTER:
        return litter(play, err);
    case PLAY_GC:
    case PLAY_GIVE_UP:
        return collect(play, step->op == PLAY_GIVE_UP, err);
    case PLAY_ON_BRANCH:
        play->branch = step->name;
        return ARM_OK;
    case PLAY_BRANCH:
    case PLAY_RENAME:
    case PLAY_DROP_BRANCH:
    case PLAY_TAG:
    case PLAY_DROP_TAG:
        return change_ref(play, step, err);
    case PLAY_CONSUMER:
        return power_consumer(play, step, err);
    case PLAY_KEEP:
    case PLAY_LET_GO:
    case PLAY_MOVE:
        return power_loose(play, step, err);
    case PLAY_MERGE:
        return power_merge(play, step, err);
    case PLAY_TOGETHER:
        return together(play, step, err);
    case PLAY_SQL:
    case PLAY_IMPORT:
    case PLAY_UPSERT:
    case PLAY_ROW_CALLS:
    case PLAY_NEXTVAL:
        return change_by_sql(play, step, err);
    default:
        return change(play, step, err);
    }
}

/* ---- Telling ---- */

void play_tell(struct play *play, struct arm_buf *out)
{
    if (play->engine_after != NULL) {
        power_sql_tell(play_sql(play), out);
    } else {
        power_tell(play->repository, play->engine, out);
    }
}

char *play_told(struct play *play)
{
    struct arm_buf text = ARM_BUF_INIT(PLAY_TEXT_BYTES_MAX);
    char *copy;

    play_tell(play, &text);
    copy = strdup((const char *)text.data);
    arm__buf_release(&text);
    assert_non_null(copy);
    return copy;
}
