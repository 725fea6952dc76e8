/* SPDX-License-Identifier: Apache-2.0 */
#include "query/arrow_sql.h"

#include "model/type.h"

static bool is_bent(Armpb__TypeKind kind)
{
    switch (kind) {
    case ARMPB__TYPE_KIND__HUGEINT:
    case ARMPB__TYPE_KIND__UHUGEINT:
    case ARMPB__TYPE_KIND__BIGNUM:
    case ARMPB__TYPE_KIND__BIT:
    case ARMPB__TYPE_KIND__TIME_TZ:
    case ARMPB__TYPE_KIND__INTERVAL:
    case ARMPB__TYPE_KIND__ENUM:
        return true;
    default:
        return false;
    }
}

static arm_status type_sql(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err);

/* The members of a STRUCT by name, the key and value of a MAP without. */
static arm_status members_sql(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err)
{
    bool is_struct = type->kind == ARMPB__TYPE_KIND__STRUCT;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, is_struct ? "STRUCT(" : "MAP("));
    for (size_t i = 0; i < type->n_fields; i++) {
        ARM_TRY(arm__buf_printf(out, err, i == 0 ? "" : ", "));
        if (is_struct) {
            ARM_TRY(arm__sql_identifier(type->fields[i]->name, out, err));
            ARM_TRY(arm__buf_u8(out, ' ', err));
        }
        ARM_TRY(type_sql(type->fields[i]->type, out, err));
    }
    ARM_TRY(arm__buf_u8(out, ')', err));
done:
    return st;
}

static arm_status type_sql(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    switch (type->kind) {
    case ARMPB__TYPE_KIND__LIST:
    case ARMPB__TYPE_KIND__ARRAY:
        ARM_TRY(type_sql(type->fields[0]->type, out, err));
        ARM_TRY(type->kind == ARMPB__TYPE_KIND__LIST
                    ? arm__buf_printf(out, err, "[]")
                    : arm__buf_printf(out, err, "[%u]", type->array_size));
        break;
    case ARMPB__TYPE_KIND__STRUCT:
    case ARMPB__TYPE_KIND__MAP:
        ARM_TRY(members_sql(type, out, err));
        break;
    default:
        ARM_TRY(is_bent(type->kind) ? arm__buf_printf(out, err, "VARCHAR")
                                    : arm__type_sql(type, out, err));
        break;
    }
done:
    return st;
}

arm_status arm__arrow_column_sql(const Armpb__Type *type, const char *expression,
                                 struct arm_buf *out, struct arm_error *err)
{
    size_t before = out->size;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, "CAST(%s AS ", expression));
    ARM_TRY(type_sql(type, out, err));
    ARM_TRY(arm__buf_u8(out, ')', err));
done:
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}
