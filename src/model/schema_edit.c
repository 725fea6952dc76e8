/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas in the making: what is added to one, piece by piece. Whatever fails leaves the schema as
 * it was. */

#include <string.h>

#include "base/alloc.h"
#include "model/model_private.h"
#include "model/record.h"

arm_status arm__text_set(char **field, const char *text, struct arm_error *err)
{
    char *copy = NULL;
    arm_status st = text == NULL ? ARM_OK : arm__strdup(text, &copy, err);

    if (st == ARM_OK) {
        arm__free(*field);
        *field = copy;
    }
    return st;
}

static arm_status new_key(bool primary, const uint32_t *field_ids, size_t count, const char *name,
                          Armpb__Key **out, struct arm_error *err)
{
    Armpb__Key *key = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *key, &key, err));
    armpb__key__init(key);
    key->primary = primary;
    ARM_TRY(arm__calloc(count, sizeof *key->field_ids, &key->field_ids, err));
    memcpy(key->field_ids, field_ids, count * sizeof *field_ids);
    key->n_field_ids = count;
    ARM_TRY(arm__text_set(&key->name, name, err));
    *out = key;
    key = NULL;
done:
    if (key != NULL) {
        arm__free(key->field_ids);
        arm__free(key);
    }
    return st;
}

arm_status arm__schema_add_key(Armpb__Schema *schema, bool primary, const uint32_t *field_ids,
                               size_t count, const char *name, struct arm_error *err)
{
    Armpb__Key *key = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&schema->keys, schema->n_keys + 1, sizeof(Armpb__Key *), err));
    ARM_TRY(new_key(primary, field_ids, count, name, &key, err));
    if (primary) { /* the first */
        memmove(schema->keys + 1, schema->keys, schema->n_keys * sizeof(Armpb__Key *));
        schema->keys[0] = key;
    } else {
        schema->keys[schema->n_keys] = key;
    }
    schema->n_keys++;
done:
    return st;
}

arm_status arm__schema_add_check(Armpb__Schema *schema, const char *name, const char *sql,
                                 struct arm_error *err)
{
    Armpb__Check *check = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&schema->checks, schema->n_checks + 1, sizeof(Armpb__Check *), err));
    ARM_TRY(arm__calloc(1, sizeof *check, &check, err));
    armpb__check__init(check);
    ARM_TRY(arm__text_set(&check->name, name, err));
    ARM_TRY(arm__text_set(&check->sql, sql, err));
    schema->checks[schema->n_checks++] = check;
    check = NULL;
done:
    if (check != NULL) {
        arm__free(check->name);
        arm__free(check);
    }
    return st;
}

static arm_status new_column(const char *name, Armpb__Column **out, struct arm_error *err)
{
    Armpb__Column *column = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *column, &column, err));
    armpb__column__init(column);
    ARM_TRY(arm__calloc(1, sizeof *column->field, &column->field, err));
    armpb__field__init(column->field);
    ARM_TRY(arm__text_set(&column->field->name, name, err));
    *out = column;
    column = NULL;
done:
    if (column != NULL) {
        arm__free(column->field);
        arm__free(column);
    }
    return st;
}

arm_status arm__schema_add_column(Armpb__Schema *schema, const char *name, Armpb__Type *type,
                                  Armpb__Column **out, struct arm_error *err)
{
    Armpb__Column *column = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&schema->columns, schema->n_columns + 1, sizeof(Armpb__Column *), err));
    ARM_TRY(new_column(name, &column, err));
    column->field->type = type;
    type = NULL;
    schema->columns[schema->n_columns++] = column;
    *out = column;
done:
    if (type != NULL) {
        armpb__type__free_unpacked(type, NULL);
    }
    return st;
}

void arm__schema_remove_column(Armpb__Schema *schema, size_t index)
{
    arm__schema_close_gap(schema, arm__schema_position(schema, index));
    armpb__column__free_unpacked(schema->columns[index], NULL);
    schema->n_columns--;
    memmove(&schema->columns[index], &schema->columns[index + 1],
            (schema->n_columns - index) * sizeof(Armpb__Column *));
}

void arm__column_set_not_null(Armpb__Column *column, bool not_null)
{
    column->has_not_null = not_null; /* the default is not written */
    column->not_null = not_null;
}

const Armpb__Column *arm__schema_column(const Armpb__Schema *schema, uint32_t field_id)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (schema->columns[i]->field->id == field_id) {
            return schema->columns[i];
        }
    }
    return NULL;
}
