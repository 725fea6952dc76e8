/* SPDX-License-Identifier: Apache-2.0 */
/* Table states: the entries of one version with their deletion vectors, as scans want them.
 *
 * Cached (C2), the least recently used going first, up to so many entries in all. A version that
 * is not cached is made from a cached one shortly before it, if there is one, by the changes in
 * between; a cached one that nobody holds any more is changed in place: whoever follows a table
 * commit by commit pays for the commits, not for the table. */

#include <assert.h>

#include "catalog/catalog_private.h"
#include "catalog/state_build.h"

enum {
    STEPS_MAX = 32,             /* changes applied rather than reading the state whole */
    CACHED_ENTRIES_MAX = 131072 /* some 30 MB */
};

/* ---- The cache; all under the mutex ---- */

static struct arm_state_slot *find_slot(struct arm_catalog *catalog,
                                        const struct arm_table_id *table_id, uint64_t version,
                                        uint64_t layout)
{
    for (size_t i = 0; i < ARM_STATE_CACHE_SIZE; i++) {
        struct arm_table_state *state = catalog->states[i].state;

        if (state != NULL && state->version == version && state->layout == layout &&
            arm__table_id_equal(&state->table_id, table_id)) {
            return &catalog->states[i];
        }
    }
    return NULL;
}

static struct arm_state_slot *oldest_slot(struct arm_catalog *catalog, bool must_be_full)
{
    struct arm_state_slot *oldest = NULL;

    for (size_t i = 0; i < ARM_STATE_CACHE_SIZE; i++) {
        struct arm_state_slot *slot = &catalog->states[i];

        if (must_be_full && slot->state == NULL) {
            continue;
        }
        if (oldest == NULL || slot->state == NULL || slot->last_used < oldest->last_used) {
            oldest = slot;
            if (slot->state == NULL) {
                break;
            }
        }
    }
    return oldest;
}

/* What had to go, to be dropped unlocked. */
struct evicted {
    size_t count;
    struct arm_table_state *states[ARM_STATE_CACHE_SIZE + 1];
};

static void take_slot(struct arm_catalog *catalog, struct arm_state_slot *slot,
                      struct evicted *gone)
{
    catalog->cached_entries -= slot->state->entry_count;
    gone->states[gone->count++] = slot->state;
    *slot = (struct arm_state_slot){0};
}

/* Takes a reference of its own. One state alone may be larger than the cache's measure. */
static void cache_state(struct arm_catalog *catalog, struct arm_table_state *state,
                        struct evicted *gone)
{
    struct arm_state_slot *slot;

    if (find_slot(catalog, &state->table_id, state->version, state->layout) != NULL) {
        return; /* another thread was faster */
    }
    while (catalog->cached_entries > 0 &&
           catalog->cached_entries + state->entry_count > CACHED_ENTRIES_MAX) {
        take_slot(catalog, oldest_slot(catalog, true), gone);
    }
    slot = oldest_slot(catalog, false);
    if (slot->state != NULL) {
        take_slot(catalog, slot, gone);
    }
    slot->state = arm__table_state_retain(state);
    slot->last_used = ++catalog->state_clock;
    catalog->cached_entries += state->entry_count;
}

static void drop_evicted(struct evicted *gone)
{
    for (size_t i = 0; i < gone->count; i++) {
        arm__table_state_drop(gone->states[i]);
    }
}

/* The state of a layout of `version`, retained, or NULL. */
static struct arm_table_state *cached_state(struct arm_catalog *catalog,
                                            const struct arm_table_id *table_id, uint64_t version,
                                            uint64_t layout)
{
    struct arm_state_slot *slot;
    struct arm_table_state *state = NULL;

    arm__mutex_lock(&catalog->mutex);
    slot = find_slot(catalog, table_id, version, layout);
    if (slot != NULL) {
        slot->last_used = ++catalog->state_clock;
        state = arm__table_state_retain(slot->state);
    }
    arm__mutex_unlock(&catalog->mutex);
    return state;
}

/* The state of a layout of `version`, the caller's alone: the cached one if nobody else holds it,
 * else a copy; `*out` NULL if it is not cached. */
static arm_status own_state(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                            uint64_t version, uint64_t layout, struct arm_table_state **out,
                            struct arm_error *err)
{
    struct arm_state_slot *slot;
    struct arm_table_state *state = NULL;
    arm_status st = ARM_OK;

    *out = NULL;
    arm__mutex_lock(&catalog->mutex);
    slot = find_slot(catalog, table_id, version, layout);
    if (slot != NULL && atomic_load_explicit(&arm__counted_state(slot->state)->references,
                                             memory_order_acquire) == 1) {
        catalog->cached_entries -= slot->state->entry_count;
        *out = slot->state; /* taken over: all further references would come from here */
        *slot = (struct arm_state_slot){0};
    } else if (slot != NULL) {
        state = arm__table_state_retain(slot->state);
    }
    arm__mutex_unlock(&catalog->mutex);
    if (state != NULL) {
        st = arm__state_copy(state, out, err);
        arm__table_state_drop(state);
    }
    return st;
}

/* ---- Versions ---- */

/* The changes between a cached version and the one wanted, newest first. */
struct steps {
    size_t count;
    Armpb__TableChange *changes[STEPS_MAX];
    uint64_t txs[STEPS_MAX];
    struct arm_table_state *base; /* the caller's alone; NULL: none was found */
};

static void steps_release(struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        arm__index_change_free(steps->changes[i]);
    }
    arm__table_state_drop(steps->base);
}

/* Walk back from `version` until a cached one, a materialised one or too many. */
static arm_status find_steps(struct arm_catalog *catalog, struct arm_index_txn *txn,
                             const struct arm_table_id *table_id, uint64_t version,
                             struct steps *steps, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (steps->base == NULL && steps->count < STEPS_MAX && version != 0) {
        struct arm_version_row row;
        Armpb__TableChange *change = NULL;
        bool found;

        ARM_TRY(arm__index_version(txn, table_id, version, &row, &change, &found, err));
        if (!found || change == NULL) {
            break;
        }
        steps->changes[steps->count] = change;
        steps->txs[steps->count++] = row.tx;
        version = row.parent_version;
        if (version != 0) {
            ARM_TRY(own_state(catalog, table_id, version, row.parent_layout, &steps->base, err));
        }
        if (row.parent_layout != 0) {
            break; /* no change leads to that layout */
        }
    }
done:
    return st;
}

/* Whether a version before `version` is cached: else there is nothing to walk back to. */
static bool has_earlier(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                        uint64_t version)
{
    bool found = false;

    arm__mutex_lock(&catalog->mutex);
    for (size_t i = 0; i < ARM_STATE_CACHE_SIZE && !found; i++) {
        const struct arm_table_state *state = catalog->states[i].state;

        found = state != NULL && state->version < version &&
                arm__table_id_equal(&state->table_id, table_id);
    }
    arm__mutex_unlock(&catalog->mutex);
    return found;
}

static arm_status follow(struct arm_catalog *catalog, struct arm_index_txn *txn,
                         const struct arm_table_id *table_id, uint64_t version,
                         struct arm_table_state **out, struct arm_error *err)
{
    struct steps steps = {.count = 0};
    arm_status st = ARM_OK;

    *out = NULL;
    if (!has_earlier(catalog, table_id, version)) {
        return ARM_OK;
    }
    ARM_TRY(find_steps(catalog, txn, table_id, version, &steps, err));
    for (size_t i = steps.base == NULL ? 0 : steps.count; i > 0; i--) {
        ARM_TRY(arm__state_apply(steps.base, steps.changes[i - 1], steps.txs[i - 1], err));
    }
    *out = steps.base;
    steps.base = NULL;
done:
    steps_release(&steps);
    return st;
}

static arm_status make_state(struct arm_catalog *catalog, struct arm_index_txn *txn,
                             const struct arm_table_id *table_id, uint64_t version, uint64_t layout,
                             struct arm_table_state **out, struct arm_error *err)
{
    struct evicted gone = {.count = 0};
    arm_status st = ARM_OK;

    *out = NULL;
    if (layout == 0) { /* another has no change that leads to it */
        ARM_TRY(follow(catalog, txn, table_id, version, out, err));
    }
    if (*out == NULL) {
        ARM_TRY(arm__state_load(txn, table_id, version, layout, out, err));
    }
    arm__mutex_lock(&catalog->mutex);
    cache_state(catalog, *out, &gone);
    arm__mutex_unlock(&catalog->mutex);
    drop_evicted(&gone);
done:
    return st;
}

static arm_status find_state(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                             uint64_t version, bool is_pinned, struct arm_table_state **out,
                             struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_layout_row layout = {.tx = 0};
    struct arm_table_state *state = NULL;
    struct arm_index_txn *txn = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    if (!is_pinned) {
        ARM_TRY(arm__expired_check(txn, table_id, version, durable, err));
    }
    ARM_TRY(arm__index_layout(txn, table_id, version, durable, &layout, &found, err));
    state = cached_state(catalog, table_id, version, found ? layout.tx : 0);
    if (state == NULL) {
        ARM_TRY(make_state(catalog, txn, table_id, version, found ? layout.tx : 0, &state, err));
    }
    *out = state;
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_state(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                              uint64_t version, struct arm_table_state **out, struct arm_error *err)
{
    return find_state(catalog, table_id, version, false, out, err);
}

arm_status arm__catalog_pinned_state(struct arm_catalog *catalog,
                                     const struct arm_table_id *table_id, uint64_t version,
                                     struct arm_table_state **out, struct arm_error *err)
{
    return find_state(catalog, table_id, version, true, out, err);
}

void arm__catalog_states_release(struct arm_catalog *catalog)
{
    for (size_t i = 0; i < ARM_STATE_CACHE_SIZE; i++) {
        arm__table_state_drop(catalog->states[i].state);
        catalog->states[i] = (struct arm_state_slot){0};
    }
}
