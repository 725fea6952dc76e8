/* SPDX-License-Identifier: Apache-2.0 */
/* Logical types in SQL, and the physical type of each. The table was learned from DuckDB 1.5.5
 * itself and is held to it by tests/property/model_types_test.c; README.md says why each is so. */

#include "model/type.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How a type without parameters is spelled. `physical` NULL: it comes back as itself. */
struct spelling {
    const char *sql;
    const char *physical;
};

static const struct spelling SPELLINGS[] = {
    [ARMPB__TYPE_KIND__BOOLEAN] = {"BOOLEAN", NULL},
    [ARMPB__TYPE_KIND__TINYINT] = {"TINYINT", NULL},
    [ARMPB__TYPE_KIND__SMALLINT] = {"SMALLINT", NULL},
    [ARMPB__TYPE_KIND__INTEGER] = {"INTEGER", NULL},
    [ARMPB__TYPE_KIND__BIGINT] = {"BIGINT", NULL},
    [ARMPB__TYPE_KIND__HUGEINT] = {"HUGEINT", "VARCHAR"},
    [ARMPB__TYPE_KIND__UTINYINT] = {"UTINYINT", NULL},
    [ARMPB__TYPE_KIND__USMALLINT] = {"USMALLINT", NULL},
    [ARMPB__TYPE_KIND__UINTEGER] = {"UINTEGER", NULL},
    [ARMPB__TYPE_KIND__UBIGINT] = {"UBIGINT", NULL},
    [ARMPB__TYPE_KIND__UHUGEINT] = {"UHUGEINT", "VARCHAR"},
    [ARMPB__TYPE_KIND__FLOAT] = {"FLOAT", NULL},
    [ARMPB__TYPE_KIND__DOUBLE] = {"DOUBLE", NULL},
    [ARMPB__TYPE_KIND__VARCHAR] = {"VARCHAR", NULL},
    [ARMPB__TYPE_KIND__BLOB] = {"BLOB", NULL},
    [ARMPB__TYPE_KIND__BIT] = {"BIT", "VARCHAR"},
    [ARMPB__TYPE_KIND__UUID] = {"UUID", NULL},
    [ARMPB__TYPE_KIND__DATE] = {"DATE", NULL},
    [ARMPB__TYPE_KIND__TIME] = {"TIME", NULL},
    [ARMPB__TYPE_KIND__TIME_NS] = {"TIME_NS", "VARCHAR"},
    [ARMPB__TYPE_KIND__TIME_TZ] = {"TIME WITH TIME ZONE", "VARCHAR"},
    [ARMPB__TYPE_KIND__TIMESTAMP] = {"TIMESTAMP", NULL},
    [ARMPB__TYPE_KIND__TIMESTAMP_S] = {"TIMESTAMP_S", "TIMESTAMP"},
    [ARMPB__TYPE_KIND__TIMESTAMP_MS] = {"TIMESTAMP_MS", "TIMESTAMP"},
    [ARMPB__TYPE_KIND__TIMESTAMP_NS] = {"TIMESTAMP_NS", NULL},
    [ARMPB__TYPE_KIND__TIMESTAMP_TZ] = {"TIMESTAMP WITH TIME ZONE", NULL},
    [ARMPB__TYPE_KIND__INTERVAL] = {"INTERVAL", "VARCHAR"},
    [ARMPB__TYPE_KIND__BIGNUM] = {"BIGNUM", "VARCHAR"},
    [ARMPB__TYPE_KIND__GEOMETRY] = {"GEOMETRY", NULL},
    [ARMPB__TYPE_KIND__VARIANT] = {"VARIANT", NULL},
};

/* DuckDB's words that cannot stand unquoted as a member's name (duckdb_keywords(), the reserved
 * and the type_function ones), sorted. */
static const char *const RESERVED[] = {
    "all",           "analyse",     "analyze",   "and",        "anti",         "any",
    "array",         "as",          "asc",       "asof",       "asymmetric",   "at",
    "authorization", "binary",      "both",      "by",         "case",         "cast",
    "check",         "collate",     "collation", "column",     "concurrently", "constraint",
    "create",        "cross",       "default",   "deferrable", "desc",         "describe",
    "distinct",      "do",          "else",      "end",        "except",       "false",
    "fetch",         "for",         "foreign",   "freeze",     "from",         "full",
    "glob",          "group",       "having",    "ilike",      "in",           "initially",
    "inner",         "intersect",   "into",      "is",         "isnull",       "join",
    "lambda",        "lateral",     "leading",   "left",       "like",         "limit",
    "natural",       "not",         "notnull",   "null",       "offset",       "on",
    "only",          "or",          "order",     "outer",      "overlaps",     "pivot",
    "pivot_longer",  "pivot_wider", "placing",   "positional", "primary",      "qualify",
    "references",    "returning",   "right",     "select",     "semi",         "show",
    "similar",       "some",        "summarize", "symmetric",  "table",        "tablesample",
    "then",          "to",          "trailing",  "true",       "union",        "unique",
    "unpack",        "unpivot",     "using",     "variadic",   "verbose",      "when",
    "where",         "window",      "with",
};

static int compare_word(const void *key, const void *word)
{
    return strcmp(key, *(const char *const *)word);
}

static bool needs_quotes(const char *name)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

    return (name[0] >= '0' && name[0] <= '9') || name[strspn(name, PLAIN)] != '\0' ||
           bsearch(name, RESERVED, sizeof RESERVED / sizeof *RESERVED, sizeof *RESERVED,
                   compare_word) != NULL;
}

static arm_status append_text(const char *text, struct arm_buf *out, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

/* `text` between two `quote`s, each one inside it doubled. */
static arm_status append_quoted(const char *text, char quote, struct arm_buf *out,
                                struct arm_error *err)
{
    const char *at = text;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, (uint8_t)quote, err));
    for (const char *next = strchr(at, quote); next != NULL; next = strchr(at, quote)) {
        ARM_TRY(arm__buf_append(out, at, (size_t)(next - at) + 1, err));
        ARM_TRY(arm__buf_u8(out, (uint8_t)quote, err));
        at = next + 1;
    }
    ARM_TRY(append_text(at, out, err));
    ARM_TRY(arm__buf_u8(out, (uint8_t)quote, err));
done:
    return st;
}

arm_status arm__sql_identifier(const char *name, struct arm_buf *out, struct arm_error *err)
{
    return append_quoted(name, '"', out, err);
}

arm_status arm__sql_string(const char *text, struct arm_buf *out, struct arm_error *err)
{
    return append_quoted(text, '\'', out, err);
}

/* Which type is spelled: the logical one, the physical one, or the one on the way to it. */
enum spell { LOGICAL, PHYSICAL, ON_THE_WAY };

static bool is_json(const Armpb__Type *type)
{
    return type->kind == ARMPB__TYPE_KIND__VARCHAR && type->alias != NULL &&
           strcmp(type->alias, "JSON") == 0;
}

static arm_status append_type(const Armpb__Type *type, enum spell spell, struct arm_buf *out,
                              struct arm_error *err);

/* "STRUCT(a INTEGER, ...)", "UNION(...)" */
static arm_status append_members(const char *word, const Armpb__Type *type, enum spell spell,
                                 struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(append_text(word, out, err));
    for (size_t i = 0; i < type->n_fields; i++) {
        const char *name = type->fields[i]->name;

        ARM_TRY(append_text(i == 0 ? "(" : ", ", out, err));
        ARM_TRY(needs_quotes(name) ? arm__sql_identifier(name, out, err)
                                   : append_text(name, out, err));
        ARM_TRY(append_text(" ", out, err));
        ARM_TRY(append_type(type->fields[i]->type, spell, out, err));
    }
    ARM_TRY(append_text(")", out, err));
done:
    return st;
}

static arm_status append_enum(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(append_text("ENUM", out, err));
    for (size_t i = 0; i < type->n_labels; i++) {
        ARM_TRY(append_text(i == 0 ? "(" : ", ", out, err));
        ARM_TRY(arm__sql_string(type->labels[i], out, err));
    }
    ARM_TRY(append_text(")", out, err));
done:
    return st;
}

static arm_status append_nested(const Armpb__Type *type, enum spell spell, struct arm_buf *out,
                                struct arm_error *err)
{
    arm_status st = ARM_OK;

    switch (type->kind) {
    case ARMPB__TYPE_KIND__LIST:
        ARM_TRY(append_type(type->fields[0]->type, spell, out, err));
        ARM_TRY(append_text("[]", out, err));
        break;
    case ARMPB__TYPE_KIND__ARRAY:
        ARM_TRY(append_type(type->fields[0]->type, spell, out, err));
        ARM_TRY(spell != LOGICAL ? append_text("[]", out, err)
                                 : arm__buf_printf(out, err, "[%u]", type->array_size));
        break;
    case ARMPB__TYPE_KIND__MAP:
        ARM_TRY(append_text("MAP(", out, err));
        ARM_TRY(append_type(type->fields[0]->type, spell, out, err));
        ARM_TRY(append_text(", ", out, err));
        ARM_TRY(append_type(type->fields[1]->type, spell, out, err));
        ARM_TRY(append_text(")", out, err));
        break;
    case ARMPB__TYPE_KIND__UNION:
        ARM_TRY(append_members("UNION", type, spell, out, err));
        break;
    default:
        assert(type->kind == ARMPB__TYPE_KIND__STRUCT);
        ARM_TRY(append_members("STRUCT", type, spell, out, err));
        break;
    }
done:
    return st;
}

static bool is_supported(Armpb__TypeKind kind)
{
    return kind != ARMPB__TYPE_KIND__UNION && kind != ARMPB__TYPE_KIND__GEOMETRY &&
           kind != ARMPB__TYPE_KIND__VARIANT;
}

static arm_status append_type(const Armpb__Type *type, enum spell spell, struct arm_buf *out,
                              struct arm_error *err)
{
    const struct spelling *spelling;

    if (spell != LOGICAL && !is_supported(type->kind)) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&armpb__type_kind__descriptor, (int)type->kind);

        return arm__fail(err, ARM_UNSUPPORTED, "type %s: values of it cannot be kept in a chunk",
                         value == NULL ? "?" : value->name);
    }
    if (type->n_fields > 0) {
        return append_nested(type, spell, out, err);
    }
    switch (type->kind) {
    case ARMPB__TYPE_KIND__DECIMAL:
        return arm__buf_printf(out, err, "DECIMAL(%u,%u)", type->width, type->scale);
    case ARMPB__TYPE_KIND__ENUM:
        return spell != LOGICAL ? append_text("VARCHAR", out, err) : append_enum(type, out, err);
    default:
        break;
    }
    if (is_json(type)) {
        return append_text("JSON", out, err);
    }
    if (spell == ON_THE_WAY && type->kind == ARMPB__TYPE_KIND__TIMESTAMP_S) {
        return append_text("TIMESTAMP_MS", out, err);
    }
    assert((size_t)type->kind < sizeof SPELLINGS / sizeof *SPELLINGS);
    spelling = &SPELLINGS[type->kind];
    assert(spelling->sql != NULL);
    return append_text(spell != LOGICAL && spelling->physical != NULL ? spelling->physical
                                                                      : spelling->sql,
                       out, err);
}

/* Appends all or nothing. */
static arm_status append_whole(const Armpb__Type *type, enum spell spell, struct arm_buf *out,
                               struct arm_error *err)
{
    size_t before = out->size;
    arm_status st = append_type(type, spell, out, err);

    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}

arm_status arm__type_sql(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err)
{
    return append_whole(type, LOGICAL, out, err);
}

arm_status arm__type_physical_sql(const Armpb__Type *type, struct arm_buf *out,
                                  struct arm_error *err)
{
    return append_whole(type, PHYSICAL, out, err);
}

bool arm__type_is_physical(const Armpb__Type *type)
{
    if (!is_supported(type->kind) || type->kind == ARMPB__TYPE_KIND__ARRAY ||
        type->kind == ARMPB__TYPE_KIND__ENUM) {
        return false;
    }
    for (size_t i = 0; i < type->n_fields; i++) {
        if (!arm__type_is_physical(type->fields[i]->type)) {
            return false;
        }
    }
    return (size_t)type->kind >= sizeof SPELLINGS / sizeof *SPELLINGS ||
           SPELLINGS[type->kind].physical == NULL;
}

/* Whether the type has a part of this kind. */
static bool has_kind(const Armpb__Type *type, Armpb__TypeKind kind)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        if (has_kind(type->fields[i]->type, kind)) {
            return true;
        }
    }
    return type->kind == kind;
}

/* With TIMESTAMP_S, whose infinity has no cast to TIMESTAMP, by way of TIMESTAMP_MS. */
static arm_status append_store(const Armpb__Type *type, const char *expression, struct arm_buf *out,
                               struct arm_error *err)
{
    bool has_way = has_kind(type, ARMPB__TYPE_KIND__TIMESTAMP_S);
    arm_status st = ARM_OK;

    ARM_TRY(append_text(has_way ? "CAST(CAST(" : "CAST(", out, err));
    ARM_TRY(append_text(expression, out, err));
    ARM_TRY(append_text(" AS ", out, err));
    if (has_way) {
        ARM_TRY(append_type(type, ON_THE_WAY, out, err));
        ARM_TRY(append_text(") AS ", out, err));
    }
    ARM_TRY(append_type(type, PHYSICAL, out, err));
    ARM_TRY(append_text(")", out, err));
done:
    return st;
}

arm_status arm__type_store_sql(const Armpb__Type *type, const char *expression, struct arm_buf *out,
                               struct arm_error *err)
{
    size_t before = out->size;
    arm_status st;

    if (arm__type_is_physical(type)) {
        return append_text(expression, out, err);
    }
    st = append_store(type, expression, out, err);
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}
