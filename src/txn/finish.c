/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a transaction: its changes as one commit request. */

#include "base/alloc.h"
#include "txn/txn_private.h"

/* One table's part of the request, and what it borrows. */
struct part {
    struct arm_new_entry *added;
    struct arm_new_deletion *deleted;
    struct arm_position *removed;
    struct arm_buf *vectors; /* encoded dead rows */
    size_t vector_count;
    struct arm_txn_judge judge;
};

static void release_part(struct part *part)
{
    for (size_t i = 0; i < part->vector_count; i++) {
        arm__buf_release(&part->vectors[i]);
    }
    arm__free(part->vectors);
    arm__free(part->added);
    arm__free(part->deleted);
    arm__free(part->removed);
}

/* Dead rows as bytes that live as long as the part; there is room for another vector. */
static arm_status encode_dead(struct part *part, const struct arm_txn_dead *dead,
                              struct arm_bytes *out, struct arm_error *err)
{
    roaring_bitmap_t *copy = roaring_bitmap_copy(dead->own); /* encoding run-optimises it */
    struct arm_buf *buf = &part->vectors[part->vector_count];
    arm_status st;

    if (copy == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a deletion vector");
    }
    *buf = ARM_BUF_INIT(SIZE_MAX);
    part->vector_count++;
    st = arm__vector_encode(copy, buf, err);
    *out = arm__buf_bytes(buf);
    arm__vector_free(copy);
    return st;
}

/* An own entry whose rows all died again never was. */
static bool is_dead(const struct arm_txn_own *own)
{
    return own->dead != NULL && own->dead->all_count == arm__txn_own_entry(own)->rows;
}

static arm_status add_own(const struct arm_txn_table *table, struct part *part,
                          struct arm_new_change *change, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(table->own_count, sizeof *part->added, &part->added, err));
    change->added = part->added;
    for (size_t i = 0; i < table->own_count; i++) {
        const struct arm_txn_own *own = &table->own[i];
        struct arm_new_entry entry = *arm__txn_own_entry(own);

        if (is_dead(own)) {
            continue;
        }
        if (own->dead != NULL) {
            ARM_TRY(encode_dead(part, own->dead, &entry.dead, err));
        }
        part->added[change->added_count++] = entry;
    }
done:
    return st;
}

static arm_status add_removed(const struct arm_txn_table *table, struct part *part,
                              struct arm_new_change *change, struct arm_error *err)
{
    const struct arm_table_state *state = table->state;
    arm_status st = ARM_OK;

    if (table->base_removed == NULL) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(state->entry_count, sizeof *part->removed, &part->removed, err));
    change->removed = part->removed;
    for (size_t i = 0; i < state->entry_count; i++) {
        if (table->base_removed[i]) {
            part->removed[change->removed_count++] = state->entries[i].position;
        }
    }
done:
    return st;
}

static arm_status add_deleted(const struct arm_txn_table *table, struct part *part,
                              struct arm_new_change *change, struct arm_error *err)
{
    const struct arm_table_state *state = table->state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(table->base_dead_count, sizeof *part->deleted, &part->deleted, err));
    change->deleted = part->deleted;
    for (size_t i = 0; table->base_dead_count > 0 && i < state->entry_count; i++) {
        struct arm_new_deletion *deletion = &part->deleted[change->deleted_count];

        if (table->base_dead[i] == NULL) {
            continue;
        }
        *deletion = (struct arm_new_deletion){
            .position = state->entries[i].position,
            .first_row_id = state->entries[i].first_row_id,
            .rows = state->entries[i].rows,
        };
        ARM_TRY(encode_dead(part, table->base_dead[i], &deletion->bits, err));
        change->deleted_count++;
    }
done:
    return st;
}

/* What the transaction took of a sequence that it made stays taken. */
static void tell_used(const struct arm_txn_table *table)
{
    Armpb__Sequence *sequence = table->schema->schema->sequence;

    if (sequence != NULL && table->sequence_used > 0) {
        sequence->has_used = true;
        sequence->used = table->sequence_used;
    }
}

/* One table's change; it has one. */
static arm_status describe(const struct arm_txn_table *table, struct part *part,
                           struct arm_new_change *change, struct arm_error *err)
{
    arm_status st = ARM_OK;

    *change = (struct arm_new_change){
        .kind = ARMPB__CHANGE_KIND__WRITE,
        .table_id = table->table_id,
        .base_version = table->base.row.version,
        .base_layout = table->state == NULL ? 0 : table->state->layout,
        .truncated = table->truncated,
    };
    if (table->is_dropped) {
        change->kind = ARMPB__CHANGE_KIND__DROP;
        change->base_version = table->is_adopted ? table->had_version : change->base_version;
        return ARM_OK;
    }
    if (table->is_created) {
        change->kind = ARMPB__CHANGE_KIND__CREATE;
        change->object = table->object;
        tell_used(table);
        change->schema_name = table->schema_name;
        change->name = table->name;
        change->schema = table->schema->schema;
    } else if (table->has_new_schema) {
        change->kind = ARMPB__CHANGE_KIND__ALTER;
        change->schema = table->schema->schema;
    }
    if (table->is_renamed) { /* perhaps with new columns */
        change->kind = ARMPB__CHANGE_KIND__RENAME;
        change->schema_name = table->schema_name;
        change->name = table->name;
    }
    if (table->is_adopted) { /* perhaps with all of that */
        change->kind = ARMPB__CHANGE_KIND__ADOPT;
        change->object = table->object;
        change->schema_name = table->schema_name;
        change->name = table->name;
        change->had_version = table->had_version;
        change->rows_added = table->adopted_rows_added;
        change->rows_removed = table->adopted_rows_removed;
        change->force_version = table->is_next;
    }
    if (table->is_told) {
        change->force_version = true;
        change->wanted_version = table->wanted_version;
        change->metadata = table->metadata;
        change->use_count = table->use_count;
        change->uses = table->uses;
    }
    change->merged_schema_id = table->merged_schema_id;
    ARM_TRY(arm__calloc(table->own_count + table->base_dead_count, sizeof *part->vectors,
                        &part->vectors, err));
    ARM_TRY(add_own(table, part, change, err));
    ARM_TRY(add_removed(table, part, change, err));
    ARM_TRY(add_deleted(table, part, change, err));
done:
    return st;
}

/* A request with what it read. */
static arm_status commit_request(struct arm_transaction *txn, struct arm_commit_request *request,
                                 struct arm_commit_result *out, struct arm_error *err)
{
    struct arm_txn_read_judge *judges = NULL;
    struct arm_new_read *reads = NULL;
    arm_status st = ARM_OK;

    if (txn->settings.serializable) {
        ARM_TRY(arm__calloc(txn->table_count, sizeof *judges, &judges, err));
        ARM_TRY(arm__calloc(txn->table_count + txn->absent_count, sizeof *reads, &reads, err));
        request->read_count = arm__txn_describe_reads(txn, reads, judges);
        request->reads = reads;
        request->reads_all = txn->reads_all;
    }
    ARM_TRY(arm__commit(txn->repository, request, out, NULL, err));
done:
    arm__free(reads);
    arm__free(judges);
    return st;
}

static arm_status commit_changes(struct arm_transaction *txn, const char *message,
                                 struct part *parts, struct arm_new_change *changes,
                                 struct arm_commit_result *out, struct arm_error *err)
{
    struct arm_commit_request request = {
        .snapshot = txn->snapshot,
        .message = message,
        .changes = changes,
        .grain = txn->settings.grain,
        .merged = txn->merged,
        .checked_tx = txn->checked_tx,
        .cursor = txn->cursor == NULL ? NULL : &txn->cursor->cursor,
    };
    arm_status st = ARM_OK;

    for (size_t i = 0; i < txn->table_count; i++) {
        struct arm_txn_table *table = txn->tables[i];

        if (arm__txn_table_has_changes(table)) {
            ARM_TRY(arm__txn_join(txn, table, err));
            ARM_TRY(describe(table, &parts[i], &changes[request.change_count], err));
            changes[request.change_count++].judge = arm__txn_judge(txn, table, &parts[i].judge);
        }
    }
    if (request.change_count == 0 && !arm__txn_is_merge(txn) && request.cursor == NULL) {
        *out = (struct arm_commit_result){.tx = 0};
        goto done;
    }
    ARM_TRY(commit_request(txn, &request, out, err));
done:
    return st;
}

arm_status arm__txn_commit(struct arm_transaction *txn, const char *message,
                           struct arm_commit_result *out, struct arm_error *err)
{
    struct arm_new_change *changes = NULL;
    struct part *parts = NULL;
    size_t count = txn->table_count;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *changes, &changes, err));
    ARM_TRY(arm__calloc(count, sizeof *parts, &parts, err));
    ARM_TRY(commit_changes(txn, message, parts, changes, out, err));
done:
    for (size_t i = 0; parts != NULL && i < count; i++) {
        release_part(&parts[i]);
    }
    arm__free(parts);
    arm__free(changes);
    arm__txn_free(txn);
    return st;
}
