/* SPDX-License-Identifier: Apache-2.0 */
/* V4: readers that were killed are swept; process ids of other containers are not trusted. */
#include "index/kv_private.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

enum { READERS_OF_ONE = 1400, READERS = 4096 };

static struct temp_dir dir;
static struct arm_error err;

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* In a child: reads that never end; it tells through `ready` and waits to be killed. */
static void read_for_ever(int ready, int count)
{
    struct arm_index *index = NULL;
    struct arm_index_txn *txn;
    arm_status st;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no longer than its parent, whatever fails there */
    st = arm__index_open(dir.path, &index, &err);
    for (int i = 0; st == ARM_OK && i < count; i++) {
        st = arm__index_read(index, &txn, &err);
    }
    (void)!write(ready, st == ARM_OK ? "y" : st == ARM_BUSY ? "b" : "n", 1);
    (void)pause();
    _exit(1);
}

/* A process that holds `count` readers. */
static pid_t start_reader(int count)
{
    int ready[2];
    char told = 'n';
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        read_for_ever(ready[1], count);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &told, 1), 1);
    (void)close(ready[0]);
    assert_int_equal(told, 'y');
    return child;
}

static void kill_reader(pid_t child)
{
    int status;

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static int count_line(const char *text, void *context)
{
    int *count = context;

    *count += strstr(text, "pid") == NULL && strstr(text, "no active readers") == NULL;
    return 0;
}

/* Slots in use by anybody. */
static int count_readers(struct arm_index *index)
{
    int count = 0;

    assert_true(mdb_reader_list(index->env, count_line, &count) >= 0);
    return count;
}

/* More killed readers than there are slots, while the table of them lives on. */
static void test_kv_V4_killed_readers_do_not_use_up_the_slots(void **state)
{
    struct arm_index *index = NULL;
    struct arm_index_txn *txns[READERS_OF_ONE] = {NULL};

    (void)state;
    assert_ok(arm__index_open(dir.path, &index, &err), err);
    for (int killed = 0; killed <= 2 * READERS; killed += READERS_OF_ONE) {
        kill_reader(start_reader(READERS_OF_ONE));
    }
    for (int i = 0; i < READERS_OF_ONE; i++) { /* all at once: each takes a slot */
        assert_ok(arm__index_read(index, &txns[i], &err), err);
    }
    assert_true(count_readers(index) <= READERS);
    for (int i = 0; i < READERS_OF_ONE; i++) {
        arm__index_abort(txns[i]);
    }
    arm__index_close(index);
}

/* A dead reader would keep every page written since from being used again. */
static void test_kv_V4_writers_sweep_killed_readers(void **state)
{
    struct arm_index *index = NULL;
    struct arm_index_txn *txn = NULL;
    pid_t living;

    (void)state;
    assert_ok(arm__index_open(dir.path, &index, &err), err);
    assert_ok(arm__index_write(index, &txn, &err), err);
    assert_ok(arm__index_commit(txn, &err), err);
    living = start_reader(3);
    kill_reader(start_reader(5));
    assert_true(count_readers(index) >= 8);
    for (int i = 0; i < 1024; i++) {
        assert_ok(arm__index_write(index, &txn, &err), err);
        arm__index_abort(txn);
    }
    assert_true(count_readers(index) >= 3); /* the living keep theirs */
    assert_true(count_readers(index) < 8);
    kill_reader(living);
    arm__index_close(index);
}

/* A reader whose process id is 1, in a container of its own. What it tells: 's' if this machine
 * allows no namespaces. It ends when the returned process is killed. */
static pid_t start_container(char *out_told)
{
    int ready[2];
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWPID) != 0) {
            (void)!write(ready[1], "s", 1);
            _exit(0);
        }
        if (fork() == 0) {
            read_for_ever(ready[1], getpid() == 1 ? 1 : 0);
        }
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    *out_told = 'n';
    assert_int_equal(read(ready[0], out_told, 1), 1);
    (void)close(ready[0]);
    return child;
}

/* Two processes of one id, in two containers: the second is told so, the first reads on, and
 * nobody takes either for dead. */
static void test_kv_V4_a_process_of_the_same_id_is_refused(void **state)
{
    struct arm_index *index = NULL;
    struct arm_index_txn *txn = NULL;
    char told[2];
    pid_t first;
    pid_t second;

    (void)state;
    assert_ok(arm__index_open(dir.path, &index, &err), err);
    first = start_container(&told[0]);
    if (told[0] == 's') {
        print_message("    not run: this machine allows no namespace of process ids\n");
    } else {
        assert_int_equal(told[0], 'y');
        second = start_container(&told[1]);
        assert_int_equal(told[1], 'b');
        kill_reader(second);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(mdb_reader_check(index->env, NULL), 0);
            assert_int_equal(count_readers(index), 1);
            assert_ok(arm__index_write(index, &txn, &err), err);
            arm__index_abort(txn);
        }
        kill_reader(first);
    }
    arm__index_close(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kv_V4_killed_readers_do_not_use_up_the_slots, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_kv_V4_writers_sweep_killed_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kv_V4_a_process_of_the_same_id_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
