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
#include "support/power_rows.h"
#include "table/compact.h"
#include "txn/txn_fixture.h"

enum { WIDE_BYTES = (1 << 20) + 100000, PAIR_WAIT_US = 5000000 };

/* ---- Worlds ---- */

struct play play_new(struct arm_engine *engine)
{
    struct play play = {.dir = temp_dir_make(), .engine = engine, .branch = "main"};

    play.halves = PLAY_BOTH;
    play.disk = power_disk_new(play.dir.path);
    (void)temp_path(&play.dir, "repository", play.path);
    return play;
}

struct play play_after(struct play *play, const struct power_cut *cut)
{
    struct play after = {.dir = temp_dir_make(),
                         .engine = play->engine,
                         .branch = "main",
                         .segment_bytes_max = play->segment_bytes_max,
                         .halves = PLAY_BOTH};

    (void)temp_path(&after.dir, "repository", after.path);
    after.disk = power_disk_cut(play->disk, cut, after.dir.path);
    return after;
}

void play_free(struct play *play)
{
    power_disk_hook(play->disk, NULL, NULL);
    power_disk_fail(play->disk, 0, 0, POWER_ONCE);
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

static arm_status collect(struct play *play, struct arm_error *err)
{
    struct arm_gc_request request = {.grace_us = 0};
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
        arm__repository_close(play->repository);
        play->repository = NULL;
        return ARM_OK;
    case PLAY_ABANDON:
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
        return collect(play, err);
    case PLAY_ON_BRANCH:
        play->branch = step->name;
        return ARM_OK;
    case PLAY_BRANCH:
    case PLAY_RENAME:
    case PLAY_DROP_BRANCH:
    case PLAY_TAG:
    case PLAY_DROP_TAG:
        return change_ref(play, step, err);
    case PLAY_TOGETHER:
        return together(play, step, err);
    default:
        return change(play, step, err);
    }
}

/* ---- Telling ---- */

struct telling {
    struct play *play;
    struct arm_transaction *txn;
    struct arm_buf *out;
};

static arm_status tell_table(void *context, const char *schema_name, const char *name,
                             struct arm_error *err)
{
    struct telling *telling = context;
    const struct arm_view *view = NULL;
    char hex[ARM_HASH_HEX + 1];
    struct arm_hash hash;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_view(telling->txn, schema_name, name, &view, err));
    hash = power_hash_rows(telling->play->repository, telling->play->engine, view);
    arm__hash_hex(&hash, hex);
    ARM_TRY(arm__buf_printf(telling->out, err, "  %s.%s version %llu, %llu rows, %.16s\n",
                            schema_name, name, (unsigned long long)view->version,
                            (unsigned long long)view->live_rows, hex));
done:
    arm__view_drop(view);
    return st;
}

struct ref_names {
    char names[16][256];
    size_t count;
};

static arm_status add_ref(void *context, const char *name, const struct arm_ref_row *row,
                          struct arm_error *err)
{
    struct ref_names *refs = context;

    (void)row;
    (void)err;
    assert_true(refs->count < sizeof refs->names / sizeof *refs->names);
    (void)snprintf(refs->names[refs->count++], sizeof refs->names[0], "%s", name);
    return ARM_OK;
}

static void tell_refs(struct play *play, Armpb__RefKind kind, struct arm_buf *out)
{
    struct arm_catalog *catalog = arm__repository_catalog(play->repository);
    struct telling telling = {.play = play, .out = out};
    struct arm_index_txn *txn = NULL;
    struct arm_snapshot main_now;
    struct ref_names refs = {.count = 0};
    struct arm_error err = {0};

    assert_ok(arm__catalog_snapshot(catalog, "main", &main_now, &err), err);
    assert_ok(arm__index_read(arm__repository_index(play->repository), &txn, &err), err);
    assert_ok(arm__index_refs(txn, kind, main_now.tx, add_ref, &refs, &err), err);
    arm__index_abort(txn);
    for (size_t i = 0; i < refs.count; i++) {
        struct arm_snapshot at;

        assert_ok(arm__catalog_resolve(catalog, &main_now, refs.names[i], &at, &err), err);
        assert_ok(arm__buf_printf(out, &err, "%s %s\n",
                                  kind == ARMPB__REF_KIND__TAG ? "tag" : "branch", refs.names[i]),
                  err);
        assert_ok(arm__txn_begin(play->repository, play->engine, &at, true, &telling.txn, &err),
                  err);
        assert_ok(arm__txn_tables(telling.txn, tell_table, &telling, &err), err);
        arm__txn_rollback(telling.txn);
    }
}

void play_tell(struct play *play, struct arm_buf *out)
{
    arm__buf_clear(out);
    tell_refs(play, ARMPB__REF_KIND__BRANCH, out);
    tell_refs(play, ARMPB__REF_KIND__TAG, out);
    assert_int_equal(arm__buf_u8(out, 0, NULL), ARM_OK);
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
