/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of a chunk, from what DuckDB says when it has written it (RETURN_STATS: a map from
 * the quoted path of each leaf column to a map of texts). Bounds may be cut, never too narrow:
 * a text we cannot turn into a value is no bound. NULLs are counted in the run itself, so that
 * nested columns have their count too. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/type.h"
#include "model/value.h"
#include "table/piece.h"
#include "table/writer_private.h"

enum { VALUE_BYTES_MAX = 1 << 16 };

/* Where COPY's answer holds them. */
static const char statistics_column[] = "column_statistics";

/* The parts of MAP(VARCHAR, MAP(VARCHAR, VARCHAR)), flat. */
struct answer {
    duckdb_list_entry columns;        /* of the first row */
    const duckdb_string_t *paths;     /* of each column */
    const duckdb_list_entry *figures; /* of each column */
    const duckdb_string_t *names;     /* of each figure */
    const duckdb_string_t *texts;
    const uint64_t *texts_validity;
};

static struct arm_bytes string_bytes(const duckdb_string_t *string)
{
    return arm__bytes(arm__string_data(string), string->value.inlined.length);
}

static bool bytes_are(struct arm_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static arm_status open_answer(duckdb_result *result, duckdb_data_chunk chunk, struct answer *out,
                              struct arm_error *err)
{
    idx_t column = 0;
    duckdb_vector map;
    duckdb_vector entries;
    duckdb_vector inner;

    while (column < duckdb_column_count(result) &&
           strcmp(duckdb_column_name(result, column), statistics_column) != 0) {
        column++;
    }
    if (chunk == NULL || duckdb_data_chunk_get_size(chunk) != 1 ||
        column == duckdb_column_count(result)) {
        return arm__fail(err, ARM_IO, "DuckDB wrote a chunk and gave no statistics");
    }
    map = duckdb_data_chunk_get_vector(chunk, column);
    out->columns = *(const duckdb_list_entry *)duckdb_vector_get_data(map);
    entries = duckdb_list_vector_get_child(map);
    out->paths = duckdb_vector_get_data(duckdb_struct_vector_get_child(entries, 0));
    inner = duckdb_struct_vector_get_child(entries, 1);
    out->figures = duckdb_vector_get_data(inner);
    inner = duckdb_list_vector_get_child(inner);
    out->names = duckdb_vector_get_data(duckdb_struct_vector_get_child(inner, 0));
    out->texts = duckdb_vector_get_data(duckdb_struct_vector_get_child(inner, 1));
    out->texts_validity = duckdb_vector_get_validity(duckdb_struct_vector_get_child(inner, 1));
    return ARM_OK;
}

/* The text of figure `name` of leaf `leaf`; data NULL: it has none. */
static struct arm_bytes figure(const struct answer *answer, uint64_t leaf, const char *name)
{
    duckdb_list_entry all = answer->figures[leaf];

    for (uint64_t i = all.offset; i < all.offset + all.length; i++) {
        if (bytes_are(string_bytes(&answer->names[i]), name) &&
            (answer->texts_validity == NULL ||
             (answer->texts_validity[i / 64] >> i % 64 & 1) != 0)) {
            return string_bytes(&answer->texts[i]);
        }
    }
    return (struct arm_bytes){NULL, 0};
}

/* Whether the order of what the file holds is the type's own. */
static bool keeps_order(const Armpb__Type *type)
{
    return arm__type_is_physical(type) || type->kind == ARMPB__TYPE_KIND__TIMESTAMP_S ||
           type->kind == ARMPB__TYPE_KIND__TIMESTAMP_MS;
}

/* A bound as a value, if it can be one. */
static arm_status make_bound(const Armpb__Type *type, struct arm_bytes text, bool is_max,
                             ProtobufCBinaryData *out, protobuf_c_boolean *out_has,
                             struct arm_error *err)
{
    struct arm_buf value = ARM_BUF_INIT(VALUE_BYTES_MAX);
    bool known = false;
    arm_status st = ARM_OK;

    if (text.data == NULL || !arm__value_has_bounds(type) || !keeps_order(type)) {
        return ARM_OK;
    }
    ARM_TRY(arm__value_from_text(type, text, is_max, &value, &known, err));
    if (known) {
        out->len = value.size;
        out->data = value.data; /* of the heap that the message is freed to */
        value = ARM_BUF_INIT(0);
        *out_has = true;
    }
done:
    arm__buf_release(&value);
    return st;
}

static uint64_t number(struct arm_bytes text)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        value = 10 * value + (uint64_t)(text.data[i] - '0');
    }
    return value;
}

static uint64_t count_nulls(const struct arm_run *run, size_t column)
{
    uint64_t nulls = 0;

    for (size_t b = 0; b < run->block_count; b++) {
        const uint64_t *validity =
            duckdb_vector_get_validity(duckdb_data_chunk_get_vector(run->blocks[b], column));
        idx_t rows = duckdb_data_chunk_get_size(run->blocks[b]);

        for (idx_t i = 0; validity != NULL && i < rows; i += 64) {
            uint64_t mask = rows - i < 64 ? (UINT64_C(1) << (rows - i)) - 1 : UINT64_MAX;

            nulls += (uint64_t)__builtin_popcountll(~validity[i / 64] & mask);
        }
    }
    return nulls;
}

/* Whether leaf path `path` is the column of the quoted name, or below it. */
static bool path_is(struct arm_bytes path, const struct arm_buf *quoted, bool *out_below)
{
    *out_below = path.size > quoted->size && path.data[quoted->size] == '.';
    return (path.size == quoted->size || *out_below) &&
           memcmp(path.data, quoted->data, quoted->size) == 0;
}

static arm_status quote(const char *name, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = arm__buf_u8(out, '"', err);

    for (; st == ARM_OK && *name != '\0'; name++) {
        if (*name == '"') {
            st = arm__buf_u8(out, '"', err);
        }
        if (st == ARM_OK) {
            st = arm__buf_u8(out, (uint8_t)*name, err);
        }
    }
    return st != ARM_OK ? st : arm__buf_u8(out, '"', err);
}

static arm_status fill_column(const struct answer *answer, const Armpb__Field *field,
                              Armpb__ColumnStatistics *out, struct arm_error *err)
{
    struct arm_buf quoted = ARM_BUF_INIT(VALUE_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(quote(field->name, &quoted, err));
    for (uint64_t leaf = answer->columns.offset;
         leaf < answer->columns.offset + answer->columns.length; leaf++) {
        bool below;

        if (!path_is(string_bytes(&answer->paths[leaf]), &quoted, &below)) {
            continue;
        }
        out->has_column_bytes = true;
        out->column_bytes += number(figure(answer, leaf, "column_size_bytes"));
        if (!below) {
            out->has_has_nan = bytes_are(figure(answer, leaf, "has_nan"), "true");
            out->has_nan = out->has_has_nan;
            ARM_TRY(make_bound(field->type, figure(answer, leaf, "min"), false, &out->min,
                               &out->has_min, err));
            ARM_TRY(make_bound(field->type, figure(answer, leaf, "max"), true, &out->max,
                               &out->has_max, err));
        }
    }
done:
    arm__buf_release(&quoted);
    return st;
}

arm_status arm__statistics_make(const struct arm_run *run, duckdb_result *result,
                                Armpb__ColumnStatistics ***out, struct arm_error *err)
{
    duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
    size_t count = run->schema->n_columns;
    Armpb__ColumnStatistics **all = NULL;
    struct answer answer;
    arm_status st = ARM_OK;

    ARM_TRY(open_answer(result, chunk, &answer, err));
    ARM_TRY(arm__calloc(count, sizeof(Armpb__ColumnStatistics *), &all, err));
    for (size_t c = 0; c < count; c++) {
        const Armpb__Field *field = run->schema->columns[c]->field;

        ARM_TRY(arm__calloc(1, sizeof *all[c], &all[c], err));
        armpb__column_statistics__init(all[c]);
        all[c]->column_id = field->id;
        all[c]->null_count = count_nulls(run, c);
        ARM_TRY(fill_column(&answer, field, all[c], err));
    }
    *out = all;
    all = NULL;
done:
    arm__statistics_free(all, count);
    duckdb_destroy_data_chunk(&chunk);
    return st;
}

void arm__statistics_free(Armpb__ColumnStatistics **statistics, size_t count)
{
    for (size_t i = 0; statistics != NULL && i < count; i++) {
        if (statistics[i] != NULL) {
            armpb__column_statistics__free_unpacked(statistics[i], NULL);
        }
    }
    arm__free(statistics);
}
