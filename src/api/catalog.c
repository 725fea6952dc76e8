/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, their versions, their columns. None of this starts an SQL engine. */

#include <string.h>

#include "api/api_private.h"
#include "api/rows.h"
#include "model/object.h"
#include "model/table_name.h"
#include "model/type.h"

static const struct arm_rows_field list_of_text = {.name = "item", .format = "u"};

/* ---- arm_tables ---- */

enum { TABLES_TABLE, TABLES_SCHEMA, TABLES_VERSION, TABLES_ROWS, TABLES_BYTES, TABLES_KEY };

static const struct arm_rows_field tables_fields[] = {
    [TABLES_TABLE] = {.name = "table", .format = "u"},
    [TABLES_SCHEMA] = {.name = "schema", .format = "u"},
    [TABLES_VERSION] = {.name = "version", .format = "L"},
    [TABLES_ROWS] = {.name = "rows", .format = "L"},
    [TABLES_BYTES] = {.name = "bytes", .format = "L"},
    [TABLES_KEY] = {.name = "key", .format = "+l", .child_count = 1, .children = &list_of_text},
};

struct tables_walk {
    struct arm_catalog *catalog;
    const struct arm_snapshot *at;
    struct arm_rows *rows;
};

static const Armpb__Key *primary_key(const Armpb__Schema *schema)
{
    return schema->n_keys > 0 && schema->keys[0]->primary ? schema->keys[0] : NULL;
}

static const char *column_name(const Armpb__Schema *schema, uint32_t field_id)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (schema->columns[i]->field->id == field_id) {
            return schema->columns[i]->field->name;
        }
    }
    return "?";
}

static arm_status push_key(struct arm_rows_column *column, const Armpb__Schema *schema,
                           struct arm_error *err)
{
    const Armpb__Key *key = primary_key(schema);
    arm_status st = ARM_OK;

    for (size_t i = 0; key != NULL && i < key->n_field_ids; i++) {
        ARM_TRY(arm__rows_text(arm__rows_child(column, 0), column_name(schema, key->field_ids[i]),
                               err));
    }
    ARM_TRY(arm__rows_end(column, err));
done:
    return st;
}

static arm_status push_table(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct tables_walk *walk = context;
    struct arm_rows *rows = walk->rows;
    struct arm_table_info info = {0};
    bool found = false;
    arm_status st = ARM_OK;

    if (row->object != ARMPB__OBJECT_KIND__TABLE) {
        return ARM_OK;
    }
    ARM_TRY(arm__catalog_table(walk->catalog, walk->at, row->schema_name, row->name, &info, &found,
                               err));
    if (!found) {
        goto done;
    }
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TABLES_TABLE), row->name, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, TABLES_SCHEMA), row->schema_name, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, TABLES_VERSION), row->version, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, TABLES_ROWS), info.version.row_count, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, TABLES_BYTES), info.version.data_bytes, err));
    ARM_TRY(push_key(arm__rows_column(rows, TABLES_KEY), info.schema, err));
    arm__rows_end_row(rows);
done:
    arm__table_info_release(&info);
    return st;
}

arm_status arm_tables(arm_session *session, const char *at, struct ArrowArrayStream *out,
                      struct arm_error *err)
{
    struct arm_snapshot snapshot;
    struct tables_walk walk = {.at = &snapshot};
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__session_snapshot(session, at, &snapshot, err));
    walk.catalog = arm__session_catalog(session);
    ARM_TRY(arm__rows_new(tables_fields, sizeof tables_fields / sizeof *tables_fields, &walk.rows,
                          err));
    ARM_TRY(arm__catalog_tables(walk.catalog, &snapshot, push_table, &walk, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__rows_free(walk.rows);
    return st;
}

/* ---- arm_versions ---- */

enum {
    VERSIONS_TABLE,
    VERSIONS_VERSION,
    VERSIONS_PARENT,
    VERSIONS_TX,
    VERSIONS_BRANCH,
    VERSIONS_CREATED_AT,
    VERSIONS_ROWS,
    VERSIONS_BYTES,
    VERSIONS_MESSAGE
};

static const struct arm_rows_field versions_fields[] = {
    [VERSIONS_TABLE] = {.name = "table", .format = "u"},
    [VERSIONS_VERSION] = {.name = "version", .format = "L"},
    [VERSIONS_PARENT] = {.name = "parent", .format = "L", .nullable = true},
    [VERSIONS_TX] = {.name = "tx", .format = "L"},
    [VERSIONS_BRANCH] = {.name = "branch", .format = "u"},
    [VERSIONS_CREATED_AT] = {.name = "created_at", .format = "tsu:UTC"},
    [VERSIONS_ROWS] = {.name = "rows", .format = "L"},
    [VERSIONS_BYTES] = {.name = "bytes", .format = "L"},
    [VERSIONS_MESSAGE] = {.name = "message", .format = "u"},
};

struct versions_walk {
    const char *shown_name;
    struct arm_rows *rows;
};

static arm_status push_version(void *context, const struct arm_version_info *info,
                               struct arm_error *err)
{
    struct versions_walk *walk = context;
    struct arm_rows *rows = walk->rows;
    const struct arm_version_row *version = &info->version;
    struct arm_rows_column *parent = arm__rows_column(rows, VERSIONS_PARENT);
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSIONS_TABLE), walk->shown_name, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSIONS_VERSION), version->version, err));
    ARM_TRY(version->parent_version == 0 ? arm__rows_null(parent, err)
                                         : arm__rows_u64(parent, version->parent_version, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSIONS_TX), version->tx, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSIONS_BRANCH), info->branch, err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, VERSIONS_CREATED_AT), info->record.time_us, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSIONS_ROWS), version->row_count, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSIONS_BYTES), version->data_bytes, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSIONS_MESSAGE), info->message, err));
    arm__rows_end_row(rows);
done:
    return st;
}

/* The table's name as its creator wrote it, where the snapshot has it; else as asked for. */
static arm_status name_as_written(struct arm_catalog *catalog, const struct arm_snapshot *at,
                                  const char *schema_name, const char *name,
                                  char out[ARM_SHOWN_NAME_BYTES], struct arm_error *err)
{
    struct arm_table_info info = {0};
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_table(catalog, at, schema_name, name, &info, &found, err));
    arm__shown_name(found ? info.row.schema_name : schema_name, found ? info.row.name : name, out);
done:
    arm__table_info_release(&info);
    return st;
}

arm_status arm_versions(arm_session *session, const char *table, bool all,
                        struct ArrowArrayStream *out, struct arm_error *err)
{
    char shown[ARM_SHOWN_NAME_BYTES];
    char schema_name[256];
    char name[256];
    struct versions_walk walk = {.shown_name = shown};
    struct arm_catalog *catalog = NULL;
    struct arm_snapshot now;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__table_name_parse(table, schema_name, name, err));
    ARM_TRY(arm__session_snapshot(session, NULL, &now, err));
    catalog = arm__session_catalog(session);
    ARM_TRY(name_as_written(catalog, &now, schema_name, name, shown, err));
    ARM_TRY(arm__rows_new(versions_fields, sizeof versions_fields / sizeof *versions_fields,
                          &walk.rows, err));
    ARM_TRY(arm__catalog_versions(catalog, &now, schema_name, name, all, push_version, &walk, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__rows_free(walk.rows);
    return st;
}

/* ---- arm_schema ---- */

enum { SCHEMA_COLUMN, SCHEMA_TYPE, SCHEMA_NULLABLE, SCHEMA_KEY, SCHEMA_DEFAULT, SCHEMA_ID };

static const struct arm_rows_field schema_fields[] = {
    [SCHEMA_COLUMN] = {.name = "column", .format = "u"},
    [SCHEMA_TYPE] = {.name = "type", .format = "u"},
    [SCHEMA_NULLABLE] = {.name = "nullable", .format = "b"},
    [SCHEMA_KEY] = {.name = "key", .format = "b"},
    [SCHEMA_DEFAULT] = {.name = "default", .format = "u", .nullable = true},
    [SCHEMA_ID] = {.name = "id", .format = "I"},
};

static bool is_key_column(const Armpb__Schema *schema, uint32_t field_id)
{
    const Armpb__Key *key = primary_key(schema);

    for (size_t i = 0; key != NULL && i < key->n_field_ids; i++) {
        if (key->field_ids[i] == field_id) {
            return true;
        }
    }
    return false;
}

/* What columns of both kinds have. */
static arm_status push_field(struct arm_rows *rows, const Armpb__Field *field,
                             struct arm_error *err)
{
    enum { TYPE_BYTES_MAX = 1 << 24 };
    struct arm_buf type = ARM_BUF_INIT(TYPE_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__type_sql(field->type, &type, err));
    ARM_TRY(arm__buf_u8(&type, 0, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, SCHEMA_COLUMN), field->name, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, SCHEMA_TYPE), (const char *)type.data, err));
    ARM_TRY(arm__rows_u32(arm__rows_column(rows, SCHEMA_ID), field->id, err));
done:
    arm__buf_release(&type);
    return st;
}

static arm_status push_stored(struct arm_rows *rows, const Armpb__Schema *schema,
                              const Armpb__Column *column, struct arm_error *err)
{
    bool is_key = is_key_column(schema, column->field->id);
    arm_status st = ARM_OK;

    ARM_TRY(push_field(rows, column->field, err));
    ARM_TRY(
        arm__rows_bool(arm__rows_column(rows, SCHEMA_NULLABLE), !column->not_null && !is_key, err));
    ARM_TRY(arm__rows_bool(arm__rows_column(rows, SCHEMA_KEY), is_key, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, SCHEMA_DEFAULT), column->default_sql, err));
    arm__rows_end_row(rows);
done:
    return st;
}

/* In the place of a default stands what SQL says of it. */
static arm_status push_generated(struct arm_rows *rows, const Armpb__Generated *generated,
                                 struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(SIZE_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(push_field(rows, generated->field, err));
    ARM_TRY(arm__buf_printf(&text, err, "GENERATED ALWAYS AS (%s)", generated->sql));
    ARM_TRY(arm__buf_u8(&text, 0, err));
    ARM_TRY(arm__rows_bool(arm__rows_column(rows, SCHEMA_NULLABLE), true, err));
    ARM_TRY(arm__rows_bool(arm__rows_column(rows, SCHEMA_KEY), false, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, SCHEMA_DEFAULT), (const char *)text.data, err));
    arm__rows_end_row(rows);
done:
    arm__buf_release(&text);
    return st;
}

/* The table as it is now, or at a ref, `version:N` included. */
static arm_status find_table(struct arm_session *session, const char *table, const char *at,
                             struct arm_table_info *out, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__session_catalog(session);
    struct arm_snapshot now;
    char schema_name[256];
    char name[256];
    bool found = true;
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_name_parse(table, schema_name, name, err));
    ARM_TRY(arm__session_snapshot(session, NULL, &now, err));
    if (at != NULL) {
        ARM_TRY(arm__catalog_table_at(catalog, &now, schema_name, name, at, out, err));
    } else {
        ARM_TRY(arm__catalog_table(catalog, &now, schema_name, name, out, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" on branch \"%s\"", name,
                       now.branch);
    } else if (!arm__object_is_versioned(out->row.object)) {
        st = arm__fail(err, ARM_INVALID, "\"%s\" is a %s: it has no columns", name,
                       arm__object_word(out->row.object));
    }
done:
    return st;
}

arm_status arm_schema(arm_session *session, const char *table, const char *at,
                      struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_table_info info = {0};
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(find_table(session, table, at, &info, err));
    ARM_TRY(arm__rows_new(schema_fields, sizeof schema_fields / sizeof *schema_fields, &rows, err));
    for (size_t i = 0; i < arm__schema_width(info.schema); i++) {
        const Armpb__Generated *generated = arm__schema_generated_at(info.schema, i);

        if (generated != NULL) {
            ARM_TRY(push_generated(rows, generated, err));
        } else {
            ARM_TRY(push_stored(rows, info.schema,
                                info.schema->columns[arm__schema_stored_at(info.schema, i)], err));
        }
    }
    st = arm__rows_stream(rows, out, err);
    rows = NULL;
done:
    arm__rows_free(rows);
    arm__table_info_release(&info);
    return st;
}
