/* SPDX-License-Identifier: Apache-2.0 */
/* What transactions and views share, counted: it goes with the last of them. */

#include <assert.h>

#include "base/alloc.h"
#include "txn/txn_private.h"

static void retain(atomic_uint *references)
{
    atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
}

/* Whether this was the last reference. */
static bool drop(atomic_uint *references)
{
    unsigned before = atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel);

    assert(before > 0);
    return before == 1;
}

arm_status arm__txn_batch_new(struct arm_written *written, struct arm_txn_batch **out,
                              struct arm_error *err)
{
    struct arm_txn_batch *batch = NULL;
    arm_status st = arm__calloc(1, sizeof *batch, &batch, err);

    if (st == ARM_OK) {
        atomic_init(&batch->references, 1);
        batch->written = *written;
        *written = (struct arm_written){.rows = 0};
        *out = batch;
    }
    return st;
}

struct arm_txn_batch *arm__txn_batch_retain(struct arm_txn_batch *batch)
{
    retain(&batch->references);
    return batch;
}

void arm__txn_batch_drop(struct arm_txn_batch *batch)
{
    if (batch != NULL && drop(&batch->references)) {
        arm__written_release(&batch->written);
        arm__free(batch);
    }
}

/* roaring's own allocations are not ours: a NULL is all it says. */
static arm_status no_bitmap(struct arm_error *err)
{
    return arm__fail(err, ARM_NO_MEMORY, "out of memory: a deletion vector");
}

arm_status arm__txn_dead_join(const struct arm_txn_dead *old, const roaring_bitmap_t *base,
                              const roaring_bitmap_t *rows, struct arm_txn_dead **out,
                              uint64_t *out_more, struct arm_error *err)
{
    const roaring_bitmap_t *before = old != NULL ? old->all : base;
    struct arm_txn_dead *dead = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *dead, &dead, err));
    atomic_init(&dead->references, 1);
    dead->all = before == NULL ? roaring_bitmap_copy(rows) : roaring_bitmap_or(before, rows);
    if (dead->all == NULL) {
        st = no_bitmap(err);
        goto done;
    }
    dead->own =
        base == NULL ? roaring_bitmap_copy(dead->all) : roaring_bitmap_andnot(dead->all, base);
    if (dead->own == NULL) {
        st = no_bitmap(err);
        goto done;
    }
    dead->all_count = (uint32_t)roaring_bitmap_get_cardinality(dead->all);
    *out_more = dead->all_count - (before == NULL ? 0 : roaring_bitmap_get_cardinality(before));
    *out = dead;
    dead = NULL;
done:
    arm__txn_dead_drop(dead);
    return st;
}

struct arm_txn_dead *arm__txn_dead_retain(struct arm_txn_dead *dead)
{
    if (dead != NULL) {
        retain(&dead->references);
    }
    return dead;
}

void arm__txn_dead_drop(struct arm_txn_dead *dead)
{
    if (dead != NULL && drop(&dead->references)) {
        arm__vector_free(dead->all);
        arm__vector_free(dead->own);
        arm__free(dead);
    }
}

arm_status arm__txn_schema_copy(const Armpb__Schema *schema, struct arm_txn_schema **out,
                                struct arm_error *err)
{
    struct arm_txn_schema *result = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *result, &result, err));
    atomic_init(&result->references, 1);
    ARM_TRY(arm__schema_clone(schema, &result->schema, err));
    *out = result;
    result = NULL;
done:
    arm__txn_schema_drop(result);
    return st;
}

arm_status arm__txn_schema_new(const Armpb__Schema *schema, uint32_t schema_id,
                               struct arm_txn_schema **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_schema_copy(schema, out, err));
    (*out)->schema->schema_id = schema_id;
    arm__schema_number_fields((*out)->schema);
done:
    return st;
}

struct arm_txn_schema *arm__txn_schema_retain(struct arm_txn_schema *schema)
{
    if (schema != NULL) {
        retain(&schema->references);
    }
    return schema;
}

void arm__txn_schema_drop(struct arm_txn_schema *schema)
{
    if (schema != NULL && drop(&schema->references)) {
        arm__schema_free(schema->schema);
        arm__free(schema);
    }
}

struct arm_txn_list *arm__txn_list_retain(struct arm_txn_list *list)
{
    retain(&list->references);
    return list;
}

void arm__txn_list_drop(struct arm_txn_list *list)
{
    if (list != NULL && drop(&list->references)) {
        for (size_t i = 0; i < list->count; i++) {
            arm__txn_batch_drop(list->origins[i].batch);
            arm__txn_dead_drop(list->origins[i].dead);
        }
        arm__free(list->origins);
        arm__free(list->entries);
        arm__free(list);
    }
}
