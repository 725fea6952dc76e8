/* SPDX-License-Identifier: Apache-2.0 */
/* Generated columns stand among the others for those who name them and nowhere else: `columns` has
 * what is stored, in the order of files, batches and keys, and whoever writes or reads those need
 * not know of more. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "model/model_private.h"
#include "model/record.h"

size_t arm__schema_width(const Armpb__Schema *schema)
{
    return schema->n_columns + schema->n_generated;
}

Armpb__Generated *arm__schema_generated_at(const Armpb__Schema *schema, size_t position)
{
    for (size_t i = 0; i < schema->n_generated; i++) {
        if (schema->generated[i]->position == position) {
            return schema->generated[i];
        }
    }
    return NULL;
}

size_t arm__schema_stored_at(const Armpb__Schema *schema, size_t position)
{
    size_t stored = position;

    for (size_t i = 0; i < schema->n_generated; i++) {
        assert(schema->generated[i]->position != position);
        stored -= schema->generated[i]->position < position;
    }
    return stored;
}

size_t arm__schema_position(const Armpb__Schema *schema, size_t stored)
{
    size_t position = stored;

    for (size_t i = 0; i < schema->n_generated && schema->generated[i]->position <= position; i++) {
        position++;
    }
    return position;
}

static arm_status new_generated(const char *name, size_t position, const char *sql,
                                Armpb__Generated **out, struct arm_error *err)
{
    Armpb__Generated *generated = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *generated, &generated, err));
    armpb__generated__init(generated);
    generated->position = (uint32_t)position;
    ARM_TRY(arm__calloc(1, sizeof *generated->field, &generated->field, err));
    armpb__field__init(generated->field);
    ARM_TRY(arm__text_set(&generated->field->name, name, err));
    ARM_TRY(arm__text_set(&generated->sql, sql, err));
    *out = generated;
    generated = NULL;
done:
    if (generated != NULL) {
        if (generated->field != NULL) {
            arm__free(generated->field->name);
        }
        arm__free(generated->field);
        arm__free(generated);
    }
    return st;
}

arm_status arm__schema_add_generated(Armpb__Schema *schema, const char *name, Armpb__Type *type,
                                     size_t position, const char *sql, struct arm_error *err)
{
    Armpb__Generated *generated = NULL;
    arm_status st = ARM_OK;

    assert(schema->n_generated == 0 ||
           schema->generated[schema->n_generated - 1]->position < position);
    ARM_TRY(
        arm__realloc(&schema->generated, schema->n_generated + 1, sizeof(Armpb__Generated *), err));
    ARM_TRY(new_generated(name, position, sql, &generated, err));
    generated->field->type = type;
    type = NULL;
    schema->generated[schema->n_generated++] = generated;
done:
    if (type != NULL) {
        armpb__type__free_unpacked(type, NULL);
    }
    return st;
}

void arm__schema_close_gap(Armpb__Schema *schema, size_t position)
{
    for (size_t i = 0; i < schema->n_generated; i++) {
        schema->generated[i]->position -= schema->generated[i]->position > position;
    }
}

void arm__schema_remove_generated(Armpb__Schema *schema, size_t position)
{
    size_t at = 0;

    while (schema->generated[at]->position != position) {
        at++;
    }
    armpb__generated__free_unpacked(schema->generated[at], NULL);
    schema->n_generated--;
    memmove(&schema->generated[at], &schema->generated[at + 1],
            (schema->n_generated - at) * sizeof(Armpb__Generated *));
    arm__schema_close_gap(schema, position);
}
