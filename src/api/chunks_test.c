/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks as a program's own; versions that say what they use; branches moved to versions. */

#include <stdlib.h>
#include <sys/stat.h>

#include "api/branch_fixture.h"

static const char HELLO[] = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";
static const char NOBODY[] = "0000000000000000000000000000000000000000000000000000000000000000";

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    open_fixture(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    close_fixture(*state);
    return 0;
}

static void put_hello(struct fixture *f)
{
    char hash[ARM_CHUNK_HASH_SIZE];
    struct arm_error err;

    assert_ok(arm_chunk_put(f->repo, "hello", 5, hash, &err), err);
    assert_string_equal(hash, HELLO);
}

/* Where the bytes of HELLO stand. */
static const char *file_of(struct fixture *f, char path[TEMP_PATH_BYTES])
{
    char name[160];

    (void)snprintf(name, sizeof name, "repo/chunks/ea/8f/%s", HELLO);
    return temp_path(&f->dir, name, path);
}

static void test_chunks_are_put_and_read(void **state)
{
    struct fixture *f = *state;
    struct ArrowArrayStream stream;
    char room[16] = "";
    uint64_t bytes = 0;
    size_t size = 0;
    bool exists = false;
    struct arm_error err;

    put_hello(f);
    put_hello(f);
    assert_ok(arm_chunk_exists(f->repo, HELLO, &exists, &err), err);
    assert_true(exists);
    assert_ok(arm_chunk_size(f->repo, HELLO, &bytes, &err), err);
    assert_int_equal(bytes, 5);
    assert_ok(arm_chunk_get(f->repo, HELLO, true, room, sizeof room, &size, &err), err);
    assert_int_equal(size, 5);
    assert_memory_equal(room, "hello", 5);
    assert_fails(ARM_INVALID, arm_chunk_get(f->repo, HELLO, false, room, 4, &size, &err), err);
    assert_ok(arm_chunks(f->repo, &stream, &err), err);
    assert_int_equal(drain(&stream), 1); /* t stands in the log */
    assert_ok(arm_chunk_delete(f->repo, HELLO, &err), err);
    assert_ok(arm_chunk_exists(f->repo, HELLO, &exists, &err), err);
    assert_false(exists);
}

static void test_chunks_refuse_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct arm_repo_options options = {.size = sizeof options, .read_only = true};
    static const char *const ill_formed[] = {"", "EA", "../../x", "0"};
    char hash[ARM_CHUNK_HASH_SIZE] = "as it was";
    arm_repo *reader = NULL;
    uint64_t bytes = 7;
    size_t size = 7;
    bool exists = true;
    struct arm_error err;

    for (size_t i = 0; i < sizeof ill_formed / sizeof *ill_formed; i++) {
        assert_fails(ARM_INVALID_HASH, arm_chunk_size(f->repo, ill_formed[i], &bytes, &err), err);
        assert_fails(ARM_INVALID_HASH, arm_chunk_exists(f->repo, ill_formed[i], &exists, &err),
                     err);
        assert_fails(ARM_INVALID_HASH, arm_chunk_delete(f->repo, ill_formed[i], &err), err);
        assert_fails(ARM_INVALID_HASH,
                     arm_chunk_get(f->repo, ill_formed[i], false, NULL, 0, &size, &err), err);
    }
    assert_fails(ARM_NOT_FOUND, arm_chunk_size(f->repo, NOBODY, &bytes, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_chunk_delete(f->repo, NOBODY, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_chunk_get(f->repo, NOBODY, false, NULL, 0, &size, &err), err);
    assert_int_equal(bytes + size, 14);
    assert_fails(ARM_INVALID, arm_chunk_put(f->repo, NULL, 5, hash, &err), err);
    assert_fails(ARM_INVALID, arm_chunk_put(NULL, "x", 1, hash, &err), err);
    assert_fails(ARM_INVALID, arm_chunk_size(f->repo, NULL, &bytes, &err), err);
    assert_ok(arm_repo_open(f->path, &options, &reader, &err), err);
    assert_fails(ARM_READ_ONLY, arm_chunk_put(reader, "x", 1, hash, &err), err);
    assert_fails(ARM_READ_ONLY, arm_chunk_delete(reader, NOBODY, &err), err);
    assert_string_equal(hash, "as it was");
    arm_repo_close(reader);
}

static void test_chunks_damage_is_told(void **state)
{
    struct fixture *f = *state;
    char path[TEMP_PATH_BYTES];
    char room[5];
    size_t size;
    FILE *file;
    struct arm_error err;

    put_hello(f);
    assert_int_equal(chmod(file_of(f, path), 0644), 0);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("hellO", 1, 5, file), 5);
    assert_int_equal(fclose(file), 0);
    assert_ok(arm_chunk_get(f->repo, HELLO, false, room, sizeof room, &size, &err), err);
    assert_memory_equal(room, "hellO", 5);
    assert_fails(ARM_HASH_MISMATCH,
                 arm_chunk_get(f->repo, HELLO, true, room, sizeof room, &size, &err), err);
    assert_non_null(strstr(err.message, HELLO));
}

/* The rows of a SELECT become the table, as its next version. */
static arm_status write(struct fixture *f, const char *sql, struct arm_write_options *options,
                        struct arm_write_result *out, struct arm_error *err)
{
    struct ArrowArrayStream stream;

    options->size = sizeof *options;
    options->mode = ARM_WRITE_REPLACE;
    assert_ok(arm_sql(f->other, sql, NULL, &stream, NULL, err), *err);
    return arm_write(f->session, "t", &stream, options, out, err);
}

static void test_versions_are_made_in_any_case(void **state)
{
    struct fixture *f = *state;
    const char *const uses[] = {HELLO};
    struct arm_write_options plain = {.mode = ARM_WRITE_REPLACE};
    struct arm_write_options always = {.always = true};
    struct arm_write_options third = {
        .version = 3, .metadata = "words", .uses = uses, .use_count = 1};
    struct arm_write_result result;
    struct ArrowArrayStream stream;
    struct arm_error err;

    assert_ok(write(f, "SELECT 1 AS a", &plain, &result, &err), err);
    assert_int_equal(result.tx, 0);
    assert_ok(write(f, "SELECT 1 AS a", &always, &result, &err), err);
    assert_int_equal(result.version, 2);
    assert_fails(ARM_NOT_FOUND, write(f, "SELECT 1 AS a", &third, &result, &err), err);
    put_hello(f);
    assert_ok(write(f, "SELECT 1 AS a", &third, &result, &err), err);
    assert_int_equal(result.version, 3);
    assert_fails(ARM_VERSION_CONFLICT, write(f, "SELECT 2 AS a", &third, &result, &err), err);
    assert_string_equal(ask(f, f->session, "SELECT a FROM t", NULL), "1");
    assert_fails(ARM_INVALID, arm_chunk_delete(f->repo, HELLO, &err), err);
    assert_ok(arm_version_show(f->session, "t", 3, &stream, &err), err);
    assert_int_equal(drain(&stream), 1);
    assert_fails(ARM_NOT_FOUND, arm_version_show(f->session, "t", 4, &stream, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_version_show(f->session, "nobody", 1, &stream, &err), err);
    third.metadata = "";
    assert_fails(ARM_INVALID, write(f, "SELECT 1 AS a", &third, &result, &err), err);
    third = (struct arm_write_options){.use_count = 1};
    assert_fails(ARM_INVALID, write(f, "SELECT 1 AS a", &third, &result, &err), err);
}

static void test_versions_have_chunks_of_so_many_rows(void **state)
{
    struct fixture *f = *state;
    struct arm_write_options options = {.chunk_rows = 4};
    struct arm_write_result result;
    struct arm_error err;

    assert_ok(write(f, "SELECT i AS a FROM range(10) s(i)", &options, &result, &err), err);
    assert_int_equal(result.chunks_added, 3);
    options.chunk_rows = ARM_CHUNK_ROWS_BEST;
    assert_ok(write(f, "SELECT i AS a FROM range(11) s(i)", &options, &result, &err), err);
    assert_int_equal(result.chunks_added, 1);
    options.chunk_rows = 0;
    assert_ok(write(f, "SELECT i AS a FROM range(12) s(i)", &options, &result, &err), err);
    assert_int_equal(result.chunks_added, 0);
}

static void test_move_brings_a_branch_to_versions(void **state)
{
    struct fixture *f = *state;
    struct arm_table_version versions[] = {{"t", 1}, {"u", 1}};
    struct arm_move_options options = {.size = sizeof options, .into = "dev"};
    uint64_t tx = 0;
    struct arm_error err;

    run_sql(f->session, "INSERT INTO t VALUES (2); CREATE TABLE u (x INTEGER)");
    assert_ok(arm_branch_create(f->session, "dev", NULL, NULL, &err), err);
    run_sql(f->other, "USE BRANCH dev; DROP TABLE u");
    assert_ok(arm_move(f->session, versions, 2, &options, &tx, &err), err);
    assert_string_equal(ask(f, f->other, "SELECT count(*) FROM t", NULL), "1");
    assert_string_equal(ask(f, f->other, "SELECT count(*) FROM u", NULL), "0");
    assert_string_equal(ask(f, f->session, "SELECT count(*) FROM t", NULL), "2");
    options.unchanged_since = tx;
    assert_ok(arm_move(f->session, versions, 2, &options, NULL, &err), err);
    assert_fails(ARM_CONFLICT, arm_move(f->session, versions, 2, &options, NULL, &err), err);
    options = (struct arm_move_options){.size = sizeof options, .into = "nobody"};
    assert_fails(ARM_NOT_FOUND, arm_move(f->session, versions, 2, &options, NULL, &err), err);
    versions[1] = (struct arm_table_version){"T", 2};
    assert_fails(ARM_INVALID, arm_move(f->session, versions, 2, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_move(f->session, versions, 0, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_move(f->session, NULL, 1, NULL, NULL, &err), err);
    run_sql(f->session, "BEGIN");
    assert_fails(ARM_INVALID, arm_move(f->session, versions, 1, NULL, NULL, &err), err);
    run_sql(f->session, "ROLLBACK");
    versions[0].version = 9;
    assert_fails(ARM_NOT_FOUND, arm_move(f->session, versions, 1, NULL, NULL, &err), err);
}

#define api_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        api_test(test_chunks_are_put_and_read),
        api_test(test_chunks_refuse_what_is_wrong),
        api_test(test_chunks_damage_is_told),
        api_test(test_versions_are_made_in_any_case),
        api_test(test_versions_have_chunks_of_so_many_rows),
        api_test(test_move_brings_a_branch_to_versions),
    };

    return cmocka_run_group_tests_name("api/chunks", tests, NULL, NULL);
}
