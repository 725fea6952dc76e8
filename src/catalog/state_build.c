/* SPDX-License-Identifier: Apache-2.0 */
/* Building table states. Entries stand in one array in order of position; an append goes to its
 * end, so that following a table commit by commit costs what the commits hold. */

#include "catalog/state_build.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

/* ---- Vectors ---- */

static void drop_vector(struct arm_shared_vector *vector)
{
    if (vector != NULL &&
        atomic_fetch_sub_explicit(&vector->references, 1, memory_order_acq_rel) == 1) {
        arm__vector_free(vector->rows);
        arm__free(vector);
    }
}

/* `rows` is taken in any case. */
static arm_status new_vector(roaring_bitmap_t *rows, struct arm_shared_vector **out,
                             struct arm_error *err)
{
    struct arm_shared_vector *vector = NULL;
    arm_status st = arm__calloc(1, sizeof *vector, &vector, err);

    if (st != ARM_OK) {
        arm__vector_free(rows);
        return st;
    }
    atomic_init(&vector->references, 1);
    vector->rows = rows;
    *out = vector;
    return ARM_OK;
}

/* ---- Entries ---- */

struct arm_table_state *arm__table_state_retain(struct arm_table_state *state)
{
    atomic_fetch_add_explicit(&arm__counted_state(state)->references, 1, memory_order_relaxed);
    return state;
}

void arm__table_state_drop(struct arm_table_state *state)
{
    struct arm_counted_state *counted;

    if (state == NULL) {
        return;
    }
    counted = arm__counted_state(state);
    if (atomic_fetch_sub_explicit(&counted->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < state->entry_count; i++) {
        drop_vector(counted->vectors[i]);
    }
    arm__free(counted->vectors);
    arm__free(state->entries);
    arm__free(state->chunks);
    arm__free(counted);
}

static arm_status new_state(const struct arm_table_id *table_id, uint64_t version,
                            struct arm_counted_state **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof **out, out, err));
    (*out)->state.table_id = *table_id;
    (*out)->state.version = version;
    atomic_init(&(*out)->references, 1);
done:
    return st;
}

static arm_status reserve(struct arm_counted_state *build, size_t count, struct arm_error *err)
{
    size_t capacity = build->capacity == 0 ? 16 : build->capacity;
    arm_status st = ARM_OK;

    while (capacity < count) {
        capacity += capacity / 2;
    }
    if (capacity > build->capacity) {
        ARM_TRY(arm__realloc(&build->state.entries, capacity, sizeof *build->state.entries, err));
        ARM_TRY(arm__realloc(&build->vectors, capacity, sizeof(struct arm_shared_vector *), err));
        ARM_TRY(arm__realloc(&build->state.chunks, capacity, sizeof *build->state.chunks, err));
        build->capacity = capacity;
    }
done:
    return st;
}

/* Entries from `at` on, which are new or have others before them than they had. */
static void renew(struct arm_table_state *state, size_t at)
{
    static atomic_uint_least64_t given;
    uint64_t first =
        atomic_fetch_add_explicit(&given, state->entry_count - at, memory_order_relaxed);

    for (size_t i = at; i < state->entry_count; i++) {
        state->entries[i].lineage = first + 1 + (i - at);
    }
    while (state->chunk_count > 0 && state->chunks[state->chunk_count - 1] >= at) {
        state->chunk_count--;
    }
    for (size_t i = at; i < state->entry_count; i++) {
        if (!state->entries[i].is_hot) {
            state->chunks[state->chunk_count++] = i;
        }
    }
}

/* Put an entry before the one at `at`; the vector is taken in any case. */
static arm_status insert(struct arm_counted_state *build, size_t at,
                         const struct arm_state_entry *entry, struct arm_shared_vector *vector,
                         struct arm_error *err)
{
    struct arm_table_state *state = &build->state;
    size_t rest = state->entry_count - at;
    arm_status st = reserve(build, state->entry_count + 1, err);

    if (st != ARM_OK) {
        drop_vector(vector);
        return st;
    }
    memmove(&state->entries[at + 1], &state->entries[at], rest * sizeof *state->entries);
    memmove(&build->vectors[at + 1], &build->vectors[at],
            rest * sizeof(struct arm_shared_vector *));
    state->entries[at] = *entry;
    state->entries[at].vector = vector == NULL ? NULL : vector->rows;
    build->vectors[at] = vector;
    state->entry_count++;
    state->live_rows += entry->rows - entry->dead;
    renew(state, at);
    return ARM_OK;
}

/* Take out the entries of which `is_gone` (by number); NULL: all. */
static void take_out(struct arm_counted_state *build, const bool *is_gone)
{
    struct arm_table_state *state = &build->state;
    size_t first_gone = state->entry_count;
    size_t kept = 0;

    for (size_t i = 0; i < state->entry_count; i++) {
        if (is_gone == NULL || is_gone[i]) {
            state->live_rows -= state->entries[i].rows - state->entries[i].dead;
            drop_vector(build->vectors[i]);
            first_gone = i < first_gone ? i : first_gone;
        } else {
            state->entries[kept] = state->entries[i];
            build->vectors[kept++] = build->vectors[i];
        }
    }
    state->entry_count = kept;
    renew(state, first_gone);
}

/* Where the position stands, or would. */
static size_t find(const struct arm_table_state *state, struct arm_bytes position, bool *out_found)
{
    size_t low = 0;
    size_t high = state->entry_count;

    if (high > 0 &&
        arm__bytes_compare(arm__position_bytes(&state->entries[high - 1].position), position) < 0) {
        low = high; /* an append */
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (arm__bytes_compare(arm__position_bytes(&state->entries[middle].position), position) <
            0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_found =
        low < state->entry_count &&
        arm__bytes_compare(arm__position_bytes(&state->entries[low].position), position) == 0;
    return low;
}

/* ---- From the index ---- */

static arm_status add_entry(void *context, const struct arm_entry *entry, struct arm_error *err)
{
    struct arm_counted_state *build = context;
    struct arm_shared_vector *vector = NULL;
    struct arm_state_entry added = {
        .position = entry->position,
        .first_row_id = entry->first_row_id,
        .bytes = entry->bytes,
        .rows = entry->rows,
        .dead = entry->dead,
        .schema_id = entry->schema_id,
        .is_hot = entry->is_hot,
        .explicit_row_ids = entry->explicit_row_ids,
        .rows_hash = entry->rows_hash,
        .chunk = entry->chunk,
        .tx = entry->tx,
        .payload_offset = entry->payload_offset,
    };
    arm_status st = ARM_OK;

    if (entry->dead > 0) {
        roaring_bitmap_t *rows = NULL;

        ARM_TRY(arm__vector_decode(entry->vector, entry->rows, &rows, err));
        ARM_TRY(new_vector(rows, &vector, err));
    }
    ARM_TRY(insert(build, build->state.entry_count, &added, vector, err));
done:
    return st;
}

arm_status arm__state_load(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                           uint64_t version, uint64_t layout, struct arm_table_state **out,
                           struct arm_error *err)
{
    struct arm_counted_state *build = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(new_state(table_id, version, &build, err));
    build->state.layout = layout;
    ARM_TRY(arm__index_entries(txn, table_id, version, layout, add_entry, build, err));
    *out = &build->state;
    build = NULL;
done:
    if (build != NULL) {
        arm__table_state_drop(&build->state);
    }
    return st;
}

/* ---- From the state before ---- */

arm_status arm__state_copy(const struct arm_table_state *from, struct arm_table_state **out,
                           struct arm_error *err)
{
    const struct arm_counted_state *source = (const struct arm_counted_state *)from;
    struct arm_counted_state *build = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(new_state(&from->table_id, from->version, &build, err));
    ARM_TRY(reserve(build, from->entry_count + 1, err));
    for (size_t i = 0; i < from->entry_count; i++) {
        build->state.entries[i] = from->entries[i];
        build->vectors[i] = source->vectors[i];
        if (build->vectors[i] != NULL) {
            atomic_fetch_add_explicit(&build->vectors[i]->references, 1, memory_order_relaxed);
        }
    }
    if (from->chunk_count > 0) {
        memcpy(build->state.chunks, from->chunks, from->chunk_count * sizeof *from->chunks);
    }
    build->state.chunk_count = from->chunk_count;
    build->state.entry_count = from->entry_count;
    build->state.live_rows = from->live_rows;
    build->state.layout = from->layout;
    *out = &build->state;
    build = NULL;
done:
    if (build != NULL) {
        arm__table_state_drop(&build->state);
    }
    return st;
}

static arm_status broken(struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "a table's change does not follow from its entries");
}

static struct arm_bytes from_pb(ProtobufCBinaryData bytes)
{
    return arm__bytes(bytes.data, bytes.len);
}

static arm_status apply_removed(struct arm_counted_state *build, const Armpb__TableChange *change,
                                struct arm_error *err)
{
    bool *is_gone = NULL;
    arm_status st = ARM_OK;

    if (change->has_truncated && change->truncated) {
        take_out(build, NULL);
        return ARM_OK;
    }
    if (change->n_removed == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(build->state.entry_count, sizeof *is_gone, &is_gone, err));
    for (size_t i = 0; i < change->n_removed; i++) {
        bool found;
        size_t at = find(&build->state, from_pb(change->removed[i]), &found);

        if (!found) {
            st = broken(err);
            goto done;
        }
        is_gone[at] = true;
    }
    take_out(build, is_gone);
done:
    arm__free(is_gone);
    return st;
}

static arm_status apply_added(struct arm_counted_state *build, const Armpb__Entry *entry,
                              uint64_t tx, struct arm_error *err)
{
    struct arm_state_entry added = {
        .first_row_id = entry->first_row_id,
        .bytes = entry->bytes,
        .rows = entry->rows,
        .schema_id = entry->schema_id,
        .is_hot = !entry->has_chunk,
        .explicit_row_ids = entry->explicit_row_ids,
        .payload_offset = entry->payload_offset,
    };
    bool found;
    size_t at = find(&build->state, from_pb(entry->position), &found);

    if (found || entry->position.len > ARM_POSITION_BYTES_MAX ||
        entry->rows_hash.len != ARM_HASH_BYTES ||
        (entry->has_chunk && entry->chunk.len != ARM_HASH_BYTES)) {
        return broken(err);
    }
    added.position.size = (uint8_t)entry->position.len;
    memcpy(added.position.bytes, entry->position.data, entry->position.len);
    memcpy(added.rows_hash.bytes, entry->rows_hash.data, ARM_HASH_BYTES);
    if (entry->has_chunk) {
        memcpy(added.chunk.bytes, entry->chunk.data, ARM_HASH_BYTES);
    } else {
        added.tx = tx;
    }
    return insert(build, at, &added, NULL, err);
}

/* Older states keep the vector they share: the union is a new one. */
static arm_status apply_deleted(struct arm_counted_state *build, const Armpb__DeletionEdit *edit,
                                struct arm_error *err)
{
    struct arm_state_entry *entry;
    struct arm_shared_vector *vector = NULL;
    roaring_bitmap_t *rows = NULL;
    bool found;
    size_t at = find(&build->state, from_pb(edit->position), &found);
    arm_status st = ARM_OK;

    if (!found || build->state.entries[at].first_row_id != edit->first_row_id) {
        return broken(err);
    }
    entry = &build->state.entries[at];
    ARM_TRY(arm__vector_decode(from_pb(edit->bits), entry->rows, &rows, err));
    if (entry->vector != NULL) {
        roaring_bitmap_or_inplace(rows, entry->vector);
    }
    ARM_TRY(new_vector(rows, &vector, err));
    drop_vector(build->vectors[at]);
    build->vectors[at] = vector;
    entry->vector = vector->rows;
    build->state.live_rows += entry->dead;
    entry->dead = (uint32_t)roaring_bitmap_get_cardinality(vector->rows);
    build->state.live_rows -= entry->dead;
done:
    return st;
}

arm_status arm__state_apply(struct arm_table_state *state, const Armpb__TableChange *change,
                            uint64_t tx, struct arm_error *err)
{
    struct arm_counted_state *build = arm__counted_state(state);
    arm_status st = ARM_OK;

    assert(atomic_load(&build->references) == 1); /* C2: nobody sees it change */
    ARM_TRY(apply_removed(build, change, err));
    for (size_t i = 0; i < change->n_added; i++) {
        ARM_TRY(apply_added(build, change->added[i], tx, err));
    }
    for (size_t i = 0; i < change->n_deleted; i++) {
        ARM_TRY(apply_deleted(build, change->deleted[i], err));
    }
    state->version = change->version;
    state->layout = 0;
    if (state->live_rows != change->row_count) {
        st = broken(err);
    }
done:
    return st;
}
