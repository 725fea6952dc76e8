/* SPDX-License-Identifier: Apache-2.0 */
/* The mark itself: which versions are retained, in which layouts, and what those have. */

#include "commit/retained.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/retained_private.h"

arm_status arm__retained_new(const struct arm_hash *chunks, size_t count, struct arm_retained **out,
                             struct arm_error *err)
{
    struct arm_retained *r = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *r, &r, err));
    r->chunks = chunks;
    r->chunk_count = count;
    ARM_TRY(arm__calloc(count, sizeof *r->flags, &r->flags, err));
    *out = r;
    r = NULL;
done:
    arm__retained_free(r);
    return st;
}

void arm__retained_free(struct arm_retained *r)
{
    if (r == NULL) {
        return;
    }
    arm__free(r->kept);
    arm__free(r->slots);
    arm__free(r->tables.items);
    arm__free(r->uses.items);
    arm__free(r->loose.items);
    arm__free(r->checkpoints.items);
    arm__free(r->runs.items);
    arm__free(r->horizons.items);
    arm__free(r->stretches.items);
    arm__free(r->places.items);
    arm__free(r->refs.items);
    arm__free(r->branches.items);
    arm__free(r->removals.items);
    arm__free(r->entries.items);
    arm__free(r->stays.items);
    arm__free(r->versions.items);
    arm__free(r->nodes.items);
    arm__free(r->flags);
    arm__free(r);
}

/* ---- Versions (N2) ---- */

/* One mark. `refs` has those of the log, by branch and where on it they begin. */
struct marking {
    struct arm_retained *r;
    uint64_t beyond;    /* versions count that were current later, ... */
    uint64_t layout_tx; /* ... in layouts that were the newest later */
    struct arm_retained_ref *refs;
    size_t *stack;
    size_t stack_count;
    uint8_t *versions; /* whether each is retained */
    uint32_t *below;   /* how many retained nodes each has below it, itself included */
    uint32_t *counts;  /* of each entry: in how many retained nodes it is */
};

static int compare_refs(const void *a, const void *b)
{
    const struct arm_retained_ref *x = a;
    const struct arm_retained_ref *y = b;

    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    return (x->from_tx > y->from_tx) - (x->from_tx < y->from_tx);
}

static arm_status sort_refs(struct marking *m, struct arm_error *err)
{
    struct arm_retained *r = m->r;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(r->refs.count, sizeof *m->refs, &m->refs, err));
    ARM_TRY(arm__calloc(r->refs.count, sizeof *m->stack, &m->stack, err));
    for (size_t i = 0; i < r->branches.count; i++) {
        r->branches.items[i].ref_count = 0;
    }
    if (r->refs.count > 0) {
        memcpy(m->refs, r->refs.items, r->refs.count * sizeof *m->refs);
        qsort(m->refs, r->refs.count, sizeof *m->refs, compare_refs);
    }
    for (size_t i = 0; i < r->refs.count; i++) {
        struct arm_retained_branch *branch = &r->branches.items[m->refs[i].from];

        if (branch->ref_count++ == 0) {
            branch->first_ref = i;
        }
    }
done:
    return st;
}

/* Those that begin on the branch from a tx on, and before another. */
static void push_refs(struct marking *m, uint32_t branch, uint64_t from_tx, uint64_t before_tx)
{
    const struct arm_retained_branch *from = &m->r->branches.items[branch];
    size_t low = from->first_ref;
    size_t high = from->first_ref + from->ref_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->refs[middle].from_tx < from_tx) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t i = low; i < from->first_ref + from->ref_count && m->refs[i].from_tx < before_tx;
         i++) {
        m->stack[m->stack_count++] = i;
    }
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A version was current where the ref begins: was it so there later than the horizon? */
static bool lasts_at(struct marking *m, const struct arm_retained_ref *ref, uint32_t table)
{
    const struct arm_retained *r = m->r;
    uint64_t end = UINT64_MAX;
    uint32_t place;

    if (ref->branch == ARM_NOWHERE) {
        return ref->end > m->beyond;
    }
    place = arm__retained_place(r, ref->branch, table);
    if (place != ARM_NOWHERE) {
        end = r->places.items[place].first_tx;
    }
    push_refs(m, ref->branch, 0, end);
    return min_u64(end, r->branches.items[ref->branch].end) > m->beyond;
}

static bool is_retained(struct marking *m, const struct arm_retained_stay *stay)
{
    const struct arm_retained *r = m->r;
    uint32_t table = r->versions.items[stay->version].table;
    bool found = min_u64(stay->end, r->branches.items[stay->branch].end) > m->beyond;

    m->stack_count = 0;
    if (!found) {
        push_refs(m, stay->branch, stay->tx, stay->end);
    }
    while (!found && m->stack_count > 0) { /* each ref begins on one branch: at most once here */
        found = lasts_at(m, &m->refs[m->stack[--m->stack_count]], table);
    }
    return found;
}

/* ---- Entries (N1) ---- */

static void keep_nodes(struct marking *m)
{
    struct arm_retained *r = m->r;

    if (r->versions.count > 0) {
        memset(m->versions, 0, r->versions.count);
    }
    for (size_t i = 0; i < r->stays.count; i++) { /* on one branch is enough */
        uint8_t *version = &m->versions[r->stays.items[i].version];

        *version = *version != 0 || is_retained(m, &r->stays.items[i]);
    }
    for (size_t i = 0; i < r->nodes.count; i++) {
        const struct arm_retained_node *node = &r->nodes.items[i];

        r->kept[i] = m->versions[node->version] != 0 && node->until > m->layout_tx;
        m->below[i] = r->kept[i];
    }
    for (size_t i = r->nodes.count; i-- > 0;) { /* parents come before their children */
        uint32_t parent = r->nodes.items[i].parent;

        if (parent != ARM_NOWHERE) {
            m->below[parent] += m->below[i];
        }
    }
}

static void flag_entries(struct marking *m, enum arm_chunk_flag flag)
{
    struct arm_retained *r = m->r;

    for (size_t i = 0; i < r->entries.count; i++) {
        m->counts[i] = m->below[r->entries.items[i].node];
    }
    for (size_t i = 0; i < r->removals.count; i++) {
        m->counts[r->removals.items[i].entry] -= m->below[r->removals.items[i].node];
    }
    for (size_t i = 0; i < r->entries.count; i++) {
        uint32_t chunk = r->entries.items[i].chunk;

        if (chunk != ARM_NOWHERE && m->counts[i] > 0) {
            r->flags[chunk] |= (uint8_t)flag;
        }
    }
}

/* N6: of retained versions. */
static void flag_uses(struct marking *m, enum arm_chunk_flag flag)
{
    struct arm_retained *r = m->r;

    for (size_t i = 0; i < r->uses.count; i++) {
        if (m->versions[r->uses.items[i].version] != 0) {
            r->flags[r->uses.items[i].chunk] |= (uint8_t)flag;
        }
    }
}

/* N7, N5 */
static void flag_loose(struct arm_retained *r, uint64_t durable_tx)
{
    for (size_t i = 0; i < r->loose.count; i++) { /* in order of tx */
        const struct arm_retained_loose *loose = &r->loose.items[i];

        if (loose->is_kept) {
            r->flags[loose->chunk] |= ARM_CHUNK_LOOSE;
        } else if (loose->tx <= durable_tx) {
            r->flags[loose->chunk] &= (uint8_t)~ARM_CHUNK_LOOSE;
        }
    }
}

/* N4: of the last checkpoint as of a tx, and of all later ones. */
static void flag_runs(struct arm_retained *r, uint64_t tx, enum arm_chunk_flag flag)
{
    uint64_t last = 0;

    for (size_t i = 0; i < r->checkpoints.count; i++) {
        if (r->checkpoints.items[i] <= tx) {
            last = r->checkpoints.items[i];
        }
    }
    for (size_t i = 0; i < r->runs.count; i++) {
        if (r->runs.items[i].tx >= last) {
            r->flags[r->runs.items[i].chunk] |= (uint8_t)flag;
        }
    }
}

/* N5 */
static uint64_t horizon_of(const struct arm_retained *r, const struct arm_retained_as_of *as_of)
{
    uint64_t horizon_tx = as_of->horizon_tx;

    for (size_t i = 0; i < r->horizons.count; i++) {
        const struct arm_retained_horizon *horizon = &r->horizons.items[i];

        if (horizon->tx <= as_of->durable_tx && horizon->horizon_tx > horizon_tx) {
            horizon_tx = horizon->horizon_tx;
        }
    }
    return horizon_tx;
}

static arm_status marking_init(struct marking *m, struct arm_retained *r, struct arm_error *err)
{
    arm_status st = ARM_OK;

    *m = (struct marking){.r = r};
    ARM_TRY(arm__realloc(&r->kept, r->nodes.count + 1, sizeof *r->kept, err));
    ARM_TRY(sort_refs(m, err));
    ARM_TRY(arm__calloc(r->versions.count, sizeof *m->versions, &m->versions, err));
    ARM_TRY(arm__calloc(r->nodes.count, sizeof *m->below, &m->below, err));
    ARM_TRY(arm__calloc(r->entries.count, sizeof *m->counts, &m->counts, err));
done:
    return st;
}

static void marking_release(struct marking *m)
{
    arm__free(m->counts);
    arm__free(m->below);
    arm__free(m->versions);
    arm__free(m->stack);
    arm__free(m->refs);
}

arm_status arm__retained_mark(struct arm_retained *r, const struct arm_retained_as_of *as_of,
                              struct arm_error *err)
{
    uint64_t horizon_tx = horizon_of(r, as_of);
    struct marking m;
    arm_status st = ARM_OK;

    ARM_TRY(marking_init(&m, r, err));
    for (size_t i = 0; i < r->chunk_count; i++) {
        r->flags[i] &= (uint8_t)~(ARM_CHUNK_RETAINED | ARM_CHUNK_PINNED);
    }
    m.beyond = horizon_tx;
    m.layout_tx = as_of->durable_tx;
    keep_nodes(&m);
    flag_entries(&m, ARM_CHUNK_RETAINED);
    flag_uses(&m, ARM_CHUNK_RETAINED);
    flag_loose(r, as_of->durable_tx);
    flag_runs(r, as_of->durable_tx, ARM_CHUNK_RETAINED);
    if (as_of->pinned_tx < as_of->durable_tx) { /* N3 */
        m.beyond = min_u64(horizon_tx, as_of->pinned_tx);
        m.layout_tx = as_of->pinned_tx;
        keep_nodes(&m);
        flag_entries(&m, ARM_CHUNK_PINNED);
        flag_uses(&m, ARM_CHUNK_PINNED);
        flag_runs(r, as_of->pinned_tx, ARM_CHUNK_PINNED); /* verify looks at them */
    }
    r->kept_count = r->nodes.count;
    r->is_marked = true;
    r->is_stale = false;
done:
    marking_release(&m);
    return st;
}

bool arm__retained_is_stale(const struct arm_retained *r)
{
    return r->is_stale;
}

enum arm_need arm__retained_need(const struct arm_retained *r, size_t chunk)
{
    return (r->flags[chunk] & ARM_CHUNK_LOOSE) != 0 ? ARM_NEED_RETAINED
                                                    : arm__retained_need_of_log(r, chunk);
}

enum arm_need arm__retained_need_of_log(const struct arm_retained *r, size_t chunk)
{
    if ((r->flags[chunk] & (ARM_CHUNK_HOLDS_RECORD | ARM_CHUNK_RETAINED)) != 0) {
        return ARM_NEED_RETAINED;
    }
    return (r->flags[chunk] & ARM_CHUNK_PINNED) != 0 ? ARM_NEED_PINNED : ARM_NEED_NONE;
}

bool arm__retained_is_named(const struct arm_retained *r, size_t chunk)
{
    return (r->flags[chunk] & ARM_CHUNK_NAMED) != 0;
}
