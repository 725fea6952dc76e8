/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/key_search.h"

#include <assert.h>

#include "base/alloc.h"
#include "keys/key_meet.h"

/* ---- Who lives ---- */

static bool has_row(const roaring_bitmap_t *rows, uint32_t row)
{
    return rows != NULL && roaring_bitmap_contains(rows, row);
}

static bool base_lives(const struct arm_key_search *search, size_t index, uint32_t row)
{
    const struct arm_txn_table *table = search->table;
    const struct arm_txn_dead *dead = table->base_dead == NULL ? NULL : table->base_dead[index];

    return !table->truncated && !(table->base_removed != NULL && table->base_removed[index]) &&
           !has_row(table->state->entries[index].vector, row) &&
           !(dead != NULL && has_row(dead->all, row)) &&
           !(search->base_dying != NULL && has_row(search->base_dying[index], row));
}

static bool own_lives(const struct arm_key_search *search, size_t index, uint32_t row)
{
    const struct arm_txn_dead *dead = search->table->own[index].dead;

    return !(dead != NULL && has_row(dead->all, row)) &&
           !(search->own_dying != NULL && has_row(search->own_dying[index], row));
}

/* The rows that the statement takes away, by where they stand. */
static arm_status note_dying(struct arm_key_search *search, struct arm_error *err)
{
    const struct arm_view *view = search->change->view;
    size_t base_count = search->table->state == NULL ? 0 : search->table->state->entry_count;
    arm_status st = ARM_OK;

    if (view == NULL) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(base_count, sizeof(roaring_bitmap_t *), &search->base_dying, err));
    ARM_TRY(
        arm__calloc(search->table->own_count, sizeof(roaring_bitmap_t *), &search->own_dying, err));
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct arm_txn_origin *origin = arm__txn_view_origin(view, i);

        if (search->change->dying[i] == NULL) {
            continue;
        }
        if (origin == NULL || origin->batch == NULL) {
            search->base_dying[origin == NULL ? i : origin->index] = search->change->dying[i];
            continue;
        }
        for (size_t k = 0; k < search->table->own_count; k++) {
            const struct arm_txn_own *own = &search->table->own[k];

            if (own->batch == origin->batch && own->index == origin->index) {
                search->own_dying[k] = search->change->dying[i];
            }
        }
    }
done:
    return st;
}

/* ---- What was found ---- */

static arm_status tell(const struct arm_key_search *search, size_t fresh, uint32_t row,
                       struct arm_key_place found, struct arm_error *err)
{
    struct arm_key_place ours = {ARM_KEY_FRESH, fresh, row};

    if ((found.side == ARM_KEY_BASE && !base_lives(search, found.entry, found.row)) ||
        (found.side == ARM_KEY_OWN && !own_lives(search, found.entry, found.row))) {
        return ARM_OK;
    }
    return search->visit(search, &ours, &found, err);
}

static arm_status visit_pair(void *context, const struct arm_key_pair *pair, struct arm_error *err)
{
    const struct arm_key_search *search = context;
    struct arm_key_place found = {ARM_KEY_FRESH, pair->other, pair->other_row};

    if (!pair->is_fresh) {
        found = search->places[pair->other];
        found.row = pair->other_row;
    }
    return tell(search, pair->run, pair->row, found, err);
}

arm_status arm__key_source_of(const struct arm_key_search *search,
                              const struct arm_key_place *place, struct arm_buf *bytes,
                              struct arm_key_source *out, struct arm_error *err)
{
    const struct arm_new_entry *entry = NULL;
    const struct arm_state_entry *base;
    arm_status st = ARM_OK;

    if (place->side == ARM_KEY_BASE) {
        base = &search->table->state->entries[place->entry];
        *out = (struct arm_key_source){.chunk = base->chunk};
        if (base->is_hot) {
            ARM_TRY(arm__catalog_hot_rows(arm__repository_catalog(search->txn->repository), base,
                                          bytes, err));
            out->hot = arm__buf_bytes(bytes);
        }
        return ARM_OK;
    }
    entry = place->side == ARM_KEY_FRESH ? search->fresh_entries[place->entry]
                                         : arm__txn_own_entry(&search->table->own[place->entry]);
    *out = (struct arm_key_source){.hot = entry->hot, .chunk = entry->chunk};
done:
    return st;
}

/* ---- Hot rows of the base ---- */

static bool find_base(const struct arm_table_state *state, const struct arm_hot_place *place,
                      size_t *out)
{
    size_t low = 0;
    size_t high = state->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct arm_bytes there = arm__position_bytes(&state->entries[middle].position);

        if (arm__bytes_compare(there, place->position) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return low < state->entry_count && state->entries[low].is_hot &&
           state->entries[low].tx == place->entry.tx &&
           state->entries[low].payload_offset == place->entry.offset;
}

static arm_status learn_entry(const struct arm_key_search *search, struct arm_hot_keys *keys,
                              const struct arm_state_entry *entry, struct arm_error *err)
{
    struct arm_hot_name name = {entry->tx, entry->payload_offset};
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    struct arm_key_run *run = NULL;
    arm_status st = ARM_OK;

    if (arm__hot_keys_has(keys, name)) {
        return ARM_OK;
    }
    ARM_TRY(arm__catalog_hot_rows(arm__repository_catalog(search->txn->repository), entry, &bytes,
                                  err));
    ARM_TRY(arm__key_run_of_hot(search->schema, search->key, arm__buf_bytes(&bytes), &run, err));
    ARM_TRY(arm__hot_keys_add(keys, name, arm__position_bytes(&entry->position), run, err));
done:
    arm__key_run_drop(run);
    arm__buf_release(&bytes);
    return st;
}

static arm_status learn_hot(const struct arm_table_state *state,
                            const struct arm_key_search *search, struct arm_hot_keys *keys,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = arm__hot_keys_seen(keys, state); i < state->entry_count; i++) {
        if (state->entries[i].is_hot) {
            ARM_TRY(learn_entry(search, keys, &state->entries[i], err));
        }
    }
    arm__hot_keys_note_seen(keys, state);
done:
    return st;
}

static arm_status meet_hot_run(const struct arm_key_search *search, const struct arm_hot_keys *keys,
                               size_t fresh, struct arm_error *err)
{
    const struct arm_key_run *run = search->fresh[fresh];
    const uint64_t *hashes = arm__key_run_hashes(run);
    arm_status st = ARM_OK;

    for (size_t i = 0; i < arm__key_run_count(run); i++) {
        struct arm_hot_place place;
        size_t cursor = SIZE_MAX;
        size_t index;

        while (arm__hot_keys_next(keys, hashes[i], &cursor, &place)) {
            if (find_base(search->table->state, &place, &index)) {
                ARM_TRY(tell(search, fresh, arm__key_run_numbers(run)[i],
                             (struct arm_key_place){ARM_KEY_BASE, index, place.row}, err));
            }
        }
    }
done:
    return st;
}

static arm_status meet_hot(const struct arm_key_search *search, struct arm_error *err)
{
    struct arm_key_store *store = arm__repository_keys(search->txn->repository);
    struct arm_hash digest = arm__key_digest(search->schema, search->key);
    const struct arm_table_state *state = search->table->state;
    struct arm_hot_keys *keys = NULL;
    arm_status st = ARM_OK;

    if (state == NULL || state->chunk_count == state->entry_count) {
        return ARM_OK; /* nothing is hot */
    }
    ARM_TRY(arm__key_store_lock_hot(store, &search->table->table_id, &digest, &keys, err));
    st = learn_hot(state, search, keys, err);
    for (size_t i = 0; st == ARM_OK && i < search->fresh_count; i++) {
        st = meet_hot_run(search, keys, i, err);
    }
    arm__key_store_unlock_hot(store);
done:
    return st;
}

/* ---- Runs ---- */

static arm_status gather_fresh(struct arm_key_search *search, size_t key, struct arm_error *err)
{
    size_t count = search->change->written[0].entry_count;
    arm_status st = ARM_OK;

    count += search->change->written_count == 2 ? search->change->written[1].entry_count : 0;
    ARM_TRY(arm__calloc(count, sizeof(struct arm_key_run *), &search->fresh, err));
    ARM_TRY(arm__calloc(count, sizeof(struct arm_new_entry *), &search->fresh_entries, err));
    for (size_t w = 0; w < search->change->written_count; w++) {
        for (size_t i = 0; i < search->change->written[w].entry_count; i++) {
            const struct arm_new_entry *entry = &search->change->written[w].entries[i];

            assert(entry->key_count == search->schema->n_keys);
            search->fresh_entries[search->fresh_count] = entry;
            search->fresh[search->fresh_count++] = entry->keys[key];
        }
    }
done:
    return st;
}

static arm_status gather_old(struct arm_key_search *search, size_t key, struct arm_error *err)
{
    const struct arm_txn_table *table = search->table;
    size_t chunk_count = table->state == NULL ? 0 : table->state->chunk_count;
    size_t most = chunk_count + table->own_count;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(most, sizeof(struct arm_key_run *), &search->old, err));
    ARM_TRY(arm__calloc(most, sizeof *search->places, &search->places, err));
    for (size_t i = 0; i < chunk_count; i++) {
        size_t number = table->state->chunks[i];
        const struct arm_state_entry *entry = &table->state->entries[number];

        ARM_TRY(arm__key_run_of_chunk(search->txn->repository, search->txn->engine, search->schema,
                                      search->key, &entry->chunk, entry->rows,
                                      &search->old[search->old_count], err));
        search->places[search->old_count++] = (struct arm_key_place){ARM_KEY_BASE, number, 0};
    }
    for (size_t i = 0; i < table->own_count; i++) {
        search->old[search->old_count] =
            arm__key_run_retain(arm__txn_own_entry(&table->own[i])->keys[key]);
        search->places[search->old_count++] = (struct arm_key_place){ARM_KEY_OWN, i, 0};
    }
done:
    return st;
}

static void release_search(struct arm_key_search *search)
{
    for (size_t i = 0; i < search->old_count; i++) {
        arm__key_run_drop(search->old[i]);
    }
    arm__free(search->old);
    arm__free(search->places);
    arm__free(search->fresh);
    arm__free(search->fresh_entries);
    arm__free(search->base_dying);
    arm__free(search->own_dying);
}

arm_status arm__key_search(struct arm_transaction *txn, struct arm_txn_table *table,
                           const struct arm_key_change *change, size_t key, arm_visit_found *visit,
                           void *context, struct arm_error *err)
{
    const Armpb__Schema *schema =
        change->schema != NULL ? change->schema : arm__txn_table_schema(table);
    struct arm_key_search search = {.txn = txn,
                                    .table = table,
                                    .change = change,
                                    .schema = schema,
                                    .key = schema->keys[key],
                                    .visit = visit,
                                    .context = context};
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_load_state(txn, table, err));
    ARM_TRY(gather_fresh(&search, key, err));
    if (!change->replaces) {
        ARM_TRY(note_dying(&search, err));
        ARM_TRY(gather_old(&search, key, err));
        ARM_TRY(meet_hot(&search, err));
    }
    ARM_TRY(arm__keys_meet(search.fresh, search.fresh_count, search.old, search.old_count,
                           visit_pair, &search, err));
done:
    release_search(&search);
    return st;
}
