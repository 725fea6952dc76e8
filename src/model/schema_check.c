/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a schema a good one. The same rules answer a user who asks for a table
 * (arm__schema_check: codes that say what to fix) and judge a schema from the log
 * (arm__schema_judge: all are ARM_CORRUPT, and ids, keys and checks are looked at too). */

#include <stdlib.h>

#include "base/alloc.h"
#include "model/model_private.h"
#include "model/name.h"
#include "model/type.h"

enum {
    TYPE_DEPTH_MAX = 64,
    DECIMAL_WIDTH_MAX = 38,
    ARRAY_SIZE_MAX = 100000,
    KEY_COLUMNS_MAX = 256,
    FIELD_ID_MAX = INT32_MAX - 200, /* above are those that Iceberg keeps for itself */
};

/* DuckDB's word inside FIELD_IDS, which therefore cannot name a column. */
static const char FIELD_ID_WORD[] = "__duckdb_field_id";

static arm_status wrong(const char *where, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_SCHEMA, "%s: %s", where, what);
}

static bool is_nested(Armpb__TypeKind kind)
{
    return kind == ARMPB__TYPE_KIND__LIST || kind == ARMPB__TYPE_KIND__ARRAY ||
           kind == ARMPB__TYPE_KIND__STRUCT || kind == ARMPB__TYPE_KIND__MAP ||
           kind == ARMPB__TYPE_KIND__UNION;
}

static bool has_members(Armpb__TypeKind kind)
{
    return kind == ARMPB__TYPE_KIND__STRUCT || kind == ARMPB__TYPE_KIND__UNION;
}

/* The parameters are those of the kind, and in range; NULL, or what is wrong. */
static const char *parameter_fault(const Armpb__Type *type)
{
    bool is_decimal = type->kind == ARMPB__TYPE_KIND__DECIMAL;

    if (type->has_width != is_decimal || type->has_scale != is_decimal ||
        (is_decimal &&
         (type->width < 1 || type->width > DECIMAL_WIDTH_MAX || type->scale > type->width))) {
        return "width and scale do not fit its type";
    }
    if (type->has_array_size != (type->kind == ARMPB__TYPE_KIND__ARRAY) ||
        (type->has_array_size && (type->array_size < 1 || type->array_size > ARRAY_SIZE_MAX))) {
        return "the array size does not fit its type";
    }
    if ((type->n_labels > 0) != (type->kind == ARMPB__TYPE_KIND__ENUM)) {
        return "labels do not fit its type";
    }
    if ((type->n_fields > 0) != is_nested(type->kind) ||
        (type->kind == ARMPB__TYPE_KIND__MAP && type->n_fields != 2) ||
        ((type->kind == ARMPB__TYPE_KIND__LIST || type->kind == ARMPB__TYPE_KIND__ARRAY) &&
         type->n_fields != 1)) {
        return "nested fields do not fit its type";
    }
    return NULL;
}

static arm_status check_field_name(const char *name, const char *what, struct arm_error *err)
{
    if (arm__name_equal(name, FIELD_ID_WORD)) {
        return arm__fail(err, ARM_INVALID_NAME, "%s name: %s is taken", what, FIELD_ID_WORD);
    }
    return arm__name_check(name, what, err);
}

static arm_status check_member_names(const Armpb__Type *type, struct arm_error *err)
{
    static const struct arm_name_rule RULE = {true, "member", ARM_SCHEMA};
    const char **names = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(type->n_fields, sizeof *names, &names, err));
    for (size_t i = 0; i < type->n_fields; i++) {
        names[i] = type->fields[i]->name;
        ARM_TRY(check_field_name(names[i], "member", err));
    }
    ARM_TRY(arm__names_distinct(names, type->n_fields, &RULE, err));
done:
    arm__free(names);
    return st;
}

static arm_status check_type(const char *column, const Armpb__Type *type, unsigned depth,
                             struct arm_error *err)
{
    static const struct arm_name_rule LABELS = {false, "label", ARM_SCHEMA};
    const char *fault = parameter_fault(type);
    arm_status st = ARM_OK;

    if (depth > TYPE_DEPTH_MAX) {
        return wrong(column, "its type is nested deeper than 64", err);
    }
    if (fault != NULL) {
        return wrong(column, fault, err);
    }
    if (has_members(type->kind)) {
        ARM_TRY(check_member_names(type, err));
    }
    ARM_TRY(arm__names_distinct((const char *const *)type->labels, type->n_labels, &LABELS, err));
    if (type->alias != NULL) {
        ARM_TRY(arm__name_check(type->alias, "type", err));
    }
    for (size_t i = 0; i < type->n_fields; i++) {
        ARM_TRY(check_type(column, type->fields[i]->type, depth + 1, err));
    }
done:
    return st;
}

/* Stored columns first, then the generated ones. */
static const Armpb__Field *field_at(const Armpb__Schema *schema, size_t i)
{
    return i < schema->n_columns ? schema->columns[i]->field
                                 : schema->generated[i - schema->n_columns]->field;
}

static arm_status check_columns(const Armpb__Schema *schema, struct arm_error *err)
{
    static const struct arm_name_rule RULE = {true, "column", ARM_SCHEMA};
    const char **names = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(arm__schema_width(schema), sizeof *names, &names, err));
    for (size_t i = 0; i < arm__schema_width(schema); i++) {
        const Armpb__Field *field = field_at(schema, i);

        names[i] = field->name;
        ARM_TRY(check_field_name(names[i], "column", err));
        ARM_TRY(check_type(names[i], field->type, 1, err));
    }
    ARM_TRY(arm__names_distinct(names, arm__schema_width(schema), &RULE, err));
done:
    arm__free(names);
    return st;
}

arm_status arm__schema_check(const Armpb__Schema *schema, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SIZE_MAX);
    arm_status st = ARM_OK;

    if (schema->n_columns == 0) {
        return arm__fail(err, ARM_SCHEMA, "a table needs a column");
    }
    ARM_TRY(check_columns(schema, err));
    for (size_t i = 0; i < schema->n_columns; i++) {
        const Armpb__Field *field = schema->columns[i]->field;

        arm__buf_clear(&sql);
        st = arm__type_physical_sql(field->type, &sql, err);
        if (st != ARM_OK) {
            st = arm__fail_within(err, st, "column %s", field->name);
            goto done;
        }
    }
done:
    arm__buf_release(&sql);
    return st;
}

static size_t count_fields(const Armpb__Field *field)
{
    size_t count = 1;

    for (size_t i = 0; i < field->type->n_fields; i++) {
        count += count_fields(field->type->fields[i]);
    }
    return count;
}

static uint32_t *collect_ids(const Armpb__Field *field, uint32_t *out)
{
    *out++ = field->id;
    for (size_t i = 0; i < field->type->n_fields; i++) {
        out = collect_ids(field->type->fields[i], out);
    }
    return out;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Every id is from 1 to last_field_id, and no two are the same. */
static arm_status check_ids(const Armpb__Schema *schema, struct arm_error *err)
{
    uint32_t *ids = NULL;
    uint32_t *end;
    size_t count = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < arm__schema_width(schema); i++) {
        count += count_fields(field_at(schema, i));
    }
    ARM_TRY(arm__calloc(count, sizeof *ids, &ids, err));
    end = ids;
    for (size_t i = 0; i < arm__schema_width(schema); i++) {
        end = collect_ids(field_at(schema, i), end);
    }
    qsort(ids, count, sizeof *ids, compare_ids);
    if (schema->last_field_id > FIELD_ID_MAX ||
        (count > 0 && (ids[0] == 0 || ids[count - 1] > schema->last_field_id))) {
        st = wrong("schema", "a field id is out of range", err);
        goto done;
    }
    for (size_t i = 1; i < count; i++) {
        if (ids[i - 1] == ids[i]) {
            st = wrong("schema", "two fields have one id", err);
            goto done;
        }
    }
done:
    arm__free(ids);
    return st;
}

static bool is_column(const Armpb__Schema *schema, uint32_t id)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (schema->columns[i]->field->id == id) {
            return true;
        }
    }
    return false;
}

static arm_status check_key(const Armpb__Schema *schema, size_t at, struct arm_error *err)
{
    const Armpb__Key *key = schema->keys[at];

    if (key->primary && at != 0) {
        return wrong("key", "the primary key is not the first", err);
    }
    if (key->n_field_ids == 0) {
        return wrong("key", "it has no column", err);
    }
    if (key->n_field_ids > KEY_COLUMNS_MAX) {
        return arm__fail(err, ARM_SCHEMA, "a %s has %zu columns: at most %d may be in one",
                         key->primary ? "primary key" : "unique constraint", key->n_field_ids,
                         KEY_COLUMNS_MAX);
    }
    for (size_t i = 0; i < key->n_field_ids; i++) {
        if (!is_column(schema, key->field_ids[i])) {
            return wrong("key", "it names no column", err);
        }
        for (size_t j = 0; j < i; j++) {
            if (key->field_ids[i] == key->field_ids[j]) {
                return wrong("key", "it names a column twice", err);
            }
        }
    }
    return ARM_OK;
}

static arm_status check_generated(const Armpb__Schema *schema, struct arm_error *err)
{
    for (size_t i = 0; i < schema->n_generated; i++) {
        const Armpb__Generated *generated = schema->generated[i];

        if (generated->sql[0] == '\0') {
            return wrong(generated->field->name, "it is generated by nothing", err);
        }
        if (generated->position >= arm__schema_width(schema) ||
            (i > 0 && generated->position <= schema->generated[i - 1]->position)) {
            return wrong(generated->field->name, "its position is another's, or none", err);
        }
    }
    return ARM_OK;
}

/* Of views and sequences: what the first says of its columns, and that the second gives a value. */
static arm_status check_object(const Armpb__Schema *schema, struct arm_error *err)
{
    const Armpb__Sequence *s = schema->sequence;

    if (schema->view_sql == NULL ? schema->n_view_aliases > 0 : schema->view_sql[0] == '\0') {
        return wrong("view", "names without a query", err);
    }
    if (s != NULL && (s->increment == 0 || s->min_value > s->start || s->start > s->max_value ||
                      s->min_value == s->max_value)) {
        return wrong("sequence", "its bounds give no values", err);
    }
    return ARM_OK;
}

static arm_status judge(const Armpb__Schema *schema, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (schema->schema_id == 0) {
        return wrong("schema", "its id is 0", err);
    }
    ARM_TRY(check_columns(schema, err));
    ARM_TRY(check_ids(schema, err));
    ARM_TRY(check_generated(schema, err));
    for (size_t i = 0; i < schema->n_keys; i++) {
        ARM_TRY(check_key(schema, i, err));
    }
    for (size_t i = 0; i < schema->n_checks; i++) {
        if (schema->checks[i]->sql[0] == '\0') {
            return wrong("check", "it is empty", err);
        }
    }
    ARM_TRY(check_object(schema, err));
done:
    return st;
}

arm_status arm__schema_judge(const Armpb__Schema *schema, struct arm_error *err)
{
    return arm__recode(judge(schema, err), ARM_CORRUPT, err);
}
