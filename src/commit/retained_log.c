/* SPDX-License-Identifier: Apache-2.0 */
/* The mark: what it keeps of each record. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/retained_private.h"

static arm_status wrong(uint64_t tx, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "tx %llu: %s", (unsigned long long)tx, what);
}

/* Room for one item more; `items` is the address of a pointer. */
static arm_status grow(void *items, size_t count, size_t *capacity, size_t item_bytes,
                       struct arm_error *err)
{
    size_t wanted = *capacity == 0 ? 64 : 2 * *capacity;
    arm_status st = ARM_OK;

    if (count < *capacity) {
        return ARM_OK;
    }
    if (count >= ARM_NOWHERE / 2) {
        return arm__fail(err, ARM_NO_MEMORY, "the log is too long for gc");
    }
    ARM_TRY(arm__realloc(items, wanted, item_bytes, err));
    *capacity = wanted;
done:
    return st;
}

#define ROOM(list, err)                                                                            \
    grow(&(list).items, (list).count, &(list).capacity, sizeof *(list).items, err)

/* ---- Names of things ---- */

static struct arm_retained_name branch_name(uint64_t id)
{
    return (struct arm_retained_name){ARM_RETAINED_BRANCH, id, {NULL, 0}};
}

static struct arm_retained_name version_name(const struct arm_retained *r, uint32_t table,
                                             uint64_t version)
{
    return (struct arm_retained_name){ARM_RETAINED_VERSION, version,
                                      arm__bytes(r->tables.items[table].bytes, ARM_TABLE_ID_BYTES)};
}

static struct arm_retained_name place_name(const struct arm_retained *r, uint32_t branch,
                                           uint32_t table)
{
    return (struct arm_retained_name){ARM_RETAINED_PLACE, branch,
                                      arm__bytes(r->tables.items[table].bytes, ARM_TABLE_ID_BYTES)};
}

static struct arm_retained_name position_name(uint32_t table, ProtobufCBinaryData position)
{
    return (struct arm_retained_name){ARM_RETAINED_POSITION, table,
                                      arm__bytes(position.data, position.len)};
}

static struct arm_retained_name tag_name(const char *name)
{
    return (struct arm_retained_name){ARM_RETAINED_TAG, 0, arm__bytes(name, strlen(name))};
}

uint32_t arm__retained_place(const struct arm_retained *r, uint32_t branch, uint32_t table)
{
    struct arm_retained_name name = place_name(r, branch, table);

    return arm__retained_find(r, &name);
}

/* The table of that id, made if it is new. */
static arm_status table_of(struct arm_retained *r, ProtobufCBinaryData id, uint32_t *out,
                           struct arm_error *err)
{
    struct arm_retained_name name = {ARM_RETAINED_TABLE, 0, arm__bytes(id.data, id.len)};
    arm_status st = ARM_OK;

    *out = arm__retained_find(r, &name);
    if (*out == ARM_NOWHERE) {
        ARM_TRY(ROOM(r->tables, err));
        *out = (uint32_t)r->tables.count;
        memcpy(r->tables.items[r->tables.count].bytes, id.data, ARM_TABLE_ID_BYTES);
        ARM_TRY(arm__retained_put(r, &name, *out, err));
        r->tables.count++;
    }
done:
    return st;
}

/* ---- Chunks ---- */

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct arm_hash));
}

static uint32_t chunk_of(const struct arm_retained *r, const uint8_t *hash)
{
    const struct arm_hash *found = r->chunk_count == 0 ? NULL
                                                       : bsearch(hash, r->chunks, r->chunk_count,
                                                                 sizeof *r->chunks, compare_hashes);

    return found == NULL ? ARM_NOWHERE : (uint32_t)(found - r->chunks);
}

void arm__retained_add_chunk(struct arm_retained *r, const struct arm_hash *chunk)
{
    uint32_t at = chunk_of(r, chunk->bytes);

    if (at != ARM_NOWHERE) {
        r->flags[at] |= ARM_CHUNK_NAMED | ARM_CHUNK_HOLDS_RECORD;
    }
}

/* ---- Nodes ---- */

bool arm__retained_is_above(const struct arm_retained *r, uint32_t ancestor, uint32_t node)
{
    const struct arm_retained_node *nodes = r->nodes.items;
    uint32_t depth = nodes[ancestor].depth;

    while (nodes[node].depth > depth) {
        uint32_t jump = nodes[node].jump;

        node = nodes[jump].depth >= depth ? jump : nodes[node].parent;
    }
    return node == ancestor;
}

static arm_status add_node(struct arm_retained *r, uint64_t tx, uint32_t parent, uint32_t version,
                           uint32_t *out, struct arm_error *err)
{
    uint32_t at = (uint32_t)r->nodes.count;
    struct arm_retained_node node = {.tx = tx,
                                     .until = UINT64_MAX,
                                     .parent = parent,
                                     .jump = at,
                                     .version = version,
                                     .before = ARM_NOWHERE};
    arm_status st = ARM_OK;

    ARM_TRY(ROOM(r->nodes, err));
    if (parent != ARM_NOWHERE) {
        const struct arm_retained_node *nodes = r->nodes.items;
        uint32_t jump = nodes[parent].jump;
        uint32_t far = nodes[jump].jump;

        node.depth = nodes[parent].depth + 1;
        node.jump = nodes[parent].depth - nodes[jump].depth == nodes[jump].depth - nodes[far].depth
                        ? far
                        : parent;
        if (r->is_marked && parent < r->kept_count && r->kept[parent] == 0) {
            r->is_stale = true; /* what it inherits was not kept for anybody */
        }
    }
    r->nodes.items[r->nodes.count++] = node;
    *out = at;
done:
    return st;
}

/* The layout of a version: its number, or the newest. */
static uint32_t layout_of(const struct arm_retained *r, uint32_t version, bool is_given,
                          uint64_t layout)
{
    const struct arm_retained_node *nodes = r->nodes.items;
    uint32_t at = r->versions.items[version].newest;

    while (is_given && at != ARM_NOWHERE && nodes[at].before != ARM_NOWHERE &&
           nodes[at].tx != layout) {
        at = nodes[at].before;
    }
    return at;
}

/* The entry at a position that a node's parent has: the one put there last above it. */
static arm_status remove_at(struct arm_retained *r, uint32_t table, uint32_t node,
                            ProtobufCBinaryData position, struct arm_error *err)
{
    struct arm_retained_name name = position_name(table, position);
    uint32_t parent = r->nodes.items[node].parent;
    uint32_t at = arm__retained_find(r, &name);
    arm_status st = ARM_OK;

    while (parent != ARM_NOWHERE && at != ARM_NOWHERE &&
           !arm__retained_is_above(r, r->entries.items[at].node, parent)) {
        at = r->entries.items[at].older;
    }
    if (parent != ARM_NOWHERE && at != ARM_NOWHERE) {
        ARM_TRY(ROOM(r->removals, err));
        r->removals.items[r->removals.count++] = (struct arm_retained_removal){at, node};
    }
done:
    return st;
}

static arm_status put_entries(struct arm_retained *r, uint32_t table, uint32_t node,
                              Armpb__Entry *const *entries, size_t count, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        struct arm_retained_name name = position_name(table, entries[i]->position);
        uint32_t chunk = entries[i]->has_chunk ? chunk_of(r, entries[i]->chunk.data) : ARM_NOWHERE;

        if (chunk != ARM_NOWHERE) {
            r->flags[chunk] |= ARM_CHUNK_NAMED | (r->is_marked ? ARM_CHUNK_RETAINED : 0);
        }
        ARM_TRY(ROOM(r->entries, err));
        r->entries.items[r->entries.count] =
            (struct arm_retained_entry){node, chunk, arm__retained_find(r, &name)};
        ARM_TRY(arm__retained_put(r, &name, (uint32_t)r->entries.count, err));
        r->entries.count++;
    }
done:
    return st;
}

/* A version's own, which those that follow it have not. */
static arm_status put_uses(struct arm_retained *r, uint32_t version,
                           const Armpb__TableChange *change, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->n_uses; i++) {
        uint32_t chunk = chunk_of(r, change->uses[i].data);

        if (chunk != ARM_NOWHERE) {
            r->flags[chunk] |= ARM_CHUNK_NAMED | (r->is_marked ? ARM_CHUNK_RETAINED : 0);
            ARM_TRY(ROOM(r->uses, err));
            r->uses.items[r->uses.count++] = (struct arm_retained_use){version, chunk};
        }
    }
done:
    return st;
}

/* ---- Records ---- */

/* From here on the table has this version (ARM_NOWHERE: none) on the branch. */
static arm_status come_to(struct arm_retained *r, uint64_t tx, uint32_t branch, uint32_t table,
                          uint32_t version, struct arm_error *err)
{
    struct arm_retained_name name = place_name(r, branch, table);
    uint32_t at = arm__retained_find(r, &name);
    arm_status st = ARM_OK;

    if (at == ARM_NOWHERE) {
        ARM_TRY(ROOM(r->places, err));
        at = (uint32_t)r->places.count;
        r->places.items[at] = (struct arm_retained_place){tx, ARM_NOWHERE};
        ARM_TRY(arm__retained_put(r, &name, at, err));
        r->places.count++;
    }
    if (r->places.items[at].stay != ARM_NOWHERE) {
        r->stays.items[r->places.items[at].stay].end = tx;
    }
    r->places.items[at].stay = ARM_NOWHERE;
    if (version != ARM_NOWHERE) {
        ARM_TRY(ROOM(r->stays, err));
        r->stays.items[r->stays.count] = (struct arm_retained_stay){
            .tx = tx, .end = UINT64_MAX, .branch = branch, .version = version};
        r->places.items[at].stay = (uint32_t)r->stays.count++;
    }
done:
    return st;
}

static arm_status add_version(struct arm_retained *r, uint64_t tx, uint32_t branch, uint32_t table,
                              const Armpb__TableChange *change, struct arm_error *err)
{
    struct arm_retained_name name = version_name(r, table, change->version);
    uint32_t version = (uint32_t)r->versions.count;
    uint32_t parent = ARM_NOWHERE;
    uint32_t node;
    arm_status st = ARM_OK;

    if (change->has_parent_version && !change->truncated) {
        struct arm_retained_name parent_name = version_name(r, table, change->parent_version);

        parent = arm__retained_find(r, &parent_name);
        if (parent == ARM_NOWHERE) {
            return wrong(tx, "a version's parent is missing", err);
        }
        parent = layout_of(r, parent, change->has_base_layout, change->base_layout);
    }
    ARM_TRY(ROOM(r->versions, err));
    r->versions.items[version] =
        (struct arm_retained_version){.table = table, .newest = ARM_NOWHERE};
    r->versions.count++;
    ARM_TRY(arm__retained_put(r, &name, version, err));
    ARM_TRY(add_node(r, tx, parent, version, &node, err));
    r->versions.items[version].newest = node;
    for (size_t i = 0; i < change->n_removed; i++) {
        ARM_TRY(remove_at(r, table, node, change->removed[i], err));
    }
    ARM_TRY(put_entries(r, table, node, change->added, change->n_added, err));
    ARM_TRY(put_uses(r, version, change, err));
    ARM_TRY(come_to(r, tx, branch, table, version, err));
done:
    return st;
}

/* Another branch's version, which it may have given up since the last mark. */
static arm_status adopt_version(struct arm_retained *r, uint64_t tx, uint32_t branch,
                                uint32_t table, const Armpb__TableChange *change,
                                struct arm_error *err)
{
    struct arm_retained_name name = version_name(r, table, change->parent_version);
    uint32_t version = arm__retained_find(r, &name);
    uint32_t node;

    if (version == ARM_NOWHERE) {
        return wrong(tx, "a version is adopted that is not there", err);
    }
    node = r->versions.items[version].newest;
    if (r->is_marked && node < r->kept_count && r->kept[node] == 0) {
        r->is_stale = true;
    }
    return come_to(r, tx, branch, table, version, err);
}

static arm_status add_change(struct arm_retained *r, uint64_t tx, uint32_t branch, uint32_t table,
                             const Armpb__TableChange *change, struct arm_error *err)
{
    if (change->kind == ARMPB__CHANGE_KIND__DROP) {
        return come_to(r, tx, branch, table, ARM_NOWHERE, err);
    }
    return change->has_version ? add_version(r, tx, branch, table, change, err)
                               : adopt_version(r, tx, branch, table, change, err);
}

static arm_status add_commit(struct arm_retained *r, uint64_t tx, const Armpb__Commit *commit,
                             struct arm_error *err)
{
    struct arm_retained_name name = branch_name(commit->branch_id);
    uint32_t branch = arm__retained_find(r, &name);
    size_t last = r->stretches.count;
    arm_status st = ARM_OK;

    if (branch == ARM_NOWHERE) {
        return wrong(tx, "its branch was never made", err);
    }
    if (last == 0 || r->stretches.items[last - 1].branch != branch) {
        ARM_TRY(ROOM(r->stretches, err));
        r->stretches.items[r->stretches.count++] = (struct arm_retained_stretch){tx, branch};
    }
    for (size_t i = 0; i < commit->n_changes; i++) {
        const Armpb__TableChange *change = commit->changes[i];
        uint32_t table;

        if (change->object != ARMPB__OBJECT_KIND__TABLE) {
            continue; /* it has no rows */
        }
        ARM_TRY(table_of(r, change->table_id, &table, err));
        ARM_TRY(add_change(r, tx, branch, table, change, err));
    }
done:
    return st;
}

static arm_status add_compaction(struct arm_retained *r, uint64_t tx,
                                 const Armpb__Compaction *compaction, struct arm_error *err)
{
    struct arm_retained_name name;
    uint32_t version;
    uint32_t before;
    uint32_t table;
    uint32_t node;
    arm_status st = ARM_OK;

    ARM_TRY(table_of(r, compaction->table_id, &table, err));
    name = version_name(r, table, compaction->version);
    version = arm__retained_find(r, &name);
    if (version == ARM_NOWHERE) {
        return wrong(tx, "a compaction is of a version that is not there", err);
    }
    before = r->versions.items[version].newest;
    ARM_TRY(add_node(r, tx, before, version, &node, err));
    r->nodes.items[node].before = before;
    r->nodes.items[before].until = tx;
    r->versions.items[version].newest = node;
    for (size_t i = 0; i < compaction->n_groups; i++) {
        const Armpb__CompactedGroup *group = compaction->groups[i];

        for (size_t k = 0; k < group->n_sources; k++) {
            ARM_TRY(remove_at(r, table, node, group->sources[k]->position, err));
        }
    }
    for (size_t i = 0; i < compaction->n_groups; i++) {
        const Armpb__CompactedGroup *group = compaction->groups[i];

        ARM_TRY(put_entries(r, table, node, group->entries, group->n_entries, err));
    }
done:
    return st;
}

/* The branch of a commit. */
static uint32_t branch_at(const struct arm_retained *r, uint64_t tx)
{
    size_t low = 0;
    size_t high = r->stretches.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->stretches.items[middle].tx <= tx) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? ARM_NOWHERE : r->stretches.items[low - 1].branch;
}

static arm_status add_ref(struct arm_retained *r, uint64_t from_tx, uint32_t from, uint32_t branch,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(ROOM(r->refs, err));
    r->refs.items[r->refs.count++] = (struct arm_retained_ref){
        .from_tx = from_tx, .end = UINT64_MAX, .from = from, .branch = branch};
    r->is_stale = r->is_marked;
done:
    return st;
}

static arm_status add_branch(struct arm_retained *r, uint64_t tx, const Armpb__RefChange *change,
                             struct arm_error *err)
{
    struct arm_retained_name name = branch_name(tx);
    struct arm_retained_name from_name = branch_name(change->from_branch_id);
    uint32_t branch = (uint32_t)r->branches.count;
    uint32_t from = ARM_NOWHERE;
    arm_status st = ARM_OK;

    ARM_TRY(ROOM(r->branches, err));
    r->branches.items[branch] = (struct arm_retained_branch){.id = tx, .end = UINT64_MAX};
    r->branches.count++;
    ARM_TRY(arm__retained_put(r, &name, branch, err));
    if (change->has_from_tx && change->from_tx != 0) {
        from = arm__retained_find(r, &from_name);
        if (from == ARM_NOWHERE) {
            return wrong(tx, "a branch starts from one that was never made", err);
        }
        ARM_TRY(add_ref(r, change->from_tx, from, branch, err));
    }
done:
    return st;
}

static arm_status add_tag(struct arm_retained *r, uint64_t tx, const Armpb__RefChange *change,
                          struct arm_error *err)
{
    struct arm_retained_name name = tag_name(change->name);
    uint32_t from = branch_at(r, change->from_tx);
    arm_status st = ARM_OK;

    if (from == ARM_NOWHERE) {
        return wrong(tx, "a tag names no commit", err);
    }
    ARM_TRY(add_ref(r, change->from_tx, from, ARM_NOWHERE, err));
    ARM_TRY(arm__retained_put(r, &name, (uint32_t)r->refs.count - 1, err));
done:
    return st;
}

static arm_status change_tag(struct arm_retained *r, uint64_t tx, const Armpb__RefChange *change,
                             struct arm_error *err)
{
    struct arm_retained_name name = tag_name(change->name);
    uint32_t at = arm__retained_find(r, &name);
    arm_status st = ARM_OK;

    if (at == ARM_NOWHERE) {
        return wrong(tx, "a tag is changed that is not there", err);
    }
    if (change->action == ARMPB__REF_ACTION__REF_DROP) {
        r->refs.items[at].end = tx;
    } else if (change->action == ARMPB__REF_ACTION__REF_RENAME && change->new_name != NULL) {
        struct arm_retained_name new_name = tag_name(change->new_name);

        ARM_TRY(arm__retained_put(r, &new_name, at, err));
    }
done:
    return st;
}

static arm_status change_branch(struct arm_retained *r, uint64_t tx, const Armpb__RefChange *change,
                                struct arm_error *err)
{
    struct arm_retained_name name = branch_name(change->branch_id);
    uint32_t at = arm__retained_find(r, &name);

    if (at == ARM_NOWHERE) {
        return wrong(tx, "a branch is changed that is not there", err);
    }
    if (change->action == ARMPB__REF_ACTION__REF_DROP) {
        r->branches.items[at].end = tx;
    }
    return ARM_OK;
}

static arm_status add_ref_change(struct arm_retained *r, uint64_t tx,
                                 const Armpb__RefChange *change, struct arm_error *err)
{
    bool is_branch = change->kind == ARMPB__REF_KIND__BRANCH;

    if (change->action == ARMPB__REF_ACTION__REF_CREATE) {
        return is_branch ? add_branch(r, tx, change, err) : add_tag(r, tx, change, err);
    }
    return is_branch ? change_branch(r, tx, change, err) : change_tag(r, tx, change, err);
}

static arm_status add_checkpoint(struct arm_retained *r, uint64_t tx,
                                 const Armpb__Checkpoint *checkpoint, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < checkpoint->n_runs; i++) {
        uint32_t chunk = chunk_of(r, checkpoint->runs[i]->chunk.data);

        if (chunk != ARM_NOWHERE) {
            r->flags[chunk] |= ARM_CHUNK_NAMED | (r->is_marked ? ARM_CHUNK_RETAINED : 0);
            ARM_TRY(ROOM(r->runs, err));
            r->runs.items[r->runs.count++] = (struct arm_retained_run){tx, chunk};
        }
    }
    ARM_TRY(ROOM(r->checkpoints, err));
    r->checkpoints.items[r->checkpoints.count++] = tx;
done:
    return st;
}

static arm_status add_retention(struct arm_retained *r, uint64_t tx,
                                const Armpb__Retention *retention, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(ROOM(r->horizons, err));
    r->horizons.items[r->horizons.count++] =
        (struct arm_retained_horizon){tx, retention->horizon_tx};
done:
    return st;
}

/* What is let go stays until the next mark (N5). */
static arm_status add_loose(struct arm_retained *r, uint64_t tx, const Armpb__LooseChunk *loose,
                            struct arm_error *err)
{
    uint32_t chunk = chunk_of(r, loose->chunk.data);
    arm_status st = ARM_OK;

    if (chunk != ARM_NOWHERE) {
        r->flags[chunk] |= loose->is_kept ? ARM_CHUNK_LOOSE : 0;
        ARM_TRY(ROOM(r->loose, err));
        r->loose.items[r->loose.count++] = (struct arm_retained_loose){tx, chunk, loose->is_kept};
    }
done:
    return st;
}

arm_status arm__retained_add(struct arm_retained *r, uint64_t tx, const Armpb__Record *record,
                             struct arm_error *err)
{
    if (record->commit != NULL) {
        return add_commit(r, tx, record->commit, err);
    }
    if (record->ref != NULL) {
        return add_ref_change(r, tx, record->ref, err);
    }
    if (record->compaction != NULL) {
        return add_compaction(r, tx, record->compaction, err);
    }
    if (record->checkpoint != NULL) {
        return add_checkpoint(r, tx, record->checkpoint, err);
    }
    if (record->retention != NULL) {
        return add_retention(r, tx, record->retention, err);
    }
    if (record->loose != NULL) {
        return add_loose(r, tx, record->loose, err);
    }
    return ARM_OK; /* places of a sequence, how far a consumer has come */
}
