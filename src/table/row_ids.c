/* SPDX-License-Identifier: Apache-2.0 */
#include "table/row_ids.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/name.h"

static const char usual_name[] = "_row_id";

void arm__row_id_field(Armpb__Field *field, Armpb__Type *type)
{
    armpb__type__init(type);
    type->kind = ARMPB__TYPE_KIND__BIGINT;
    armpb__field__init(field);
    field->id = ARM_ROW_ID_FIELD;
    field->type = type;
}

/* A name that no column has: names are for people, but a file has each once. */
static void choose_name(struct arm_row_id_schema *out, const Armpb__Schema *schema)
{
    bool is_taken = true;

    (void)snprintf(out->name, sizeof out->name, "%s", usual_name);
    for (size_t n = 0; is_taken; n++) {
        is_taken = false;
        for (size_t i = 0; i < schema->n_columns; i++) {
            is_taken = is_taken || arm__name_equal(schema->columns[i]->field->name, out->name);
        }
        if (is_taken) {
            (void)snprintf(out->name, sizeof out->name, "%s_%zu", usual_name, n);
        }
    }
    out->field.name = out->name;
}

arm_status arm__row_id_schema_init(struct arm_row_id_schema *out, const Armpb__Schema *schema,
                                   struct arm_error *err)
{
    arm_status st = ARM_OK;

    memset(out, 0, sizeof *out);
    ARM_TRY(arm__calloc(schema->n_columns + 1, sizeof(Armpb__Column *), &out->columns, err));
    memcpy(out->columns, schema->columns, schema->n_columns * sizeof(Armpb__Column *));
    arm__row_id_field(&out->field, &out->type);
    choose_name(out, schema);
    armpb__column__init(&out->column);
    out->column.field = &out->field;
    out->column.has_not_null = true;
    out->column.not_null = true;
    out->columns[schema->n_columns] = &out->column;
    out->schema = *schema;
    out->schema.columns = out->columns;
    out->schema.n_columns = schema->n_columns + 1;
done:
    return st;
}

void arm__row_id_schema_release(struct arm_row_id_schema *schema)
{
    arm__free(schema->columns);
    schema->columns = NULL;
}
