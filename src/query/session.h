/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_SESSION_H
#define ARM_QUERY_SESSION_H

/* Sessions: a branch, a connection made with the first statement, results as Arrow streams,
 * data in and out. What api/ calls after checking arguments.
 *
 * Q1  A result stream keeps alive what it needs (connection, snapshot, repository): it outlives
 *     its session and handle.
 * Q2  A stream is consumed in constant memory; the session's next statement first finishes
 *     reading an open one into memory, bounded by DuckDB's limit and spill.
 * Q3  Import, export and write go through the same writer and transaction as SQL. */

#include "duck/duck.h"
#include "model/table_name.h"

/* What all sessions of one repository handle share: repository, engine (opened by the first
 * statement). Counted: sessions and streams retain it. */
struct arm_host;
struct arm_host_options {
    struct arm_engine_options engine;
    bool read_only;
    bool upkeep; /* hot rows are flushed as the process commits: upkeep.h */
};
arm_status arm__host_new(struct arm_repository *repository, const struct arm_host_options *options,
                         struct arm_host **out, struct arm_error *err); /* takes repository */
struct arm_host *arm__host_retain(struct arm_host *host);
void arm__host_drop(struct arm_host *host); /* closes the repository with the last */
struct arm_repository *arm__host_repository(struct arm_host *host);

struct arm_query_session;
/* `read_only`: it reads alone, even where the host writes. */
arm_status arm__session_open(struct arm_host *host, const char *branch, bool read_only,
                             struct arm_query_session **out, struct arm_error *err);
void arm__session_close(struct arm_query_session *session); /* NULL is accepted */
/* Counted: a stream and a transaction's handle outlive the one who closes the session. */
struct arm_query_session *arm__session_retain(struct arm_query_session *session);
void arm__session_drop(struct arm_query_session *session);
const char *arm__session_branch(const struct arm_query_session *session);
uint64_t arm__session_last_tx(const struct arm_query_session *session);
bool arm__session_in_transaction(struct arm_query_session *session);
void arm__session_interrupt(struct arm_query_session *session);
double arm__session_progress(struct arm_query_session *session);

/* Contracts as in armillaria.h. */
arm_status arm__session_sql(struct arm_query_session *session, const char *sql,
                            const struct arm_sql_options *options, struct ArrowArrayStream *out,
                            const char **out_tail, struct arm_error *err);
arm_status arm__session_write(struct arm_query_session *session, const char *table,
                              struct ArrowArrayStream *stream,
                              const struct arm_write_options *options, struct arm_write_result *out,
                              struct arm_error *err);
arm_status arm__session_import(struct arm_query_session *session, const char *table,
                               const char *const *paths, size_t path_count,
                               const struct arm_write_options *options,
                               struct arm_write_result *out, struct arm_error *err);
arm_status arm__session_export(struct arm_query_session *session, const char *table,
                               const char *path, const struct arm_export_options *options,
                               uint64_t *out_rows, struct arm_error *err);
arm_status arm__arrow_write_file(struct ArrowArrayStream *stream, const char *path,
                                 uint64_t *out_rows, struct arm_error *err);

struct arm_compact_report; /* table/compact.h */
arm_status arm__session_compact(struct arm_query_session *session, const char *table,
                                arm_progress *progress, void *context,
                                struct arm_compact_report *out, struct arm_error *err);

#endif
