/* SPDX-License-Identifier: Apache-2.0 */
/* Hot batches from anywhere: damaged in every way we can think of, they are refused or read, and
 * nothing else happens (run under ASan by `make sanitize`). And random rows come back. */

#include "table/hot.h"

#include "table/table_fixture.h"

enum { BYTES_MAX = 4 << 20, ROUNDS = 60000 };

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return below == 0 ? 0 : (uint32_t)(random_state >> 33) % below;
}

/* Batches of all shapes, small enough that a flipped bit often meets something that matters. */
static const char *const sources[] = {
    "SELECT 1::BIGINT AS id, 'name' AS name, 2.5::DOUBLE AS x, true AS b, NULL::DATE AS d",
    "SELECT i, CASE WHEN i % 3 > 0 THEN repeat('ab', i::INTEGER) END AS v FROM range(40) t(i)",
    "SELECT [i, NULL] AS l, {'a': [i], 'b': NULL::VARCHAR} AS s FROM range(9) t(i)",
    "SELECT (CASE WHEN i > 1 THEN [{'k': i}, NULL] END)::STRUCT(k INTEGER)[2] AS r FROM range(5) "
    "t(i)",
    "SELECT MAP {i::VARCHAR: [i], 'x': NULL} AS m, 'ja'::ENUM('ja', 'nein') AS e,"
    " '0101'::BIT AS bit, 12345678901234567890::BIGNUM AS big FROM range(4) t(i)",
    "SELECT '{}'::JSON AS j, 1.5::DECIMAL(30, 3) AS d, INTERVAL 1 DAY AS iv,"
    " [[[['x']]]] AS deep, ''::BLOB AS bl",
};

static struct arm_buf encode(struct arm_engine *engine, const char *sql)
{
    struct rows rows = rows_of(engine, sql);
    struct arm_buf bytes = ARM_BUF_INIT(BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__hot_encode(rows.schema, rows.chunks, rows.count, &bytes, &err), err);
    rows_free(&rows);
    return bytes;
}

/* How many values a row of the type can make DuckDB reserve. */
static uint64_t width_of(const Armpb__Type *type)
{
    uint64_t width = type->kind == ARMPB__TYPE_KIND__ARRAY ? type->array_size : 1;
    uint64_t inside = 1;

    for (size_t i = 0; i < type->n_fields; i++) {
        inside += width_of(type->fields[i]->type);
    }
    return width * inside;
}

/* Fill vectors with every column of a batch; the schema's ids are where to look. */
static void read_all(const struct arm_hot_batch *batch)
{
    for (uint32_t id = 0; id < 20; id++) {
        const Armpb__Type *type = arm__hot_type(batch, id);
        Armpb__Field field = ARMPB__FIELD__INIT;
        duckdb_logical_type duck = NULL;
        duckdb_data_chunk chunk;
        uint32_t rows = arm__hot_row_count(batch);
        struct arm_error err = {0};

        if (type == NULL || width_of(type) > 2000 ||
            arm__type_to_duckdb(type, &duck, &err) != ARM_OK) {
            continue; /* DuckDB knows no such type, or would reserve gigabytes */
        }
        field.id = id;
        field.name = (char *)(uintptr_t)"x";
        field.type = (Armpb__Type *)(uintptr_t)type;
        assert_true(arm__hot_has(batch, &field));
        chunk = duckdb_create_data_chunk(&duck, 1);
        if (chunk != NULL) {
            for (uint32_t at = 0; at < rows; at += 2048) {
                duckdb_data_chunk_reset(chunk);
                assert_ok(arm__hot_fill(batch, &field, at, rows - at < 2048 ? rows - at : 2048,
                                        duckdb_data_chunk_get_vector(chunk, 0), &err),
                          err);
            }
            duckdb_destroy_data_chunk(&chunk);
        }
        duckdb_destroy_logical_type(&duck);
    }
}

/* One to four random edits; the copy has room for one more byte each. */
static size_t damage(uint8_t *bytes, size_t size)
{
    for (uint32_t edits = 1 + next_random(4); edits > 0 && size > 0; edits--) {
        uint32_t at = next_random((uint32_t)size);

        switch (next_random(6)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << next_random(8));
            break;
        case 1:
            bytes[at] = (uint8_t)next_random(256);
            break;
        case 2:
            bytes[at] = next_random(2) == 0 ? 0xFF : 0x7F;
            break;
        case 3:
            size = at;
            break;
        case 4:
            memmove(bytes + at, bytes + at + 1, --size - at);
            break;
        default:
            memmove(bytes + at + 1, bytes + at, size++ - at);
            bytes[at] = (uint8_t)next_random(256);
            break;
        }
    }
    return size;
}

static void test_hot_damage_is_refused_or_read(void **state)
{
    struct arm_engine *engine = fixture_engine();
    uint64_t refused = 0;
    uint64_t read = 0;

    (void)state;
    random_state = 88172645463325252u;
    for (size_t s = 0; s < sizeof sources / sizeof *sources; s++) {
        struct arm_buf bytes = encode(engine, sources[s]);

        for (int round = 0; round < ROUNDS / 6; round++) {
            uint8_t *copy = malloc(bytes.size + 4); /* its own, so that ASan sees its end */
            struct arm_hot_batch *batch = NULL;
            struct arm_error err = {0};
            size_t size;

            memcpy(copy, bytes.data, bytes.size);
            size = damage(copy, bytes.size);
            copy = realloc(copy, size == 0 ? 1 : size);
            if (arm__hot_open(arm__bytes(copy, size), &batch, &err) == ARM_OK) {
                read_all(batch);
                arm__hot_free(batch);
                read++;
            } else {
                assert_int_equal(err.code, ARM_CORRUPT);
                assert_null(batch);
                refused++;
            }
            free(copy);
        }
        arm__buf_release(&bytes);
    }
    print_message("%llu damaged batches refused, %llu read\n", (unsigned long long)refused,
                  (unsigned long long)read);
    assert_true(refused > ROUNDS / 3);
    arm__engine_close(engine);
}

/* Every prefix of a batch is refused: there is no end inside it. */
static void test_hot_prefixes_are_refused(void **state)
{
    struct arm_engine *engine = fixture_engine();

    (void)state;
    for (size_t s = 0; s < sizeof sources / sizeof *sources; s++) {
        struct arm_buf bytes = encode(engine, sources[s]);

        for (size_t size = 0; size < bytes.size; size++) {
            uint8_t *copy = malloc(size + 1);
            struct arm_hot_batch *batch = NULL;
            struct arm_error err = {0};

            memcpy(copy, bytes.data, size);
            assert_fails(ARM_CORRUPT, arm__hot_open(arm__bytes(copy, size), &batch, &err), err);
            free(copy);
        }
        arm__buf_release(&bytes);
    }
    arm__engine_close(engine);
}

static void expect_corrupt(const char *name, const uint8_t *bytes, size_t size)
{
    struct arm_hot_batch *batch = NULL;
    struct arm_error err = {0};

    if (arm__hot_open(arm__bytes(bytes, size), &batch, &err) != ARM_CORRUPT) {
        fail_msg("%s was accepted", name);
    }
}

/* Small batches that ask for a lot. */
static void test_hot_bombs_are_refused(void **state)
{
    /* format 1, 1 row, 1 column, id 1, then a type and values */
    static const uint8_t long_list[] = {1, 1, 1, 1, 30, 1, 0, 2, 0, 4, 0xFF, 0xFF, 0xFF, 0x7F, 0};
    static const uint8_t wide_array[] = {1, 1, 1, 1, 31, 0xA0, 0x8D, 0x06, 1, 0, 4, 0, 0};
    static const uint8_t many_rows[] = {1, 0x91, 0x4E, 1, 1, 1, 0};
    static const uint8_t many_columns[] = {1, 1, 0xFF, 0xFF, 0xFF, 0x7F, 1, 1, 0, 0};
    static const uint8_t huge_enum[] = {1, 1, 1, 1, 29, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0};
    static const uint8_t no_rows[] = {1, 0, 1, 1, 1, 0};
    static const uint8_t id_twice[] = {1, 1, 2, 1, 1, 1, 1, 0, 1, 0, 1};
    static const uint8_t bad_bool[] = {1, 1, 1, 1, 1, 0, 2};
    static const uint8_t more_behind[] = {1, 1, 1, 1, 1, 0, 1, 0}; /* without the last: true */
    static const uint8_t bad_enum[] = {1, 1, 1, 1, 29, 1, 1, 'a', 0, 1};
    static const uint8_t bad_bit[] = {1, 1, 1, 1, 17, 0, 1, 1, 8};
    uint8_t deep[400] = {1, 1, 1, 1};

    (void)state;
    expect_corrupt("a long list", long_list, sizeof long_list);
    expect_corrupt("a wide array", wide_array, sizeof wide_array);
    expect_corrupt("many rows", many_rows, sizeof many_rows);
    expect_corrupt("many columns", many_columns, sizeof many_columns);
    expect_corrupt("a huge enum", huge_enum, sizeof huge_enum);
    expect_corrupt("no rows", no_rows, sizeof no_rows);
    expect_corrupt("an id twice", id_twice, sizeof id_twice);
    expect_corrupt("a BOOLEAN of 2", bad_bool, sizeof bad_bool);
    expect_corrupt("bytes behind the last value", more_behind, sizeof more_behind);
    expect_corrupt("an ENUM without label", bad_enum, sizeof bad_enum);
    expect_corrupt("a BIT of one byte", bad_bit, sizeof bad_bit);
    for (size_t i = 4; i + 3 < sizeof deep; i += 3) {
        deep[i] = 30; /* LIST of LIST of ... */
        deep[i + 1] = 1;
        deep[i + 2] = 0;
    }
    expect_corrupt("a deep type", deep, sizeof deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hot_damage_is_refused_or_read),
        cmocka_unit_test(test_hot_prefixes_are_refused),
        cmocka_unit_test(test_hot_bombs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
