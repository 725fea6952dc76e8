/* SPDX-License-Identifier: Apache-2.0 */
/* Turns that are shared: the lock is held until all wait for it, so that who comes with whom, and
 * in which order, is not left to chance. */
#include "commit/turn.h"

#include <errno.h>
#include <pthread.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "keys/key_run.h"
#include "log/log_private.h"
#include "support/children.h"
#include "support/kernel_fixture.h"

enum { MEMBERS_MAX = 80, LEADER = 0, POLL_US = 100, POLLS_MAX = 100000 };

/* One who commits, in a thread of his own. */
struct member {
    struct kernel *k;
    struct arm_commit_request request;
    struct arm_new_change change;
    struct arm_new_deletion deletion;
    struct kernel_batch batch;
    struct arm_buf bits;
    struct arm_key_run *run;
    struct arm_key_judge judge;
    uint64_t fail_allocation; /* the n-th of his thread */
    arm_status status;
    struct arm_commit_result result;
    struct arm_error err;
    pthread_t thread;
};

static struct member members[MEMBERS_MAX];
static size_t member_count;
static atomic_size_t finished; /* of them */

static struct arm_snapshot with_table(struct kernel *k)
{
    kernel_create_table(k, "main", "t");
    return kernel_snapshot(k, "main");
}

static struct member *add_member(struct kernel *k, const struct arm_snapshot *at, const char *table)
{
    struct member *m = &members[member_count++];

    *m = (struct member){.k = k, .bits = ARM_BUF_INIT(1 << 20)};
    m->change = kernel_change(k, at, table, ARMPB__CHANGE_KIND__WRITE);
    m->request = (struct arm_commit_request){.snapshot = *at, .author = "test", .change_count = 1};
    m->request.changes = &m->change;
    return m;
}

static struct member *add_appender(struct kernel *k, const struct arm_snapshot *at,
                                   const char *table)
{
    struct member *m = add_member(k, at, table);

    m->change.added = kernel_hot(k, 1, &m->batch);
    m->change.added_count = 1;
    return m;
}

static void add_appenders(struct kernel *k, const struct arm_snapshot *at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)add_appender(k, at, "t");
    }
}

/* Deletes one row, or every second, of the table's first entry. */
static struct member *add_deleter(struct kernel *k, const struct arm_snapshot *at,
                                  const char *table, uint32_t first, uint32_t end)
{
    struct member *m = add_member(k, at, table);
    struct arm_table_state *state = kernel_state(k, at->branch, table);
    roaring_bitmap_t *rows = roaring_bitmap_create();

    for (uint32_t row = first; row < end; row += 2) {
        roaring_bitmap_add(rows, row);
    }
    assert_ok(arm__vector_encode(rows, &m->bits, &k->err), k->err);
    roaring_bitmap_free(rows);
    m->deletion = (struct arm_new_deletion){.position = state->entries[0].position,
                                            .first_row_id = state->entries[0].first_row_id,
                                            .rows = state->entries[0].rows,
                                            .bits = arm__buf_bytes(&m->bits)};
    m->change.deleted = &m->deletion;
    m->change.deleted_count = 1;
    arm__table_state_drop(state);
    return m;
}

static void *commit_member(void *context)
{
    struct member *m = context;

    (void)arm__alloc_fail_at(m->fail_allocation);
    m->status = arm__commit(m->k->repository, &m->request, &m->result, NULL, &m->err);
    (void)arm__alloc_fail_at(0);
    (void)atomic_fetch_add(&finished, 1);
    return NULL;
}

static size_t count_waiting(struct arm_turns *turns)
{
    size_t count = 0;

    arm__mutex_lock(&turns->mutex);
    for (const struct arm_commit_job *job = turns->first; job != NULL; job = job->next) {
        count++;
    }
    arm__mutex_unlock(&turns->mutex);
    return count;
}

/* Until so many have come to the queue, or were refused before it. */
static void await(struct kernel *k, size_t count)
{
    for (int i = 0; count_waiting(&k->repository->turns) + atomic_load(&finished) < count; i++) {
        assert_true(i < POLLS_MAX);
        nap_us(POLL_US);
    }
}

/* All of them commit, in the order in which they were added; `*out_frames` gets how many records
 * the frames have that were appended, up to four. */
static void commit_all(struct kernel *k, uint32_t out_frames[4])
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_index_txn *lock = NULL;
    struct arm_index_state state;
    struct arm_log_position at;
    bool found = true;

    atomic_store(&finished, 0);
    assert_ok(arm__index_write(k->repository->index, &lock, &k->err), k->err);
    assert_ok(arm__index_state(lock, &state, &k->err), k->err);
    for (size_t i = 0; i < member_count; i++) {
        assert_int_equal(pthread_create(&members[i].thread, NULL, commit_member, &members[i]), 0);
        await(k, i + 1);
    }
    arm__index_abort(lock);
    for (size_t i = 0; i < member_count; i++) {
        assert_int_equal(pthread_join(members[i].thread, NULL), 0);
        arm__buf_release(&members[i].bits);
        arm__key_run_drop(members[i].run);
    }
    at = state.folded;
    for (size_t i = 0; i < 4; i++) {
        struct arm_frame_header header = {.record_count = 0};

        assert_ok(arm__log_read(k->repository->log, &at, &frame, &header, &found, &k->err), k->err);
        out_frames[i] = found ? header.record_count : 0;
    }
    arm__buf_release(&frame);
    assert_int_equal(count_waiting(&k->repository->turns), 0);
    assert_false(k->repository->turns.is_led);
    member_count = 0;
}

static uint64_t live_rows(struct kernel *k)
{
    struct arm_table_state *rows = kernel_state(k, "main", "t");
    uint64_t count = rows->live_rows;

    arm__table_state_drop(rows);
    return count;
}

static void verify(struct kernel *k)
{
    struct arm_verify_report report;
    char issue[1024] = "";

    assert_ok(arm__repository_verify(k->repository, true, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    assert_string_equal(issue, "");
}

/* ---- One frame for all ---- */

static void test_turn_is_shared_by_those_who_wait(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_table_state *rows;
    uint32_t frames[4];

    kernel_create_table(k, "main", "t");
    kernel_create_table(k, "main", "u");
    at = kernel_snapshot(k, "main");
    for (int i = 0; i < 8; i++) {
        (void)add_appender(k, &at, i % 2 == 0 ? "t" : "u");
    }
    commit_all(k, frames);
    assert_int_equal(frames[0], 8);
    assert_int_equal(frames[1], 0);
    for (uint64_t i = 0; i < 8; i++) {
        assert_ok(members[i].status, members[i].err);
        assert_int_equal(members[i].result.tx, at.tx + 1 + i);
        assert_true(i == 0 || members[i].result.time_us > members[i - 1].result.time_us);
    }
    assert_int_equal(kernel_snapshot(k, "main").tx, at.tx + 8); /* K1: told means durable */
    verify(k);
    for (int round = 0; round < 2; round++) {
        rows = kernel_state(k, "main", "t");
        assert_int_equal(rows->live_rows, 4);
        for (size_t i = 0; i < rows->entry_count; i++) {
            struct arm_buf bytes = ARM_BUF_INIT(1000);

            assert_int_equal(rows->entries[i].first_row_id, i);
            assert_ok(arm__catalog_hot_rows(arm__repository_catalog(k->repository),
                                            &rows->entries[i], &bytes, &k->err),
                      k->err);
            assert_memory_equal(bytes.data, members[2 * i].batch.bytes, 1);
            arm__buf_release(&bytes);
        }
        arm__table_state_drop(rows);
        kernel_reopen(k);
    }
}

/* More than a turn holds, and a large one between small ones, keep their order. */
static void test_turn_has_an_end(void **state)
{
    struct kernel *k = *state;
    struct arm_new_entry chunk;
    struct arm_snapshot at;
    uint32_t frames[4];

    at = with_table(k);
    add_appenders(k, &at, ARM_TURN_RECORDS_MAX + 2);
    commit_all(k, frames);
    assert_int_equal(frames[0], ARM_TURN_RECORDS_MAX);
    assert_int_equal(frames[1], 2);
    chunk = kernel_chunk(k, 5);
    at = kernel_snapshot(k, "main");
    (void)add_appender(k, &at, "t");
    add_appender(k, &at, "t")->change.added = &chunk;
    add_appender(k, &at, "t")->change = kernel_create_change("x");
    add_appenders(k, &at, 2);
    commit_all(k, frames);
    for (uint64_t i = 0; i < 5; i++) {
        assert_ok(members[i].status, members[i].err);
        assert_int_equal(members[i].result.tx, at.tx + 1 + i);
    }
    assert_int_equal(frames[0], 1);
    assert_int_equal(frames[1], 1);
    assert_int_equal(frames[2], 1);
    assert_int_equal(frames[3], 2);
    verify(k);
}

static uint64_t end_of_log(struct kernel *k, uint64_t *out_segment)
{
    struct arm_index_txn *read = NULL;
    struct arm_index_state state;

    assert_ok(arm__index_read(k->repository->index, &read, &k->err), k->err);
    assert_ok(arm__index_state(read, &state, &k->err), k->err);
    arm__index_abort(read);
    *out_segment = state.folded.segment;
    return state.folded.offset;
}

/* The segment is full: the frame goes into the next, and every record of it is found there. */
static void test_turn_rolls_the_log(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    uint64_t segment;
    uint32_t frames[4];

    kernel_create_table(k, "main", "t");
    for (int i = 0; i < 10; i++) {
        (void)kernel_append(k, "main", "t", 1);
    }
    at = kernel_snapshot(k, "main");
    k->repository->log->segment_bytes_max = end_of_log(k, &segment) + 100;
    add_appenders(k, &at, 6);
    commit_all(k, frames);
    assert_int_equal(frames[0], 6);
    for (uint64_t i = 0; i < 6; i++) {
        Armpb__Record *record = NULL;

        assert_ok(
            arm__catalog_record(k->repository->catalog, at.tx + 1 + i, &record, NULL, &k->err),
            k->err);
        assert_memory_equal(record->commit->commit_id.data, members[i].result.commit_id.bytes, 16);
        arm__record_free(record);
    }
    (void)end_of_log(k, &segment);
    assert_int_equal(segment, 1);
}

/* ---- Each is judged against those before it ---- */

static void assert_lost(const struct member *loser, const struct member *winner)
{
    assert_ok(winner->status, winner->err);
    assert_fails(ARM_CONFLICT, loser->status, loser->err);
    assert_memory_equal(loser->err.commit_id, winner->result.commit_id.bytes, 16);
}

static void test_turn_has_conflicts_of_its_own(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    uint32_t frames[4];

    kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 60);
    at = kernel_snapshot(k, "main");
    (void)add_deleter(k, &at, "t", 3, 4);
    (void)add_deleter(k, &at, "t", 5, 6);
    (void)add_deleter(k, &at, "t", 3, 4); /* the first one's */
    (void)add_appender(k, &at, "t");
    commit_all(k, frames);
    assert_int_equal(frames[0], 3);
    assert_ok(members[1].status, members[1].err);
    assert_lost(&members[2], &members[0]);
    assert_ok(members[3].status, members[3].err);
    assert_int_equal(members[3].result.tx, at.tx + 3);
    assert_int_equal(live_rows(k), 59);
    verify(k);
}

/* A change too large for the index's row: what it deleted is known of the turn alone. */
static void test_turn_looks_into_a_materialised_version_of_its_own(void **state)
{
    struct kernel *k = *state;
    struct arm_new_entry chunk = kernel_chunk(k, 20000);
    struct arm_new_change create = kernel_create_change("t");
    struct arm_snapshot at = kernel_snapshot(k, "main");
    uint32_t frames[4];

    create.added = &chunk;
    create.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &create, NULL, NULL), k->err);
    at = kernel_snapshot(k, "main");
    (void)add_deleter(k, &at, "t", 0, 20000);
    assert_true(members[0].deletion.bits.size > ARM_CHANGE_INLINE_MAX);
    (void)add_deleter(k, &at, "t", 1, 2);
    (void)add_deleter(k, &at, "t", 500, 501);
    commit_all(k, frames);
    assert_int_equal(frames[0], 2);
    assert_ok(members[0].status, members[0].err);
    assert_ok(members[1].status, members[1].err);
    assert_fails(ARM_CONFLICT, members[2].status, members[2].err);
    verify(k);
}

/* ---- Keys ---- */

static size_t asked_without_keys;

static arm_status meets(void *self, const struct arm_state_entry *entry,
                        struct arm_key_run *const *keys, bool *out_meets, struct arm_error *err)
{
    const struct member *m = self;

    (void)entry;
    (void)err;
    asked_without_keys += keys == NULL;
    *out_meets = keys != NULL && arm__key_run_hashes(keys[0])[0] == arm__key_run_hashes(m->run)[0];
    return ARM_OK;
}

static struct member *add_keyed(struct kernel *k, const struct arm_snapshot *at, uint64_t hash)
{
    struct member *m = add_appender(k, at, "t");

    assert_ok(arm__key_run_new(&hash, 1, &m->run, &k->err), k->err);
    m->judge = (struct arm_key_judge){m, meets};
    m->change.judge = &m->judge;
    m->batch.entry.key_count = 1;
    m->batch.entry.keys = &m->run;
    return m;
}

static void test_turn_keeps_keys_apart(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    uint32_t frames[4];

    at = with_table(k);
    asked_without_keys = 0;
    (void)add_keyed(k, &at, 7);
    (void)add_keyed(k, &at, 8);
    (void)add_keyed(k, &at, 7);
    (void)add_keyed(k, &at, 9);
    commit_all(k, frames);
    assert_int_equal(frames[0], 3);
    assert_lost(&members[2], &members[0]);
    assert_ok(members[3].status, members[3].err);
    (void)add_keyed(k, &at, 9); /* begun before that turn: its keys are remembered */
    (void)add_keyed(k, &at, 10);
    (void)add_keyed(k, &at, 7);
    commit_all(k, frames);
    assert_fails(ARM_CONFLICT, members[0].status, members[0].err);
    assert_ok(members[1].status, members[1].err);
    assert_fails(ARM_CONFLICT, members[2].status, members[2].err);
    assert_int_equal(asked_without_keys, 0);
    kernel_reopen(k);
    (void)add_keyed(k, &at, 11); /* after it they are not: the judge reads */
    commit_all(k, frames);
    assert_ok(members[0].status, members[0].err);
    assert_int_equal(asked_without_keys, 4);
}

/* Rows whose keys are not at hand, in this very turn: who must know them has a turn of his own. */
static void test_turn_without_keys_is_not_shared(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    uint32_t frames[4];

    at = with_table(k);
    asked_without_keys = 0;
    (void)add_appender(k, &at, "t");
    (void)add_keyed(k, &at, 7);
    commit_all(k, frames);
    assert_int_equal(frames[0], 1);
    assert_int_equal(frames[1], 1);
    assert_int_equal(asked_without_keys, 1);
    assert_ok(members[1].status, members[1].err);
}

/* ---- Ids ---- */

static void test_turn_answers_an_id_twice(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_id id;
    uint32_t frames[4];

    at = with_table(k);
    assert_ok(arm__id_timed(1, &id, &k->err), k->err);
    for (int i = 0; i < 3; i++) {
        add_appender(k, &at, "t")->request.commit_id = id;
    }
    commit_all(k, frames);
    assert_int_equal(frames[0], 1);
    for (int i = 0; i < 3; i++) {
        assert_ok(members[i].status, members[i].err);
        assert_int_equal(members[i].result.tx, at.tx + 1);
        assert_memory_equal(members[i].result.commit_id.bytes, id.bytes, 16);
    }
    assert_int_equal(live_rows(k), 1);
}

/* ---- What goes wrong ---- */

/* T2. A write that fails spoils the turn, not the commits. */
static void test_turn_T2_is_given_up_whole(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    uint32_t frames[4];

    at = with_table(k);
    add_appenders(k, &at, 4);
    io_fault_at_verb(k->fault, "write", 1, ENOSPC);
    commit_all(k, frames);
    for (uint64_t i = 0; i < 4; i++) {
        assert_ok(members[i].status, members[i].err);
        assert_int_equal(members[i].result.tx, at.tx + 1 + i);
        assert_int_equal(frames[i], 1);
    }
    verify(k);
    assert_int_equal(live_rows(k), 4);
}

/* Every allocation of the leader's fails once: nobody is lost, nobody there twice. */
static void test_turn_T2_without_memory(void **state)
{
    struct kernel *k = *state;
    uint64_t rows = 0;
    bool struck = true;

    kernel_create_table(k, "main", "t");
    for (uint64_t n = 1; struck; n++) {
        struct arm_snapshot at = kernel_snapshot(k, "main");
        uint32_t frames[4];

        add_appenders(k, &at, 3);
        members[LEADER].fail_allocation = n;
        commit_all(k, frames);
        struck = frames[0] != 3;
        for (int i = 0; i < 3; i++) {
            assert_true(members[i].status == ARM_OK || members[i].status == ARM_NO_MEMORY);
            rows += members[i].status == ARM_OK;
        }
        assert_true(members[1].status == ARM_OK || members[2].status == ARM_OK);
        assert_int_equal(live_rows(k), rows);
    }
    verify(k);
}

/* T1. Their sync fails: each is told that its own commit may be there or not. */
static void test_turn_T1_is_unknown_to_all(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_id ids[3];
    uint32_t frames[4];

    at = with_table(k);
    for (int i = 0; i < 3; i++) {
        struct member *m = add_appender(k, &at, "t");

        assert_ok(arm__id_timed(1 + i, &ids[i], &k->err), k->err);
        m->request.commit_id = ids[i];
    }
    io_fault_at_verb(k->fault, "sync", 1, EIO);
    commit_all(k, frames);
    for (int i = 0; i < 3; i++) {
        assert_fails(ARM_COMMIT_UNKNOWN, members[i].status, members[i].err);
        assert_memory_equal(members[i].err.commit_id, ids[i].bytes, 16);
    }
    assert_int_equal(kernel_snapshot(k, "main").tx, at.tx);
    io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
    kernel_reopen(k);
    for (int i = 0; i < 3; i++) {
        uint64_t tx = 99;

        assert_ok(arm__commit_find(k->repository, &ids[i], &tx, &k->err), k->err);
        assert_int_equal(tx, 0); /* recovery cut it: it may never have reached the disk */
    }
    assert_int_equal(kernel_append(k, "main", "t", 1), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_turn_is_shared_by_those_who_wait),
        kernel_test(test_turn_has_an_end),
        kernel_test(test_turn_rolls_the_log),
        kernel_test(test_turn_has_conflicts_of_its_own),
        kernel_test(test_turn_looks_into_a_materialised_version_of_its_own),
        kernel_test(test_turn_keeps_keys_apart),
        kernel_test(test_turn_without_keys_is_not_shared),
        kernel_test(test_turn_answers_an_id_twice),
        kernel_fault_test(test_turn_T2_is_given_up_whole),
        kernel_fault_test(test_turn_T2_without_memory),
        kernel_fault_test(test_turn_T1_is_unknown_to_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
