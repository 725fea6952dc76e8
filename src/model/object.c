/* SPDX-License-Identifier: Apache-2.0 */
/* What has a name: tables, views, sequences, and the namespaces that hold them. */

#include "model/object.h"

#include <assert.h>

#include "base/alloc.h"
#include "model/model_private.h"
#include "model/name.h"

const char *arm__object_word(Armpb__ObjectKind object)
{
    switch (object) {
    case ARMPB__OBJECT_KIND__VIEW:
        return "view";
    case ARMPB__OBJECT_KIND__SEQUENCE:
        return "sequence";
    case ARMPB__OBJECT_KIND__SCHEMA:
        return "schema";
    default:
        return "table";
    }
}

bool arm__object_is_versioned(Armpb__ObjectKind object)
{
    return object == ARMPB__OBJECT_KIND__TABLE || object == ARMPB__OBJECT_KIND__VIEW;
}

arm_status arm__object_name_check(Armpb__ObjectKind object, const char *schema_name,
                                  const char *name, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (object == ARMPB__OBJECT_KIND__SCHEMA) {
        if (schema_name[0] != '\0') {
            return arm__fail(err, ARM_INVALID_NAME, "a schema cannot be in a schema");
        }
    } else {
        ARM_TRY(arm__name_check(schema_name, "schema", err));
    }
    ARM_TRY(arm__name_check(name, arm__object_word(object), err));
done:
    return st;
}

/* How many steps of `by` lie between two values; `by` is the step's size, at least 1. */
static uint64_t steps_between(int64_t low, int64_t high, uint64_t by)
{
    return ((uint64_t)high - (uint64_t)low) / by;
}

arm_status arm__sequence_value(const Armpb__Sequence *sequence, const char *name, uint64_t place,
                               int64_t *out, struct arm_error *err)
{
    bool rises = sequence->increment > 0;
    uint64_t by = rises ? (uint64_t)sequence->increment : 0 - (uint64_t)sequence->increment;
    int64_t from = sequence->start;
    uint64_t steps = rises ? steps_between(from, sequence->max_value, by)
                           : steps_between(sequence->min_value, from, by);
    int64_t begin = rises ? sequence->min_value : sequence->max_value;

    assert(sequence->increment != 0);
    if (place > steps) {
        if (!sequence->cycle) {
            return arm__fail(err, ARM_CONSTRAINT,
                             "nextval: reached %s value of sequence \"%s\" (%lld)",
                             rises ? "maximum" : "minimum", name,
                             (long long)(rises ? sequence->max_value : sequence->min_value));
        }
        place -= steps + 1; /* begun anew, from the other end */
        from = begin;
        steps = steps_between(sequence->min_value, sequence->max_value, by);
        place = steps == UINT64_MAX ? place : place % (steps + 1);
    }
    *out = (int64_t)((uint64_t)from + (rises ? place * by : 0 - place * by));
    return ARM_OK;
}

/* ---- In the making ---- */

arm_status arm__schema_new(Armpb__Schema **out, struct arm_error *err)
{
    static const Armpb__Schema EMPTY = ARMPB__SCHEMA__INIT;

    return arm__schema_clone(&EMPTY, out, err);
}

arm_status arm__schema_set_view(Armpb__Schema *schema, const char *sql, const char *const *aliases,
                                size_t alias_count, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(schema->view_sql == NULL && schema->n_view_aliases == 0);
    ARM_TRY(arm__text_set(&schema->view_sql, sql, err));
    if (alias_count > 0) {
        ARM_TRY(arm__calloc(alias_count, sizeof *schema->view_aliases, &schema->view_aliases, err));
    }
    for (size_t i = 0; i < alias_count; i++) {
        ARM_TRY(arm__strdup(aliases[i], &schema->view_aliases[i], err));
        schema->n_view_aliases++;
    }
done:
    return st;
}

arm_status arm__schema_set_sequence(Armpb__Schema *schema, const Armpb__Sequence *sequence,
                                    struct arm_error *err)
{
    Armpb__Sequence *copy = NULL;
    arm_status st = ARM_OK;

    assert(schema->sequence == NULL);
    ARM_TRY(arm__calloc(1, sizeof *copy, &copy, err));
    *copy = *sequence;
    schema->sequence = copy;
    schema->schema_id = 1; /* for the judge */
    st = arm__recode(arm__schema_judge(schema, err), ARM_INVALID, err);
done:
    return st;
}
