/* SPDX-License-Identifier: Apache-2.0 */
/* Loose chunks: kept, let go, killed and refused at every step; what versions use; moves. */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "commit/gc_fixture.h"

static const char DATA[] = "bytes of a user's own";

static struct arm_bytes data(void)
{
    return arm__bytes(DATA, sizeof DATA - 1);
}

static struct arm_hash put(struct kernel *k)
{
    struct arm_hash chunk;

    assert_ok(arm__loose_put(k->repository, data(), &chunk, &k->err), k->err);
    return chunk;
}

static uint64_t last_tx(struct kernel *k)
{
    return arm__log_durable_to(arm__repository_log(k->repository));
}

/* As the index has it now. */
static struct arm_loose_row row_of(struct kernel *k, const struct arm_hash *chunk)
{
    struct arm_loose_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    bool found;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_loose(txn, chunk, UINT64_MAX, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    return row;
}

static void test_loose_is_kept_until_it_is_let_go(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = put(k);
    uint64_t tx = last_tx(k);

    assert_true(row_of(k, &chunk).is_kept);
    assert_int_equal(row_of(k, &chunk).bytes, sizeof DATA - 1);
    put(k); /* again: nothing is written */
    assert_int_equal(last_tx(k), tx);
    assert_int_equal(gc(k, false, 0).chunks, 0);
    kernel_reopen(k);
    assert_int_equal(gc(k, false, 0).chunks, 0);
    assert_true(is_there(k, &chunk));
    assert_sound(k);
    assert_ok(arm__loose_drop(k->repository, &chunk, &k->err), k->err);
    assert_false(is_there(k, &chunk));
    assert_false(row_of(k, &chunk).is_kept);
    assert_fails(ARM_NOT_FOUND, arm__loose_drop(k->repository, &chunk, &k->err), k->err);
    put(k);
    assert_true(is_there(k, &chunk));
    assert_sound(k);
}

static void test_loose_survives_the_index(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = put(k);

    kernel_close(k);
    remove_file(k, "index/data.mdb");
    kernel_open(k);
    assert_true(row_of(k, &chunk).is_kept);
    assert_int_equal(gc(k, false, 0).chunks, 0);
    assert_sound(k);
}

static void test_loose_that_is_missing_is_told(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = put(k);
    struct arm_verify_report report;
    char problem[1024] = "";
    char hex[ARM_HASH_HEX + 1];

    remove_chunk(k, &chunk);
    assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, problem,
                                     &report, &k->err),
              k->err);
    assert_int_equal(report.issues, 1);
    arm__hash_hex(&chunk, hex);
    assert_non_null(strstr(problem, hex));
}

/* What others lease is not taken. */
static void test_loose_that_is_leased_stays(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = put(k);
    struct arm_store *store = arm__repository_store(k->repository);

    assert_ok(arm__store_lease(store, &chunk, &k->err), k->err);
    assert_fails(ARM_BUSY, arm__loose_drop(k->repository, &chunk, &k->err), k->err);
    assert_true(row_of(k, &chunk).is_kept);
    arm__store_lease_drop(store, &chunk);
    assert_ok(arm__loose_drop(k->repository, &chunk, &k->err), k->err);
}

/* Whatever fails: what was told is so, and the call works when repeated. */
static void test_loose_survives_faults(void **state)
{
    static const int causes[] = {ENOSPC, EIO};
    struct kernel *k = *state;

    for (size_t cause = 0; cause < sizeof causes / sizeof *causes; cause++) {
        for (uint64_t n = 1;; n++) {
            struct arm_hash chunk;
            arm_status st;
            bool failed;

            io_fault_at(k->fault, n, causes[cause], IO_FAULT_ONCE);
            st = arm__loose_put(k->repository, data(), &chunk, &k->err);
            failed = io_fault_happened(k->fault);
            io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
            if (st == ARM_COMMIT_UNKNOWN || st == ARM_REOPEN) {
                kernel_reopen(k);
            }
            if (st == ARM_OK) {
                assert_true(row_of(k, &chunk).is_kept);
            }
            chunk = put(k);
            assert_int_equal(gc(k, false, 0).chunks, 0);
            assert_true(is_there(k, &chunk));
            assert_ok(arm__loose_drop(k->repository, &chunk, &k->err), k->err);
            if (!failed) {
                break;
            }
        }
    }
    assert_sound(k);
}

static void test_loose_drop_survives_faults(void **state)
{
    struct kernel *k = *state;

    for (uint64_t n = 1;; n++) {
        struct arm_hash chunk = put(k);
        arm_status st;
        bool failed;

        io_fault_at(k->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__loose_drop(k->repository, &chunk, &k->err);
        failed = io_fault_happened(k->fault);
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
        if (st != ARM_OK) {
            kernel_reopen(k);
        }
        assert_sound(k); /* kept and there, or let go */
        if (row_of(k, &chunk).is_kept) {
            assert_true(st != ARM_OK && is_there(k, &chunk));
        } else {
            (void)gc(k, false, 0);
            assert_false(is_there(k, &chunk));
        }
        if (!failed) {
            break;
        }
    }
}

/* A child does one of the two and is killed at its nth operation. */
static bool child_is_killed(struct kernel *k, bool drops, uint64_t n)
{
    struct arm_hash chunk = arm__hash(data());
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct io_fault *fault = io_fault_new(arm__io_system());
        struct arm_repository_options options = {.io = io_fault_io(fault)};

        if (arm__repository_open(k->dir.path, &options, &k->repository, NULL) != ARM_OK) {
            _exit(2);
        }
        io_fault_at(fault, n, 0, IO_FAULT_KILL);
        if (drops) {
            (void)arm__loose_drop(k->repository, &chunk, NULL);
        } else {
            (void)arm__loose_put(k->repository, data(), &chunk, NULL);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void test_loose_killed_anywhere(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = arm__hash(data());

    for (int drops = 0; drops < 2; drops++) {
        bool was_killed = true;

        for (uint64_t n = 1; was_killed; n++) {
            if (drops != 0) {
                put(k);
            }
            kernel_close(k);
            was_killed = child_is_killed(k, drops != 0, n);
            kernel_open(k);
            assert_sound(k);
            (void)gc(k, false, 0);
            assert_int_equal(is_there(k, &chunk), row_of(k, &chunk).is_kept);
            assert_true(was_killed || row_of(k, &chunk).is_kept == (drops == 0));
            if (row_of(k, &chunk).is_kept) {
                assert_ok(arm__loose_drop(k->repository, &chunk, &k->err), k->err);
            }
        }
    }
}

/* ---- What versions use ---- */

/* Version 1 of table t: it uses the chunk. */
static void make_user(struct kernel *k, const struct arm_hash *chunk)
{
    struct arm_new_change change = {.kind = ARMPB__CHANGE_KIND__CREATE,
                                    .schema_name = "main",
                                    .name = "t",
                                    .schema = kernel_schema(1),
                                    .metadata = "words",
                                    .use_count = 1,
                                    .uses = chunk};
    struct arm_commit_request request = {.change_count = 1, .changes = &change};
    struct arm_commit_result result;

    assert_ok(arm__catalog_snapshot(arm__repository_catalog(k->repository), "main",
                                    &request.snapshot, &k->err),
              k->err);
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
}

static struct arm_table_info info_of(struct kernel *k)
{
    struct arm_table_info info = {0};

    assert_ok(arm__catalog_table_version(arm__repository_catalog(k->repository), "main", "t", 1,
                                         &info, &k->err),
              k->err);
    return info;
}

static void test_loose_that_a_version_uses_is_not_dropped(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = put(k);
    struct arm_table_info info;

    make_user(k, &chunk);
    info = info_of(k);
    assert_fails(ARM_INVALID, arm__loose_drop(k->repository, &chunk, &k->err), k->err);
    assert_true(row_of(k, &chunk).is_kept && row_of(k, &chunk).is_used);
    assert_sound(k);
    remove_chunk(k, &chunk);
    assert_fails(ARM_NOT_FOUND, arm__loose_drop(k->repository, &chunk, &k->err), k->err);
    arm__table_info_release(&info);
}

/* A chunk that nobody keeps but a version: gc leaves it, and verify misses it. */
static void test_used_chunk_is_kept_by_its_version(void **state)
{
    struct kernel *k = *state;
    struct arm_store *store = arm__repository_store(k->repository);
    struct arm_verify_report report;
    char problem[1024] = "";
    struct arm_hash chunk;

    assert_ok(arm__store_put(store, data(), &chunk, NULL, &k->err), k->err);
    make_user(k, &chunk);
    arm__store_lease_drop(store, &chunk);
    kernel_reopen(k);
    assert_int_equal(gc(k, false, 0).chunks, 0);
    assert_true(is_there(k, &chunk));
    assert_fails(ARM_INVALID, arm__loose_drop(k->repository, &chunk, &k->err), k->err);
    assert_sound(k);
    remove_chunk(k, &chunk);
    assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, problem,
                                     &report, &k->err),
              k->err);
    assert_int_equal(report.issues, 1);
}

static void test_used_chunk_must_be_there(void **state)
{
    struct kernel *k = *state;
    struct arm_hash nobody = arm__hash(data());
    struct arm_new_change change = {.kind = ARMPB__CHANGE_KIND__CREATE,
                                    .name = "t",
                                    .schema = kernel_schema(1),
                                    .use_count = 1,
                                    .uses = &nobody};
    struct arm_commit_request request = {.change_count = 1, .changes = &change};
    struct arm_commit_result result;

    assert_ok(arm__catalog_snapshot(arm__repository_catalog(k->repository), "main",
                                    &request.snapshot, &k->err),
              k->err);
    assert_fails(ARM_NOT_FOUND, arm__commit(k->repository, &request, &result, NULL, &k->err),
                 k->err);
    change.use_count = 0;
    change.wanted_version = 2;
    assert_fails(ARM_VERSION_CONFLICT, arm__commit(k->repository, &request, &result, NULL, &k->err),
                 k->err);
    change.wanted_version = 1;
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
}

/* ---- Moves ---- */

static arm_status move_to(struct kernel *k, uint64_t version, uint64_t unchanged_since)
{
    struct arm_moved_table table = {"main", "t", version};
    struct arm_move move = {.count = 1, .tables = &table, .unchanged_since = unchanged_since};
    struct arm_commit_result result;

    assert_ok(arm__catalog_snapshot(arm__repository_catalog(k->repository), "main", &move.snapshot,
                                    &k->err),
              k->err);
    return arm__commit_move(k->repository, &move, &result, &k->err);
}

static void test_move_makes_a_commit_in_any_case(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunk = put(k);
    uint64_t tx;

    make_user(k, &chunk);
    tx = last_tx(k);
    assert_ok(move_to(k, 1, tx), k->err);
    assert_int_equal(last_tx(k), tx + 1);
    assert_fails(ARM_CONFLICT, move_to(k, 1, tx), k->err);
    assert_fails(ARM_NOT_FOUND, move_to(k, 2, 0), k->err);
    assert_int_equal(last_tx(k), tx + 1);
    assert_sound(k);
    kernel_close(k);
    remove_file(k, "index/data.mdb");
    kernel_open(k);
    assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_loose_is_kept_until_it_is_let_go),
        kernel_test(test_loose_survives_the_index),
        kernel_test(test_loose_that_is_missing_is_told),
        kernel_test(test_loose_that_is_leased_stays),
        kernel_fault_test(test_loose_survives_faults),
        kernel_fault_test(test_loose_drop_survives_faults),
        kernel_test(test_loose_killed_anywhere),
        kernel_test(test_loose_that_a_version_uses_is_not_dropped),
        kernel_test(test_used_chunk_is_kept_by_its_version),
        kernel_test(test_used_chunk_must_be_there),
        kernel_test(test_move_makes_a_commit_in_any_case),
    };

    return cmocka_run_group_tests_name("commit/loose", tests, NULL, NULL);
}
