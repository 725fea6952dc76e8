/* SPDX-License-Identifier: Apache-2.0 */
/* What a replacement really changes. Both sides are sequences of rows hashes; what they share in
 * order stays: first the common beginning and end, then, in the middle, a longest increasing
 * run of pairs (the k-th occurrence of a hash here with its k-th there), found in O(n log n). */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "table/writer_private.h"

#define NONE SIZE_MAX

/* One entry of either side, for sorting. */
struct item {
    const struct arm_hash *hash;
    size_t index;
};

struct plan {
    const struct arm_table_state *old;
    struct arm_written *written;
    size_t *match; /* of each new entry: the old one that stays in its place, or NONE */
    bool *stays;   /* of each old entry */
};

static bool same(const struct plan *plan, size_t new_index, size_t old_index)
{
    const struct arm_state_entry *old = &plan->old->entries[old_index];

    return old->dead == 0 &&
           arm__hash_equal(&old->rows_hash, &plan->written->entries[new_index].rows_hash);
}

/* Rows in the log do not stay where chunks are wanted. */
static void keep(struct plan *plan, size_t new_index, size_t old_index)
{
    if (plan->old->entries[old_index].is_hot && !plan->written->entries[new_index].is_hot) {
        return;
    }
    plan->match[new_index] = old_index;
    plan->stays[old_index] = true;
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = memcmp(x->hash->bytes, y->hash->bytes, sizeof x->hash->bytes);

    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* ---- The middle ---- */

/* Pair occurrences: `candidates[i]` for new entry begin + i is an old index or NONE. */
static void pair(const struct item *olds, size_t old_count, const struct item *news,
                 size_t new_count, size_t begin, size_t *candidates)
{
    size_t o = 0;
    size_t n = 0;

    while (n < new_count && o < old_count) {
        int order = memcmp(olds[o].hash->bytes, news[n].hash->bytes, sizeof news[n].hash->bytes);

        if (order == 0) {
            candidates[news[n].index - begin] = olds[o].index;
        }
        o += order <= 0;
        n += order >= 0;
    }
}

/* Keep a longest increasing subsequence of the candidates. `tails[k]` is the new entry that
 * ends the best run of length k + 1, `before[i]` the one before i in its run. */
static arm_status keep_longest(struct plan *plan, size_t begin, const size_t *candidates,
                               size_t count, struct arm_error *err)
{
    size_t *tails = NULL;
    size_t *before = NULL;
    size_t length = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *tails, &tails, err));
    ARM_TRY(arm__calloc(count, sizeof *before, &before, err));
    for (size_t i = 0; i < count; i++) {
        size_t low = 0;
        size_t high = length;

        if (candidates[i] == NONE) {
            continue;
        }
        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (candidates[tails[middle]] < candidates[i]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        tails[low] = i;
        before[i] = low == 0 ? NONE : tails[low - 1];
        length = low == length ? length + 1 : length;
    }
    for (size_t i = length == 0 ? NONE : tails[length - 1]; i != NONE; i = before[i]) {
        keep(plan, begin + i, candidates[i]);
    }
done:
    arm__free(before);
    arm__free(tails);
    return st;
}

/* New entries begin .. new_end-1 against old entries begin .. old_end-1. */
static arm_status match_middle(struct plan *plan, size_t begin, size_t new_end, size_t old_end,
                               struct arm_error *err)
{
    struct item *olds = NULL;
    struct item *news = NULL;
    size_t *candidates = NULL;
    size_t old_count = 0;
    size_t new_count = new_end - begin;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(old_end - begin, sizeof *olds, &olds, err));
    ARM_TRY(arm__calloc(new_count, sizeof *news, &news, err));
    ARM_TRY(arm__calloc(new_count, sizeof *candidates, &candidates, err));
    for (size_t i = begin; i < old_end; i++) {
        if (plan->old->entries[i].dead == 0) {
            olds[old_count++] = (struct item){&plan->old->entries[i].rows_hash, i};
        }
    }
    for (size_t i = 0; i < new_count; i++) {
        news[i] = (struct item){&plan->written->entries[begin + i].rows_hash, begin + i};
        candidates[i] = NONE;
    }
    qsort(olds, old_count, sizeof *olds, compare_items);
    qsort(news, new_count, sizeof *news, compare_items);
    pair(olds, old_count, news, new_count, begin, candidates);
    ARM_TRY(keep_longest(plan, begin, candidates, new_count, err));
done:
    arm__free(candidates);
    arm__free(news);
    arm__free(olds);
    return st;
}

static arm_status match(struct plan *plan, struct arm_error *err)
{
    size_t old_end = plan->old->entry_count;
    size_t new_end = plan->written->entry_count;
    size_t begin = 0;

    while (begin < old_end && begin < new_end && same(plan, begin, begin)) {
        keep(plan, begin, begin);
        begin++;
    }
    while (old_end > begin && new_end > begin && same(plan, new_end - 1, old_end - 1)) {
        keep(plan, --new_end, --old_end);
    }
    return match_middle(plan, begin, new_end, old_end, err);
}

/* ---- Positions ---- */

static struct arm_bytes position_of(const struct plan *plan, size_t old_index)
{
    return old_index == NONE ? (struct arm_bytes){NULL, 0}
                             : arm__position_bytes(&plan->old->entries[old_index].position);
}

/* Give the new entries between two that stay their positions; those behind all are appended. */
static arm_status place(struct plan *plan, struct arm_error *err)
{
    struct arm_written *written = plan->written;
    struct arm_position *positions = NULL;
    size_t low = NONE;
    size_t gap = 0; /* new entries since `low` */
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(written->entry_count, sizeof *positions, &positions, err));
    for (size_t i = 0; i < written->entry_count; i++) {
        if (plan->match[i] == NONE) {
            gap++;
            continue;
        }
        if (gap > 0) {
            ARM_TRY(arm__position_between(position_of(plan, low), position_of(plan, plan->match[i]),
                                          gap, positions, err));
            for (size_t g = 0; g < gap; g++) {
                written->entries[i - gap + g].position = positions[g];
            }
        }
        low = plan->match[i];
        gap = 0;
    }
done:
    arm__free(positions);
    return st;
}

/* ---- The answer ---- */

static arm_status list_removed(const struct plan *plan, struct arm_replacement *out,
                               struct arm_error *err)
{
    size_t count = plan->old->entry_count;
    arm_status st = arm__calloc(count, sizeof *out->removed, &out->removed, err);

    for (size_t i = 0; st == ARM_OK && i < count; i++) {
        if (!plan->stays[i]) {
            out->removed[out->removed_count++] = plan->old->entries[i].position;
        }
    }
    if (st == ARM_OK && (out->removed_count == 0 || out->removed_count == count)) {
        out->truncated = count > 0 && out->removed_count == count;
        out->removed_count = 0;
        arm__free(out->removed);
        out->removed = NULL;
    }
    return st;
}

/* Drop the entries that stay from `written`. */
static void drop_kept(struct plan *plan)
{
    struct arm_written *written = plan->written;
    size_t count = 0;

    for (size_t i = 0; i < written->entry_count; i++) {
        if (plan->match[i] == NONE) {
            written->entries[count++] = written->entries[i];
        } else {
            arm__new_entry_release(written->repository, &written->entries[i]);
        }
    }
    written->entry_count = count;
}

arm_status arm__replace_plan(const struct arm_table_state *old, struct arm_written *written,
                             struct arm_replacement *out, struct arm_error *err)
{
    struct plan plan = {.old = old, .written = written};
    struct arm_replacement result = {.truncated = false};
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(written->entry_count, sizeof *plan.match, &plan.match, err));
    ARM_TRY(arm__calloc(old->entry_count, sizeof *plan.stays, &plan.stays, err));
    for (size_t i = 0; i < written->entry_count; i++) {
        plan.match[i] = NONE;
    }
    ARM_TRY(match(&plan, err));
    st = place(&plan, err);
    if (st == ARM_FULL) {
        /* No room between two positions: the table is numbered anew. */
        for (size_t i = 0; i < written->entry_count; i++) {
            plan.match[i] = NONE;
            written->entries[i].position.size = 0;
        }
        result.truncated = old->entry_count > 0;
        st = ARM_OK;
    } else if (st == ARM_OK) {
        ARM_TRY(list_removed(&plan, &result, err));
        drop_kept(&plan);
    }
    if (st == ARM_OK) {
        *out = result;
    }
done:
    arm__free(plan.stays);
    arm__free(plan.match);
    return st;
}
