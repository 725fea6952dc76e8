/* SPDX-License-Identifier: Apache-2.0 */
/* M7 and M6 against the real DuckDB: every type's values, its extremes among them, come back from
 * Parquet through their physical type as they were; the refused ones are those that do not; and
 * the bounds that RETURN_STATS prints hold every value. */
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/model_example.h"
#include "model/type.h"
#include "model/value.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

enum { SQL_BYTES_MAX = 1 << 20 };

struct world {
    struct temp_dir dir;
    duckdb_database database;
    duckdb_connection connection;
    unsigned files;
};

static int set_up(void **state)
{
    static struct world world;

    world = (struct world){.dir = temp_dir_make()};
    *state = &world;
    if (duckdb_open(NULL, &world.database) != DuckDBSuccess ||
        duckdb_connect(world.database, &world.connection) != DuckDBSuccess) {
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    duckdb_disconnect(&world->connection);
    duckdb_close(&world->database);
    temp_dir_remove(&world->dir);
    return 0;
}

static void query(struct world *world, const char *sql, duckdb_result *out)
{
    if (duckdb_query(world->connection, sql, out) != DuckDBSuccess) {
        fail_msg("%s\n%s", sql, duckdb_result_error(out));
    }
}

static void run(struct world *world, const char *sql)
{
    duckdb_result result;

    query(world, sql, &result);
    duckdb_destroy_result(&result);
}

/* One BIGINT. */
static int64_t count(struct world *world, const char *sql)
{
    duckdb_result result;
    duckdb_data_chunk chunk;
    int64_t value;

    query(world, sql, &result);
    chunk = duckdb_fetch_chunk(result);
    assert_non_null(chunk);
    value = *(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return value;
}

static struct arm_bytes string_at(duckdb_vector vector, idx_t row)
{
    duckdb_string_t *strings = duckdb_vector_get_data(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);

    if (validity != NULL && !duckdb_validity_row_is_valid(validity, row)) {
        return (struct arm_bytes){NULL, 0};
    }
    return arm__bytes(duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row]));
}

static bool is_word(struct arm_bytes bytes, const char *word)
{
    return arm__bytes_compare(bytes, arm__bytes(word, strlen(word))) == 0;
}

/* From the MAP(VARCHAR, MAP(VARCHAR, VARCHAR)) that COPY returns: the min and max of `column`. */
struct bounds {
    struct arm_buf min;
    struct arm_buf max;
    bool has_min;
    bool has_max;
};

static void take_bounds(duckdb_vector statistics, const char *column, struct bounds *out)
{
    duckdb_list_entry columns = *(duckdb_list_entry *)duckdb_vector_get_data(statistics);
    duckdb_vector pairs = duckdb_list_vector_get_child(statistics);
    duckdb_vector names = duckdb_struct_vector_get_child(pairs, 0);
    duckdb_vector maps = duckdb_struct_vector_get_child(pairs, 1);
    duckdb_vector inner = duckdb_list_vector_get_child(maps);
    duckdb_vector keys = duckdb_struct_vector_get_child(inner, 0);
    duckdb_vector values = duckdb_struct_vector_get_child(inner, 1);
    struct arm_error err = {0};

    for (idx_t i = columns.offset; i < columns.offset + columns.length; i++) {
        duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(maps))[i];

        for (idx_t j = entry.offset;
             is_word(string_at(names, i), column) && j < entry.offset + entry.length; j++) {
            struct arm_bytes value = string_at(values, j);

            if (is_word(string_at(keys, j), "min")) {
                out->has_min = true;
                assert_ok(arm__buf_append(&out->min, value.data, value.size, &err), err);
            } else if (is_word(string_at(keys, j), "max")) {
                out->has_max = true;
                assert_ok(arm__buf_append(&out->max, value.data, value.size, &err), err);
            }
        }
    }
}

/* COPY the table `t` through its physical types; the path of the file in `path`. */
static void copy(struct world *world, const Armpb__Schema *schema, char path[TEMP_PATH_BYTES],
                 struct bounds *bounds)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    struct arm_error err = {0};
    duckdb_result result;
    duckdb_data_chunk chunk;
    char name[32];

    (void)snprintf(name, sizeof name, "%u.parquet", world->files++);
    assert_ok(arm__buf_printf(&sql, &err, "COPY (SELECT i, "), err);
    assert_ok(arm__type_store_sql(schema->columns[1]->field->type, "v", &sql, &err), err);
    assert_ok(arm__buf_printf(&sql, &err,
                              " AS v FROM t ORDER BY i) TO '%s' (FORMAT parquet, "
                              "RETURN_STATS, FIELD_IDS ",
                              temp_path(&world->dir, name, path)),
              err);
    assert_ok(arm__schema_field_ids_sql(schema, &sql, &err), err);
    assert_ok(arm__buf_append(&sql, ")", 2, &err), err);
    query(world, (const char *)sql.data, &result);
    chunk = duckdb_fetch_chunk(result);
    assert_non_null(chunk);
    take_bounds(duckdb_data_chunk_get_vector(chunk, 4), "\"v\"", bounds);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    arm__buf_release(&sql);
}

/* Every value lies between the bounds, in their encoding. */
static void check_bounds(struct world *world, const Armpb__Type *type, const struct bounds *bounds)
{
    struct arm_buf min = ARM_BUF_INIT(1000);
    struct arm_buf max = ARM_BUF_INIT(1000);
    bool min_known = false;
    bool max_known = false;
    struct arm_error err = {0};
    duckdb_result result;
    duckdb_data_chunk chunk;

    assert_true(bounds->has_min && bounds->has_max);
    assert_ok(
        arm__value_from_text(type, arm__buf_bytes(&bounds->min), false, &min, &min_known, &err),
        err);
    assert_ok(
        arm__value_from_text(type, arm__buf_bytes(&bounds->max), true, &max, &max_known, &err),
        err);
    assert_true(min_known && max_known);
    query(world, "SELECT CAST(v AS VARCHAR) FROM t WHERE v IS NOT NULL", &result);
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
            struct arm_bytes text = string_at(duckdb_data_chunk_get_vector(chunk, 0), row);
            struct arm_buf value = ARM_BUF_INIT(SQL_BYTES_MAX);

            if (!is_word(text, "nan") && !is_word(text, "-0.0")) { /* see value.h */
                assert_ok(arm__value_initial(type, text, &value, &err), err);
                assert_true(arm__bytes_compare(arm__buf_bytes(&min), arm__buf_bytes(&value)) <= 0);
                assert_true(arm__bytes_compare(arm__buf_bytes(&value), arm__buf_bytes(&max)) <= 0);
            }
            arm__buf_release(&value);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    arm__buf_release(&min);
    arm__buf_release(&max);
}

/* A table t (i BIGINT, v `type`) of `values`, a list in SQL, and NULL. */
static void make_table(struct world *world, const char *type_sql, const char *values)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__buf_printf(&sql, &err,
                              "CREATE OR REPLACE TABLE t AS SELECT row_number() OVER () AS i, "
                              "CAST(v AS %s) AS v FROM (VALUES %s, (NULL)) s(v)%c",
                              type_sql, values, 0),
              err);
    run(world, (const char *)sql.data);
    arm__buf_release(&sql);
}

/* The file gives back type, ids and every value of t, and has the physical type. */
static void check_file(struct world *world, const Armpb__Type *type, const char *type_sql,
                       const char *path)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__buf_printf(&sql, &err,
                              "SELECT count(*) FROM t JOIN '%s' p USING (i) WHERE "
                              "CAST(p.v AS %s) IS DISTINCT FROM t.v OR CAST(CAST(p.v AS %s) AS "
                              "VARCHAR) IS DISTINCT FROM CAST(t.v AS VARCHAR)%c",
                              path, type_sql, type_sql, 0),
              err);
    if (count(world, (const char *)sql.data) != 0) {
        fail_msg("%s: values do not come back", type_sql);
    }
    arm__buf_clear(&sql);
    assert_ok(arm__buf_printf(&sql, &err,
                              "SELECT count(*) FROM '%s' WHERE typeof(v) <> "
                              "typeof(CAST(NULL AS ",
                              path),
              err);
    assert_ok(arm__type_physical_sql(type, &sql, &err), err);
    assert_ok(arm__buf_append(&sql, "))", 3, &err), err);
    if (count(world, (const char *)sql.data) != 0) {
        fail_msg("%s: not the physical type", type_sql);
    }
    arm__buf_release(&sql);
}

static void check_type(struct world *world, Armpb__Schema *schema, const char *values)
{
    Armpb__Type *type = schema->columns[1]->field->type;
    struct arm_buf type_sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    struct bounds bounds = {.min = ARM_BUF_INIT(SQL_BYTES_MAX), .max = ARM_BUF_INIT(SQL_BYTES_MAX)};
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];

    assert_ok(arm__type_sql(type, &type_sql, &err), err);
    assert_ok(arm__buf_u8(&type_sql, 0, &err), err);
    make_table(world, (const char *)type_sql.data, values);
    copy(world, schema, path, &bounds);
    check_file(world, type, (const char *)type_sql.data, path);
    if (arm__value_has_bounds(type)) {
        check_bounds(world, type, &bounds);
    }
    arm__buf_release(&type_sql);
    arm__buf_release(&bounds.min);
    arm__buf_release(&bounds.max);
}

static void check_flat(struct world *world, Armpb__TypeKind kind, uint32_t width, uint32_t scale,
                       const char *values)
{
    static char *labels[] = {"a", "b'c", "", "DUCK"};
    struct example e = {0};
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    Armpb__Type *type;

    (void)example_column(&e, "i", ARMPB__TYPE_KIND__BIGINT);
    type = example_column(&e, "v", kind);
    if (kind == ARMPB__TYPE_KIND__DECIMAL) {
        type->has_width = type->has_scale = true;
        type->width = width;
        type->scale = scale;
    }
    if (kind == ARMPB__TYPE_KIND__ENUM) {
        type->labels = labels;
        type->n_labels = 4;
    }
    schema.columns = e.column_list;
    schema.n_columns = 2;
    arm__schema_number_fields(&schema);
    check_type(world, &schema, values);
}

#define NINES_38 "99999999999999999999999999999999999999"

static const struct {
    Armpb__TypeKind kind;
    uint32_t width;
    uint32_t scale;
    const char *values;
} TYPES[] = {
    {ARMPB__TYPE_KIND__BOOLEAN, 0, 0, "(true), (false)"},
    {ARMPB__TYPE_KIND__TINYINT, 0, 0, "(-128), (127)"},
    {ARMPB__TYPE_KIND__SMALLINT, 0, 0, "(-32768), (32767)"},
    {ARMPB__TYPE_KIND__INTEGER, 0, 0, "(-2147483648), (2147483647)"},
    {ARMPB__TYPE_KIND__BIGINT, 0, 0, "(-9223372036854775808), (9223372036854775807)"},
    {ARMPB__TYPE_KIND__HUGEINT, 0, 0,
     "('-170141183460469231731687303715884105728'), ('170141183460469231731687303715884105727')"},
    {ARMPB__TYPE_KIND__UTINYINT, 0, 0, "(0), (255)"},
    {ARMPB__TYPE_KIND__USMALLINT, 0, 0, "(0), (65535)"},
    {ARMPB__TYPE_KIND__UINTEGER, 0, 0, "(0), (4294967295)"},
    {ARMPB__TYPE_KIND__UBIGINT, 0, 0, "(0), (18446744073709551615)"},
    {ARMPB__TYPE_KIND__UHUGEINT, 0, 0, "('0'), ('340282366920938463463374607431768211455')"},
    {ARMPB__TYPE_KIND__FLOAT, 0, 0,
     "('nan'), ('inf'), ('-inf'), ('-0.0'), ('0'), ('1e-45'), ('3.4028235e38'), ('0.1')"},
    {ARMPB__TYPE_KIND__DOUBLE, 0, 0, "('nan'), ('5e-324'), ('-1.7976931348623157e308'), ('0.1')"},
    {ARMPB__TYPE_KIND__DECIMAL, 4, 1, "('-999.9'), ('999.9'), ('-0.1')"},
    {ARMPB__TYPE_KIND__DECIMAL, 9, 9, "('-0.999999999'), ('0.999999999')"},
    {ARMPB__TYPE_KIND__DECIMAL, 18, 3, "('-999999999999999.999'), ('999999999999999.999')"},
    {ARMPB__TYPE_KIND__DECIMAL, 19, 0, "('-9999999999999999999'), ('9999999999999999999')"},
    {ARMPB__TYPE_KIND__DECIMAL, 38, 0, "('-" NINES_38 "'), ('" NINES_38 "')"},
    {ARMPB__TYPE_KIND__DECIMAL, 38, 38, "('-0." NINES_38 "'), ('0." NINES_38 "')"},
    {ARMPB__TYPE_KIND__VARCHAR, 0, 0,
     "(''), ('a' || chr(0) || 'b'), (repeat('\xF4\x8F\xBF\xBE', 9)), (repeat('x', 5000)), "
     "('it''s')"},
    {ARMPB__TYPE_KIND__VARCHAR, 0, 0, "('b' || chr(0) || 'c'), ('b')"},
    {ARMPB__TYPE_KIND__BLOB, 0, 0, "(''), ('\\x00\\xFF'), (repeat('\\xFE', 40)), ('''\\x5C')"},
    {ARMPB__TYPE_KIND__BIT, 0, 0, "('0'), ('1'), ('0101'), (repeat('1', 100))"},
    {ARMPB__TYPE_KIND__UUID, 0, 0,
     "('00000000-0000-0000-0000-000000000000'), ('ffffffff-ffff-ffff-ffff-ffffffffffff'), "
     "('7fffffff-ffff-ffff-ffff-ffffffffffff'), ('80000000-0000-0000-0000-000000000000')"},
    {ARMPB__TYPE_KIND__DATE, 0, 0,
     "('5877642-06-25 (BC)'), ('5881580-07-10'), ('infinity'), ('-infinity'), ('0001-01-01')"},
    {ARMPB__TYPE_KIND__DATE, 0, 0, "('5877642-06-25 (BC)'), ('5881580-07-10')"},
    {ARMPB__TYPE_KIND__TIME, 0, 0, "('00:00:00'), ('24:00:00'), ('23:59:59.999999')"},
    {ARMPB__TYPE_KIND__TIME_NS, 0, 0, "('00:00:00'), ('24:00:00'), ('23:59:59.999999999')"},
    {ARMPB__TYPE_KIND__TIME_TZ, 0, 0,
     "('00:00:00+15:59:59'), ('24:00:00-15:59:59'), ('12:00:00.123456-00:01:01')"},
    {ARMPB__TYPE_KIND__TIMESTAMP, 0, 0,
     "('290309-12-22 (BC) 00:00:00'), ('294247-01-10 04:00:54.775806'), ('infinity'), "
     "('-infinity')"},
    {ARMPB__TYPE_KIND__TIMESTAMP, 0, 0,
     "('290309-12-22 (BC) 00:00:00'), ('294247-01-10 04:00:54.775806')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_S, 0, 0,
     "('290309-12-22 (BC) 00:00:00'), ('294247-01-10 04:00:54'), ('infinity'), ('-infinity')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_S, 0, 0,
     "('290309-12-22 (BC) 00:00:00'), ('294247-01-10 04:00:54')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_MS, 0, 0,
     "('290309-12-22 (BC) 00:00:00'), ('294247-01-10 04:00:54.775'), ('infinity'), ('-infinity')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_MS, 0, 0,
     "('290309-12-22 (BC) 00:00:00'), ('294247-01-10 04:00:54.775'), ('1969-12-31 23:59:59.999')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_NS, 0, 0,
     "('1677-09-22 00:00:00'), ('2262-04-11 23:47:16.854775806'), ('infinity'), ('-infinity')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_NS, 0, 0,
     "('1677-09-22 00:00:00'), ('2262-04-11 23:47:16.854775806'), ('1969-12-31 "
     "23:59:59.999999999')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_TZ, 0, 0,
     "('290309-12-22 (BC) 00:00:00+00'), ('294247-01-10 04:00:54+00'), ('infinity'), "
     "('-infinity')"},
    {ARMPB__TYPE_KIND__TIMESTAMP_TZ, 0, 0,
     "('0044-03-15 (BC) 01:00:00+00'), ('2020-01-01 00:00:00.1+00')"},
    {ARMPB__TYPE_KIND__INTERVAL, 0, 0,
     "('178956970 years 7 months 2147483647 days 999999999:59:59.999999'), ('-178956970 years -8 "
     "months -2147483648 days -999999999:59:59.999999'), ('1 month -1 day -00:00:00.000001')"},
    {ARMPB__TYPE_KIND__ENUM, 0, 0, "('a'), ('b''c'), (''), ('DUCK')"},
    {ARMPB__TYPE_KIND__BIGNUM, 0, 0, "(repeat('9', 400)), ('-' || repeat('9', 400)), ('0')"},
};

static void test_types_M6_M7_extremes_come_back_and_lie_between_the_bounds(void **state)
{
    struct world *world = *state;

    run(world, "SET TimeZone = 'UTC'");
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        check_flat(world, TYPES[i].kind, TYPES[i].width, TYPES[i].scale, TYPES[i].values);
    }
}

/* Written and read under another time zone than the session's. */
static void test_types_M7_time_zones_change_nothing(void **state)
{
    struct world *world = *state;

    run(world, "SET TimeZone = 'America/New_York'");
    check_flat(world, ARMPB__TYPE_KIND__TIME_TZ, 0, 0, "('00:00:00+15:59:59'), ('12:00:00-05')");
    run(world, "SET TimeZone = 'UTC'");
}

/* Every type inside a STRUCT, a LIST, an ARRAY and a MAP; names that need quotes. */
static void test_types_M7_nested_types_come_back_with_their_field_ids(void **state)
{
    struct world *world = *state;
    struct example e = {0};
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    Armpb__Field **members;
    Armpb__Type *type;
    char path[TEMP_PATH_BYTES];
    char sql[3 * TEMP_PATH_BYTES];

    (void)example_column(&e, "i", ARMPB__TYPE_KIND__BIGINT);
    type = example_column(&e, "v", ARMPB__TYPE_KIND__STRUCT);
    members = example_members(&e, type, 5);
    type = example_field(&e, "h \"1\"", ARMPB__TYPE_KIND__LIST, &members[0]);
    (void)example_field(&e, "x", ARMPB__TYPE_KIND__HUGEINT, example_members(&e, type, 1));
    type = example_field(&e, "it's", ARMPB__TYPE_KIND__ARRAY, &members[1]);
    type->has_array_size = true;
    type->array_size = 2;
    type = example_field(&e, "x", ARMPB__TYPE_KIND__LIST, example_members(&e, type, 1));
    (void)example_field(&e, "x", ARMPB__TYPE_KIND__TIMESTAMP_S, example_members(&e, type, 1));
    type = example_field(&e, "element", ARMPB__TYPE_KIND__MAP, &members[2]);
    (void)example_field(&e, "k", ARMPB__TYPE_KIND__INTERVAL, example_members(&e, type, 2));
    type = example_field(&e, "v", ARMPB__TYPE_KIND__STRUCT, &type->fields[1]);
    (void)example_field(&e, "select", ARMPB__TYPE_KIND__TIME_NS, example_members(&e, type, 1));
    (void)example_field(&e, "e.f", ARMPB__TYPE_KIND__BIT, &members[3]);
    type = example_field(&e, "\xC3\xB6", ARMPB__TYPE_KIND__VARCHAR, &members[4]);
    type->alias = "JSON";
    schema.columns = e.column_list;
    schema.n_columns = 2;
    arm__schema_number_fields(&schema);
    check_type(
        world, &schema,
        "({'h \"1\"': ['170141183460469231731687303715884105727'::HUGEINT, NULL], "
        "'it''s': [['infinity'::TIMESTAMP_S], NULL]::TIMESTAMP_S[][2], "
        "'element': MAP {INTERVAL '1 month -1 day': {'select': '24:00:00'::TIME_NS}}, "
        "'e.f': '0101'::BIT, '\xC3\xB6': '{\"a\":  1}'::JSON}), "
        "({'h \"1\"': [], 'it''s': NULL, 'element': MAP {}, 'e.f': NULL, '\xC3\xB6': NULL})");
    (void)snprintf(path, sizeof path, "%u.parquet", world->files - 1);
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM parquet_schema('%s/%s') WHERE field_id BETWEEN 1 AND %u",
                   world->dir.path, path, schema.last_field_id);
    assert_int_equal(count(world, sql), schema.last_field_id);
}

/* Each of DuckDB's words works as a member's name as we spell it. */
static void test_types_every_keyword_is_quoted_where_it_must_be(void **state)
{
    struct world *world = *state;
    duckdb_result words;
    duckdb_data_chunk chunk;
    size_t seen = 0;
    struct arm_error err = {0};

    query(world, "SELECT keyword_name FROM duckdb_keywords()", &words);
    while ((chunk = duckdb_fetch_chunk(words)) != NULL) {
        for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++, seen++) {
            struct arm_bytes word = string_at(duckdb_data_chunk_get_vector(chunk, 0), row);
            struct example e = {0};
            Armpb__Type type = ARMPB__TYPE__INIT;
            Armpb__Field *member = NULL;
            struct arm_buf sql = ARM_BUF_INIT(1000);
            char name[64] = {0};

            assert_true(word.size < sizeof name);
            memcpy(name, word.data, word.size);
            (void)example_field(&e, name, ARMPB__TYPE_KIND__DATE, &member);
            type.kind = ARMPB__TYPE_KIND__STRUCT;
            type.fields = &member;
            type.n_fields = 1;
            assert_ok(arm__buf_append(&sql, "CREATE OR REPLACE TABLE w (w ", 29, &err), err);
            assert_ok(arm__type_sql(&type, &sql, &err), err);
            assert_ok(arm__buf_append(&sql, "[])", 4, &err), err);
            run(world, (const char *)sql.data);
            arm__buf_release(&sql);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&words);
    assert_true(seen > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_M6_M7_extremes_come_back_and_lie_between_the_bounds),
        cmocka_unit_test(test_types_M7_time_zones_change_nothing),
        cmocka_unit_test(test_types_M7_nested_types_come_back_with_their_field_ids),
        cmocka_unit_test(test_types_every_keyword_is_quoted_where_it_must_be),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
