/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/schemas.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/name.h"
#include "model/type.h"

enum { SCHEMA_BYTES_MAX = 64 << 20 };

void arm__merged_schema_release(struct arm_merged_schema *merged)
{
    arm__schema_free(merged->schema);
    arm__free(merged->aliases);
    *merged = (struct arm_merged_schema){.schema = NULL};
}

/* The first contradiction is told. */
__attribute__((format(printf, 2, 3))) static void contradict(struct arm_merged_schema *out,
                                                             const char *format, ...)
{
    va_list arguments;

    if (out->contradiction[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(out->contradiction, sizeof out->contradiction, format, arguments);
        va_end(arguments);
    }
}

/* ---- One column ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_name(const Armpb__Column *a, const Armpb__Column *b)
{
    return strcmp(a->field->name, b->field->name) == 0;
}

static bool same_type(const Armpb__Column *a, const Armpb__Column *b)
{
    return arm__type_equal(a->field->type, b->field->type);
}

static bool same_null(const Armpb__Column *a, const Armpb__Column *b)
{
    return a->not_null == b->not_null;
}

static bool same_default(const Armpb__Column *a, const Armpb__Column *b)
{
    return same_text(a->default_sql, b->default_sql);
}

static bool same_comment(const Armpb__Column *a, const Armpb__Column *b)
{
    return same_text(a->comment, b->comment);
}

/* What a column has, and how to take it from another of the same (whose own is exchanged). */
typedef bool compare_columns(const Armpb__Column *a, const Armpb__Column *b);
typedef void swap_columns(Armpb__Column *a, Armpb__Column *b);

static void swap_text(char **a, char **b)
{
    char *kept = *a;

    *a = *b;
    *b = kept;
}

static void swap_name(Armpb__Column *a, Armpb__Column *b)
{
    swap_text(&a->field->name, &b->field->name);
}

static void swap_type(Armpb__Column *a, Armpb__Column *b)
{
    Armpb__Type *kept = a->field->type;
    ProtobufCBinaryData initial = a->initial_value;
    protobuf_c_boolean has_initial = a->has_initial_value;

    a->field->type = b->field->type;
    b->field->type = kept;
    a->initial_value = b->initial_value; /* it is a value of the type */
    b->initial_value = initial;
    a->has_initial_value = b->has_initial_value;
    b->has_initial_value = has_initial;
}

static void swap_null(Armpb__Column *a, Armpb__Column *b)
{
    bool kept = a->not_null;

    arm__column_set_not_null(a, b->not_null);
    arm__column_set_not_null(b, kept);
}

static void swap_default(Armpb__Column *a, Armpb__Column *b)
{
    swap_text(&a->default_sql, &b->default_sql);
}

static void swap_comment(Armpb__Column *a, Armpb__Column *b)
{
    swap_text(&a->comment, &b->comment);
}

static const struct trait {
    const char *what;
    compare_columns *equal;
    swap_columns *swap;
} traits[] = {
    {"name", same_name, swap_name},          {"type", same_type, swap_type},
    {"NOT NULL", same_null, swap_null},      {"default", same_default, swap_default},
    {"comment", same_comment, swap_comment},
};
enum { TRAIT_COUNT = sizeof traits / sizeof *traits };

static bool same_column(const Armpb__Column *a, const Armpb__Column *b)
{
    bool same = true;

    for (size_t i = 0; i < TRAIT_COUNT; i++) {
        same = same && traits[i].equal(a, b);
    }
    return same;
}

/* `into` is ours' column, `from` theirs': both may be changed. `base` NULL: there was none. */
static void merge_column(const Armpb__Column *base, Armpb__Column *into, Armpb__Column *from,
                         struct arm_merged_schema *out)
{
    for (size_t i = 0; i < TRAIT_COUNT; i++) {
        const struct trait *trait = &traits[i];

        if (trait->equal(into, from) || (base != NULL && trait->equal(base, from))) {
            continue;
        }
        if (base != NULL && trait->equal(base, into)) {
            trait->swap(into, from);
            out->is_ours = false;
        } else {
            contradict(out, "column \"%s\": both sides changed its %s", into->field->name,
                       trait->what);
        }
    }
}

static Armpb__Column *column_of(Armpb__Schema *schema, uint32_t id)
{
    for (size_t i = 0; schema != NULL && i < schema->n_columns; i++) {
        if (schema->columns[i]->field->id == id) {
            return schema->columns[i];
        }
    }
    return NULL;
}

static Armpb__Column *column_named(Armpb__Schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (arm__name_equal(schema->columns[i]->field->name, name)) {
            return schema->columns[i];
        }
    }
    return NULL;
}

/* ---- All of them ---- */

struct schemas {
    Armpb__Schema *base; /* NULL: none */
    Armpb__Schema *ours; /* becomes the merged one */
    Armpb__Schema *theirs;
    struct arm_merged_schema *out;
};

/* A column that theirs does not have: it dropped it, or ours added it. */
static void lose_column(struct schemas *s, size_t *inout_index)
{
    Armpb__Column *column = s->ours->columns[*inout_index];
    const Armpb__Column *base = column_of(s->base, column->field->id);

    if (base == NULL) {
        (*inout_index)++;
        return;
    }
    if (!same_column(base, column)) {
        contradict(s->out, "column \"%s\": the target changed it, the source dropped it",
                   column->field->name);
    }
    arm__schema_remove_column(s->ours, *inout_index);
    s->out->is_ours = false;
}

static void merge_own(struct schemas *s)
{
    for (size_t i = 0; i < s->ours->n_columns;) {
        Armpb__Column *column = s->ours->columns[i];
        Armpb__Column *other = column_of(s->theirs, column->field->id);

        if (other == NULL) {
            lose_column(s, &i);
        } else {
            merge_column(column_of(s->base, column->field->id), column, other, s->out);
            i++;
        }
    }
}

static arm_status add_alias(struct schemas *s, const Armpb__Column *ours,
                            const Armpb__Column *theirs, struct arm_error *err)
{
    struct arm_merged_schema *out = s->out;
    arm_status st = ARM_OK;

    if (!same_column(ours, theirs)) {
        contradict(out, "column \"%s\": both sides added it, and differently", ours->field->name);
        return ARM_OK;
    }
    ARM_TRY(arm__realloc(&out->aliases, out->alias_count + 1, sizeof *out->aliases, err));
    out->aliases[out->alias_count++] =
        (struct arm_column_alias){ours->field->id, theirs->field->id};
done:
    return st;
}

/* Move column `index` of theirs behind ours. */
static arm_status move_column(struct schemas *s, size_t index, struct arm_error *err)
{
    Armpb__Schema *ours = s->ours;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&ours->columns, ours->n_columns + 1, sizeof *ours->columns, err));
    ours->columns[ours->n_columns++] = s->theirs->columns[index];
    memmove(&s->theirs->columns[index], &s->theirs->columns[index + 1],
            (s->theirs->n_columns - index - 1) * sizeof(Armpb__Column *));
    s->theirs->n_columns--;
    s->out->is_ours = false;
done:
    return st;
}

/* A column of theirs that ours does not have: ours dropped it, or theirs added it. */
static arm_status gain_column(struct schemas *s, size_t *inout_index, struct arm_error *err)
{
    const Armpb__Column *column = s->theirs->columns[*inout_index];
    const Armpb__Column *base = column_of(s->base, column->field->id);
    const Armpb__Column *named = column_named(s->ours, column->field->name);

    if (base != NULL) {
        if (!same_column(base, column)) {
            contradict(s->out, "column \"%s\": the target dropped it, the source changed it",
                       column->field->name);
        }
        (*inout_index)++;
        return ARM_OK;
    }
    if (named != NULL && column_of(s->theirs, named->field->id) == NULL) {
        (*inout_index)++;
        return add_alias(s, named, column, err);
    }
    if (named != NULL) {
        contradict(s->out, "column \"%s\": two columns would have the name", named->field->name);
    }
    return move_column(s, *inout_index, err);
}

static arm_status merge_others(struct schemas *s, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < s->theirs->n_columns;) {
        if (column_of(s->ours, s->theirs->columns[i]->field->id) == NULL) {
            ARM_TRY(gain_column(s, &i, err));
        } else {
            i++;
        }
    }
done:
    return st;
}

/* A column that was given another type by writing all rows anew is another column of its name: the
 * rows that the other side has written since have nothing in it. */
static void check_replaced(struct schemas *s, Armpb__Schema *side)
{
    for (size_t i = 0; s->base != NULL && i < s->base->n_columns; i++) {
        const Armpb__Field *field = s->base->columns[i]->field;
        const Armpb__Column *named = column_named(side, field->name);

        if (column_of(side, field->id) == NULL && named != NULL &&
            column_of(s->base, named->field->id) == NULL) {
            contradict(s->out,
                       "column \"%s\": one side wrote it anew in another type, the other changed "
                       "the table",
                       field->name);
        }
    }
}

static void check_names(struct schemas *s)
{
    for (size_t i = 0; i < s->ours->n_columns; i++) {
        const char *name = s->ours->columns[i]->field->name;

        if (column_named(s->ours, name) != s->ours->columns[i]) {
            contradict(s->out, "column \"%s\": two columns would have the name", name);
        }
    }
}

/* ---- Keys, checks, generated columns: each list as a whole ---- */

/* A schema with nothing but such a list, encoded: to be compared. */
struct list {
    size_t n_keys;
    Armpb__Key **keys;
    size_t n_checks;
    Armpb__Check **checks;
    size_t n_generated;
    Armpb__Generated **generated;
};

static arm_status encode(const struct list *list, struct arm_buf *out, struct arm_error *err)
{
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    size_t size;
    arm_status st = ARM_OK;

    schema.n_keys = list->n_keys;
    schema.keys = list->keys;
    schema.n_checks = list->n_checks;
    schema.checks = list->checks;
    schema.n_generated = list->n_generated;
    schema.generated = list->generated;
    arm__buf_clear(out);
    size = armpb__schema__get_packed_size(&schema);
    ARM_TRY(arm__buf_reserve(out, size, err));
    out->size = armpb__schema__pack(&schema, out->data);
done:
    return st;
}

enum list_kind { LIST_KEYS, LIST_CHECKS, LIST_GENERATED, LIST_COUNT };

static struct list list_of(const Armpb__Schema *schema, enum list_kind kind)
{
    struct list list = {.n_keys = 0};

    switch (kind) {
    case LIST_KEYS:
        list.n_keys = schema->n_keys;
        list.keys = schema->keys;
        break;
    case LIST_CHECKS:
        list.n_checks = schema->n_checks;
        list.checks = schema->checks;
        break;
    default:
        list.n_generated = schema->n_generated;
        list.generated = schema->generated;
        break;
    }
    return list;
}

static void swap_lists(Armpb__Schema *a, Armpb__Schema *b, enum list_kind kind)
{
    struct list kept = list_of(a, kind);
    struct list other = list_of(b, kind);

    switch (kind) {
    case LIST_KEYS:
        a->n_keys = other.n_keys;
        a->keys = other.keys;
        b->n_keys = kept.n_keys;
        b->keys = kept.keys;
        break;
    case LIST_CHECKS:
        a->n_checks = other.n_checks;
        a->checks = other.checks;
        b->n_checks = kept.n_checks;
        b->checks = kept.checks;
        break;
    default:
        a->n_generated = other.n_generated;
        a->generated = other.generated;
        b->n_generated = kept.n_generated;
        b->generated = kept.generated;
        break;
    }
}

static arm_status same_lists(const Armpb__Schema *a, const Armpb__Schema *b, enum list_kind kind,
                             bool *out, struct arm_error *err)
{
    struct arm_buf left = ARM_BUF_INIT(SCHEMA_BYTES_MAX);
    struct arm_buf right = ARM_BUF_INIT(SCHEMA_BYTES_MAX);
    struct list of_a = list_of(a, kind);
    struct list of_b = list_of(b, kind);
    arm_status st = ARM_OK;

    ARM_TRY(encode(&of_a, &left, err));
    ARM_TRY(encode(&of_b, &right, err));
    *out = arm__bytes_compare(arm__buf_bytes(&left), arm__buf_bytes(&right)) == 0;
done:
    arm__buf_release(&left);
    arm__buf_release(&right);
    return st;
}

static arm_status merge_list(struct schemas *s, enum list_kind kind, struct arm_error *err)
{
    static const char *const names[LIST_COUNT] = {"keys", "CHECK constraints", "generated columns"};
    bool agree;
    bool theirs_is_base = false;
    bool ours_is_base = false;
    arm_status st = ARM_OK;

    ARM_TRY(same_lists(s->ours, s->theirs, kind, &agree, err));
    if (agree) {
        goto done;
    }
    if (s->base != NULL) {
        ARM_TRY(same_lists(s->base, s->theirs, kind, &theirs_is_base, err));
        ARM_TRY(same_lists(s->base, s->ours, kind, &ours_is_base, err));
    }
    if (ours_is_base) {
        swap_lists(s->ours, s->theirs, kind);
        s->out->is_ours = false;
    } else if (!theirs_is_base) {
        contradict(s->out, "both sides changed its %s", names[kind]);
    }
done:
    return st;
}

/* A key of a column that is gone, or that theirs calls otherwise. */
static void check_keys(struct schemas *s)
{
    for (size_t i = 0; i < s->ours->n_keys; i++) {
        Armpb__Key *key = s->ours->keys[i];

        for (size_t k = 0; k < key->n_field_ids; k++) {
            for (size_t a = 0; a < s->out->alias_count; a++) {
                if (s->out->aliases[a].own == key->field_ids[k]) {
                    key->field_ids[k] = s->out->aliases[a].wanted;
                }
            }
            if (column_of(s->ours, key->field_ids[k]) == NULL) {
                contradict(s->out, "a column of a key is dropped by the other side");
            }
        }
    }
}

static arm_status merge_all(struct schemas *s, struct arm_error *err)
{
    arm_status st = ARM_OK;

    check_replaced(s, s->ours);
    check_replaced(s, s->theirs);
    merge_own(s);
    ARM_TRY(merge_others(s, err));
    check_names(s);
    for (int kind = 0; kind < LIST_COUNT; kind++) {
        ARM_TRY(merge_list(s, (enum list_kind)kind, err));
    }
    check_keys(s);
    if (s->theirs->last_field_id > s->ours->last_field_id) {
        s->ours->last_field_id = s->theirs->last_field_id;
    }
done:
    return st;
}

arm_status arm__schemas_merge(const Armpb__Schema *base, const Armpb__Schema *ours,
                              const Armpb__Schema *theirs, struct arm_merged_schema *out,
                              struct arm_error *err)
{
    struct arm_merged_schema merged = {.is_ours = true};
    struct schemas s = {.out = &merged};
    arm_status st = ARM_OK;

    ARM_TRY(arm__schema_clone(ours, &s.ours, err));
    ARM_TRY(arm__schema_clone(theirs, &s.theirs, err));
    if (base != NULL) {
        ARM_TRY(arm__schema_clone(base, &s.base, err));
    }
    ARM_TRY(merge_all(&s, err));
    merged.schema = s.ours;
    s.ours = NULL;
    *out = merged;
    merged = (struct arm_merged_schema){.schema = NULL};
done:
    arm__merged_schema_release(&merged);
    arm__schema_free(s.base);
    arm__schema_free(s.ours);
    arm__schema_free(s.theirs);
    return st;
}
