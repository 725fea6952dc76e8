/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/kernel_fixture.h"

enum { WIDE_BYTES = (1 << 20) + 1000 };

/* Move the repository away and put the skeleton of another in its place; and back. */
static void move_away(struct kernel *k, const struct temp_dir *elsewhere)
{
    assert_int_equal(rename(k->dir.path, elsewhere->path), 0);
    assert_int_equal(mkdir(k->dir.path, 0777), 0);
    temp_make_subdirectory(&k->dir, "staging");
    temp_make_subdirectory(&k->dir, "chunks");
    temp_make_subdirectory(&k->dir, "index");
    temp_make_subdirectory(&k->dir, "log");
}

static void move_back(struct kernel *k, const struct temp_dir *elsewhere)
{
    temp_dir_remove(&k->dir);
    assert_int_equal(rename(elsewhere->path, k->dir.path), 0);
}

/* Hot rows; chunks that are to be leased, one that is known to be durable and one that is not; a
 * record that goes into a chunk of its own; nothing at all; and a commit that was made before. */
static void test_anchor_R5_nothing_is_written_elsewhere(void **state)
{
    struct kernel *k = *state;
    struct temp_dir elsewhere = temp_dir_make();
    char *wide = calloc(WIDE_BYTES, 1);
    struct arm_commit_request request = {.author = "test", .message = "m", .change_count = 1};
    struct arm_commit_result result;
    struct arm_new_entry chunks[2];
    struct kernel_batch batch;
    struct arm_new_change change;
    uint64_t before;

    assert_non_null(wide);
    memset(wide, 'w', WIDE_BYTES - 1);
    assert_int_equal(kernel_create_table(k, "main", "t"), 1);
    for (size_t i = 0; i < 2; i++) {
        chunks[i] = kernel_chunk(k, 5);
        chunks[i].is_new = false;
    }
    request.snapshot = kernel_snapshot(k, "main");
    change = kernel_change(k, &request.snapshot, "t", ARMPB__CHANGE_KIND__WRITE);
    request.changes = &change;
    change.added = chunks;
    change.added_count = 1;
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    request.snapshot = kernel_snapshot(k, "main");
    change.base_version++;
    change.added = kernel_hot(k, 3, &batch);
    request.commit_id.bytes[0] = 7;
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    before = arm__log_appended_to(arm__repository_log(k->repository));

    move_away(k, &elsewhere);
    assert_fails(ARM_REOPEN, arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    request.commit_id.bytes[0] = 0;
    assert_fails(ARM_REOPEN, arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    request.message = wide;
    assert_fails(ARM_REOPEN, arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    request.message = "m";
    for (size_t i = 0; i < 2; i++) {
        change.added = &chunks[i];
        assert_fails(ARM_REOPEN, arm__commit(k->repository, &request, &result, NULL, &k->err),
                     k->err);
    }
    change.added_count = 0;
    assert_fails(ARM_REOPEN, arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    assert_int_equal(temp_count_files(&k->dir, "."), 0);
    assert_int_equal(arm__log_appended_to(arm__repository_log(k->repository)), before);
    move_back(k, &elsewhere);

    change.added_count = 1; /* back where it was, it goes on */
    request.snapshot = kernel_snapshot(k, "main");
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    assert_int_equal(result.tx, before + 1);
    free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_anchor_R5_nothing_is_written_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
