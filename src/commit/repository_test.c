/* SPDX-License-Identifier: Apache-2.0 */
/* Making, opening and closing; what is refused, and what the first opener mends. */
#include "commit/repository.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "support/kernel_fixture.h"

static arm_status open_at(const char *path, bool read_only, struct arm_repository **out,
                          struct arm_error *err)
{
    struct arm_repository_options options = {.read_only = read_only};

    return arm__repository_open(path, &options, out, err);
}

static struct arm_recovery_report report_of(struct kernel *k)
{
    struct arm_recovery_report report;

    arm__repository_recovery(k->repository, &report);
    return report;
}

static void write_text(struct kernel *k, const char *name, const char *text)
{
    temp_write_file(&k->dir, name, text, strlen(text));
}

static struct stat stat_of(struct kernel *k, const char *name)
{
    char path[TEMP_PATH_BYTES];
    struct stat found;

    assert_int_equal(stat(temp_path(&k->dir, name, path), &found), 0);
    return found;
}

/* ---- Making ---- */

static void test_repository_create_makes_the_layout(void **state)
{
    static const char *const names[] = {"chunks", "staging", "log",  "index",
                                        "cold",   "FORMAT",  "HEAD", "log/0000000000000000.seg"};
    struct kernel *k = *state;
    struct arm_recovery_report report = report_of(k);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(temp_exists(&k->dir, names[i]));
    }
    assert_false(temp_exists(&k->dir, "FORMAT.new"));
    assert_int_equal(temp_count_files(&k->dir, "chunks"), 0);
    assert_int_equal(kernel_snapshot(k, "main").branch_id, 1);
    assert_int_equal(kernel_snapshot(k, "main").tx, 1);
    assert_true(report.was_first);
    assert_true(report.is_clean);
    assert_false(report.rebuilt);
}

static void test_repository_create_touches_nothing_that_is_there(void **state)
{
    struct kernel *k = *state;
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];

    assert_fails(ARM_EXISTS, arm__repository_create(NULL, k->dir.path, &err), err);
    assert_fails(ARM_EXISTS, arm__repository_create(NULL, temp_path(&k->dir, "FORMAT", path), &err),
                 err);
    temp_make_subdirectory(&k->dir, "full");
    temp_write_file(&k->dir, "full/note", "x", 1);
    assert_fails(ARM_EXISTS, arm__repository_create(NULL, temp_path(&k->dir, "full", path), &err),
                 err);
    kernel_close(k);
    assert_int_equal(unlink(temp_path(&k->dir, "FORMAT", path)), 0); /* a log, but no FORMAT */
    assert_fails(ARM_EXISTS, arm__repository_create(NULL, k->dir.path, &err), err);
    assert_true(temp_exists(&k->dir, "log/0000000000000000.seg"));
    assert_fails(ARM_NOT_REPOSITORY, open_at(k->dir.path, false, &k->repository, &err), err);
}

static void test_repository_create_makes_directories_above(void **state)
{
    struct kernel *k = *state;
    struct arm_repository *repository = NULL;
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];

    (void)temp_path(&k->dir, "a/b/c/", path);
    assert_ok(arm__repository_create(NULL, path, &err), err);
    assert_ok(open_at(path, false, &repository, &err), err);
    assert_int_not_equal(arm__repository_path(repository)[0], '\0');
    arm__repository_close(repository);
}

/* Cut off at any operation, a creation can be begun anew, and ends whole. */
static void test_repository_create_can_be_interrupted(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    struct arm_error err = {0};
    bool happened = true;

    for (uint64_t n = 1; happened; n++) {
        struct temp_dir dir = temp_dir_make();
        struct arm_repository *repository = NULL;
        arm_status st;

        io_fault_at(fault, n, EIO, IO_FAULT_AFTER);
        st = arm__repository_create(io_fault_io(fault), dir.path, &err);
        happened = io_fault_happened(fault);
        if (st != ARM_OK && !temp_exists(&dir, "FORMAT")) {
            assert_ok(arm__repository_create(NULL, dir.path, &err), err);
        }
        assert_ok(open_at(dir.path, false, &repository, &err), err);
        assert_int_equal(arm__log_durable_to(arm__repository_log(repository)), 1);
        arm__repository_close(repository);
        temp_dir_remove(&dir);
    }
    io_fault_free(fault);
}

/* ---- Refusals ---- */

static void test_repository_open_names_what_is_wrong(void **state)
{
    struct kernel *k = *state;
    struct arm_repository *repository = NULL;
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];

    assert_fails(ARM_NOT_REPOSITORY,
                 open_at(temp_path(&k->dir, "nowhere", path), false, &repository, &err), err);
    assert_fails(ARM_NOT_REPOSITORY,
                 open_at(temp_path(&k->dir, "FORMAT", path), false, &repository, &err), err);
    assert_non_null(strstr(err.message, "is a file"));
    assert_fails(ARM_NOT_REPOSITORY,
                 open_at(temp_path(&k->dir, "chunks", path), false, &repository, &err), err);
    assert_fails(ARM_BUSY, open_at(k->dir.path, false, &repository, &err), err);
    kernel_close(k);
    write_text(k, "FORMAT", "armillaria repository\nformat 9\nreads-with 3.1\n");
    assert_fails(ARM_NEWER_FORMAT, open_at(k->dir.path, false, &repository, &err), err);
    assert_non_null(strstr(err.message, "3.1"));
    assert_non_null(strstr(err.message, k->dir.path));
    write_text(k, "FORMAT", "armillaria repository\nformat 1\n");
    assert_fails(ARM_CORRUPT, open_at(k->dir.path, false, &repository, &err), err);
}

static void test_repository_open_without_permission(void **state)
{
    struct kernel *k = *state;
    struct arm_repository *repository = NULL;
    struct arm_error err = {0};
    pid_t child;
    int status;

    kernel_close(k);
    assert_int_equal(chmod(k->dir.path, 0700), 0);
    child = fork();
    if (child == 0) { /* root may everything */
        bool dropped = setgid(65534) == 0 && setuid(65534) == 0;

        _exit(!dropped || open_at(k->dir.path, true, &repository, &err) == ARM_PERMISSION ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_repository_R4_forked_handle_is_refused(void **state)
{
    struct kernel *k = *state;
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct arm_snapshot at;
        bool is_refused = arm__repository_check(k->repository, false, &k->err) == ARM_FORKED &&
                          arm__catalog_snapshot(arm__repository_catalog(k->repository), "main", &at,
                                                &k->err) == ARM_FORKED;

        arm__repository_close(k->repository); /* does nothing */
        _exit(is_refused ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(kernel_create_table(k, "main", "t"), 1); /* the parent goes on */
    assert_fails(ARM_BUSY, open_at(k->dir.path, false, &k->repository, &k->err), k->err);
}

/* ---- R2, R3: the index is trusted, or made anew ---- */

static void make_history(struct kernel *k)
{
    (void)kernel_create_table(k, "main", "t");
    for (int i = 0; i < 5; i++) {
        (void)kernel_append(k, "main", "t", 2);
    }
}

static void expect_history(struct kernel *k)
{
    struct arm_table_state *rows = kernel_state(k, "main", "t");

    assert_int_equal(rows->live_rows, 10);
    arm__table_state_drop(rows);
    assert_int_equal(kernel_append(k, "main", "t", 2), 7);
}

static void test_repository_R3_clean_close_is_trusted_and_unwritten(void **state)
{
    struct kernel *k = *state;
    struct stat before;
    struct stat after;

    make_history(k);
    kernel_close(k);
    before = stat_of(k, "index/data.mdb");
    for (int i = 0; i < 3; i++) {
        struct arm_recovery_report report;

        kernel_open(k);
        report = report_of(k);
        assert_true(report.is_clean);
        assert_int_equal(report.folded, 0);
        assert_int_equal(kernel_snapshot(k, "main").tx, 7);
        kernel_close(k);
    }
    after = stat_of(k, "index/data.mdb");
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    assert_int_equal(temp_count_files(&k->dir, "chunks"), 0);
    kernel_open(k);
    expect_history(k);
}

enum damage {
    DELETED,
    EMPTIED,
    HALVED,
    GARBAGE,
    MIDDLE,
    NO_DIRECTORY,
    NO_TRUST,
    OTHER_BOOT,
    OTHER_FILE,
    OTHER_MOUNT
};

/* As a power cut leaves the marks, or a copy, or a file system mounted anew: all else is right. */
static void set_trust(struct kernel *k, enum damage damage)
{
    const struct arm_io *io = arm__io_system();
    struct arm_trust trust;
    bool found = false;

    assert_ok(arm__trust_read(io, k->dir.path, &trust, &found, &k->err), k->err);
    assert_true(found);
    trust.is_clean = false;
    if (damage == OTHER_BOOT) {
        (void)snprintf(trust.boot_id, sizeof trust.boot_id, "01-02");
    }
    trust.inode += damage == OTHER_FILE;
    trust.mount += damage == OTHER_MOUNT;
    assert_ok(arm__trust_write(io, k->dir.path, &trust, &k->err), k->err);
}

static void damage_index(struct kernel *k, enum damage damage)
{
    uint64_t size = (uint64_t)stat_of(k, "index/data.mdb").st_size;
    char path[TEMP_PATH_BYTES];
    char noise[20000];
    int file = open(temp_path(&k->dir, "index/data.mdb", path), O_RDWR);

    memset(noise, 0x5a, sizeof noise);
    assert_true(file >= 0);
    switch (damage) {
    case DELETED:
        assert_int_equal(unlink(path), 0);
        break;
    case EMPTIED:
        assert_int_equal(ftruncate(file, 0), 0);
        break;
    case HALVED:
        assert_int_equal(ftruncate(file, (off_t)size / 2 / 4096 * 4096), 0);
        break;
    case GARBAGE:
        assert_int_equal(pwrite(file, noise, sizeof noise, 0), sizeof noise);
        break;
    case MIDDLE:
        assert_int_equal(pwrite(file, noise, 8192, 12288), 8192);
        break;
    case NO_DIRECTORY:
        for (size_t i = 0; i < 4; i++) {
            static const char *const names[] = {"data.mdb", "lock.mdb", "trust", "lock"};
            char name[64];

            (void)snprintf(name, sizeof name, "index/%s", names[i]);
            assert_int_equal(unlink(temp_path(&k->dir, name, path)), 0);
        }
        assert_int_equal(rmdir(temp_path(&k->dir, "index", path)), 0);
        break;
    case NO_TRUST:
        assert_int_equal(unlink(temp_path(&k->dir, "index/trust", path)), 0);
        break;
    case OTHER_BOOT:
    case OTHER_FILE:
    case OTHER_MOUNT:
        set_trust(k, damage);
        break;
    }
    assert_int_equal(close(file), 0);
}

static void test_repository_R2_damaged_index_is_made_anew(void **state)
{
    for (int damage = DELETED; damage <= OTHER_MOUNT; damage++) {
        struct kernel *k = *state;
        struct arm_recovery_report report;

        make_history(k);
        kernel_close(k);
        damage_index(k, (enum damage)damage);
        kernel_open(k);
        report = report_of(k);
        assert_true(report.rebuilt);
        assert_false(report.is_clean);
        assert_int_equal(report.folded, 7);
        expect_history(k);
        assert_int_equal(kernel_teardown(state), 0);
        assert_int_equal(kernel_setup(state), 0);
    }
}

/* ---- Damage of the log ---- */

static void flip_log(struct kernel *k, off_t offset)
{
    char path[TEMP_PATH_BYTES];
    int file = open(temp_path(&k->dir, "log/0000000000000000.seg", path), O_RDWR);
    char byte;

    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    assert_int_equal(close(file), 0);
}

/* Where the record of a tx stands. */
static off_t offset_of(struct kernel *k, uint64_t tx)
{
    struct arm_index_txn *txn;
    struct arm_record_row row = {.offset = 0};
    bool found;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_record(txn, tx, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    assert_true(found);
    return (off_t)row.offset;
}

static void test_repository_damaged_log_serves_what_is_good(void **state)
{
    struct kernel *k = *state;
    char path[TEMP_PATH_BYTES];
    struct arm_table_state *rows;
    off_t offset;

    make_history(k);
    offset = offset_of(k, 5);
    kernel_close(k);
    flip_log(k, offset + 100);
    assert_int_equal(unlink(temp_path(&k->dir, "index/data.mdb", path)), 0);
    for (int round = 0; round < 2; round++) {
        assert_fails(ARM_CORRUPT, open_at(k->dir.path, false, &k->repository, &k->err), k->err);
        assert_non_null(strstr(k->err.message, "segment 0"));
        assert_non_null(strstr(k->err.message, "restore"));
        kernel_open_as(k, true);
        assert_true(report_of(k).damaged);
        assert_int_equal(kernel_snapshot(k, "main").tx, 4);
        rows = kernel_state(k, "main", "t");
        assert_int_equal(rows->live_rows, 4);
        arm__table_state_drop(rows);
        assert_fails(ARM_CORRUPT, arm__repository_check(k->repository, true, &k->err), k->err);
        kernel_close(k);
    }
    flip_log(k, offset + 100); /* mended by hand */
    kernel_open(k);
    expect_history(k);
}

/* What a clean close vouched for and the log has lost is damage, also the second time. */
static void test_repository_lost_end_of_log_is_damage(void **state)
{
    struct kernel *k = *state;
    char path[TEMP_PATH_BYTES];
    off_t offset;

    make_history(k);
    offset = offset_of(k, 6);
    kernel_close(k);
    assert_int_equal(truncate(temp_path(&k->dir, "log/0000000000000000.seg", path), offset), 0);
    for (int round = 0; round < 2; round++) {
        assert_fails(ARM_CORRUPT, open_at(k->dir.path, false, &k->repository, &k->err), k->err);
        kernel_open_as(k, true);
        assert_int_equal(kernel_snapshot(k, "main").tx, 5);
        kernel_close(k);
    }
}

/* A writer that comes while somebody reads the good part is refused too. */
static void test_repository_damage_is_told_to_later_openers(void **state)
{
    struct kernel *k = *state;
    off_t offset;
    pid_t child;
    int status;

    make_history(k);
    offset = offset_of(k, 3);
    kernel_close(k);
    flip_log(k, offset + 90);
    damage_index(k, DELETED);
    kernel_open_as(k, true);
    child = fork();
    if (child == 0) {
        struct arm_repository *other = NULL;
        struct arm_error err = {0};
        bool is_right = open_at(k->dir.path, false, &other, &err) == ARM_CORRUPT &&
                        strstr(err.message, "segment 0") != NULL;

        _exit(is_right && open_at(k->dir.path, true, &other, &err) == ARM_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- Failures while opening ---- */

static void test_repository_open_out_of_memory_leaves_nothing_held(void **state)
{
    struct kernel *k = *state;
    uint64_t failures = 0;
    arm_status st = ARM_NO_MEMORY;

    make_history(k);
    for (int rebuild = 0; rebuild < 2; rebuild++) {
        kernel_close(k);
        st = ARM_NO_MEMORY;
        for (uint64_t n = 1; st != ARM_OK; n++) {
            if (rebuild == 1) {
                damage_index(k, NO_TRUST);
                write_text(k, "index/trust", "");
            }
            (void)arm__alloc_fail_at(n);
            st = open_at(k->dir.path, false, &k->repository, &k->err);
            (void)arm__alloc_fail_at(0);
            assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
            failures += st == ARM_NO_MEMORY;
        }
    }
    assert_true(failures > 20);
    expect_history(k);
}

static void test_repository_open_survives_every_io_failure(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    struct arm_repository_options options = {.io = io_fault_io(fault)};
    struct kernel *k = *state;
    bool happened = true;

    make_history(k);
    kernel_close(k);
    for (uint64_t n = 1; happened; n++) {
        struct arm_repository *repository = NULL;
        arm_status st;

        if (n % 3 == 0) {
            write_text(k, "index/trust", ""); /* the rebuild's operations too */
        }
        io_fault_at(fault, n, EIO, IO_FAULT_ONCE);
        st = arm__repository_open(k->dir.path, &options, &repository, &k->err);
        happened = io_fault_happened(fault);
        io_fault_at(fault, 0, 0, IO_FAULT_ONCE);
        if (st == ARM_OK) {
            assert_int_equal(arm__log_durable_to(arm__repository_log(repository)), 7);
        }
        arm__repository_close(repository);
    }
    io_fault_free(fault);
    kernel_open(k);
    expect_history(k);
}

static void test_repository_sizes_and_recover(void **state)
{
    struct kernel *k = *state;
    struct arm_size_report sizes;
    struct arm_recovery_report report;

    make_history(k);
    (void)kernel_chunk(k, 3);
    assert_ok(arm__repository_sizes(k->repository, &sizes, &k->err), k->err);
    assert_int_equal(sizes.chunk_files, 1);
    assert_int_equal(sizes.chunk_bytes, 100);
    assert_true(sizes.log_bytes > 4096);
    assert_true(sizes.index_bytes > 4096);
    assert_ok(arm__repository_recover(k->repository, &report, &k->err), k->err);
    assert_true(report.is_clean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_repository_create_makes_the_layout),
        kernel_test(test_repository_create_touches_nothing_that_is_there),
        kernel_test(test_repository_create_makes_directories_above),
        cmocka_unit_test(test_repository_create_can_be_interrupted),
        kernel_test(test_repository_open_names_what_is_wrong),
        kernel_test(test_repository_open_without_permission),
        kernel_test(test_repository_R4_forked_handle_is_refused),
        kernel_test(test_repository_R3_clean_close_is_trusted_and_unwritten),
        kernel_test(test_repository_R2_damaged_index_is_made_anew),
        kernel_test(test_repository_damaged_log_serves_what_is_good),
        kernel_test(test_repository_lost_end_of_log_is_damage),
        kernel_test(test_repository_damage_is_told_to_later_openers),
        kernel_test(test_repository_open_out_of_memory_leaves_nothing_held),
        kernel_test(test_repository_open_survives_every_io_failure),
        kernel_test(test_repository_sizes_and_recover),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
