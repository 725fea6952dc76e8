/* SPDX-License-Identifier: Apache-2.0 */
/* I6: LMDB is let loose on no file that it could not survive. */

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/index.h"
#include "support/kernel_fixture.h"

enum { TABLES = 40, COMMITS = 300, MUTATIONS = 400, PAGE_BYTES = 4096 };

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* An index with branches, big values and free pages, closed. */
static void fill(struct kernel *k)
{
    char name[16];

    for (int i = 0; i < TABLES; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)kernel_create_table(k, "main", name);
    }
    for (int i = 0; i < COMMITS; i++) {
        (void)snprintf(name, sizeof name, "t%d", i % TABLES);
        (void)kernel_append(k, "main", name, 1 + (uint32_t)i % 50);
    }
    kernel_close(k);
}

static struct arm_buf read_data(const struct kernel *k)
{
    struct arm_buf bytes = ARM_BUF_INIT(SIZE_MAX);
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];

    assert_ok(arm__io_read_file(arm__io_system(), temp_path(&k->dir, "index/data.mdb", path),
                                &bytes, &err),
              err);
    return bytes;
}

static void write_data(const struct kernel *k, const uint8_t *data, size_t size)
{
    temp_write_file(&k->dir, "index/data.mdb", data, size);
}

static arm_status ignore(void *context, const char *db, struct arm_bytes key, const char *what,
                         struct arm_error *err)
{
    return ARM_OK;
}

/* Read every key, and write one, in a process of its own; true: it lived. */
static bool survives(const struct kernel *k)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct arm_index *index = NULL;
        struct arm_index_txn *txn = NULL;

        (void)freopen("/dev/null", "w", stderr);
        if (arm__index_open(k->dir.path, &index, NULL) == ARM_OK &&
            arm__index_read(index, &txn, NULL) == ARM_OK) {
            (void)arm__index_compare(txn, txn, ignore, NULL, NULL);
            arm__index_abort(txn);
            if (arm__index_write(index, &txn, NULL) == ARM_OK) {
                struct arm_log_position at = {.segment = 1, .offset = 4096, .next_tx = 7};

                (void)arm__index_folded(txn, &at, NULL);
                (void)arm__index_commit(txn, NULL);
            }
            arm__index_close(index);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_pages_I6_a_sound_file_is_let_through(void **state)
{
    struct kernel *k = *state;

    fill(k);
    assert_ok(arm__index_check_pages(k->dir.path, &k->err), k->err);
    assert_true(survives(k));
    assert_ok(arm__index_check_pages(k->dir.path, &k->err), k->err);
}

/* Each page in turn becomes noise, or another page of the file, or zeros. */
static void test_pages_I6_no_page_of_noise_is_let_through(void **state)
{
    struct kernel *k = *state;
    uint64_t random = 88172645463325252u;
    struct arm_buf data;
    size_t refused = 0;
    size_t count;

    fill(k);
    data = read_data(k);
    count = data.size / PAGE_BYTES;
    assert_true(count > 20);
    for (size_t page = 0; page < count; page++) {
        for (int kind = 0; kind < 3; kind++) {
            uint8_t kept[PAGE_BYTES];
            uint8_t *at = data.data + page * PAGE_BYTES;
            arm_status st;

            memcpy(kept, at, PAGE_BYTES);
            for (size_t i = 0; i < PAGE_BYTES; i++) {
                at[i] = kind == 0   ? (uint8_t)next_random(&random)
                        : kind == 1 ? data.data[(page * 7 + 3) % count * PAGE_BYTES + i]
                                    : 0;
            }
            write_data(k, data.data, data.size);
            st = arm__index_check_pages(k->dir.path, &k->err);
            if (st == ARM_OK) { /* a free page, or the older meta: then it must do no harm */
                assert_true(page < 2 || survives(k));
            } else {
                assert_fails(ARM_CORRUPT, st, k->err);
                assert_non_null(strstr(k->err.message, "data.mdb"));
                refused++;
            }
            memcpy(at, kept, PAGE_BYTES);
        }
    }
    assert_true(refused > count);
    arm__buf_release(&data);
}

/* Flipped bits and changed words, where numbers stand: what is let through does no harm. */
static void test_pages_I6_what_is_let_through_does_no_harm(void **state)
{
    struct kernel *k = *state;
    const char *more = getenv("ARM_PAGE_MUTATIONS");
    uint64_t random = 1442695040888963407u;
    long mutations = more != NULL ? atol(more) : MUTATIONS;
    struct arm_buf data;
    long refused = 0;

    fill(k);
    data = read_data(k);
    for (long i = 0; i < mutations; i++) {
        size_t page = next_random(&random) % (data.size / PAGE_BYTES);
        /* Mostly in the header and the offsets behind it. */
        size_t within = next_random(&random) % (next_random(&random) % 4 == 0 ? PAGE_BYTES : 160);
        size_t at = page * PAGE_BYTES + within;
        uint8_t kept = data.data[at];
        arm_status st;

        data.data[at] = (uint8_t)(next_random(&random) % 2 == 0 ? kept ^ 1u << random % 8
                                                                : next_random(&random));
        write_data(k, data.data, data.size);
        st = arm__index_check_pages(k->dir.path, &k->err);
        if (st == ARM_OK && !survives(k)) {
            fail_msg("page %zu, byte %zu: %02x instead of %02x ends the process", page, within,
                     data.data[at], kept);
        }
        refused += st != ARM_OK;
        data.data[at] = kept;
    }
    print_message("%ld of %ld changed files were refused\n", refused, mutations);
    assert_true(refused > mutations / 8);
    arm__buf_release(&data);
}

static void test_pages_I6_no_truncated_file_is_let_through(void **state)
{
    struct kernel *k = *state;
    struct arm_buf data;

    fill(k);
    data = read_data(k);
    for (size_t size = 0; size + PAGE_BYTES < data.size; size += 1000) {
        write_data(k, data.data, size);
        assert_fails(ARM_CORRUPT, arm__index_check_pages(k->dir.path, &k->err), k->err);
    }
    arm__buf_release(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_pages_I6_a_sound_file_is_let_through),
        kernel_test(test_pages_I6_no_page_of_noise_is_let_through),
        kernel_test(test_pages_I6_what_is_let_through_does_no_harm),
        kernel_test(test_pages_I6_no_truncated_file_is_let_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
