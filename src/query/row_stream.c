/* SPDX-License-Identifier: Apache-2.0 */
#include "query/row_stream.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "query/type_marks.h"
#include "table/types.h"

struct arm_row_stream {
    duckdb_arrow_options options;
    size_t column_count;
    duckdb_logical_type *types;
    char **names;
    size_t chunk_count;
    size_t next; /* chunk to be given */
    duckdb_data_chunk *chunks;
    char message[512];
};

void arm__row_stream_free(struct arm_row_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    for (size_t i = 0; i < stream->column_count; i++) {
        duckdb_destroy_logical_type(&stream->types[i]);
        arm__free(stream->names[i]);
    }
    for (size_t i = stream->next; i < stream->chunk_count; i++) {
        duckdb_destroy_data_chunk(&stream->chunks[i]);
    }
    if (stream->options != NULL) {
        duckdb_destroy_arrow_options(&stream->options);
    }
    arm__free(stream->types);
    arm__free(stream->names);
    arm__free(stream->chunks);
    arm__free(stream);
}

arm_status arm__row_stream_new(struct arm_duck_connection *connection, const Armpb__Schema *schema,
                               struct arm_row_stream **out, struct arm_error *err)
{
    struct arm_row_stream *stream = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *stream, &stream, err));
    ARM_TRY(arm__calloc(schema->n_columns, sizeof *stream->types, &stream->types, err));
    ARM_TRY(arm__calloc(schema->n_columns, sizeof(char *), &stream->names, err));
    duckdb_connection_get_arrow_options(arm__duck_handle(connection), &stream->options);
    for (size_t i = 0; i < schema->n_columns; i++) {
        const Armpb__Field *field = schema->columns[i]->field;

        stream->column_count++;
        ARM_TRY(arm__strdup(field->name, &stream->names[i], err));
        ARM_TRY(arm__type_to_duckdb(field->type, &stream->types[i], err));
    }
    *out = stream;
    stream = NULL;
done:
    arm__row_stream_free(stream);
    return st;
}

duckdb_logical_type *arm__row_stream_types(struct arm_row_stream *stream)
{
    return stream->types;
}

arm_status arm__row_stream_add(struct arm_row_stream *stream, duckdb_data_chunk *chunk,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&stream->chunks, stream->chunk_count + 1, sizeof *stream->chunks, err));
    stream->chunks[stream->chunk_count++] = *chunk;
    *chunk = NULL;
done:
    if (*chunk != NULL) {
        duckdb_destroy_data_chunk(chunk);
    }
    return st;
}

/* ---- The interface ---- */

static int told(struct arm_row_stream *stream, duckdb_error_data error)
{
    int rc = 0;

    if (error != NULL && duckdb_error_data_has_error(error)) {
        (void)snprintf(stream->message, sizeof stream->message, "%s",
                       duckdb_error_data_message(error));
        rc = EIO;
    }
    if (error != NULL) {
        duckdb_destroy_error_data(&error);
    }
    return rc;
}

static int give_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct arm_row_stream *stream = self->private_data;
    int rc = told(stream,
                  duckdb_to_arrow_schema(stream->options, stream->types,
                                         (const char **)stream->names, stream->column_count, out));

    for (size_t i = 0; rc == 0 && i < stream->column_count; i++) {
        arm__mark_type(stream->types[i], out->children[i]);
    }
    return rc;
}

static int give_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct arm_row_stream *stream = self->private_data;
    duckdb_data_chunk chunk;
    int rc;

    if (stream->next == stream->chunk_count) {
        *out = (struct ArrowArray){.release = NULL};
        return 0;
    }
    chunk = stream->chunks[stream->next++];
    rc = told(stream, duckdb_data_chunk_to_arrow(stream->options, chunk, out));
    duckdb_destroy_data_chunk(&chunk);
    return rc;
}

static const char *give_error(struct ArrowArrayStream *self)
{
    const struct arm_row_stream *stream = self->private_data;

    return stream->message[0] == '\0' ? NULL : stream->message;
}

static void release(struct ArrowArrayStream *self)
{
    arm__row_stream_free(self->private_data);
    self->release = NULL;
}

void arm__row_stream_start(struct arm_row_stream *stream, struct ArrowArrayStream *out)
{
    *out = (struct ArrowArrayStream){.get_schema = give_schema,
                                     .get_next = give_next,
                                     .get_last_error = give_error,
                                     .release = release,
                                     .private_data = stream};
}
