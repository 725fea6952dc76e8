/* SPDX-License-Identifier: Apache-2.0 */
/* What the last one to go leaves behind (R3). */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commit/commit_private.h"
#include "support/kernel_fixture.h"

/* LMDB syncs its file by itself, not through our door: so its call is counted here. */
static unsigned index_syncs;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    static const char index_name[] = "/index/data.mdb";
    char link[64];
    char path[4096];
    ssize_t size;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    index_syncs += strstr(path, index_name) != NULL;
    return (int)syscall(SYS_fdatasync, fd);
}

/* Whether the last frame of the closed log is a close frame. */
static bool ends_with_close_frame(struct kernel *k, const struct arm_id *id)
{
    struct arm_log_options options = {.read_only = true};
    struct arm_log_recovery recovery;
    struct arm_log_position start;
    struct arm_log *log = NULL;

    assert_ok(arm__log_open(arm__io_system(), k->dir.path, id, &options, &log, &k->err), k->err);
    start = arm__log_start(log);
    assert_ok(arm__log_recover(log, &start, 0, &recovery, &k->err), k->err);
    arm__log_close(log);
    return recovery.clean_close;
}

/* Where the log ends, as the index knows it. */
static uint64_t folded_to(struct kernel *k)
{
    struct arm_index_txn *txn;
    struct arm_index_state at;

    assert_ok(arm__index_read(k->repository->index, &txn, &k->err), k->err);
    assert_ok(arm__index_state(txn, &at, &k->err), k->err);
    arm__index_abort(txn);
    return at.folded.offset;
}

static void test_close_R3_appends_a_close_frame_once(void **state)
{
    struct kernel *k = *state;
    struct arm_id id = k->repository->header.id;
    uint64_t bytes;
    uint64_t again;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 1);
    kernel_close(k);
    assert_true(ends_with_close_frame(k, &id));
    kernel_open(k);
    bytes = folded_to(k);
    kernel_close(k);
    kernel_open(k);
    again = folded_to(k);
    assert_int_equal(bytes, again);
    kernel_close(k);
    assert_true(ends_with_close_frame(k, &id));
    kernel_open(k);
}

/* The mark says that the index is whole on the disk: so it must be, before the mark is. */
static void test_close_R3_syncs_the_index_before_it_is_marked_clean(void **state)
{
    struct kernel *k = *state;

    (void)kernel_create_table(k, "main", "t");
    index_syncs = 0;
    (void)kernel_append(k, "main", "t", 1);
    assert_int_equal(index_syncs, 0); /* the log has it */
    kernel_close(k);
    assert_true(index_syncs > 0);
    kernel_open(k);
    index_syncs = 0;
    kernel_close(k);
    assert_int_equal(index_syncs, 0); /* nobody wrote */
    kernel_open(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_close_R3_appends_a_close_frame_once),
        kernel_test(test_close_R3_syncs_the_index_before_it_is_marked_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
