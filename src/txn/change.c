/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction changes. Each call is one statement's change, applied whole or not at all
 * (X3): what can fail comes before what cannot. */

#include <assert.h>

#include "base/alloc.h"
#include "table/key_hash.h"
#include "txn/txn_private.h"

enum { SCHEMA_BYTES_MAX = 64 << 20 };

/* ---- Tables ---- */

void arm__txn_drop_found(struct arm_transaction *txn, struct arm_txn_table *table)
{
    arm__txn_table_clear_changes(table);
    table->has_new_schema = false;
    table->is_dropped = true;
    txn->catalog_version++;
}

/* An id for a table that has none yet: views of different ones must not look alike. */
static arm_status give_table_id(struct arm_transaction *txn, struct arm_txn_table *table,
                                struct arm_error *err)
{
    struct arm_id id;
    arm_status st = arm__id_random(&id, err);

    if (st == ARM_OK) {
        table->table_id = arm__table_id(&id, txn->created_count++);
    }
    return st;
}

/* SQL has these for itself: a table in one could not be named, or another would be found. */
arm_status arm__txn_check_schema_name(const char *name, struct arm_error *err)
{
    static const char *const kept[] = {"information_schema", "pg_catalog", "temp", "system",
                                       "armillaria"};

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (arm__name_equal(name, kept[i])) {
            return arm__fail(err, ARM_INVALID_NAME,
                             "the schema name \"%s\" is SQL's own: use another", name);
        }
    }
    return arm__name_check(name, "schema", err);
}

/* A view that is replaced goes on under its id: the next version of it. */
static arm_status replace_view(struct arm_transaction *txn, struct arm_txn_table *view,
                               const Armpb__Schema *schema, struct arm_error *err)
{
    uint32_t id = view->is_created ? 1 : view->base.version.schema_id + 1;
    struct arm_txn_schema *own = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_schema_new(schema, id, &own, err));
    arm__txn_schema_drop(view->schema);
    view->schema = own;
    view->has_new_schema = !view->is_created;
    txn->catalog_version++;
done:
    return st;
}

static arm_status exists(const struct arm_txn_table *old, const struct arm_txn_creation *creation,
                         struct arm_error *err)
{
    const char *word = arm__object_word(old->object);

    if (creation->or_replace) {
        return arm__fail(err, ARM_EXISTS, "\"%s\" is a %s: a %s cannot replace it", creation->name,
                         word, arm__object_word(creation->object));
    }
    return arm__fail(err, ARM_EXISTS, "%s \"%s\" exists already", word, creation->name);
}

/* Room in the list for what is made, its id given. */
static arm_status add_created(struct arm_transaction *txn, const struct arm_txn_creation *creation,
                              struct arm_txn_table **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_add_table(txn, creation->schema_name, creation->name, out, err));
    (*out)->object = creation->object;
    st = give_table_id(txn, *out, err);
    if (st != ARM_OK) {
        arm__txn_remove_last(txn);
    }
done:
    return st;
}

arm_status arm__txn_create(struct arm_transaction *txn, const struct arm_txn_creation *creation,
                           struct arm_error *err)
{
    struct arm_txn_schema *own = NULL;
    struct arm_txn_table *old = NULL;
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    if (txn->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "cannot create %s \"%s\": this session only reads",
                         arm__object_word(creation->object), creation->name);
    }
    ARM_TRY(arm__object_name_check(creation->object, creation->schema_name, creation->name, err));
    ARM_TRY(arm__txn_check_schema_name(
        creation->object == ARMPB__OBJECT_KIND__SCHEMA ? creation->name : creation->schema_name,
        err));
    ARM_TRY(arm__keys_check(creation->schema, err));
    ARM_TRY(arm__txn_find(txn, creation->schema_name, creation->name, &old, err));
    if (old != NULL && (!creation->or_replace || old->object != creation->object)) {
        st = exists(old, creation, err);
        goto done;
    }
    if (old != NULL && old->object == ARMPB__OBJECT_KIND__VIEW) {
        st = replace_view(txn, old, creation->schema, err);
        goto done;
    }
    ARM_TRY(arm__txn_schema_new(creation->schema, 1, &own, err));
    ARM_TRY(add_created(txn, creation, &table, err));
    if (old != NULL) {
        arm__txn_drop_found(txn, old);
    }
    table->is_created = true;
    table->schema = own;
    own = NULL;
    txn->catalog_version++;
done:
    arm__txn_schema_drop(own);
    return st;
}

arm_status arm__txn_create_table(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const Armpb__Schema *schema, bool or_replace,
                                 struct arm_error *err)
{
    struct arm_txn_creation creation = {.object = ARMPB__OBJECT_KIND__TABLE,
                                        .schema_name = schema_name,
                                        .name = name,
                                        .schema = schema,
                                        .or_replace = or_replace};
    arm_status st;

    arm__mutex_lock(&txn->mutex);
    st = arm__txn_create(txn, &creation, err);
    arm__mutex_unlock(&txn->mutex);
    return st;
}

arm_status arm__txn_drop_table(struct arm_transaction *txn, const char *schema_name,
                               const char *name, struct arm_error *err)
{
    return arm__txn_drop(txn, ARMPB__OBJECT_KIND__TABLE, schema_name, name, err);
}

/* ---- Rows in ---- */

/* Room for `count` more own entries. */
static arm_status reserve_own(struct arm_txn_table *table, size_t count, struct arm_error *err)
{
    size_t needed = table->own_count + count;
    size_t capacity = needed < 2 * table->own_capacity ? 2 * table->own_capacity : needed;
    arm_status st = ARM_OK;

    if (needed > table->own_capacity) {
        st = arm__realloc(&table->own, capacity, sizeof *table->own, err);
        table->own_capacity = st == ARM_OK ? capacity : table->own_capacity;
    }
    return st;
}

/* Put the batch's entries behind the others; there is room. Takes the reference. */
static void add_batch(struct arm_txn_table *table, struct arm_txn_batch *batch)
{
    for (size_t i = 0; i < batch->written.entry_count; i++) {
        const struct arm_new_entry *entry = &batch->written.entries[i];

        table->own[table->own_count++] = (struct arm_txn_own){
            .batch = arm__txn_batch_retain(batch), .index = i, .generation = table->generation};
        table->own_rows += entry->rows;
        table->unjoined += entry->is_hot;
    }
    arm__txn_batch_drop(batch);
}

arm_status arm__txn_append(struct arm_transaction *txn, const char *schema_name, const char *name,
                           struct arm_written *written, struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    struct arm_txn_batch *batch = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    ARM_TRY(arm__txn_check_keys(
        txn, table, &(struct arm_key_change){.written_count = 1, .written = written}, err));
    ARM_TRY(reserve_own(table, written->entry_count, err));
    ARM_TRY(arm__txn_batch_new(written, &batch, err));
    add_batch(table, batch); /* the list need not go: it can be extended */
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

/* ---- Replacing ---- */

/* Mark the base entries whose positions are in `plan`, both in order. Returns their live rows. */
static uint64_t mark_removed(const struct arm_table_state *state,
                             const struct arm_replacement *plan, bool *removed)
{
    uint64_t rows = 0;
    size_t next = 0;

    for (size_t i = 0; i < state->entry_count && next < plan->removed_count; i++) {
        const struct arm_state_entry *entry = &state->entries[i];

        if (arm__bytes_compare(arm__position_bytes(&entry->position),
                               arm__position_bytes(&plan->removed[next])) == 0) {
            removed[i] = true;
            rows += entry->rows - entry->dead;
            next++;
        }
    }
    assert(next == plan->removed_count);
    return rows;
}

/* What a replacement does to the base: positions for `written`, and, in `*out_removed`, which
 * entries go. Whatever the transaction did to the rows before is no more. */
static arm_status plan_replacement(struct arm_txn_table *table, struct arm_written *written,
                                   struct arm_replacement *plan, bool **out_removed,
                                   uint64_t *out_rows, struct arm_error *err)
{
    const struct arm_table_state *state = table->state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__replace_plan(state, written, plan, err));
    if (plan->truncated) {
        *out_rows = state->live_rows;
    } else if (plan->removed_count > 0) {
        ARM_TRY(arm__calloc(state->entry_count, sizeof **out_removed, out_removed, err));
        *out_rows = mark_removed(state, plan, *out_removed);
    }
done:
    return st;
}

static arm_status replace_rows(struct arm_transaction *txn, struct arm_txn_table *table,
                               struct arm_txn_schema **schema, struct arm_written *written,
                               struct arm_error *err)
{
    struct arm_replacement plan = {.truncated = false};
    struct arm_txn_batch *batch = NULL;
    bool *removed = NULL;
    uint64_t removed_rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_load_state(txn, table, err));
    ARM_TRY(reserve_own(table, written->entry_count, err));
    if (table->state != NULL) {
        ARM_TRY(plan_replacement(table, written, &plan, &removed, &removed_rows, err));
    }
    ARM_TRY(arm__txn_batch_new(written, &batch, err));
    arm__txn_table_clear_changes(table);
    table->truncated = plan.truncated;
    table->base_removed = removed;
    table->removed_rows = removed_rows;
    removed = NULL;
    add_batch(table, batch);
    if (*schema != NULL) {
        arm__txn_schema_drop(table->schema);
        table->schema = *schema;
        *schema = NULL;
        table->has_new_schema = !table->is_created;
        txn->catalog_version++;
    }
done:
    arm__free(removed);
    arm__free(plan.removed);
    return st;
}

/* Whether the two are the same but for their id and the last field id given away. */
static arm_status same_schema(const Armpb__Schema *a, const Armpb__Schema *b, bool *out,
                              struct arm_error *err)
{
    struct arm_buf x = ARM_BUF_INIT(SCHEMA_BYTES_MAX);
    struct arm_buf y = ARM_BUF_INIT(SCHEMA_BYTES_MAX);
    Armpb__Schema left = *a;
    Armpb__Schema right = *b;
    arm_status st = ARM_OK;

    left.schema_id = right.schema_id = 1;
    right.last_field_id = left.last_field_id;
    ARM_TRY(arm__schema_encode(&left, &x, err));
    ARM_TRY(arm__schema_encode(&right, &y, err));
    *out = arm__bytes_compare(arm__buf_bytes(&x), arm__buf_bytes(&y)) == 0;
done:
    arm__buf_release(&y);
    arm__buf_release(&x);
    return st;
}

arm_status arm__txn_replace(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const Armpb__Schema *schema, struct arm_written *written,
                            struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    struct arm_txn_schema *own = NULL;
    bool same = true;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    if (schema != NULL) {
        ARM_TRY(same_schema(schema, arm__txn_table_schema(table), &same, err));
    }
    if (!same) {
        uint32_t id = table->is_created ? 1 : table->base.version.schema_id + 1;

        ARM_TRY(arm__txn_schema_new(schema, id, &own, err));
    }
    ARM_TRY(arm__txn_check_keys(txn, table,
                                &(struct arm_key_change){.written_count = 1,
                                                         .written = written,
                                                         .schema = own == NULL ? NULL : own->schema,
                                                         .replaces = true},
                                err));
    ARM_TRY(replace_rows(txn, table, &own, written, err));
done:
    arm__mutex_unlock(&txn->mutex);
    arm__txn_schema_drop(own);
    return st;
}

arm_status arm__txn_tell_version(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const struct arm_version_words *words,
                                 struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    struct arm_hash *uses = NULL;
    char *metadata = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    if (words->metadata != NULL) {
        ARM_TRY(arm__strdup(words->metadata, &metadata, err));
    }
    if (words->use_count > 0) {
        ARM_TRY(arm__calloc(words->use_count, sizeof *uses, &uses, err));
        memcpy(uses, words->uses, words->use_count * sizeof *uses);
    }
    arm__free(table->metadata);
    arm__free(table->uses);
    table->is_told = true;
    table->wanted_version = words->wanted_version;
    table->metadata = metadata;
    table->uses = uses;
    table->use_count = words->use_count;
    metadata = NULL;
    uses = NULL;
done:
    arm__mutex_unlock(&txn->mutex);
    arm__free(uses);
    arm__free(metadata);
    return st;
}

/* ---- Rows out ---- */

static arm_status too_old(const struct arm_view *view, struct arm_error *err)
{
    return arm__fail(err, ARM_INVALID,
                     "table \"%s\": rows were replaced since the statement began to see them",
                     view->name);
}

/* The own entry that a view's entry shows; NULL: it is there no more. */
static struct arm_txn_own *find_own(struct arm_txn_table *table,
                                    const struct arm_txn_origin *origin)
{
    for (size_t n = 0; n <= table->own_count; n++) {
        /* Where it stood, then everywhere. */
        size_t i = n == 0 ? origin->own : n - 1;

        if (i < table->own_count && table->own[i].batch == origin->batch &&
            table->own[i].index == origin->index) {
            return &table->own[i];
        }
    }
    return NULL;
}

/* Where the dead rows of a view's entry are kept, NULL if the entry is there no more; `*out_base`:
 * what was dead before this transaction. */
static struct arm_txn_dead **find_dead(struct arm_txn_table *table, const struct arm_view *view,
                                       size_t entry, const roaring_bitmap_t **out_base)
{
    const struct arm_txn_origin *origin = arm__txn_view_origin(view, entry);
    size_t index = origin == NULL ? entry : origin->index;

    *out_base = NULL;
    if (origin != NULL && origin->batch != NULL) {
        struct arm_txn_own *own = find_own(table, origin);

        return own == NULL ? NULL : &own->dead;
    }
    if (table->truncated || (table->base_removed != NULL && table->base_removed[index])) {
        return NULL;
    }
    *out_base = table->state->entries[index].vector;
    return &table->base_dead[index];
}

/* `joined[i]`: the new dead rows of view entry i, NULL where nothing changes. */
static arm_status join_all(struct arm_txn_table *table, const struct arm_view *view,
                           roaring_bitmap_t *const *rows, struct arm_txn_dead **joined,
                           uint64_t *out_count, struct arm_error *err)
{
    uint64_t count = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < view->entry_count; i++) {
        const roaring_bitmap_t *base = NULL;
        struct arm_txn_dead **dead;
        uint64_t more = 0;

        if (rows[i] == NULL || roaring_bitmap_is_empty(rows[i])) {
            continue;
        }
        if (roaring_bitmap_maximum(rows[i]) >= view->entries[i].rows) {
            return arm__fail(err, ARM_INVALID, "row %u of an entry of %u rows",
                             roaring_bitmap_maximum(rows[i]), view->entries[i].rows);
        }
        dead = find_dead(table, view, i, &base);
        if (dead == NULL) {
            return too_old(view, err);
        }
        ARM_TRY(arm__txn_dead_join(*dead, base, rows[i], &joined[i], &more, err));
        if (more == 0) {
            arm__txn_dead_drop(joined[i]);
            joined[i] = NULL;
        }
        count += more;
    }
    *out_count = count;
done:
    return st;
}

/* Cannot fail. */
static void take_over(struct arm_txn_table *table, const struct arm_view *view,
                      struct arm_txn_dead **joined)
{
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct arm_txn_origin *origin = arm__txn_view_origin(view, i);
        const roaring_bitmap_t *base = NULL;
        struct arm_txn_dead **dead;
        uint64_t died;

        if (joined[i] == NULL) {
            continue;
        }
        dead = find_dead(table, view, i, &base);
        died = roaring_bitmap_get_cardinality(joined[i]->own) -
               (*dead == NULL ? 0 : roaring_bitmap_get_cardinality((*dead)->own));
        if (origin != NULL && origin->batch != NULL) {
            table->own_rows -= died;
        } else {
            table->removed_rows += died;
            table->base_dead_count += *dead == NULL;
        }
        arm__txn_dead_drop(*dead);
        *dead = joined[i];
        joined[i] = NULL;
    }
}

static arm_status delete_rows(struct arm_txn_table *table, const struct arm_view *view,
                              roaring_bitmap_t *const *rows, uint64_t *out_count,
                              struct arm_error *err)
{
    struct arm_txn_dead **joined = NULL;
    uint64_t count = 0;
    arm_status st = ARM_OK;

    if (table->state != NULL && table->base_dead == NULL) {
        ARM_TRY(arm__calloc(table->state->entry_count, sizeof(struct arm_txn_dead *),
                            &table->base_dead, err));
    }
    ARM_TRY(arm__calloc(view->entry_count, sizeof(struct arm_txn_dead *), &joined, err));
    ARM_TRY(join_all(table, view, rows, joined, &count, err));
    if (count > 0) {
        take_over(table, view, joined);
        arm__txn_table_changed(table);
    }
    *out_count = count;
done:
    for (size_t i = 0; joined != NULL && i < view->entry_count; i++) {
        arm__txn_dead_drop(joined[i]);
    }
    arm__free(joined);
    return st;
}

/* The table that `view` shows, its base loaded; ARM_INVALID if its name is another's by now. */
static arm_status find_viewed(struct arm_transaction *txn, const struct arm_view *view,
                              struct arm_txn_table **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_find_for_change(txn, view->schema_name, view->name, out, err));
    if (!arm__table_id_equal(&(*out)->table_id, &view->table_id)) {
        st = too_old(view, err);
        goto done;
    }
    ARM_TRY(arm__txn_load_state(txn, *out, err));
done:
    return st;
}

arm_status arm__txn_delete(struct arm_transaction *txn, const struct arm_view *view,
                           roaring_bitmap_t *const *rows, uint64_t *out_count,
                           struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(find_viewed(txn, view, &table, err));
    ARM_TRY(delete_rows(table, view, rows, out_count, err));
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

/* Everything that can fail, before the first change: room and batches for what is written. */
static arm_status take_written(struct arm_txn_table *table, struct arm_written written[2],
                               struct arm_txn_batch *batches[2], struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(reserve_own(table, written[0].entry_count + written[1].entry_count, err));
    for (int i = 0; i < 2; i++) {
        if (written[i].entry_count > 0) {
            ARM_TRY(arm__txn_batch_new(&written[i], &batches[i], err));
        }
    }
done:
    return st;
}

arm_status arm__txn_update(struct arm_transaction *txn, const struct arm_view *view,
                           roaring_bitmap_t *const *rows, struct arm_written written[2],
                           const bool *kept_keys, uint64_t *out_count, struct arm_error *err)
{
    struct arm_txn_batch *batches[2] = {NULL, NULL};
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(find_viewed(txn, view, &table, err));
    ARM_TRY(arm__txn_check_keys(txn, table,
                                &(struct arm_key_change){.written_count = 2,
                                                         .written = written,
                                                         .view = view,
                                                         .dying = rows,
                                                         .kept_keys = kept_keys},
                                err));
    ARM_TRY(take_written(table, written, batches, err));
    ARM_TRY(delete_rows(table, view, rows, out_count, err));
    for (int i = 0; i < 2; i++) {
        if (batches[i] != NULL) {
            add_batch(table, batches[i]);
            batches[i] = NULL;
        }
    }
done:
    arm__mutex_unlock(&txn->mutex);
    arm__txn_batch_drop(batches[0]);
    arm__txn_batch_drop(batches[1]);
    return st;
}
