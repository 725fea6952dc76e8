/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of record.proto, beyond what the wire format says: sizes of ids and hashes, which
 * fields go together, order. One function a message, outermost last. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/model_private.h"
#include "model/name.h"
#include "model/position.h"
#include "model/vector.h"

enum { PARENTS_MAX = 2 }; /* the branch's own, and what it merged */

static arm_status wrong(const char *message, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "%s: %s", message, what);
}

static struct arm_bytes bytes_of(const ProtobufCBinaryData *data)
{
    return arm__bytes(data->data, data->len);
}

/* An optional field that must be there, or must not. */
static arm_status check_present(bool present, bool wanted, const char *message, const char *field,
                                struct arm_error *err)
{
    if (present == wanted) {
        return ARM_OK;
    }
    return arm__fail(err, ARM_CORRUPT, "%s: %s %s", message, field,
                     wanted ? "is missing" : "does not belong here");
}

static arm_status check_statistics(const Armpb__ColumnStatistics *s, struct arm_error *err)
{
    if (s->column_id == 0) {
        return wrong("ColumnStatistics", "column id 0", err);
    }
    if (s->has_min && s->has_max && arm__bytes_compare(bytes_of(&s->min), bytes_of(&s->max)) > 0) {
        return wrong("ColumnStatistics", "min is above max", err);
    }
    return ARM_OK;
}

/* A chunk, or a place in the payload. */
static arm_status check_where(const Armpb__Entry *entry, uint64_t payload_bytes,
                              struct arm_error *err)
{
    uint64_t end;

    if (entry->has_chunk) {
        if (entry->chunk.len != ARM_HASH_BYTES) {
            return wrong("Entry", "its chunk is no hash", err);
        }
        return check_present(entry->has_payload_offset, false, "Entry", "payload_offset", err);
    }
    if (!entry->has_payload_offset) {
        return wrong("Entry", "neither chunk nor hot rows", err);
    }
    if (__builtin_add_overflow(entry->payload_offset, entry->bytes, &end) || end > payload_bytes) {
        return wrong("Entry", "its rows lie outside the payload", err);
    }
    return ARM_OK;
}

static arm_status check_entry(const Armpb__Entry *entry, uint64_t payload_bytes,
                              struct arm_error *err)
{
    uint64_t end;
    arm_status st = ARM_OK;

    ARM_TRY(arm__position_check(bytes_of(&entry->position), err));
    ARM_TRY(check_where(entry, payload_bytes, err));
    if (entry->rows == 0 || __builtin_add_overflow(entry->first_row_id, entry->rows, &end)) {
        return wrong("Entry", "its rows cannot be counted", err);
    }
    if (entry->rows_hash.len != ARM_HASH_BYTES) {
        return wrong("Entry", "its rows hash is none", err);
    }
    if (entry->schema_id == 0 || (entry->has_key_id && entry->key_id == 0)) {
        return wrong("Entry", "schema id or key id 0", err);
    }
    for (size_t i = 0; i < entry->n_statistics; i++) {
        ARM_TRY(check_statistics(entry->statistics[i], err));
    }
done:
    return st;
}

static arm_status check_edit(const Armpb__DeletionEdit *edit, struct arm_error *err)
{
    uint32_t dead = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__position_check(bytes_of(&edit->position), err));
    ARM_TRY(arm__vector_check(bytes_of(&edit->bits), UINT32_MAX, &dead, err));
    if (dead == 0) {
        return wrong("DeletionEdit", "it deletes nothing", err);
    }
done:
    return st;
}

/* `here` comes after `before` (size 0: the first). */
static arm_status check_order(struct arm_bytes before, struct arm_bytes here, const char *what,
                              struct arm_error *err)
{
    if (before.size > 0 && arm__bytes_compare(before, here) >= 0) {
        return wrong(what, "positions are not sorted and unique", err);
    }
    return ARM_OK;
}

static arm_status check_rows(const Armpb__TableChange *change, uint64_t payload_bytes,
                             struct arm_error *err)
{
    struct arm_bytes before = {NULL, 0};
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->n_removed; i++) {
        ARM_TRY(arm__position_check(bytes_of(&change->removed[i]), err));
        ARM_TRY(check_order(before, bytes_of(&change->removed[i]), "removed", err));
        before = bytes_of(&change->removed[i]);
    }
    before.size = 0;
    for (size_t i = 0; i < change->n_added; i++) {
        ARM_TRY(check_entry(change->added[i], payload_bytes, err));
        ARM_TRY(check_order(before, bytes_of(&change->added[i]->position), "added", err));
        before = bytes_of(&change->added[i]->position);
    }
    before.size = 0;
    for (size_t i = 0; i < change->n_deleted; i++) {
        ARM_TRY(check_edit(change->deleted[i], err));
        ARM_TRY(check_order(before, bytes_of(&change->deleted[i]->position), "deleted", err));
        before = bytes_of(&change->deleted[i]->position);
    }
    if (change->truncated && change->n_removed > 0) {
        return wrong("TableChange", "truncated, and yet entries are removed", err);
    }
done:
    return st;
}

static arm_status check_schema(const Armpb__TableChange *change, struct arm_error *err)
{
    const Armpb__Schema *schema = change->schema;
    bool is_view = change->object == ARMPB__OBJECT_KIND__VIEW;
    bool is_sequence = change->object == ARMPB__OBJECT_KIND__SEQUENCE;
    arm_status st = ARM_OK;

    if (schema == NULL) {
        return ARM_OK;
    }
    ARM_TRY(arm__schema_judge(schema, err));
    if (schema->schema_id != change->schema_id) {
        return wrong("TableChange", "its schema has another id", err);
    }
    ARM_TRY(check_present(schema->view_sql != NULL, is_view, "Schema", "view_sql", err));
    ARM_TRY(check_present(schema->sequence != NULL, is_sequence, "Schema", "sequence", err));
    if (change->object == ARMPB__OBJECT_KIND__TABLE && schema->n_columns == 0) {
        return wrong("Schema", "a table without a column", err);
    }
    if (change->object != ARMPB__OBJECT_KIND__TABLE && schema->n_keys + schema->n_checks > 0) {
        return wrong("Schema", "keys or checks of what has no rows", err);
    }
    if (!is_view && change->object != ARMPB__OBJECT_KIND__TABLE && schema->n_columns > 0) {
        return wrong("Schema", "columns of what has none", err);
    }
done:
    return st;
}

/* Which fields a change of its kind has. */
static arm_status check_kind(const Armpb__TableChange *c, struct arm_error *err)
{
    static const char WHAT[] = "TableChange";
    bool is_create = c->kind == ARMPB__CHANGE_KIND__CREATE;
    bool is_drop = c->kind == ARMPB__CHANGE_KIND__DROP;
    bool is_adopt = c->kind == ARMPB__CHANGE_KIND__ADOPT;
    bool is_named = is_create || is_adopt || c->kind == ARMPB__CHANGE_KIND__RENAME;
    bool has_rows = c->n_added > 0 || c->n_removed > 0 || c->n_deleted > 0 || c->truncated;
    bool makes_version = !is_drop && (!is_adopt || c->has_version);
    bool may_bring_schema = is_adopt || c->kind == ARMPB__CHANGE_KIND__RENAME;
    arm_status st = ARM_OK;

    ARM_TRY(check_present(c->schema_name != NULL, is_named, WHAT, "schema_name", err));
    ARM_TRY(check_present(c->name != NULL, is_named, WHAT, "name", err));
    if (is_named) {
        ARM_TRY(arm__object_name_check(c->object, c->schema_name, c->name, err));
    }
    ARM_TRY(check_present(c->has_version, makes_version, WHAT, "version", err));
    if (c->has_base_layout && (is_create || !makes_version)) {
        return wrong(WHAT, "base_layout does not belong here", err);
    }
    if (!is_drop) {
        ARM_TRY(check_present(c->has_parent_version, !is_create, WHAT, "parent_version", err));
        if ((!is_create && c->parent_version == 0) ||
            (makes_version &&
             (c->version == 0 || (!is_create && c->parent_version >= c->version)))) {
            return wrong(WHAT, "its version does not follow its parent", err);
        }
        if (c->schema_id == 0) {
            return wrong(WHAT, "schema id 0", err);
        }
    }
    if (!may_bring_schema || c->schema == NULL) {
        ARM_TRY(check_present(c->schema != NULL, is_create || c->kind == ARMPB__CHANGE_KIND__ALTER,
                              WHAT, "schema", err));
    }
    if ((c->n_uses > 0 || c->metadata != NULL) &&
        (!makes_version || c->object != ARMPB__OBJECT_KIND__TABLE)) {
        return wrong(WHAT, "metadata or chunks of what is no version of a table", err);
    }
    if (has_rows && (!makes_version || c->object != ARMPB__OBJECT_KIND__TABLE)) {
        return wrong(WHAT, "rows where there can be none", err);
    }
    if (!makes_version && (c->schema != NULL || c->has_root)) {
        return wrong(WHAT, "what only a version has", err);
    }
done:
    return st;
}

static arm_status check_uses(const Armpb__TableChange *change, struct arm_error *err)
{
    if (change->metadata != NULL && change->metadata[0] == '\0') {
        return wrong("TableChange", "its metadata is empty", err);
    }
    for (size_t i = 0; i < change->n_uses; i++) {
        if (change->uses[i].len != ARM_HASH_BYTES) {
            return wrong("TableChange", "a chunk that it uses is no hash", err);
        }
    }
    return ARM_OK;
}

static arm_status check_change(const Armpb__TableChange *change, uint64_t payload_bytes,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (change->table_id.len != ARM_TABLE_ID_BYTES) {
        return wrong("TableChange", "its table id is none", err);
    }
    if (change->has_root && change->root.len != ARM_HASH_BYTES) {
        return wrong("TableChange", "its root is no hash", err);
    }
    ARM_TRY(check_kind(change, err));
    ARM_TRY(check_uses(change, err));
    ARM_TRY(check_schema(change, err));
    ARM_TRY(check_rows(change, payload_bytes, err));
done:
    return st;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, ARM_TABLE_ID_BYTES);
}

/* The ids have been found to have their size. */
static arm_status check_distinct_tables(const Armpb__Commit *commit, struct arm_error *err)
{
    const uint8_t **ids = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(commit->n_changes, sizeof *ids, &ids, err));
    for (size_t i = 0; i < commit->n_changes; i++) {
        ids[i] = commit->changes[i]->table_id.data;
    }
    qsort(ids, commit->n_changes, sizeof *ids, compare_ids);
    for (size_t i = 1; i < commit->n_changes; i++) {
        if (compare_ids(&ids[i - 1], &ids[i]) == 0) {
            st = wrong("Commit", "two changes of one table", err);
            goto done;
        }
    }
done:
    arm__free(ids);
    return st;
}

static arm_status check_cursor(const Armpb__ConsumerCursor *cursor, struct arm_error *err)
{
    static const char WHAT[] = "ConsumerCursor";
    arm_status st = ARM_OK;

    ARM_TRY(arm__ref_name_check(cursor->name, "consumer", err));
    if (cursor->shares == 0) {
        return wrong(WHAT, "it is said of no share", err);
    }
    if (!cursor->has_acked_tx && cursor->shares != UINT64_MAX) {
        return wrong(WHAT, "a part of a consumer is dropped", err);
    }
done:
    return st;
}

static arm_status check_commit(const Armpb__Commit *commit, uint64_t payload_bytes,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (commit->commit_id.len != ARM_ID_BYTES) {
        return wrong("Commit", "its id is none", err);
    }
    for (size_t i = 0; i < commit->n_parents; i++) {
        if (commit->parents[i].len != ARM_ID_BYTES) {
            return wrong("Commit", "a parent is no commit id", err);
        }
    }
    if (commit->n_parents > PARENTS_MAX) {
        return wrong("Commit", "more than two parents", err);
    }
    if (commit->n_parents == 0 ? commit->generation != 1 : commit->generation < 2) {
        return wrong("Commit", "its generation does not fit its parents", err);
    }
    for (size_t i = 0; i < commit->n_changes; i++) {
        ARM_TRY(check_change(commit->changes[i], payload_bytes, err));
    }
    ARM_TRY(check_distinct_tables(commit, err));
    if (commit->cursor != NULL) {
        ARM_TRY(check_cursor(commit->cursor, err));
        ARM_TRY(check_present(commit->cursor->has_acked_tx, true, "Commit", "acked_tx", err));
    }
done:
    return st;
}

static arm_status check_protection(const Armpb__Protection *protection, struct arm_error *err)
{
    static const char WHAT[] = "Protection";

    if (protection == NULL) {
        return ARM_OK;
    }
    if (!protection->only_merges && protection->n_checks == 0) {
        return wrong(WHAT, "it asks for nothing", err);
    }
    for (size_t i = 0; i < protection->n_checks; i++) {
        if (protection->checks[i]->sql[0] == '\0') {
            return wrong(WHAT, "a check without a query", err);
        }
    }
    return ARM_OK;
}

static arm_status check_ref(const Armpb__RefChange *ref, struct arm_error *err)
{
    static const char WHAT[] = "RefChange";
    bool is_create = ref->action == ARMPB__REF_ACTION__REF_CREATE;
    bool is_rename = ref->action == ARMPB__REF_ACTION__REF_RENAME;
    bool is_branch = ref->kind == ARMPB__REF_KIND__BRANCH;
    arm_status st = ARM_OK;

    if (ref->commit_id.len != ARM_ID_BYTES) {
        return wrong(WHAT, "its id is none", err);
    }
    ARM_TRY(arm__ref_name_check(ref->name, is_branch ? "branch" : "tag", err));
    ARM_TRY(check_present(ref->new_name != NULL, is_rename, WHAT, "new_name", err));
    if (is_rename) {
        ARM_TRY(arm__ref_name_check(ref->new_name, is_branch ? "branch" : "tag", err));
    }
    if (!is_create && (ref->has_from_tx || ref->has_from_branch_id)) {
        return wrong(WHAT, "from_tx or from_branch_id does not belong here", err);
    }
    if (is_create && !is_branch && !ref->has_from_tx) {
        return wrong(WHAT, "a tag of nothing", err);
    }
    if (is_branch) {
        ARM_TRY(check_present(ref->has_branch_id, !is_create, WHAT, "branch_id", err));
    }
    if (ref->action == ARMPB__REF_ACTION__REF_PROTECT && !is_branch) {
        return wrong(WHAT, "protection of a tag", err);
    }
    if (ref->action != ARMPB__REF_ACTION__REF_PROTECT) {
        ARM_TRY(check_present(ref->protection != NULL, false, WHAT, "protection", err));
    }
    ARM_TRY(check_protection(ref->protection, err));
done:
    return st;
}

static arm_status check_checkpoint(const Armpb__Checkpoint *checkpoint, struct arm_error *err)
{
    static const char WHAT[] = "Checkpoint";
    uint64_t next_tx = 1;

    if (checkpoint->commit_id.len != ARM_ID_BYTES || checkpoint->previous.len != ARM_HASH_BYTES) {
        return wrong(WHAT, "an id or a hash has not its size", err);
    }
    for (size_t i = 0; i < checkpoint->n_runs; i++) {
        const Armpb__CheckpointRun *run = checkpoint->runs[i];

        if (run->chunk.len != ARM_HASH_BYTES || run->bytes == 0) {
            return wrong("CheckpointRun", "it names no bytes", err);
        }
        if (run->first_tx != next_tx || run->next_tx <= run->first_tx) {
            return wrong("CheckpointRun", "it does not continue the one before", err);
        }
        next_tx = run->next_tx;
    }
    return checkpoint->n_runs > 0 && next_tx == checkpoint->next_tx
               ? ARM_OK
               : wrong(WHAT, "its runs do not end where it does", err);
}

/* ---- Compaction ---- */

static arm_status check_source(const Armpb__CompactedSource *source, uint64_t *inout_rows,
                               struct arm_error *err)
{
    static const char WHAT[] = "CompactedSource";
    uint32_t dropped = 0;
    uint64_t end;
    arm_status st = ARM_OK;

    ARM_TRY(arm__position_check(bytes_of(&source->position), err));
    if (source->rows == 0 || __builtin_add_overflow(source->first_row_id, source->rows, &end)) {
        return wrong(WHAT, "its rows cannot be counted", err);
    }
    if (source->has_dropped) {
        ARM_TRY(arm__vector_check(bytes_of(&source->dropped), source->rows, &dropped, err));
        if (dropped == 0) {
            return wrong(WHAT, "it drops nothing", err);
        }
    }
    *inout_rows += source->rows - dropped;
done:
    return st;
}

/* `*before`: the last position of the group before, and then of this one. */
static arm_status check_group(const Armpb__CompactedGroup *group, struct arm_bytes *before,
                              struct arm_error *err)
{
    static const char WHAT[] = "CompactedGroup";
    struct arm_bytes last = *before;
    uint64_t wanted = 0;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    if (group->n_sources == 0) {
        return wrong(WHAT, "nothing is compacted", err);
    }
    for (size_t i = 0; i < group->n_sources; i++) {
        ARM_TRY(check_source(group->sources[i], &wanted, err));
        ARM_TRY(check_order(last, bytes_of(&group->sources[i]->position), "sources", err));
        last = bytes_of(&group->sources[i]->position);
    }
    for (size_t i = 0; i < group->n_entries; i++) {
        const Armpb__Entry *entry = group->entries[i];
        struct arm_bytes here = bytes_of(&entry->position);

        ARM_TRY(check_entry(entry, 0, err));
        ARM_TRY(check_present(entry->has_chunk, true, WHAT, "a chunk", err));
        ARM_TRY(check_order(*before, here, "compacted entries", err));
        *before = here;
        rows += entry->rows;
    }
    if (rows != wanted) {
        return wrong(WHAT, "its entries have not the rows of its sources", err);
    }
    if (arm__bytes_compare(last, *before) > 0) {
        *before = last;
    }
done:
    return st;
}

static arm_status check_compaction(const Armpb__Compaction *compaction, struct arm_error *err)
{
    static const char WHAT[] = "Compaction";
    struct arm_bytes before = {NULL, 0};
    arm_status st = ARM_OK;

    if (compaction->commit_id.len != ARM_ID_BYTES ||
        compaction->table_id.len != ARM_TABLE_ID_BYTES || compaction->root.len != ARM_HASH_BYTES) {
        return wrong(WHAT, "an id or a hash has not its size", err);
    }
    if (compaction->version == 0 || compaction->n_groups == 0) {
        return wrong(WHAT, "it is of no version, or of no group", err);
    }
    for (size_t i = 0; i < compaction->n_groups; i++) {
        ARM_TRY(check_group(compaction->groups[i], &before, err));
    }
done:
    return st;
}

static arm_status check_sequence(const Armpb__SequenceAdvance *sequence, struct arm_error *err)
{
    if (sequence->commit_id.len != ARM_ID_BYTES || sequence->table_id.len != ARM_TABLE_ID_BYTES) {
        return wrong("SequenceAdvance", "an id has not its size", err);
    }
    return sequence->used > 0 ? ARM_OK : wrong("SequenceAdvance", "it gives nothing away", err);
}

static arm_status check_retention(const Armpb__Retention *retention, struct arm_error *err)
{
    if (retention->commit_id.len != ARM_ID_BYTES) {
        return wrong("Retention", "its id has not its size", err);
    }
    return retention->horizon_tx > 0 ? ARM_OK : wrong("Retention", "it gives nothing up", err);
}

static arm_status check_loose(const Armpb__LooseChunk *loose, struct arm_error *err)
{
    static const char WHAT[] = "LooseChunk";

    if (loose->commit_id.len != ARM_ID_BYTES || loose->chunk.len != ARM_HASH_BYTES) {
        return wrong(WHAT, "an id or a hash has not its size", err);
    }
    return loose->is_kept || !loose->was_there ? ARM_OK
                                               : wrong(WHAT, "what is let go was there", err);
}

static arm_status check_consumer(const Armpb__ConsumerChange *consumer, struct arm_error *err)
{
    if (consumer->commit_id.len != ARM_ID_BYTES) {
        return wrong("ConsumerChange", "its id has not its size", err);
    }
    return check_cursor(consumer->cursor, err);
}

static arm_status judge(const Armpb__Record *record, uint64_t payload_bytes, struct arm_error *err)
{
    int alternatives =
        (record->commit != NULL) + (record->ref != NULL) + (record->in_chunk != NULL) +
        (record->checkpoint != NULL) + (record->compaction != NULL) + (record->sequence != NULL) +
        (record->retention != NULL) + (record->consumer != NULL) + (record->loose != NULL);

    if (alternatives != 1) {
        return wrong("Record", "not exactly one of its alternatives", err);
    }
    if (record->commit != NULL) {
        return check_commit(record->commit, payload_bytes, err);
    }
    if (record->ref != NULL) {
        return check_ref(record->ref, err);
    }
    if (record->checkpoint != NULL) {
        return check_checkpoint(record->checkpoint, err);
    }
    if (record->compaction != NULL) {
        return check_compaction(record->compaction, err);
    }
    if (record->sequence != NULL) {
        return check_sequence(record->sequence, err);
    }
    if (record->retention != NULL) {
        return check_retention(record->retention, err);
    }
    if (record->loose != NULL) {
        return check_loose(record->loose, err);
    }
    if (record->consumer != NULL) {
        return check_consumer(record->consumer, err);
    }
    return record->in_chunk->hash.len == ARM_HASH_BYTES && record->in_chunk->bytes > 0
               ? ARM_OK
               : wrong("RecordChunk", "it names no bytes", err);
}

arm_status arm__record_judge(const Armpb__Record *record, uint64_t payload_bytes,
                             struct arm_error *err)
{
    return arm__recode(judge(record, payload_bytes, err), ARM_CORRUPT, err);
}
