/* SPDX-License-Identifier: Apache-2.0 */
/* What has a name and no rows: views, sequences, and the schemas that names live in.
 *
 * A schema is there if it was made, or if something is in it: a table that a program makes in a
 * schema needs none made before, and one whose schema is dropped by another transaction meanwhile
 * still has a name. */

#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "txn/txn_private.h"

static const char *const default_schema = "main";

static arm_status create(struct arm_transaction *txn, const struct arm_txn_creation *creation,
                         struct arm_error *err)
{
    arm_status st;

    arm__mutex_lock(&txn->mutex);
    st = arm__txn_create(txn, creation, err);
    arm__mutex_unlock(&txn->mutex);
    return st;
}

arm_status arm__txn_create_view(struct arm_transaction *txn, const char *schema_name,
                                const char *name, const Armpb__Schema *schema, bool or_replace,
                                struct arm_error *err)
{
    struct arm_txn_creation creation = {.object = ARMPB__OBJECT_KIND__VIEW,
                                        .schema_name = schema_name,
                                        .name = name,
                                        .schema = schema,
                                        .or_replace = or_replace};

    return create(txn, &creation, err);
}

arm_status arm__txn_create_sequence(struct arm_transaction *txn, const char *schema_name,
                                    const char *name, const Armpb__Schema *schema, bool or_replace,
                                    struct arm_error *err)
{
    struct arm_txn_creation creation = {.object = ARMPB__OBJECT_KIND__SEQUENCE,
                                        .schema_name = schema_name,
                                        .name = name,
                                        .schema = schema,
                                        .or_replace = or_replace};

    return create(txn, &creation, err);
}

/* The object of that kind and name; under the mutex. */
static arm_status find(struct arm_transaction *txn, Armpb__ObjectKind object,
                       const char *schema_name, const char *name, struct arm_txn_table **out,
                       struct arm_error *err)
{
    const char *word = arm__object_word(object);
    struct arm_txn_table *found = NULL;
    arm_status st = ARM_OK;

    if (txn->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "cannot change %s \"%s\": this session only reads",
                         word, name);
    }
    ARM_TRY(arm__txn_find(txn, schema_name, name, &found, err));
    if (found == NULL) {
        return arm__fail(err, ARM_NOT_FOUND, "there is no %s \"%s\"", word, name);
    }
    if (found->object != object) {
        return arm__fail(err, ARM_INVALID, "\"%s\" is a %s, not a %s", name,
                         arm__object_word(found->object), word);
    }
    *out = found;
done:
    return st;
}

arm_status arm__txn_drop(struct arm_transaction *txn, Armpb__ObjectKind object,
                         const char *schema_name, const char *name, struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(find(txn, object, schema_name, name, &table, err));
    arm__txn_drop_found(txn, table);
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

/* ---- Schemas ---- */

/* Names of what is in one schema. */
struct members {
    const char *schema_name;
    size_t count;
    char (*names)[256];
};

static arm_status note_member(void *context, Armpb__ObjectKind object, const char *schema_name,
                              const char *name, struct arm_error *err)
{
    struct members *members = context;
    arm_status st = ARM_OK;

    (void)object;
    if (strcasecmp(schema_name, members->schema_name) == 0) {
        ARM_TRY(arm__realloc(&members->names, members->count + 1, sizeof *members->names, err));
        (void)snprintf(members->names[members->count++], sizeof *members->names, "%s", name);
    }
done:
    return st;
}

/* The schema that was made under that name; NULL: none. */
static arm_status find_made(struct arm_transaction *txn, const char *name,
                            struct arm_txn_table **out, struct arm_error *err)
{
    arm_status st;

    arm__mutex_lock(&txn->mutex);
    st = arm__txn_find(txn, "", name, out, err);
    arm__mutex_unlock(&txn->mutex);
    return st;
}

arm_status arm__txn_schema_exists(struct arm_transaction *txn, const char *name, bool *out,
                                  struct arm_error *err)
{
    struct members members = {.schema_name = name};
    struct arm_txn_table *made = NULL;
    arm_status st = ARM_OK;

    if (name[0] == '\0' || strcasecmp(name, default_schema) == 0) {
        *out = name[0] != '\0';
        return ARM_OK;
    }
    ARM_TRY(find_made(txn, name, &made, err));
    if (made == NULL) {
        ARM_TRY(arm__txn_objects(txn, note_member, &members, err));
    }
    *out = made != NULL || members.count > 0;
done:
    arm__free(members.names);
    return st;
}

arm_status arm__txn_create_schema(struct arm_transaction *txn, const char *name, bool if_not_exists,
                                  struct arm_error *err)
{
    Armpb__Schema empty = ARMPB__SCHEMA__INIT;
    struct arm_txn_creation creation = {
        .object = ARMPB__OBJECT_KIND__SCHEMA, .schema_name = "", .name = name, .schema = &empty};
    struct arm_txn_table *made = NULL;
    bool exists = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_schema_exists(txn, name, &exists, err));
    ARM_TRY(find_made(txn, name, &made, err));
    if (exists && !if_not_exists) {
        return arm__fail(err, ARM_EXISTS, "schema \"%s\" exists already", name);
    }
    if (made == NULL && strcasecmp(name, default_schema) != 0) {
        ARM_TRY(create(txn, &creation, err));
    }
done:
    return st;
}

/* Find all, then drop all (X3). */
static arm_status drop_all(struct arm_transaction *txn, const struct members *members,
                           struct arm_error *err)
{
    struct arm_txn_table **found = NULL;
    struct arm_txn_table *made = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(members->count + 1, sizeof(struct arm_txn_table *), &found, err));
    for (size_t i = 0; i < members->count; i++) {
        ARM_TRY(arm__txn_find(txn, members->schema_name, members->names[i], &found[i], err));
    }
    ARM_TRY(arm__txn_find(txn, "", members->schema_name, &made, err));
    for (size_t i = 0; i < members->count; i++) {
        arm__txn_drop_found(txn, found[i]);
    }
    if (made != NULL) {
        arm__txn_drop_found(txn, made);
    }
done:
    arm__free(found);
    return st;
}

arm_status arm__txn_drop_schema(struct arm_transaction *txn, const char *name, bool cascade,
                                struct arm_error *err)
{
    struct members members = {.schema_name = name};
    bool exists = false;
    arm_status st = ARM_OK;

    if (txn->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "cannot drop schema \"%s\": this session only reads",
                         name);
    }
    if (strcasecmp(name, default_schema) == 0) {
        return arm__fail(err, ARM_INVALID, "schema \"%s\" always exists: it cannot be dropped",
                         name);
    }
    ARM_TRY(arm__txn_schema_exists(txn, name, &exists, err));
    if (!exists) {
        return arm__fail(err, ARM_NOT_FOUND, "there is no schema \"%s\"", name);
    }
    arm__txn_note_all(txn); /* what comes into it meanwhile would have been in the way, or gone */
    ARM_TRY(arm__txn_objects(txn, note_member, &members, err));
    if (members.count > 0 && !cascade) {
        st = arm__fail(err, ARM_INVALID,
                       "schema \"%s\" is not empty: there is \"%s\" in it; DROP SCHEMA ... CASCADE "
                       "drops both",
                       name, members.names[0]);
        goto done;
    }
    arm__mutex_lock(&txn->mutex);
    st = drop_all(txn, &members, err);
    arm__mutex_unlock(&txn->mutex);
done:
    arm__free(members.names);
    return st;
}

/* ---- Sequences ---- */

arm_status arm__txn_sequence_take(struct arm_transaction *txn, const char *schema_name,
                                  const char *name, uint64_t wanted, struct arm_places *out,
                                  struct arm_error *err)
{
    struct arm_txn_table *sequence = NULL;
    struct arm_table_id id;
    bool is_own = false;
    arm_status st;

    arm__mutex_lock(&txn->mutex);
    st = find(txn, ARMPB__OBJECT_KIND__SEQUENCE, schema_name, name, &sequence, err);
    if (st == ARM_OK) {
        id = sequence->table_id;
        is_own = sequence->is_created;
    }
    if (is_own) {
        *out = (struct arm_places){sequence->sequence_used, wanted};
        sequence->sequence_used += wanted;
    }
    arm__mutex_unlock(&txn->mutex);
    if (st == ARM_OK && !is_own) { /* waits for a sync: not under the mutex */
        st = arm__sequence_take(txn->repository, &id, wanted, out, err);
    }
    return st;
}
