/* SPDX-License-Identifier: Apache-2.0 */
#include "query/json_sql.h"

#include <stdio.h>
#include <string.h>

#include "model/type.h"

enum {
    SQL_BYTES_MAX = 16 << 20,
    LAMBDA_DEPTH_MAX = 12, /* DuckDB binds each twice as long as the one around it */
};

/* Kinds whose text is a number, or true or false, as JSON writes it. */
static bool is_plain(const Armpb__Type *type)
{
    switch (type->kind) {
    case ARMPB__TYPE_KIND__BOOLEAN:
    case ARMPB__TYPE_KIND__TINYINT:
    case ARMPB__TYPE_KIND__SMALLINT:
    case ARMPB__TYPE_KIND__INTEGER:
    case ARMPB__TYPE_KIND__BIGINT:
    case ARMPB__TYPE_KIND__HUGEINT:
    case ARMPB__TYPE_KIND__UTINYINT:
    case ARMPB__TYPE_KIND__USMALLINT:
    case ARMPB__TYPE_KIND__UINTEGER:
    case ARMPB__TYPE_KIND__UBIGINT:
    case ARMPB__TYPE_KIND__UHUGEINT:
    case ARMPB__TYPE_KIND__BIGNUM:
        return true;
    default: /* JSON is itself */
        return type->alias != NULL && strcmp(type->alias, "JSON") == 0;
    }
}

/* SQL prints no zero before the point where every digit is behind it: `-.5`. */
static arm_status decimal_sql(const Armpb__Type *type, const char *e, struct arm_buf *out,
                              struct arm_error *err)
{
    return arm__buf_printf(out, err,
                           type->scale == type->width
                               ? "regexp_replace(CAST(%s AS VARCHAR), '^(-?)[.]', '\\10.')"
                               : "CAST(%s AS VARCHAR)",
                           e);
}

static arm_status real_sql(const char *e, struct arm_buf *out, struct arm_error *err)
{
    return arm__buf_printf(
        out, err,
        "CASE WHEN isnan(%s) THEN '\"NaN\"' WHEN isinf(%s) THEN CASE WHEN %s > 0 "
        "THEN '\"Infinity\"' ELSE '\"-Infinity\"' END ELSE CAST(%s AS VARCHAR) "
        "END",
        e, e, e, e);
}

static arm_status value_sql(const Armpb__Type *type, const char *expression, unsigned depth,
                            struct arm_buf *out, struct arm_error *err);

/* `coalesce(<json of e>, 'null')` */
static arm_status element_sql(const Armpb__Type *type, const char *e, unsigned depth,
                              struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, "coalesce("));
    ARM_TRY(value_sql(type, e, depth, out, err));
    ARM_TRY(arm__buf_printf(out, err, ", 'null')"));
done:
    return st;
}

/* Each element through a lambda, whose parameter is named by its depth. */
static arm_status list_sql(const Armpb__Type *type, const char *e, unsigned depth,
                           struct arm_buf *out, struct arm_error *err)
{
    char element[32];
    arm_status st = ARM_OK;

    (void)snprintf(element, sizeof element, "arm_x%u", depth);
    ARM_TRY(arm__buf_printf(out, err, "'[' || array_to_string(list_transform(%s, lambda %s: ", e,
                            element));
    ARM_TRY(element_sql(type->fields[0]->type, element, depth + 1, out, err));
    ARM_TRY(arm__buf_printf(out, err, "), ',') || ']'"));
done:
    return st;
}

static arm_status map_sql(const Armpb__Type *type, const char *e, unsigned depth,
                          struct arm_buf *out, struct arm_error *err)
{
    char entry[32];
    char value[48];
    arm_status st = ARM_OK;

    (void)snprintf(entry, sizeof entry, "arm_x%u", depth);
    (void)snprintf(value, sizeof value, "%s.value", entry);
    ARM_TRY(arm__buf_printf(out, err,
                            "'{' || array_to_string(list_transform(map_entries(%s), lambda %s: "
                            "CAST(to_json(CAST(%s.key AS VARCHAR)) AS VARCHAR) || ':' || ",
                            e, entry, entry));
    ARM_TRY(element_sql(type->fields[1]->type, value, depth + 1, out, err));
    ARM_TRY(arm__buf_printf(out, err, "), ',') || '}'"));
done:
    return st;
}

static arm_status struct_sql(const Armpb__Type *type, const char *e, unsigned depth,
                             struct arm_buf *out, struct arm_error *err)
{
    struct arm_buf member = ARM_BUF_INIT(SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, "CASE WHEN %s IS NOT NULL THEN concat('{'", e));
    for (size_t i = 0; i < type->n_fields; i++) {
        arm__buf_clear(&member);
        ARM_TRY(arm__buf_printf(&member, err, "struct_extract_at(%s, %zu)", e, i + 1));
        ARM_TRY(arm__buf_u8(&member, 0, err));
        ARM_TRY(arm__json_member_sql(type->fields[i]->name, type->fields[i]->type,
                                     (const char *)member.data, depth, i == 0, out, err));
    }
    ARM_TRY(arm__buf_printf(out, err, ", '}') END"));
done:
    arm__buf_release(&member);
    return st;
}

/* The JSON text of `expression`, or NULL where that is NULL. */
static arm_status value_sql(const Armpb__Type *type, const char *expression, unsigned depth,
                            struct arm_buf *out, struct arm_error *err)
{
    if (is_plain(type)) {
        return arm__buf_printf(out, err, "CAST(%s AS VARCHAR)", expression);
    }
    if (depth >= LAMBDA_DEPTH_MAX) {
        return arm__fail(err, ARM_UNSUPPORTED,
                         "lists nested deeper than %d are not written as JSON",
                         LAMBDA_DEPTH_MAX - 1);
    }
    switch (type->kind) {
    case ARMPB__TYPE_KIND__DECIMAL:
        return decimal_sql(type, expression, out, err);
    case ARMPB__TYPE_KIND__FLOAT:
    case ARMPB__TYPE_KIND__DOUBLE:
        return real_sql(expression, out, err);
    case ARMPB__TYPE_KIND__LIST:
    case ARMPB__TYPE_KIND__ARRAY:
        return list_sql(type, expression, depth, out, err);
    case ARMPB__TYPE_KIND__MAP:
        return map_sql(type, expression, depth, out, err);
    case ARMPB__TYPE_KIND__STRUCT:
        return struct_sql(type, expression, depth, out, err);
    default:
        return arm__buf_printf(out, err, "CAST(to_json(CAST(%s AS VARCHAR)) AS VARCHAR)",
                               expression);
    }
}

arm_status arm__json_member_sql(const char *name, const Armpb__Type *type, const char *expression,
                                unsigned depth, bool is_first, struct arm_buf *out,
                                struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, ", '%s', CAST(to_json(", is_first ? "" : ","));
    ARM_TRY(arm__sql_string(name, out, err));
    ARM_TRY(arm__buf_printf(out, err, ") AS VARCHAR), ':', "));
    st = element_sql(type, expression, depth, out, err);
    if (st == ARM_UNSUPPORTED && depth == 0) {
        st = arm__fail_within(err, st, "column %s", name);
    }
done:
    return st;
}
