/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/schema_diff.h"

#include <string.h>

#include "model/name.h"
#include "model/type.h"

enum { TEXT_BYTES_MAX = 64 << 20 };

/* A column, stored or generated. */
struct any_column {
    const Armpb__Field *field; /* NULL: there is none */
    const Armpb__Column *stored;
    const Armpb__Generated *generated;
};

struct schema_pair {
    const Armpb__Schema *a;
    const Armpb__Schema *b;
    bool same_table;
    arm_visit_schema_change *visit;
    void *context;
    struct arm_buf old_text; /* of the change that is being told */
    struct arm_buf new_text;
};

static struct any_column column_at(const Armpb__Schema *schema, size_t position)
{
    const Armpb__Generated *generated = arm__schema_generated_at(schema, position);
    const Armpb__Column *stored =
        generated != NULL ? NULL : schema->columns[arm__schema_stored_at(schema, position)];

    return (struct any_column){generated != NULL ? generated->field : stored->field, stored,
                               generated};
}

/* What `field` is in `schema`. */
static struct any_column fellow(const struct schema_pair *pair, const Armpb__Schema *schema,
                                const Armpb__Field *field)
{
    for (size_t i = 0; i < arm__schema_width(schema); i++) {
        struct any_column column = column_at(schema, i);

        if (pair->same_table ? column.field->id == field->id
                             : arm__name_equal(column.field->name, field->name)) {
            return column;
        }
    }
    return (struct any_column){.field = NULL};
}

/* ---- Telling ---- */

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

/* A text that is empty tells of nothing. */
static const char *finished(struct arm_buf *text)
{
    return text->size == 0 ? NULL : (const char *)text->data;
}

static arm_status tell(struct schema_pair *pair, const char *column, const char *property,
                       struct arm_error *err)
{
    bool had = pair->old_text.size > 0;
    bool has = pair->new_text.size > 0;
    struct arm_schema_change change = {.column = column, .property = property};
    arm_status st = ARM_OK;

    if (had) {
        ARM_TRY(arm__buf_u8(&pair->old_text, 0, err));
    }
    if (has) {
        ARM_TRY(arm__buf_u8(&pair->new_text, 0, err));
    }
    change.old_text = finished(&pair->old_text);
    change.new_text = finished(&pair->new_text);
    if (strcmp(property, "column") == 0 || column == NULL) {
        change.change = !had ? "added" : !has ? "removed" : "changed";
    } else {
        change.change = "changed";
    }
    ARM_TRY(pair->visit(pair->context, &change, err));
done:
    arm__buf_clear(&pair->old_text);
    arm__buf_clear(&pair->new_text);
    return st;
}

/* Two texts, either of which may be NULL; alike: nothing is told. */
static arm_status tell_texts(struct schema_pair *pair, const char *column, const char *property,
                             const char *old_text, const char *new_text, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (old_text == NULL || new_text == NULL ? old_text == new_text
                                             : strcmp(old_text, new_text) == 0) {
        return ARM_OK;
    }
    ARM_TRY(add(&pair->old_text, old_text == NULL ? "" : old_text, err));
    ARM_TRY(add(&pair->new_text, new_text == NULL ? "" : new_text, err));
    ARM_TRY(tell(pair, column, property, err));
done:
    return st;
}

/* ---- Columns ---- */

/* All that is said of a column but its name: "INTEGER NOT NULL DEFAULT 1". */
static arm_status describe(const struct any_column *column, struct arm_buf *out,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__type_sql(column->field->type, out, err));
    if (column->generated != NULL) {
        ARM_TRY(arm__buf_printf(out, err, " GENERATED ALWAYS AS (%s)", column->generated->sql));
        goto done;
    }
    ARM_TRY(add(out, column->stored->not_null ? " NOT NULL" : "", err));
    if (column->stored->default_sql != NULL) {
        ARM_TRY(arm__buf_printf(out, err, " DEFAULT %s", column->stored->default_sql));
    }
done:
    return st;
}

static const char *nullable(const struct any_column *column)
{
    return column->stored != NULL && column->stored->not_null ? "false" : "true";
}

static const char *default_of(const struct any_column *column)
{
    return column->stored == NULL ? NULL : column->stored->default_sql;
}

static const char *comment_of(const struct any_column *column)
{
    const char *comment = column->stored == NULL ? NULL : column->stored->comment;

    return comment != NULL && comment[0] == '\0' ? NULL : comment;
}

static const char *expression_of(const struct any_column *column)
{
    return column->generated == NULL ? NULL : column->generated->sql;
}

static arm_status compare_types(struct schema_pair *pair, const struct any_column *a,
                                const struct any_column *b, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (arm__type_equal(a->field->type, b->field->type)) {
        return ARM_OK;
    }
    ARM_TRY(arm__type_sql(a->field->type, &pair->old_text, err));
    ARM_TRY(arm__type_sql(b->field->type, &pair->new_text, err));
    ARM_TRY(tell(pair, b->field->name, "type", err));
done:
    return st;
}

static arm_status compare_columns(struct schema_pair *pair, const struct any_column *a,
                                  const struct any_column *b, struct arm_error *err)
{
    const char *name = b->field->name;
    arm_status st = ARM_OK;

    ARM_TRY(tell_texts(pair, name, "name", a->field->name, name, err));
    ARM_TRY(compare_types(pair, a, b, err));
    ARM_TRY(tell_texts(pair, name, "nullable", nullable(a), nullable(b), err));
    ARM_TRY(tell_texts(pair, name, "default", default_of(a), default_of(b), err));
    ARM_TRY(tell_texts(pair, name, "comment", comment_of(a), comment_of(b), err));
    ARM_TRY(tell_texts(pair, name, "generated", expression_of(a), expression_of(b), err));
done:
    return st;
}

static arm_status diff_columns(struct schema_pair *pair, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < arm__schema_width(pair->b); i++) {
        struct any_column b = column_at(pair->b, i);
        struct any_column a = fellow(pair, pair->a, b.field);

        if (a.field != NULL) {
            ARM_TRY(compare_columns(pair, &a, &b, err));
        } else {
            ARM_TRY(describe(&b, &pair->new_text, err));
            ARM_TRY(tell(pair, b.field->name, "column", err));
        }
    }
    for (size_t i = 0; i < arm__schema_width(pair->a); i++) {
        struct any_column a = column_at(pair->a, i);

        if (fellow(pair, pair->b, a.field).field == NULL) {
            ARM_TRY(describe(&a, &pair->old_text, err));
            ARM_TRY(tell(pair, a.field->name, "column", err));
        }
    }
done:
    return st;
}

/* ---- Keys ---- */

/* A name that reads as one without quotes. */
static bool is_plain(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return name[size] == '\0' && strchr("0123456789", name[0]) == NULL;
}

/* Its columns as b calls them, as far as it has them: "(a, b)". */
static arm_status describe_key(const struct schema_pair *pair, const Armpb__Schema *schema,
                               const Armpb__Key *key, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < key->n_field_ids; i++) {
        const Armpb__Field *own = arm__schema_column(schema, key->field_ids[i])->field;
        const Armpb__Field *named = fellow(pair, pair->b, own).field;
        const char *name = (named == NULL ? own : named)->name;

        ARM_TRY(add(out, i == 0 ? "(" : ", ", err));
        ARM_TRY(is_plain(name) ? add(out, name, err) : arm__sql_identifier(name, out, err));
    }
    ARM_TRY(add(out, ")", err));
done:
    return st;
}

static const Armpb__Key *primary_key(const Armpb__Schema *schema)
{
    return schema->n_keys > 0 && schema->keys[0]->primary ? schema->keys[0] : NULL;
}

static bool same_texts(const struct schema_pair *pair)
{
    return arm__bytes_compare(arm__buf_bytes(&pair->old_text), arm__buf_bytes(&pair->new_text)) ==
           0;
}

static arm_status diff_primary(struct schema_pair *pair, struct arm_error *err)
{
    const Armpb__Key *a = primary_key(pair->a);
    const Armpb__Key *b = primary_key(pair->b);
    arm_status st = ARM_OK;

    if (a != NULL) {
        ARM_TRY(describe_key(pair, pair->a, a, &pair->old_text, err));
    }
    if (b != NULL) {
        ARM_TRY(describe_key(pair, pair->b, b, &pair->new_text, err));
    }
    if (!same_texts(pair)) {
        ARM_TRY(tell(pair, NULL, "primary key", err));
    }
done:
    arm__buf_clear(&pair->old_text);
    arm__buf_clear(&pair->new_text);
    return st;
}

/* Whether `schema` has a UNIQUE of the columns that `text` tells; `other` is room. */
static arm_status has_unique(const struct schema_pair *pair, const Armpb__Schema *schema,
                             const struct arm_buf *text, struct arm_buf *other, bool *out,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    *out = false;
    for (size_t i = 0; i < schema->n_keys && !*out; i++) {
        if (!schema->keys[i]->primary) {
            arm__buf_clear(other);
            ARM_TRY(describe_key(pair, schema, schema->keys[i], other, err));
            *out = arm__bytes_compare(arm__buf_bytes(text), arm__buf_bytes(other)) == 0;
        }
    }
done:
    arm__buf_clear(other);
    return st;
}

/* Those UNIQUEs of `schema` that the other has not, told by `text`. */
static arm_status diff_uniques(struct schema_pair *pair, const Armpb__Schema *schema,
                               const Armpb__Schema *others, struct arm_buf *text,
                               struct arm_buf *room, struct arm_error *err)
{
    bool found = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < schema->n_keys; i++) {
        if (schema->keys[i]->primary) {
            continue;
        }
        ARM_TRY(describe_key(pair, schema, schema->keys[i], text, err));
        ARM_TRY(has_unique(pair, others, text, room, &found, err));
        if (!found) {
            ARM_TRY(tell(pair, NULL, "unique", err));
        }
        arm__buf_clear(text);
    }
done:
    return st;
}

/* ---- CHECKs ---- */

static bool has_check(const Armpb__Schema *schema, const char *sql)
{
    for (size_t i = 0; i < schema->n_checks; i++) {
        if (strcmp(schema->checks[i]->sql, sql) == 0) {
            return true;
        }
    }
    return false;
}

static arm_status diff_checks(struct schema_pair *pair, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < pair->b->n_checks; i++) {
        const char *sql = pair->b->checks[i]->sql;

        if (!has_check(pair->a, sql)) {
            ARM_TRY(tell_texts(pair, NULL, "check", NULL, sql, err));
        }
    }
    for (size_t i = 0; i < pair->a->n_checks; i++) {
        const char *sql = pair->a->checks[i]->sql;

        if (!has_check(pair->b, sql)) {
            ARM_TRY(tell_texts(pair, NULL, "check", sql, NULL, err));
        }
    }
done:
    return st;
}

arm_status arm__schema_diff(const Armpb__Schema *a, const Armpb__Schema *b, bool same_table,
                            arm_visit_schema_change *visit, void *context, struct arm_error *err)
{
    struct schema_pair pair = {.a = a,
                               .b = b,
                               .same_table = same_table,
                               .visit = visit,
                               .context = context,
                               .old_text = ARM_BUF_INIT(TEXT_BYTES_MAX),
                               .new_text = ARM_BUF_INIT(TEXT_BYTES_MAX)};
    arm_status st = ARM_OK;

    ARM_TRY(diff_columns(&pair, err));
    ARM_TRY(diff_primary(&pair, err));
    ARM_TRY(diff_uniques(&pair, b, a, &pair.new_text, &pair.old_text, err));
    ARM_TRY(diff_uniques(&pair, a, b, &pair.old_text, &pair.new_text, err));
    ARM_TRY(diff_checks(&pair, err));
done:
    arm__buf_release(&pair.old_text);
    arm__buf_release(&pair.new_text);
    return st;
}
