/* SPDX-License-Identifier: Apache-2.0 */
/* The commit of a compaction, under the commit lock:
 *
 *   find      the table's version on the branch now, and its newest layout
 *   hold      which groups still are what they were (U2); all, if nobody came meanwhile
 *   describe  the record; its root comes from the same code that folds it
 *   append    as every record
 *
 * The manifest is walked once where others came meanwhile, else not at all. */

#include "commit/compact.h"

#include <string.h>

#include "commit/commit_private.h"
#include "model/vector.h"

struct compaction {
    struct arm_repository *repository;
    const struct arm_compact_request *request;
    bool *kept;
    size_t kept_count;
    struct arm_index_txn *txn;
    struct arm_index_state state;
    struct arm_version_row head; /* the branch's version, in its newest layout */
    struct arm_id commit_id;
    struct arm_arena arena;
    Armpb__Compaction record;
};

/* ---- Finding ---- */

static arm_status find_head(struct compaction *c, bool *out_found, struct arm_error *err)
{
    const struct arm_compact_request *request = c->request;
    uint64_t now = c->state.folded.next_tx - 1;
    uint64_t branch_id = request->snapshot.branch_id;
    struct arm_table_row row;
    uint64_t dropped_tx;
    char name[256];
    arm_status st = ARM_OK;

    *out_found = false;
    ARM_TRY(arm__index_branch_name(c->txn, branch_id, now, name, err));
    if (name[0] == '\0') {
        goto done;
    }
    ARM_TRY(arm__index_table_by_id(c->txn, branch_id, now, &request->table_id, &row, &dropped_tx,
                                   out_found, err));
    if (*out_found) {
        ARM_TRY(arm__index_version(c->txn, &request->table_id, row.version, &c->head, NULL,
                                   out_found, err));
        ARM_TRY(arm__index_lay(c->txn, &c->head, ARM_LAYOUT_NEWEST, err));
    }
done:
    return st;
}

/* ---- Holding (U2) ---- */

/* A walk over the head's manifest beside the groups. */
struct holding {
    struct compaction *c;
    size_t group;  /* the next source is `source` of it */
    size_t source; /* 0: none of its sources was met yet */
    const struct arm_position
        *end; /* NULL: none; else the last entry of the group before takes this
                                     * place, and must come before what is behind its sources */
};

static int compare_positions(const struct arm_position *a, const struct arm_position *b)
{
    return arm__bytes_compare(arm__position_bytes(a), arm__position_bytes(b));
}

static void next_group(struct holding *h)
{
    h->group++;
    h->source = 0;
}

static arm_status is_same(const struct arm_compact_source *source, const struct arm_entry *entry,
                          bool *out, struct arm_error *err)
{
    roaring_bitmap_t *dropped = NULL;
    roaring_bitmap_t *dead = NULL;
    arm_status st = ARM_OK;

    *out = source->first_row_id == entry->first_row_id && source->rows == entry->rows &&
           arm__hash_equal(&source->rows_hash, &entry->rows_hash);
    if (!*out || source->dropped.size == 0) {
        return ARM_OK;
    }
    *out = entry->dead > 0;
    if (*out) {
        ARM_TRY(arm__vector_decode(source->dropped, source->rows, &dropped, err));
        ARM_TRY(arm__vector_decode(entry->vector, entry->rows, &dead, err));
        *out = roaring_bitmap_is_subset(dropped, dead);
    }
done:
    arm__vector_free(dead);
    arm__vector_free(dropped);
    return st;
}

/* The entry stands where the next source does. */
static arm_status meet(struct holding *h, const struct arm_entry *entry, struct arm_error *err)
{
    const struct arm_compact_group *group = &h->c->request->groups[h->group];
    bool same;
    arm_status st = ARM_OK;

    ARM_TRY(is_same(&group->sources[h->source], entry, &same, err));
    if (!same) {
        next_group(h);
    } else if (++h->source == group->source_count) {
        h->c->kept[h->group] = true;
        h->end = group->entry_count == 0 ? NULL : &group->entries[group->entry_count - 1].position;
        next_group(h);
    }
done:
    return st;
}

static arm_status hold_entry(void *context, const struct arm_entry *entry, struct arm_error *err)
{
    struct holding *h = context;
    const struct arm_compact_request *request = h->c->request;
    arm_status st = ARM_OK;

    if (h->end != NULL && compare_positions(h->end, &entry->position) >= 0) {
        h->c->kept[h->group - 1] = false;
    }
    h->end = NULL;
    while (h->group < request->group_count) {
        const struct arm_compact_group *group = &request->groups[h->group];
        int order = compare_positions(&entry->position, &group->sources[h->source].position);

        if (order == 0) {
            ARM_TRY(meet(h, entry, err));
            break;
        }
        if (order < 0 && h->source == 0) {
            break;
        }
        next_group(h); /* a source is missing, or something came between */
    }
done:
    return st;
}

static arm_status hold(struct compaction *c, struct arm_error *err)
{
    const struct arm_compact_request *request = c->request;
    struct holding h = {.c = c};
    arm_status st = ARM_OK;

    if (c->head.version == request->version && c->head.layout == request->layout) {
        for (size_t i = 0; i < request->group_count; i++) {
            c->kept[i] = true;
        }
    } else {
        ARM_TRY(arm__index_entries(c->txn, &request->table_id, c->head.version, c->head.layout,
                                   hold_entry, &h, err));
    }
    for (size_t i = 0; i < request->group_count; i++) {
        c->kept_count += c->kept[i];
    }
done:
    return st;
}

/* ---- Describing; what the record says is borrowed from the request ---- */

static ProtobufCBinaryData to_pb(const void *data, size_t size)
{
    union {
        const void *in;
        uint8_t *out;
    } pointer = {data}; /* protobuf-c does not write through it */

    return (ProtobufCBinaryData){size, pointer.out};
}

static arm_status describe_sources(struct compaction *c, const struct arm_compact_group *from,
                                   Armpb__CompactedGroup *out, struct arm_error *err)
{
    Armpb__CompactedSource *sources = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&c->arena, from->source_count, sizeof *sources, &sources, err));
    ARM_TRY(
        arm__arena_alloc(&c->arena, from->source_count, sizeof *out->sources, &out->sources, err));
    for (size_t i = 0; i < from->source_count; i++) {
        const struct arm_compact_source *source = &from->sources[i];

        armpb__compacted_source__init(&sources[i]);
        sources[i].position = to_pb(source->position.bytes, source->position.size);
        sources[i].first_row_id = source->first_row_id;
        sources[i].rows = source->rows;
        sources[i].has_dropped = source->dropped.size > 0;
        sources[i].dropped = to_pb(source->dropped.data, source->dropped.size);
        out->sources[i] = &sources[i];
    }
    out->n_sources = from->source_count;
done:
    return st;
}

static arm_status describe_entries(struct compaction *c, const struct arm_compact_group *from,
                                   Armpb__CompactedGroup *out, struct arm_error *err)
{
    uint64_t first_row_id = from->first_row_id;
    Armpb__Entry *entries = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&c->arena, from->entry_count, sizeof *entries, &entries, err));
    ARM_TRY(
        arm__arena_alloc(&c->arena, from->entry_count, sizeof *out->entries, &out->entries, err));
    for (size_t i = 0; i < from->entry_count; i++) {
        const struct arm_new_entry *entry = &from->entries[i];
        struct arm_chunk_row row;
        bool is_known;

        armpb__entry__init(&entries[i]);
        entries[i].position = to_pb(entry->position.bytes, entry->position.size);
        entries[i].first_row_id = first_row_id;
        entries[i].rows = entry->rows;
        entries[i].bytes = entry->bytes;
        entries[i].schema_id = from->schema_id;
        entries[i].rows_hash = to_pb(entry->rows_hash.bytes, ARM_HASH_BYTES);
        entries[i].has_explicit_row_ids = entry->explicit_row_ids;
        entries[i].explicit_row_ids = entry->explicit_row_ids;
        entries[i].has_chunk = true;
        entries[i].chunk = to_pb(entry->chunk.bytes, ARM_HASH_BYTES);
        ARM_TRY(arm__index_chunk(c->txn, &entry->chunk, &row, NULL, &is_known, err));
        if (!is_known) {
            entries[i].n_statistics = entry->statistics_count;
            entries[i].statistics = entry->statistics;
        }
        out->entries[i] = &entries[i];
        first_row_id += entry->rows;
    }
    out->n_entries = from->entry_count;
done:
    return st;
}

static arm_status describe_groups(struct compaction *c, struct arm_error *err)
{
    Armpb__CompactedGroup *groups = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&c->arena, c->kept_count, sizeof *groups, &groups, err));
    ARM_TRY(arm__arena_alloc(&c->arena, c->kept_count, sizeof *c->record.groups, &c->record.groups,
                             err));
    for (size_t i = 0; i < c->request->group_count; i++) {
        Armpb__CompactedGroup *group = &groups[c->record.n_groups];

        if (!c->kept[i]) {
            continue;
        }
        armpb__compacted_group__init(group);
        ARM_TRY(describe_sources(c, &c->request->groups[i], group, err));
        ARM_TRY(describe_entries(c, &c->request->groups[i], group, err));
        c->record.groups[c->record.n_groups++] = group;
    }
done:
    return st;
}

static arm_status describe(struct compaction *c, struct arm_error *err)
{
    struct arm_layout_change change = {.memory = NULL};
    struct arm_hash hash;
    uint8_t *root = NULL;
    arm_status st = ARM_OK;

    c->record.commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, c->commit_id.bytes};
    c->record.time_us = arm__repository_time(c->repository, &c->state);
    c->record.table_id = to_pb(c->request->table_id.bytes, ARM_TABLE_ID_BYTES);
    c->record.version = c->head.version;
    c->record.base_layout = c->head.layout;
    ARM_TRY(describe_groups(c, err));
    ARM_TRY(arm__layout_change_init(c->txn, &c->record, &change, err));
    c->record.data_bytes = change.data_bytes;
    ARM_TRY(arm__index_materialise(c->txn, c->state.folded.next_tx, &change.change, &hash, err));
    ARM_TRY(arm__arena_alloc(&c->arena, 1, ARM_HASH_BYTES, &root, err));
    memcpy(root, hash.bytes, ARM_HASH_BYTES);
    c->record.root = (ProtobufCBinaryData){ARM_HASH_BYTES, root};
done:
    arm__layout_change_release(&change);
    return st;
}

/* ---- All of it ---- */

/* Chunks that were there before are leased and made durable: nothing durable may name them yet.
 * `*out_count` of them, in order, are to be given back. */
static arm_status ensure_chunks(struct compaction *c, size_t *out_count, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < c->request->group_count; i++) {
        const struct arm_compact_group *group = &c->request->groups[i];

        for (size_t k = 0; k < group->entry_count; k++) {
            if (!group->entries[k].is_new) {
                ARM_TRY(arm__store_ensure(c->repository->store, &group->entries[k].chunk, err));
                ++*out_count;
            }
        }
    }
done:
    return st;
}

static void drop_chunks(const struct compaction *c, size_t count)
{
    for (size_t i = 0; i < c->request->group_count; i++) {
        const struct arm_compact_group *group = &c->request->groups[i];

        for (size_t k = 0; count > 0 && k < group->entry_count; k++) {
            if (!group->entries[k].is_new) {
                arm__store_lease_drop(c->repository->store, &group->entries[k].chunk);
                count--;
            }
        }
    }
}

static arm_status append(struct compaction *c, uint64_t *out_tx, struct arm_error *err)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append how = {
        .txn = c->txn, .state = &c->state, .record = &record, .commit_id = c->commit_id};

    record.compaction = &c->record;
    c->txn = NULL; /* taken */
    return arm__repository_append(c->repository, &how, out_tx, err);
}

arm_status arm__commit_compaction(struct arm_repository *repository,
                                  const struct arm_compact_request *request, bool *out_kept,
                                  uint64_t *out_tx, struct arm_error *err)
{
    struct compaction c = {.repository = repository,
                           .request = request,
                           .kept = out_kept,
                           .record = ARMPB__COMPACTION__INIT};
    size_t ensured = 0;
    bool found;
    arm_status st = ARM_OK;

    *out_tx = 0;
    memset(out_kept, 0, request->group_count * sizeof *out_kept);
    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_new_id(repository, &c.commit_id, err));
    ARM_TRY(ensure_chunks(&c, &ensured, err));
    ARM_TRY(arm__repository_begin(repository, &c.txn, &c.state, err));
    ARM_TRY(find_head(&c, &found, err));
    if (found) {
        ARM_TRY(hold(&c, err));
    }
    if (c.kept_count == 0) {
        goto done;
    }
    ARM_TRY(arm__repository_use_feature(repository, ARM_FEATURE_COMPACTION, err));
    ARM_TRY(describe(&c, err));
    ARM_TRY(append(&c, out_tx, err));
    arm__checkpoint_consider(repository, &c.state.folded);
done:
    arm__index_abort(c.txn);
    drop_chunks(&c, ensured);
    arm__arena_release(&c.arena);
    return st;
}
