/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver and the library are, and the types of tables. */

#include <nanoarrow/nanoarrow.h>

#include "adbc/adbc_private.h"

/* Members of ADBC's union of values. */
enum { VALUE_TEXT, VALUE_FLAG, VALUE_INT, VALUE_BITS, VALUE_TEXTS, VALUE_MAP, VALUE_COUNT };

struct info {
    uint32_t code;
    int member;
    const char *text;
    int64_t number;
};

static int set_child(struct ArrowSchema *schema, const char *name, enum ArrowType type)
{
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetType(schema, type));
    return ArrowSchemaSetName(schema, name);
}

static int set_list(struct ArrowSchema *schema, const char *name, enum ArrowType type)
{
    NANOARROW_RETURN_NOT_OK(set_child(schema, name, NANOARROW_TYPE_LIST));
    return set_child(schema->children[0], "item", type);
}

static int make_info_schema(struct ArrowSchema *schema)
{
    struct ArrowSchema *value;
    struct ArrowSchema *entries;

    ArrowSchemaInit(schema);
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetTypeStruct(schema, 2));
    NANOARROW_RETURN_NOT_OK(set_child(schema->children[0], "info_name", NANOARROW_TYPE_UINT32));
    schema->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
    value = schema->children[1];
    NANOARROW_RETURN_NOT_OK(
        ArrowSchemaSetTypeUnion(value, NANOARROW_TYPE_DENSE_UNION, VALUE_COUNT));
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetName(value, "info_value"));
    NANOARROW_RETURN_NOT_OK(
        set_child(value->children[VALUE_TEXT], "string_value", NANOARROW_TYPE_STRING));
    NANOARROW_RETURN_NOT_OK(
        set_child(value->children[VALUE_FLAG], "bool_value", NANOARROW_TYPE_BOOL));
    NANOARROW_RETURN_NOT_OK(
        set_child(value->children[VALUE_INT], "int64_value", NANOARROW_TYPE_INT64));
    NANOARROW_RETURN_NOT_OK(
        set_child(value->children[VALUE_BITS], "int32_bitmask", NANOARROW_TYPE_INT32));
    NANOARROW_RETURN_NOT_OK(
        set_list(value->children[VALUE_TEXTS], "string_list", NANOARROW_TYPE_STRING));
    NANOARROW_RETURN_NOT_OK(
        set_child(value->children[VALUE_MAP], "int32_to_int32_list_map", NANOARROW_TYPE_MAP));
    entries = value->children[VALUE_MAP]->children[0];
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetType(entries->children[0], NANOARROW_TYPE_INT32));
    entries->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
    return set_list(entries->children[1], "value", NANOARROW_TYPE_INT32);
}

static int append_info(const struct info *info, struct ArrowArray *array)
{
    struct ArrowArray *value = array->children[1];

    NANOARROW_RETURN_NOT_OK(ArrowArrayAppendUInt(array->children[0], info->code));
    NANOARROW_RETURN_NOT_OK(
        info->member == VALUE_TEXT
            ? ArrowArrayAppendString(value->children[VALUE_TEXT], ArrowCharView(info->text))
            : ArrowArrayAppendInt(value->children[info->member], info->number));
    NANOARROW_RETURN_NOT_OK(ArrowArrayFinishUnionElement(value, (int8_t)info->member));
    return ArrowArrayFinishElement(array);
}

static bool is_asked(uint32_t code, const uint32_t *codes, size_t count)
{
    for (size_t i = 0; codes != NULL && i < count; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return codes == NULL;
}

static int append_infos(const uint32_t *codes, size_t count, struct ArrowArray *array)
{
    const struct info infos[] = {
        {.code = ADBC_INFO_VENDOR_NAME, .text = "Armillaria"},
        {.code = ADBC_INFO_VENDOR_VERSION, .text = arm_version()},
        {.code = ADBC_INFO_VENDOR_SQL, .member = VALUE_FLAG, .number = 1},
        {.code = ADBC_INFO_VENDOR_SUBSTRAIT, .member = VALUE_FLAG, .number = 0},
        {.code = ADBC_INFO_DRIVER_NAME, .text = "ADBC Armillaria Driver"},
        {.code = ADBC_INFO_DRIVER_VERSION, .text = arm_version()},
        {.code = ADBC_INFO_DRIVER_ARROW_VERSION, .text = "nanoarrow " NANOARROW_VERSION},
        {.code = ADBC_INFO_DRIVER_ADBC_VERSION, .member = VALUE_INT, .number = ADBC_VERSION_1_1_0},
    };

    NANOARROW_RETURN_NOT_OK(ArrowArrayStartAppending(array));
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        if (is_asked(infos[i].code, codes, count)) {
            NANOARROW_RETURN_NOT_OK(append_info(&infos[i], array));
        }
    }
    return ArrowArrayFinishBuildingDefault(array, NULL);
}

AdbcStatusCode arm__adbc_get_info(struct AdbcConnection *handle, const uint32_t *codes,
                                  size_t count, struct ArrowArrayStream *out,
                                  struct AdbcError *error)
{
    struct arm_adbc_connection *connection = NULL;
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc;

    if (out == NULL) {
        return arm__adbc_fail_null(error, "out");
    }
    st = arm__adbc_connection_enter(handle, &connection, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    arm__adbc_connection_unlock(connection);
    rc = make_info_schema(&schema);
    if (rc == NANOARROW_OK) {
        rc = ArrowArrayInitFromSchema(&array, &schema, NULL);
    }
    if (rc == NANOARROW_OK) {
        rc = append_infos(codes, count, &array);
    }
    return arm__adbc_one_batch(rc, &schema, &array, out, error);
}

/* ---- Types of tables ---- */

static int append_types(struct ArrowSchema *schema, struct ArrowArray *array)
{
    static const char *const types[] = {"BASE TABLE", "LOCAL TEMPORARY", "VIEW"};

    ArrowSchemaInit(schema);
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetTypeStruct(schema, 1));
    NANOARROW_RETURN_NOT_OK(set_child(schema->children[0], "table_type", NANOARROW_TYPE_STRING));
    schema->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
    NANOARROW_RETURN_NOT_OK(ArrowArrayInitFromSchema(array, schema, NULL));
    NANOARROW_RETURN_NOT_OK(ArrowArrayStartAppending(array));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        NANOARROW_RETURN_NOT_OK(
            ArrowArrayAppendString(array->children[0], ArrowCharView(types[i])));
        NANOARROW_RETURN_NOT_OK(ArrowArrayFinishElement(array));
    }
    return ArrowArrayFinishBuildingDefault(array, NULL);
}

AdbcStatusCode arm__adbc_get_table_types(struct AdbcConnection *handle,
                                         struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = NULL;
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    AdbcStatusCode st;

    if (out == NULL) {
        return arm__adbc_fail_null(error, "out");
    }
    st = arm__adbc_connection_enter(handle, &connection, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    arm__adbc_connection_unlock(connection);
    return arm__adbc_one_batch(append_types(&schema, &array), &schema, &array, out, error);
}
