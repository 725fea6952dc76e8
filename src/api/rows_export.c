/* SPDX-License-Identifier: Apache-2.0 */
/* The way of arm_rows into Arrow's C structs. Every ArrowArray owns its buffers, and every child
 * can be moved away from its parent, as the interface demands. */

#include <errno.h>
#include <string.h>

#include "api/rows_private.h"
#include "base/alloc.h"

/* ---- The schema: names and formats are static, so that only the child lists are allocated ---- */

static void release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release != NULL) {
            schema->children[i]->release(schema->children[i]);
        }
    }
    arm__free(schema->private_data); /* the children, and the list of them */
    schema->release = NULL;
}

/* `count` structs of `size` bytes and a list of pointers to them, in one piece. */
static arm_status new_children(size_t count, size_t size, void **out_memory, void ***out_list)
{
    char *memory = NULL;
    arm_status st = arm__calloc(count, size + sizeof(void *), &memory, NULL);

    if (st == ARM_OK) {
        void **list = (void **)(void *)(memory + count * size);

        for (size_t i = 0; i < count; i++) {
            list[i] = memory + i * size;
        }
        *out_memory = memory;
        *out_list = list;
    }
    return st;
}

static arm_status export_schema(const struct arm_rows_field *field, struct ArrowSchema *out)
{
    struct ArrowSchema schema = {
        .format = field->format,
        .name = field->name,
        .flags = field->nullable ? ARROW_FLAG_NULLABLE : 0,
        .release = release_schema,
    };
    void **list = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(new_children(field->child_count, sizeof schema, &schema.private_data, &list));
    schema.children = (struct ArrowSchema **)(void *)list;
    for (size_t i = 0; i < field->child_count; i++) {
        schema.n_children++;
        ARM_TRY(export_schema(&field->children[i], schema.children[i]));
    }
    *out = schema;
    schema.release = NULL;
done:
    if (schema.release != NULL) {
        release_schema(&schema);
    }
    return st;
}

/* ---- Arrays ---- */

struct exported {
    struct arm_buf validity;
    struct arm_buf offsets;
    struct arm_buf values;
    const void *buffers[3];
    void *children;
};

static void release_array(struct ArrowArray *array)
{
    struct exported *exported = array->private_data;

    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
    }
    arm__buf_release(&exported->validity);
    arm__buf_release(&exported->offsets);
    arm__buf_release(&exported->values);
    arm__free(exported->children);
    arm__free(exported);
    array->release = NULL;
}

/* Move the column's buffers into `exported`, which owns them from here on. */
static int64_t move_buffers(struct arm_rows_column *column, struct exported *exported)
{
    int64_t count = 0;

    exported->validity = column->validity;
    exported->offsets = column->offsets;
    exported->values = column->values;
    column->validity = ARM_BUF_INIT(0);
    column->offsets = ARM_BUF_INIT(0);
    column->values = ARM_BUF_INIT(0);
    exported->buffers[count++] = column->null_count > 0 ? exported->validity.data : NULL;
    if (exported->offsets.size > 0) {
        exported->buffers[count++] = exported->offsets.data;
    }
    if (column->child_count == 0) {
        exported->buffers[count++] = exported->values.data;
    }
    return count;
}

static arm_status export_array(struct arm_rows_column *column, struct ArrowArray *out)
{
    struct ArrowArray array = {.length = (int64_t)column->length,
                               .null_count = (int64_t)column->null_count};
    struct exported *exported = NULL;
    void **list = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *exported, &exported, NULL));
    array.private_data = exported;
    array.release = release_array;
    ARM_TRY(new_children(column->child_count, sizeof array, &exported->children, &list));
    array.children = (struct ArrowArray **)(void *)list;
    array.n_buffers = move_buffers(column, exported);
    array.buffers = exported->buffers;
    for (size_t i = 0; i < column->child_count; i++) {
        array.n_children++;
        ARM_TRY(export_array(&column->children[i], array.children[i]));
    }
    *out = array;
    array.release = NULL;
done:
    if (array.release != NULL) {
        release_array(&array);
    }
    return st;
}

/* ---- The stream ---- */

struct rows_stream {
    struct arm_rows *rows;
    bool is_done;
};

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct rows_stream *state = stream->private_data;

    return export_schema(&state->rows->field, out) == ARM_OK ? 0 : ENOMEM;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct rows_stream *state = stream->private_data;

    if (state->is_done || state->rows->batch.length == 0) {
        memset(out, 0, sizeof *out);
        return 0;
    }
    state->is_done = true; /* even a failed export has moved buffers away */
    return export_array(&state->rows->batch, out) == ARM_OK ? 0 : ENOMEM;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "out of memory";
}

static void stream_release(struct ArrowArrayStream *stream)
{
    struct rows_stream *state = stream->private_data;

    arm__rows_free(state->rows);
    arm__free(state);
    stream->release = NULL;
}

arm_status arm__rows_stream(struct arm_rows *rows, struct ArrowArrayStream *out,
                            struct arm_error *err)
{
    struct rows_stream *state = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *state, &state, err));
    state->rows = rows;
    rows = NULL;
    *out = (struct ArrowArrayStream){
        .get_schema = stream_schema,
        .get_next = stream_next,
        .get_last_error = stream_error,
        .release = stream_release,
        .private_data = state,
    };
done:
    arm__rows_free(rows);
    return st;
}
