/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

static const struct arm_rows_field item_field = {.name = "item", .format = "u"};
static const struct arm_rows_field member_fields[] = {
    {.name = "name", .format = "u"},
    {.name = "count", .format = "L", .nullable = true},
};
static const struct arm_rows_field struct_field = {
    .name = "item", .format = "+s", .child_count = 2, .children = member_fields};
static const struct arm_rows_field fields[] = {
    {.name = "flag", .format = "b"},
    {.name = "small", .format = "I"},
    {.name = "text", .format = "u", .nullable = true},
    {.name = "at", .format = "tsu:UTC"},
    {.name = "ratio", .format = "g"},
    {.name = "names", .format = "+l", .child_count = 1, .children = &item_field},
    {.name = "members", .format = "+l", .child_count = 1, .children = &struct_field},
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* Row `i` has i names and i members; every third text is null. */
static arm_status push_row(struct arm_rows *rows, uint32_t i, struct arm_error *err)
{
    struct arm_rows_column *names = arm__rows_column(rows, 5);
    struct arm_rows_column *members = arm__rows_column(rows, 6);
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_bool(arm__rows_column(rows, 0), i % 2 == 1, err));
    ARM_TRY(arm__rows_u32(arm__rows_column(rows, 1), i, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, 2), i % 3 == 2 ? NULL : "text", err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, 3), -(int64_t)i, err));
    ARM_TRY(arm__rows_double(arm__rows_column(rows, 4), i / 4.0, err));
    for (uint32_t j = 0; j < i; j++) {
        struct arm_rows_column *member = arm__rows_child(members, 0);

        ARM_TRY(arm__rows_text(arm__rows_child(names, 0), "n", err));
        ARM_TRY(arm__rows_text(arm__rows_child(member, 0), "m", err));
        ARM_TRY(j == 0 ? arm__rows_null(arm__rows_child(member, 1), err)
                       : arm__rows_u64(arm__rows_child(member, 1), j, err));
        ARM_TRY(arm__rows_end(member, err));
    }
    ARM_TRY(arm__rows_end(names, err));
    ARM_TRY(arm__rows_end(members, err));
    arm__rows_end_row(rows);
done:
    return st;
}

static arm_status build(uint32_t row_count, struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_new(fields, FIELDS, &rows, err));
    for (uint32_t i = 0; i < row_count; i++) {
        ARM_TRY(push_row(rows, i, err));
    }
    st = arm__rows_stream(rows, out, err);
    rows = NULL;
done:
    arm__rows_free(rows);
    return st;
}

static void test_rows_schema_says_names_types_and_nulls(void **state)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;

    assert_int_equal(build(1, &stream, NULL), ARM_OK);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_string_equal(schema.format, "+s");
    assert_int_equal(schema.n_children, FIELDS);
    for (size_t i = 0; i < FIELDS; i++) {
        assert_string_equal(schema.children[i]->name, fields[i].name);
        assert_string_equal(schema.children[i]->format, fields[i].format);
        assert_int_equal(schema.children[i]->flags & ARROW_FLAG_NULLABLE,
                         fields[i].nullable ? ARROW_FLAG_NULLABLE : 0);
    }
    assert_string_equal(schema.children[6]->children[0]->children[1]->name, "count");
    schema.release(&schema);
    stream.release(&stream);
}

static void test_rows_B1_values_come_back(void **state)
{
    enum { ROWS = 20 };
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    uint32_t total = 0;

    assert_int_equal(build(ROWS, &stream, NULL), ARM_OK);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        const uint8_t *flags = batch.children[0]->buffers[1];
        const int32_t *offsets = batch.children[2]->buffers[1];
        const uint8_t *validity = batch.children[2]->buffers[0];
        const int32_t *lists = batch.children[6]->buffers[1];
        bool is_null = i % 3 == 2;

        assert_int_equal(flags[i / 8] >> (i % 8) & 1, i % 2);
        assert_int_equal(((const uint32_t *)batch.children[1]->buffers[1])[i], i);
        assert_int_equal(validity[i / 8] >> (i % 8) & 1, is_null ? 0 : 1);
        assert_int_equal(offsets[i + 1] - offsets[i], is_null ? 0 : 4);
        assert_true(((const int64_t *)batch.children[3]->buffers[1])[i] == -(int64_t)i);
        assert_true(((const double *)batch.children[4]->buffers[1])[i] == i / 4.0);
        assert_int_equal(lists[i + 1] - lists[i], i);
        total += i;
    }
    assert_int_equal(batch.children[6]->children[0]->length, total);
    assert_int_equal(batch.children[6]->children[0]->children[1]->null_count, ROWS - 1);
    batch.release(&batch);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_null(batch.release);
    stream.release(&stream);
}

static void test_rows_child_may_be_moved_out(void **state)
{
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    struct ArrowArray moved;

    assert_int_equal(build(9, &stream, NULL), ARM_OK);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    moved = *batch.children[2];
    batch.children[2]->release = NULL;
    batch.release(&batch);
    stream.release(&stream);
    assert_memory_equal(moved.buffers[2], "texttext", 8);
    moved.release(&moved);
}

static void test_rows_none_gives_a_schema_and_no_batch(void **state)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;

    assert_int_equal(build(0, &stream, NULL), ARM_OK);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    schema.release(&schema);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_null(batch.release);
    stream.release(&stream);
}

/* Each allocation in turn fails: an error, nothing leaked (the sanitizers look), nothing set. */
static void test_rows_survive_every_failed_allocation(void **state)
{
    bool failed = true;

    for (uint64_t nth = 1; failed; nth++) {
        struct ArrowArrayStream stream = {0};
        struct arm_error err = {0};
        arm_status st = ARM_OK;

        (void)arm__alloc_fail_at(nth);
        st = build(5, &stream, &err);
        (void)arm__alloc_fail_at(0);
        failed = st != ARM_OK;
        if (failed) {
            assert_int_equal(st, ARM_NO_MEMORY);
            assert_int_equal(err.code, ARM_NO_MEMORY);
            assert_null(stream.release);
        } else {
            stream.release(&stream);
        }
    }
}

static void test_rows_survive_failed_exports(void **state)
{
    int schema_status = 1;
    int batch_status = 1;

    for (uint64_t nth = 1; schema_status != 0 || batch_status != 0; nth++) {
        struct ArrowArrayStream stream;
        struct ArrowSchema schema = {0};
        struct ArrowArray batch = {0};

        assert_int_equal(build(5, &stream, NULL), ARM_OK);
        (void)arm__alloc_fail_at(nth);
        schema_status = stream.get_schema(&stream, &schema);
        (void)arm__alloc_fail_at(nth);
        batch_status = stream.get_next(&stream, &batch);
        (void)arm__alloc_fail_at(0);
        if (schema_status == 0) {
            schema.release(&schema);
        }
        if (batch_status == 0) {
            batch.release(&batch);
        }
        stream.release(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_schema_says_names_types_and_nulls),
        cmocka_unit_test(test_rows_B1_values_come_back),
        cmocka_unit_test(test_rows_child_may_be_moved_out),
        cmocka_unit_test(test_rows_none_gives_a_schema_and_no_batch),
        cmocka_unit_test(test_rows_survive_every_failed_allocation),
        cmocka_unit_test(test_rows_survive_failed_exports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
