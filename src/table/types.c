/* SPDX-License-Identifier: Apache-2.0 */
/* DuckDB's logical types and ours, one table of pairs and one recursion each way. Trees are
 * built from arm__calloc, which is the heap armpb__type__free_unpacked gives back to. */

#include "table/types.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/name.h"

enum { TYPE_DEPTH_MAX = 64 }; /* as record.proto allows */

/* Scalars without parameters, and by name what we do not keep. */
static const struct {
    duckdb_type duck;
    Armpb__TypeKind kind;
} scalars[] = {
    {DUCKDB_TYPE_BOOLEAN, ARMPB__TYPE_KIND__BOOLEAN},
    {DUCKDB_TYPE_TINYINT, ARMPB__TYPE_KIND__TINYINT},
    {DUCKDB_TYPE_SMALLINT, ARMPB__TYPE_KIND__SMALLINT},
    {DUCKDB_TYPE_INTEGER, ARMPB__TYPE_KIND__INTEGER},
    {DUCKDB_TYPE_BIGINT, ARMPB__TYPE_KIND__BIGINT},
    {DUCKDB_TYPE_HUGEINT, ARMPB__TYPE_KIND__HUGEINT},
    {DUCKDB_TYPE_UTINYINT, ARMPB__TYPE_KIND__UTINYINT},
    {DUCKDB_TYPE_USMALLINT, ARMPB__TYPE_KIND__USMALLINT},
    {DUCKDB_TYPE_UINTEGER, ARMPB__TYPE_KIND__UINTEGER},
    {DUCKDB_TYPE_UBIGINT, ARMPB__TYPE_KIND__UBIGINT},
    {DUCKDB_TYPE_UHUGEINT, ARMPB__TYPE_KIND__UHUGEINT},
    {DUCKDB_TYPE_FLOAT, ARMPB__TYPE_KIND__FLOAT},
    {DUCKDB_TYPE_DOUBLE, ARMPB__TYPE_KIND__DOUBLE},
    {DUCKDB_TYPE_VARCHAR, ARMPB__TYPE_KIND__VARCHAR},
    {DUCKDB_TYPE_BLOB, ARMPB__TYPE_KIND__BLOB},
    {DUCKDB_TYPE_BIT, ARMPB__TYPE_KIND__BIT},
    {DUCKDB_TYPE_UUID, ARMPB__TYPE_KIND__UUID},
    {DUCKDB_TYPE_DATE, ARMPB__TYPE_KIND__DATE},
    {DUCKDB_TYPE_TIME, ARMPB__TYPE_KIND__TIME},
    {DUCKDB_TYPE_TIME_NS, ARMPB__TYPE_KIND__TIME_NS},
    {DUCKDB_TYPE_TIME_TZ, ARMPB__TYPE_KIND__TIME_TZ},
    {DUCKDB_TYPE_TIMESTAMP, ARMPB__TYPE_KIND__TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_S, ARMPB__TYPE_KIND__TIMESTAMP_S},
    {DUCKDB_TYPE_TIMESTAMP_MS, ARMPB__TYPE_KIND__TIMESTAMP_MS},
    {DUCKDB_TYPE_TIMESTAMP_NS, ARMPB__TYPE_KIND__TIMESTAMP_NS},
    {DUCKDB_TYPE_TIMESTAMP_TZ, ARMPB__TYPE_KIND__TIMESTAMP_TZ},
    {DUCKDB_TYPE_INTERVAL, ARMPB__TYPE_KIND__INTERVAL},
    {DUCKDB_TYPE_BIGNUM, ARMPB__TYPE_KIND__BIGNUM},
};

static const struct {
    duckdb_type duck;
    const char *name;
} refused[] = {
    {DUCKDB_TYPE_UNION, "UNION"},
    {DUCKDB_TYPE_GEOMETRY, "GEOMETRY"},
    {DUCKDB_TYPE_VARIANT, "VARIANT"},
    {DUCKDB_TYPE_ANY, "ANY"},
    {DUCKDB_TYPE_SQLNULL, "NULL"},
    {DUCKDB_TYPE_STRING_LITERAL, "STRING_LITERAL"},
    {DUCKDB_TYPE_INTEGER_LITERAL, "INTEGER_LITERAL"},
};

/* ---- From DuckDB ---- */

static arm_status read_type(duckdb_logical_type type, unsigned depth, Armpb__Type **out,
                            struct arm_error *err);

/* Our own copy of a string DuckDB gave us, which it wants back. */
static arm_status take_string(char *theirs, char **out, struct arm_error *err)
{
    arm_status st;

    if (theirs == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a name of a type");
    }
    st = arm__strdup(theirs, out, err);
    duckdb_free(theirs);
    return st;
}

/* Put a child of `type` behind its others; the array has room. Takes `child_type`. */
static arm_status add_field(Armpb__Type *type, char *name, duckdb_logical_type child_type,
                            unsigned depth, struct arm_error *err)
{
    Armpb__Field *field = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *field, &field, err));
    armpb__field__init(field);
    type->fields[type->n_fields++] = field;
    field->name = name; /* freed with the tree from here on */
    name = NULL;
    ARM_TRY(read_type(child_type, depth + 1, &field->type, err));
done:
    arm__free(name);
    duckdb_destroy_logical_type(&child_type);
    return st;
}

/* The one child of a LIST or ARRAY, or one of the two of a MAP, by its fixed name. */
static arm_status add_named(Armpb__Type *type, const char *name, duckdb_logical_type child_type,
                            unsigned depth, struct arm_error *err)
{
    char *copy = NULL;
    arm_status st = arm__strdup(name, &copy, err);

    if (st != ARM_OK) {
        duckdb_destroy_logical_type(&child_type);
        return st;
    }
    return add_field(type, copy, child_type, depth, err);
}

static arm_status read_struct(duckdb_logical_type type, unsigned depth, Armpb__Type *out,
                              struct arm_error *err)
{
    idx_t count = duckdb_struct_type_child_count(type);
    arm_status st = arm__calloc(count, sizeof *out->fields, &out->fields, err);

    out->kind = ARMPB__TYPE_KIND__STRUCT;
    for (idx_t i = 0; st == ARM_OK && i < count; i++) {
        char *name = NULL;

        st = take_string(duckdb_struct_type_child_name(type, i), &name, err);
        if (st == ARM_OK) {
            st = add_field(out, name, duckdb_struct_type_child_type(type, i), depth, err);
        }
    }
    return st;
}

static arm_status read_enum(duckdb_logical_type type, Armpb__Type *out, struct arm_error *err)
{
    uint32_t count = duckdb_enum_dictionary_size(type);
    arm_status st = arm__calloc(count, sizeof *out->labels, &out->labels, err);

    out->kind = ARMPB__TYPE_KIND__ENUM;
    for (uint32_t i = 0; st == ARM_OK && i < count; i++) {
        st = take_string(duckdb_enum_dictionary_value(type, i), &out->labels[i], err);
        out->n_labels += st == ARM_OK;
    }
    return st;
}

static arm_status read_nested(duckdb_logical_type type, duckdb_type id, unsigned depth,
                              Armpb__Type *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (id == DUCKDB_TYPE_STRUCT) {
        return read_struct(type, depth, out, err);
    }
    ARM_TRY(arm__calloc(2, sizeof *out->fields, &out->fields, err));
    if (id == DUCKDB_TYPE_LIST) {
        out->kind = ARMPB__TYPE_KIND__LIST;
        ARM_TRY(add_named(out, "element", duckdb_list_type_child_type(type), depth, err));
    } else if (id == DUCKDB_TYPE_ARRAY) {
        out->kind = ARMPB__TYPE_KIND__ARRAY;
        out->has_array_size = true;
        out->array_size =
            (uint32_t)duckdb_array_type_array_size(type); /* DuckDB's limit: 100,000 */
        ARM_TRY(add_named(out, "element", duckdb_array_type_child_type(type), depth, err));
    } else {
        assert(id == DUCKDB_TYPE_MAP);
        out->kind = ARMPB__TYPE_KIND__MAP;
        ARM_TRY(add_named(out, "key", duckdb_map_type_key_type(type), depth, err));
        ARM_TRY(add_named(out, "value", duckdb_map_type_value_type(type), depth, err));
    }
done:
    return st;
}

static arm_status read_scalar(duckdb_logical_type type, duckdb_type id, Armpb__Type *out,
                              struct arm_error *err)
{
    if (id == DUCKDB_TYPE_DECIMAL) {
        out->kind = ARMPB__TYPE_KIND__DECIMAL;
        out->has_width = out->has_scale = true;
        out->width = duckdb_decimal_width(type);
        out->scale = duckdb_decimal_scale(type);
        return ARM_OK;
    }
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        if (scalars[i].duck == id) {
            out->kind = scalars[i].kind;
            return ARM_OK;
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (refused[i].duck == id) {
            return arm__fail(err, ARM_UNSUPPORTED, "values of type %s cannot be stored",
                             refused[i].name);
        }
    }
    return arm__fail(err, ARM_UNSUPPORTED, "values of DuckDB's type %d cannot be stored", (int)id);
}

static arm_status read_type(duckdb_logical_type type, unsigned depth, Armpb__Type **out,
                            struct arm_error *err)
{
    duckdb_type id = duckdb_get_type_id(type);
    Armpb__Type *result = NULL;
    char *alias = NULL;
    arm_status st = ARM_OK;

    if (depth >= TYPE_DEPTH_MAX) {
        return arm__fail(err, ARM_UNSUPPORTED, "a type nested deeper than %d", TYPE_DEPTH_MAX);
    }
    ARM_TRY(arm__calloc(1, sizeof *result, &result, err));
    armpb__type__init(result);
    switch (id) {
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_STRUCT:
        st = read_nested(type, id, depth, result, err);
        break;
    case DUCKDB_TYPE_ENUM:
        st = read_enum(type, result, err);
        break;
    default:
        st = read_scalar(type, id, result, err);
        break;
    }
    ARM_TRY(st);
    alias = duckdb_logical_type_get_alias(type);
    if (alias != NULL && alias[0] != '\0') {
        ARM_TRY(arm__strdup(alias, &result->alias, err));
    }
    *out = result;
    result = NULL;
done:
    duckdb_free(alias);
    if (result != NULL) {
        armpb__type__free_unpacked(result, NULL);
    }
    return st;
}

arm_status arm__type_from_duckdb(duckdb_logical_type type, Armpb__Type **out, struct arm_error *err)
{
    return read_type(type, 0, out, err);
}

/* ---- To DuckDB ---- */

static arm_status make_struct(const Armpb__Type *type, duckdb_logical_type *out,
                              struct arm_error *err)
{
    duckdb_logical_type *children = NULL;
    const char **names = NULL;
    size_t made = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(type->n_fields, sizeof *children, &children, err));
    ARM_TRY(arm__calloc(type->n_fields, sizeof *names, &names, err));
    for (; made < type->n_fields; made++) {
        names[made] = type->fields[made]->name;
        ARM_TRY(arm__type_to_duckdb(type->fields[made]->type, &children[made], err));
    }
    *out = duckdb_create_struct_type(children, names, type->n_fields);
done:
    while (made > 0) {
        duckdb_destroy_logical_type(&children[--made]);
    }
    arm__free(names);
    arm__free(children);
    return st;
}

static arm_status make_nested(const Armpb__Type *type, duckdb_logical_type *out,
                              struct arm_error *err)
{
    duckdb_logical_type first = NULL;
    duckdb_logical_type second = NULL;
    arm_status st = ARM_OK;

    if (type->kind == ARMPB__TYPE_KIND__STRUCT) {
        return make_struct(type, out, err);
    }
    ARM_TRY(arm__type_to_duckdb(type->fields[0]->type, &first, err));
    if (type->kind == ARMPB__TYPE_KIND__MAP) {
        ARM_TRY(arm__type_to_duckdb(type->fields[1]->type, &second, err));
        *out = duckdb_create_map_type(first, second);
    } else if (type->kind == ARMPB__TYPE_KIND__ARRAY) {
        *out = duckdb_create_array_type(first, type->array_size);
    } else {
        *out = duckdb_create_list_type(first);
    }
done:
    duckdb_destroy_logical_type(&second);
    duckdb_destroy_logical_type(&first);
    return st;
}

static duckdb_logical_type make_scalar(const Armpb__Type *type)
{
    if (type->kind == ARMPB__TYPE_KIND__DECIMAL) {
        return duckdb_create_decimal_type((uint8_t)type->width, (uint8_t)type->scale);
    }
    if (type->kind == ARMPB__TYPE_KIND__ENUM) {
        return duckdb_create_enum_type((const char **)type->labels, type->n_labels);
    }
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        if (scalars[i].kind == type->kind) {
            return duckdb_create_logical_type(scalars[i].duck);
        }
    }
    return NULL;
}

arm_status arm__type_to_duckdb(const Armpb__Type *type, duckdb_logical_type *out,
                               struct arm_error *err)
{
    duckdb_logical_type result = NULL;

    switch (type->kind) {
    case ARMPB__TYPE_KIND__LIST:
    case ARMPB__TYPE_KIND__ARRAY:
    case ARMPB__TYPE_KIND__MAP:
    case ARMPB__TYPE_KIND__STRUCT: {
        arm_status st = make_nested(type, &result, err);

        if (st != ARM_OK) {
            return st;
        }
        break;
    }
    default:
        result = make_scalar(type);
        break;
    }
    if (result == NULL) {
        return arm__fail(err, ARM_UNSUPPORTED, "DuckDB has no such type (kind %d)", type->kind);
    }
    if (type->alias != NULL) {
        duckdb_logical_type_set_alias(result, type->alias);
    }
    *out = result;
    return ARM_OK;
}

/* ---- Schemas ---- */

static arm_status add_column(Armpb__Schema *schema, const char *name, duckdb_logical_type type,
                             struct arm_error *err)
{
    Armpb__Column *column = NULL;
    struct arm_error why;
    arm_status st = ARM_OK;

    if (arm__name_check(name, "column", &why) != ARM_OK) {
        return arm__fail(err, ARM_SCHEMA, "column %zu: %s", schema->n_columns + 1, why.message);
    }
    ARM_TRY(arm__calloc(1, sizeof *column, &column, err));
    armpb__column__init(column);
    schema->columns[schema->n_columns++] = column; /* freed with the schema from here on */
    ARM_TRY(arm__calloc(1, sizeof *column->field, &column->field, err));
    armpb__field__init(column->field);
    ARM_TRY(arm__strdup(name, &column->field->name, err));
    st = arm__type_from_duckdb(type, &column->field->type, err);
    if (st != ARM_OK) {
        (void)arm__fail_within(err, st, "column %s", name);
    }
done:
    return st;
}

static int compare_folded(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ARM_SCHEMA if two columns have the same name but for ASCII case. */
static arm_status check_distinct(const Armpb__Schema *schema, struct arm_error *err)
{
    struct arm_buf all = ARM_BUF_INIT(SIZE_MAX / 2);
    char **folded = NULL;
    size_t at = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < schema->n_columns; i++) {
        ARM_TRY(arm__name_fold(schema->columns[i]->field->name, &all, err));
        ARM_TRY(arm__buf_u8(&all, 0, err));
    }
    ARM_TRY(arm__calloc(schema->n_columns, sizeof *folded, &folded, err));
    for (size_t i = 0; i < schema->n_columns; i++) {
        folded[i] = (char *)all.data + at;
        at += strlen(folded[i]) + 1;
    }
    qsort(folded, schema->n_columns, sizeof *folded, compare_folded);
    for (size_t i = 1; i < schema->n_columns; i++) {
        if (strcmp(folded[i - 1], folded[i]) == 0) {
            st = arm__fail(err, ARM_SCHEMA, "two columns are named %s", folded[i]);
            break;
        }
    }
done:
    arm__free(folded);
    arm__buf_release(&all);
    return st;
}

arm_status arm__schema_from_columns(size_t count, const char *const *names,
                                    const duckdb_logical_type *types, Armpb__Schema **out,
                                    struct arm_error *err)
{
    Armpb__Schema *schema = NULL;
    arm_status st = ARM_OK;

    if (count == 0) {
        return arm__fail(err, ARM_SCHEMA, "a table needs at least one column");
    }
    ARM_TRY(arm__calloc(1, sizeof *schema, &schema, err));
    armpb__schema__init(schema);
    ARM_TRY(arm__calloc(count, sizeof(Armpb__Column *), &schema->columns, err));
    for (size_t i = 0; i < count; i++) {
        ARM_TRY(add_column(schema, names[i], types[i], err));
    }
    ARM_TRY(check_distinct(schema, err));
    *out = schema;
    schema = NULL;
done:
    if (schema != NULL) {
        armpb__schema__free_unpacked(schema, NULL);
    }
    return st;
}
