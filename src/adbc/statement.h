/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_STATEMENT_H
#define ARM_ADBC_STATEMENT_H

/* A statement: a query, or a table to take rows into; what is bound to it; and its options. */

#include "adbc/adbc_private.h"
#include "adbc/sql_text.h"

/* A mode of our own: rows take the place of those with their key. */
#define ARM_ADBC_MODE_UPSERT "adbc.armillaria.ingest.mode.upsert"

struct arm_adbc_ingest {
    char *table; /* NULL: the statement is a query */
    char *schema;
    char *catalog;
    char *mode; /* NULL: create */
    char *key;
    bool temporary;
};

struct arm_adbc_statement {
    struct arm_adbc_connection *connection; /* counted */
    pthread_mutex_t options; /* guards what is set against who asks for it; innermost */
    char *sql;               /* NULL: none */
    struct arm_adbc_parameters parameters; /* of `sql` */
    struct arm_adbc_ingest ingest;
    struct ArrowArrayStream bound; /* released: nothing is */
    bool by_name;                  /* bound columns are parameters of their name */
    char *at;                      /* a ref; NULL: now */
    char *message;
    double timeout_s; /* 0: none */
    struct arm_adbc_work *work;
};

AdbcStatusCode arm__adbc_statement_new(struct AdbcConnection *connection,
                                       struct AdbcStatement *statement, struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_release(struct AdbcStatement *statement,
                                           struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_cancel(struct AdbcStatement *statement, struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_set_sql(struct AdbcStatement *statement, const char *sql,
                                           struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_prepare(struct AdbcStatement *statement,
                                           struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_bind(struct AdbcStatement *statement, struct ArrowArray *values,
                                        struct ArrowSchema *schema, struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_bind_stream(struct AdbcStatement *statement,
                                               struct ArrowArrayStream *stream,
                                               struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_parameter_schema(struct AdbcStatement *statement,
                                                    struct ArrowSchema *schema,
                                                    struct AdbcError *error);
/* INVALID_STATE if it was never made, or is released. */
AdbcStatusCode arm__adbc_statement_enter(struct AdbcStatement *handle,
                                         struct arm_adbc_statement **out, struct AdbcError *error);

/* statement_options.c */
AdbcStatusCode arm__adbc_statement_set(struct AdbcStatement *statement, const char *key,
                                       const struct arm_adbc_value *value, struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_get(struct AdbcStatement *statement, const char *key,
                                       struct arm_adbc_answer *answer, struct AdbcError *error);

/* execute.c */
AdbcStatusCode arm__adbc_statement_execute(struct AdbcStatement *statement,
                                           struct ArrowArrayStream *out, int64_t *rows_affected,
                                           struct AdbcError *error);
AdbcStatusCode arm__adbc_statement_schema(struct AdbcStatement *statement,
                                          struct ArrowSchema *schema, struct AdbcError *error);

/* One execution. */
struct arm_adbc_run {
    struct arm_adbc_statement *statement;
    struct arm_adbc_connection *connection; /* locked */
    struct arm_adbc_token token;
    bool is_query; /* of arm__adbc_sql_kind */
};
/* What the library said, as it is told of this run: its time may be over. */
AdbcStatusCode arm__adbc_run_failed(const struct arm_adbc_run *run, const struct arm_error *err,
                                    struct AdbcError *error);

/* ingest.c: take what is bound into the target table; -1: `*out_rows` is not known. */
AdbcStatusCode arm__adbc_ingest(const struct arm_adbc_run *run, int64_t *out_rows,
                                struct AdbcError *error);
void arm__adbc_ingest_release(struct arm_adbc_ingest *ingest);

/* bound.c: whether a batch that is bound has `column_count` columns, each with the rows it says. */
bool arm__adbc_is_sound(const struct ArrowArray *batch, int64_t column_count);
/* bound.c: run once for each row that is bound. `out` gets the rows of all of them, `*out_rows` the
 * sum of the changed ones (-1: none were counted). */
AdbcStatusCode arm__adbc_run_bound(const struct arm_adbc_run *run, struct ArrowArrayStream *out,
                                   int64_t *out_rows, struct AdbcError *error);
/* execute.c: run once. `parameters` (NULL: none) is taken. */
AdbcStatusCode arm__adbc_run_once(const struct arm_adbc_run *run,
                                  struct ArrowArrayStream *parameters, struct ArrowArrayStream *out,
                                  int64_t *out_rows, struct AdbcError *error);
/* execute.c: a stream of the query's columns and of no row; its parameters are null. INVALID_STATE
 * or NOT_IMPLEMENTED if it is no query. */
AdbcStatusCode arm__adbc_run_for_shape(const struct arm_adbc_run *run, struct ArrowArrayStream *out,
                                       struct AdbcError *error);
/* statement.c: a stream of one row of nulls: a parameter each. */
AdbcStatusCode arm__adbc_null_row(const struct arm_adbc_parameters *parameters,
                                  struct ArrowArrayStream *out, struct AdbcError *error);

#endif
