/* SPDX-License-Identifier: Apache-2.0 */
/* The two doors that a driver manager looks for, and the table of calls behind them. */

#include <stddef.h>

#include "adbc/adbc_private.h"
#include "adbc/option_calls.h"
#include "adbc/statement.h"

/* The names are ADBC's. */
__attribute__((visibility("default"))) AdbcStatusCode AdbcArmillariaInit(int version,
                                                                         void *raw_driver,
                                                                         struct AdbcError *error);
__attribute__((visibility("default"))) AdbcStatusCode AdbcDriverInit(int version, void *raw_driver,
                                                                     struct AdbcError *error);

/* ---- What there is not ---- */

static AdbcStatusCode refuse(struct AdbcError *error, const char *what)
{
    return arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "0A000", "there are no %s here",
                          what);
}

static AdbcStatusCode refuse_read_partition(struct AdbcConnection *connection,
                                            const uint8_t *partition, size_t length,
                                            struct ArrowArrayStream *out, struct AdbcError *error)
{
    (void)connection;
    (void)partition;
    (void)length;
    (void)out;
    return refuse(error, "partitions");
}

static AdbcStatusCode refuse_partitions(struct AdbcStatement *statement, struct ArrowSchema *schema,
                                        struct AdbcPartitions *partitions, int64_t *rows_affected,
                                        struct AdbcError *error)
{
    (void)statement;
    (void)schema;
    (void)partitions;
    (void)rows_affected;
    return refuse(error, "partitions");
}

static AdbcStatusCode refuse_substrait(struct AdbcStatement *statement, const uint8_t *plan,
                                       size_t length, struct AdbcError *error)
{
    (void)statement;
    (void)plan;
    (void)length;
    return refuse(error, "Substrait plans");
}

static AdbcStatusCode refuse_statistics(struct AdbcConnection *connection, const char *catalog,
                                        const char *db_schema, const char *table_name,
                                        char approximate, struct ArrowArrayStream *out,
                                        struct AdbcError *error)
{
    (void)connection;
    (void)catalog;
    (void)db_schema;
    (void)table_name;
    (void)approximate;
    (void)out;
    return refuse(error, "statistics");
}

static AdbcStatusCode refuse_statistic_names(struct AdbcConnection *connection,
                                             struct ArrowArrayStream *out, struct AdbcError *error)
{
    (void)connection;
    (void)out;
    return refuse(error, "statistics");
}

/* ---- The table ---- */

static AdbcStatusCode release_driver(struct AdbcDriver *driver, struct AdbcError *error)
{
    if (driver == NULL) {
        return arm__adbc_fail_null(error, "driver");
    }
    driver->private_data = NULL;
    driver->release = NULL;
    return ADBC_STATUS_OK;
}

/* What ADBC 1.0 has; `private_manager` is not ours. */
static void fill_1_0(struct AdbcDriver *driver)
{
    driver->private_data = NULL;
    driver->release = release_driver;
    driver->DatabaseNew = arm__adbc_database_new;
    driver->DatabaseInit = arm__adbc_database_init;
    driver->DatabaseSetOption = arm__adbc_database_set_text;
    driver->DatabaseRelease = arm__adbc_database_release;
    driver->ConnectionNew = arm__adbc_connection_new;
    driver->ConnectionInit = arm__adbc_connection_init;
    driver->ConnectionSetOption = arm__adbc_connection_set_text;
    driver->ConnectionRelease = arm__adbc_connection_release;
    driver->ConnectionCommit = arm__adbc_connection_commit;
    driver->ConnectionRollback = arm__adbc_connection_rollback;
    driver->ConnectionGetInfo = arm__adbc_get_info;
    driver->ConnectionGetObjects = arm__adbc_get_objects;
    driver->ConnectionGetTableSchema = arm__adbc_get_table_schema;
    driver->ConnectionGetTableTypes = arm__adbc_get_table_types;
    driver->ConnectionReadPartition = refuse_read_partition;
    driver->StatementNew = arm__adbc_statement_new;
    driver->StatementRelease = arm__adbc_statement_release;
    driver->StatementSetOption = arm__adbc_statement_set_text;
    driver->StatementSetSqlQuery = arm__adbc_statement_set_sql;
    driver->StatementSetSubstraitPlan = refuse_substrait;
    driver->StatementPrepare = arm__adbc_statement_prepare;
    driver->StatementBind = arm__adbc_statement_bind;
    driver->StatementBindStream = arm__adbc_statement_bind_stream;
    driver->StatementGetParameterSchema = arm__adbc_statement_parameter_schema;
    driver->StatementExecuteQuery = arm__adbc_statement_execute;
    driver->StatementExecutePartitions = refuse_partitions;
}

static void fill_1_1(struct AdbcDriver *driver)
{
    driver->ErrorGetDetailCount = arm__adbc_error_detail_count;
    driver->ErrorGetDetail = arm__adbc_error_detail;
    driver->ErrorFromArrayStream = arm__adbc_error_from_stream;
    driver->DatabaseGetOption = arm__adbc_database_get_text;
    driver->DatabaseGetOptionBytes = arm__adbc_database_get_bytes;
    driver->DatabaseGetOptionDouble = arm__adbc_database_get_real;
    driver->DatabaseGetOptionInt = arm__adbc_database_get_int;
    driver->DatabaseSetOptionBytes = arm__adbc_database_set_bytes;
    driver->DatabaseSetOptionDouble = arm__adbc_database_set_real;
    driver->DatabaseSetOptionInt = arm__adbc_database_set_int;
    driver->ConnectionCancel = arm__adbc_connection_cancel;
    driver->ConnectionGetOption = arm__adbc_connection_get_text;
    driver->ConnectionGetOptionBytes = arm__adbc_connection_get_bytes;
    driver->ConnectionGetOptionDouble = arm__adbc_connection_get_real;
    driver->ConnectionGetOptionInt = arm__adbc_connection_get_int;
    driver->ConnectionGetStatistics = refuse_statistics;
    driver->ConnectionGetStatisticNames = refuse_statistic_names;
    driver->ConnectionSetOptionBytes = arm__adbc_connection_set_bytes;
    driver->ConnectionSetOptionDouble = arm__adbc_connection_set_real;
    driver->ConnectionSetOptionInt = arm__adbc_connection_set_int;
    driver->StatementCancel = arm__adbc_statement_cancel;
    driver->StatementExecuteSchema = arm__adbc_statement_schema;
    driver->StatementGetOption = arm__adbc_statement_get_text;
    driver->StatementGetOptionBytes = arm__adbc_statement_get_bytes;
    driver->StatementGetOptionDouble = arm__adbc_statement_get_real;
    driver->StatementGetOptionInt = arm__adbc_statement_get_int;
    driver->StatementSetOptionBytes = arm__adbc_statement_set_bytes;
    driver->StatementSetOptionDouble = arm__adbc_statement_set_real;
    driver->StatementSetOptionInt = arm__adbc_statement_set_int;
}

AdbcStatusCode AdbcArmillariaInit(int version, void *raw_driver, struct AdbcError *error)
{
    if (version != ADBC_VERSION_1_0_0 && version != ADBC_VERSION_1_1_0) {
        return arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "0A000",
                              "ADBC revision %d: there are %d and %d", version, ADBC_VERSION_1_0_0,
                              ADBC_VERSION_1_1_0);
    }
    if (raw_driver == NULL) {
        return arm__adbc_fail_null(error, "driver");
    }
    fill_1_0(raw_driver);
    if (version == ADBC_VERSION_1_1_0) { /* a struct of 1.0 ends before */
        fill_1_1(raw_driver);
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcDriverInit(int version, void *raw_driver, struct AdbcError *error)
{
    return AdbcArmillariaInit(version, raw_driver, error);
}
