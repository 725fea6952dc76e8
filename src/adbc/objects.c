/* SPDX-License-Identifier: Apache-2.0 */
/* What there is in a repository: catalogs, schemas, tables, columns and constraints, nested as ADBC
 * wants them. One query of the session builds it, so that it shows what the open transaction
 * sees; its rows leave under ADBC's schema, whose layout they have. */

#include <nanoarrow/nanoarrow.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"
#include "adbc/sql_text.h"

/* ---- ADBC's schema ---- */

struct field {
    const char *name;
    const char *format;
    bool required;
    size_t count;
    const struct field *children;
};

#define CHILDREN(fields) .count = sizeof(fields) / sizeof((fields)[0]), .children = (fields)

static const struct field usage_fields[] = {
    {.name = "fk_catalog", .format = "u"},
    {.name = "fk_db_schema", .format = "u"},
    {.name = "fk_table", .format = "u", .required = true},
    {.name = "fk_column_name", .format = "u", .required = true},
};
static const struct field usage_item[] = {{.name = "item", .format = "+s", CHILDREN(usage_fields)}};
static const struct field text_item[] = {{.name = "item", .format = "u"}};
static const struct field constraint_fields[] = {
    {.name = "constraint_name", .format = "u"},
    {.name = "constraint_type", .format = "u", .required = true},
    {.name = "constraint_column_names", .format = "+l", .required = true, CHILDREN(text_item)},
    {.name = "constraint_column_usage", .format = "+l", CHILDREN(usage_item)},
};
static const struct field column_fields[] = {
    {.name = "column_name", .format = "u", .required = true},
    {.name = "ordinal_position", .format = "i"},
    {.name = "remarks", .format = "u"},
    {.name = "xdbc_data_type", .format = "s"},
    {.name = "xdbc_type_name", .format = "u"},
    {.name = "xdbc_column_size", .format = "i"},
    {.name = "xdbc_decimal_digits", .format = "s"},
    {.name = "xdbc_num_prec_radix", .format = "s"},
    {.name = "xdbc_nullable", .format = "s"},
    {.name = "xdbc_column_def", .format = "u"},
    {.name = "xdbc_sql_data_type", .format = "s"},
    {.name = "xdbc_datetime_sub", .format = "s"},
    {.name = "xdbc_char_octet_length", .format = "i"},
    {.name = "xdbc_is_nullable", .format = "u"},
    {.name = "xdbc_scope_catalog", .format = "u"},
    {.name = "xdbc_scope_schema", .format = "u"},
    {.name = "xdbc_scope_table", .format = "u"},
    {.name = "xdbc_is_autoincrement", .format = "b"},
    {.name = "xdbc_is_generatedcolumn", .format = "b"},
};
static const struct field column_item[] = {
    {.name = "item", .format = "+s", CHILDREN(column_fields)}};
static const struct field constraint_item[] = {
    {.name = "item", .format = "+s", CHILDREN(constraint_fields)}};
static const struct field table_fields[] = {
    {.name = "table_name", .format = "u", .required = true},
    {.name = "table_type", .format = "u", .required = true},
    {.name = "table_columns", .format = "+l", CHILDREN(column_item)},
    {.name = "table_constraints", .format = "+l", CHILDREN(constraint_item)},
};
static const struct field table_item[] = {{.name = "item", .format = "+s", CHILDREN(table_fields)}};
static const struct field schema_fields[] = {
    {.name = "db_schema_name", .format = "u"},
    {.name = "db_schema_tables", .format = "+l", CHILDREN(table_item)},
};
static const struct field schema_item[] = {
    {.name = "item", .format = "+s", CHILDREN(schema_fields)}};
static const struct field catalog_fields[] = {
    {.name = "catalog_name", .format = "u"},
    {.name = "catalog_db_schemas", .format = "+l", CHILDREN(schema_item)},
};
static const struct field objects_field = {
    .name = "", .format = "+s", .required = true, CHILDREN(catalog_fields)};

static int make_field(const struct field *field, struct ArrowSchema *out)
{
    ArrowSchemaInit(out);
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetFormat(out, field->format));
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetName(out, field->name));
    out->flags = field->required ? 0 : ARROW_FLAG_NULLABLE;
    NANOARROW_RETURN_NOT_OK(ArrowSchemaAllocateChildren(out, (int64_t)field->count));
    for (size_t i = 0; i < field->count; i++) {
        NANOARROW_RETURN_NOT_OK(make_field(&field->children[i], out->children[i]));
    }
    return NANOARROW_OK;
}

/* Whether rows of one schema can leave under the other: settings of the session change layouts. */
static bool has_layout(const struct ArrowSchema *schema, const struct field *field)
{
    bool has = schema->format != NULL && strcmp(schema->format, field->format) == 0 &&
               schema->dictionary == NULL && (size_t)schema->n_children == field->count;

    for (size_t i = 0; has && i < field->count; i++) {
        has = has_layout(schema->children[i], &field->children[i]);
    }
    return has;
}

/* ---- The query ---- */

/* Of the catalogs only the repository's, and that of temporary tables where there are some. What
 * the depth does not ask for is not looked up: its condition is folded to false. */
static const char objects_sql[] =
    "WITH tabs AS (SELECT database_name AS c, schema_name AS s, table_name AS t, "
    "CASE WHEN temporary THEN 'LOCAL TEMPORARY' ELSE 'BASE TABLE' END AS k "
    "FROM duckdb_tables() WHERE NOT internal "
    "UNION ALL SELECT database_name, schema_name, view_name, 'VIEW' "
    "FROM duckdb_views() WHERE NOT internal), "

    "cats AS (SELECT database_name AS c FROM duckdb_databases() "
    "WHERE (type = 'armillaria' "
    "OR (database_name = 'temp' AND EXISTS (FROM tabs WHERE tabs.c = 'temp'))) "
    "AND ($catalog IS NULL OR database_name LIKE $catalog)), "

    "cols AS (SELECT database_name AS c, schema_name AS s, table_name AS t, list({"
    "column_name: column_name, ordinal_position: column_index::INTEGER, "
    "remarks: comment::VARCHAR, xdbc_data_type: NULL::SMALLINT, xdbc_type_name: data_type, "
    "xdbc_column_size: coalesce(numeric_precision, character_maximum_length)::INTEGER, "
    "xdbc_decimal_digits: numeric_scale::SMALLINT, "
    "xdbc_num_prec_radix: numeric_precision_radix::SMALLINT, "
    "xdbc_nullable: is_nullable::SMALLINT, xdbc_column_def: column_default::VARCHAR, "
    "xdbc_sql_data_type: NULL::SMALLINT, xdbc_datetime_sub: NULL::SMALLINT, "
    "xdbc_char_octet_length: NULL::INTEGER, "
    "xdbc_is_nullable: CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END, "
    "xdbc_scope_catalog: NULL::VARCHAR, xdbc_scope_schema: NULL::VARCHAR, "
    "xdbc_scope_table: NULL::VARCHAR, xdbc_is_autoincrement: NULL::BOOLEAN, "
    "xdbc_is_generatedcolumn: NULL::BOOLEAN} ORDER BY column_index) AS columns "
    "FROM duckdb_columns() WHERE $depth = 'columns' AND NOT internal "
    "AND ($column IS NULL OR column_name LIKE $column) GROUP BY 1, 2, 3), "

    "cons AS (SELECT database_name AS c, schema_name AS s, table_name AS t, list({"
    "constraint_name: constraint_name, constraint_type: constraint_type::VARCHAR, "
    "constraint_column_names: coalesce(constraint_column_names, []::VARCHAR[]), "
    "constraint_column_usage: CASE WHEN constraint_type = 'FOREIGN KEY' THEN "
    "list_transform(referenced_column_names, lambda x: {fk_catalog: database_name, "
    "fk_db_schema: schema_name, fk_table: referenced_table, fk_column_name: x}) END} "
    "ORDER BY constraint_index) AS constraints FROM duckdb_constraints() "
    "WHERE $depth = 'columns' AND constraint_type <> 'NOT NULL' GROUP BY 1, 2, 3), "

    "tables AS (SELECT c, s, list({table_name: t, table_type: k, "
    "table_columns: CASE WHEN $depth = 'columns' THEN coalesce(columns, []) END, "
    "table_constraints: CASE WHEN $depth = 'columns' THEN coalesce(constraints, []) END} "
    "ORDER BY t) AS tables FROM tabs LEFT JOIN cols USING (c, s, t) "
    "LEFT JOIN cons USING (c, s, t) WHERE $depth IN ('tables', 'columns') "
    "AND ($table IS NULL OR t LIKE $table) "
    "AND ($types IS NULL OR list_contains(string_split($types, chr(31)), k)) GROUP BY c, s), "

    "schemas AS (SELECT database_name AS c, list({db_schema_name: schema_name, "
    "db_schema_tables: CASE WHEN $depth IN ('tables', 'columns') "
    "THEN coalesce(tables, []) END} ORDER BY schema_name) AS schemas "
    "FROM duckdb_schemas() LEFT JOIN tables ON (database_name = c AND schema_name = s) "
    "WHERE $depth <> 'catalogs' AND ($schema IS NULL OR schema_name LIKE $schema) GROUP BY 1) "

    "SELECT c AS catalog_name, CASE WHEN $depth <> 'catalogs' THEN coalesce(schemas, []) END "
    "AS catalog_db_schemas FROM cats LEFT JOIN schemas USING (c) ORDER BY c";

/* Types of tables, between the character that separates units; NULL: all of them. */
static AdbcStatusCode join_types(const char **types, char **out, struct AdbcError *error)
{
    struct arm_adbc_words words = {0};

    if (types == NULL) {
        return ADBC_STATUS_OK;
    }
    arm__adbc_add(&words, ""); /* none at all: no table has it */
    for (size_t i = 0; types[i] != NULL; i++) {
        arm__adbc_add(&words, i == 0 ? "" : "\x1f");
        arm__adbc_add(&words, types[i]);
    }
    return arm__adbc_words_end(&words, out, error);
}

static AdbcStatusCode depth_name(int depth, const char **out, struct AdbcError *error)
{
    static const char *const names[] = {
        [ADBC_OBJECT_DEPTH_ALL] = "columns",
        [ADBC_OBJECT_DEPTH_CATALOGS] = "catalogs",
        [ADBC_OBJECT_DEPTH_DB_SCHEMAS] = "schemas",
        [ADBC_OBJECT_DEPTH_TABLES] = "tables",
    };

    if (depth < 0 || (size_t)depth >= sizeof names / sizeof names[0]) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "depth %d is none of ADBC's", depth);
    }
    *out = names[depth];
    return ADBC_STATUS_OK;
}

/* ---- Asking ---- */

/* Takes `rows`, whatever happens. */
static AdbcStatusCode give(struct arm_adbc_connection *connection, struct ArrowArrayStream *rows,
                           const struct arm_adbc_token *token, struct ArrowArrayStream *out,
                           struct AdbcError *error)
{
    struct ArrowSchema found = {0};
    struct ArrowSchema schema = {0};
    const struct arm_adbc_result_options options = {
        .work = connection->work, .token = *token, .schema = &schema};
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc = rows->get_schema(rows, &found);

    if (rc != 0) {
        st = arm__adbc_stream_failed(rows, rc, error);
    } else if (!has_layout(&found, &objects_field)) {
        st = arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, NULL,
                            "a setting of the session gives other Arrow types than ADBC wants: "
                            "RESET those that begin with arrow_ or produce_arrow_");
    } else if (make_field(&objects_field, &schema) != NANOARROW_OK) {
        st = arm__adbc_fail_memory(error);
    } else {
        st = arm__adbc_result(connection, rows, &options, out, error);
    }
    arm__adbc_stream_release(rows);
    arm__adbc_schema_release(&found);
    arm__adbc_schema_release(&schema);
    return st;
}

static AdbcStatusCode ask(struct arm_adbc_connection *connection, const struct arm_adbc_text *texts,
                          size_t count, struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct ArrowArrayStream parameters = {0};
    struct ArrowArrayStream rows = {0};
    struct arm_sql_options options = {.size = sizeof options, .parameters = &parameters};
    struct arm_adbc_token token;
    struct arm_error err = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;

    arm__adbc_begin_work(connection, connection->work, &token);
    arm__adbc_begin_call(connection, connection->work);
    ADBC_TRY(arm__adbc_begin(connection, false, NULL, error));
    ADBC_TRY(arm__adbc_texts(texts, count, &parameters, error));
    if (arm_sql(connection->session, objects_sql, &options, &rows, NULL, &err) != ARM_OK) {
        st = arm__adbc_fail_arm(error, &err);
        goto done;
    }
    ADBC_TRY(give(connection, &rows, &token, out, error));
done:
    arm__adbc_end_call(connection, connection->work);
    arm__adbc_end_work(connection, connection->work);
    return st;
}

AdbcStatusCode arm__adbc_get_objects(struct AdbcConnection *handle, int depth, const char *catalog,
                                     const char *db_schema, const char *table_name,
                                     const char **table_type, const char *column_name,
                                     struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = NULL;
    const char *depth_text = NULL;
    char *types = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (out == NULL) {
        return arm__adbc_fail_null(error, "out");
    }
    st = arm__adbc_connection_enter(handle, &connection, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    ADBC_TRY(depth_name(depth, &depth_text, error));
    ADBC_TRY(join_types(table_type, &types, error));
    const struct arm_adbc_text texts[] = {
        {.name = "depth", .text = depth_text}, {.name = "catalog", .text = catalog},
        {.name = "schema", .text = db_schema}, {.name = "table", .text = table_name},
        {.name = "types", .text = types},      {.name = "column", .text = column_name},
    };

    ADBC_TRY(ask(connection, texts, sizeof texts / sizeof texts[0], out, error));
done:
    free(types);
    arm__adbc_connection_unlock(connection);
    return st;
}
