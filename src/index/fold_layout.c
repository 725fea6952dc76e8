/* SPDX-License-Identifier: Apache-2.0 */
/* Folding a Compaction. What it does to the manifest is derived from it and from what its sources
 * are here and now, and must give the root that it claims:
 *
 *   sources   stand where it says, with the rows it says; what it drops is dead
 *   base      the newest layout of the version: two compactions of one never cross
 *   rows      the judge has counted them (record_judge.c); those dead and not dropped stay dead */

#include <string.h>

#include "base/alloc.h"
#include "index/index_private.h"
#include "model/compaction.h"
#include "model/vector.h"

enum { VECTOR_BYTES_MAX = 512 << 20 };

static arm_status wrong(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "a compaction: %s", what);
}

/* ---- What it does to the manifest ---- */

/* A Compaction's sources one after the other, and what of them died since it was prepared. */
struct deriving {
    const Armpb__Compaction *compaction;
    struct arm_position *positions; /* of all sources */
    size_t source_count;
    size_t group; /* of the next source */
    size_t source;
    struct arm_group_map map; /* of its group */
    roaring_bitmap_t **died;  /* one set an entry of the group */
    struct arm_buf *vectors;  /* one an edit: its bits */
    Armpb__DeletionEdit *edits;
    Armpb__DeletionEdit **edit_list;
    ProtobufCBinaryData *removed;
    Armpb__Entry **added;
    size_t edit_count;
    size_t entry_count;
    uint64_t removed_bytes;
    uint64_t added_bytes;
};

static void free_sets(roaring_bitmap_t **sets, size_t count)
{
    for (size_t i = 0; sets != NULL && i < count; i++) {
        arm__vector_free(sets[i]);
    }
    arm__free(sets);
}

static void end_group(struct deriving *d)
{
    if (d->map.group != NULL) {
        free_sets(d->died, d->map.group->n_entries);
        d->died = NULL;
        arm__group_map_release(&d->map);
    }
}

static void deriving_free(void *memory)
{
    struct deriving *d = memory;

    if (d == NULL) {
        return;
    }
    end_group(d);
    for (size_t i = 0; d->vectors != NULL && i < d->edit_count; i++) {
        arm__buf_release(&d->vectors[i]);
    }
    arm__free(d->vectors);
    arm__free(d->edits);
    arm__free(d->edit_list);
    arm__free(d->positions);
    arm__free(d->removed);
    arm__free(d->added);
    arm__free(d);
}

static arm_status allocate(struct deriving *d, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < d->compaction->n_groups; i++) {
        d->source_count += d->compaction->groups[i]->n_sources;
        d->entry_count += d->compaction->groups[i]->n_entries;
    }
    ARM_TRY(arm__calloc(d->source_count, sizeof *d->positions, &d->positions, err));
    ARM_TRY(arm__calloc(d->source_count, sizeof *d->removed, &d->removed, err));
    ARM_TRY(arm__calloc(d->entry_count, sizeof(Armpb__Entry *), &d->added, err));
    ARM_TRY(arm__calloc(d->entry_count, sizeof *d->vectors, &d->vectors, err));
    ARM_TRY(arm__calloc(d->entry_count, sizeof *d->edits, &d->edits, err));
    ARM_TRY(arm__calloc(d->entry_count, sizeof(Armpb__DeletionEdit *), &d->edit_list, err));
done:
    return st;
}

/* All sources and entries, in order: the judge has seen to it. */
static void list_all(struct deriving *d)
{
    size_t source = 0;
    size_t entry = 0;

    for (size_t i = 0; i < d->compaction->n_groups; i++) {
        const Armpb__CompactedGroup *group = d->compaction->groups[i];

        for (size_t k = 0; k < group->n_sources; k++, source++) {
            ProtobufCBinaryData position = group->sources[k]->position;

            d->removed[source] = position;
            d->positions[source].size = (uint8_t)position.len;
            memcpy(d->positions[source].bytes, position.data, position.len);
        }
        for (size_t k = 0; k < group->n_entries; k++, entry++) {
            d->added[entry] = group->entries[k];
            d->added_bytes += group->entries[k]->bytes;
        }
    }
}

/* The rows of the entry that are dead and not dropped go on as dead rows of what it became. */
static arm_status move_dead(struct deriving *d, const struct arm_entry *entry,
                            struct arm_error *err)
{
    const roaring_bitmap_t *dropped = d->map.dropped[d->source];
    roaring_bitmap_t *dead = NULL;
    uint64_t gone;
    arm_status st = ARM_OK;

    if (entry->dead > 0) {
        ARM_TRY(arm__vector_decode(entry->vector, entry->rows, &dead, err));
    }
    if (dropped != NULL && (dead == NULL || !roaring_bitmap_is_subset(dropped, dead))) {
        st = wrong("it drops rows that live", err);
        goto done;
    }
    if (dead != NULL) {
        if (dropped != NULL) {
            roaring_bitmap_andnot_inplace(dead, dropped);
        }
        ARM_TRY(arm__group_map_rows(&d->map, d->source, dead, d->died, &gone, err));
    }
done:
    arm__vector_free(dead);
    return st;
}

/* A group is through: what died in it becomes edits. */
static arm_status finish_group(struct deriving *d, struct arm_error *err)
{
    const Armpb__CompactedGroup *group = d->map.group;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < group->n_entries; i++) {
        Armpb__DeletionEdit *edit = &d->edits[d->edit_count];
        struct arm_buf *vector = &d->vectors[d->edit_count];

        if (d->died[i] == NULL) {
            continue;
        }
        *vector = ARM_BUF_INIT(VECTOR_BYTES_MAX);
        d->edit_list[d->edit_count++] = edit;
        ARM_TRY(arm__vector_encode(d->died[i], vector, err));
        armpb__deletion_edit__init(edit);
        edit->position = group->entries[i]->position;
        edit->first_row_id = group->entries[i]->first_row_id;
        edit->bits = (ProtobufCBinaryData){vector->size, vector->data};
    }
    end_group(d);
    d->group++;
    d->source = 0;
done:
    return st;
}

static arm_status take_source(void *context, const struct arm_entry *entry, struct arm_error *err)
{
    struct deriving *d = context;
    const Armpb__CompactedGroup *group = d->compaction->groups[d->group];
    const Armpb__CompactedSource *source = group->sources[d->source];
    arm_status st = ARM_OK;

    if (d->source == 0) {
        ARM_TRY(arm__group_map_init(group, &d->map, err));
        ARM_TRY(arm__calloc(group->n_entries, sizeof(roaring_bitmap_t *), &d->died, err));
    }
    if (entry->first_row_id != source->first_row_id || entry->rows != source->rows) {
        st = wrong("a source is not what it says", err);
        goto done;
    }
    ARM_TRY(move_dead(d, entry, err));
    d->removed_bytes += entry->bytes;
    if (++d->source == group->n_sources) {
        ARM_TRY(finish_group(d, err));
    }
done:
    return st;
}

/* Its totals: those of the base, less the sources, plus the entries. */
static arm_status total(struct arm_index_txn *txn, const struct deriving *d,
                        const struct arm_table_id *table_id, uint64_t *out, struct arm_error *err)
{
    struct arm_version_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_version(txn, table_id, d->compaction->version, &row, NULL, &found, err));
    if (!found) {
        return wrong("it is of a version that is not there", err);
    }
    ARM_TRY(arm__index_lay(txn, &row, d->compaction->base_layout, err));
    *out = row.data_bytes - d->removed_bytes + d->added_bytes;
done:
    return st;
}

static void describe(const struct deriving *d, Armpb__TableChange *out)
{
    armpb__table_change__init(out);
    out->kind = ARMPB__CHANGE_KIND__WRITE;
    out->table_id = d->compaction->table_id;
    out->has_parent_version = true;
    out->parent_version = d->compaction->version;
    out->has_base_layout = true;
    out->base_layout = d->compaction->base_layout;
    out->n_removed = d->source_count;
    out->removed = d->removed;
    out->n_added = d->entry_count;
    out->added = d->added;
    out->n_deleted = d->edit_count;
    out->deleted = d->edit_list;
}

arm_status arm__layout_change_init(struct arm_index_txn *txn, const Armpb__Compaction *compaction,
                                   struct arm_layout_change *out, struct arm_error *err)
{
    struct deriving *d = NULL;
    struct arm_table_id table_id;
    arm_status st = ARM_OK;

    memcpy(table_id.bytes, compaction->table_id.data, sizeof table_id.bytes);
    ARM_TRY(arm__calloc(1, sizeof *d, &d, err));
    d->compaction = compaction;
    ARM_TRY(allocate(d, err));
    list_all(d);
    ARM_TRY(arm__index_entries_at(txn, &table_id, compaction->version, compaction->base_layout,
                                  d->positions, d->source_count, take_source, d, err));
    ARM_TRY(total(txn, d, &table_id, &out->data_bytes, err));
    describe(d, &out->change);
    out->memory = d;
    d = NULL;
done:
    deriving_free(d);
    return st == ARM_NOT_FOUND ? wrong("a source is not there", err) : st;
}

void arm__layout_change_release(struct arm_layout_change *change)
{
    deriving_free(change->memory);
    change->memory = NULL;
}

/* ---- Folding ---- */

static arm_status check_base(const struct arm_fold *fold, const Armpb__Compaction *compaction,
                             const struct arm_table_id *table_id, struct arm_error *err)
{
    struct arm_layout_row newest = {.tx = 0};
    struct arm_version_state version;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__index_version_state(fold->txn, table_id, compaction->version, &version, &found, err));
    if (!found) {
        return wrong("it is of a version that is not there", err);
    }
    ARM_TRY(arm__index_layout(fold->txn, table_id, compaction->version, UINT64_MAX, &newest, &found,
                              err));
    if ((found ? newest.tx : 0) != compaction->base_layout) {
        st = wrong("its base is not the newest layout", err);
    }
done:
    return st;
}

static arm_status put_layout(const struct arm_fold *fold, const Armpb__Compaction *compaction,
                             const struct arm_table_id *table_id, const struct arm_hash *root,
                             struct arm_error *err)
{
    struct arm_layout_row row = {
        .base = compaction->base_layout, .data_bytes = compaction->data_bytes, .root = *root};
    struct arm_key key = arm__key_layout(table_id, compaction->version, fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    arm_status st = ARM_OK;

    ARM_TRY(arm__row_put_layout(&row, bytes, err));
    ARM_TRY(
        arm__kv_put(fold->txn, ARM_DB_LAYOUT, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

arm_status arm__fold_compaction(const struct arm_fold *fold, const Armpb__Compaction *compaction,
                                struct arm_error *err)
{
    struct arm_layout_change change = {.memory = NULL};
    struct arm_table_id table_id;
    struct arm_hash root;
    arm_status st = ARM_OK;

    memcpy(table_id.bytes, compaction->table_id.data, sizeof table_id.bytes);
    ARM_TRY(check_base(fold, compaction, &table_id, err));
    ARM_TRY(arm__layout_change_init(fold->txn, compaction, &change, err));
    if (change.data_bytes != compaction->data_bytes) {
        st = wrong("its bytes do not follow", err);
        goto done;
    }
    ARM_TRY(arm__index_materialise(fold->txn, fold->at->tx, &change.change, &root, err));
    if (memcmp(root.bytes, compaction->root.data, ARM_HASH_BYTES) != 0) {
        st = wrong("its root is not what its entries give", err);
        goto done;
    }
    ARM_TRY(arm__fold_chunks(fold, change.change.added, change.change.n_added, err));
    ARM_TRY(put_layout(fold, compaction, &table_id, &root, err));
done:
    arm__layout_change_release(&change);
    return st;
}
