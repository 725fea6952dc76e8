/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_GOLDEN_MODEL_EXAMPLE_H
#define ARM_TESTS_GOLDEN_MODEL_EXAMPLE_H

/* A schema of every shape and records with every field, for the golden files and for whatever
 * takes records apart. The same each time. Built in the caller's `struct example`, which must
 * outlive them. */

#include <assert.h>
#include <string.h>

#include "model/record.h"

enum {
    EXAMPLE_PAYLOAD_BYTES = 1000,
    EXAMPLE_FIELDS = 24,
    EXAMPLE_COLUMNS = 8,
    EXAMPLE_CHANGES = 5,
    EXAMPLE_ENTRIES = 4,
};

/* Memory of one example; zeroed, it is ready. */
struct example {
    Armpb__Field fields[EXAMPLE_FIELDS];
    Armpb__Type types[EXAMPLE_FIELDS];
    Armpb__Field *members[EXAMPLE_FIELDS];
    size_t field_count;
    size_t member_count;
    Armpb__Column columns[EXAMPLE_COLUMNS];
    Armpb__Column *column_list[EXAMPLE_COLUMNS];
    size_t column_count;
    Armpb__Key keys[2];
    Armpb__Key *key_list[2];
    Armpb__Check checks[2];
    Armpb__Check *check_list[2];
    Armpb__Generated generated;
    Armpb__Generated *generated_list[1];
    Armpb__Schema schema;
    Armpb__ColumnStatistics statistics[2];
    Armpb__ColumnStatistics *statistics_list[2];
    Armpb__Entry entries[EXAMPLE_ENTRIES];
    Armpb__Entry *entry_list[EXAMPLE_ENTRIES];
    Armpb__DeletionEdit edits[2];
    Armpb__DeletionEdit *edit_list[2];
    Armpb__TableChange changes[EXAMPLE_CHANGES];
    Armpb__TableChange *change_list[EXAMPLE_CHANGES];
    Armpb__Commit commit;
    Armpb__RefChange ref;
    Armpb__Protection protection;
    Armpb__RecordChunk in_chunk;
    Armpb__CheckpointRun runs[2];
    Armpb__CheckpointRun *run_list[2];
    Armpb__Checkpoint checkpoint;
    Armpb__CompactedSource sources[3];
    Armpb__CompactedSource *source_list[3];
    Armpb__Entry compacted;
    Armpb__Entry *compacted_list[1];
    Armpb__CompactedGroup groups[2];
    Armpb__CompactedGroup *group_list[2];
    Armpb__Compaction compaction;
    Armpb__Schema object_schemas[3];
    Armpb__Sequence sequence;
    Armpb__SequenceAdvance advance;
    Armpb__Retention retention;
    Armpb__ConsumerCursor cursor;
    Armpb__ConsumerChange consumer;
    Armpb__LooseChunk loose;
    ProtobufCBinaryData uses[2];
    Armpb__Record record;
};

static inline ProtobufCBinaryData example_bytes(const char *data, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
}
#define EXAMPLE_BYTES(literal) example_bytes(literal, sizeof literal - 1)

#define EXAMPLE_HASH "0123456789abcdef0123456789ABCDEF"
#define EXAMPLE_ID "commit-id-sixtn."
/* The set {1, 2, 3, 70000} as roaring has it: a run container and an array. */
#define EXAMPLE_BITS                                                                               \
    "\x3B\x30\x01\x00\x01\x00\x00\x02\x00\x01\x00\x00\x00\x01\x00\x01\x00\x02\x00\x70\x11"

/* {0, 1, 2, 3, 4}, a run container. */
#define EXAMPLE_FIVE "\x3B\x30\x00\x00\x01\x00\x00\x04\x00\x01\x00\x00\x00\x04\x00"

static inline Armpb__Type *example_field(struct example *e, const char *name, Armpb__TypeKind kind,
                                         Armpb__Field **out)
{
    Armpb__Field *field = &e->fields[e->field_count];
    Armpb__Type *type = &e->types[e->field_count++];

    assert(e->field_count <= EXAMPLE_FIELDS);
    armpb__field__init(field);
    armpb__type__init(type);
    field->name = (char *)(uintptr_t)name;
    field->type = type;
    type->kind = kind;
    *out = field;
    return type;
}

/* Room for `count` members of `type`. */
static inline Armpb__Field **example_members(struct example *e, Armpb__Type *type, size_t count)
{
    type->fields = &e->members[e->member_count];
    type->n_fields = count;
    e->member_count += count;
    assert(e->member_count <= EXAMPLE_FIELDS);
    return type->fields;
}

static inline Armpb__Type *example_column(struct example *e, const char *name, Armpb__TypeKind kind)
{
    Armpb__Column *column = &e->columns[e->column_count];

    assert(e->column_count < EXAMPLE_COLUMNS);
    armpb__column__init(column);
    e->column_list[e->column_count++] = column;
    return example_field(e, name, kind, &column->field);
}

/* s STRUCT("a b" INTEGER[3], u UNION(x DATE, y VARCHAR)[]); m MAP(UUID, ENUM('no', 'it''s')) */
static inline void example_nested_columns(struct example *e)
{
    static char *labels[] = {"no", "it's"};
    Armpb__Type *type = example_column(e, "s", ARMPB__TYPE_KIND__STRUCT);
    Armpb__Field **members = example_members(e, type, 2);
    Armpb__Field **inner;

    type = example_field(e, "a b", ARMPB__TYPE_KIND__ARRAY, &members[0]);
    type->has_array_size = true;
    type->array_size = 3;
    (void)example_field(e, "element", ARMPB__TYPE_KIND__INTEGER, example_members(e, type, 1));
    type = example_field(e, "u", ARMPB__TYPE_KIND__LIST, &members[1]);
    type = example_field(e, "element", ARMPB__TYPE_KIND__UNION, example_members(e, type, 1));
    inner = example_members(e, type, 2);
    (void)example_field(e, "x", ARMPB__TYPE_KIND__DATE, &inner[0]);
    (void)example_field(e, "y", ARMPB__TYPE_KIND__VARCHAR, &inner[1]);

    type = example_column(e, "m", ARMPB__TYPE_KIND__MAP);
    members = example_members(e, type, 2);
    (void)example_field(e, "key", ARMPB__TYPE_KIND__UUID, &members[0]);
    type = example_field(e, "value", ARMPB__TYPE_KIND__ENUM, &members[1]);
    type->labels = labels;
    type->n_labels = 2;
}

/* Columns of every nested and parametrised type, two keys, checks, everything optional set. */
static inline Armpb__Schema *example_schema(struct example *e)
{
    static uint32_t primary[] = {1};
    static uint32_t unique[] = {2, 3};
    Armpb__Type *type;

    (void)example_column(e, "id", ARMPB__TYPE_KIND__BIGINT);
    e->columns[0].has_not_null = true;
    e->columns[0].not_null = true;
    e->columns[0].comment = "who";
    type = example_column(e, "price", ARMPB__TYPE_KIND__DECIMAL);
    type->has_width = type->has_scale = true;
    type->width = 18;
    type->scale = 3;
    e->columns[1].default_sql = "0.0";
    e->columns[1].has_initial_value = true;
    e->columns[1].initial_value = EXAMPLE_BYTES("\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    type = example_column(e, "J\xC3\xB6rg's \"doc\"", ARMPB__TYPE_KIND__VARCHAR);
    type->alias = "JSON";
    example_nested_columns(e);

    armpb__key__init(&e->keys[0]);
    armpb__key__init(&e->keys[1]);
    e->keys[0].primary = true;
    e->keys[0].field_ids = primary;
    e->keys[0].n_field_ids = 1;
    e->keys[1].field_ids = unique;
    e->keys[1].n_field_ids = 2;
    e->keys[1].name = "both";
    for (size_t i = 0; i < 2; i++) {
        e->key_list[i] = &e->keys[i];
        armpb__check__init(&e->checks[i]);
        e->check_list[i] = &e->checks[i];
        e->checks[i].sql = i == 0 ? "price >= 0" : "id > 0";
    }
    e->checks[1].name = "positive";

    armpb__generated__init(&e->generated);
    (void)example_field(e, "doubled", ARMPB__TYPE_KIND__BIGINT, &e->generated.field);
    e->generated.position = 1;
    e->generated.sql = "(id * 2)";
    e->generated_list[0] = &e->generated;

    armpb__schema__init(&e->schema);
    e->schema.schema_id = 7;
    e->schema.columns = e->column_list;
    e->schema.n_columns = e->column_count;
    e->schema.keys = e->key_list;
    e->schema.n_keys = 2;
    e->schema.checks = e->check_list;
    e->schema.n_checks = 2;
    e->schema.generated = e->generated_list;
    e->schema.n_generated = 1;
    e->columns[1].field->id = 2;
    e->schema.last_field_id = 2;
    e->columns[0].field->id = 1;
    arm__schema_number_fields(&e->schema);
    return &e->schema;
}

static inline void example_entries(struct example *e)
{
    static const char *const POSITIONS[] = {"\x01\x05", "\x01\x05\x80", "\x02\x80\x00",
                                            "\x02\x80\x01"};
    static const size_t SIZES[] = {2, 3, 3, 3};

    for (size_t i = 0; i < EXAMPLE_ENTRIES; i++) {
        Armpb__Entry *entry = &e->entries[i];

        armpb__entry__init(entry);
        e->entry_list[i] = entry;
        entry->position = example_bytes(POSITIONS[i], SIZES[i]);
        entry->first_row_id = 1000 * i;
        entry->rows = 122880;
        entry->bytes = 100;
        entry->schema_id = 7;
        entry->rows_hash = EXAMPLE_BYTES(EXAMPLE_HASH);
        if (i % 2 == 0) {
            entry->has_chunk = true;
            entry->chunk = EXAMPLE_BYTES(EXAMPLE_HASH);
        } else {
            entry->has_payload_offset = true;
            entry->payload_offset = 100 * i;
        }
    }
    e->entries[0].has_explicit_row_ids = e->entries[0].explicit_row_ids = true;
    e->entries[0].has_key_id = true;
    e->entries[0].key_id = 3;
    e->entries[0].has_name_mapping = e->entries[0].name_mapping = true;
    for (size_t i = 0; i < 2; i++) {
        armpb__column_statistics__init(&e->statistics[i]);
        e->statistics_list[i] = &e->statistics[i];
        e->statistics[i].column_id = (uint32_t)i + 1;
    }
    e->statistics[0].has_min = e->statistics[0].has_max = true;
    e->statistics[0].min = EXAMPLE_BYTES("\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    e->statistics[0].max = EXAMPLE_BYTES("\x80\0\0\0\0\0\0\x2A");
    e->statistics[0].null_count = 9;
    e->statistics[0].has_has_nan = e->statistics[0].has_nan = true;
    e->statistics[0].has_column_bytes = true;
    e->statistics[0].column_bytes = 77;
    e->entries[0].statistics = e->statistics_list;
    e->entries[0].n_statistics = 2;
    for (size_t i = 0; i < 2; i++) {
        armpb__deletion_edit__init(&e->edits[i]);
        e->edit_list[i] = &e->edits[i];
        e->edits[i].position = e->entries[2 + i].position;
        e->edits[i].bits = EXAMPLE_BYTES(EXAMPLE_BITS);
        e->edits[i].first_row_id = 2000;
    }
}

static inline Armpb__TableChange *example_change(struct example *e, size_t i,
                                                 Armpb__ChangeKind kind)
{
    static const char *const IDS[] = {EXAMPLE_ID "\0\0\0\0", EXAMPLE_ID "\1\0\0\0",
                                      EXAMPLE_ID "\2\0\0\0", EXAMPLE_ID "\3\0\0\0",
                                      EXAMPLE_ID "\4\0\0\0"};
    Armpb__TableChange *change = &e->changes[i];

    armpb__table_change__init(change);
    e->change_list[i] = change;
    change->table_id = example_bytes(IDS[i], ARM_TABLE_ID_BYTES);
    change->kind = kind;
    change->schema_id = 7;
    change->row_count = 1u << 20;
    change->data_bytes = 123456789;
    change->next_row_id = 1ull << 40;
    change->has_version = kind != ARMPB__CHANGE_KIND__DROP;
    change->version = 12;
    change->has_parent_version = kind != ARMPB__CHANGE_KIND__CREATE;
    change->parent_version = 11;
    return change;
}

static inline void example_changes(struct example *e)
{
    static ProtobufCBinaryData removed[2];
    Armpb__TableChange *change = example_change(e, 0, ARMPB__CHANGE_KIND__CREATE);

    removed[0] = e->entries[0].position;
    removed[1] = e->entries[1].position;
    change->has_object = true;
    change->object = ARMPB__OBJECT_KIND__TABLE;
    change->schema_name = "main";
    change->name = "Bestellungen 2026";
    change->schema = &e->schema;
    change->added = e->entry_list;
    change->n_added = EXAMPLE_ENTRIES;
    change->rows_added = 4ull * 122880;
    change->bytes_added = 400;
    change = example_change(e, 1, ARMPB__CHANGE_KIND__ALTER);
    change->schema = &e->schema;
    change->has_truncated = change->truncated = true;
    change->rows_removed = 5;
    change = example_change(e, 2, ARMPB__CHANGE_KIND__WRITE);
    change->removed = removed;
    change->n_removed = 2;
    change->added = e->entry_list;
    change->n_added = 1;
    change->deleted = e->edit_list;
    change->n_deleted = 2;
    change->has_base_layout = true;
    change->base_layout = 10;
    change = example_change(e, 3, ARMPB__CHANGE_KIND__RENAME);
    change->schema_name = "archive";
    change->name = "orders";
    change->has_root = true;
    change->root = EXAMPLE_BYTES(EXAMPLE_HASH);
    (void)example_change(e, 4, ARMPB__CHANGE_KIND__DROP);
}

/* A commit: a CREATE with a schema and entries of both kinds, an ALTER, a WRITE that removes,
 * adds and deletes, a RENAME with a root, a DROP. EXAMPLE_PAYLOAD_BYTES of payload. */
static inline Armpb__Record *example_commit(struct example *e)
{
    static ProtobufCBinaryData parents[2];

    (void)example_schema(e);
    example_entries(e);
    example_changes(e);
    parents[0] = EXAMPLE_BYTES("parent-id-one...");
    parents[1] = EXAMPLE_BYTES("parent-id-two...");
    armpb__commit__init(&e->commit);
    e->commit.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->commit.time_us = -1;
    e->commit.branch_id = 300;
    e->commit.parents = parents;
    e->commit.n_parents = 2;
    e->commit.generation = 70000;
    e->commit.has_snapshot_tx = true;
    e->commit.snapshot_tx = 299;
    e->commit.author = "Anna";
    e->commit.message = "first load \xE2\x82\xAC";
    e->commit.changes = e->change_list;
    e->commit.n_changes = EXAMPLE_CHANGES;
    armpb__record__init(&e->record);
    e->record.commit = &e->commit;
    return &e->record;
}

/* A branch creation with every field that it may have. */
static inline Armpb__Record *example_ref(struct example *e)
{
    armpb__ref_change__init(&e->ref);
    e->ref.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->ref.time_us = 1795383000123456;
    e->ref.author = "Anna";
    e->ref.kind = ARMPB__REF_KIND__BRANCH;
    e->ref.action = ARMPB__REF_ACTION__REF_CREATE;
    e->ref.name = "feature/x";
    e->ref.has_from_branch_id = true;
    e->ref.from_branch_id = 1;
    e->ref.has_from_tx = true;
    e->ref.from_tx = 128;
    e->ref.description = "an attempt";
    armpb__record__init(&e->record);
    e->record.ref = &e->ref;
    return &e->record;
}

/* A branch is protected: a merge, and a check with a name and one without. */
static inline Armpb__Record *example_protect(struct example *e)
{
    Armpb__Record *record = example_ref(e);

    e->ref.action = ARMPB__REF_ACTION__REF_PROTECT;
    e->ref.has_branch_id = true;
    e->ref.branch_id = 77;
    e->ref.has_from_branch_id = false;
    e->ref.has_from_tx = false;
    e->ref.description = NULL;
    armpb__protection__init(&e->protection);
    e->protection.has_only_merges = true;
    e->protection.only_merges = true;
    for (size_t i = 0; i < 2; i++) {
        armpb__check__init(&e->checks[i]);
        e->checks[i].sql = "SELECT * FROM t WHERE a < 0";
        e->check_list[i] = &e->checks[i];
    }
    e->checks[0].name = "positive";
    e->protection.n_checks = 2;
    e->protection.checks = e->check_list;
    e->ref.protection = &e->protection;
    return record;
}

static inline Armpb__Record *example_in_chunk(struct example *e)
{
    armpb__record_chunk__init(&e->in_chunk);
    e->in_chunk.hash = EXAMPLE_BYTES(EXAMPLE_HASH);
    e->in_chunk.bytes = 2u << 20;
    armpb__record__init(&e->record);
    e->record.in_chunk = &e->in_chunk;
    return &e->record;
}

static inline Armpb__Record *example_checkpoint(struct example *e)
{
    Armpb__Checkpoint *checkpoint = &e->checkpoint;

    armpb__checkpoint__init(checkpoint);
    checkpoint->commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    checkpoint->time_us = 1764000000000000;
    checkpoint->index_format = 3;
    checkpoint->next_tx = 70001;
    checkpoint->segment = 1;
    checkpoint->offset = 4096;
    checkpoint->previous = EXAMPLE_BYTES(EXAMPLE_HASH);
    for (size_t i = 0; i < 2; i++) {
        armpb__checkpoint_run__init(&e->runs[i]);
        e->runs[i].first_tx = i == 0 ? 1 : 65537;
        e->runs[i].next_tx = i == 0 ? 65537 : 70001;
        e->runs[i].chunk = EXAMPLE_BYTES(EXAMPLE_HASH);
        e->runs[i].bytes = 12345678;
        e->run_list[i] = &e->runs[i];
    }
    checkpoint->n_runs = 2;
    checkpoint->runs = e->run_list;
    armpb__record__init(&e->record);
    e->record.checkpoint = checkpoint;
    return &e->record;
}

static inline void example_group(struct example *e, size_t i, size_t source, size_t count)
{
    armpb__compacted_group__init(&e->groups[i]);
    e->groups[i].n_sources = count;
    e->groups[i].sources = &e->source_list[source];
    e->group_list[i] = &e->groups[i];
}

/* Two entries become one, without the four rows that died, and a third, all dead, is gone. */
static inline Armpb__Record *example_compaction(struct example *e)
{
    static uint8_t positions[3][2] = {{1, 0}, {1, 1}, {1, 2}};
    Armpb__Compaction *compaction = &e->compaction;

    for (size_t i = 0; i < 3; i++) {
        armpb__compacted_source__init(&e->sources[i]);
        e->sources[i].position = (ProtobufCBinaryData){2, positions[i]};
        e->sources[i].first_row_id = 100000 * i;
        e->sources[i].rows = i == 2 ? 5 : 80000;
        e->source_list[i] = &e->sources[i];
    }
    e->sources[1].has_dropped = e->sources[2].has_dropped = true;
    e->sources[1].dropped = EXAMPLE_BYTES(EXAMPLE_BITS);
    e->sources[2].dropped = EXAMPLE_BYTES(EXAMPLE_FIVE);
    armpb__entry__init(&e->compacted);
    e->compacted.position = e->sources[0].position;
    e->compacted.rows = 160000 - 4;
    e->compacted.bytes = 1234567;
    e->compacted.schema_id = 1;
    e->compacted.rows_hash = EXAMPLE_BYTES(EXAMPLE_HASH);
    e->compacted.has_chunk = true;
    e->compacted.chunk = EXAMPLE_BYTES(EXAMPLE_HASH);
    e->compacted.has_explicit_row_ids = true;
    e->compacted.explicit_row_ids = true;
    e->compacted_list[0] = &e->compacted;
    example_group(e, 0, 0, 2);
    e->groups[0].n_entries = 1;
    e->groups[0].entries = e->compacted_list;
    example_group(e, 1, 2, 1);
    armpb__compaction__init(compaction);
    compaction->commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    compaction->time_us = 1764000000000000;
    compaction->table_id = example_bytes(EXAMPLE_ID "\0\0\0\0", ARM_TABLE_ID_BYTES);
    compaction->version = 300;
    compaction->base_layout = 128;
    compaction->n_groups = 2;
    compaction->groups = e->group_list;
    compaction->data_bytes = 7654321;
    compaction->root = EXAMPLE_BYTES(EXAMPLE_HASH);
    armpb__record__init(&e->record);
    e->record.compaction = compaction;
    return &e->record;
}

/* A commit that makes what has no rows: a schema, and a view and a sequence in it. */
static inline Armpb__Record *example_objects(struct example *e)
{
    static const Armpb__ObjectKind KINDS[] = {ARMPB__OBJECT_KIND__SCHEMA, ARMPB__OBJECT_KIND__VIEW,
                                              ARMPB__OBJECT_KIND__SEQUENCE};
    static char *const NAMES[] = {"archive", "busy", "next_id"};
    static char *aliases[] = {"id", "how many"};

    (void)example_commit(e);
    for (size_t i = 0; i < 3; i++) {
        Armpb__TableChange *change = example_change(e, i, ARMPB__CHANGE_KIND__CREATE);

        armpb__schema__init(&e->object_schemas[i]);
        e->object_schemas[i].schema_id = 1;
        change->has_object = true;
        change->object = KINDS[i];
        change->schema_name = i == 0 ? "" : "archive";
        change->name = NAMES[i];
        change->schema = &e->object_schemas[i];
        change->schema_id = 1;
        change->row_count = change->data_bytes = change->next_row_id = 0;
    }
    e->object_schemas[1].view_sql = "SELECT i, count(*) FROM t GROUP BY i";
    e->object_schemas[1].view_aliases = aliases;
    e->object_schemas[1].n_view_aliases = 2;
    e->object_schemas[1].columns = e->column_list;
    e->object_schemas[1].n_columns = 1;
    e->object_schemas[1].last_field_id = e->schema.last_field_id;
    armpb__sequence__init(&e->sequence);
    e->sequence.start = 5;
    e->sequence.increment = -2;
    e->sequence.min_value = INT64_MIN;
    e->sequence.max_value = INT64_MAX;
    e->sequence.has_cycle = e->sequence.cycle = true;
    e->sequence.has_used = true;
    e->sequence.used = 300;
    e->object_schemas[2].sequence = &e->sequence;
    e->commit.n_changes = 3;
    return &e->record;
}

static inline Armpb__Record *example_advance(struct example *e)
{
    armpb__sequence_advance__init(&e->advance);
    e->advance.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->advance.time_us = 1795383000123456;
    e->advance.table_id = EXAMPLE_BYTES(EXAMPLE_ID "\2\0\0\0");
    e->advance.used = 1324;
    armpb__record__init(&e->record);
    e->record.sequence = &e->advance;
    return &e->record;
}

static inline Armpb__Record *example_retention(struct example *e)
{
    armpb__retention__init(&e->retention);
    e->retention.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->retention.time_us = 1795383000123456;
    e->retention.horizon_tx = 1324;
    armpb__record__init(&e->record);
    e->record.retention = &e->retention;
    return &e->record;
}

static inline void fill_cursor(struct example *e)
{
    armpb__consumer_cursor__init(&e->cursor);
    e->cursor.name = (char *)"billing";
    e->cursor.shares = UINT64_MAX;
    e->cursor.has_acked_tx = true;
    e->cursor.acked_tx = 1324;
}

static inline Armpb__Record *example_consumer(struct example *e)
{
    fill_cursor(e);
    armpb__consumer_change__init(&e->consumer);
    e->consumer.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->consumer.time_us = 1795383000123456;
    e->consumer.cursor = &e->cursor;
    armpb__record__init(&e->record);
    e->record.consumer = &e->consumer;
    return &e->record;
}

/* A commit with the results of a consumer. */
static inline Armpb__Record *example_consumed(struct example *e)
{
    fill_cursor(e);
    e->cursor.shares = 0x8000000000000001u;
    armpb__commit__init(&e->commit);
    e->commit.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->commit.time_us = 1795383000123456;
    e->commit.branch_id = 1;
    e->commit.generation = 1;
    e->commit.author = (char *)"ada";
    e->commit.message = (char *)"";
    e->commit.cursor = &e->cursor;
    armpb__record__init(&e->record);
    e->record.commit = &e->commit;
    return &e->record;
}

#endif
