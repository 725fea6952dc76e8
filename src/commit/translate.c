/* SPDX-License-Identifier: Apache-2.0 */
/* Deletions follow the rows that compactions moved (U3).
 *
 * A writer names dead rows by entry and number, as its base version stood in the layout that it
 * saw. Between there and the branch's head come, in the order of the log, the layouts that each
 * version on the way was given before the next was made of it, and the versions themselves:
 *
 *   base -- its later layouts -> next version -- its layouts -> ... -> head -- its layouts
 *
 * Each layout's record says where the rows went (model/compaction.h), each version's change which
 * rows died by others: to be compared while both are said of the same entries. Where there is no
 * layout on the way, validate.c has compared them already and nothing is done here.
 *
 * A replacement puts entries between entries, which a compaction may have joined. Nobody else
 * changed rows since its base, or it is refused; so it goes on from the layout that it was planned
 * on, and the compaction is as if it had never been. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "model/compaction.h"
#include "model/vector.h"

enum { VECTOR_BYTES_MAX = 512 << 20 };

/* One deletion on its way: rows of the entry at `position`. */
struct moving {
    struct arm_position position;
    uint64_t first_row_id;
    uint32_t entry_rows;
    roaring_bitmap_t *rows;
};

struct translation {
    struct arm_commit_plan *plan;
    struct arm_change_plan *change;
    size_t count;
    size_t capacity;
    struct moving *moving;
};

static void release(struct translation *t)
{
    for (size_t i = 0; i < t->count; i++) {
        arm__vector_free(t->moving[i].rows);
    }
    arm__free(t->moving);
}

/* ---- What is on the way ---- */

/* Versions from the head back to the base: `*out` in that order, in the arena. */
static arm_status find_way(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                           struct arm_version_row **out, size_t *out_count, struct arm_error *err)
{
    uint64_t version = change->row.version;
    size_t capacity = 0;
    arm_status st = ARM_OK;

    *out = NULL;
    *out_count = 0;
    while (version >= change->request->base_version && version != 0) {
        if (*out_count == capacity) {
            struct arm_version_row *larger = NULL;

            capacity = capacity == 0 ? 4 : 2 * capacity;
            ARM_TRY(arm__arena_alloc(&plan->arena, capacity, sizeof *larger, &larger, err));
            if (*out_count > 0) {
                memcpy(larger, *out, *out_count * sizeof *larger);
            }
            *out = larger;
        }
        ARM_TRY(arm__version_row(plan, &change->table_id, version, &(*out)[*out_count], err));
        version = (*out)[(*out_count)++].parent_version;
    }
done:
    return st;
}

/* The first layout of way[i] that the writer did not see and that its successor was made of; tx 0:
 * there is none after `after`. */
static arm_status next_layout(const struct arm_commit_plan *plan,
                              const struct arm_change_plan *change,
                              const struct arm_version_row *way, size_t i, uint64_t after,
                              uint64_t *out_tx, struct arm_error *err)
{
    uint64_t until = i == 0 ? UINT64_MAX : way[i - 1].tx;
    struct arm_layout_row row;
    bool found;
    arm_status st = ARM_OK;

    *out_tx = 0;
    for (;;) { /* from the last back: there are few */
        ARM_TRY(arm__index_layout(plan->txn, &change->table_id, way[i].version, until, &row, &found,
                                  err));
        if (!found || row.tx <= after) {
            break;
        }
        *out_tx = row.tx;
        until = row.tx - 1;
    }
done:
    return st;
}

static uint64_t seen_layout(const struct arm_change_plan *change, const struct arm_version_row *row)
{
    return row->version == change->request->base_version ? change->request->base_layout : 0;
}

arm_status arm__translate_find(struct arm_commit_plan *plan, struct arm_change_plan *change,
                               struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    arm_status st = ARM_OK;

    change->deleted = request->deleted;
    change->deleted_count = request->deleted_count;
    if (request->deleted_count == 0 && request->removed_count == 0) {
        return ARM_OK;
    }
    ARM_TRY(find_way(plan, change, &change->way, &change->way_count, err));
    for (size_t i = 0; i < change->way_count && !change->was_moved; i++) {
        uint64_t tx;

        ARM_TRY(next_layout(plan, change, change->way, i, seen_layout(change, &change->way[i]), &tx,
                            err));
        change->was_moved = tx != 0;
    }
    if (change->was_moved && request->removed_count > 0) {
        change->goes_back = true; /* to the layout that the writer saw */
        change->was_moved = false;
    }
done:
    return st;
}

/* ---- Through one layout ---- */

static int compare_position(const struct arm_position *a, ProtobufCBinaryData b)
{
    return arm__bytes_compare(arm__position_bytes(a), arm__bytes(b.data, b.len));
}

/* The group and the source that stands at `position`; false: it was not compacted. */
static bool find_source(const Armpb__Compaction *compaction, const struct arm_position *position,
                        size_t *out_group, size_t *out_source)
{
    for (size_t low = 0, high = compaction->n_groups; low < high;) {
        size_t middle = low + (high - low) / 2;
        const Armpb__CompactedGroup *group = compaction->groups[middle];

        if (compare_position(position, group->sources[0]->position) < 0) {
            high = middle;
        } else if (compare_position(position, group->sources[group->n_sources - 1]->position) > 0) {
            low = middle + 1;
        } else {
            for (size_t i = 0; i < group->n_sources; i++) {
                if (compare_position(position, group->sources[i]->position) == 0) {
                    *out_group = middle;
                    *out_source = i;
                    return true;
                }
            }
            return false;
        }
    }
    return false;
}

/* Takes `rows`. They come in order of position: rows of one entry that come from several are put
 * together. */
static arm_status add_moved(struct translation *t, const Armpb__Entry *entry,
                            roaring_bitmap_t *rows, struct arm_error *err)
{
    struct moving *last = t->count == 0 ? NULL : &t->moving[t->count - 1];
    arm_status st = ARM_OK;

    if (last != NULL && compare_position(&last->position, entry->position) == 0) {
        roaring_bitmap_or_inplace(last->rows, rows);
        goto done;
    }
    if (t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 8 : 2 * t->capacity;

        ARM_TRY(arm__realloc(&t->moving, capacity, sizeof *t->moving, err));
        t->capacity = capacity;
    }
    t->moving[t->count] = (struct moving){
        .first_row_id = entry->first_row_id, .entry_rows = entry->rows, .rows = rows};
    t->moving[t->count].position.size = (uint8_t)entry->position.len;
    memcpy(t->moving[t->count].position.bytes, entry->position.data, entry->position.len);
    t->count++;
    rows = NULL;
done:
    arm__vector_free(rows);
    return st;
}

/* One deletion through the group; its rows are taken out of the list first. */
static arm_status move_one(struct translation *t, const struct arm_group_map *map, size_t source,
                           const roaring_bitmap_t *rows, uint64_t tx, struct arm_error *err)
{
    const Armpb__CompactedGroup *group = map->group;
    roaring_bitmap_t **sets = NULL;
    uint64_t gone;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(group->n_entries, sizeof(roaring_bitmap_t *), &sets, err));
    ARM_TRY(arm__group_map_rows(map, source, rows, sets, &gone, err));
    if (gone > 0) { /* who deleted them has been met on the way here */
        st = arm__validate_conflict(t->plan, t->change, "the same rows were changed", tx, err);
        goto done;
    }
    for (size_t i = 0; i < group->n_entries; i++) {
        if (sets[i] != NULL) {
            roaring_bitmap_t *set = sets[i];

            sets[i] = NULL;
            ARM_TRY(add_moved(t, group->entries[i], set, err));
        }
    }
done:
    for (size_t i = 0; sets != NULL && i < group->n_entries; i++) {
        arm__vector_free(sets[i]);
    }
    arm__free(sets);
    return st;
}

/* Every deletion whose entry was compacted. Those that were moved come behind `count`. */
static arm_status move_all(struct translation *t, const Armpb__Compaction *compaction, uint64_t tx,
                           struct arm_error *err)
{
    struct translation out = {.plan = t->plan, .change = t->change};
    struct arm_group_map map = {.group = NULL};
    arm_status st = ARM_OK;

    for (size_t i = 0; i < t->count; i++) {
        struct moving *one = &t->moving[i];
        size_t group;
        size_t source;

        if (!find_source(compaction, &one->position, &group, &source)) {
            Armpb__Entry entry = ARMPB__ENTRY__INIT;
            roaring_bitmap_t *rows = one->rows;

            entry.position = (ProtobufCBinaryData){one->position.size, one->position.bytes};
            entry.first_row_id = one->first_row_id;
            entry.rows = one->entry_rows;
            one->rows = NULL;
            ARM_TRY(add_moved(&out, &entry, rows, err));
            continue;
        }
        if (map.group != compaction->groups[group]) { /* neighbours have one map */
            arm__group_map_release(&map);
            ARM_TRY(arm__group_map_init(compaction->groups[group], &map, err));
        }
        ARM_TRY(move_one(&out, &map, source, one->rows, tx, err));
    }
    release(t);
    *t = out;
    out = (struct translation){.count = 0};
done:
    arm__group_map_release(&map);
    release(&out);
    return st;
}

static arm_status move_through(struct translation *t, uint64_t tx, struct arm_error *err)
{
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_record(t->plan->repository->catalog, tx, &record, NULL, err));
    if (record->compaction == NULL) {
        st = arm__fail(err, ARM_CORRUPT, "index: tx %llu is no compaction", (unsigned long long)tx);
        goto done;
    }
    ARM_TRY(move_all(t, record->compaction, tx, err));
done:
    arm__record_free(record);
    return st;
}

/* ---- Beside one version ---- */

static arm_status meet_edits(struct translation *t, const Armpb__TableChange *theirs, uint64_t tx,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < theirs->n_deleted; i++) {
        const Armpb__DeletionEdit *edit = theirs->deleted[i];

        for (size_t k = 0; k < t->count; k++) {
            roaring_bitmap_t *rows = NULL;
            bool meets;

            if (compare_position(&t->moving[k].position, edit->position) != 0) {
                continue;
            }
            ARM_TRY(arm__vector_decode(arm__bytes(edit->bits.data, edit->bits.len),
                                       t->moving[k].entry_rows, &rows, err));
            meets = t->plan->request->grain != ARM_GRAIN_ROW ||
                    roaring_bitmap_intersect(rows, t->moving[k].rows);
            arm__vector_free(rows);
            if (meets) {
                st = arm__validate_conflict(t->plan, t->change, "the same rows were changed", tx,
                                            err);
                goto done;
            }
        }
    }
done:
    return st;
}

static arm_status meet_version(void *context, const struct arm_version_row *row,
                               const Armpb__TableChange *theirs, struct arm_error *err)
{
    return meet_edits(context, theirs, row->tx, err);
}

/* ---- All of it ---- */

static int compare_moving(const void *left, const void *right)
{
    const struct moving *a = left;
    const struct moving *b = right;

    return arm__bytes_compare(arm__position_bytes(&a->position), arm__position_bytes(&b->position));
}

static arm_status begin(struct translation *t, struct arm_error *err)
{
    const struct arm_new_change *request = t->change->request;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(request->deleted_count, sizeof *t->moving, &t->moving, err));
    t->capacity = request->deleted_count;
    for (size_t i = 0; i < request->deleted_count; i++) {
        const struct arm_new_deletion *from = &request->deleted[i];
        struct moving *one = &t->moving[t->count];

        if (from->bits.size == 0) {
            continue;
        }
        *one = (struct moving){.position = from->position,
                               .first_row_id = from->first_row_id,
                               .entry_rows = from->rows};
        ARM_TRY(arm__vector_decode(from->bits, from->rows, &one->rows, err));
        t->count++;
    }
    qsort(t->moving, t->count, sizeof *t->moving, compare_moving);
done:
    return st == ARM_CORRUPT
               ? arm__fail(err, ARM_INVALID, "rows to be deleted are no rows of their entry")
               : st;
}

/* What came out, as the change's deletions, in the arena. */
static arm_status finish(struct translation *t, struct arm_error *err)
{
    struct arm_buf bits = ARM_BUF_INIT(VECTOR_BYTES_MAX);
    struct arm_new_deletion *deleted = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&t->plan->arena, t->count, sizeof *deleted, &deleted, err));
    for (size_t i = 0; i < t->count; i++) {
        const struct moving *one = &t->moving[i];
        uint8_t *copy = NULL;

        arm__buf_clear(&bits);
        ARM_TRY(arm__vector_encode(one->rows, &bits, err));
        ARM_TRY(arm__arena_alloc(&t->plan->arena, bits.size, 1, &copy, err));
        memcpy(copy, bits.data, bits.size);
        deleted[i] = (struct arm_new_deletion){.position = one->position,
                                               .first_row_id = one->first_row_id,
                                               .rows = one->entry_rows,
                                               .bits = arm__bytes(copy, bits.size)};
    }
    t->change->deleted = deleted;
    t->change->deleted_count = t->count;
done:
    arm__buf_release(&bits);
    return st;
}

arm_status arm__translate(struct arm_commit_plan *plan, struct arm_change_plan *change,
                          struct arm_error *err)
{
    struct translation t = {.plan = plan, .change = change};
    arm_status st = ARM_OK;

    if (!change->was_moved) {
        return ARM_OK;
    }
    ARM_TRY(begin(&t, err));
    for (size_t i = change->way_count; i-- > 0;) { /* from the base on */
        const struct arm_version_row *row = &change->way[i];
        uint64_t tx = seen_layout(change, row);

        if (i + 1 < change->way_count) {
            ARM_TRY(arm__version_visit(plan, &row->table_id, row->version, meet_version, &t, err));
        }
        for (;;) {
            ARM_TRY(next_layout(plan, change, change->way, i, tx, &tx, err));
            if (tx == 0) {
                break;
            }
            ARM_TRY(move_through(&t, tx, err));
        }
    }
    ARM_TRY(finish(&t, err));
done:
    release(&t);
    return st;
}
