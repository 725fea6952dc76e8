/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a table, and the Arrow schema of one. */

#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"
#include "adbc/sql_text.h"

/* Names are the same whatever their case, as everywhere in SQL here. */
static const char find_sql[] =
    "SELECT 'found' FROM (SELECT database_name AS c, schema_name AS s, table_name AS t "
    "FROM duckdb_tables() UNION ALL SELECT database_name, schema_name, view_name "
    "FROM duckdb_views()) WHERE lower(c) = lower($c) AND lower(s) = lower($s) "
    "AND lower(t) = lower($t) LIMIT 1";

static bool is_given(const char *name)
{
    return name != NULL && name[0] != '\0';
}

static AdbcStatusCode write_name(const char *const *parts, size_t count, char **out,
                                 struct AdbcError *error)
{
    struct arm_adbc_words words = {0};

    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            arm__adbc_add(&words, ".");
        }
        arm__adbc_add_name(&words, parts[i]);
    }
    return arm__adbc_words_end(&words, out, error);
}

AdbcStatusCode arm__adbc_find_table(struct arm_adbc_connection *connection,
                                    const struct arm_adbc_table *table, bool with_catalog,
                                    char **out_name, bool *out_exists, struct AdbcError *error)
{
    const char *catalog = is_given(table->catalog) ? table->catalog : ARM_ADBC_CATALOG;
    char *schema = NULL;
    char *found = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (!with_catalog && strcmp(catalog, ARM_ADBC_CATALOG) != 0) {
        return arm__adbc_fail(error, ADBC_STATUS_NOT_FOUND, "3D000",
                              "there is no catalog %s: a repository is one, " ARM_ADBC_CATALOG,
                              catalog);
    }
    if (is_given(table->schema)) {
        ADBC_TRY(arm__adbc_replace(&schema, table->schema, error));
    } else {
        ADBC_TRY(arm__adbc_ask(connection, "SELECT current_schema()", NULL, 0, &schema, error));
    }
    const char *const parts[] = {catalog, schema, table->name};
    const struct arm_adbc_text texts[] = {{.name = "c", .text = catalog},
                                          {.name = "s", .text = schema},
                                          {.name = "t", .text = table->name}};

    ADBC_TRY(arm__adbc_ask(connection, find_sql, texts, 3, &found, error));
    *out_exists = found != NULL;
    st = with_catalog ? write_name(parts, 3, out_name, error)
                      : write_name(parts + 1, 2, out_name, error);
done:
    free(schema);
    free(found);
    return st;
}

static AdbcStatusCode read_schema(struct arm_adbc_connection *connection, const char *name,
                                  struct ArrowSchema *out, struct AdbcError *error)
{
    struct ArrowArrayStream rows = {0};
    struct arm_adbc_words words = {0};
    struct arm_error err = {0};
    char *sql = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc;

    arm__adbc_add(&words, "SELECT * FROM ");
    arm__adbc_add(&words, name);
    arm__adbc_add(&words, " LIMIT 0");
    ADBC_TRY(arm__adbc_words_end(&words, &sql, error));
    if (arm_sql(connection->session, sql, NULL, &rows, NULL, &err) != ARM_OK) {
        st = arm__adbc_fail_arm(error, &err);
        goto done;
    }
    rc = rows.get_schema(&rows, out);
    if (rc != 0) {
        st = arm__adbc_stream_failed(&rows, rc, error);
    }
done:
    arm__adbc_stream_release(&rows);
    free(sql);
    return st;
}

AdbcStatusCode arm__adbc_get_table_schema(struct AdbcConnection *handle, const char *catalog,
                                          const char *db_schema, const char *table_name,
                                          struct ArrowSchema *schema, struct AdbcError *error)
{
    const struct arm_adbc_table table = {
        .catalog = catalog, .schema = db_schema, .name = table_name};
    struct arm_adbc_connection *connection = NULL;
    char *name = NULL;
    bool exists = false;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (table_name == NULL || schema == NULL) {
        return arm__adbc_fail_null(error, table_name == NULL ? "table_name" : "schema");
    }
    st = arm__adbc_connection_enter(handle, &connection, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    ADBC_TRY(arm__adbc_begin(connection, false, NULL, error));
    ADBC_TRY(arm__adbc_find_table(connection, &table, true, &name, &exists, error));
    if (!exists) {
        st = arm__adbc_fail(error, ADBC_STATUS_NOT_FOUND, "42P01", "there is no table %s", name);
        goto done;
    }
    st = read_schema(connection, name, schema, error);
done:
    free(name);
    arm__adbc_connection_unlock(connection);
    return st;
}
