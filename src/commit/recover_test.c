/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are killed in the middle of a commit, alone and beside living ones. */
#include "commit/repository.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel_fixture.h"

/* ---- A process that dies ---- */

/* A door that kills the process right after its n-th write to the log. */
static struct {
    struct arm_io io;
    uint64_t writes;
    uint64_t kill_after;
} deadly;

static arm_status deadly_write(void *self, struct arm_file *file, uint64_t offset, const void *data,
                               size_t size, struct arm_error *err)
{
    arm_status st = arm__io_system()->write(self, file, offset, data, size, err);

    if (++deadly.writes == deadly.kill_after) {
        (void)raise(SIGKILL);
    }
    return st;
}

/* How it dies: after the n-th write, or instead of the n-th operation. */
struct death {
    uint64_t after_write;
    uint64_t at_operation;
};

/* Open, wait for the word to go, commit one row; never returns. Exit 0: it was acknowledged. */
static void commit_and_die(struct kernel *k, const struct death *death, int ready, int go)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    struct arm_repository_options options = {.io = &deadly.io};
    struct kernel mine = *k;
    char byte = 0;

    deadly.io = *arm__io_system();
    deadly.io.write = deadly_write;
    deadly.writes = 0;
    deadly.kill_after = 0;
    mine.made += 1000;
    if (death->at_operation != 0) {
        options.io = io_fault_io(fault);
    }
    if (arm__repository_open(mine.dir.path, &options, &mine.repository, &mine.err) != ARM_OK ||
        write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1) {
        _exit(2);
    }
    deadly.kill_after = death->after_write;
    deadly.writes = 0;
    if (death->at_operation != 0) {
        io_fault_at(fault, death->at_operation, 0, IO_FAULT_KILL);
    }
    (void)kernel_append(&mine, "main", "t", 1);
    _exit(0);
}

struct child {
    pid_t pid;
    int ready[2];
    int go[2];
};

static void child_start(struct kernel *k, struct child *child, const struct death *death)
{
    char byte;

    assert_int_equal(pipe(child->ready), 0);
    assert_int_equal(pipe(child->go), 0);
    child->pid = fork();
    if (child->pid == 0) {
        commit_and_die(k, death, child->ready[1], child->go[0]);
    }
    assert_int_equal(read(child->ready[0], &byte, 1), 1);
}

/* True: it was killed; false: it ended by itself, acknowledged. */
static bool child_run(struct child *child)
{
    int status;

    assert_int_equal(write(child->go[1], "x", 1), 1);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    for (int i = 0; i < 2; i++) {
        (void)close(child->ready[i]);
        (void)close(child->go[i]);
    }
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* ---- What is left ---- */

static uint64_t head_version(struct kernel *k)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_table_info info = {.schema = NULL};

    assert_true(kernel_find(k, &at, "t", &info));
    return info.row.version;
}

static void verify_is_healthy(struct kernel *k)
{
    struct arm_verify_report report;
    char issue[1024] = "";

    assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    assert_string_equal(issue, "");
}

/* The commit of the dead is wholly there or not at all, and the next one follows. */
static void expect_whole(struct kernel *k, uint64_t before, bool was_killed)
{
    uint64_t version = kernel_append(k, "main", "t", 1);
    struct arm_table_state *rows;

    if (was_killed) {
        assert_true(version == before + 1 || version == before + 2);
    } else {
        assert_int_equal(version, before + 2);
    }
    rows = kernel_state(k, "main", "t");
    assert_int_equal(rows->live_rows, version - 1);
    arm__table_state_drop(rows);
    verify_is_healthy(k);
}

/* The dead one was alone: the next opener is the first. */
static bool die_alone(struct kernel *k, const struct death *death)
{
    uint64_t before = head_version(k);
    struct child child;
    bool was_killed;

    kernel_close(k);
    child_start(k, &child, death);
    was_killed = child_run(&child);
    kernel_open(k);
    expect_whole(k, before, was_killed);
    return was_killed;
}

/* Somebody lives on: nobody recovers, the next commit catches up. */
static bool die_in_company(struct kernel *k, const struct death *death)
{
    uint64_t before = head_version(k);
    struct child child;
    bool was_killed;

    kernel_close(k);
    child_start(k, &child, death);
    kernel_open(k);
    was_killed = child_run(&child);
    expect_whole(k, before, was_killed);
    return was_killed;
}

static void test_recover_killed_instead_of_any_operation(void **state)
{
    struct kernel *k = *state;
    bool was_killed = true;

    (void)kernel_create_table(k, "main", "t");
    for (uint64_t n = 1; was_killed; n++) {
        struct death death = {.at_operation = n};

        was_killed = die_alone(k, &death);
        assert_int_equal(die_in_company(k, &death), was_killed);
    }
}

/* Between the append and the fold's commit: the frame is there, the index does not know. */
static void test_recover_killed_between_append_and_fold(void **state)
{
    struct kernel *k = *state;
    bool was_killed = true;

    (void)kernel_create_table(k, "main", "t");
    for (uint64_t n = 1; was_killed; n++) {
        struct death death = {.after_write = n};
        uint64_t before = head_version(k);

        was_killed = die_in_company(k, &death);
        assert_int_equal(head_version(k), was_killed && n < 2 ? before + 1 : before + 2);
        assert_int_equal(die_alone(k, &death), was_killed);
    }
}

/* Readers that stay open meanwhile see the dead one's commit once somebody made it durable. */
static void test_recover_folds_what_the_dead_left(void **state)
{
    struct kernel *k = *state;
    struct death death = {.after_write = 2}; /* the mark, then the frame */
    struct arm_recovery_report report;
    struct child child;

    (void)kernel_create_table(k, "main", "t");
    kernel_close(k);
    child_start(k, &child, &death);
    kernel_open(k);
    assert_true(child_run(&child));
    assert_int_equal(head_version(k), 1);
    assert_ok(arm__repository_recover(k->repository, &report, &k->err), k->err);
    assert_int_equal(report.folded, 1);
    assert_false(report.is_clean);
    assert_int_equal(head_version(k), 2);
    assert_ok(arm__repository_recover(k->repository, &report, &k->err), k->err);
    assert_true(report.is_clean);
}

/* Where the kernel does not tell mountings apart (O6), nothing of the dead is believed. */
static void skip_without_mounts(struct kernel *k)
{
    const struct arm_io *io = arm__io_system();
    struct arm_stat stat;

    assert_ok(io->stat(io->self, k->dir.path, &stat, &k->err), k->err);
    if (stat.mount == 0) {
        print_message("skipped: this kernel has no unique ids of mountings (Linux 6.8)\n");
        skip();
    }
}

/* Same boot, same file: what a killed process had folded is believed; and staged files go. */
static void test_recover_R2_same_boot_is_trusted(void **state)
{
    struct kernel *k = *state;
    struct arm_recovery_report report;
    struct child child;
    struct death death = {.at_operation = 0};
    char *staged = NULL;
    pid_t pid;

    skip_without_mounts(k);
    (void)kernel_create_table(k, "main", "t");
    kernel_close(k);
    child_start(k, &child, &death);
    assert_false(child_run(&child)); /* _exit without a close */
    pid = fork();
    if (pid == 0) {
        kernel_open(k);
        assert_ok(arm__store_stage(arm__repository_store(k->repository), &staged, &k->err), k->err);
        _exit(open(staged, O_CREAT | O_WRONLY, 0666) >= 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    kernel_open(k);
    arm__repository_recovery(k->repository, &report);
    assert_true(report.was_first);
    assert_false(report.rebuilt);
    assert_int_equal(report.folded, 0);
    assert_int_equal(report.rolled_back, 1);
    assert_false(report.is_clean);
    assert_int_equal(head_version(k), 2);
}

/* A door that says something else than the system of the machine it runs on. */
static struct {
    struct arm_io io;
    bool rebooted;
    bool remounted;
    bool has_no_mounts; /* an older kernel */
} machine;

static arm_status machine_stat(void *self, const char *path, struct arm_stat *out,
                               struct arm_error *err)
{
    arm_status st = arm__io_system()->stat(self, path, out, err);

    if (st == ARM_OK) {
        out->mount = machine.has_no_mounts ? 0 : out->mount + (machine.remounted ? 1 : 0);
    }
    return st;
}

static bool machine_boot_id(void *self, struct arm_id *out)
{
    bool found = arm__io_system()->boot_id(self, out);

    out->bytes[0] ^= machine.rebooted ? 1 : 0;
    return found;
}

/* Open what a killed process left; whether the index was made anew. */
static bool rebuilds(struct kernel *k)
{
    struct arm_repository_options options = {.io = &machine.io};
    struct arm_recovery_report report;
    struct child child;
    struct death death = {.at_operation = 0};

    machine.io = *arm__io_system();
    machine.io.stat = machine_stat;
    machine.io.boot_id = machine_boot_id;
    kernel_close(k);
    child_start(k, &child, &death);
    assert_false(child_run(&child)); /* _exit without a close */
    assert_ok(arm__repository_open(k->dir.path, &options, &k->repository, &k->err), k->err);
    arm__repository_recovery(k->repository, &report);
    verify_is_healthy(k);
    return report.rebuilt;
}

static void test_recover_R2_other_boots_and_mounts_are_not(void **state)
{
    struct kernel *k = *state;

    skip_without_mounts(k);
    (void)kernel_create_table(k, "main", "t");
    machine.rebooted = machine.remounted = machine.has_no_mounts = false;
    assert_false(rebuilds(k));
    machine.rebooted = true;
    assert_true(rebuilds(k));
    machine.rebooted = false;
    machine.remounted = true;
    assert_true(rebuilds(k));
    machine.remounted = false;
    machine.has_no_mounts = true;
    assert_true(rebuilds(k));
    machine.has_no_mounts = false;
    assert_int_equal(head_version(k), 5);
}

/* An index that was not closed is believed in the same boot; not if it is no index. */
static void test_recover_R2_damaged_index_of_the_dead_is_made_anew(void **state)
{
    struct kernel *k = *state;

    (void)kernel_create_table(k, "main", "t");
    for (int damage = 0; damage < 3; damage++) {
        struct death death = {.at_operation = 0};
        struct arm_recovery_report report;
        char path[TEMP_PATH_BYTES];
        char noise[8192];
        uint64_t before = head_version(k);
        struct child child;
        int file;

        kernel_close(k);
        child_start(k, &child, &death);
        assert_false(child_run(&child));
        file = open(temp_path(&k->dir, "index/data.mdb", path), O_RDWR);
        memset(noise, 0x33, sizeof noise);
        if (damage == 0) { /* behind the meta pages */
            assert_int_equal(ftruncate(file, 12288), 0);
        } else if (damage == 1) {
            assert_int_equal(pwrite(file, noise, sizeof noise, 0), sizeof noise);
        } else {
            assert_int_equal(ftruncate(file, 0), 0);
        }
        (void)close(file);
        kernel_open(k);
        arm__repository_recovery(k->repository, &report);
        assert_true(report.rebuilt);
        assert_int_equal(head_version(k), before + 1);
        verify_is_healthy(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_recover_killed_instead_of_any_operation),
        kernel_test(test_recover_killed_between_append_and_fold),
        kernel_test(test_recover_folds_what_the_dead_left),
        kernel_test(test_recover_R2_same_boot_is_trusted),
        kernel_test(test_recover_R2_other_boots_and_mounts_are_not),
        kernel_test(test_recover_R2_damaged_index_of_the_dead_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
