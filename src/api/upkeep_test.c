/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep that runs by itself: hot rows become chunks while a process goes on committing (U1 to U4
 * of query/upkeep.h). What it did is seen in the folder of chunks: nothing else here makes any. */

#include <armillaria.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

enum { WAIT_MS = 60000, STEP_MS = 20, WRITERS = 3 };

/* ---- A disk that is full where chunks are written, and nowhere else ---- */

static atomic_bool is_full;
static atomic_size_t room_bytes; /* that staging/ has left */
static atomic_long refused;      /* writes that were cut short or failed */

/* How much of a write there is room for. */
static size_t room_for(int fd, size_t count)
{
    char name[64];
    char path[TEMP_PATH_BYTES];
    size_t room;
    ssize_t size;

    if (!atomic_load(&is_full)) {
        return count;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    size = readlink(name, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    if (strstr(path, "/staging/") == NULL) {
        return count;
    }
    room = atomic_load(&room_bytes);
    if (room < count) {
        (void)atomic_fetch_add(&refused, 1);
        count = room;
    }
    (void)atomic_fetch_sub(&room_bytes, count);
    errno = ENOSPC;
    return count;
}

/* This program's own stand before the system's, for the libraries too. */
#define SHOWN __attribute__((visibility("default")))

SHOWN ssize_t write(int fd, const void *bytes, size_t count)
{
    size_t room = room_for(fd, count);

    return room == 0 && count > 0 ? -1 : syscall(SYS_write, fd, bytes, room);
}

SHOWN ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    size_t room = room_for(fd, count);

    return room == 0 && count > 0 ? -1 : syscall(SYS_pwrite64, fd, bytes, room, offset);
}

struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
    struct arm_error err;
};

static void open_repo(struct fixture *f, bool no_upkeep)
{
    struct arm_repo_options options = {
        .size = sizeof options, .create = true, .no_upkeep = no_upkeep};

    assert_ok(arm_repo_open(f->path, &options, &f->repo, &f->err), f->err);
    assert_ok(arm_session_open(f->repo, NULL, &f->session, &f->err), f->err);
}

static void close_repo(struct fixture *f)
{
    arm_session_close(f->session);
    arm_repo_close(f->repo);
    f->session = NULL;
    f->repo = NULL;
}

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.dir = temp_dir_make();
    (void)temp_path(&f.dir, "repo", f.path);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close_repo(f);
    temp_dir_remove(&f->dir);
    return 0;
}

static arm_status run(arm_session *session, const char *sql, struct arm_error *err)
{
    struct ArrowArrayStream stream;
    arm_status st = arm_sql(session, sql, NULL, &stream, NULL, err);

    if (st == ARM_OK) {
        stream.release(&stream);
    }
    return st;
}

static void must(struct fixture *f, const char *sql)
{
    assert_ok(run(f->session, sql, &f->err), f->err);
}

/* The first value of a query of one BIGINT. */
static int64_t value(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    int64_t result;

    assert_ok(arm_sql(f->session, sql, NULL, &stream, NULL, &f->err), f->err);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    result = ((const int64_t *)batch.children[0]->buffers[1])[0];
    batch.release(&batch);
    stream.release(&stream);
    return result;
}

static void commit(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        must(f, "INSERT INTO t VALUES (1)");
    }
}

static void chunks_path(const struct fixture *f, const char *name, char out[TEMP_PATH_BYTES])
{
    assert_true(snprintf(out, TEMP_PATH_BYTES, "%s/%s", f->path, name) < TEMP_PATH_BYTES);
}

/* Whether a chunk was ever written: the store makes a folder for it. */
static bool has_chunk(const struct fixture *f)
{
    char path[TEMP_PATH_BYTES];
    const struct dirent *entry;
    bool found = false;
    DIR *folder;

    chunks_path(f, "chunks", path);
    folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        found = found || entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return found;
}

static void wait_for_chunk(const struct fixture *f)
{
    for (size_t ms = 0; ms < WAIT_MS && !has_chunk(f); ms += STEP_MS) {
        (void)nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
    }
    assert_true(has_chunk(f));
}

static void assert_healthy(struct fixture *f)
{
    struct arm_verify_options options = {.size = sizeof options, .full = true};
    struct arm_verify_result result;

    assert_ok(arm_verify(f->repo, &options, &result, &f->err), f->err);
    assert_true(result.is_healthy);
}

/* ---- U1, U2 ---- */

struct writer {
    struct fixture *f;
    pthread_t thread;
    int number;
    size_t failed;
    struct arm_error err;
};

/* Rows come and go under keys of the writer's own; so nobody is in anybody's way. */
static void *write_rows(void *self)
{
    struct writer *writer = self;
    arm_session *session = NULL;
    char sql[120];

    if (arm_session_open(writer->f->repo, NULL, &session, &writer->err) != ARM_OK) {
        writer->failed++;
        return NULL;
    }
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO k VALUES (%d, %d)", writer->number + 10 * i,
                       i);
        writer->failed += run(session, sql, &writer->err) != ARM_OK;
        if (i % 4 == 3) {
            (void)snprintf(sql, sizeof sql, "DELETE FROM k WHERE id = %d",
                           writer->number + 10 * (i - 3));
            writer->failed += run(session, sql, &writer->err) != ARM_OK;
        }
    }
    arm_session_close(session);
    return NULL;
}

static void test_upkeep_U1_flushes_and_no_commit_fails(void **state)
{
    struct fixture *f = *state;
    struct writer writers[WRITERS];

    open_repo(f, false);
    must(f, "CREATE TABLE k (id INTEGER PRIMARY KEY, v INTEGER)");
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.f = f, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_rows, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
        if (writers[i].failed > 0) {
            print_message("%s\n", writers[i].err.message);
        }
        assert_int_equal(writers[i].failed, 0);
    }
    wait_for_chunk(f);
    assert_int_equal(value(f, "SELECT count(*) FROM k"), WRITERS * 750);
    assert_int_equal(value(f, "SELECT count(*) FROM arm_versions('k')"), 1 + WRITERS * 1250);
    assert_fails(ARM_CONSTRAINT, run(f->session, "INSERT INTO k VALUES (11, 0)", &f->err), f->err);
    assert_healthy(f);
}

static void test_upkeep_U2_is_not_begun_for_few(void **state)
{
    struct fixture *f = *state;

    open_repo(f, false);
    must(f, "CREATE TABLE t (i INTEGER)");
    commit(f, 900);
    close_repo(f);
    assert_false(has_chunk(f));
}

static void test_upkeep_is_left_out_if_nobody_wants_it(void **state)
{
    struct fixture *f = *state;

    open_repo(f, true);
    must(f, "CREATE TABLE t (i INTEGER)");
    commit(f, 1200);
    close_repo(f);
    assert_false(has_chunk(f));
}

/* ---- U3, U4 ---- */

static void test_upkeep_U3_fails_alone_and_tries_again(void **state)
{
    struct fixture *f = *state;
    char here[TEMP_PATH_BYTES];
    char away[TEMP_PATH_BYTES];

    open_repo(f, false);
    must(f, "CREATE TABLE t (i INTEGER)");
    chunks_path(f, "chunks", here);
    chunks_path(f, "away", away);
    assert_int_equal(rename(here, away), 0);
    commit(f, 1100);
    assert_int_equal(rename(away, here), 0);
    assert_false(has_chunk(f));
    for (int i = 0; i < 100 && !has_chunk(f); i++) {
        commit(f, 100);
    }
    wait_for_chunk(f);
    assert_healthy(f);
}

/* The disk fills up while a chunk is written: no commit hears of it, what was begun is swept away,
 * and once there is room again the rows are put into chunks. */
static void test_upkeep_U3_meets_a_full_disk_halfway(void **state)
{
    struct fixture *f = *state;
    struct arm_recover_result recovered;

    open_repo(f, false);
    must(f, "CREATE TABLE t (i INTEGER)");
    for (size_t room = 0; room < 3; room++) {
        atomic_store(&refused, 0);
        atomic_store(&room_bytes, room * 100);
        atomic_store(&is_full, true);
        for (int i = 0; i < 200 && atomic_load(&refused) == 0; i++) {
            commit(f, 100);
        }
        assert_int_not_equal(atomic_load(&refused), 0);
        assert_false(has_chunk(f));
    }
    atomic_store(&is_full, false);
    for (int i = 0; i < 200 && !has_chunk(f); i++) {
        commit(f, 100);
    }
    wait_for_chunk(f);
    assert_int_equal(value(f, "SELECT count(*) FROM t") + 1,
                     value(f, "SELECT count(*) FROM arm_versions('t')"));
    close_repo(f); /* the thread ends: what it does now is done */
    open_repo(f, true);
    assert_ok(arm_recover(f->repo, &recovered, &f->err), f->err);
    assert_true(recovered.is_clean);
    assert_healthy(f);
}

static void test_upkeep_U4_ends_with_the_last_handle(void **state)
{
    struct fixture *f = *state;

    open_repo(f, false);
    must(f, "CREATE TABLE t (i INTEGER)");
    commit(f, 999); /* with the table's: the thread begins now */
    close_repo(f);
    open_repo(f, false);
    assert_int_equal(value(f, "SELECT count(*) FROM t"), 999);
    assert_healthy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_upkeep_U1_flushes_and_no_commit_fails, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_upkeep_U2_is_not_begun_for_few, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upkeep_is_left_out_if_nobody_wants_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_upkeep_U3_fails_alone_and_tries_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_upkeep_U3_meets_a_full_disk_halfway, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upkeep_U4_ends_with_the_last_handle, setup, teardown),
    };

    return cmocka_run_group_tests_name("api/upkeep", tests, NULL, NULL);
}
