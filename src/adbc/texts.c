/* SPDX-License-Identifier: Apache-2.0 */
/* Texts into and out of queries of our own. */

#include <nanoarrow/nanoarrow.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"

static int make_schema(const struct arm_adbc_text *texts, size_t count, struct ArrowSchema *schema)
{
    ArrowSchemaInit(schema);
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetTypeStruct(schema, (int64_t)count));
    for (size_t i = 0; i < count; i++) {
        NANOARROW_RETURN_NOT_OK(ArrowSchemaSetType(schema->children[i], NANOARROW_TYPE_STRING));
        NANOARROW_RETURN_NOT_OK(ArrowSchemaSetName(schema->children[i], texts[i].name));
    }
    return NANOARROW_OK;
}

static int make_row(const struct arm_adbc_text *texts, size_t count,
                    const struct ArrowSchema *schema, struct ArrowArray *array)
{
    NANOARROW_RETURN_NOT_OK(ArrowArrayInitFromSchema(array, schema, NULL));
    NANOARROW_RETURN_NOT_OK(ArrowArrayStartAppending(array));
    for (size_t i = 0; i < count; i++) {
        NANOARROW_RETURN_NOT_OK(
            texts[i].text == NULL
                ? ArrowArrayAppendNull(array->children[i], 1)
                : ArrowArrayAppendString(array->children[i], ArrowCharView(texts[i].text)));
    }
    NANOARROW_RETURN_NOT_OK(ArrowArrayFinishElement(array));
    return ArrowArrayFinishBuildingDefault(array, NULL);
}

AdbcStatusCode arm__adbc_texts(const struct arm_adbc_text *texts, size_t count,
                               struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int rc = make_schema(texts, count, &schema);

    if (rc == NANOARROW_OK) {
        rc = make_row(texts, count, &schema, &array);
    }
    return arm__adbc_one_batch(rc, &schema, &array, out, error);
}

/* ---- Out ---- */

/* The first text of a batch of one utf8 column. */
static AdbcStatusCode first_text(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                 char **out, struct AdbcError *error)
{
    struct ArrowArrayView view;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (ArrowArrayViewInitFromSchema(&view, schema, NULL) != NANOARROW_OK) {
        return arm__adbc_fail_memory(error);
    }
    if (ArrowArrayViewSetArray(&view, array, NULL) != NANOARROW_OK || view.n_children != 1) {
        st = arm__adbc_fail(error, ADBC_STATUS_INTERNAL, NULL, "an answer is not one text");
    } else if (!ArrowArrayViewIsNull(view.children[0], 0)) {
        struct ArrowStringView text = ArrowArrayViewGetStringUnsafe(view.children[0], 0);

        *out = strndup(text.data, (size_t)text.size_bytes);
        st = *out == NULL ? arm__adbc_fail_memory(error) : ADBC_STATUS_OK;
    }
    ArrowArrayViewReset(&view);
    return st;
}

static AdbcStatusCode read_text(struct ArrowArrayStream *rows, char **out, struct AdbcError *error)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc = rows->get_schema(rows, &schema);

    if (rc == 0) {
        rc = rows->get_next(rows, &array);
    }
    if (rc != 0) {
        st = arm__adbc_stream_failed(rows, rc, error);
    } else if (array.release != NULL && array.length > 0) {
        st = first_text(&schema, &array, out, error);
    }
    arm__adbc_array_release(&array);
    arm__adbc_schema_release(&schema);
    return st;
}

AdbcStatusCode arm__adbc_ask(struct arm_adbc_connection *connection, const char *sql,
                             const struct arm_adbc_text *texts, size_t count, char **out,
                             struct AdbcError *error)
{
    struct ArrowArrayStream parameters = {0};
    struct ArrowArrayStream rows = {0};
    struct arm_sql_options options = {.size = sizeof options};
    struct arm_error err = {0};
    char *text = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (count > 0) {
        ADBC_TRY(arm__adbc_texts(texts, count, &parameters, error));
        options.parameters = &parameters;
    }
    if (arm_sql(connection->session, sql, &options, &rows, NULL, &err) != ARM_OK) {
        return arm__adbc_fail_arm(error, &err);
    }
    ADBC_TRY(read_text(&rows, &text, error));
    free(*out);
    *out = text;
done:
    arm__adbc_stream_release(&rows);
    return st;
}
