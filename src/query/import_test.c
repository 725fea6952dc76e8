/* SPDX-License-Identifier: Apache-2.0 */
/* Files in and out. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "query/query_fixture.h"

/* Import files of f->dir, by their names parted by blanks. */
static arm_status import(struct query_fixture *f, const char *table, arm_write_mode mode,
                         const char *names, struct arm_write_result *result)
{
    struct arm_write_options options = {.size = sizeof options, .mode = mode};
    static char paths[8][TEMP_PATH_BYTES];
    const char *list[8];
    char copy[256];
    char *rest = copy;
    size_t count = 0;

    (void)snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strsep(&rest, " "); name != NULL; name = strsep(&rest, " ")) {
        list[count] = temp_path(&f->dir, name, paths[count]);
        count++;
    }
    return arm__session_import(f->session, table, list, count, &options, result, &f->err);
}

static void put(struct query_fixture *f, const char *name, const char *text)
{
    temp_write_file(&f->dir, name, text, strlen(text));
}

static void test_import_csv(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;

    put(f, "a.csv", "id,name,day\n1,one,2020-01-01\n2,\"two, too\",\n");
    assert_ok(import(f, "t", ARM_WRITE_CREATE, "a.csv", &result), f->err);
    assert_int_equal(result.rows, 2);
    assert_text(f, "SELECT * FROM t", "1,one,2020-01-01|2,two, too,NULL|");
    assert_text(f, "SELECT typeof(id), typeof(day) FROM t LIMIT 1", "BIGINT,DATE|");
}

/* Appended text is read in the table's types, not in guessed ones. */
static void test_import_append_reads_the_tables_types(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;

    assert_text(f, "CREATE TABLE t (zip VARCHAR, tm VARCHAR, n SMALLINT, l INTEGER[])", "");
    put(f, "a.csv", "zip,tm,l\n01234,2020-01-01T00:00:00Z,\"[1, 2]\"\n00007,1e3,[]\n");
    assert_ok(import(f, "t", ARM_WRITE_APPEND, "a.csv", &result), f->err);
    put(f, "b.json",
        "{\"zip\": \"00012\", \"n\": 5, \"tm\": \"2020-01-01T00:00:00Z\"}\n"
        "{\"tm\": \"2021\", \"l\": [3]}\n");
    assert_ok(import(f, "t", ARM_WRITE_APPEND, "b.json", &result), f->err);
    assert_text(f, "SELECT * FROM t",
                "01234,2020-01-01T00:00:00Z,NULL,[1, 2]|00007,1e3,NULL,[]|"
                "00012,2020-01-01T00:00:00Z,5,NULL|NULL,2021,NULL,[3]|");
    put(f, "c.csv", "zip,n\nx,70000\n");
    assert_fails_with(f, ARM_SQL, "c.csv", import(f, "t", ARM_WRITE_APPEND, "c.csv", &result));
    assert_non_null(strstr(f->err.message, "line 2"));
    put(f, "d.csv", "zip,nope\nx,1\n");
    assert_fails_with(f, ARM_SCHEMA, "nope", import(f, "t", ARM_WRITE_APPEND, "d.csv", &result));
    put(f, "e.json", "{\"zip\": \"1\"}\n{\"zip\": \"1\", \"nope\": 2}\n");
    assert_fails_with(f, ARM_SCHEMA, "nope", import(f, "t", ARM_WRITE_APPEND, "e.json", &result));
    assert_text(f, "SELECT count(*) FROM t", "4|");
}

/* No column of a later file is lost: all files have the same, in any order. */
static void test_import_several_files(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;

    put(f, "a1.csv", "id,x\n1,a\n");
    put(f, "a2.csv", "x,id\nb,2\n");
    assert_ok(import(f, "c", ARM_WRITE_CREATE, "a1.csv a2.csv", &result), f->err);
    assert_text(f, "SELECT id, x FROM c", "1,a|2,b|");
    put(f, "b.csv", "x,id,more\nb,2,3\n");
    assert_fails_with(f, ARM_SCHEMA, "a1.csv has no column \"more\"",
                      import(f, "d", ARM_WRITE_CREATE, "a1.csv b.csv", &result));
    assert_fails_with(f, ARM_SCHEMA, "a1.csv has no column \"more\"",
                      import(f, "d", ARM_WRITE_CREATE, "b.csv a1.csv", &result));
    assert_ok(import(f, "g", ARM_WRITE_CREATE, "a*.csv", &result), f->err);
    assert_int_equal(result.version, 1);
    assert_text(f, "SELECT count(*) FROM g", "2|");
    put(f, "j1.json", "[{\"a\": 1}]");
    put(f, "j2.jsonl", "{\"b\": 2}\n{\"a\": 3}\n");
    assert_ok(import(f, "j", ARM_WRITE_CREATE, "j1.json j2.jsonl", &result), f->err);
    assert_text(f, "SELECT a, b FROM j", "1,NULL|NULL,2|3,NULL|");
    assert_fails_with(f, ARM_SCHEMA, "j1.json",
                      import(f, "m", ARM_WRITE_CREATE, "a1.csv j1.json", &result));
}

static void test_import_keys_behind_the_sample(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;
    static char text[30000 * 12];
    size_t used = 0;

    for (int i = 0; i < 30000; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "{\"%c\":%d}\n",
                                 i == 29000 ? 'b' : 'a', i % 10);
    }
    put(f, "k.jsonl", text);
    assert_ok(import(f, "k", ARM_WRITE_CREATE, "k.jsonl", &result), f->err);
    assert_text(f, "SELECT count(*), count(a), count(b) FROM k", "30000,29999,1|");
}

static void test_import_odd_and_wrong_files(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;

    put(f, "st*r[1]'.csv", "a\n1\n");
    put(f, "star.csv", "a\n2\n");
    assert_ok(import(f, "s", ARM_WRITE_CREATE, "st*r[1]'.csv", &result), f->err);
    assert_text(f, "SELECT * FROM s", "1|");
    put(f, "empty.csv", "");
    assert_fails_with(f, ARM_SCHEMA, "empty.csv",
                      import(f, "t", ARM_WRITE_CREATE, "empty.csv", &result));
    put(f, "not.parquet", "PAR0 this is no Parquet file");
    assert_fails_with(f, ARM_SCHEMA, "not.parquet",
                      import(f, "t", ARM_WRITE_CREATE, "not.parquet", &result));
    put(f, "cut.parquet", "PAR1 this neither");
    assert_fails_with(f, ARM_SQL, "cut.parquet",
                      import(f, "t", ARM_WRITE_CREATE, "cut.parquet", &result));
    assert_fails_with(f, ARM_NOT_FOUND, "none*.csv",
                      import(f, "t", ARM_WRITE_CREATE, "none*.csv", &result));
    assert_fails_with(f, ARM_NOT_FOUND, "none.csv",
                      import(f, "t", ARM_WRITE_CREATE, "none.csv", &result));
    put(f, "bad.csv", "a,b\n1,2\n3,4,5\n6,7\n");
    assert_fails_with(f, ARM_SQL, "bad.csv", import(f, "t", ARM_WRITE_CREATE, "bad.csv", &result));
    assert_non_null(strstr(f->err.message, "line 3"));
    assert_fails_with(f, ARM_SQL, "t", query_text(f, "SELECT * FROM t"));
}

static void export_to(struct query_fixture *f, const char *table, const char *name, const char *at)
{
    struct arm_export_options options = {.size = sizeof options, .at = at};
    char path[TEMP_PATH_BYTES];
    uint64_t rows = 0;

    assert_ok(arm__session_export(f->session, table, temp_path(&f->dir, name, path), &options,
                                  &rows, &f->err),
              f->err);
    assert_int_equal(rows, 20000);
}

static void test_export_and_back(void **state)
{
    static const char *const names[] = {"x.parquet",        "x.csv",    "x.json",   "x.jsonl",
                                        "odd 'n\" é.arrow", "y.csv.gz", "y.csv.zst"};
    struct query_fixture *f = *state;
    struct arm_write_result result;
    char table[16];
    char sql[160];

    assert_text(f,
                "CREATE TABLE t AS SELECT i, 's,\"' || i AS s, i * 0.5 AS d, DATE '2020-01-01' + "
                "CAST(i % 100 AS INTEGER) AS day, CASE WHEN i % 3 = 0 THEN NULL ELSE i END AS n "
                "FROM range(20000) r(i)",
                "20000|");
    assert_text(f, "DELETE FROM t WHERE i = 0", "1|");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        export_to(f, "t", names[i], "version:1");
        assert_false(temp_exists(&f->dir, "x.parquet.part"));
        (void)snprintf(table, sizeof table, "back%zu", i);
        if (strchr(names[i], ' ') == NULL) {
            assert_ok(import(f, table, ARM_WRITE_CREATE, names[i], &result), f->err);
        } else {
            struct arm_write_options options = {.size = sizeof options};
            char path[TEMP_PATH_BYTES];
            const char *one = temp_path(&f->dir, names[i], path);

            assert_ok(arm__session_import(f->session, table, &one, 1, &options, &result, &f->err),
                      f->err);
        }
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM (SELECT i, s, d::DOUBLE, day, n FROM %s EXCEPT SELECT "
                       "i, s, d::DOUBLE, day, n FROM t AT (VERSION => 1))",
                       table);
        assert_text(f, sql, "0|");
        (void)snprintf(sql, sizeof sql, "SELECT count(*), count(n) FROM %s", table);
        assert_text(f, sql, "20000,13333|");
    }
}

/* Any reader of JSON takes it, and numbers keep their digits. */
static void test_export_json_is_json_to_the_last_digit(void **state)
{
    static const char *const wanted =
        "{\"d\":\"NaN\",\"f\":\"-Infinity\",\"n\":1.10,"
        "\"h\":170141183460469231731687303715884105727,"
        "\"s\":{\"x \\\"y\\\"\":[1.50,null],\"m\":{\"k'\":\"Infinity\",\"l\":null}},\"e\":[],"
        "\"t\":\"2020-01-01\",\"v\":\"a\\\"b\\n\\u0001\"}\n"
        "{\"d\":null,\"f\":1.5,\"n\":null,\"h\":-1,\"s\":null,\"e\":[{\"a\":true}],\"t\":null,"
        "\"v\":\"\"}\n";
    struct arm_export_options options = {.size = sizeof options};
    struct query_fixture *f = *state;
    char path[TEMP_PATH_BYTES];
    char text[2000] = "";
    uint64_t rows = 0;
    FILE *file;

    assert_text(f,
                "CREATE TABLE t (d DOUBLE, f FLOAT, n DECIMAL(38,2), h HUGEINT, "
                "s STRUCT(\"x \"\"y\"\"\" DECIMAL(5,2)[2], m MAP(VARCHAR, DOUBLE)), "
                "e STRUCT(a BOOLEAN)[], t DATE, v VARCHAR)",
                "");
    assert_text(
        f,
        "INSERT INTO t VALUES ('nan', '-inf', 1.1, 170141183460469231731687303715884105727, "
        "{'x \"y\"': [1.5, NULL], 'm': MAP {'k''': 'inf', 'l': NULL}}, [], '2020-01-01', "
        "'a\"b' || chr(10) || chr(1)), "
        "(NULL, 1.5, NULL, -1, NULL, [{'a': true}], NULL, '')",
        "2|");
    assert_ok(arm__session_export(f->session, "t", temp_path(&f->dir, "o.jsonl", path), &options,
                                  &rows, &f->err),
              f->err);
    assert_int_equal(rows, 2);
    file = fopen(path, "re");
    assert_non_null(file);
    (void)fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    assert_string_equal(text, wanted);
}

static void test_export_failure_leaves_nothing(void **state)
{
    struct arm_export_options options = {.size = sizeof options};
    struct query_fixture *f = *state;
    char path[TEMP_PATH_BYTES];
    uint64_t rows = 77;

    put(f, "keep.csv", "as it was");
    assert_fails_with(f, ARM_SQL, "nope",
                      arm__session_export(f->session, "nope", temp_path(&f->dir, "keep.csv", path),
                                          &options, &rows, &f->err));
    assert_true(temp_exists(&f->dir, "keep.csv"));
    assert_fails_with(f, ARM_INVALID, "x.what",
                      arm__session_export(f->session, "nope", "x.what", &options, &rows, &f->err));
    assert_int_equal(rows, 77);
}

static void assert_content(struct query_fixture *f, const char *name, const char *wanted)
{
    char path[TEMP_PATH_BYTES];
    char text[64] = "";
    FILE *file = fopen(temp_path(&f->dir, name, path), "re");

    assert_non_null(file);
    (void)fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    assert_string_equal(text, wanted);
}

/* It fails in the middle of the rows: the file that was there is as it was, and no part is left. */
static void test_export_cut_short_leaves_what_was_there(void **state)
{
    struct arm_export_options options = {.size = sizeof options};
    struct query_fixture *f = *state;
    char path[TEMP_PATH_BYTES];
    struct rlimit whole;
    struct rlimit small;
    uint64_t rows = 77;
    size_t files;

    assert_text(f, "CREATE TABLE t AS SELECT range AS a FROM range(200000)", "200000|");
    put(f, "keep.csv", "as it was");
    files = temp_count_files(&f->dir, ".");
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = whole;
    small.rlim_cur = 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_not_equal(arm__session_export(f->session, "t", temp_path(&f->dir, "keep.csv", path),
                                             &options, &rows, &f->err),
                         ARM_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_int_equal(rows, 77);
    assert_content(f, "keep.csv", "as it was");
    assert_int_equal(temp_count_files(&f->dir, "."), files);
}

/* A link stays a link; a file of the name the part once had is not ours to take. */
static void test_export_touches_only_its_place(void **state)
{
    struct arm_export_options options = {.size = sizeof options};
    struct query_fixture *f = *state;
    char path[TEMP_PATH_BYTES];
    char target[TEMP_PATH_BYTES];
    struct stat found;
    uint64_t rows = 0;

    assert_text(f, "CREATE TABLE t AS SELECT 1 AS a", "1|");
    put(f, "real.csv", "old");
    put(f, "link.csv.part", "precious");
    (void)temp_path(&f->dir, "real.csv", target);
    assert_int_equal(symlink(target, temp_path(&f->dir, "link.csv", path)), 0);
    assert_ok(arm__session_export(f->session, "t", path, &options, &rows, &f->err), f->err);
    assert_int_equal(lstat(path, &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    assert_int_equal(stat(target, &found), 0);
    assert_int_equal(found.st_size, strlen("a\n1\n"));
    assert_true(temp_exists(&f->dir, "link.csv.part"));
    assert_fails_with(
        f, ARM_INVALID, "directory",
        arm__session_export(f->session, "t", temp_path(&f->dir, ".", path),
                            &(struct arm_export_options){.size = sizeof options, .format = "csv"},
                            &rows, &f->err));
}

/* ---- Packed files ---- */

static size_t pack_gzip(const char *text, uint8_t *out, size_t size)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)text, .avail_in = (unsigned)strlen(text)};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = out;
    z.avail_out = (unsigned)size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    return z.total_out;
}

static size_t pack_zstd(const char *text, uint8_t *out, size_t size)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t packed;

    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1); /* as the command does */
    packed = ZSTD_compress2(context, out, size, text, strlen(text));
    (void)ZSTD_freeCCtx(context);
    assert_false(ZSTD_isError(packed));
    return packed;
}

static void test_import_packed_files_whole_or_refused(void **state)
{
    static const struct {
        size_t (*pack)(const char *text, uint8_t *out, size_t size);
        const char *name;
    } kinds[] = {{pack_gzip, "a.csv.gz"}, {pack_zstd, "a.csv.zst"}};
    static char text[20000];
    static uint8_t bytes[40000];
    struct query_fixture *f = *state;
    struct arm_write_result result;

    (void)snprintf(text, sizeof text, "a\n");
    for (int i = 0; i < 2000; i++) {
        size_t used = strlen(text);

        (void)snprintf(text + used, sizeof text - used, "%d\n", i * 7919);
    }
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        size_t size = kinds[kind].pack(text, bytes, sizeof bytes / 2);

        for (size_t cut = 20; cut < size; cut += size / 10) {
            temp_write_file(&f->dir, kinds[kind].name, bytes, cut);
            assert_fails_with(f, ARM_SCHEMA, kinds[kind].name,
                              import(f, "t", ARM_WRITE_CREATE, kinds[kind].name, &result));
        }
        bytes[size / 2] ^= 0x10;
        temp_write_file(&f->dir, kinds[kind].name, bytes, size);
        assert_fails_with(f, ARM_SCHEMA, kinds[kind].name,
                          import(f, "t", ARM_WRITE_CREATE, kinds[kind].name, &result));
        bytes[size / 2] ^= 0x10;
        memcpy(bytes + size, bytes, size); /* two members, each with its header line */
        temp_write_file(&f->dir, kinds[kind].name, bytes, size);
        assert_ok(import(f, "t", ARM_WRITE_REPLACE, kinds[kind].name, &result), f->err);
        assert_int_equal(result.rows, 2000);
    }
}

static void test_import_schemas_of_sql_are_refused(void **state)
{
    static const char *const names[] = {"temp.x", "information_schema.tables", "PG_CATALOG.x",
                                        "system.x", "armillaria.x"};
    struct query_fixture *f = *state;
    struct arm_write_result result;

    put(f, "a.csv", "a\n1\n");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_fails_with(f, ARM_INVALID_NAME, "SQL's own",
                          import(f, names[i], ARM_WRITE_CREATE, "a.csv", &result));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, query_setup, query_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_import_csv),
        TEST(test_import_append_reads_the_tables_types),
        TEST(test_import_several_files),
        TEST(test_import_keys_behind_the_sample),
        TEST(test_import_odd_and_wrong_files),
        TEST(test_export_and_back),
        TEST(test_export_json_is_json_to_the_last_digit),
        TEST(test_export_failure_leaves_nothing),
        TEST(test_export_cut_short_leaves_what_was_there),
        TEST(test_export_touches_only_its_place),
        TEST(test_import_packed_files_whole_or_refused),
        TEST(test_import_schemas_of_sql_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
