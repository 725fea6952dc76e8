/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of what the model writes, as they were on the day they were fixed. A change of one of
 * them is a change of format: ARM_GOLDEN_UPDATE=1 writes them anew. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "golden/model_loose.h"
#include "model/entry.h"
#include "model/vector.h"
#include "support/cmocka_all.h"
#include "support/position.h"

enum { GOLDEN_BYTES_MAX = 1 << 16 };

/* `bytes` are those of tests/golden/`name`; released. */
static void assert_golden(const char *name, struct arm_buf *bytes)
{
    const char *source = getenv("ARM_SOURCE_DIR");
    struct arm_buf golden = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    struct arm_error err = {0};
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", source != NULL ? source : ".", name);
    if (getenv("ARM_GOLDEN_UPDATE") != NULL) {
        assert_ok(arm__io_replace_file(arm__io_system(), path, arm__buf_bytes(bytes), &err), err);
    }
    assert_ok(arm__io_read_file(arm__io_system(), path, &golden, &err), err);
    assert_int_equal(golden.size, bytes->size);
    assert_memory_equal(golden.data, bytes->data, bytes->size);
    arm__buf_release(&golden);
    arm__buf_release(bytes);
}

static void golden_record(const char *name, const Armpb__Record *record)
{
    struct arm_buf bytes = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    Armpb__Record *back = NULL;
    struct arm_error err = {0};

    assert_ok(arm__record_encode(record, &bytes, &err), err);
    assert_ok(arm__record_decode(arm__buf_bytes(&bytes), EXAMPLE_PAYLOAD_BYTES, &back, &err), err);
    arm__record_free(back);
    assert_golden(name, &bytes);
}

static void test_golden_records(void **state)
{
    struct example e = {0};

    golden_record("record_commit.bin", example_commit(&e));
    e = (struct example){0};
    golden_record("record_ref.bin", example_ref(&e));
    e = (struct example){0};
    golden_record("record_protect.bin", example_protect(&e));
    e = (struct example){0};
    golden_record("record_in_chunk.bin", example_in_chunk(&e));
    e = (struct example){0};
    golden_record("record_checkpoint.bin", example_checkpoint(&e));
    e = (struct example){0};
    golden_record("record_compaction.bin", example_compaction(&e));
    e = (struct example){0};
    golden_record("record_objects.bin", example_objects(&e));
    e = (struct example){0};
    golden_record("record_advance.bin", example_advance(&e));
    e = (struct example){0};
    golden_record("record_retention.bin", example_retention(&e));
    e = (struct example){0};
    golden_record("record_consumer.bin", example_consumer(&e));
    e = (struct example){0};
    golden_record("record_consumed.bin", example_consumed(&e));
    e = (struct example){0};
    golden_record("record_loose.bin", example_loose(&e));
    e = (struct example){0};
    golden_record("record_words.bin", example_words(&e));
}

/* Every field of every message is set somewhere in the examples, or the files would pin less. */
static void mark(const ProtobufCMessageDescriptor *d, struct arm_bytes bytes, bool (*seen)[32],
                 size_t (*index)(const ProtobufCMessageDescriptor *))
{
    struct arm_reader r = arm__reader(bytes, d->short_name);
    struct arm_error err = {0};

    while (r.rest.size > 0) {
        uint64_t key = 0;
        uint64_t number = 0;
        struct arm_bytes blob;
        const ProtobufCFieldDescriptor *field;

        assert_ok(arm__take_varint(&r, &key, &err), err);
        field = protobuf_c_message_descriptor_get_field(d, (unsigned)(key >> 3));
        assert_non_null(field);
        seen[index(d)][field->id] = true;
        if ((key & 7) == 2) {
            assert_ok(arm__take_blob(&r, &blob, &err), err);
            if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
                mark(field->descriptor, blob, seen, index);
            }
        } else {
            assert_ok((key & 7) == 1 ? arm__take_u64(&r, &number, &err)
                                     : arm__take_varint(&r, &number, &err),
                      err);
        }
    }
}

static const ProtobufCMessageDescriptor *const MESSAGES[] = {&armpb__record__descriptor,
                                                             &armpb__record_chunk__descriptor,
                                                             &armpb__commit__descriptor,
                                                             &armpb__table_change__descriptor,
                                                             &armpb__entry__descriptor,
                                                             &armpb__column_statistics__descriptor,
                                                             &armpb__deletion_edit__descriptor,
                                                             &armpb__schema__descriptor,
                                                             &armpb__column__descriptor,
                                                             &armpb__generated__descriptor,
                                                             &armpb__key__descriptor,
                                                             &armpb__check__descriptor,
                                                             &armpb__field__descriptor,
                                                             &armpb__type__descriptor,
                                                             &armpb__ref_change__descriptor,
                                                             &armpb__protection__descriptor,
                                                             &armpb__checkpoint__descriptor,
                                                             &armpb__checkpoint_run__descriptor,
                                                             &armpb__compaction__descriptor,
                                                             &armpb__compacted_group__descriptor,
                                                             &armpb__compacted_source__descriptor,
                                                             &armpb__sequence__descriptor,
                                                             &armpb__sequence_advance__descriptor,
                                                             &armpb__retention__descriptor,
                                                             &armpb__consumer_change__descriptor,
                                                             &armpb__consumer_cursor__descriptor,
                                                             &armpb__loose_chunk__descriptor};
enum { MESSAGE_COUNT = sizeof MESSAGES / sizeof *MESSAGES };

static size_t index_of(const ProtobufCMessageDescriptor *d)
{
    size_t i = 0;

    while (MESSAGES[i] != d) {
        i++;
    }
    return i;
}

static void mark_record(const Armpb__Record *record, bool (*seen)[32])
{
    struct arm_buf bytes = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__record_encode(record, &bytes, &err), err);
    mark(&armpb__record__descriptor, arm__buf_bytes(&bytes), seen, index_of);
    arm__buf_release(&bytes);
}

static void test_golden_records_have_every_field(void **state)
{
    /* In no example, since they exclude others: what renames have. */
    static const char *const ABSENT[] = {"new_name"};
    bool seen[MESSAGE_COUNT][32] = {{false}};
    struct example e = {0};

    mark_record(example_commit(&e), seen);
    e = (struct example){0};
    mark_record(example_ref(&e), seen);
    e = (struct example){0};
    mark_record(example_protect(&e), seen);
    e = (struct example){0};
    mark_record(example_in_chunk(&e), seen);
    e = (struct example){0};
    mark_record(example_checkpoint(&e), seen);
    e = (struct example){0};
    mark_record(example_compaction(&e), seen);
    e = (struct example){0};
    mark_record(example_objects(&e), seen);
    e = (struct example){0};
    mark_record(example_advance(&e), seen);
    e = (struct example){0};
    mark_record(example_retention(&e), seen);
    e = (struct example){0};
    mark_record(example_consumer(&e), seen);
    e = (struct example){0};
    mark_record(example_consumed(&e), seen);
    e = (struct example){0};
    mark_record(example_loose(&e), seen);
    e = (struct example){0};
    mark_record(example_words(&e), seen);
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        for (unsigned j = 0; j < MESSAGES[i]->n_fields; j++) {
            const ProtobufCFieldDescriptor *field = &MESSAGES[i]->fields[j];
            bool excused = false;

            for (size_t k = 0; k < sizeof ABSENT / sizeof *ABSENT; k++) {
                excused = excused || strcmp(field->name, ABSENT[k]) == 0;
            }
            if (!seen[i][field->id] && !excused) {
                fail_msg("%s.%s", MESSAGES[i]->short_name, field->name);
            }
        }
    }
}

static void test_golden_schema(void **state)
{
    struct example e = {0};
    struct arm_buf bytes = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__schema_encode(example_schema(&e), &bytes, &err), err);
    assert_golden("model_schema.bin", &bytes);
}

static void golden_entry(const char *name, const struct arm_entry *entry)
{
    struct arm_buf bytes = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__entry_encode(entry, &bytes, &err), err);
    assert_golden(name, &bytes);
}

static void test_golden_entries(void **state)
{
    struct arm_entry entry = {.position = arm__position_first(),
                              .first_row_id = 300,
                              .rows = 122880,
                              .bytes = 5000000,
                              .schema_id = 3};

    memset(&entry.rows_hash, 0xAA, sizeof entry.rows_hash);
    memset(&entry.chunk, 0xBB, sizeof entry.chunk);
    memset(&entry.vector_hash, 0xCC, sizeof entry.vector_hash);
    golden_entry("model_entry_chunk.bin", &entry);
    entry.explicit_row_ids = true;
    entry.name_mapping = true;
    entry.key_id = 9;
    entry.dead = 4;
    entry.vector = arm__bytes(EXAMPLE_BITS, sizeof EXAMPLE_BITS - 1);
    golden_entry("model_entry_chunk_full.bin", &entry);
    entry.vector = (struct arm_bytes){NULL, 0};
    entry.dead = 60000;
    golden_entry("model_entry_vector_hash.bin", &entry);
    entry = (struct arm_entry){.position = arm__position_first(),
                               .first_row_id = 1,
                               .rows = 1,
                               .bytes = 60,
                               .schema_id = 1,
                               .is_hot = true,
                               .tx = 1000,
                               .payload_offset = 128};
    golden_entry("model_entry_hot.bin", &entry);
}

/* All three kinds of container: a run, an array, bits. */
static void test_golden_vector(void **state)
{
    roaring_bitmap_t *bitmap = roaring_bitmap_from_range(10, 5000, 1);
    struct arm_buf bytes = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    struct arm_error err = {0};

    roaring_bitmap_add(bitmap, 70000);
    roaring_bitmap_add(bitmap, 70005);
    for (uint32_t i = 0; i < 65536; i += 3) {
        roaring_bitmap_add(bitmap, (2u << 16) + i);
    }
    assert_ok(arm__vector_encode(bitmap, &bytes, &err), err);
    arm__vector_free(bitmap);
    assert_golden("model_vector.bin", &bytes);
}

static void append_positions(const struct arm_position *positions, size_t count,
                             struct arm_buf *out)
{
    struct arm_error err = {0};

    for (size_t i = 0; i < count; i++) {
        assert_ok(arm__buf_blob(out, arm__position_bytes(&positions[i]), &err), err);
    }
}

static void test_golden_positions(void **state)
{
    struct arm_position at[5];
    struct arm_position end = arm__position_first();
    struct arm_buf bytes = ARM_BUF_INIT(GOLDEN_BYTES_MAX);
    struct arm_error err = {0};

    append_positions(&end, 1, &bytes);
    end = position_after(arm__position_bytes(&end));
    append_positions(&end, 1, &bytes);
    assert_ok(
        arm__position_between((struct arm_bytes){NULL, 0}, arm__position_bytes(&end), 5, at, &err),
        err);
    append_positions(at, 5, &bytes);
    for (int round = 0; round < 20; round++) {
        assert_ok(arm__position_between(arm__position_bytes(&at[round % 4]),
                                        arm__position_bytes(&at[round % 4 + 1]), 5, at, &err),
                  err);
        append_positions(at, 5, &bytes);
    }
    assert_golden("model_positions.bin", &bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_records),
        cmocka_unit_test(test_golden_records_have_every_field),
        cmocka_unit_test(test_golden_schema),
        cmocka_unit_test(test_golden_entries),
        cmocka_unit_test(test_golden_vector),
        cmocka_unit_test(test_golden_positions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
