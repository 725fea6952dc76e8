/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Arrow streams. */

#include "arrow.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- Types ---- */

static bool is_text(const struct ArrowSchema *schema)
{
    return schema->format[0] == 'u' || schema->format[0] == 'U';
}

static bool is_time(const struct ArrowSchema *schema)
{
    return strncmp(schema->format, "tsu:", 4) == 0;
}

static arm_status check_type(const struct ArrowSchema *schema, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (schema->dictionary != NULL ||
        (strchr("nbcCsSiIlLfguU", schema->format[0]) == NULL && !is_time(schema) &&
         strcmp(schema->format, "+l") != 0 && strcmp(schema->format, "+m") != 0 &&
         strcmp(schema->format, "+s") != 0) ||
        (strlen(schema->format) > 1 && strchr("+t", schema->format[0]) == NULL)) {
        return cli_fail(err, ARM_UNSUPPORTED, "column %s: Arrow type %s cannot be shown",
                        schema->name == NULL ? "?" : schema->name, schema->format);
    }
    for (int64_t i = 0; st == ARM_OK && i < schema->n_children; i++) {
        st = check_type(schema->children[i], err);
    }
    return st;
}

static uint32_t take_u32(const char **at)
{
    uint32_t value = 0;

    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return value;
}

/* Metadata: a count of pairs, then key and value of each behind their lengths. */
bool cli_schema_marked(const struct ArrowSchema *schema, const char *key)
{
    const char *at = schema->metadata;
    uint32_t pairs = at == NULL ? 0 : take_u32(&at);

    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t key_size = take_u32(&at);
        bool is_key = key_size == strlen(key) && memcmp(at, key, key_size) == 0;
        uint32_t value_size = 0;

        at += key_size;
        value_size = take_u32(&at);
        if (is_key && value_size == 1 && *at == '1') {
            return true;
        }
        at += value_size;
    }
    return false;
}

/* ---- The stream ---- */

/* A stream tells an errno and a text. */
static arm_status stream_failed(struct cli_reader *reader, int error_number, struct arm_error *err)
{
    const char *why = reader->stream.get_last_error(&reader->stream);
    arm_status code = ARM_IO;

    switch (error_number) {
    case EINTR:
        code = ARM_INTERRUPTED;
        break;
    case ENOMEM:
        code = ARM_NO_MEMORY;
        break;
    case ENOSPC:
        code = ARM_FULL;
        break;
    default:
        break;
    }
    return cli_fail(err, code, "%s", why == NULL ? "the rows could not be read" : why);
}

arm_status cli_reader_open(struct ArrowArrayStream *stream, struct cli_reader *out,
                           struct arm_error *err)
{
    int rc = 0;
    arm_status st = ARM_OK;

    *out = (struct cli_reader){.stream = *stream};
    stream->release = NULL;
    rc = out->stream.get_schema(&out->stream, &out->schema);
    if (rc != 0) {
        out->schema.release = NULL;
        st = stream_failed(out, rc, err);
        goto done;
    }
    for (int64_t i = 0; i < out->schema.n_children; i++) {
        CLI_TRY(check_type(out->schema.children[i], err));
    }
done:
    if (st != ARM_OK) {
        cli_reader_close(out);
    }
    return st;
}

static void release_batch(struct cli_reader *reader)
{
    if (reader->batch.release != NULL) {
        reader->batch.release(&reader->batch);
        reader->batch.release = NULL;
    }
}

void cli_reader_close(struct cli_reader *reader)
{
    release_batch(reader);
    if (reader->schema.release != NULL) {
        reader->schema.release(&reader->schema);
    }
    if (reader->stream.release != NULL) {
        reader->stream.release(&reader->stream);
    }
    *reader = (struct cli_reader){0};
}

arm_status cli_reader_next(struct cli_reader *reader, bool *out_has_row, struct arm_error *err)
{
    while (reader->batch.release == NULL || reader->next_row == reader->batch.length) {
        int rc = 0;

        release_batch(reader);
        reader->next_row = 0;
        rc = reader->stream.get_next(&reader->stream, &reader->batch);
        if (rc != 0) {
            reader->batch.release = NULL;
            return stream_failed(reader, rc, err);
        }
        if (reader->batch.release == NULL) {
            *out_has_row = false;
            return ARM_OK;
        }
    }
    reader->next_row++;
    *out_has_row = true;
    return ARM_OK;
}

size_t cli_reader_column_count(const struct cli_reader *reader)
{
    return (size_t)reader->schema.n_children;
}

const char *cli_reader_column_name(const struct cli_reader *reader, size_t column)
{
    const char *name = reader->schema.children[column]->name;

    return name == NULL ? "" : name;
}

size_t cli_reader_find(const struct cli_reader *reader, const char *name)
{
    for (size_t i = 0; i < cli_reader_column_count(reader); i++) {
        if (strcmp(cli_reader_column_name(reader, i), name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* ---- Cells ---- */

struct cli_cell cli_reader_cell(const struct cli_reader *reader, size_t column)
{
    return (struct cli_cell){reader->schema.children[column], reader->batch.children[column],
                             reader->batch.offset + reader->next_row - 1};
}

static bool bit(const void *bits, int64_t at)
{
    return (((const uint8_t *)bits)[at / 8] >> (at % 8) & 1) != 0;
}

bool cli_cell_is_null(struct cli_cell cell)
{
    if (cell.schema->format[0] == 'n') {
        return true;
    }
    return cell.array->null_count != 0 && cell.array->buffers[0] != NULL &&
           !bit(cell.array->buffers[0], cell.array->offset + cell.row);
}

/* Offset number `at` of a text or list column. */
static int64_t offset_of(struct cli_cell cell, int64_t at)
{
    const void *offsets = cell.array->buffers[1];

    return cell.schema->format[0] == 'U' ? ((const int64_t *)offsets)[at]
                                         : ((const int32_t *)offsets)[at];
}

const char *cli_cell_text(struct cli_cell cell, size_t *out_size)
{
    int64_t at = cell.array->offset + cell.row;
    int64_t first = 0;

    assert(is_text(cell.schema));
    first = offset_of(cell, at);
    *out_size = (size_t)(offset_of(cell, at + 1) - first);
    return *out_size == 0 ? "" : (const char *)cell.array->buffers[2] + first;
}

int64_t cli_cell_integer(struct cli_cell cell)
{
    const void *values = cell.array->buffers[1];
    int64_t at = cell.array->offset + cell.row;

    switch (cell.schema->format[0]) {
    case 'b':
        return bit(values, at);
    case 'c':
        return ((const int8_t *)values)[at];
    case 'C':
        return ((const uint8_t *)values)[at];
    case 's':
        return ((const int16_t *)values)[at];
    case 'S':
        return ((const uint16_t *)values)[at];
    case 'i':
        return ((const int32_t *)values)[at];
    case 'I':
        return ((const uint32_t *)values)[at];
    case 'L':
        return (int64_t)((const uint64_t *)values)[at];
    default:
        return ((const int64_t *)values)[at]; /* 'l', "tsu:" */
    }
}

double cli_cell_real(struct cli_cell cell)
{
    int64_t at = cell.array->offset + cell.row;
    const void *values = cell.array->buffers[1];

    return cell.schema->format[0] == 'f' ? (double)((const float *)values)[at]
                                         : ((const double *)values)[at];
}

int64_t cli_cell_item_count(struct cli_cell cell)
{
    int64_t at = cell.array->offset + cell.row;

    return cli_cell_is_null(cell) ? 0 : offset_of(cell, at + 1) - offset_of(cell, at);
}

struct cli_cell cli_cell_item(struct cli_cell cell, int64_t item)
{
    int64_t at = cell.array->offset + cell.row;

    return (struct cli_cell){cell.schema->children[0], cell.array->children[0],
                             offset_of(cell, at) + item};
}

struct cli_cell cli_cell_member(struct cli_cell cell, const char *name)
{
    int64_t i = 0;

    while (strcmp(cell.schema->children[i]->name, name) != 0) {
        i++;
        assert(i < cell.schema->n_children);
    }
    return (struct cli_cell){cell.schema->children[i], cell.array->children[i],
                             cell.array->offset + cell.row};
}
