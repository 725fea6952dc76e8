/* SPDX-License-Identifier: Apache-2.0 */
/* Placing the rows of one change: positions, row ids, where hot rows stand in the payload, and
 * the totals of the version. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "commit/commit_private.h"
#include "model/vector.h"

static ProtobufCBinaryData to_pb(const struct arm_position *position)
{
    union {
        const uint8_t *in;
        uint8_t *out;
    } pointer = {position->bytes}; /* protobuf-c does not write through it */

    return (ProtobufCBinaryData){position->size, pointer.out};
}

static ProtobufCBinaryData hash_to_pb(const struct arm_hash *hash)
{
    union {
        const uint8_t *in;
        uint8_t *out;
    } pointer = {hash->bytes};

    return (ProtobufCBinaryData){ARM_HASH_BYTES, pointer.out};
}

static int compare_pb(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return arm__bytes_compare(arm__bytes(a.data, a.len), arm__bytes(b.data, b.len));
}

static int compare_entries(const void *left, const void *right)
{
    const Armpb__Entry *const *a = left;
    const Armpb__Entry *const *b = right;

    return compare_pb((*a)->position, (*b)->position);
}

static int compare_edits(const void *left, const void *right)
{
    const Armpb__DeletionEdit *const *a = left;
    const Armpb__DeletionEdit *const *b = right;

    return compare_pb((*a)->position, (*b)->position);
}

static int compare_removed(const void *left, const void *right)
{
    const ProtobufCBinaryData *a = left;
    const ProtobufCBinaryData *b = right;

    return compare_pb(*a, *b);
}

/* ---- Removed entries ---- */

/* What goes with them. */
static arm_status count_removed(void *context, const struct arm_entry *entry, struct arm_error *err)
{
    Armpb__TableChange *out = context;

    (void)err;
    out->rows_removed += entry->rows - entry->dead;
    out->data_bytes -= entry->bytes;
    return ARM_OK;
}

static arm_status place_removed(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                                Armpb__TableChange *out, struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    arm_status st = ARM_OK;

    if (request->truncated) {
        out->has_truncated = true;
        out->truncated = true;
        out->rows_removed = change->parent.row_count;
        out->data_bytes = 0;
        goto done;
    }
    if (request->removed_count == 0) {
        goto done;
    }
    ARM_TRY(arm__arena_alloc(&plan->arena, request->removed_count, sizeof *out->removed,
                             &out->removed, err));
    for (size_t i = 0; i < request->removed_count; i++) {
        out->removed[i] = to_pb(&request->removed[i]);
    }
    out->n_removed = request->removed_count;
    qsort(out->removed, out->n_removed, sizeof *out->removed, compare_removed);
    ARM_TRY(arm__index_entries_at(plan->txn, &change->table_id, change->row.version,
                                  change->parent.layout, request->removed, request->removed_count,
                                  count_removed, out, err));
done:
    return st;
}

/* ---- Deleted rows ---- */

/* `*out_count`: how many rows they are. */
static arm_status count_bits(struct arm_bytes bits, uint32_t row_count, uint64_t *out_count,
                             struct arm_error *err)
{
    roaring_bitmap_t *rows = NULL;
    arm_status st;

    *out_count = 0;
    if (bits.size == 0) {
        return ARM_OK;
    }
    st = arm__vector_decode(bits, row_count, &rows, err);
    if (st == ARM_CORRUPT) {
        return arm__fail(err, ARM_INVALID, "rows to be deleted are no rows of their entry");
    }
    if (st == ARM_OK) {
        *out_count = roaring_bitmap_get_cardinality(rows);
        arm__vector_free(rows);
    }
    return st;
}

/* `out->deleted` has room. `*out_count` (of rows) 0: there is nothing to delete. */
static arm_status place_deletion(struct arm_commit_plan *plan, const struct arm_new_deletion *from,
                                 Armpb__TableChange *out, uint64_t *out_count,
                                 struct arm_error *err)
{
    union {
        const uint8_t *in;
        uint8_t *out;
    } bits = {from->bits.data}; /* protobuf-c does not write through it */
    Armpb__DeletionEdit *edit = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(count_bits(from->bits, from->rows, out_count, err));
    if (*out_count == 0) {
        goto done;
    }
    ARM_TRY(arm__arena_alloc(&plan->arena, 1, sizeof *edit, &edit, err));
    armpb__deletion_edit__init(edit);
    edit->position = to_pb(&from->position);
    edit->bits = (ProtobufCBinaryData){from->bits.size, bits.out};
    edit->first_row_id = from->first_row_id;
    out->deleted[out->n_deleted++] = edit;
done:
    return st;
}

/* ---- Added entries ---- */

/* Statistics are kept with the first that names a chunk. */
static arm_status place_statistics(struct arm_commit_plan *plan, const struct arm_new_entry *from,
                                   Armpb__Entry *entry, struct arm_error *err)
{
    struct arm_chunk_row row;
    bool is_known;
    arm_status st = ARM_OK;

    if (from->is_hot || from->statistics_count == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__index_chunk(plan->txn, &from->chunk, &row, NULL, &is_known, err));
    if (!is_known) {
        entry->n_statistics = from->statistics_count;
        entry->statistics = from->statistics;
    }
done:
    return st;
}

/* Rows of a new entry that died in the same transaction: deleted beside it, and counted neither
 * as added nor as removed, since nobody ever sees them. */
static arm_status place_own_dead(struct arm_commit_plan *plan, const struct arm_new_entry *from,
                                 const Armpb__Entry *entry, const struct arm_position *position,
                                 Armpb__TableChange *out, struct arm_error *err)
{
    struct arm_new_deletion dead = {.position = *position,
                                    .first_row_id = entry->first_row_id,
                                    .rows = entry->rows,
                                    .bits = from->dead};
    struct arm_new_deletion *kept = NULL; /* the edit borrows from it */
    uint64_t count = 0;
    arm_status st = ARM_OK;

    if (from->dead.size > 0) {
        ARM_TRY(arm__arena_alloc(&plan->arena, 1, sizeof *kept, &kept, err));
        *kept = dead;
        ARM_TRY(place_deletion(plan, kept, out, &count, err));
    }
    out->rows_added += entry->rows - count;
done:
    return st;
}

static arm_status place_entry(struct arm_commit_plan *plan, const struct arm_new_entry *from,
                              const struct arm_position *position, Armpb__TableChange *out,
                              struct arm_error *err)
{
    Armpb__Entry *entry = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&plan->arena, 1, sizeof *entry, &entry, err));
    armpb__entry__init(entry);
    entry->position = to_pb(position);
    entry->first_row_id = from->keeps_row_ids ? from->first_row_id : out->next_row_id;
    entry->rows = from->rows;
    entry->bytes = from->is_hot ? from->hot.size : from->bytes;
    entry->schema_id = from->keeps_row_ids ? from->schema_id : out->schema_id;
    entry->rows_hash = hash_to_pb(&from->rows_hash);
    entry->has_explicit_row_ids = from->explicit_row_ids;
    entry->explicit_row_ids = from->explicit_row_ids;
    if (from->is_hot) {
        entry->has_payload_offset = true;
        entry->payload_offset = plan->payload.size;
        plan->placed[plan->placed_count++] =
            (struct arm_placed_keys){entry->payload_offset, from->key_count, from->keys};
        ARM_TRY(arm__buf_append(&plan->payload, from->hot.data, from->hot.size, err));
    } else {
        entry->has_chunk = true;
        entry->chunk = hash_to_pb(&from->chunk);
    }
    ARM_TRY(place_statistics(plan, from, entry, err));
    ARM_TRY(place_own_dead(plan, from, entry, position, out, err));
    out->added[out->n_added++] = entry;
    out->next_row_id += from->keeps_row_ids ? 0 : from->rows;
    out->data_bytes += entry->bytes;
    out->bytes_added += from->is_hot || from->is_new ? entry->bytes : 0;
done:
    return st;
}

/* The position given, or the next after everything that was ever appended. */
static arm_status next_position(struct arm_commit_plan *plan, const struct arm_new_entry *from,
                                struct arm_position *last, const struct arm_position **out,
                                struct arm_error *err)
{
    struct arm_position *fresh = NULL;
    arm_status st = ARM_OK;

    if (from->position.size != 0) {
        *out = &from->position;
        return ARM_OK;
    }
    ARM_TRY(arm__arena_alloc(&plan->arena, 1, sizeof *fresh, &fresh, err));
    ARM_TRY(arm__position_between(arm__position_bytes(last), (struct arm_bytes){NULL, 0}, 1, fresh,
                                  err));
    *last = *fresh;
    *out = fresh;
done:
    return st;
}

/* Appended entries come after those that were given a place in this very change. */
static struct arm_position last_of(const struct arm_change_plan *change)
{
    struct arm_position last = change->parent.last_position;

    for (size_t i = 0; i < change->request->added_count; i++) {
        const struct arm_position *given = &change->request->added[i].position;

        if (arm__bytes_compare(arm__position_bytes(given), arm__position_bytes(&last)) > 0) {
            last = *given;
        }
    }
    return last;
}

static arm_status place_added(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                              Armpb__TableChange *out, struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    struct arm_position last = last_of(change);
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__arena_alloc(&plan->arena, request->added_count, sizeof *out->added, &out->added, err));
    for (size_t i = 0; i < request->added_count; i++) {
        const struct arm_position *position;

        if (request->added[i].rows == 0) {
            continue;
        }
        ARM_TRY(next_position(plan, &request->added[i], &last, &position, err));
        ARM_TRY(place_entry(plan, &request->added[i], position, out, err));
    }
    qsort(out->added, out->n_added, sizeof *out->added, compare_entries);
    for (size_t i = 1; i < out->n_added; i++) {
        if (compare_entries(&out->added[i - 1], &out->added[i]) == 0) {
            st = arm__fail(err, ARM_INVALID, "two entries are to stand at one position");
            goto done;
        }
    }
done:
    return st;
}

/* Those of entries that were there before. */
static arm_status place_deleted(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                                Armpb__TableChange *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->deleted_count; i++) {
        uint64_t count;

        ARM_TRY(place_deletion(plan, &change->deleted[i], out, &count, err));
        out->rows_removed += count;
    }
    qsort(out->deleted, out->n_deleted, sizeof *out->deleted, compare_edits);
    for (size_t i = 1; i < out->n_deleted; i++) {
        if (compare_edits(&out->deleted[i - 1], &out->deleted[i]) == 0) {
            st = arm__fail(err, ARM_INVALID, "one entry's rows are deleted in two parts");
            goto done;
        }
    }
done:
    return st;
}

arm_status arm__place_rows(struct arm_commit_plan *plan, struct arm_change_plan *change,
                           Armpb__TableChange *out, struct arm_error *err)
{
    struct arm_version_row newest;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_last_version(plan->txn, &change->table_id, &newest, &found, err));
    out->next_row_id = found ? newest.next_row_id : 0;
    out->data_bytes = change->parent.data_bytes;
    ARM_TRY(arm__arena_alloc(&plan->arena, change->request->added_count + change->deleted_count,
                             sizeof *out->deleted, &out->deleted, err));
    ARM_TRY(place_removed(plan, change, out, err));
    ARM_TRY(place_added(plan, change, out, err));
    ARM_TRY(place_deleted(plan, change, out, err));
    if (out->rows_removed > change->parent.row_count) {
        st = arm__fail(err, ARM_INVALID, "table \"%s\".\"%s\": more rows are deleted than it has",
                       change->schema_name, change->name);
        goto done;
    }
    out->row_count = change->parent.row_count + out->rows_added - out->rows_removed;
done:
    return st;
}
