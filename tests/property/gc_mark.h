/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_PROPERTY_GC_MARK_H
#define ARM_TESTS_PROPERTY_GC_MARK_H

/* For the property test of gc: what there is, and the mark by brute force. At every tx from the
 * horizon on, every branch and every tag that was there is asked for its tables, and every version
 * of them is opened for the chunks it has; the others are refused. */

#include "base/alloc.h"
#include "commit/gc.h"
#include "model/message.h"
#include "txn/compact_fixture.h"

enum { SLOTS = 2, VERSIONS_MAX = 400, SET_MAX = 4096, REFS_MAX = 64 };

/* A transaction that stays open, and the chunks that it saw. */
struct slot {
    struct arm_transaction *txn;
    const struct arm_view *view;
};

struct world {
    struct kernel kernel;
    struct desk desk;
    struct slot slots[SLOTS];
    int64_t next_value;
    unsigned refs;
    bool is_tag[REFS_MAX];
    bool is_dropped[REFS_MAX];
    struct arm_hash leased[8]; /* put by hand, lease kept */
    size_t leased_count;
    struct id_rows versions[VERSIONS_MAX]; /* as they were first read */
    uint64_t seen;
    uint64_t horizon_tx;
    uint64_t gcs;
    uint64_t exact;
    uint64_t removed;
    uint64_t kept;
    uint64_t expired;
    uint64_t pinned;
    uint64_t refused;
};

static struct world world;

/* ---- The files ---- */

struct file {
    struct arm_hash chunk;
    uint64_t bytes;
    bool is_needed;
};

struct files {
    struct file items[SET_MAX];
    size_t count;
};

static struct files files;

static arm_status add_file(void *context, const struct arm_hash *hash, const char *path,
                           uint64_t size_bytes, struct arm_error *err)
{
    (void)context;
    (void)path;
    (void)err;
    assert_non_null(hash);
    assert_true(files.count < SET_MAX);
    files.items[files.count++] = (struct file){.chunk = *hash, .bytes = size_bytes};
    return ARM_OK;
}

/* It must be there. Whether nothing else needs it. */
static bool need(const uint8_t *chunk)
{
    for (size_t i = 0; i < files.count; i++) {
        if (memcmp(files.items[i].chunk.bytes, chunk, sizeof files.items[i].chunk.bytes) == 0) {
            bool is_new = !files.items[i].is_needed;

            files.items[i].is_needed = true;
            return is_new;
        }
    }
    fail_msg("a chunk is gone that is needed");
    return false;
}

/* ---- Versions, by brute force ---- */

struct member {
    struct arm_table_id table_id;
    uint64_t version;
};

struct set {
    struct member items[SET_MAX];
    size_t count;
    struct arm_index_txn *txn;
    uint64_t tx;
};

static struct set retained; /* versions that can be read */
static struct set tables;   /* all there ever were, by version 0 */

static bool has(const struct set *set, const struct arm_table_id *table_id, uint64_t version)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].version == version &&
            arm__table_id_equal(&set->items[i].table_id, table_id)) {
            return true;
        }
    }
    return false;
}

static void add_member(struct set *set, const struct arm_table_id *table_id, uint64_t version)
{
    if (!has(set, table_id, version)) {
        assert_true(set->count < SET_MAX);
        set->items[set->count++] = (struct member){*table_id, version};
    }
}

static arm_status see_table(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct set *set = context;

    (void)err;
    add_member(&tables, &row->table_id, 0);
    if (set->tx >= world.horizon_tx) {
        add_member(set, &row->table_id, row->version);
    }
    return ARM_OK;
}

static arm_status see_branch(void *context, const char *name, const struct arm_ref_row *row,
                             struct arm_error *err)
{
    struct set *set = context;

    (void)name;
    return arm__index_tables(set->txn, row->branch_id, set->tx, see_table, set, err);
}

static arm_status see_tag(void *context, const char *name, const struct arm_ref_row *row,
                          struct arm_error *err)
{
    struct set *set = context;
    struct arm_record_row record;
    bool found;

    (void)name;
    assert_ok(arm__index_record(set->txn, row->target_tx, &record, &found, err), *err);
    assert_true(found);
    return arm__index_tables(set->txn, record.branch_id, row->target_tx, see_table, set, err);
}

static void see_history(void)
{
    struct kernel *k = &world.kernel;
    uint64_t last = arm__log_durable_to(arm__repository_log(k->repository));

    retained.count = 0;
    tables.count = 0;
    assert_ok(arm__index_read(arm__repository_index(k->repository), &retained.txn, &k->err),
              k->err);
    for (retained.tx = 1; retained.tx <= last; retained.tx++) {
        assert_ok(arm__index_refs(retained.txn, ARMPB__REF_KIND__BRANCH, retained.tx, see_branch,
                                  &retained, &k->err),
                  k->err);
        if (retained.tx >= world.horizon_tx) {
            assert_ok(arm__index_refs(retained.txn, ARMPB__REF_KIND__TAG, retained.tx, see_tag,
                                      &retained, &k->err),
                      k->err);
        }
    }
    arm__index_abort(retained.txn);
}

static void need_state(const struct arm_table_state *state)
{
    for (size_t i = 0; i < state->entry_count; i++) {
        if (!state->entries[i].is_hot) {
            (void)need(state->entries[i].chunk.bytes);
        }
    }
}

/* One that can be read gives its chunks, another is refused. */
static void need_version(const struct arm_table_id *table_id, uint64_t version)
{
    struct kernel *k = &world.kernel;
    struct arm_table_state *state = NULL;
    arm_status st = arm__catalog_state(arm__repository_catalog(k->repository), table_id, version,
                                       &state, &k->err);

    if (has(&retained, table_id, version)) {
        assert_ok(st, k->err);
        need_state(state);
        arm__table_state_drop(state);
    } else {
        assert_fails(ARM_HISTORY_EXPIRED, st, k->err);
        world.expired++;
    }
}

static bool version_is_there(const struct arm_table_id *table_id, uint64_t version)
{
    struct kernel *k = &world.kernel;
    struct arm_index_txn *txn = NULL;
    struct arm_version_row row;
    bool found;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_version(txn, table_id, version, &row, NULL, &found, &k->err), k->err);
    arm__index_abort(txn);
    return found;
}

/* ---- What else is needed ---- */

static void need_records(void)
{
    struct kernel *k = &world.kernel;
    struct arm_log *log = arm__repository_log(k->repository);
    struct arm_log_position at = arm__log_start(log);
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_frame_header header;
    bool found = true;

    while (found) {
        assert_ok(arm__log_read(log, &at, &frame, &header, &found, &k->err), k->err);
        for (uint32_t i = 0; found && i < header.record_count; i++) {
            struct arm_record bytes = arm__frame_record(arm__buf_bytes(&frame), i);
            Armpb__Record *record = NULL;

            assert_ok(arm__record_decode(bytes.spine, bytes.payload.size, &record, &k->err),
                      k->err);
            if (record->in_chunk != NULL) {
                (void)need(record->in_chunk->hash.data);
            }
            arm__record_free(record);
        }
    }
    arm__buf_release(&frame);
}

static void need_checkpoint(void)
{
    struct kernel *k = &world.kernel;
    struct arm_index_txn *txn = NULL;
    Armpb__Checkpoint *last = NULL;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_checkpoint(txn, &last, &k->err), k->err);
    for (size_t i = 0; last != NULL && i < last->n_runs; i++) {
        (void)need(last->runs[i]->chunk.data);
    }
    arm__index_abort(txn);
    arm__message_free(last == NULL ? NULL : &last->base);
}

static void mark(void)
{
    struct kernel *k = &world.kernel;

    files.count = 0;
    assert_ok(arm__store_list(arm__repository_store(k->repository), add_file, NULL, &k->err),
              k->err);
    see_history();
    for (size_t i = 0; i < tables.count; i++) {
        for (uint64_t v = 1; v < VERSIONS_MAX; v++) {
            if (version_is_there(&tables.items[i].table_id, v)) {
                need_version(&tables.items[i].table_id, v);
            }
        }
    }
    need_records();
    need_checkpoint();
}

static arm_status keep_leased(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    size_t *count = context;

    (void)err;
    for (size_t i = 0; i < files.count; i++) {
        if (arm__hash_equal(&files.items[i].chunk, hash) && !files.items[i].is_needed) {
            files.items[i].is_needed = true;
            ++*count;
        }
    }
    return ARM_OK;
}

#endif
