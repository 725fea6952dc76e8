/* SPDX-License-Identifier: Apache-2.0 */
/* An index whose marks vouch for it, beside a log that it is not of (R2). */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commit/commit_private.h"
#include "support/kernel_fixture.h"

static const char segment_name[] = "log/0000000000000000.seg";
static const char index_name[] = "index/data.mdb";

/* The bytes of a file, to be put back in place: the same file, of another moment. */
struct saved {
    size_t size;
    uint8_t *bytes;
};

static struct saved save(struct kernel *k, const char *name)
{
    struct saved saved;
    struct stat found;
    char path[TEMP_PATH_BYTES];
    int file = open(temp_path(&k->dir, name, path), O_RDONLY);

    assert_int_equal(fstat(file, &found), 0);
    saved.size = (size_t)found.st_size;
    saved.bytes = malloc(saved.size);
    assert_int_equal(pread(file, saved.bytes, saved.size, 0), saved.size);
    assert_int_equal(close(file), 0);
    return saved;
}

static void put_back(struct kernel *k, const char *name, struct saved *saved)
{
    char path[TEMP_PATH_BYTES];
    int file = open(temp_path(&k->dir, name, path), O_WRONLY | O_TRUNC);

    assert_int_equal(pwrite(file, saved->bytes, saved->size, 0), saved->size);
    assert_int_equal(close(file), 0);
    free(saved->bytes);
}

/* A log of another moment, and no page that knows better. */
static void put_back_log(struct kernel *k, struct saved *saved)
{
    char path[TEMP_PATH_BYTES];

    put_back(k, segment_name, saved);
    assert_int_equal(unlink(temp_path(&k->dir, "log/shared", path)), 0);
}

/* Marks that are right in all, but know of nothing durable: as of a process that was killed. */
static void vouch(struct kernel *k)
{
    struct arm_trust trust;
    bool found = false;

    assert_ok(arm__trust_look(arm__io_system(), k->dir.path, &trust, &found, &k->err), k->err);
    assert_true(found);
    assert_ok(arm__trust_write(arm__io_system(), k->dir.path, &trust, &k->err), k->err);
}

static void expect_rows(struct kernel *k, bool is_rebuilt, uint64_t rows)
{
    struct arm_recovery_report report;
    struct arm_table_state *state;

    kernel_open(k);
    arm__repository_recovery(k->repository, &report);
    assert_int_equal(report.rebuilt, is_rebuilt);
    state = kernel_state(k, "main", "t");
    assert_int_equal(state->live_rows, rows);
    arm__table_state_drop(state);
}

static void test_trust_R2_index_of_its_log_is_believed(void **state)
{
    struct kernel *k = *state;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 2);
    kernel_close(k);
    vouch(k);
    expect_rows(k, false, 2);
}

/* The machine stopped, say, before the log was synced, and the marks do not know. */
static void test_trust_R2_index_ahead_of_its_log_is_made_anew(void **state)
{
    struct kernel *k = *state;
    struct saved log;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 2);
    kernel_close(k);
    log = save(k, segment_name);
    kernel_open(k);
    (void)kernel_append(k, "main", "t", 3);
    kernel_close(k);
    put_back_log(k, &log);
    vouch(k);
    expect_rows(k, true, 2);
    assert_int_equal(kernel_append(k, "main", "t", 1), 3);
}

/* Two histories with one beginning, whose frames stand at the same places. */
static void test_trust_R2_index_of_another_history_is_made_anew(void **state)
{
    struct kernel *k = *state;
    struct saved log;
    struct saved index;
    char path[TEMP_PATH_BYTES];

    (void)kernel_create_table(k, "main", "t");
    kernel_close(k);
    log = save(k, segment_name);
    kernel_open(k);
    (void)kernel_append(k, "main", "t", 2);
    kernel_close(k);
    index = save(k, index_name);
    put_back_log(k, &log);
    assert_int_equal(unlink(temp_path(&k->dir, index_name, path)), 0);
    assert_int_equal(unlink(temp_path(&k->dir, "index/trust", path)), 0);
    kernel_open(k);
    (void)kernel_append(k, "main", "t", 2);
    kernel_close(k);
    put_back(k, index_name, &index);
    vouch(k);
    expect_rows(k, true, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_trust_R2_index_of_its_log_is_believed),
        kernel_test(test_trust_R2_index_ahead_of_its_log_is_made_anew),
        kernel_test(test_trust_R2_index_of_another_history_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
