/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: made when due, used when the index is lost, and of no consequence otherwise. That
 * what comes out of them is the index that a fold gives, tests/property/commit_test.c holds for
 * random histories. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "commit/repository.h"
#include "model/message.h"
#include "support/kernel_fixture.h"

enum { GROWTH_BYTES = 32 << 10, COMMITS = 200 };

/* ---- Pieces ---- */

static void open_growing(struct kernel *k)
{
    struct arm_repository_options options = {.checkpoint_growth_bytes = GROWTH_BYTES};

    options.io = k->fault != NULL ? io_fault_io(k->fault) : NULL;
    assert_ok(arm__repository_open(k->dir.path, &options, &k->repository, &k->err), k->err);
}

static void append_many(struct kernel *k, const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        (void)kernel_append(k, "main", name, 1);
    }
}

static void checkpoint(struct kernel *k)
{
    assert_ok(arm__repository_checkpoint(k->repository, &k->err), k->err);
}

/* The last one of the index; to be freed. */
static Armpb__Checkpoint *last_checkpoint(struct kernel *k)
{
    struct arm_index_txn *txn = NULL;
    Armpb__Checkpoint *last = NULL;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_checkpoint(txn, &last, &k->err), k->err);
    arm__index_abort(txn);
    return last;
}

static size_t count_runs(struct kernel *k)
{
    Armpb__Checkpoint *last = last_checkpoint(k);
    size_t count = last == NULL ? 0 : last->n_runs;

    arm__message_free(last == NULL ? NULL : &last->base);
    return count;
}

static void run_path(struct kernel *k, size_t i, char out[TEMP_PATH_BYTES])
{
    Armpb__Checkpoint *last = last_checkpoint(k);
    struct arm_hash chunk;
    char *path = NULL;

    memcpy(chunk.bytes, last->runs[i]->chunk.data, sizeof chunk.bytes);
    assert_ok(arm__store_path(arm__repository_store(k->repository), &chunk, &path, &k->err),
              k->err);
    (void)snprintf(out, TEMP_PATH_BYTES, "%s", path);
    arm__free(path);
    arm__message_free(&last->base);
}

static void remove_file(struct kernel *k, const char *name)
{
    char path[TEMP_PATH_BYTES];

    assert_int_equal(unlink(temp_path(&k->dir, name, path)), 0);
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    int byte;

    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

static uint64_t issues_of(struct kernel *k, char issue[1024])
{
    struct arm_verify_report report;

    issue[0] = '\0';
    assert_ok(arm__repository_verify(k->repository, true, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    return report.issues;
}

static void expect_healthy(struct kernel *k)
{
    char issue[1024];

    if (issues_of(k, issue) != 0) {
        fail_msg("%s", issue);
    }
}

/* Everything is as `versions` commits of "t" left it, and healthy. */
static void expect_whole(struct kernel *k, uint64_t versions)
{
    struct arm_table_state *rows = kernel_state(k, "main", "t");

    assert_int_equal(rows->version, versions);
    assert_int_equal(rows->live_rows, versions - 1);
    arm__table_state_drop(rows);
    expect_healthy(k);
}

static struct arm_recovery_report open_and_look(struct kernel *k)
{
    struct arm_recovery_report report;

    kernel_open(k);
    arm__repository_recovery(k->repository, &report);
    return report;
}

/* A table of COMMITS one-row commits, a checkpoint, ten more, closed. */
static void make(struct kernel *k)
{
    (void)kernel_create_table(k, "main", "t");
    append_many(k, "t", COMMITS);
    checkpoint(k);
    append_many(k, "t", 10);
    kernel_close(k);
}

/* ---- Used ---- */

static void test_checkpoint_saves_folding(void **state)
{
    struct kernel *k = *state;
    struct arm_recovery_report report;

    make(k);
    remove_file(k, "index/data.mdb");
    report = open_and_look(k);
    assert_true(report.rebuilt);
    assert_int_equal(report.restored_tx, 2 + COMMITS); /* main, the table, its rows */
    assert_int_equal(report.folded, 11);               /* the checkpoint's record, ten commits */
    expect_whole(k, COMMITS + 11);
}

static void test_checkpoint_continues_runs(void **state)
{
    struct kernel *k = *state;
    struct arm_recovery_report report;

    make(k);
    kernel_open(k);
    assert_int_equal(count_runs(k), 1);
    checkpoint(k);
    assert_int_equal(count_runs(k), 2);
    append_many(k, "t", 5);
    checkpoint(k);
    assert_int_equal(count_runs(k), 3);
    kernel_close(k);
    remove_file(k, "index/data.mdb");
    report = open_and_look(k);
    assert_int_equal(report.folded, 1);
    expect_whole(k, COMMITS + 16);
}

/* It is upkeep: no version, no commit that anybody lists, and nothing without need. */
static void test_checkpoint_changes_nothing_that_is_read(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot before;
    struct arm_snapshot after;
    struct arm_table_state *rows;

    (void)kernel_create_table(k, "main", "t");
    append_many(k, "t", 3);
    before = kernel_snapshot(k, "main");
    checkpoint(k);
    after = kernel_snapshot(k, "main");
    assert_int_equal(after.branch_id, before.branch_id);
    rows = kernel_state(k, "main", "t");
    assert_int_equal(rows->version, 4);
    arm__table_state_drop(rows);
    assert_int_equal(kernel_append(k, "main", "t", 1), 5);
}

/* ---- Made when due ---- */

static void test_checkpoint_comes_with_growth(void **state)
{
    struct kernel *k = *state;
    struct arm_recovery_report report;
    size_t runs;

    kernel_close(k);
    open_growing(k);
    (void)kernel_create_table(k, "main", "t");
    append_many(k, "t", 8 * COMMITS); /* some 600 KiB of log */
    kernel_close(k);                  /* waits for the one in the making */
    kernel_open(k);
    runs = count_runs(k);
    if (runs < 5 || runs > 60) {
        fail_msg("%zu runs", runs);
    }
    kernel_close(k);
    remove_file(k, "index/data.mdb");
    report = open_and_look(k);
    assert_true(report.folded < 2 * COMMITS);
    expect_whole(k, 8 * COMMITS + 1);
}

static void test_checkpoint_is_not_made_by_opening_closing_or_refs(void **state)
{
    struct kernel *k = *state;
    char name[32];

    for (int i = 0; i < 3; i++) {
        kernel_close(k);
        open_growing(k);
        for (int b = 0; b < 200; b++) {
            (void)snprintf(name, sizeof name, "branch-%d-%d", i, b);
            (void)kernel_branch(k, name, "main");
        }
    }
    kernel_close(k);
    assert_int_equal(temp_count_files(&k->dir, "chunks"), 0);
    assert_false(temp_exists(&k->dir, "log/checkpoint"));
    kernel_open(k);
}

/* Several processes, each of which finds checkpoints due. */
static void test_checkpoint_of_many_processes(void **state)
{
    struct kernel *k = *state;
    pid_t children[3];
    char name[32];

    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)kernel_create_table(k, "main", name);
    }
    kernel_close(k);
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            open_growing(k);
            k->made = (uint64_t)(i + 1) << 32;
            (void)snprintf(name, sizeof name, "t%d", i);
            append_many(k, name, 2 * COMMITS);
            kernel_close(k);
            _exit(0);
        }
    }
    for (int i = 0; i < 3; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    remove_file(k, "index/data.mdb");
    kernel_open(k);
    assert_true(count_runs(k) > 0);
    for (int i = 0; i < 3; i++) {
        struct arm_table_state *rows;

        (void)snprintf(name, sizeof name, "t%d", i);
        rows = kernel_state(k, "main", name);
        assert_int_equal(rows->live_rows, 2 * COMMITS);
        arm__table_state_drop(rows);
    }
    expect_healthy(k);
}

/* ---- Damaged ---- */

/* A run that is not what it was: told, the log folded instead, the next checkpoint whole. */
static void test_checkpoint_damaged_is_done_without(void **state)
{
    struct kernel *k = *state;
    struct arm_recovery_report report;
    char path[TEMP_PATH_BYTES];
    char issue[1024];

    make(k);
    kernel_open(k);
    run_path(k, 0, path);
    kernel_close(k);
    flip(path, 100);
    kernel_open(k);
    assert_int_equal(issues_of(k, issue), 1);
    assert_non_null(strstr(issue, "chunk "));
    assert_non_null(strstr(issue, "no data is lost"));
    kernel_close(k);
    remove_file(k, "index/data.mdb");
    report = open_and_look(k);
    assert_int_equal(report.restored_tx, 0);
    assert_int_equal(report.folded, COMMITS + 13);
    assert_false(temp_exists(&k->dir, "log/checkpoint"));
    checkpoint(k);
    assert_int_equal(count_runs(k), 1);
    assert_int_equal(issues_of(k, issue), 1); /* nobody's any more, and still damaged */
    assert_non_null(strstr(issue, "stray "));
    assert_int_equal(unlink(path), 0);
    expect_whole(k, COMMITS + 11);
}

static void test_checkpoint_missing_is_done_without(void **state)
{
    struct kernel *k = *state;
    struct arm_recovery_report report;
    char path[TEMP_PATH_BYTES];

    make(k);
    kernel_open(k);
    run_path(k, 0, path);
    kernel_close(k);
    assert_int_equal(unlink(path), 0);
    kernel_open(k); /* a missing run is not gone on from */
    checkpoint(k);
    assert_int_equal(count_runs(k), 1);
    kernel_close(k);
    remove_file(k, "index/data.mdb");
    report = open_and_look(k);
    assert_int_equal(report.folded, 1);
    expect_whole(k, COMMITS + 11);
}

static void test_checkpoint_hint_of_noise_is_done_without(void **state)
{
    static const char *const hints[] = {"", "noise", "tx 1 segment 0 offset 4096\n",
                                        "tx 2 segment 0 offset 4096\n"};
    struct kernel *k = *state;
    struct arm_recovery_report report;

    make(k);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        remove_file(k, "index/data.mdb");
        temp_write_file(&k->dir, "log/checkpoint", hints[i], strlen(hints[i]));
        report = open_and_look(k);
        assert_int_equal(report.restored_tx, 0);
        expect_whole(k, COMMITS + 11);
        kernel_close(k);
    }
    kernel_open(k);
}

/* The hint is written when its record is durable: a log without that record has lost it. */
static void test_checkpoint_tells_a_lost_end_of_the_log(void **state)
{
    struct kernel *k = *state;
    struct arm_repository_options options = {.read_only = false};
    char path[TEMP_PATH_BYTES];
    char other[TEMP_PATH_BYTES];
    arm_status st;

    (void)kernel_create_table(k, "main", "t");
    append_many(k, "t", 3);
    kernel_close(k);
    (void)temp_path(&k->dir, "log/0000000000000000.seg", path);
    (void)temp_path(&k->dir, "older.seg", other);
    {
        char command[3 * TEMP_PATH_BYTES];

        (void)snprintf(command, sizeof command, "cp %s %s", path, other);
        assert_int_equal(system(command), 0);
    }
    kernel_open(k);
    append_many(k, "t", 3);
    checkpoint(k);
    kernel_close(k);
    assert_int_equal(rename(other, path), 0);
    remove_file(k, "index/data.mdb");
    remove_file(k, "index/trust");
    remove_file(k, "log/shared"); /* which would tell it, too */
    st = arm__repository_open(k->dir.path, &options, &k->repository, &k->err);
    assert_int_equal(st, ARM_CORRUPT);
    assert_non_null(strstr(k->err.message, "log/checkpoint"));
    remove_file(k, "log/checkpoint"); /* on purpose: all that vouches for it */
    remove_file(k, "log/shared");
    kernel_open(k);
    expect_whole(k, 4);
}

/* ---- Failing ---- */

static void test_checkpoint_that_fails_leaves_nothing(void **state)
{
    struct kernel *k = *state;
    uint64_t n;

    (void)kernel_create_table(k, "main", "t");
    append_many(k, "t", 5);
    for (n = 1;; n++) {
        arm_status st;

        io_fault_at(k->fault, n, ENOSPC, IO_FAULT_ONCE);
        st = arm__repository_checkpoint(k->repository, &k->err);
        if (!io_fault_happened(k->fault)) {
            assert_ok(st, k->err);
            break;
        }
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
        if (st == ARM_COMMIT_UNKNOWN || arm__log_poisoned(arm__repository_log(k->repository))) {
            kernel_reopen(k);
        }
        (void)kernel_append(k, "main", "t", 1); /* so that there is something new */
    }
    assert_true(n > 10);
    io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
    expect_healthy(k);
}

static void test_checkpoint_survives_lack_of_memory(void **state)
{
    struct kernel *k = *state;

    (void)kernel_create_table(k, "main", "t");
    append_many(k, "t", 5);
    for (uint64_t n = 1;; n++) {
        arm_status st;

        (void)arm__alloc_fail_at(n);
        st = arm__repository_checkpoint(k->repository, &k->err);
        if (arm__alloc_fail_at(0) < n) {
            assert_ok(st, k->err);
            break;
        }
        assert_true(st == ARM_NO_MEMORY || st == ARM_COMMIT_UNKNOWN || st == ARM_OK);
        (void)kernel_append(k, "main", "t", 1);
    }
    expect_healthy(k);
}

/* Every operation of a restoring that fails once: the opening fails, or does without. */
static void test_checkpoint_restore_survives_faults(void **state)
{
    struct kernel *k = *state;
    struct arm_repository_options options = {.io = io_fault_io(k->fault)};
    uint64_t n;

    make(k);
    for (n = 1;; n++) {
        char path[TEMP_PATH_BYTES];
        arm_status st;

        (void)unlink(temp_path(&k->dir, "index/data.mdb", path));
        io_fault_at(k->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__repository_open(k->dir.path, &options, &k->repository, &k->err);
        if (!io_fault_happened(k->fault)) {
            assert_ok(st, k->err);
            break;
        }
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
        if (st == ARM_OK) {
            kernel_close(k);
        }
        kernel_open(k);
        expect_whole(k, COMMITS + 11);
        kernel_close(k);
    }
    assert_true(n > 20);
    io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
    expect_whole(k, COMMITS + 11);
}

/* Killed at any operation of a restoring: the half of an index that is left is not believed. */
static void test_checkpoint_restore_killed_starts_over(void **state)
{
    struct kernel *k = *state;
    bool was_killed = true;

    make(k);
    for (uint64_t n = 1; was_killed; n += 3) {
        char path[TEMP_PATH_BYTES];
        pid_t child;
        int status;

        (void)unlink(temp_path(&k->dir, "index/data.mdb", path));
        child = fork();
        if (child == 0) {
            struct io_fault *fault = io_fault_new(arm__io_system());
            struct arm_repository_options options = {.io = io_fault_io(fault)};

            io_fault_at(fault, n, 0, IO_FAULT_KILL);
            (void)arm__repository_open(k->dir.path, &options, &k->repository, NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        was_killed = WIFSIGNALED(status);
        kernel_open(k);
        expect_whole(k, COMMITS + 11);
        kernel_close(k);
    }
    kernel_open(k);
}

#define fault_test(f) cmocka_unit_test_setup_teardown(f, kernel_setup_fault, kernel_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_checkpoint_saves_folding),
        kernel_test(test_checkpoint_continues_runs),
        kernel_test(test_checkpoint_changes_nothing_that_is_read),
        kernel_test(test_checkpoint_comes_with_growth),
        kernel_test(test_checkpoint_is_not_made_by_opening_closing_or_refs),
        kernel_test(test_checkpoint_of_many_processes),
        kernel_test(test_checkpoint_damaged_is_done_without),
        kernel_test(test_checkpoint_missing_is_done_without),
        kernel_test(test_checkpoint_hint_of_noise_is_done_without),
        kernel_test(test_checkpoint_tells_a_lost_end_of_the_log),
        fault_test(test_checkpoint_that_fails_leaves_nothing),
        kernel_test(test_checkpoint_survives_lack_of_memory),
        fault_test(test_checkpoint_restore_survives_faults),
        kernel_test(test_checkpoint_restore_killed_starts_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
