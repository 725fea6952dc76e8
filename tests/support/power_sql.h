/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_SQL_H
#define ARM_TESTS_SUPPORT_POWER_SQL_H

/* SQL, writes of Arrow streams and row calls on the repository of a power play, and what it holds
 * as SQL shows it. The session is the product's own (query/), on an engine that many plays share.
 *
 * Tables of the steps that take no SQL have the columns id BIGINT, the primary key, and v VARCHAR.
 * Numbers of sequences differ after a crash, which may leave a gap: columns that are called
 * `serial` are told by how many they are, and held to be never twice. */

#include "query/session.h"

struct power_sql;

/* `repository` and `engine` (known to arm__duck_register) are borrowed. */
arm_status power_sql_open(struct arm_repository *repository, struct arm_engine *engine,
                          struct power_sql **out, struct arm_error *err);
void power_sql_close(struct power_sql *sql); /* NULL is accepted */

/* Statements, one after the other, up to the first that fails; what it had open is rolled back. */
arm_status power_sql_run(struct power_sql *sql, const char *text, struct arm_error *err);
/* The number that `text`, one SELECT, gives. */
arm_status power_sql_number(struct power_sql *sql, const char *text, int64_t *out,
                            struct arm_error *err);

/* Rows `from` .. `to` - 1, v being `v`, into a table by arm_write. */
arm_status power_sql_write(struct power_sql *sql, const char *table, arm_write_mode mode,
                           int64_t from, int64_t to, const char *v, struct arm_error *err);
/* One serializable transaction of row calls: rows `from` .. `to` - 1 are got, put with another v,
 * the first of them is deleted, and the one behind them is put. */
arm_status power_sql_row_calls(struct power_sql *sql, const char *table, int64_t from, int64_t to,
                               struct arm_error *err);

/* Schemas, tables with their columns and constraints, views, sequences; versions and rows. */
void power_sql_tell(struct power_sql *sql, struct arm_buf *out);

/* Every key of every table is found, one that is there is refused, one that is not is taken; NULL,
 * or what is wrong. Changes nothing. */
const char *power_sql_check_keys(struct power_sql *sql);

#endif
