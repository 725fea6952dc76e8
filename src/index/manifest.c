/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: the entries of a version in order (root and tail joined), and the root that a
 * version gets when its tail is written into nodes.
 *
 * Nodes and vectors are content-addressed: putting one that is there changes nothing, and the
 * same content gives the same root however it came about (ptree's T1). */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_private.h"

enum { VECTOR_BYTES_MAX = 512 << 20 };
enum { VALUES_BYTES_MAX = 1 << 30 };

/* ---- Nodes ---- */

static arm_status node_get(void *self, const struct arm_hash *hash, struct arm_buf *out,
                           struct arm_error *err)
{
    struct arm_key key = arm__key_hash(hash);
    struct arm_bytes node;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get_content(self, ARM_DB_NODE, arm__key_bytes(&key), &node, &found, err));
    if (!found) {
        char hex[ARM_HASH_HEX + 1];

        arm__hash_hex(hash, hex);
        st = arm__fail(err, ARM_CORRUPT, "index: node %s is missing", hex);
        goto done;
    }
    arm__buf_clear(out);
    ARM_TRY(arm__buf_append(out, node.data, node.size, err));
done:
    return st;
}

static arm_status put_content(struct arm_index_txn *txn, enum arm_db db,
                              const struct arm_hash *hash, struct arm_bytes content,
                              struct arm_error *err)
{
    struct arm_key key = arm__key_hash(hash);
    struct arm_bytes old;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, db, arm__key_bytes(&key), &old, &found, err));
    if (!found) {
        ARM_TRY(arm__kv_put_content(txn, db, arm__key_bytes(&key), arm__kv_tx(txn), content, err));
    }
done:
    return st;
}

static arm_status node_put(void *self, const struct arm_hash *hash, struct arm_bytes node,
                           struct arm_error *err)
{
    return put_content(self, ARM_DB_NODE, hash, node, err);
}

struct arm_node_store arm__index_nodes(struct arm_index_txn *txn)
{
    return (struct arm_node_store){txn, node_get, node_put};
}

/* ---- Walking the runs of a tail ---- */

/* The run of steps that begins at `first` and concerns one position: its end. */
static size_t run_end(const struct arm_tail *tail, size_t first)
{
    size_t end = first + 1;

    while (end < tail->step_count &&
           arm__bytes_compare(tail->steps[end].position, tail->steps[first].position) == 0) {
        end++;
    }
    return end;
}

/* ---- Materialising ---- */

/* The edits of one materialisation. Values stand in one buffer, at `offsets` until it has
 * stopped moving. */
struct edit_list {
    struct arm_ptree_edit *edits;
    size_t *offsets;
    size_t count;
    struct arm_buf values;
};

static void edits_release(struct edit_list *list)
{
    arm__free(list->edits);
    arm__free(list->offsets);
    arm__buf_release(&list->values);
}

/* A vector too large for its entry goes into the vector sub-database. */
static arm_status place_vector(struct arm_index_txn *txn, struct arm_entry *entry,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (entry->vector.size > ARM_VECTOR_INLINE_MAX) {
        entry->vector_hash = arm__hash(entry->vector);
        ARM_TRY(put_content(txn, ARM_DB_VECTOR, &entry->vector_hash, entry->vector, err));
        entry->vector = (struct arm_bytes){NULL, 0};
    }
done:
    return st;
}

static arm_status add_edit(struct arm_index_txn *txn, struct edit_list *list,
                           struct arm_bytes position, struct arm_joined *joined,
                           struct arm_error *err)
{
    size_t offset = list->values.size;
    arm_status st = ARM_OK;

    if (joined->is_there) {
        ARM_TRY(place_vector(txn, &joined->entry, err));
        ARM_TRY(arm__entry_encode(&joined->entry, &list->values, err));
    }
    list->offsets[list->count] = offset;
    list->edits[list->count] = (struct arm_ptree_edit){
        position, {NULL, joined->is_there ? list->values.size - offset : 0}};
    list->count++;
done:
    return st;
}

static arm_status collect_edits(struct arm_index_txn *txn, const struct arm_tail *tail,
                                struct edit_list *list, struct arm_error *err)
{
    struct arm_node_store nodes = arm__index_nodes(txn);
    struct arm_buf base = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    struct arm_buf vector = ARM_BUF_INIT(VECTOR_BYTES_MAX);
    size_t end;
    arm_status st = ARM_OK;

    for (size_t at = 0; at < tail->step_count; at = end) {
        struct arm_bytes position = tail->steps[at].position;
        struct arm_bytes old = {NULL, 0};
        struct arm_joined joined;
        bool found = false;

        end = run_end(tail, at);
        if (!arm__hash_is_zero(&tail->root)) {
            arm__buf_clear(&base);
            ARM_TRY(arm__ptree_get(&nodes, &tail->root, position, &base, &found, err));
        }
        if (found) {
            old = arm__buf_bytes(&base);
        }
        ARM_TRY(
            arm__tail_join(txn, position, old, &tail->steps[at], end - at, &vector, &joined, err));
        if (found || joined.is_there) {
            ARM_TRY(add_edit(txn, list, position, &joined, err));
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->edits[i].value.size > 0) {
            list->edits[i].value.data = list->values.data + list->offsets[i];
        }
    }
done:
    arm__buf_release(&vector);
    arm__buf_release(&base);
    return st;
}

static arm_status table_id_of(const Armpb__TableChange *change, struct arm_table_id *out,
                              struct arm_error *err)
{
    if (change->table_id.len != ARM_TABLE_ID_BYTES) {
        return arm__fail(err, ARM_CORRUPT, "a table id of %zu bytes", change->table_id.len);
    }
    memcpy(out->bytes, change->table_id.data, ARM_TABLE_ID_BYTES);
    return ARM_OK;
}

arm_status arm__index_materialise(struct arm_index_txn *txn, uint64_t tx,
                                  const Armpb__TableChange *change, struct arm_hash *out_root,
                                  struct arm_error *err)
{
    struct arm_node_store nodes = arm__index_nodes(txn);
    struct edit_list list = {.values = ARM_BUF_INIT(VALUES_BYTES_MAX)};
    struct arm_tail tail = {.steps = NULL};
    struct arm_table_id table_id;
    arm_status st = ARM_OK;

    arm__kv_set_tx(txn, tx);
    ARM_TRY(table_id_of(change, &table_id, err));
    ARM_TRY(arm__tail_load(txn, &table_id, change->has_parent_version ? change->parent_version : 0,
                           change->has_base_layout ? change->base_layout : ARM_LAYOUT_NEWEST,
                           change, tx, &tail, err));
    ARM_TRY(arm__calloc(tail.step_count, sizeof *list.edits, &list.edits, err));
    ARM_TRY(arm__calloc(tail.step_count, sizeof *list.offsets, &list.offsets, err));
    ARM_TRY(collect_edits(txn, &tail, &list, err));
    ARM_TRY(arm__ptree_edit(&nodes, &tail.root, list.edits, list.count, out_root, err));
done:
    arm__tail_release(&tail);
    edits_release(&list);
    return st;
}

/* ---- Entries in order ---- */

/* A walk over root and tail at once. */
struct entry_walk {
    struct arm_index_txn *txn;
    struct arm_tail tail;
    struct arm_ptree_iter *iter;
    struct arm_bytes key; /* of the root's next entry; data NULL: none */
    struct arm_bytes value;
    size_t step;
    struct arm_buf vector;
    uint64_t live_rows;
};

/* Join what is next by position, from the root, the tail or both. */
static arm_status walk_next(struct entry_walk *walk, struct arm_joined *out, struct arm_error *err)
{
    const struct arm_step *steps = walk->tail.steps + walk->step;
    bool has_step = walk->step < walk->tail.step_count;
    int order = -1; /* of the root's entry to the step */
    arm_status st = ARM_OK;

    if (walk->key.data == NULL) {
        order = 1;
    } else if (has_step) {
        order = arm__bytes_compare(walk->key, steps->position);
    }
    if (order < 0) {
        ARM_TRY(
            arm__tail_join(walk->txn, walk->key, walk->value, NULL, 0, &walk->vector, out, err));
    } else {
        size_t end = run_end(&walk->tail, walk->step);
        struct arm_bytes base = {NULL, 0};

        if (order == 0) {
            base = walk->value;
        }
        ARM_TRY(arm__tail_join(walk->txn, steps->position, base, steps, end - walk->step,
                               &walk->vector, out, err));
        walk->step = end;
    }
    if (order <= 0) {
        ARM_TRY(arm__ptree_iter_next(walk->iter, &walk->key, &walk->value, err));
    }
done:
    return st;
}

static arm_status walk_entries(struct entry_walk *walk, arm_visit_entry *visit, void *context,
                               struct arm_error *err)
{
    struct arm_node_store nodes = arm__index_nodes(walk->txn);
    arm_status st = ARM_OK;

    ARM_TRY(arm__ptree_iter_new(&nodes, &walk->tail.root, (struct arm_bytes){NULL, 0}, &walk->iter,
                                err));
    ARM_TRY(arm__ptree_iter_next(walk->iter, &walk->key, &walk->value, err));
    while (walk->key.data != NULL || walk->step < walk->tail.step_count) {
        struct arm_joined joined;

        ARM_TRY(walk_next(walk, &joined, err));
        if (joined.is_there) {
            walk->live_rows += joined.entry.rows - joined.entry.dead;
            ARM_TRY(visit(context, &joined.entry, err));
        }
    }
done:
    return st;
}

arm_status arm__index_entries(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                              uint64_t version, uint64_t layout, arm_visit_entry *visit,
                              void *context, struct arm_error *err)
{
    struct entry_walk walk = {.txn = txn, .vector = ARM_BUF_INIT(VECTOR_BYTES_MAX)};
    struct arm_version_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__tail_load(txn, table_id, version, layout, NULL, 0, &walk.tail, err));
    ARM_TRY(arm__index_version(txn, table_id, version, &row, NULL, &found, err));
    ARM_TRY(walk_entries(&walk, visit, context, err));
    if (!found || walk.live_rows != row.row_count) {
        st = arm__fail(err, ARM_CORRUPT, "version %llu has %llu rows, its entries %llu",
                       (unsigned long long)version, (unsigned long long)row.row_count,
                       (unsigned long long)walk.live_rows);
    }
done:
    arm__ptree_iter_free(walk.iter);
    arm__tail_release(&walk.tail);
    arm__buf_release(&walk.vector);
    return st;
}

/* The steps of one position. */
static const struct arm_step *steps_at(const struct arm_tail *tail, struct arm_bytes position,
                                       size_t *out_count)
{
    size_t low = 0;
    size_t high = tail->step_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (arm__bytes_compare(tail->steps[middle].position, position) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_count = 0;
    if (low < tail->step_count && arm__bytes_compare(tail->steps[low].position, position) == 0) {
        *out_count = run_end(tail, low) - low;
    }
    return tail->steps + low;
}

static arm_status visit_at(struct entry_walk *walk, struct arm_bytes position, struct arm_buf *base,
                           arm_visit_entry *visit, void *context, struct arm_error *err)
{
    struct arm_node_store nodes = arm__index_nodes(walk->txn);
    struct arm_bytes old = {NULL, 0};
    const struct arm_step *steps;
    struct arm_joined joined;
    bool found = false;
    size_t count;
    arm_status st = ARM_OK;

    if (!arm__hash_is_zero(&walk->tail.root)) {
        arm__buf_clear(base);
        ARM_TRY(arm__ptree_get(&nodes, &walk->tail.root, position, base, &found, err));
    }
    if (found) {
        old = arm__buf_bytes(base);
    }
    steps = steps_at(&walk->tail, position, &count);
    ARM_TRY(arm__tail_join(walk->txn, position, old, steps, count, &walk->vector, &joined, err));
    if (!joined.is_there) {
        st = arm__fail(err, ARM_NOT_FOUND, "the table has no entry at that position");
        goto done;
    }
    ARM_TRY(visit(context, &joined.entry, err));
done:
    return st;
}

arm_status arm__index_entries_at(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                 uint64_t version, uint64_t layout,
                                 const struct arm_position *positions, size_t count,
                                 arm_visit_entry *visit, void *context, struct arm_error *err)
{
    struct entry_walk walk = {.txn = txn, .vector = ARM_BUF_INIT(VECTOR_BYTES_MAX)};
    struct arm_buf base = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__tail_load(txn, table_id, version, layout, NULL, 0, &walk.tail, err));
    for (size_t i = 0; i < count; i++) {
        ARM_TRY(visit_at(&walk, arm__position_bytes(&positions[i]), &base, visit, context, err));
    }
done:
    arm__tail_release(&walk.tail);
    arm__buf_release(&walk.vector);
    arm__buf_release(&base);
    return st;
}
