/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas as values: encode, decode, copy, compare, number, and their ids as DuckDB takes them. */

#include <assert.h>
#include <string.h>

#include "model/message.h"
#include "model/model_private.h"
#include "model/type.h"

arm_status arm__schema_encode(const Armpb__Schema *schema, struct arm_buf *out,
                              struct arm_error *err)
{
    arm_status st = arm__recode(arm__schema_judge(schema, err), ARM_INVALID, err);

    return st != ARM_OK ? st : arm__message_pack(&schema->base, out, err);
}

static arm_status unpack(struct arm_bytes bytes, Armpb__Schema **out, struct arm_error *err)
{
    ProtobufCMessage *message = NULL;
    arm_status st = arm__message_unpack(&armpb__schema__descriptor, bytes, &message, err);

    if (st == ARM_OK) {
        *out = (Armpb__Schema *)message;
    }
    return st;
}

arm_status arm__schema_decode(struct arm_bytes bytes, Armpb__Schema **out, struct arm_error *err)
{
    Armpb__Schema *schema = NULL;
    arm_status st = unpack(bytes, &schema, err);

    if (st != ARM_OK) {
        return st;
    }
    st = arm__schema_judge(schema, err);
    if (st != ARM_OK) {
        arm__schema_free(schema);
        return st;
    }
    *out = schema;
    return ARM_OK;
}

void arm__schema_free(Armpb__Schema *schema)
{
    if (schema != NULL) {
        arm__message_free(&schema->base);
    }
}

arm_status arm__schema_clone(const Armpb__Schema *schema, Armpb__Schema **out,
                             struct arm_error *err)
{
    struct arm_buf bytes = ARM_BUF_INIT(SIZE_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__message_pack(&schema->base, &bytes, err));
    ARM_TRY(unpack(arm__buf_bytes(&bytes), out, err));
done:
    arm__buf_release(&bytes);
    return st;
}

/* Two optional strings: both absent, or the same. */
static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool arm__type_equal(const Armpb__Type *a, const Armpb__Type *b)
{
    bool names_count = a->kind == ARMPB__TYPE_KIND__STRUCT || a->kind == ARMPB__TYPE_KIND__UNION;

    if (a->kind != b->kind || a->width != b->width || a->scale != b->scale ||
        a->array_size != b->array_size || a->n_labels != b->n_labels ||
        a->n_fields != b->n_fields || !same_text(a->alias, b->alias)) {
        return false;
    }
    for (size_t i = 0; i < a->n_labels; i++) {
        if (strcmp(a->labels[i], b->labels[i]) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < a->n_fields; i++) {
        if ((names_count && strcmp(a->fields[i]->name, b->fields[i]->name) != 0) ||
            !arm__type_equal(a->fields[i]->type, b->fields[i]->type)) {
            return false;
        }
    }
    return true;
}

bool arm__schema_same_columns(const Armpb__Schema *a, const Armpb__Schema *b)
{
    if (a->n_columns != b->n_columns) {
        return false;
    }
    for (size_t i = 0; i < a->n_columns; i++) {
        if (strcmp(a->columns[i]->field->name, b->columns[i]->field->name) != 0 ||
            !arm__type_equal(a->columns[i]->field->type, b->columns[i]->field->type)) {
            return false;
        }
    }
    return true;
}

static void number_field(Armpb__Field *field, uint32_t *inout_last)
{
    if (field->id == 0) {
        field->id = ++*inout_last;
    }
    for (size_t i = 0; i < field->type->n_fields; i++) {
        number_field(field->type->fields[i], inout_last);
    }
}

void arm__schema_number_fields(Armpb__Schema *schema)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        number_field(schema->columns[i]->field, &schema->last_field_id);
    }
    for (size_t i = 0; i < schema->n_generated; i++) {
        number_field(schema->generated[i]->field, &schema->last_field_id);
    }
}

/* What Parquet calls a nested field, as DuckDB writes it: list and map have names of their own. */
static const char *parquet_name(const Armpb__Type *type, size_t field)
{
    switch (type->kind) {
    case ARMPB__TYPE_KIND__LIST:
    case ARMPB__TYPE_KIND__ARRAY:
        return "element";
    case ARMPB__TYPE_KIND__MAP:
        return field == 0 ? "key" : "value";
    default:
        return type->fields[field]->name;
    }
}

/* "name": id, or "name": {__duckdb_field_id: id, "member": ...} */
static arm_status append_field_id(const char *name, const Armpb__Field *field, struct arm_buf *out,
                                  struct arm_error *err)
{
    const Armpb__Type *type = field->type;
    arm_status st = ARM_OK;

    assert(field->id != 0);
    ARM_TRY(arm__sql_identifier(name, out, err));
    if (type->n_fields == 0) {
        ARM_TRY(arm__buf_printf(out, err, ": %u", field->id));
        goto done;
    }
    ARM_TRY(arm__buf_printf(out, err, ": {__duckdb_field_id: %u", field->id));
    for (size_t i = 0; i < type->n_fields; i++) {
        ARM_TRY(arm__buf_append(out, ", ", 2, err));
        ARM_TRY(append_field_id(parquet_name(type, i), type->fields[i], out, err));
    }
    ARM_TRY(arm__buf_u8(out, '}', err));
done:
    return st;
}

arm_status arm__schema_field_ids_sql(const Armpb__Schema *schema, struct arm_buf *out,
                                     struct arm_error *err)
{
    size_t before = out->size;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < schema->n_columns; i++) {
        const Armpb__Field *field = schema->columns[i]->field;

        ARM_TRY(arm__buf_append(out, i == 0 ? "{" : ", ", i == 0 ? 1 : 2, err));
        ARM_TRY(append_field_id(field->name, field, out, err));
    }
    ARM_TRY(arm__buf_u8(out, '}', err));
done:
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}
