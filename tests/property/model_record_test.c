/* SPDX-License-Identifier: Apache-2.0 */
/* M2, M3, M4: random records and entries come back as the same bytes; damaged bytes are refused,
 * or are the one encoding of something valid. To be run under ASan and UBSan. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "golden/model_example.h"
#include "model/entry.h"
#include "model/message.h"
#include "model/vector.h"
#include "property/model_random.h"
#include "support/position.h"

enum { RECORDS = 400, ENTRIES = 20000, CHANGES_MAX = 6, ROWS_MAX = 30, ARENA_BYTES = 1 << 22 };

/* -- Random records, from an arena that is emptied after each ---------------------------------- */

struct arena {
    struct random random;
    size_t used;
    _Alignas(16) uint8_t bytes[ARENA_BYTES];
};

static uint64_t below(struct arena *a, uint64_t limit)
{
    return random_below(&a->random, limit);
}

static void *take(struct arena *a, size_t size)
{
    void *memory = a->bytes + a->used;

    a->used += (size + 15) & ~(size_t)15;
    assert_true(a->used <= sizeof a->bytes);
    return memset(memory, 0, size);
}

static ProtobufCBinaryData random_bytes(struct arena *a, size_t size)
{
    uint8_t *data = take(a, size);

    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)random_u64(&a->random);
    }
    return (ProtobufCBinaryData){size, data};
}

static char *random_name(struct arena *a, const char *prefix, size_t i)
{
    static const char *const ENDS[] = {"", " x", "\xC3\xA9", "\"", "'.", "/"};
    enum { NAME_BYTES = 40 };
    char *name = take(a, NAME_BYTES);

    (void)snprintf(name, NAME_BYTES, "%s%zu%s", prefix, i, ENDS[below(a, 6)]);
    return name;
}

static Armpb__Field *random_field(struct arena *a, size_t i, unsigned depth);

static void random_members(struct arena *a, Armpb__Type *type, size_t count, unsigned depth)
{
    type->n_fields = count;
    type->fields = take(a, count * sizeof *type->fields);
    for (size_t i = 0; i < count; i++) {
        type->fields[i] = random_field(a, i, depth + 1);
    }
}

static Armpb__Type *random_type(struct arena *a, unsigned depth)
{
    Armpb__Type *type = take(a, sizeof *type);

    armpb__type__init(type);
    do {
        type->kind = (Armpb__TypeKind)(1 + below(a, ARMPB__TYPE_KIND__VARIANT));
    } while (depth > 5 && type->kind >= ARMPB__TYPE_KIND__LIST &&
             type->kind <= ARMPB__TYPE_KIND__UNION);
    switch (type->kind) {
    case ARMPB__TYPE_KIND__DECIMAL:
        type->has_width = type->has_scale = true;
        type->width = 1 + (uint32_t)below(a, 38);
        type->scale = (uint32_t)below(a, type->width + 1);
        break;
    case ARMPB__TYPE_KIND__ENUM:
        type->n_labels = 1 + below(a, 5);
        type->labels = take(a, type->n_labels * sizeof *type->labels);
        for (size_t i = 0; i < type->n_labels; i++) {
            type->labels[i] = random_name(a, "label", i);
        }
        break;
    case ARMPB__TYPE_KIND__ARRAY:
        type->has_array_size = true;
        type->array_size = 1 + (uint32_t)below(a, 100000);
        random_members(a, type, 1, depth);
        break;
    case ARMPB__TYPE_KIND__LIST:
        random_members(a, type, 1, depth);
        break;
    case ARMPB__TYPE_KIND__MAP:
        random_members(a, type, 2, depth);
        break;
    case ARMPB__TYPE_KIND__STRUCT:
    case ARMPB__TYPE_KIND__UNION:
        random_members(a, type, 1 + below(a, 4), depth);
        break;
    default:
        break;
    }
    if (below(a, 10) == 0) {
        type->alias = random_name(a, "JSON", below(a, 9));
    }
    return type;
}

static Armpb__Field *random_field(struct arena *a, size_t i, unsigned depth)
{
    Armpb__Field *field = take(a, sizeof *field);

    armpb__field__init(field);
    field->name = random_name(a, "f", i);
    field->type = random_type(a, depth);
    return field;
}

static Armpb__Schema *random_schema(struct arena *a)
{
    Armpb__Schema *schema = take(a, sizeof *schema);

    armpb__schema__init(schema);
    schema->schema_id = 1 + (uint32_t)below(a, 1000);
    schema->n_columns = 1 + below(a, 8);
    schema->columns = take(a, schema->n_columns * sizeof *schema->columns);
    for (size_t i = 0; i < schema->n_columns; i++) {
        Armpb__Column *column = schema->columns[i] = take(a, sizeof *column);

        armpb__column__init(column);
        column->field = random_field(a, i, 1);
        column->has_not_null = below(a, 2) == 0;
        column->not_null = column->has_not_null && below(a, 2) == 0;
        column->default_sql = below(a, 3) == 0 ? random_name(a, "random() + ", i) : NULL;
        column->has_initial_value = below(a, 3) == 0;
        column->initial_value = random_bytes(a, column->has_initial_value ? below(a, 40) : 0);
    }
    arm__schema_number_fields(schema);
    if (below(a, 2) == 0) {
        Armpb__Key *key = take(a, sizeof *key);

        armpb__key__init(key);
        key->primary = true;
        key->n_field_ids = 1;
        key->field_ids = &schema->columns[below(a, schema->n_columns)]->field->id;
        schema->keys = take(a, sizeof(Armpb__Key *));
        schema->keys[0] = key;
        schema->n_keys = 1;
    }
    return schema;
}

/* `count` ascending positions. */
static ProtobufCBinaryData *random_positions(struct arena *a, size_t count)
{
    struct arm_position *positions = take(a, count * sizeof *positions);
    ProtobufCBinaryData *out = take(a, count * sizeof *out);
    struct arm_position low = arm__position_first();
    struct arm_position high = position_after(arm__position_bytes(&low));
    bool is_dense = below(a, 2) == 0;
    struct arm_error err = {0};

    assert_ok(
        arm__position_between(arm__position_bytes(&low),
                              is_dense ? arm__position_bytes(&high) : (struct arm_bytes){NULL, 0},
                              count, positions, &err),
        err);
    for (size_t i = 0; i < count; i++) {
        out[i] = (ProtobufCBinaryData){positions[i].size, positions[i].bytes};
    }
    return out;
}

static Armpb__Entry *random_pb_entry(struct arena *a, ProtobufCBinaryData position)
{
    Armpb__Entry *entry = take(a, sizeof *entry);

    armpb__entry__init(entry);
    entry->position = position;
    entry->first_row_id = random_wide(&a->random) >> 1;
    entry->rows = 1 + (uint32_t)below(a, 200000);
    entry->schema_id = 1 + (uint32_t)below(a, 9);
    entry->rows_hash = random_bytes(a, ARM_HASH_BYTES);
    entry->has_chunk = below(a, 2) == 0;
    entry->has_payload_offset = !entry->has_chunk;
    entry->bytes = entry->has_chunk ? random_wide(&a->random) : below(a, 500);
    entry->payload_offset = below(a, EXAMPLE_PAYLOAD_BYTES - 500);
    if (entry->has_chunk) {
        entry->chunk = random_bytes(a, ARM_HASH_BYTES);
    }
    entry->has_explicit_row_ids = entry->explicit_row_ids = below(a, 4) == 0;
    return entry;
}

static void random_rows(struct arena *a, Armpb__TableChange *change)
{
    ProtobufCBinaryData *positions;
    struct arm_error err = {0};

    change->n_removed = below(a, ROWS_MAX);
    change->removed = random_positions(a, change->n_removed);
    change->n_added = below(a, ROWS_MAX);
    positions = random_positions(a, change->n_added);
    change->added = take(a, change->n_added * sizeof *change->added);
    for (size_t i = 0; i < change->n_added; i++) {
        change->added[i] = random_pb_entry(a, positions[i]);
    }
    change->n_deleted = below(a, 4);
    positions = random_positions(a, change->n_deleted);
    change->deleted = take(a, change->n_deleted * sizeof *change->deleted);
    for (size_t i = 0; i < change->n_deleted; i++) {
        Armpb__DeletionEdit *edit = change->deleted[i] = take(a, sizeof *edit);
        roaring_bitmap_t *bits =
            roaring_bitmap_from_range(below(a, 1000), 2000, 1 + (uint32_t)below(a, 9));
        struct arm_buf bytes = ARM_BUF_INIT(1 << 16);

        armpb__deletion_edit__init(edit);
        edit->position = positions[i];
        assert_ok(arm__vector_encode(bits, &bytes, &err), err);
        edit->bits = (ProtobufCBinaryData){bytes.size, take(a, bytes.size)};
        memcpy(edit->bits.data, bytes.data, bytes.size);
        arm__buf_release(&bytes);
        arm__vector_free(bits);
    }
}

static Armpb__TableChange *random_change(struct arena *a, size_t i)
{
    static const Armpb__ChangeKind KINDS[] = {ARMPB__CHANGE_KIND__CREATE, ARMPB__CHANGE_KIND__WRITE,
                                              ARMPB__CHANGE_KIND__WRITE,  ARMPB__CHANGE_KIND__ALTER,
                                              ARMPB__CHANGE_KIND__RENAME, ARMPB__CHANGE_KIND__DROP};
    Armpb__TableChange *change = take(a, sizeof *change);

    armpb__table_change__init(change);
    change->kind = KINDS[below(a, 6)];
    change->table_id = random_bytes(a, ARM_TABLE_ID_BYTES);
    change->row_count = random_wide(&a->random);
    change->schema_id = 1;
    if (change->kind != ARMPB__CHANGE_KIND__DROP) {
        change->has_version = true;
        change->version = 2 + below(a, 1000);
    }
    if (change->kind != ARMPB__CHANGE_KIND__CREATE) {
        change->has_parent_version = true;
        change->parent_version = 1 + below(a, change->version == 0 ? 9 : change->version - 1);
    }
    if (change->kind == ARMPB__CHANGE_KIND__CREATE || change->kind == ARMPB__CHANGE_KIND__RENAME) {
        change->schema_name = "main";
        change->name = random_name(a, "t", i);
    }
    if (change->kind == ARMPB__CHANGE_KIND__CREATE || change->kind == ARMPB__CHANGE_KIND__ALTER) {
        change->schema = random_schema(a);
        change->schema_id = change->schema->schema_id;
    }
    if (change->kind != ARMPB__CHANGE_KIND__DROP) {
        random_rows(a, change);
    }
    return change;
}

static Armpb__Record *random_record(struct arena *a)
{
    Armpb__Commit *commit = take(a, sizeof *commit);
    Armpb__Record *record = take(a, sizeof *record);

    armpb__record__init(record);
    armpb__commit__init(commit);
    record->commit = commit;
    commit->commit_id = random_bytes(a, ARM_ID_BYTES);
    commit->time_us = (int64_t)random_u64(&a->random);
    commit->n_parents = below(a, 3);
    commit->parents = take(a, commit->n_parents * sizeof *commit->parents);
    for (size_t i = 0; i < commit->n_parents; i++) {
        commit->parents[i] = random_bytes(a, ARM_ID_BYTES);
    }
    commit->generation = commit->n_parents == 0 ? 1 : 2 + random_wide(&a->random) / 4;
    commit->author = random_name(a, "author", 1);
    commit->message = random_name(a, "", 2);
    commit->n_changes = below(a, CHANGES_MAX);
    commit->changes = take(a, commit->n_changes * sizeof *commit->changes);
    for (size_t i = 0; i < commit->n_changes; i++) {
        commit->changes[i] = random_change(a, i);
    }
    return record;
}

/* -- What must hold ---------------------------------------------------------------------------- */

/* Any bytes: refused as corrupt, or taken, and then these are the bytes that are written. The
 * bytes are copied so that reading past them is caught. */
static bool decode(const uint8_t *data, size_t size)
{
    struct arm_buf again = ARM_BUF_INIT(1 << 20);
    Armpb__Record *record = NULL;
    uint8_t *copy = NULL;
    struct arm_error err = {0};
    arm_status st;

    assert_ok(arm__calloc(size, 1, &copy, &err), err);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    st = arm__record_decode(arm__bytes(copy, size), EXAMPLE_PAYLOAD_BYTES, &record, &err);
    if (st == ARM_OK) {
        assert_ok(arm__record_encode(record, &again, &err), err);
        assert_int_equal(again.size, size);
        assert_memory_equal(again.data, copy, size);
    } else {
        assert_int_equal(st, ARM_CORRUPT);
        assert_null(record);
    }
    arm__record_free(record);
    arm__free(copy);
    arm__buf_release(&again);
    return st == ARM_OK;
}

static void test_record_M2_M4_random_records_come_back(void **state)
{
    static struct arena arena;
    struct arm_buf bytes = ARM_BUF_INIT(1 << 20);
    struct arm_error err = {0};

    arena.random = random_seeded(31337);
    for (int i = 0; i < RECORDS; i++) {
        arena.used = 0;
        arm__buf_clear(&bytes);
        assert_ok(arm__record_encode(random_record(&arena), &bytes, &err), err);
        assert_true(decode(bytes.data, bytes.size));
        for (int j = 0; j < 20; j++) { /* and a little damage */
            size_t where = below(&arena, bytes.size);
            uint8_t before = bytes.data[where];

            bytes.data[where] = (uint8_t)random_u64(&arena.random);
            (void)decode(bytes.data, bytes.size);
            bytes.data[where] = before;
        }
    }
    arm__buf_release(&bytes);
}

static void damage_all(const Armpb__Record *record)
{
    struct arm_buf bytes = ARM_BUF_INIT(1 << 20);
    struct arm_error err = {0};

    assert_ok(arm__record_encode(record, &bytes, &err), err);
    for (size_t i = 0; i < bytes.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.data[i] ^= (uint8_t)(1u << bit);
            (void)decode(bytes.data, bytes.size);
            bytes.data[i] ^= (uint8_t)(1u << bit);
        }
        bytes.data[i] = (uint8_t)~bytes.data[i];
        (void)decode(bytes.data, bytes.size);
        bytes.data[i] = (uint8_t)~bytes.data[i];
        assert_false(decode(bytes.data, i)); /* the outermost length says how much there is */
    }
    arm__buf_release(&bytes);
}

static void test_record_M3_every_flip_and_truncation(void **state)
{
    struct example e = {0};

    damage_all(example_commit(&e));
    e = (struct example){0};
    damage_all(example_ref(&e));
    e = (struct example){0};
    damage_all(example_in_chunk(&e));
    e = (struct example){0};
    damage_all(example_checkpoint(&e));
    e = (struct example){0};
    damage_all(example_compaction(&e));
}

static void random_entry(struct random *random, struct arm_entry *entry)
{
    static const uint8_t bits[] = EXAMPLE_BITS;

    *entry = (struct arm_entry){
        .first_row_id = random_wide(random) >> 1,
        .rows = 80000 + (uint32_t)random_below(random, 50000),
        .bytes = random_wide(random),
        .schema_id = 1 + (uint32_t)random_wide(random) / 2,
        .key_id = random_below(random, 3) == 0 ? (uint32_t)random_wide(random) : 0,
        .is_hot = random_below(random, 2) == 0,
        .explicit_row_ids = random_below(random, 2) == 0,
        .name_mapping = random_below(random, 2) == 0,
        .position = arm__position_first(),
    };
    memset(&entry->rows_hash, (int)random_below(random, 256), sizeof entry->rows_hash);
    if (entry->is_hot) {
        entry->tx = 1 + random_wide(random) / 2;
        entry->payload_offset = random_wide(random);
    }
    if (random_below(random, 3) == 0) {
        entry->dead = 4;
        entry->vector = arm__bytes(bits, sizeof bits - 1);
    } else if (random_below(random, 2) == 0) {
        entry->dead = 1 + (uint32_t)random_below(random, entry->rows);
    }
}

/* As for records: refused, or the one encoding of what was read. */
static bool decode_entry(struct arm_bytes position, struct arm_bytes bytes)
{
    struct arm_buf again = ARM_BUF_INIT(4096);
    struct arm_entry entry;
    struct arm_error err = {0};
    arm_status st = arm__entry_decode(position, bytes, &entry, &err);

    if (st == ARM_OK) {
        assert_ok(arm__entry_encode(&entry, &again, &err), err);
        assert_int_equal(arm__bytes_compare(arm__buf_bytes(&again), bytes), 0);
    } else {
        assert_int_equal(st, ARM_CORRUPT);
    }
    arm__buf_release(&again);
    return st == ARM_OK;
}

static void test_entry_M2_M3_random_entries_and_their_damage(void **state)
{
    struct random random = random_seeded(31338);
    struct arm_buf bytes = ARM_BUF_INIT(4096);
    struct arm_error err = {0};

    for (int i = 0; i < ENTRIES; i++) {
        struct arm_entry entry;
        struct arm_bytes position;
        size_t where;

        random_entry(&random, &entry);
        position = arm__position_bytes(&entry.position);
        arm__buf_clear(&bytes);
        assert_ok(arm__entry_encode(&entry, &bytes, &err), err);
        assert_true(decode_entry(position, arm__buf_bytes(&bytes)));
        assert_false(
            decode_entry(position, arm__bytes(bytes.data, random_below(&random, bytes.size))));
        where = random_below(&random, bytes.size);
        bytes.data[where] = (uint8_t)random_u64(&random);
        (void)decode_entry(position, arm__buf_bytes(&bytes));
    }
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_M2_M4_random_records_come_back),
        cmocka_unit_test(test_record_M3_every_flip_and_truncation),
        cmocka_unit_test(test_entry_M2_M3_random_entries_and_their_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
