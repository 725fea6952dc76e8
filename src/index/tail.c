/* SPDX-License-Identifier: Apache-2.0 */
/* A table version as its nearest materialised ancestor's root and the changes since.
 *
 * The changes are cut into steps (remove, add, delete rows), sorted by position; what happened to
 * one position is then a short run of steps, done in order on what the root says of it. A step
 * that does not follow (removing what is not there, adding what is) is ARM_CORRUPT: the commit
 * path makes no such change. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_private.h"
#include "model/vector.h"

static void free_changes(Armpb__TableChange **changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        arm__index_change_free(changes[i]);
    }
    arm__free(changes);
}

void arm__tail_release(struct arm_tail *tail)
{
    free_changes(tail->changes, tail->change_count);
    arm__free(tail->steps);
    *tail = (struct arm_tail){.steps = NULL};
}

/* ---- Loading ---- */

/* The changes of the versions from `version` back to its root, oldest first. */
static arm_status load_changes(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                               uint64_t version, struct arm_tail *tail, uint64_t *txs,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = tail->change_count; i > 0; i--) {
        struct arm_version_state state;
        bool found;

        ARM_TRY(arm__index_version_state(txn, table_id, version, &state, &found, err));
        if (!found || state.row.is_materialised || state.row.tail_count != i) {
            st = arm__fail(err, ARM_CORRUPT, "index: the tail of version %llu is broken",
                           (unsigned long long)version);
            goto done;
        }
        ARM_TRY(arm__slim_restore(&state, &tail->changes[i - 1], err));
        txs[i - 1] = state.row.tx;
        version = state.row.parent_version;
    }
done:
    return st;
}

static size_t count_steps(const Armpb__TableChange *change)
{
    return change->n_removed + change->n_added + change->n_deleted;
}

static struct arm_bytes from_pb(ProtobufCBinaryData bytes)
{
    return arm__bytes(bytes.data, bytes.len);
}

static void append_steps(struct arm_tail *tail, const Armpb__TableChange *change, uint32_t order,
                         uint64_t tx)
{
    struct arm_step *at = tail->steps + tail->step_count;

    for (size_t i = 0; i < change->n_removed; i++) {
        *at++ = (struct arm_step){.position = from_pb(change->removed[i]),
                                  .order = order,
                                  .kind = ARM_STEP_REMOVE,
                                  .tx = tx};
    }
    for (size_t i = 0; i < change->n_added; i++) {
        *at++ = (struct arm_step){.position = from_pb(change->added[i]->position),
                                  .order = order,
                                  .kind = ARM_STEP_ADD,
                                  .tx = tx,
                                  .entry = change->added[i]};
    }
    for (size_t i = 0; i < change->n_deleted; i++) {
        *at++ = (struct arm_step){.position = from_pb(change->deleted[i]->position),
                                  .order = order,
                                  .kind = ARM_STEP_DELETE,
                                  .tx = tx,
                                  .deletion = change->deleted[i]};
    }
    tail->step_count = (size_t)(at - tail->steps);
}

/* By position, then by age, then removals before additions before deletions. */
static int compare_steps(const void *left, const void *right)
{
    const struct arm_step *a = left;
    const struct arm_step *b = right;
    int order = arm__bytes_compare(a->position, b->position);

    if (order != 0) {
        return order;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return (int)a->kind - (int)b->kind;
}

static bool is_truncated(const Armpb__TableChange *change)
{
    return change->has_truncated && change->truncated;
}

static arm_status build_steps(struct arm_tail *tail, const uint64_t *txs,
                              const Armpb__TableChange *last, uint64_t last_tx,
                              struct arm_error *err)
{
    size_t first = 0; /* nothing before it counts */
    bool cut = false;
    size_t total = last == NULL ? 0 : count_steps(last);
    arm_status st = ARM_OK;

    for (size_t i = 0; i < tail->change_count; i++) {
        if (is_truncated(tail->changes[i])) {
            first = i;
            cut = true;
        }
    }
    if (last != NULL && is_truncated(last)) {
        first = tail->change_count;
        cut = true;
    }
    for (size_t i = first; i < tail->change_count; i++) {
        total += count_steps(tail->changes[i]);
    }
    ARM_TRY(arm__calloc(total, sizeof *tail->steps, &tail->steps, err));
    for (size_t i = first; i < tail->change_count; i++) {
        append_steps(tail, tail->changes[i], (uint32_t)i, txs[i]);
    }
    if (last != NULL) {
        append_steps(tail, last, (uint32_t)tail->change_count, last_tx);
    }
    assert(tail->step_count == total);
    qsort(tail->steps, total, sizeof *tail->steps, compare_steps);
    if (cut) {
        tail->root = (struct arm_hash){{0}};
    }
done:
    return st;
}

/* The tail may not be longer than its rule says: a row that claims so is damaged (I6). */
static arm_status check_length(const struct arm_version_row *row, struct arm_error *err)
{
    if (row->tail_count > ARM_TAIL_MAX) {
        return arm__fail(err, ARM_CORRUPT, "index: version %llu has a tail of %u",
                         (unsigned long long)row->version, row->tail_count);
    }
    return ARM_OK;
}

arm_status arm__tail_load(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                          uint64_t version, uint64_t layout, const Armpb__TableChange *last,
                          uint64_t last_tx, struct arm_tail *out, struct arm_error *err)
{
    struct arm_tail tail = {.steps = NULL};
    uint64_t txs[ARM_TAIL_MAX];
    struct arm_version_row row = {.tail_count = 0};
    bool found = true;
    arm_status st = ARM_OK;

    if (version != 0) {
        ARM_TRY(arm__index_version(txn, table_id, version, &row, NULL, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "index: there is no version %llu of the table",
                       (unsigned long long)version);
        goto done;
    }
    if (version != 0) {
        ARM_TRY(arm__index_lay(txn, &row, layout, err));
    }
    ARM_TRY(check_length(&row, err));
    tail.root = row.root;
    ARM_TRY(arm__calloc(row.tail_count, sizeof(Armpb__TableChange *), &tail.changes, err));
    tail.change_count = row.tail_count;
    ARM_TRY(load_changes(txn, table_id, version, &tail, txs, err));
    ARM_TRY(build_steps(&tail, txs, last, last_tx, err));
    *out = tail;
    tail = (struct arm_tail){.steps = NULL};
done:
    arm__tail_release(&tail);
    return st;
}

/* ---- Joining ---- */

/* What a position holds while its steps are done: the bitmap is decoded once, at the first
 * deletion. */
struct position_state {
    bool is_there;
    struct arm_entry entry;
    roaring_bitmap_t *dead; /* NULL: as the entry says */
};

static arm_status broken(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "index: %s", what);
}

static arm_status set_hash(ProtobufCBinaryData from, struct arm_hash *out, struct arm_error *err)
{
    if (from.len != ARM_HASH_BYTES) {
        return broken("an entry's hash has not its size", err);
    }
    memcpy(out->bytes, from.data, ARM_HASH_BYTES);
    return ARM_OK;
}

static arm_status entry_from_pb(const Armpb__Entry *from, uint64_t tx, struct arm_entry *out,
                                struct arm_error *err)
{
    struct arm_entry entry = {.first_row_id = from->first_row_id,
                              .rows = from->rows,
                              .bytes = from->bytes,
                              .schema_id = from->schema_id,
                              .key_id = from->has_key_id ? from->key_id : 0,
                              .is_hot = !from->has_chunk,
                              .explicit_row_ids = from->explicit_row_ids,
                              .name_mapping = from->name_mapping};
    arm_status st = ARM_OK;

    if (from->position.len > ARM_POSITION_BYTES_MAX) {
        st = broken("a position is too long", err);
        goto done;
    }
    entry.position.size = (uint8_t)from->position.len;
    memcpy(entry.position.bytes, from->position.data, from->position.len);
    ARM_TRY(set_hash(from->rows_hash, &entry.rows_hash, err));
    if (from->has_chunk) {
        ARM_TRY(set_hash(from->chunk, &entry.chunk, err));
    } else {
        entry.tx = tx;
        entry.payload_offset = from->payload_offset;
    }
    *out = entry;
done:
    return st;
}

/* The bytes of an entry's vector, from the entry or from the vector sub-database. */
static arm_status vector_bytes(struct arm_index_txn *txn, const struct arm_entry *entry,
                               struct arm_bytes *out, struct arm_error *err)
{
    struct arm_key key;
    bool found;
    arm_status st = ARM_OK;

    if (entry->vector.data != NULL) {
        *out = entry->vector;
        return ARM_OK;
    }
    key = arm__key_hash(&entry->vector_hash);
    ARM_TRY(arm__kv_get_content(txn, ARM_DB_VECTOR, arm__key_bytes(&key), out, &found, err));
    if (!found) {
        st = broken("a deletion vector is missing", err);
    }
done:
    return st;
}

static arm_status do_delete(struct arm_index_txn *txn, const struct arm_step *step,
                            struct position_state *state, struct arm_error *err)
{
    const Armpb__DeletionEdit *edit = step->deletion;
    roaring_bitmap_t *added = NULL;
    struct arm_bytes old;
    arm_status st = ARM_OK;

    if (!state->is_there || edit->first_row_id != state->entry.first_row_id) {
        return broken("rows are deleted from an entry that is not there", err);
    }
    if (state->dead == NULL && state->entry.dead > 0) {
        ARM_TRY(vector_bytes(txn, &state->entry, &old, err));
        ARM_TRY(arm__vector_decode(old, state->entry.rows, &state->dead, err));
    }
    ARM_TRY(arm__vector_decode(from_pb(edit->bits), state->entry.rows, &added, err));
    if (state->dead == NULL) {
        state->dead = added;
        added = NULL;
    } else {
        roaring_bitmap_or_inplace(state->dead, added);
    }
done:
    arm__vector_free(added);
    return st;
}

static arm_status do_step(struct arm_index_txn *txn, const struct arm_step *step,
                          struct position_state *state, struct arm_error *err)
{
    switch (step->kind) {
    case ARM_STEP_REMOVE:
        if (!state->is_there) {
            return broken("an entry is removed that is not there", err);
        }
        arm__vector_free(state->dead);
        state->dead = NULL;
        state->is_there = false;
        return ARM_OK;
    case ARM_STEP_ADD:
        if (state->is_there) {
            return broken("an entry is added at a position that is taken", err);
        }
        state->is_there = true;
        return entry_from_pb(step->entry, step->tx, &state->entry, err);
    case ARM_STEP_DELETE:
        return do_delete(txn, step, state, err);
    }
    return broken("a step of no kind", err);
}

/* The joined vector goes into `vector`; what the root held by hash is fetched. */
static arm_status finish_vector(struct arm_index_txn *txn, struct position_state *state,
                                struct arm_buf *vector, struct arm_error *err)
{
    struct arm_bytes old;
    arm_status st = ARM_OK;

    arm__buf_clear(vector);
    if (state->dead != NULL) {
        state->entry.dead = (uint32_t)roaring_bitmap_get_cardinality(state->dead);
        ARM_TRY(arm__vector_encode(state->dead, vector, err));
    } else if (state->entry.dead > 0) {
        ARM_TRY(vector_bytes(txn, &state->entry, &old, err));
        ARM_TRY(arm__buf_append(vector, old.data, old.size, err));
    }
    state->entry.vector = arm__buf_bytes(vector);
    if (vector->size == 0) {
        state->entry.vector = (struct arm_bytes){NULL, 0};
    }
done:
    return st;
}

arm_status arm__tail_join(struct arm_index_txn *txn, struct arm_bytes position,
                          struct arm_bytes base_value, const struct arm_step *steps,
                          size_t step_count, struct arm_buf *vector, struct arm_joined *out,
                          struct arm_error *err)
{
    struct position_state state = {.is_there = base_value.data != NULL};
    arm_status st = ARM_OK;

    if (state.is_there) {
        ARM_TRY(arm__entry_decode(position, base_value, &state.entry, err));
    }
    for (size_t i = 0; i < step_count; i++) {
        ARM_TRY(do_step(txn, &steps[i], &state, err));
    }
    if (state.is_there) {
        ARM_TRY(finish_vector(txn, &state, vector, err));
    }
    *out = (struct arm_joined){state.is_there, state.entry};
done:
    arm__vector_free(state.dead);
    return st;
}
