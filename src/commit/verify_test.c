/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commit/repository.h"
#include "index/index_private.h"
#include "support/kernel_fixture.h"

/* The issues of one verify. */
struct issues {
    size_t count;
    char kinds[64];
    char objects[4096];
    char messages[4096];
};

static arm_status note_issue(void *context, const struct arm_issue *issue, struct arm_error *err)
{
    struct issues *all = context;
    size_t kinds = strlen(all->kinds);
    size_t objects = strlen(all->objects);
    size_t messages = strlen(all->messages);

    all->count++;
    (void)snprintf(all->kinds + kinds, sizeof all->kinds - kinds, "%s ", issue->kind);
    (void)snprintf(all->objects + objects, sizeof all->objects - objects, "%s ", issue->object);
    (void)snprintf(all->messages + messages, sizeof all->messages - messages, "%s ",
                   issue->message);
    return ARM_OK;
}

static struct arm_verify_report verify(struct kernel *k, bool full, struct issues *out)
{
    struct arm_verify_report report;

    memset(out, 0, sizeof *out);
    assert_ok(arm__repository_verify(k->repository, full, note_issue, NULL, out, &report, &k->err),
              k->err);
    assert_int_equal(report.issues, out->count);
    return report;
}

static void expect_issue(struct kernel *k, bool full, const char *kind, const char *object,
                         const char *message)
{
    struct issues issues;

    (void)verify(k, full, &issues);
    if (issues.count != 1 || strncmp(issues.kinds, kind, strlen(kind)) != 0 ||
        strstr(issues.objects, object) == NULL || strstr(issues.messages, message) == NULL) {
        fail_msg("%zu issues: %s| %s| %s", issues.count, issues.kinds, issues.objects,
                 issues.messages);
    }
}

/* A table of two chunks, and one loose chunk. Paths and names of the first. */
struct fixture {
    char path[TEMP_PATH_BYTES];
    char hex[ARM_HASH_HEX + 1];
    struct arm_new_entry entries[2];
    struct arm_new_entry loose;
};

static void make(struct kernel *k, struct fixture *f)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("t");
    char name[128];

    f->entries[0] = kernel_chunk(k, 10);
    f->entries[1] = kernel_chunk(k, 20);
    f->loose = kernel_chunk(k, 30);
    change.added = f->entries;
    change.added_count = 2;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    arm__hash_hex(&f->entries[0].chunk, f->hex);
    (void)snprintf(name, sizeof name, "chunks/%.2s/%.2s/%s", f->hex, f->hex + 2, f->hex);
    (void)temp_path(&k->dir, name, f->path);
    (void)chmod(f->path, 0644);
}

static void overwrite(const char *path, off_t offset, char byte)
{
    int file = open(path, O_RDWR);

    assert_true(file >= 0);
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    assert_int_equal(close(file), 0);
}

static void test_verify_healthy_repository_has_no_issue(void **state)
{
    struct kernel *k = *state;
    struct arm_verify_report report;
    struct issues issues;
    struct fixture f;

    make(k, &f);
    (void)kernel_append(k, "main", "t", 3);
    report = verify(k, true, &issues);
    assert_int_equal(issues.count, 0);
    assert_int_equal(report.records, 3);
    assert_int_equal(report.frames, 4); /* the close of the creation */
    assert_int_equal(report.chunks, 2);
    assert_int_equal(report.bytes_hashed, 300);
    assert_int_equal(temp_count_files(&k->dir, "staging"), 2); /* the lease and its lock */
}

static void test_verify_finds_a_missing_chunk(void **state)
{
    struct kernel *k = *state;
    struct fixture f;

    make(k, &f);
    assert_int_equal(unlink(f.path), 0);
    expect_issue(k, false, "chunk", f.hex, "");
}

static void test_verify_finds_a_truncated_chunk(void **state)
{
    struct kernel *k = *state;
    struct fixture f;

    make(k, &f);
    assert_int_equal(truncate(f.path, 99), 0);
    expect_issue(k, false, "chunk", f.hex, "99 bytes, not 100");
}

static void test_verify_full_finds_a_flipped_bit(void **state)
{
    struct kernel *k = *state;
    struct issues issues;
    struct fixture f;

    make(k, &f);
    overwrite(f.path, 50, 1);
    (void)verify(k, false, &issues);
    assert_int_equal(issues.count, 0);
    expect_issue(k, true, "chunk", f.hex, "");
}

static void test_verify_full_finds_a_wrong_row_count(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("t");
    struct arm_new_entry entry = kernel_chunk(k, 10);

    entry.rows = 11; /* a writer's mistake */
    change.added = &entry;
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    expect_issue(k, true, "chunk", "", "10 rows, not 11");
}

static void test_verify_full_finds_strays(void **state)
{
    struct kernel *k = *state;
    char path[TEMP_PATH_BYTES];
    char name[128];
    char hex[ARM_HASH_HEX + 1];
    struct fixture f;

    make(k, &f);
    temp_write_file(&k->dir, "chunks/note.txt", "x", 1);
    expect_issue(k, true, "stray", "note.txt", "");
    assert_int_equal(unlink(temp_path(&k->dir, "chunks/note.txt", path)), 0);
    arm__hash_hex(&f.loose.chunk, hex);
    (void)snprintf(name, sizeof name, "chunks/%.2s/%.2s/%s", hex, hex + 2, hex);
    (void)chmod(temp_path(&k->dir, name, path), 0644);
    overwrite(path, 60, 7);
    expect_issue(k, true, "stray", hex, "");
}

/* Keys changed, added and taken behind the fold's back. */
static void test_verify_finds_an_index_key_changed_by_hand(void **state)
{
    struct kernel *k = *state;
    struct arm_key key = arm__key_number("main", "t", 1);
    struct arm_key extra = arm__key_number("main", "t", 9);
    uint8_t row[1 + ARM_TABLE_ID_BYTES] = {2}; /* the tx that it is of, another table */
    struct arm_index_txn *txn;
    struct issues issues;
    struct fixture f;

    make(k, &f);
    assert_ok(arm__index_write(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(
        arm__kv_put(txn, ARM_DB_NUMBER, arm__key_bytes(&key), arm__bytes(row, sizeof row), &k->err),
        k->err);
    assert_ok(arm__index_commit(txn, &k->err), k->err);
    expect_issue(k, false, "index", "number 6d61696e00740000000000000000", "another value");
    assert_ok(arm__index_write(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__kv_put(txn, ARM_DB_NUMBER, arm__key_bytes(&extra), arm__bytes(row, sizeof row),
                          &k->err),
              k->err);
    assert_ok(arm__index_commit(txn, &k->err), k->err);
    (void)verify(k, false, &issues);
    assert_int_equal(issues.count, 2);
    assert_non_null(strstr(issues.messages, "should not be there"));
    assert_non_null(strstr(issues.messages, "delete index/"));
}

static void test_verify_finds_a_flipped_bit_in_the_log(void **state)
{
    struct kernel *k = *state;
    char path[TEMP_PATH_BYTES];
    struct issues issues;
    struct fixture f;

    make(k, &f);
    (void)kernel_append(k, "main", "t", 3);
    overwrite(temp_path(&k->dir, "log/0000000000000000.seg", path), 4096 + 250, 0x77);
    (void)verify(k, false, &issues);
    assert_int_equal(issues.count, 1);
    assert_memory_equal(issues.kinds, "log", 3);
    assert_non_null(strstr(issues.objects, "segment 0, byte "));
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    return false;
}

static void test_verify_can_be_interrupted(void **state)
{
    struct kernel *k = *state;
    struct arm_verify_report report;
    struct fixture f;

    make(k, &f);
    assert_fails(ARM_INTERRUPTED,
                 arm__repository_verify(k->repository, true, NULL, stop, NULL, &report, &k->err),
                 k->err);
    assert_int_equal(temp_count_files(&k->dir, "staging"), 2);
}

/* What a verify that was killed left goes with the next first opening. */
static void test_verify_scratch_of_the_dead_is_swept(void **state)
{
    struct kernel *k = *state;

    kernel_close(k);
    temp_make_subdirectory(&k->dir, "staging/verify-dead");
    temp_make_subdirectory(&k->dir, "staging/verify-dead/index");
    temp_write_file(&k->dir, "staging/verify-dead/index/data.mdb", "x", 1);
    kernel_open(k);
    assert_false(temp_exists(&k->dir, "staging/verify-dead"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_verify_healthy_repository_has_no_issue),
        kernel_test(test_verify_finds_a_missing_chunk),
        kernel_test(test_verify_finds_a_truncated_chunk),
        kernel_test(test_verify_full_finds_a_flipped_bit),
        kernel_test(test_verify_full_finds_a_wrong_row_count),
        kernel_test(test_verify_full_finds_strays),
        kernel_test(test_verify_finds_an_index_key_changed_by_hand),
        kernel_test(test_verify_finds_a_flipped_bit_in_the_log),
        kernel_test(test_verify_can_be_interrupted),
        kernel_test(test_verify_scratch_of_the_dead_is_swept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
