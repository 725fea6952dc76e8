/* SPDX-License-Identifier: Apache-2.0 */
#include "query/type_marks.h"

#include <string.h>

/* Metadata of one pair in Arrow's encoding: numbers are the machine's. */
struct mark {
    int32_t pair_count;
    int32_t key_size;
    char key[8];
    int32_t value_size;
    char value[12];
};

#define TYPE_KEY {'a', 'r', 'm', '.', 't', 'y', 'p', 'e'}
static const struct mark hugeint_mark = {1, 8, TYPE_KEY, 7, "HUGEINT"};
static const struct mark uhugeint_mark = {1, 8, TYPE_KEY, 8, "UHUGEINT"};
static const struct mark uuid_mark = {1, 8, TYPE_KEY, 4, "UUID"};
static const struct mark bit_mark = {1, 8, TYPE_KEY, 3, "BIT"};
static const struct mark timetz_mark = {1, 8, TYPE_KEY, 6, "TIMETZ"};
static const struct mark bignum_mark = {1, 8, TYPE_KEY, 6, "BIGNUM"};
static const struct mark json_mark = {1, 8, TYPE_KEY, 4, "JSON"};

static bool is_json(duckdb_logical_type type)
{
    char *alias = duckdb_logical_type_get_alias(type);
    bool is = alias != NULL && strcmp(alias, "JSON") == 0;

    duckdb_free(alias);
    return is;
}

static const struct mark *mark_of(duckdb_logical_type type)
{
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_HUGEINT:
        return &hugeint_mark;
    case DUCKDB_TYPE_UHUGEINT:
        return &uhugeint_mark;
    case DUCKDB_TYPE_UUID:
        return &uuid_mark;
    case DUCKDB_TYPE_BIT:
        return &bit_mark;
    case DUCKDB_TYPE_BIGNUM:
        return &bignum_mark;
    case DUCKDB_TYPE_TIME_TZ:
        return &timetz_mark;
    case DUCKDB_TYPE_VARCHAR:
        return is_json(type) ? &json_mark : NULL;
    default:
        return NULL;
    }
}

/* A child's type, which is freed. */
static void mark_child(duckdb_logical_type type, struct ArrowSchema *schema)
{
    arm__mark_type(type, schema);
    duckdb_destroy_logical_type(&type);
}

static void mark_children(duckdb_logical_type type, struct ArrowSchema *schema)
{
    int64_t count = schema->n_children;

    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_LIST:
        mark_child(duckdb_list_type_child_type(type), schema->children[0]);
        break;
    case DUCKDB_TYPE_ARRAY:
        mark_child(duckdb_array_type_child_type(type), schema->children[0]);
        break;
    case DUCKDB_TYPE_MAP: /* a list of entries */
        mark_child(duckdb_map_type_key_type(type), schema->children[0]->children[0]);
        mark_child(duckdb_map_type_value_type(type), schema->children[0]->children[1]);
        break;
    case DUCKDB_TYPE_STRUCT:
        for (int64_t i = 0; i < count; i++) {
            mark_child(duckdb_struct_type_child_type(type, (idx_t)i), schema->children[i]);
        }
        break;
    case DUCKDB_TYPE_UNION:
        for (int64_t i = 0; i < count; i++) {
            mark_child(duckdb_union_type_member_type(type, (idx_t)i), schema->children[i]);
        }
        break;
    default:
        break;
    }
}

void arm__mark_type(duckdb_logical_type type, struct ArrowSchema *schema)
{
    const struct mark *mark = mark_of(type);

    if (mark != NULL && (schema->metadata == NULL || mark == &bignum_mark)) {
        schema->metadata = (const char *)mark;
    }
    mark_children(type, schema);
}
