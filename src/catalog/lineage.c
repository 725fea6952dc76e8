/* SPDX-License-Identifier: Apache-2.0 */
/* Histories as version vectors (Parker et al., "Detection of Mutual Inconsistency in Distributed
 * Systems", 1983), each branch being a site whose events are its commits. */

#include "catalog/lineage.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_private.h"

void arm__lineage_release(struct arm_lineage *lineage)
{
    arm__free(lineage->points);
    *lineage = (struct arm_lineage){.count = 0};
}

/* ---- Of one commit ---- */

/* A branch that was reached, and as of which tx; its last commit there, 0: none of its own. */
struct reached {
    uint64_t branch_id;
    uint64_t at_tx;
    uint64_t own_tx;
};

struct walk {
    struct arm_index_txn *txn;
    size_t reached_count;
    size_t reached_capacity;
    struct reached *reached; /* by branch id */
    size_t stack_count;
    size_t stack_capacity;
    struct arm_lineage_point *stack; /* to be looked at */
};

static arm_status push(struct walk *walk, uint64_t branch_id, uint64_t at_tx, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (walk->stack_count == walk->stack_capacity) {
        size_t capacity = walk->stack_capacity == 0 ? 16 : 2 * walk->stack_capacity;

        ARM_TRY(arm__realloc(&walk->stack, capacity, sizeof *walk->stack, err));
        walk->stack_capacity = capacity;
    }
    walk->stack[walk->stack_count++] = (struct arm_lineage_point){branch_id, at_tx};
done:
    return st;
}

static size_t find(const struct walk *walk, uint64_t branch_id)
{
    size_t low = 0;
    size_t high = walk->reached_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (walk->reached[middle].branch_id < branch_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The branch's place among those reached, made if it is new. */
static arm_status reach(struct walk *walk, uint64_t branch_id, struct reached **out,
                        struct arm_error *err)
{
    size_t at = find(walk, branch_id);
    arm_status st = ARM_OK;

    if (at == walk->reached_count || walk->reached[at].branch_id != branch_id) {
        if (walk->reached_count == walk->reached_capacity) {
            size_t capacity = walk->reached_capacity == 0 ? 16 : 2 * walk->reached_capacity;

            ARM_TRY(arm__realloc(&walk->reached, capacity, sizeof *walk->reached, err));
            walk->reached_capacity = capacity;
        }
        memmove(&walk->reached[at + 1], &walk->reached[at],
                (walk->reached_count - at) * sizeof *walk->reached);
        walk->reached[at] = (struct reached){.branch_id = branch_id};
        walk->reached_count++;
    }
    *out = &walk->reached[at];
done:
    return st;
}

static arm_status visit_merge(void *context, uint64_t tx, uint64_t source_tx, struct arm_error *err)
{
    struct walk *walk = context;
    struct arm_record_row source;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_record(walk->txn, source_tx, &source, &found, err));
    if (!found || !source.is_commit) {
        st = arm__fail(err, ARM_CORRUPT, "index: tx %llu merged no commit", (unsigned long long)tx);
        goto done;
    }
    ARM_TRY(push(walk, source.branch_id, source_tx, err));
done:
    return st;
}

/* One branch as of a tx: what it merged since it was last looked at, and where it comes from. */
static arm_status look(struct walk *walk, uint64_t branch_id, uint64_t at_tx, struct arm_error *err)
{
    struct reached *reached = NULL;
    struct arm_branch_row row;
    uint64_t before;
    uint64_t own;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(reach(walk, branch_id, &reached, err));
    if (at_tx <= reached->at_tx) {
        goto done;
    }
    before = reached->own_tx;
    ARM_TRY(arm__index_own_head(walk->txn, branch_id, at_tx, &own, err));
    reached->at_tx = at_tx;
    reached->own_tx = own;
    ARM_TRY(arm__index_merges(walk->txn, branch_id, before, own, visit_merge, walk, err));
    ARM_TRY(arm__index_branch(walk->txn, branch_id, &row, &found, err));
    if (!found || row.parent_branch_id >= branch_id) {
        st = arm__fail(err, ARM_CORRUPT, "index: branch %llu has not its parent",
                       (unsigned long long)branch_id);
        goto done;
    }
    if (row.parent_branch_id != 0) {
        ARM_TRY(
            push(walk, row.parent_branch_id, at_tx < row.parent_tx ? at_tx : row.parent_tx, err));
    }
done:
    return st;
}

arm_status arm__lineage_of(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                           struct arm_lineage *out, struct arm_error *err)
{
    struct walk walk = {.txn = txn};
    struct arm_lineage lineage = {0};
    arm_status st = ARM_OK;

    ARM_TRY(push(&walk, branch_id, at_tx, err));
    while (walk.stack_count > 0) {
        struct arm_lineage_point next = walk.stack[--walk.stack_count];

        ARM_TRY(look(&walk, next.branch_id, next.tx, err));
    }
    ARM_TRY(arm__calloc(walk.reached_count, sizeof *lineage.points, &lineage.points, err));
    for (size_t i = 0; i < walk.reached_count; i++) {
        if (walk.reached[i].own_tx != 0) {
            lineage.points[lineage.count++] =
                (struct arm_lineage_point){walk.reached[i].branch_id, walk.reached[i].own_tx};
        }
    }
    *out = lineage;
done:
    arm__free(walk.reached);
    arm__free(walk.stack);
    return st;
}

static uint64_t tx_on(const struct arm_lineage *lineage, uint64_t branch_id)
{
    size_t low = 0;
    size_t high = lineage->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (lineage->points[middle].branch_id < branch_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < lineage->count && lineage->points[low].branch_id == branch_id
               ? lineage->points[low].tx
               : 0;
}

bool arm__lineage_has(const struct arm_lineage *lineage, uint64_t branch_id, uint64_t tx)
{
    return tx_on(lineage, branch_id) >= tx;
}

/* ---- Of two ---- */

static int compare_latest(const void *left, const void *right)
{
    const struct arm_lineage_point *a = left;
    const struct arm_lineage_point *b = right;

    return (a->tx < b->tx) - (a->tx > b->tx);
}

/* The least of two histories, branch by branch, is what they have in common: latest first. */
static arm_status in_common(const struct arm_lineage *a, const struct arm_lineage *b,
                            struct arm_lineage_point **out, size_t *out_count,
                            struct arm_error *err)
{
    struct arm_lineage_point *points = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(a->count, sizeof *points, &points, err));
    for (size_t i = 0; i < a->count; i++) {
        uint64_t other = tx_on(b, a->points[i].branch_id);
        uint64_t tx = a->points[i].tx < other ? a->points[i].tx : other;

        if (tx != 0) {
            points[count++] = (struct arm_lineage_point){a->points[i].branch_id, tx};
        }
    }
    if (count > 0) {
        qsort(points, count, sizeof *points, compare_latest);
    }
    *out = points;
    *out_count = count;
done:
    return st;
}

/* Of the common points the latest is nobody's ancestor (L1). It takes its own ancestors with it;
 * then the same is true of the latest that is left. */
arm_status arm__lineage_bases(struct arm_index_txn *txn, const struct arm_lineage *a,
                              const struct arm_lineage *b, struct arm_lineage_point **out,
                              size_t *out_count, struct arm_error *err)
{
    struct arm_lineage_point *points = NULL;
    struct arm_lineage lineage = {0};
    size_t left = 0;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(in_common(a, b, &points, &left, err));
    while (count < left) {
        size_t kept = count + 1;

        ARM_TRY(arm__lineage_of(txn, points[count].branch_id, points[count].tx, &lineage, err));
        for (size_t i = count + 1; i < left; i++) {
            if (!arm__lineage_has(&lineage, points[i].branch_id, points[i].tx)) {
                points[kept++] = points[i];
            }
        }
        arm__lineage_release(&lineage);
        left = kept;
        count++;
    }
    *out = points;
    *out_count = count;
    points = NULL;
done:
    arm__free(points);
    return st;
}

arm_status arm__catalog_merge_base(struct arm_catalog *catalog, const struct arm_snapshot *a,
                                   const struct arm_snapshot *b, struct arm_snapshot *out,
                                   bool *out_found, struct arm_error *err)
{
    struct arm_lineage_point *bases = NULL;
    struct arm_lineage of_a = {0};
    struct arm_lineage of_b = {0};
    struct arm_index_txn *txn = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__lineage_of(txn, a->branch_id, a->tx, &of_a, err));
    ARM_TRY(arm__lineage_of(txn, b->branch_id, b->tx, &of_b, err));
    ARM_TRY(arm__lineage_bases(txn, &of_a, &of_b, &bases, &count, err));
    *out_found = count > 0;
    if (count > 0) {
        *out = (struct arm_snapshot){.branch_id = bases[0].branch_id, .tx = bases[0].tx};
    }
done:
    arm__free(bases);
    arm__lineage_release(&of_a);
    arm__lineage_release(&of_b);
    arm__index_abort(txn);
    return st;
}

/* ---- All of it, in order: a heap of the branches, whose latest commit comes next ---- */

static void sift_down(struct arm_lineage *lineage, size_t at)
{
    struct arm_lineage_point *points = lineage->points;

    for (;;) {
        struct arm_lineage_point moved = points[at];
        size_t child = 2 * at + 1;

        if (child + 1 < lineage->count && points[child + 1].tx > points[child].tx) {
            child++;
        }
        if (child >= lineage->count || points[child].tx <= moved.tx) {
            break;
        }
        points[at] = points[child];
        points[child] = moved;
        at = child;
    }
}

static void make_heap(struct arm_lineage *lineage)
{
    for (size_t i = lineage->count / 2; i > 0; i--) {
        sift_down(lineage, i - 1);
    }
    lineage->is_heap = true;
}

arm_status arm__lineage_next(struct arm_index_txn *txn, struct arm_lineage *lineage,
                             uint64_t *out_tx, struct arm_error *err)
{
    struct arm_lineage_point *latest = lineage->points;
    uint64_t before = 0;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    if (!lineage->is_heap) {
        make_heap(lineage);
    }
    if (lineage->count > 0 && latest->tx != 0) {
        tx = latest->tx;
        ARM_TRY(arm__index_own_head(txn, latest->branch_id, tx - 1, &before, err));
        latest->tx = before; /* 0: none is left, which sinks below all others */
        sift_down(lineage, 0);
    }
    *out_tx = tx;
done:
    return st;
}
