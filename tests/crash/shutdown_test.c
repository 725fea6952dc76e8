/* SPDX-License-Identifier: Apache-2.0 */
/* The same for real: a file system in a file, mounted through a loop device, is shut down in the
 * middle of a load without writing anything more, unmounted, and mounted again in the same boot.
 * Writers tell the parent through a pipe, outside of that file system, what was acknowledged; what
 * was told before the shutdown is there afterwards, and at most the statement in flight besides.
 * What is acknowledged while it happens is not judged: ext4 (seen on 6.18) may tell a sync in
 * flight done of which it then drops the extents: a plain program that writes and calls fdatasync
 * sees the same, and after a power cut nobody would have heard of it. The index, which has lost
 * what was not synced, is made anew: the boot is the same, the mounting is not.
 *
 * Needs root, loop devices and mkfs; without them it says so and is skipped (exit status 77).
 * ARM_SHUTDOWNS=n: so many rounds on each file system. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <armillaria.h>

#include "commit/repository.h"
#include "support/cmocka_all.h"
#include "support/journal.h"
#include "support/temp.h"

#define FS_IOC_SHUTDOWN_NUMBER 0x8004587dUL
enum { SHUTDOWN_NOLOGFLUSH = 2 };

enum {
    ROUNDS_DEFAULT = 6,
    WRITERS = 2,
    IMAGE_BYTES = 320 << 20,
    CHUNK_ROWS = 12000, /* more than hot rows may be */
    SQL_BYTES = 256,
    STATEMENTS_MAX = 100000,
    TRIES = 200,
    DELAY_US_MIN = 100000,
    DELAY_US_SPREAD = 600000,
    EXIT_SKIPPED = 77,
};

static const char *const kinds[] = {"ext4", "xfs"};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- A file system in a file ---- */

struct disk {
    struct temp_dir dir;
    char image[TEMP_PATH_BYTES];
    char mount[TEMP_PATH_BYTES];
    char repository[TEMP_PATH_BYTES];
    bool is_mounted;
};

/* Run a program, silent; its exit status. */
static int run(const char *const arguments[])
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        union {
            const char *const *in;
            char *const *out;
        } argv = {arguments};

        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)execvp(arguments[0], argv.out);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : 127;
}

static void nap(void)
{
    struct timespec time = {.tv_nsec = 50000000};

    (void)nanosleep(&time, NULL);
}

static bool is_writable(const struct disk *disk)
{
    char path[TEMP_PATH_BYTES];
    int fd = open(temp_path(&disk->dir, "mount/probe", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0 && unlink(path) == 0;
}

/* The loop device goes with the mounting. */
static void unmount_disk(struct disk *disk)
{
    const char *const arguments[] = {"umount", disk->mount, NULL};
    const char *const lazily[] = {"umount", "-l", disk->mount, NULL};

    for (int i = 0; disk->is_mounted && i < TRIES; i++) { /* somebody may still be going */
        disk->is_mounted = run(arguments) != 0;
        if (disk->is_mounted) {
            nap();
        }
    }
    if (disk->is_mounted) {
        (void)run(lazily);
        disk->is_mounted = false;
    }
}

/* Another program's mount namespace may have taken a copy of the mounting and keep what was shut
 * down alive for a while: that is then what is mounted again, and nothing can be written there. */
static bool mount_disk(struct disk *disk)
{
    const char *const arguments[] = {"mount", "-o", "loop", disk->image, disk->mount, NULL};

    for (int i = 0; i < TRIES; i++) {
        disk->is_mounted = run(arguments) == 0;
        if (!disk->is_mounted || is_writable(disk)) {
            break;
        }
        unmount_disk(disk);
        nap();
    }
    return disk->is_mounted;
}

/* False: it cannot be had here; `*out_why` says what could not be done. */
static bool make_disk(struct disk *disk, const char *kind, const char **out_why)
{
    char mkfs[32];
    const char *const arguments[] = {mkfs, "-q", strcmp(kind, "ext4") == 0 ? "-F" : "-f",
                                     disk->image, NULL};
    int fd;

    (void)snprintf(mkfs, sizeof mkfs, "mkfs.%s", kind);
    memset(disk, 0, sizeof *disk);
    disk->dir = temp_dir_make();
    (void)temp_path(&disk->dir, "image", disk->image);
    (void)temp_path(&disk->dir, "mount", disk->mount);
    (void)temp_path(&disk->dir, "mount/repository", disk->repository);
    temp_make_subdirectory(&disk->dir, "mount");
    fd = open(disk->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, IMAGE_BYTES) == 0);
    (void)close(fd);
    *out_why = "made (mkfs)";
    if (run(arguments) != 0) {
        return false;
    }
    *out_why = "mounted through a loop device";
    return mount_disk(disk);
}

static void free_disk(struct disk *disk)
{
    unmount_disk(disk);
    temp_dir_remove(&disk->dir);
}

/* Nothing that is not on the medium ever gets there. */
static void shut_down(const struct disk *disk)
{
    uint32_t how = SHUTDOWN_NOLOGFLUSH;
    int fd = open(disk->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, FS_IOC_SHUTDOWN_NUMBER, &how), 0);
    (void)close(fd);
}

/* ---- What a writer does: its statements follow from its number ---- */

static void statement_of(unsigned writer, unsigned n, char sql[SQL_BYTES])
{
    if (n % 9 == 4) {
        (void)snprintf(sql, SQL_BYTES, "INSERT INTO t SELECT %u, %u FROM range(%d)", writer, n,
                       CHUNK_ROWS);
    } else if (n % 9 == 6) { /* the chunk, and a row */
        (void)snprintf(sql, SQL_BYTES, "DELETE FROM t WHERE w = %u AND n IN (%u, %u)", writer,
                       n - 2, n - 3);
    } else {
        (void)snprintf(sql, SQL_BYTES, "INSERT INTO t VALUES (%u, %u)", writer, n);
    }
}

struct rows {
    uint64_t count;
    uint64_t sum; /* of n */
};

static struct rows rows_after(unsigned count)
{
    struct rows rows = {0, 0};

    for (unsigned n = 0; n < count; n++) {
        uint64_t size = n % 9 == 4 ? CHUNK_ROWS : n % 9 == 6 ? 0 : 1;

        if ((n % 9 == 4 && n + 2 < count) || (n % 9 == 3 && n + 3 < count)) {
            size = 0; /* deleted since */
        }
        rows.count += size;
        rows.sum += size * n;
    }
    return rows;
}

/* ---- Processes ---- */

static arm_status open_session(const char *path, arm_repo **out_repo, arm_session **out_session)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true, .thread_count = 2};
    struct arm_error err;
    arm_status st = arm_repo_open(path, &options, out_repo, &err);

    if (st == ARM_OK) {
        st = arm_session_open(*out_repo, NULL, out_session, &err);
    }
    if (st != ARM_OK) {
        (void)fprintf(stderr, "shutdown test: %s\n", err.message);
    }
    return st;
}

static arm_status run_sql(arm_session *session, const char *sql, uint64_t out[2],
                          struct arm_error *err)
{
    struct ArrowArrayStream stream;
    struct ArrowArray array = {.release = NULL};
    arm_status st = arm_sql(session, sql, NULL, &stream, NULL, err);

    if (st != ARM_OK) {
        return st;
    }
    if (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        for (int64_t i = 0; out != NULL && i < array.n_children && i < 2; i++) {
            out[i] = ((const uint64_t *)array.children[i]->buffers[1])[0];
        }
        array.release(&array);
    }
    stream.release(&stream);
    return ARM_OK;
}

/* Until the file system is gone: then a statement fails, or the process dies touching a mapped
 * page that can no longer be read. */
static void be_writer(const char *path, unsigned writer, int journal)
{
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    struct arm_error err;

    if (open_session(path, &repo, &session) != ARM_OK) {
        _exit(1);
    }
    for (unsigned n = 0; n < STATEMENTS_MAX; n++) {
        char sql[SQL_BYTES];

        statement_of(writer, n, sql);
        if (run_sql(session, sql, NULL, &err) != ARM_OK) {
            _exit(0);
        }
        if (write(journal, "", 1) != 1) {
            _exit(0);
        }
    }
}

#define judge(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, __VA_ARGS__);                                                    \
            _exit(3);                                                                              \
        }                                                                                          \
    } while (0)

/* The first to open it after the mounting: it must not believe the index. */
static void judge_recovery(const char *path)
{
    struct arm_repository_options options = {.io = NULL};
    struct arm_repository *repository = NULL;
    struct arm_recovery_report report;
    struct arm_error err = {0};

    judge(arm__repository_open(path, &options, &repository, &err) == ARM_OK, "opening: %s\n",
          err.message);
    arm__repository_recovery(repository, &report);
    judge(report.was_first && report.rebuilt, "the index was believed after a new mounting\n");
    arm__repository_close(repository);
}

/* What writers have told: when the shutdown began, and in all. */
struct told {
    unsigned before;
    unsigned ever;
};

static void be_judge(const char *path, unsigned first_writer, const struct told told[WRITERS])
{
    struct arm_verify_options options = {.size = sizeof options, .full = true};
    struct arm_verify_result verified;
    arm_session *session = NULL;
    arm_repo *repo = NULL;
    struct arm_error err = {0};
    char sql[SQL_BYTES];

    judge_recovery(path);
    judge(open_session(path, &repo, &session) == ARM_OK, "not opened\n");
    for (unsigned i = 0; i < WRITERS; i++) {
        uint64_t found[2] = {0, 0};
        bool is_right = false;

        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*)::UBIGINT, coalesce(sum(n), 0)::UBIGINT FROM t WHERE w = %u",
                       first_writer + i);
        judge(run_sql(session, sql, found, &err) == ARM_OK, "%s: %s\n", sql, err.message);
        for (unsigned count = told[i].before; count <= told[i].ever + 1; count++) {
            struct rows rows = rows_after(count);

            is_right = is_right || (found[0] == rows.count && found[1] == rows.sum);
        }
        judge(is_right,
              "writer %u: %u statements acknowledged, %u of them before the shutdown; "
              "%llu rows found, %llu expected\n",
              first_writer + i, told[i].ever, told[i].before, (unsigned long long)found[0],
              (unsigned long long)rows_after(told[i].before).count);
    }
    judge(run_sql(session, "INSERT INTO t VALUES (4000000, 0)", NULL, &err) == ARM_OK,
          "a commit afterwards: %s\n", err.message);
    judge(arm_verify(repo, &options, &verified, &err) == ARM_OK && verified.is_healthy,
          "verify: %llu issues\n", (unsigned long long)verified.issues);
    arm_session_close(session);
    arm_repo_close(repo);
    _exit(0);
}

static void make_repository(const char *path)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        arm_repo *repo = NULL;
        arm_session *session = NULL;
        struct arm_error err = {0};

        judge(open_session(path, &repo, &session) == ARM_OK &&
                  run_sql(session, "CREATE TABLE t (w UINTEGER, n UINTEGER)", NULL, &err) == ARM_OK,
              "making it: %s\n", err.message);
        arm_session_close(session);
        arm_repo_close(repo);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- A round ---- */

/* Statements acknowledged. The first writer is heard of before the wait begins, so that there is
 * a load to be cut short. */
static unsigned run_round(struct disk *disk, unsigned round)
{
    unsigned delay_us = DELAY_US_MIN + (unsigned)rand() % DELAY_US_SPREAD;
    struct timespec delay = {.tv_nsec = (long)delay_us * 1000};
    unsigned first_writer = round * WRITERS;
    struct told told[WRITERS] = {{0, 0}};
    int journals[WRITERS];
    pid_t children[WRITERS];
    unsigned total = 0;
    int status = 0;
    pid_t child;
    char byte;

    for (unsigned i = 0; i < WRITERS; i++) {
        children[i] = journal_start(be_writer, disk->repository, first_writer + i, &journals[i]);
    }
    told[0].ever = read(journals[0], &byte, 1) == 1;
    (void)nanosleep(&delay, NULL);
    for (unsigned i = 0; i < WRITERS; i++) {
        int waiting = 0;

        assert_int_equal(ioctl(journals[i], FIONREAD, &waiting), 0);
        told[i].before = told[i].ever + (unsigned)waiting;
    }
    shut_down(disk);
    for (unsigned i = 0; i < WRITERS; i++) {
        (void)kill(children[i], SIGKILL);
        (void)waitpid(children[i], &status, 0);
        told[i].ever += journal_count(journals[i]);
        total += told[i].ever;
    }
    unmount_disk(disk);
    assert_true(mount_disk(disk));
    child = fork();
    if (child == 0) {
        be_judge(disk->repository, first_writer, told);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return total;
}

/* ---- Tests: one a file system ---- */

static struct disk disk;

static int teardown(void **state)
{
    (void)state;
    if (disk.dir.path[0] != '\0') {
        free_disk(&disk);
        disk.dir.path[0] = '\0';
    }
    return 0;
}

static bool was_skipped[KINDS];

static void try_kind(unsigned kind)
{
    const char *wanted = getenv("ARM_SHUTDOWNS");
    unsigned rounds = wanted == NULL ? ROUNDS_DEFAULT : (unsigned)strtoul(wanted, NULL, 10);
    unsigned total = 0;
    const char *why = "";

    if (!make_disk(&disk, kinds[kind], &why)) {
        print_message("skipped: no %s can be %s here\n", kinds[kind], why);
        was_skipped[kind] = true;
        skip();
    }
    make_repository(disk.repository);
    for (unsigned round = 0; round < rounds; round++) {
        total += run_round(&disk, round);
    }
    print_message("%s: %u shutdowns, %u statements acknowledged\n", kinds[kind], rounds, total);
    assert_true(total >= rounds);
}

static void test_shutdown_ext4(void **state)
{
    (void)state;
    try_kind(0);
}

static void test_shutdown_xfs(void **state)
{
    (void)state;
    try_kind(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_shutdown_ext4, teardown),
        cmocka_unit_test_teardown(test_shutdown_xfs, teardown),
    };
    unsigned seed = (unsigned)time(NULL);
    int failed;

    (void)printf("seed %u\n", seed);
    (void)fflush(stdout);
    srand(seed);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed == 0 && was_skipped[0] && was_skipped[1] ? EXIT_SKIPPED : failed;
}
