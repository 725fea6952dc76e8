/* SPDX-License-Identifier: Apache-2.0 */
/* The columns and constraints of a table that rows are loaded into: those of the rows where it is
 * new, its own where they fit, and what of them stays where they do not. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/numbers.h"
#include "query/load_private.h"
#include "table/key_hash.h"
#include "table/types.h"

static arm_status schema_of_result(struct loading *l, struct arm_error *err)
{
    size_t count = arm__duck_column_count(l->result) - l->check_count;
    const char **names = NULL;
    duckdb_logical_type *types = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *names, &names, err));
    ARM_TRY(arm__calloc(count, sizeof *types, &types, err));
    for (size_t i = 0; i < count; i++) {
        names[i] = arm__duck_column_name(l->result, i);
        types[i] = arm__duck_column_type(l->result, i); /* borrowed */
    }
    ARM_TRY(arm__schema_from_columns(count, names, types, &l->schema, err));
done:
    arm__free(names);
    arm__free(types);
    return st;
}

/* The ids of `from` and of what is nested in it; the types are equal. */
static void copy_ids(const Armpb__Field *from, Armpb__Field *to)
{
    to->id = from->id;
    for (size_t i = 0; i < from->type->n_fields; i++) {
        copy_ids(from->type->fields[i], to->type->fields[i]);
    }
}

static Armpb__Column *find_column(const Armpb__Schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (arm__name_equal(schema->columns[i]->field->name, name)) {
            return schema->columns[i];
        }
    }
    return NULL;
}

/* Columns that stay keep their ids, defaults and NOT NULL; no id is ever given again. */
static arm_status keep_columns(const Armpb__Schema *old, Armpb__Schema *schema,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    schema->last_field_id = old->last_field_id;
    for (size_t i = 0; i < old->n_columns; i++) {
        const Armpb__Column *was = old->columns[i];
        Armpb__Column *column = find_column(schema, was->field->name);

        if (column == NULL || strcmp(was->field->name, column->field->name) != 0 ||
            !arm__type_equal(was->field->type, column->field->type)) {
            continue;
        }
        copy_ids(was->field, column->field);
        arm__column_set_not_null(column, was->not_null);
        ARM_TRY(arm__text_set(&column->default_sql, was->default_sql, err));
    }
done:
    return st;
}

/* ---- Keys and checks ---- */

/* The primary key that the load names. */
static arm_status declare_key(const struct loading *l, Armpb__Schema *schema, struct arm_error *err)
{
    const struct arm_load *load = l->load;
    uint32_t *ids = NULL;
    char name[300];
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(load->key_count, sizeof *ids, &ids, err));
    for (size_t i = 0; i < load->key_count; i++) {
        Armpb__Column *column = find_column(schema, load->key[i]);

        if (column == NULL) {
            st = arm__fail(err, ARM_SCHEMA, "there is no column \"%s\" for the key", load->key[i]);
            goto done;
        }
        ids[i] = column->field->id;
        for (size_t k = 0; k < i; k++) {
            if (ids[k] == ids[i]) {
                st = arm__fail(err, ARM_SCHEMA, "column \"%s\" stands twice in the key",
                               load->key[i]);
                goto done;
            }
        }
        arm__column_set_not_null(column, true);
    }
    (void)snprintf(name, sizeof name, "PRIMARY_%s", l->name); /* much as CREATE TABLE has it */
    ARM_TRY(arm__schema_add_key(schema, true, ids, load->key_count, name, err));
done:
    arm__free(ids);
    return st;
}

/* The columns of an old key as they are called now, in `out`; ARM_SCHEMA if one is gone. */
static arm_status keep_key(const struct loading *l, const Armpb__Key *key, Armpb__Schema *schema,
                           struct arm_error *err)
{
    uint32_t *ids = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(key->n_field_ids, sizeof *ids, &ids, err));
    for (size_t i = 0; i < key->n_field_ids; i++) {
        const char *name = arm__schema_column(l->view->schema, key->field_ids[i])->field->name;
        Armpb__Column *column = find_column(schema, name);

        if (column == NULL) {
            st = arm__fail(err, ARM_SCHEMA,
                           "column \"%s\" of a key of table \"%s\" is missing: name another key, "
                           "or drop the table first",
                           name, l->name);
            goto done;
        }
        ids[i] = column->field->id;
        if (key->primary) {
            arm__column_set_not_null(column, true);
        }
    }
    ARM_TRY(arm__schema_add_key(schema, key->primary, ids, key->n_field_ids, key->name, err));
done:
    arm__free(ids);
    return st;
}

/* They name columns, which are all there: append_checks in load.c has seen to that. */
static arm_status keep_checks(const struct loading *l, Armpb__Schema *schema, struct arm_error *err)
{
    const Armpb__Schema *old = l->view->schema;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < old->n_checks; i++) {
        ARM_TRY(arm__schema_add_check(schema, old->checks[i]->name, old->checks[i]->sql, err));
    }
done:
    return st;
}

/* What the table promised of its rows holds for those that come in their place. */
static arm_status keep_constraints(const struct loading *l, Armpb__Schema *schema,
                                   struct arm_error *err)
{
    const Armpb__Schema *old = l->view->schema;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < old->n_keys; i++) {
        if (!(old->keys[i]->primary && l->load->key_count > 0)) {
            ARM_TRY(keep_key(l, old->keys[i], schema, err));
        }
    }
    ARM_TRY(keep_checks(l, schema, err));
done:
    return st;
}

/* Whether the table's primary key is the one that the load names; it names none: any. */
static bool has_key(const struct loading *l)
{
    const Armpb__Schema *schema = l->view->schema;
    const Armpb__Key *key = schema->n_keys > 0 && schema->keys[0]->primary ? schema->keys[0] : NULL;

    if (l->load->key_count == 0) {
        return true;
    }
    if (key == NULL || key->n_field_ids != l->load->key_count) {
        return false;
    }
    for (size_t i = 0; i < key->n_field_ids; i++) {
        const Armpb__Column *column = find_column(schema, l->load->key[i]);

        if (column == NULL || column->field->id != key->field_ids[i]) {
            return false;
        }
    }
    return true;
}

/* ---- All of it ---- */

static arm_status make_schema(struct loading *l, struct arm_error *err)
{
    uint32_t last = 0;
    arm_status st = ARM_OK;

    if (l->view != NULL) {
        ARM_TRY(keep_columns(l->view->schema, l->schema, err));
    }
    if (l->view != NULL && l->view->version != 0) { /* new columns, of whatever branch, are new */
        ARM_TRY(arm__catalog_last_field_id(arm__repository_catalog(l->session->duck.repository),
                                           &l->view->table_id, &last, err));
        l->schema->last_field_id =
            last > l->schema->last_field_id ? last : l->schema->last_field_id;
    }
    arm__schema_number_fields(l->schema);
    if (l->load->key_count > 0) {
        ARM_TRY(declare_key(l, l->schema, err));
    }
    if (l->view != NULL) {
        ARM_TRY(keep_constraints(l, l->schema, err));
    }
    ARM_TRY(arm__keys_check(l->schema, err));
done:
    return st;
}

arm_status arm__load_schema(struct loading *l, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (l->load->mode == ARM_WRITE_APPEND || l->load->mode == ARM_WRITE_UPSERT) {
        return has_key(l) ? ARM_OK
                          : arm__fail(err, ARM_SCHEMA, "table \"%s\" has another key", l->name);
    }
    ARM_TRY(schema_of_result(l, err));
    if (l->view != NULL && has_key(l) && arm__schema_same_columns(l->view->schema, l->schema)) {
        arm__schema_free(l->schema);
        l->schema = NULL;
        goto done;
    }
    if (l->view != NULL &&
        l->view->schema->n_generated > 0) { /* they may be of what is other now */
        st = arm__fail(err, ARM_SCHEMA,
                       "table \"%s\" has generated columns: it takes rows of the same columns and "
                       "the same key only; drop the table first",
                       l->name);
        goto done;
    }
    ARM_TRY(make_schema(l, err));
done:
    return st;
}
