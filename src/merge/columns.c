/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/columns.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/name.h"
#include "model/type.h"

enum { NOBODYS_ID = INT32_MAX - 200 }; /* the largest that a column may have */

/* ---- A side's columns ---- */

static const Armpb__Column *own_column(const Armpb__Schema *own, uint32_t id,
                                       const struct arm_column_alias *aliases, size_t count)
{
    uint32_t own_id = id;

    for (size_t i = 0; i < count; i++) {
        own_id = aliases[i].wanted == id ? aliases[i].own : own_id;
    }
    return arm__schema_column(own, own_id);
}

/* Give column `into`, which is called as it is wanted, what the side has of it. */
static arm_status take_column(Armpb__Column *into, const Armpb__Schema *own, size_t index,
                              struct arm_error *err)
{
    Armpb__Schema *copy = NULL;
    Armpb__Column *column;
    Armpb__Type *type;
    ProtobufCBinaryData initial;
    arm_status st = ARM_OK;

    ARM_TRY(arm__schema_clone(own, &copy, err)); /* what is taken of it is exchanged */
    column = copy->columns[index];
    type = into->field->type;
    into->field->type = column->field->type;
    column->field->type = type;
    into->field->id = column->field->id;
    initial = into->initial_value;
    into->initial_value = column->initial_value;
    column->initial_value = initial;
    if (into->has_initial_value != column->has_initial_value) {
        into->has_initial_value = !into->has_initial_value;
        column->has_initial_value = !column->has_initial_value;
    }
done:
    arm__schema_free(copy);
    return st;
}

static size_t index_of(const Armpb__Schema *schema, const Armpb__Column *column)
{
    size_t i = 0;

    while (schema->columns[i] != column) {
        i++;
    }
    return i;
}

arm_status arm__side_init(struct arm_side *out, const Armpb__Schema *wanted,
                          const Armpb__Schema *own, const struct arm_column_alias *aliases,
                          size_t alias_count, struct arm_error *err)
{
    Armpb__Schema *read = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__schema_clone(wanted, &read, err));
    read->schema_id = 0; /* none of the table's */
    for (size_t i = 0; i < read->n_columns; i++) {
        Armpb__Column *column = read->columns[i];
        const Armpb__Column *mine = own_column(own, column->field->id, aliases, alias_count);

        column->has_not_null = false;
        column->not_null = false;
        if (mine != NULL) {
            ARM_TRY(take_column(column, own, index_of(own, mine), err));
        } else if (arm__schema_column(own, column->field->id) != NULL) {
            column->field->id = NOBODYS_ID - (uint32_t)i; /* what has the id there is another */
        }
    }
    *out = (struct arm_side){.wanted = wanted, .read = read};
    read = NULL;
done:
    arm__schema_free(read);
    return st;
}

arm_status arm__side_init_by_name(struct arm_side *out, const Armpb__Schema *wanted,
                                  const Armpb__Schema *own, struct arm_error *err)
{
    struct arm_column_alias *aliases = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(wanted->n_columns, sizeof *aliases, &aliases, err));
    for (size_t i = 0; i < wanted->n_columns; i++) {
        aliases[i].wanted = wanted->columns[i]->field->id;
        for (size_t k = 0; k < own->n_columns; k++) {
            if (arm__name_equal(wanted->columns[i]->field->name, own->columns[k]->field->name)) {
                aliases[i].own = own->columns[k]->field->id;
            }
        }
    }
    ARM_TRY(arm__side_init(out, wanted, own, aliases, wanted->n_columns, err));
done:
    arm__free(aliases);
    return st;
}

void arm__side_release(struct arm_side *side)
{
    arm__schema_free(side->read);
    *side = (struct arm_side){.at = NULL};
}

bool arm__side_casts(const struct arm_side *side)
{
    bool casts = false;

    for (size_t i = 0; i < side->wanted->n_columns && !casts; i++) {
        casts = !arm__type_equal(side->wanted->columns[i]->field->type,
                                 side->read->columns[i]->field->type);
    }
    return casts;
}

/* ---- What rows are matched by ---- */

static const Armpb__Key *primary_key(const Armpb__Schema *schema)
{
    return schema->n_keys > 0 && schema->keys[0]->primary ? schema->keys[0] : NULL;
}

/* The same columns, in whatever order. */
static bool has_key(const Armpb__Schema *schema, const Armpb__Key *wanted)
{
    const Armpb__Key *key = primary_key(schema);

    if (key == NULL || key->n_field_ids != wanted->n_field_ids) {
        return false;
    }
    for (size_t i = 0; i < wanted->n_field_ids; i++) {
        bool found = false;

        for (size_t k = 0; k < key->n_field_ids; k++) {
            found = found || key->field_ids[k] == wanted->field_ids[i];
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

enum arm_row_match arm__row_match(const Armpb__Schema *wanted, const Armpb__Schema *a,
                                  const Armpb__Schema *b, bool same_table)
{
    const Armpb__Key *key = primary_key(wanted);

    if (key != NULL && has_key(a, key) && has_key(b, key)) {
        return ARM_MATCH_KEY;
    }
    return same_table ? ARM_MATCH_ID : ARM_MATCH_NONE;
}

/* ---- SQL ---- */

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

static arm_status add_number(struct arm_buf *out, const char *before, uint64_t number,
                             const char *behind, struct arm_error *err)
{
    char digits[24];
    arm_status st = ARM_OK;

    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    ARM_TRY(add(out, before, err));
    ARM_TRY(add(out, digits, err));
    ARM_TRY(add(out, behind, err));
done:
    return st;
}

/* What of the wanted columns a side's rows have: all, by position, or the stored ones. */
static const Armpb__Generated *generated_at(const struct arm_side *side, size_t index)
{
    return side->is_to_write ? NULL : arm__schema_generated_at(side->wanted, index);
}

static size_t stored_at(const struct arm_side *side, size_t index)
{
    return side->is_to_write ? index : arm__schema_stored_at(side->wanted, index);
}

size_t arm__side_width(const struct arm_side *side)
{
    return side->is_to_write ? side->wanted->n_columns : arm__schema_width(side->wanted);
}

const char *arm__side_name(const struct arm_side *side, size_t index)
{
    const Armpb__Generated *generated = generated_at(side, index);

    return generated != NULL ? generated->field->name
                             : side->wanted->columns[stored_at(side, index)]->field->name;
}

/* A column of the side, in the type that is wanted. */
static arm_status add_column(const struct arm_side *side, size_t index, struct arm_buf *out,
                             struct arm_error *err)
{
    bool is_stored = generated_at(side, index) == NULL;
    size_t stored = is_stored ? stored_at(side, index) : 0;
    bool is_cast = is_stored && !arm__type_equal(side->wanted->columns[stored]->field->type,
                                                 side->read->columns[stored]->field->type);
    arm_status st = ARM_OK;

    if (is_cast) {
        ARM_TRY(add(out, side->is_to_write ? "CAST(" : "TRY_CAST(", err));
    }
    ARM_TRY(arm__sql_identifier(arm__side_name(side, index), out, err));
    if (is_cast) {
        ARM_TRY(add(out, " AS ", err));
        ARM_TRY(arm__type_sql(side->wanted->columns[stored]->field->type, out, err));
        ARM_TRY(add(out, ")", err));
    }
done:
    return st;
}

static size_t index_of_key(const struct arm_side *side, uint32_t field_id)
{
    size_t stored = 0;

    while (side->wanted->columns[stored]->field->id != field_id) {
        stored++;
    }
    return side->is_to_write ? stored : arm__schema_position(side->wanted, stored);
}

static arm_status add_match(const struct arm_side *side, enum arm_row_match match,
                            struct arm_buf *out, struct arm_error *err)
{
    const Armpb__Key *key = primary_key(side->wanted);
    arm_status st = ARM_OK;

    if (match != ARM_MATCH_KEY) {
        return add(out, "__arm_row_id", err);
    }
    ARM_TRY(add(out, "{", err));
    for (size_t i = 0; i < key->n_field_ids; i++) {
        ARM_TRY(add_number(out, i == 0 ? "'k" : ", 'k", i, "': ", err));
        ARM_TRY(add_column(side, index_of_key(side, key->field_ids[i]), out, err));
    }
    ARM_TRY(add(out, "}", err));
done:
    return st;
}

arm_status arm__side_sql(const struct arm_side *side, enum arm_row_match match, struct arm_buf *out,
                         struct arm_error *err)
{
    size_t width = arm__side_width(side);
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "SELECT {", err));
    for (size_t i = 0; i < width; i++) {
        ARM_TRY(add_number(out, i == 0 ? "'c" : ", 'c", i, "': ", err));
        ARM_TRY(add_column(side, i, out, err));
    }
    ARM_TRY(add(out, "} AS r, __arm_row_id AS i, __arm_entry AS e, __arm_row AS n, ", err));
    ARM_TRY(add_match(side, match, out, err));
    ARM_TRY(add(out, side->has_pieces ? " AS k, __arm_piece AS p" : " AS k", err));
    ARM_TRY(add(out, " FROM armillaria.main.t AT (VERSION => ", err));
    ARM_TRY(arm__sql_string(side->at, out, err));
    ARM_TRY(add(out, ")", err));
done:
    return st;
}

/* ---- Two sides ---- */

/* Rows that are the same row, and differ; or have no fellow. */
static arm_status add_joined(const struct arm_row_diff *diff, struct arm_buf *out,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "WITH a AS (", err));
    ARM_TRY(arm__side_sql(&diff->a, diff->match, out, err));
    ARM_TRY(add(out, "), b AS (", err));
    ARM_TRY(arm__side_sql(&diff->b, diff->match, out, err));
    if (diff->match != ARM_MATCH_NONE) {
        ARM_TRY(add(out,
                    "), j AS MATERIALIZED (SELECT a.r AS ar, b.r AS br, coalesce(b.k, a.k) AS k "
                    "FROM a FULL JOIN b ON a.k = b.k WHERE a.r IS DISTINCT FROM b.r)",
                    err));
    } else { /* one row stands for as many as there are more of it on its side */
        ARM_TRY(add(out,
                    "), j AS MATERIALIZED (SELECT r AS ar, NULL AS br, r AS k FROM (SELECT r FROM "
                    "a EXCEPT ALL SELECT r FROM b) UNION ALL SELECT NULL, r, r FROM (SELECT r "
                    "FROM b EXCEPT ALL SELECT r FROM a))",
                    err));
    }
done:
    return st;
}

arm_status arm__row_count_sql(const struct arm_row_diff *diff, struct arm_buf *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add_joined(diff, out, err));
    ARM_TRY(add(out,
                " SELECT count(*) FILTER (ar IS NULL) AS added, count(*) FILTER (br IS NULL) AS "
                "removed, count(*) FILTER (ar IS NOT NULL AND br IS NOT NULL) AS changed FROM j",
                err));
done:
    return st;
}

arm_status arm__row_diff_sql(const struct arm_row_diff *diff, struct arm_buf *out,
                             struct arm_error *err)
{
    size_t width = arm__side_width(&diff->b);
    arm_status st = ARM_OK;

    ARM_TRY(add_joined(diff, out, err));
    ARM_TRY(add(out, " SELECT ", err));
    for (size_t i = 0; i < width; i++) {
        ARM_TRY(add_number(out, "r.c", i, " AS ", err));
        ARM_TRY(arm__sql_identifier(arm__side_name(&diff->b, i), out, err));
        ARM_TRY(add(out, ", ", err));
    }
    ARM_TRY(add(out,
                "_change, _tx, _version FROM (SELECT ar AS r, CASE WHEN br IS NULL THEN 'delete' "
                "ELSE 'update_before' END AS _change, ",
                err));
    ARM_TRY(add_number(out, "", diff->a_tx, "::UBIGINT AS _tx, ", err));
    ARM_TRY(add_number(out, "", diff->a_version,
                       "::UBIGINT AS _version, k, 0 AS o FROM j WHERE ar IS NOT NULL UNION ALL "
                       "SELECT br, CASE WHEN ar IS NULL THEN 'insert' ELSE 'update_after' END, ",
                       err));
    ARM_TRY(add_number(out, "", diff->b_tx, "::UBIGINT, ", err));
    ARM_TRY(
        add_number(out, "", diff->b_version, "::UBIGINT, k, 1 FROM j WHERE br IS NOT NULL)", err));
    ARM_TRY(add(out, " ORDER BY k, o", err));
done:
    return st;
}
