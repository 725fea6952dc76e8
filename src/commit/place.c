/* SPDX-License-Identifier: Apache-2.0 */
/* Placing: what a writer prepared is given its place in history, under the commit lock (K5):
 * version numbers, parents, schema ids and field ids, positions, row ids, totals, the root where
 * one is due. Afterwards the record is complete, and folds without further question.
 *
 * Row ids and schema ids go on from the newest version of the table over all branches, so that
 * one id never means two rows or two columns, whatever is merged later. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commit/commit_private.h"

/* ---- Version numbers ---- */

/* The next number of a name: after the last in the index and those given in this commit. */
static arm_status next_number(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                              const char *schema_name, const char *name, uint64_t *inout_last,
                              struct arm_error *err)
{
    uint64_t last;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_last_number(plan->txn, schema_name, name, &last, err));
    for (const struct arm_change_plan *other = plan->changes; other < change; other++) {
        if (other->version > last && strcasecmp(other->schema_name, schema_name) == 0 &&
            strcasecmp(other->name, name) == 0) {
            last = other->version;
        }
    }
    *inout_last = last > *inout_last ? last : *inout_last;
done:
    return st;
}

static arm_status give_version(struct arm_commit_plan *plan, struct arm_change_plan *change,
                               Armpb__TableChange *out, struct arm_error *err)
{
    struct arm_version_row newest;
    uint64_t last = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_last_version(plan->txn, &change->table_id, &newest, &found, err));
    if (found) { /* under another name on another branch, it may be ahead of this name */
        last = newest.version;
    }
    ARM_TRY(next_number(plan, change, change->schema_name, change->name, &last, err));
    if (change->kind == ARMPB__CHANGE_KIND__RENAME) {
        ARM_TRY(next_number(plan, change, change->row.schema_name, change->row.name, &last, err));
    }
    change->version = last + 1;
    out->has_version = true;
    out->version = change->version;
    out->has_parent_version = change->kind != ARMPB__CHANGE_KIND__CREATE;
    out->parent_version = change->parent.version;
    if (change->request->wanted_version != 0 &&
        change->request->wanted_version != change->version) {
        st = arm__fail(err, ARM_VERSION_CONFLICT,
                       "version %llu of table \"%s\" is not the next one, which is %llu",
                       (unsigned long long)change->request->wanted_version, change->name,
                       (unsigned long long)change->version);
    }
done:
    return st;
}

/* ---- Schemas ---- */

static bool type_has_field(const Armpb__Type *type, uint32_t id)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        if (type->fields[i]->id == id || type_has_field(type->fields[i]->type, id)) {
            return true;
        }
    }
    return false;
}

static bool has_field(const Armpb__Schema *schema, uint32_t id)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        const Armpb__Field *field = schema->columns[i]->field;

        if (field->id == id || type_has_field(field->type, id)) {
            return true;
        }
    }
    return false;
}

/* A field id that the writer gave to a new column, and that another branch has given away since:
 * false. `old` is the version's own schema, `taken` the last id given anywhere. */
static bool field_is_free(const Armpb__Field *field, const Armpb__Schema *old, uint32_t taken)
{
    if (field->id != 0 && field->id <= taken && field->id > old->last_field_id &&
        !has_field(old, field->id)) {
        return false;
    }
    for (size_t i = 0; i < field->type->n_fields; i++) {
        if (!field_is_free(field->type->fields[i], old, taken)) {
            return false;
        }
    }
    return true;
}

/* The encoding of a schema under another id. */
static arm_status encode_as(const Armpb__Schema *schema, uint32_t schema_id, struct arm_buf *out,
                            struct arm_error *err)
{
    Armpb__Schema copy = *schema;

    copy.schema_id = schema_id;
    arm__buf_clear(out);
    return arm__schema_encode(&copy, out, err);
}

/* Whether the schema asked for is the version's own, but for its id. */
static arm_status is_own_schema(const struct arm_commit_plan *plan,
                                const struct arm_change_plan *change, bool *out,
                                struct arm_error *err)
{
    struct arm_buf a = ARM_BUF_INIT(64 << 20);
    struct arm_buf b = ARM_BUF_INIT(64 << 20);
    Armpb__Schema *own = NULL;
    Armpb__Schema *asked = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_schema(plan->txn, &change->table_id, change->parent.schema_id, &own, err));
    ARM_TRY(arm__schema_clone(change->request->schema, &asked, err));
    arm__schema_number_fields(asked); /* a new column gets an id, and makes a difference */
    ARM_TRY(encode_as(own, 1, &a, err));
    ARM_TRY(encode_as(asked, 1, &b, err));
    *out = arm__bytes_compare(arm__buf_bytes(&a), arm__buf_bytes(&b)) == 0;
done:
    arm__schema_free(asked);
    arm__schema_free(own);
    arm__buf_release(&b);
    arm__buf_release(&a);
    return st;
}

/* Continue ids where the table's last schema left off, on whatever branch. */
static arm_status continue_schema(struct arm_commit_plan *plan,
                                  const struct arm_change_plan *change, Armpb__Schema *schema,
                                  struct arm_error *err)
{
    uint32_t merged_id = change->request->merged_schema_id;
    Armpb__Schema *own = NULL;
    Armpb__Schema *last = NULL;
    Armpb__Schema *merged = NULL;
    uint32_t last_id;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_last_schema(plan->txn, &change->table_id, &last_id, err));
    ARM_TRY(arm__index_schema(plan->txn, &change->table_id, change->parent.schema_id, &own, err));
    ARM_TRY(arm__index_schema(plan->txn, &change->table_id, last_id, &last, err));
    if (merged_id != 0) {
        ARM_TRY(arm__index_schema(plan->txn, &change->table_id, merged_id, &merged, err));
    }
    for (size_t i = 0; i < schema->n_columns; i++) {
        const Armpb__Field *field = schema->columns[i]->field;

        if (!field_is_free(field, own, last->last_field_id) &&
            (merged == NULL || !has_field(merged, field->id))) {
            st = arm__fail(err, ARM_CONFLICT,
                           "table \"%s\".\"%s\": its columns were changed on another branch since "
                           "this transaction began; run it again",
                           change->schema_name, change->name);
            goto done;
        }
    }
    schema->schema_id = last_id + 1;
    if (schema->last_field_id < last->last_field_id) {
        schema->last_field_id = last->last_field_id;
    }
done:
    arm__schema_free(merged);
    arm__schema_free(last);
    arm__schema_free(own);
    return st;
}

/* Schemas are cloned by the model; the arena frees them with the plan (arm__commit). */
static arm_status give_schema(struct arm_commit_plan *plan, struct arm_change_plan *change,
                              Armpb__TableChange *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    out->schema_id = change->parent.schema_id;
    if (change->request->schema == NULL) {
        return ARM_OK;
    }
    ARM_TRY(arm__schema_clone(change->request->schema, &out->schema, err));
    if (change->kind == ARMPB__CHANGE_KIND__CREATE) {
        out->schema->schema_id = 1;
    } else if (change->row.object == ARMPB__OBJECT_KIND__VIEW) {
        uint32_t last_id = 0; /* the fields of a view are nowhere but here */

        ARM_TRY(arm__index_last_schema(plan->txn, &change->table_id, &last_id, err));
        out->schema->schema_id = last_id + 1;
    } else {
        ARM_TRY(continue_schema(plan, change, out->schema, err));
    }
    arm__schema_number_fields(out->schema);
    out->schema_id = out->schema->schema_id;
done:
    return st;
}

/* ---- One change ---- */

static arm_status give_root(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                            Armpb__TableChange *out, struct arm_error *err)
{
    bool is_new = change->kind == ARMPB__CHANGE_KIND__CREATE;
    uint8_t *root = NULL;
    struct arm_hash hash;
    bool is_needed;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_root_needed(out, is_new ? NULL : &change->parent, &is_needed, err));
    if (is_needed) {
        ARM_TRY(arm__index_materialise(plan->txn, arm__plan_now(plan) + 1, out, &hash, err));
        ARM_TRY(arm__arena_alloc(&plan->arena, 1, ARM_HASH_BYTES, &root, err));
        memcpy(root, hash.bytes, ARM_HASH_BYTES);
        out->has_root = true;
        out->root = (ProtobufCBinaryData){ARM_HASH_BYTES, root};
    }
done:
    return st;
}

static void give_object(const struct arm_change_plan *change, Armpb__TableChange *out)
{
    Armpb__ObjectKind object = change->row.object;

    if (change->kind == ARMPB__CHANGE_KIND__CREATE) {
        object = change->request->object == 0 ? ARMPB__OBJECT_KIND__TABLE : change->request->object;
    }
    out->object = object;
    out->has_object = object != ARMPB__OBJECT_KIND__TABLE;
}

/* What its maker says of the version. */
static arm_status give_words(struct arm_commit_plan *plan, const struct arm_new_change *request,
                             Armpb__TableChange *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    out->metadata = request->metadata == NULL ? NULL : arm__commit_unconst(request->metadata);
    if (request->use_count == 0) {
        goto done;
    }
    ARM_TRY(arm__arena_alloc(&plan->arena, request->use_count, sizeof *out->uses, &out->uses, err));
    for (size_t i = 0; i < request->use_count; i++) {
        uint8_t *hash = NULL;

        ARM_TRY(arm__arena_alloc(&plan->arena, 1, ARM_HASH_BYTES, &hash, err));
        memcpy(hash, request->uses[i].bytes, ARM_HASH_BYTES);
        out->uses[out->n_uses++] = (ProtobufCBinaryData){ARM_HASH_BYTES, hash};
    }
done:
    return st;
}

/* The version stays what it is; what it means for the branch is the writer's to say. */
static void place_adopted(const struct arm_change_plan *change, Armpb__TableChange *out)
{
    out->has_parent_version = true;
    out->parent_version = change->parent.version;
    out->schema_id = change->parent.schema_id;
    out->row_count = change->parent.row_count;
    out->data_bytes = change->parent.data_bytes;
    out->next_row_id = change->parent.next_row_id;
    out->rows_added = change->request->rows_added;
    out->rows_removed = change->request->rows_removed;
}

static arm_status place_change(struct arm_commit_plan *plan, struct arm_change_plan *change,
                               Armpb__TableChange *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    armpb__table_change__init(out);
    out->kind = change->kind;
    out->table_id = (ProtobufCBinaryData){ARM_TABLE_ID_BYTES, change->table_id.bytes};
    give_object(change, out);
    if (change->kind == ARMPB__CHANGE_KIND__DROP) {
        out->schema_id = change->parent.schema_id;
        out->has_parent_version = true;
        out->parent_version = change->parent.version;
        out->rows_removed = change->parent.row_count;
        out->next_row_id = change->parent.next_row_id;
        goto done;
    }
    if (change->kind != ARMPB__CHANGE_KIND__WRITE && change->kind != ARMPB__CHANGE_KIND__ALTER) {
        out->schema_name = arm__commit_unconst(change->schema_name);
        out->name = arm__commit_unconst(change->name);
    }
    if (change->adopts_alone) {
        place_adopted(change, out);
        goto done;
    }
    ARM_TRY(give_version(plan, change, out, err));
    ARM_TRY(give_schema(plan, change, out, err));
    out->has_base_layout = change->goes_back;
    out->base_layout = change->goes_back ? change->request->base_layout : 0;
    ARM_TRY(arm__place_rows(plan, change, out, err));
    ARM_TRY(give_root(plan, change, out, err));
    ARM_TRY(give_words(plan, change->request, out, err));
done:
    return st;
}

/* ---- K4 ---- */

/* A replacement whose entries are those that are there, in order. */
struct comparison {
    const struct arm_new_change *request;
    size_t next;
    bool is_equal;
};

static arm_status compare_entry(void *context, const struct arm_entry *entry, struct arm_error *err)
{
    struct comparison *c = context;
    const struct arm_new_entry *ours;

    (void)err;
    if (!c->is_equal || c->next >= c->request->added_count) {
        c->is_equal = false;
        return ARM_OK;
    }
    ours = &c->request->added[c->next++];
    c->is_equal = entry->dead == 0 && entry->rows == ours->rows && ours->position.size == 0 &&
                  arm__hash_equal(&entry->rows_hash, &ours->rows_hash);
    return ARM_OK;
}

static arm_status replaces_by_same(const struct arm_commit_plan *plan,
                                   const struct arm_change_plan *change, bool *out,
                                   struct arm_error *err)
{
    struct comparison c = {.request = change->request, .is_equal = true};
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->request->added_count; i++) {
        rows += change->request->added[i].rows;
    }
    if (rows != change->parent.row_count) {
        *out = false;
        return ARM_OK;
    }
    ARM_TRY(arm__index_entries(plan->txn, &change->table_id, change->row.version,
                               change->parent.layout, compare_entry, &c, err));
    *out = c.is_equal && c.next == change->request->added_count;
done:
    return st;
}

static bool touches_rows(const struct arm_new_change *request)
{
    bool touches = request->removed_count > 0;

    for (size_t i = 0; i < request->added_count; i++) {
        touches = touches || request->added[i].rows > 0;
    }
    for (size_t i = 0; i < request->deleted_count; i++) {
        touches = touches || request->deleted[i].bits.size > 0;
    }
    return touches;
}

static arm_status sift_change(const struct arm_commit_plan *plan, struct arm_change_plan *change,
                              struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    bool is_same = true;
    arm_status st = ARM_OK;

    if (request->force_version || change->kind == ARMPB__CHANGE_KIND__CREATE ||
        change->kind == ARMPB__CHANGE_KIND__DROP) {
        return ARM_OK;
    }
    if (change->kind == ARMPB__CHANGE_KIND__RENAME) {
        is_same = strcmp(change->name, change->row.name) == 0 &&
                  strcmp(change->schema_name, change->row.schema_name) == 0;
    }
    if (is_same && request->schema != NULL) {
        ARM_TRY(is_own_schema(plan, change, &is_same, err));
    }
    if (is_same && request->truncated) {
        ARM_TRY(replaces_by_same(plan, change, &is_same, err));
    } else if (is_same) {
        is_same = !touches_rows(request);
    }
    change->changes_nothing = is_same;
done:
    return st;
}

/* A version that is adopted is one change, what is done to its rows another. Under another name
 * than its own it is another version. */
static arm_status sift_adopted(const struct arm_commit_plan *plan, struct arm_change_plan *change,
                               struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    bool is_named_so = strcmp(change->name, change->row.name) == 0 &&
                       strcmp(change->schema_name, change->row.schema_name) == 0;
    struct arm_table_id id;
    bool is_same;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_number(plan->txn, change->schema_name, change->name, request->base_version,
                              &id, &is_same, err));
    is_same = is_same && arm__table_id_equal(&id, &change->table_id);
    if (is_same && request->schema != NULL) {
        ARM_TRY(is_own_schema(plan, change, &is_same, err));
    }
    change->adopts_alone =
        is_same && !request->force_version && !request->truncated && !touches_rows(request);
    change->changes_nothing = change->adopts_alone && is_named_so &&
                              request->had_version == request->base_version &&
                              !request->force_change;
done:
    return st;
}

arm_status arm__commit_sift(struct arm_commit_plan *plan, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < plan->change_count; i++) {
        struct arm_change_plan *change = &plan->changes[i];

        ARM_TRY(change->kind == ARMPB__CHANGE_KIND__ADOPT ? sift_adopted(plan, change, err)
                                                          : sift_change(plan, change, err));
    }
done:
    return st;
}

/* ---- The commit ---- */

static arm_status give_parent(struct arm_commit_plan *plan, uint64_t tx, struct arm_error *err)
{
    Armpb__Commit *commit = &plan->commit;
    struct arm_record_row row;
    struct arm_id *id = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_record(plan->txn, tx, &row, &found, err));
    if (!found || !row.is_commit) {
        st = arm__fail(err, ARM_CORRUPT, "index: commit %llu is missing", (unsigned long long)tx);
        goto done;
    }
    ARM_TRY(arm__arena_alloc(&plan->arena, 1, sizeof *id, &id, err));
    *id = row.commit_id;
    commit->parents[commit->n_parents++] = (ProtobufCBinaryData){ARM_ID_BYTES, id->bytes};
    if (commit->generation <= row.generation) {
        commit->generation = row.generation + 1;
    }
done:
    return st;
}

/* K8. A commit is not merged into itself. */
static arm_status give_merged(struct arm_commit_plan *plan, uint64_t head_tx, struct arm_error *err)
{
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_find_id(plan->txn, &plan->request->merged, &tx, &found, err));
    if (!found || tx == head_tx) {
        st = arm__fail(err, ARM_INVALID, "what is to be merged is no other commit");
        goto done;
    }
    ARM_TRY(give_parent(plan, tx, err));
done:
    return st;
}

static arm_status give_parents(struct arm_commit_plan *plan, struct arm_error *err)
{
    Armpb__Commit *commit = &plan->commit;
    uint64_t tx;
    arm_status st = ARM_OK;

    commit->generation = 1;
    ARM_TRY(arm__arena_alloc(&plan->arena, 2, sizeof *commit->parents, &commit->parents, err));
    ARM_TRY(arm__index_head(plan->txn, commit->branch_id, arm__plan_now(plan), &tx, err));
    if (tx != 0) {
        ARM_TRY(give_parent(plan, tx, err));
    }
    if (arm__plan_merges(plan)) {
        ARM_TRY(give_merged(plan, tx, err));
    }
done:
    return st;
}

static size_t count_hot(const struct arm_commit_plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->request->change_count; i++) {
        for (size_t k = 0; k < plan->request->changes[i].added_count; k++) {
            count += plan->request->changes[i].added[k].is_hot;
        }
    }
    return count;
}

arm_status arm__commit_place(struct arm_commit_plan *plan, struct arm_error *err)
{
    const struct arm_commit_request *request = plan->request;
    Armpb__Commit *commit = &plan->commit;
    arm_status st = ARM_OK;

    commit->commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, plan->commit_id.bytes};
    commit->time_us = arm__repository_time(plan->repository, &plan->turn->state);
    commit->branch_id = request->snapshot.branch_id;
    commit->has_snapshot_tx = true;
    commit->snapshot_tx = request->snapshot.tx;
    commit->author = arm__commit_unconst(arm__commit_author(request->author));
    commit->message = arm__commit_unconst(request->message != NULL ? request->message : "");
    ARM_TRY(arm__arena_alloc(&plan->arena, plan->change_count, sizeof *commit->changes,
                             &commit->changes, err));
    ARM_TRY(
        arm__arena_alloc(&plan->arena, count_hot(plan), sizeof *plan->placed, &plan->placed, err));
    for (size_t i = 0; i < plan->change_count; i++) {
        Armpb__TableChange *change = NULL;

        if (plan->changes[i].changes_nothing) {
            continue;
        }
        ARM_TRY(arm__arena_alloc(&plan->arena, 1, sizeof *change, &change, err));
        commit->changes[commit->n_changes++] = change;
        ARM_TRY(place_change(plan, &plan->changes[i], change, err));
    }
    ARM_TRY(give_parents(plan, err));
done:
    return st;
}
