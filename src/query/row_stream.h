/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_ROW_STREAM_H
#define ARM_QUERY_ROW_STREAM_H

/* Rows in memory as an Arrow stream, a batch for each chunk that was added. It holds nothing of the
 * session. */

#include "query/session.h"

struct arm_row_stream;
arm_status arm__row_stream_new(struct arm_duck_connection *connection, const Armpb__Schema *schema,
                               struct arm_row_stream **out, struct arm_error *err);
void arm__row_stream_free(struct arm_row_stream *stream); /* NULL is accepted */
/* Of its columns; borrowed. */
duckdb_logical_type *arm__row_stream_types(struct arm_row_stream *stream);
/* `*chunk`, whose columns are the schema's, is taken, and NULL afterwards. */
arm_status arm__row_stream_add(struct arm_row_stream *stream, duckdb_data_chunk *chunk,
                               struct arm_error *err);
/* `stream` is taken. */
void arm__row_stream_start(struct arm_row_stream *stream, struct ArrowArrayStream *out);

#endif
