/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of one level as edits of the next (N1 in change.h). */

#include "ptree/change.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

enum { CAPACITY_MIN = 8 };

/* Where `key` belongs: after all keys below it. Nearly always the end, or one before it. */
static size_t find_place(const struct arm_node_changes *changes, struct arm_bytes key)
{
    size_t place = changes->count;

    while (place > 0 &&
           arm__bytes_compare(arm__ptree_key_bytes(&changes->items[place - 1].key), key) >= 0) {
        place--;
    }
    return place;
}

/* The change at `place` and `change` have one key: the new node stands, if it is another. */
static void combine(struct arm_node_changes *changes, size_t place,
                    const struct arm_node_change *change)
{
    struct arm_node_change *at = &changes->items[place];

    assert(at->is_new != change->is_new); /* a level holds a key once, before and after */
    if (arm__hash_equal(&at->ref.hash, &change->ref.hash)) {
        changes->count--;
        memmove(at, at + 1, (changes->count - place) * sizeof *at);
    } else if (change->is_new) {
        *at = *change;
    }
}

arm_status arm__node_changes_add(struct arm_node_changes *changes,
                                 const struct arm_node_change *change, struct arm_error *err)
{
    struct arm_bytes key = arm__ptree_key_bytes(&change->key);
    size_t place = find_place(changes, key);
    struct arm_node_change *at;

    if (place < changes->count &&
        arm__bytes_compare(arm__ptree_key_bytes(&changes->items[place].key), key) == 0) {
        combine(changes, place, change); /* N1 */
        return ARM_OK;
    }
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity == 0 ? CAPACITY_MIN : 2 * changes->capacity;
        arm_status st = arm__realloc(&changes->items, capacity, sizeof *changes->items, err);

        if (st != ARM_OK) {
            return st;
        }
        changes->capacity = capacity;
    }
    at = &changes->items[place];
    memmove(at + 1, at, (changes->count - place) * sizeof *at);
    *at = *change;
    changes->count++;
    return ARM_OK;
}

arm_status arm__node_changes_edits(const struct arm_node_changes *changes,
                                   struct arm_node_edits *out, struct arm_error *err)
{
    struct arm_node_edits edits = ARM_NODE_EDITS_INIT;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(changes->count, sizeof *edits.items, &edits.items, err));
    /* All the room at once: values must not move under the edits that point at them. */
    ARM_TRY(arm__buf_reserve(&edits.values, changes->count * ARM_NODE_REF_BYTES_MAX, err));
    for (; edits.count < changes->count; edits.count++) {
        const struct arm_node_change *change = &changes->items[edits.count];
        struct arm_ptree_edit *edit = &edits.items[edits.count];
        size_t before = edits.values.size;

        edit->key = arm__ptree_key_bytes(&change->key);
        if (change->is_new) {
            ARM_TRY(arm__node_ref_encode(&change->ref, &edits.values, err));
            edit->value = arm__bytes(edits.values.data + before, edits.values.size - before);
        }
    }
    *out = edits;
    edits = ARM_NODE_EDITS_INIT; /* moved */
done:
    arm__node_edits_release(&edits);
    return st;
}

void arm__node_edits_release(struct arm_node_edits *edits)
{
    arm__free(edits->items);
    arm__buf_release(&edits->values);
    *edits = ARM_NODE_EDITS_INIT;
}

void arm__node_changes_release(struct arm_node_changes *changes)
{
    arm__free(changes->items);
    *changes = ARM_NODE_CHANGES_INIT;
}
