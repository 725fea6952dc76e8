/* SPDX-License-Identifier: Apache-2.0 */
#include "model/record.h"

#include <string.h>

#include "base/alloc.h"
#include "golden/model_example.h"
#include "support/cmocka_all.h"

static void assert_round_trip(const Armpb__Record *record)
{
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_buf again = ARM_BUF_INIT(1 << 16);
    Armpb__Record *back = NULL;
    struct arm_error err = {0};

    assert_ok(arm__record_encode(record, &bytes, &err), err);
    assert_ok(arm__record_decode(arm__buf_bytes(&bytes), EXAMPLE_PAYLOAD_BYTES, &back, &err), err);
    assert_ok(arm__record_encode(back, &again, &err), err);
    assert_int_equal(bytes.size, again.size);
    assert_memory_equal(bytes.data, again.data, bytes.size);
    arm__record_free(back);
    arm__buf_release(&bytes);
    arm__buf_release(&again);
}

static void test_record_M2_round_trips_to_the_same_bytes(void **state)
{
    struct example e = {0};

    assert_round_trip(example_commit(&e));
    e = (struct example){0};
    assert_round_trip(example_ref(&e));
    e = (struct example){0};
    assert_round_trip(example_protect(&e));
    e = (struct example){0};
    assert_round_trip(example_in_chunk(&e));
    e = (struct example){0};
    assert_round_trip(example_checkpoint(&e));
    e = (struct example){0};
    assert_round_trip(example_compaction(&e));
    e = (struct example){0};
    assert_round_trip(example_objects(&e));
    e = (struct example){0};
    assert_round_trip(example_advance(&e));
    e = (struct example){0};
    assert_round_trip(example_retention(&e));
    e = (struct example){0};
    assert_round_trip(example_consumer(&e));
    e = (struct example){0};
    assert_round_trip(example_consumed(&e));
    arm__record_free(NULL);
}

static void test_table_id_is_commit_id_and_ordinal(void **state)
{
    struct arm_id commit = {{1, 2, 3}};
    struct arm_table_id id = arm__table_id(&commit, 0x01020304);
    struct arm_table_id other = arm__table_id(&commit, 0x01020305);

    assert_memory_equal(id.bytes, "\1\2\3\0\0\0\0\0\0\0\0\0\0\0\0\0\4\3\2\1", ARM_TABLE_ID_BYTES);
    assert_true(arm__table_id_equal(&id, &id));
    assert_false(arm__table_id_equal(&id, &other));
}

static void test_record_hot_rows_must_lie_in_the_payload(void **state)
{
    struct example e = {0};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    Armpb__Record *back = NULL;
    struct arm_error err = {0};

    (void)example_commit(&e); /* the last hot entry: 100 bytes at 300 */
    assert_ok(arm__record_encode(&e.record, &bytes, &err), err);
    assert_ok(arm__record_decode(arm__buf_bytes(&bytes), 400, &back, &err), err);
    arm__record_free(back);
    back = NULL;
    assert_fails(ARM_CORRUPT, arm__record_decode(arm__buf_bytes(&bytes), 399, &back, &err), err);
    assert_null(back);
    e.entries[1].payload_offset = UINT64_MAX - 10;
    arm__buf_clear(&bytes);
    assert_fails(ARM_INVALID, arm__record_encode(&e.record, &bytes, &err), err);
    arm__buf_release(&bytes);
}

/* A change to an example that breaks one rule of record.proto. */
typedef void spoil(struct example *e);
#define SPOIL(name, statement)                                                                     \
    static void name(struct example *e)                                                            \
    {                                                                                              \
        statement;                                                                                 \
    }

SPOIL(two_alternatives, (void)example_in_chunk(e); e->record.commit = &e->commit)
SPOIL(no_alternative, e->record.commit = NULL)
SPOIL(short_commit_id, e->commit.commit_id.len = 15)
SPOIL(short_parent, e->commit.parents[1].len = 17)
SPOIL(generation_1_with_parents, e->commit.generation = 1)
SPOIL(generation_without_parents, e->commit.n_parents = 0)
SPOIL(one_table_twice, e->changes[3].table_id = e->changes[0].table_id)
SPOIL(short_table_id, e->changes[1].table_id.len = 16)
SPOIL(create_without_name, e->changes[0].name = NULL)
SPOIL(create_without_schema, e->changes[0].schema = NULL)
SPOIL(create_with_parent, e->changes[0].has_parent_version = true)
SPOIL(create_of_bad_name, e->changes[0].name = "")
SPOIL(alter_without_schema, e->changes[1].schema = NULL)
SPOIL(write_with_schema, e->changes[2].schema = &e->schema)
SPOIL(write_with_name, e->changes[2].name = "x")
SPOIL(write_without_parent, e->changes[2].has_parent_version = false)
SPOIL(version_before_parent, e->changes[2].parent_version = 12)
SPOIL(version_0, e->changes[0].version = 0)
SPOIL(drop_with_version, e->changes[4].has_version = true)
SPOIL(drop_with_rows, e->changes[4].has_truncated = e->changes[4].truncated = true)
SPOIL(schema_id_0, e->changes[2].schema_id = 0)
SPOIL(other_schema_id, e->changes[0].schema_id = 8)
SPOIL(short_root, e->changes[3].root.len = 31)
SPOIL(view_of_a_table, e->schema.view_sql = "SELECT 1")
SPOIL(table_without_column, e->schema.n_columns = 0; e->schema.n_keys = 0)
SPOIL(removed_unsorted, e->changes[2].removed[0] = e->changes[2].removed[1])
SPOIL(added_unsorted, e->entries[1].position = e->entries[0].position)
SPOIL(deleted_unsorted, e->edits[1].position = e->edits[0].position)
SPOIL(truncated_and_removed, e->changes[2].has_truncated = e->changes[2].truncated = true)
SPOIL(bad_position, e->entries[0].position.len = 1)
SPOIL(bad_removed, e->changes[2].removed[0].len = 1)
SPOIL(bits_cut, e->edits[0].bits.len--)
SPOIL(no_bits, e->edits[0].bits = EXAMPLE_BYTES("\x3A\x30\0\0\0\0\0\0"))
SPOIL(no_rows, e->entries[0].rows = 0)
SPOIL(row_ids_wrap, e->entries[0].first_row_id = UINT64_MAX)
SPOIL(short_rows_hash, e->entries[0].rows_hash.len = 31)
SPOIL(short_chunk, e->entries[0].chunk.len = 31)
SPOIL(chunk_and_hot, e->entries[0].has_payload_offset = true)
SPOIL(nowhere, e->entries[1].has_payload_offset = false)
SPOIL(key_id_0, e->entries[0].key_id = 0)
SPOIL(entry_schema_0, e->entries[3].schema_id = 0)
SPOIL(column_0, e->statistics[1].column_id = 0)
SPOIL(min_above_max, e->statistics[0].max = EXAMPLE_BYTES("\x7F"))
SPOIL(bad_field, e->fields[3].id = 1)
SPOIL(chunk_of_nothing, e->record = *example_in_chunk(e); e->record.commit = NULL;
      e->in_chunk.bytes = 0)
SPOIL(short_chunk_name, e->record = *example_in_chunk(e); e->record.commit = NULL;
      e->in_chunk.hash.len = 1)

/* A checkpoint instead of the commit. */
#define SPOIL_CHECKPOINT(name, change)                                                             \
    SPOIL(name, e->record = *example_checkpoint(e); e->record.commit = NULL; change)
SPOIL_CHECKPOINT(checkpoint_without_runs, e->checkpoint.n_runs = 0)
SPOIL_CHECKPOINT(checkpoint_with_a_gap, e->runs[1].first_tx++)
SPOIL_CHECKPOINT(checkpoint_of_less, e->checkpoint.n_runs = 1)
SPOIL_CHECKPOINT(checkpoint_not_from_1, e->runs[0].first_tx = 2)
SPOIL_CHECKPOINT(checkpoint_empty_run, e->runs[0].next_tx = e->runs[0].first_tx)
SPOIL_CHECKPOINT(checkpoint_of_no_bytes, e->runs[1].bytes = 0)
SPOIL_CHECKPOINT(checkpoint_short_run_name, e->runs[1].chunk.len = 31)
SPOIL_CHECKPOINT(checkpoint_short_previous, e->checkpoint.previous.len = 31)
SPOIL_CHECKPOINT(checkpoint_short_id, e->checkpoint.commit_id.len = 15)
/* A compaction instead of the commit. */
#define SPOIL_COMPACTION(name, change)                                                             \
    SPOIL(name, e->record = *example_compaction(e); e->record.commit = NULL; change)
SPOIL_COMPACTION(compaction_without_groups, e->compaction.n_groups = 0)
SPOIL_COMPACTION(compaction_short_table_id, e->compaction.table_id.len--)
SPOIL_COMPACTION(compaction_short_root, e->compaction.root.len--)
SPOIL_COMPACTION(compaction_of_no_version, e->compaction.version = 0)
SPOIL_COMPACTION(compaction_of_nothing, e->groups[0].n_sources = 0)
SPOIL_COMPACTION(compaction_loses_a_row, e->compacted.rows--)
SPOIL_COMPACTION(compaction_loses_a_dropped_row, e->sources[1].has_dropped = false)
SPOIL_COMPACTION(compaction_drops_no_such_row, e->sources[2].rows = 4)
SPOIL_COMPACTION(compaction_twice_one_source, e->sources[1].position = e->sources[0].position)
SPOIL_COMPACTION(compaction_groups_out_of_order, e->sources[2].position = e->sources[0].position)
SPOIL_COMPACTION(compaction_to_hot_rows, e->compacted.has_chunk = false;
                 e->compacted.has_payload_offset = true; e->compacted.bytes = 0)
SPOIL_COMPACTION(compaction_and_commit, e->record.commit = &e->commit)

static spoil *const COMMIT_SPOILS[] = {two_alternatives,
                                       no_alternative,
                                       short_commit_id,
                                       short_parent,
                                       generation_1_with_parents,
                                       generation_without_parents,
                                       one_table_twice,
                                       short_table_id,
                                       create_without_name,
                                       create_without_schema,
                                       create_with_parent,
                                       create_of_bad_name,
                                       alter_without_schema,
                                       write_with_schema,
                                       write_with_name,
                                       write_without_parent,
                                       version_before_parent,
                                       version_0,
                                       drop_with_version,
                                       drop_with_rows,
                                       schema_id_0,
                                       other_schema_id,
                                       short_root,
                                       view_of_a_table,
                                       table_without_column,
                                       removed_unsorted,
                                       added_unsorted,
                                       deleted_unsorted,
                                       truncated_and_removed,
                                       bad_position,
                                       bad_removed,
                                       bits_cut,
                                       no_bits,
                                       no_rows,
                                       row_ids_wrap,
                                       short_rows_hash,
                                       short_chunk,
                                       chunk_and_hot,
                                       nowhere,
                                       key_id_0,
                                       entry_schema_0,
                                       column_0,
                                       min_above_max,
                                       bad_field,
                                       chunk_of_nothing,
                                       short_chunk_name,
                                       compaction_without_groups,
                                       compaction_short_table_id,
                                       compaction_short_root,
                                       compaction_of_no_version,
                                       compaction_of_nothing,
                                       compaction_loses_a_row,
                                       compaction_loses_a_dropped_row,
                                       compaction_drops_no_such_row,
                                       compaction_twice_one_source,
                                       compaction_groups_out_of_order,
                                       compaction_to_hot_rows,
                                       compaction_and_commit,
                                       checkpoint_without_runs,
                                       checkpoint_with_a_gap,
                                       checkpoint_of_less,
                                       checkpoint_not_from_1,
                                       checkpoint_empty_run,
                                       checkpoint_of_no_bytes,
                                       checkpoint_short_run_name,
                                       checkpoint_short_previous,
                                       checkpoint_short_id};

/* What has no rows: changes[0] a schema, [1] a view, [2] a sequence. */
#define SPOIL_OBJECT(name, change)                                                                 \
    SPOIL(name, *e = (struct example){0}; (void)example_objects(e); change)
SPOIL_OBJECT(schema_in_a_schema, e->changes[0].schema_name = "main")
SPOIL_OBJECT(view_in_no_schema, e->changes[1].schema_name = "")
SPOIL_OBJECT(schema_without_name, e->changes[0].name = "")
SPOIL_OBJECT(schema_with_columns, e->changes[0].schema = &e->object_schemas[1])
SPOIL_OBJECT(view_without_sql, e->object_schemas[1].view_sql = NULL)
SPOIL_OBJECT(view_of_no_sql, e->object_schemas[1].view_sql = "")
SPOIL_OBJECT(view_with_key, e->object_schemas[1].keys = e->key_list;
             e->object_schemas[1].n_keys = 1)
SPOIL_OBJECT(view_with_rows, e->changes[1].added = e->entry_list; e->changes[1].n_added = 1)
SPOIL_OBJECT(sequence_of_a_view, e->object_schemas[1].sequence = &e->sequence)
SPOIL_OBJECT(sequence_without_one, e->object_schemas[2].sequence = NULL)
SPOIL_OBJECT(sequence_aliases,
             e->object_schemas[2].view_aliases = e->object_schemas[1].view_aliases;
             e->object_schemas[2].n_view_aliases = 1)
SPOIL_OBJECT(sequence_of_no_step, e->sequence.increment = 0)
SPOIL_OBJECT(sequence_below_itself, e->sequence.start = 5; e->sequence.min_value = 6)
SPOIL_OBJECT(sequence_above_itself, e->sequence.start = 5; e->sequence.max_value = 4)
SPOIL_OBJECT(sequence_of_one, e->sequence.min_value = e->sequence.max_value = 5)
#define SPOIL_ADVANCE(name, change)                                                                \
    SPOIL(name, e->record = *example_advance(e); e->record.commit = NULL; change)
SPOIL_ADVANCE(advance_by_nothing, e->advance.used = 0)
SPOIL_ADVANCE(advance_short_id, e->advance.commit_id.len = 15)
SPOIL_ADVANCE(advance_short_table_id, e->advance.table_id.len = 16)
SPOIL_ADVANCE(advance_and_commit, e->record.commit = &e->commit)

#define SPOIL_RETENTION(name, change)                                                              \
    SPOIL(name, e->record = *example_retention(e); e->record.commit = NULL; change)
SPOIL_RETENTION(retention_of_nothing, e->retention.horizon_tx = 0)
SPOIL_RETENTION(retention_short_id, e->retention.commit_id.len = 15)
SPOIL_RETENTION(retention_and_commit, e->record.commit = &e->commit)

#define SPOIL_CONSUMER(name, change)                                                               \
    SPOIL(name, e->record = *example_consumer(e); e->record.commit = NULL; change)
SPOIL_CONSUMER(consumer_short_id, e->consumer.commit_id.len = 15)
SPOIL_CONSUMER(consumer_and_commit, e->record.commit = &e->commit)
SPOIL_CONSUMER(consumer_of_no_share, e->cursor.shares = 0)
SPOIL_CONSUMER(consumer_without_name, e->cursor.name = (char *)"")
SPOIL_CONSUMER(consumer_dropped_in_part, e->cursor.has_acked_tx = false; e->cursor.shares = 1)

#define SPOIL_CONSUMED(name, change) SPOIL(name, e->record = *example_consumed(e); change)
SPOIL_CONSUMED(consumed_of_no_share, e->cursor.shares = 0)
SPOIL_CONSUMED(consumed_and_dropped, e->cursor.has_acked_tx = false; e->cursor.shares = UINT64_MAX)

static spoil *const OBJECT_SPOILS[] = {
    schema_in_a_schema,     view_in_no_schema,     schema_without_name,
    schema_with_columns,    view_without_sql,      view_of_no_sql,
    view_with_key,          view_with_rows,        sequence_of_a_view,
    sequence_aliases,       sequence_without_one,  sequence_of_no_step,
    sequence_below_itself,  sequence_of_one,       sequence_above_itself,
    advance_by_nothing,     advance_short_id,      advance_and_commit,
    advance_short_table_id, retention_of_nothing,  retention_short_id,
    retention_and_commit,   consumer_short_id,     consumer_and_commit,
    consumer_of_no_share,   consumer_without_name, consumer_dropped_in_part,
    consumed_of_no_share,   consumed_and_dropped};

SPOIL(ref_id, e->ref.commit_id.len = 0)
SPOIL(ref_name, e->ref.name = "a..b")
SPOIL(new_name, e->ref.new_name = "x")
SPOIL(rename_to_nothing, e->ref.action = ARMPB__REF_ACTION__REF_RENAME; e->ref.has_branch_id = true;
      e->ref.has_from_tx = e->ref.has_from_branch_id = false)
SPOIL(rename_to_bad, rename_to_nothing(e); e->ref.new_name = "HEAD")
SPOIL(drop_of_nothing, e->ref.action = ARMPB__REF_ACTION__REF_DROP;
      e->ref.has_from_tx = e->ref.has_from_branch_id = false)
SPOIL(drop_with_from, e->ref.action = ARMPB__REF_ACTION__REF_DROP; e->ref.has_branch_id = true)
SPOIL(create_with_id, e->ref.has_branch_id = true)
SPOIL(tag_of_nothing, e->ref.kind = ARMPB__REF_KIND__TAG; e->ref.has_from_tx = false)

SPOIL(protection_elsewhere, (void)example_protect(e); e->ref.action = ARMPB__REF_ACTION__REF_DROP)
SPOIL(protection_of_a_tag, (void)example_protect(e); e->ref.kind = ARMPB__REF_KIND__TAG;
      e->ref.has_branch_id = false)
SPOIL(protection_without_id, (void)example_protect(e); e->ref.has_branch_id = false)
SPOIL(protection_by_nothing, (void)example_protect(e); e->protection.n_checks = 0;
      e->protection.only_merges = false)
SPOIL(protection_by_no_query, (void)example_protect(e); e->checks[1].sql = "")

static spoil *const REF_SPOILS[] = {ref_id,
                                    ref_name,
                                    new_name,
                                    rename_to_nothing,
                                    rename_to_bad,
                                    drop_of_nothing,
                                    drop_with_from,
                                    create_with_id,
                                    tag_of_nothing,
                                    protection_elsewhere,
                                    protection_of_a_tag,
                                    protection_without_id,
                                    protection_by_nothing,
                                    protection_by_no_query};

/* Neither written, nor believed when another program has written it. */
static void assert_refused(const Armpb__Record *record, size_t number)
{
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    Armpb__Record *back = NULL;
    struct arm_error err = {0};

    if (arm__record_encode(record, &bytes, &err) != ARM_INVALID) {
        fail_msg("number %zu was written", number);
    }
    assert_int_equal(bytes.size, 0);
    assert_ok(arm__buf_zeros(&bytes, armpb__record__get_packed_size(record), &err), err);
    (void)armpb__record__pack(record, bytes.data);
    if (arm__record_decode(arm__buf_bytes(&bytes), EXAMPLE_PAYLOAD_BYTES, &back, &err) !=
        ARM_CORRUPT) {
        fail_msg("number %zu was read", number);
    }
    assert_null(back);
    arm__buf_release(&bytes);
}

static void test_record_M3_M4_every_rule_holds_both_ways(void **state)
{
    for (size_t i = 0; i < sizeof COMMIT_SPOILS / sizeof *COMMIT_SPOILS; i++) {
        struct example e = {0};

        (void)example_commit(&e);
        COMMIT_SPOILS[i](&e);
        assert_refused(&e.record, i);
    }
    for (size_t i = 0; i < sizeof REF_SPOILS / sizeof *REF_SPOILS; i++) {
        struct example e = {0};

        (void)example_ref(&e);
        REF_SPOILS[i](&e);
        assert_refused(&e.record, 100 + i);
    }
    for (size_t i = 0; i < sizeof OBJECT_SPOILS / sizeof *OBJECT_SPOILS; i++) {
        struct example e = {0};

        (void)example_commit(&e);
        OBJECT_SPOILS[i](&e);
        assert_refused(&e.record, 200 + i);
    }
}

static void test_record_M4_text_that_is_not_utf8_is_not_written(void **state)
{
    struct example e = {0};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_error err = {0};

    (void)example_commit(&e);
    e.commit.message = "caf\xE9";
    assert_fails(ARM_INVALID, arm__record_encode(&e.record, &bytes, &err), err);
    assert_non_null(strstr(err.message, "message"));
    assert_int_equal(bytes.size, 0);
    arm__buf_release(&bytes);
}

static void test_record_M10_every_allocation_of_decode_may_fail(void **state)
{
    struct example e = {0};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    Armpb__Record *back = NULL;
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;
    uint64_t failures = 0;

    assert_ok(arm__record_encode(example_commit(&e), &bytes, &err), err);
    while (st == ARM_NO_MEMORY) {
        (void)arm__alloc_fail_at(failures + 1);
        st = arm__record_decode(arm__buf_bytes(&bytes), EXAMPLE_PAYLOAD_BYTES, &back, &err);
        (void)arm__alloc_fail_at(0);
        failures += st == ARM_NO_MEMORY ? 1 : 0;
        assert_true(st == ARM_OK || back == NULL);
    }
    assert_ok(st, err);
    assert_true(failures > 100);
    arm__record_free(back);
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_M2_round_trips_to_the_same_bytes),
        cmocka_unit_test(test_table_id_is_commit_id_and_ordinal),
        cmocka_unit_test(test_record_hot_rows_must_lie_in_the_payload),
        cmocka_unit_test(test_record_M3_M4_every_rule_holds_both_ways),
        cmocka_unit_test(test_record_M4_text_that_is_not_utf8_is_not_written),
        cmocka_unit_test(test_record_M10_every_allocation_of_decode_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
