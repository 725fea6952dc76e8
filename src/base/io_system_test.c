/* SPDX-License-Identifier: Apache-2.0 */
/* The real file door: what base/io.h promises of any host, asked of Linux. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

/* What the kernel is asked to sync: the calls of this program come here. */
static unsigned file_syncs;
static unsigned directory_syncs;

static void count_sync(int fd)
{
    struct stat found;

    assert_int_equal(fstat(fd, &found), 0);
    file_syncs += S_ISREG(found.st_mode);
    directory_syncs += S_ISDIR(found.st_mode);
}

int fdatasync(int fd)
{
    count_sync(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    count_sync(fd);
    return (int)syscall(SYS_fsync, fd);
}

static const struct arm_io *io;
static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static char other[TEMP_PATH_BYTES];

static int setup(void **state)
{
    io = arm__io_system();
    dir = temp_dir_make();
    temp_path(&dir, "file", path);
    temp_path(&dir, "other", other);
    return 0;
}

static int teardown(void **state)
{
    temp_dir_remove(&dir);
    return 0;
}

static void test_io_open_flags(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;

    assert_fails(ARM_NOT_FOUND, io->open(io->self, path, ARM_OPEN_READ, &file, &err), err);
    assert_null(file);
    assert_non_null(strstr(err.message, path)); /* errors name the path */
    assert_fails(ARM_NOT_FOUND, io->open(io->self, path, ARM_OPEN_WRITE, &file, &err), err);
    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE | ARM_OPEN_EXCLUSIVE, &file,
                       &err),
              err);
    io->close(io->self, file);
    assert_fails(ARM_EXISTS,
                 io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE | ARM_OPEN_EXCLUSIVE,
                          &file, &err),
                 err);
    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, &err), err);
    io->close(io->self, file);
    io->close(io->self, NULL);
    io->unmap(io->self, NULL, 0);
}

static void test_io_O2_descriptors_do_not_survive_exec(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;
    int open_now = 0;

    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, &err), err);
    for (int fd = 3; fd < 64; fd++) {
        char link[64];
        char target[TEMP_PATH_BYTES] = {0};

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) > 0 && strcmp(target, path) == 0) {
            open_now++;
            assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
    }
    assert_int_equal(open_now, 1);
    io->close(io->self, file);
}

static void test_io_read_is_short_only_at_the_end(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;
    char data[16] = {0};
    size_t got = 99;
    uint64_t size = 0;

    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, &err), err);
    assert_ok(io->write(io->self, file, 0, "0123456789", 10, &err), err);
    assert_ok(io->sync(io->self, file, &err), err);
    assert_ok(io->read(io->self, file, 4, data, sizeof data, &got, &err), err);
    assert_int_equal(got, 6);
    assert_memory_equal(data, "456789", 6);
    assert_ok(io->read(io->self, file, 10, data, sizeof data, &got, &err), err);
    assert_int_equal(got, 0);
    assert_fails(ARM_CORRUPT, arm__io_read_exact(io, file, 8, data, 3, &err), err);
    assert_ok(arm__io_read_exact(io, file, 8, data, 2, &err), err);
    assert_ok(io->truncate(io->self, file, 3, &err), err);
    assert_ok(io->size(io->self, file, &size, &err), err);
    assert_int_equal(size, 3);
    assert_ok(io->write(io->self, file, 0, NULL, 0, &err), err);
    io->close(io->self, file);

    assert_ok(io->open(io->self, path, ARM_OPEN_READ, &file, &err), err);
    assert_fails(ARM_IO, io->write(io->self, file, 0, "x", 1, &err), err);
    assert_non_null(strstr(err.message, path));
    io->close(io->self, file);
}

static void test_io_a_short_write_is_continued_and_its_end_reported(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;
    struct rlimit old;
    struct rlimit small;
    uint64_t size = 0;
    char *data = calloc(1, 8192);

    assert_non_null(data);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 5000;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, &err), err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_fails(ARM_IO, io->write(io->self, file, 0, data, 8192, &err), err); /* EFBIG */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_ok(io->size(io->self, file, &size, &err), err);
    assert_int_equal(size, 5000); /* the first transfer was short, the second refused */
    io->close(io->self, file);
    free(data);
}

static void test_io_full_disk_is_ARM_FULL(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;

    assert_ok(io->open(io->self, "/dev/full", ARM_OPEN_WRITE, &file, &err), err);
    assert_fails(ARM_FULL, io->write(io->self, file, 0, "x", 1, &err), err);
    assert_non_null(strstr(err.message, "/dev/full"));
    io->close(io->self, file);
}

static const struct arm_range FIRST = {0, 1};

static void test_io_O3_locks_belong_to_the_open_file(void **state)
{
    struct arm_error err = {0};
    struct arm_file *a = NULL;
    struct arm_file *b = NULL;
    struct arm_file *c = NULL;

    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &a, &err), err);
    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE, &b, &err), err);
    assert_ok(io->lock(io->self, a, FIRST, ARM_LOCK_EXCLUSIVE, false, &err), err);
    assert_fails(ARM_BUSY, io->lock(io->self, b, FIRST, ARM_LOCK_SHARED, false, &err), err);
    assert_ok(io->lock(io->self, b, (struct arm_range){2, 1}, ARM_LOCK_EXCLUSIVE, false, &err),
              err);

    /* Another descriptor of the file closed: a POSIX lock would be gone now. */
    assert_ok(io->open(io->self, path, ARM_OPEN_READ, &c, &err), err);
    io->close(io->self, c);
    assert_fails(ARM_BUSY, io->lock(io->self, b, FIRST, ARM_LOCK_EXCLUSIVE, false, &err), err);

    assert_ok(io->lock(io->self, a, FIRST, ARM_LOCK_SHARED, false, &err), err);
    assert_ok(io->lock(io->self, b, FIRST, ARM_LOCK_SHARED, false, &err), err);
    assert_fails(ARM_BUSY, io->lock(io->self, b, FIRST, ARM_LOCK_EXCLUSIVE, false, &err), err);
    assert_ok(io->lock(io->self, a, FIRST, ARM_LOCK_NONE, false, &err), err);
    assert_ok(io->lock(io->self, b, FIRST, ARM_LOCK_EXCLUSIVE, false, &err), err);
    io->close(io->self, b);
    assert_ok(io->lock(io->self, a, FIRST, ARM_LOCK_EXCLUSIVE, false, &err), err);
    io->close(io->self, a);
}

static void test_io_lock_waits_for_a_process_and_survives_its_death(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;
    int ready[2];
    char byte;
    int status = 0;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct arm_file *mine = NULL;

        if (io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &mine, NULL) != ARM_OK ||
            io->lock(io->self, mine, FIRST, ARM_LOCK_EXCLUSIVE, true, NULL) != ARM_OK ||
            write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        usleep(30000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE, &file, &err), err);
    assert_ok(io->lock(io->self, file, FIRST, ARM_LOCK_EXCLUSIVE, true, &err), err);
    io->close(io->self, file);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
}

static void test_io_map_is_shared_with_the_file(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;
    void *memory = NULL;
    char data[2] = {0};

    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, &err), err);
    assert_ok(io->truncate(io->self, file, 4096, &err), err);
    assert_ok(io->map(io->self, file, 4096, &memory, &err), err);
    memcpy(memory, "hi", 2);
    assert_ok(arm__io_read_exact(io, file, 0, data, 2, &err), err);
    assert_memory_equal(data, "hi", 2);
    io->unmap(io->self, memory, 4096);
    io->close(io->self, file);
}

static void test_io_names(void **state)
{
    struct arm_error err = {0};
    struct arm_stat found = {0};

    temp_write_file(&dir, "file", "abc", 3);
    assert_ok(io->stat(io->self, path, &found, &err), err);
    assert_int_equal(found.size_bytes, 3);
    assert_false(found.is_directory);
    assert_true(llabs(io->now_us(io->self) - found.modified_us) < 60000000);
    assert_ok(io->rename(io->self, path, other, &err), err);
    assert_fails(ARM_NOT_FOUND, io->stat(io->self, path, &found, &err), err);
    assert_fails(ARM_NOT_FOUND, io->rename(io->self, path, other, &err), err);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, other));
    assert_fails(ARM_NOT_FOUND, io->remove(io->self, path, &err), err);
    assert_ok(io->make_directory(io->self, path, &err), err);
    assert_fails(ARM_EXISTS, io->make_directory(io->self, path, &err), err);
    assert_ok(io->sync_directory(io->self, path, &err), err);
    assert_ok(io->stat(io->self, path, &found, &err), err);
    assert_true(found.is_directory);
    assert_true(io->remove(io->self, dir.path, &err) != ARM_OK); /* not empty */
    assert_ok(io->remove(io->self, path, &err), err);
    assert_ok(io->remove(io->self, other, &err), err);
    assert_fails(ARM_NOT_FOUND, io->sync_directory(io->self, path, &err), err);
    assert_int_equal(temp_count_files(&dir, "."), 0);
}

struct seen {
    size_t count;
    size_t stop_after;
};

static arm_status see(void *context, const char *name, struct arm_error *err)
{
    struct seen *seen = context;

    assert_true(name[0] != '.');
    seen->count++;
    return seen->count == seen->stop_after ? arm__fail(err, ARM_INTERRUPTED, "enough") : ARM_OK;
}

static void test_io_list_visits_each_and_hands_on_what_stops_it(void **state)
{
    struct arm_error err = {0};
    struct seen seen = {0};

    temp_write_file(&dir, "a", "", 0);
    temp_write_file(&dir, "b", "", 0);
    temp_make_subdirectory(&dir, "c");
    assert_ok(io->list(io->self, dir.path, see, &seen, &err), err);
    assert_int_equal(seen.count, 3);
    seen = (struct seen){0, 2};
    assert_fails(ARM_INTERRUPTED, io->list(io->self, dir.path, see, &seen, &err), err);
    assert_int_equal(seen.count, 2);
    assert_fails(ARM_NOT_FOUND, io->list(io->self, path, see, &seen, &err), err);
}

#define each(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A program that was started without standard files writes its messages to nobody. */
static void test_io_system_O5_no_file_is_a_standard_one(void **state)
{
    int status = 0;
    pid_t child = fork();
    struct stat found;

    if (child == 0) {
        struct arm_file *file = NULL;

        for (int fd = 0; fd <= STDERR_FILENO; fd++) {
            (void)close(fd);
        }
        if (io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE | ARM_OPEN_EXCLUSIVE, &file,
                     NULL) != ARM_OK ||
            write(STDOUT_FILENO, "x", 1) != 1 || write(STDERR_FILENO, "x", 1) != 1) {
            _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_size, 0);
}

static void test_io_system_O6_boots_and_mounts_are_told_apart(void **state)
{
    struct arm_error err = {0};
    struct arm_stat here = {0};
    struct arm_stat there = {0};
    struct arm_id first;
    struct arm_id second;

    assert_true(io->boot_id(io->self, &first));
    assert_true(io->boot_id(io->self, &second));
    assert_true(arm__id_equal(&first, &second));
    temp_write_file(&dir, "file", "", 0);
    assert_ok(io->stat(io->self, path, &here, &err), err);
    assert_ok(io->stat(io->self, dir.path, &there, &err), err);
    assert_int_equal(here.mount, there.mount);
    assert_ok(io->stat(io->self, "/proc", &there, &err), err);
    assert_true(here.mount == 0 || here.mount != there.mount);
}

/* Nothing above this door can tell a sync from none, but for a cut of the power. */
static void test_io_O1_a_sync_reaches_the_kernel(void **state)
{
    struct arm_error err = {0};
    struct arm_file *file = NULL;

    assert_ok(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, &err), err);
    assert_ok(io->write(io->self, file, 0, "x", 1, &err), err);
    file_syncs = 0;
    directory_syncs = 0;
    assert_ok(io->sync(io->self, file, &err), err);
    assert_int_equal(file_syncs, 1);
    assert_ok(io->sync_directory(io->self, dir.path, &err), err);
    assert_int_equal(directory_syncs, 1);
    assert_int_equal(file_syncs, 1);
    io->close(io->self, file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_io_open_flags),
        each(test_io_O2_descriptors_do_not_survive_exec),
        each(test_io_read_is_short_only_at_the_end),
        each(test_io_a_short_write_is_continued_and_its_end_reported),
        each(test_io_full_disk_is_ARM_FULL),
        each(test_io_O3_locks_belong_to_the_open_file),
        each(test_io_lock_waits_for_a_process_and_survives_its_death),
        each(test_io_map_is_shared_with_the_file),
        each(test_io_names),
        each(test_io_list_visits_each_and_hands_on_what_stops_it),
        each(test_io_O1_a_sync_reaches_the_kernel),
        each(test_io_system_O5_no_file_is_a_standard_one),
        each(test_io_system_O6_boots_and_mounts_are_told_apart),
    };

    return cmocka_run_group_tests_name("base/io_system", tests, NULL, NULL);
}
