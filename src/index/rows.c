/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the index: how each sub-database's values are encoded. `varint` is LEB128, `blob` a
 * varint length and the bytes, `u64` little-endian. What does not decode to the last byte is
 * ARM_CORRUPT (I6).
 *
 *   state    u8 index format, 6 · u64 segment, offset, next tx · 32 previous · u64 last time
 *   record   u8 flags: 1 commit · 16 commit id · u64 time · varint segment, offset, record,
 *            branch id, generation
 *   ref      u8 flags: 1 dropped · varint branch id, target tx, described tx
 *   branch   varint parent branch id, parent tx · blob name (empty: dropped)
 *   table    u8 flags: 1 dropped (nothing follows) · u8 object · 20 table id · varint version
 *            · blob schema, name
 *   name     blob schema, name (both empty: dropped)
 *   number   varint tx · 20 table id
 *   version  varint tx · u8 flags: 1 materialised · varint parent version, schema id, row count,
 *            data bytes, next row id, rows added, rows removed, bytes added, root version, root
 *            layout, tail count · blob last position · 32 root (materialised), else packed change
 *   layout   varint base, data bytes · 32 root
 *   chunk    varint tx, rows, bytes · 32 rows hash · packed Entry with statistics alone
 *   schema, rows, node, vector   varint tx · content
 *   sequence varint places taken
 *   retention varint horizon tx
 *   consumer varint groups (0: dropped) · each u64 shares, varint acked tx; by acked tx
 *   loose    u8 flags: 1 kept, 2 was there, 4 used · varint bytes
 *
 * A changed encoding changes the index format: an index of another format is made anew. */

#include <string.h>

#include "index/index_private.h"

enum { RECORD_COMMIT = 1, TABLE_DROPPED = 1, VERSION_MATERIALISED = 1 };
enum { REF_DROPPED = 1, REF_PROTECTED = 2, REF_ONLY_MERGES = 4, REF_CHECKS = 8 };

/* ---- Pieces ---- */

static arm_status put_varints(struct arm_buf *out, const uint64_t *values, size_t count,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        ARM_TRY(arm__buf_varint(out, values[i], err));
    }
done:
    return st;
}

static arm_status take_varints(struct arm_reader *r, uint64_t *values, size_t count,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        ARM_TRY(arm__take_varint(r, &values[i], err));
    }
done:
    return st;
}

static arm_status take_bytes(struct arm_reader *r, void *out, size_t size, struct arm_error *err)
{
    const uint8_t *bytes;
    arm_status st = arm__take(r, size, &bytes, err);

    if (st == ARM_OK) {
        memcpy(out, bytes, size);
    }
    return st;
}

static arm_status take_u32(struct arm_reader *r, uint32_t *out, struct arm_error *err)
{
    uint64_t value;
    arm_status st = arm__take_varint(r, &value, err);

    if (st == ARM_OK && value > UINT32_MAX) {
        return arm__fail(err, ARM_CORRUPT, "%s: a number is out of range", r->what);
    }
    if (st == ARM_OK) {
        *out = (uint32_t)value;
    }
    return st;
}

/* Flags of which only those in `known` may be set. */
static arm_status take_flags(struct arm_reader *r, uint8_t known, uint8_t *out,
                             struct arm_error *err)
{
    arm_status st = arm__take_u8(r, out, err);

    if (st == ARM_OK && (*out & ~known) != 0) {
        return arm__fail(err, ARM_CORRUPT, "%s: unknown flags %u", r->what, *out);
    }
    return st;
}

static arm_status put_name(struct arm_buf *out, const char *name, struct arm_error *err)
{
    return arm__buf_blob(out, arm__bytes(name, strlen(name)), err);
}

static arm_status take_name(struct arm_reader *r, char out[ARM_NAME_BYTES], struct arm_error *err)
{
    struct arm_bytes bytes;
    arm_status st = arm__take_blob(r, &bytes, err);

    if (st != ARM_OK) {
        return st;
    }
    if (bytes.size > ARM_NAME_BYTES_MAX || memchr(bytes.data, 0, bytes.size) != NULL) {
        return arm__fail(err, ARM_CORRUPT, "%s: not a name", r->what);
    }
    memcpy(out, bytes.data, bytes.size);
    out[bytes.size] = '\0';
    return ARM_OK;
}

arm_status arm__row_tx(enum arm_db db, struct arm_bytes key, struct arm_bytes value, uint64_t *out,
                       struct arm_error *err)
{
    struct arm_reader r = arm__reader(value, "index row's tx");

    switch (db) {
    case ARM_DB_NUMBER:
    case ARM_DB_VERSION:
    case ARM_DB_SCHEMA:
    case ARM_DB_CHUNK:
    case ARM_DB_ROWS:
    case ARM_DB_NODE:
    case ARM_DB_VECTOR:
        return arm__take_varint(&r, out, err);
    case ARM_DB_ID:
        return arm__key_last_u64(value, out, err);
    default:
        return arm__key_last_u64(key, out, err);
    }
}

/* ---- meta ---- */

arm_status arm__row_put_state(const struct arm_index_state *state, struct arm_buf *out,
                              struct arm_error *err)
{
    const struct arm_log_position *at = &state->folded;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, ARM_INDEX_FORMAT, err));
    ARM_TRY(arm__buf_u64(out, at->segment, err));
    ARM_TRY(arm__buf_u64(out, at->offset, err));
    ARM_TRY(arm__buf_u64(out, at->next_tx, err));
    ARM_TRY(arm__buf_append(out, at->previous.bytes, sizeof at->previous.bytes, err));
    ARM_TRY(arm__buf_u64(out, (uint64_t)state->last_time_us, err));
done:
    return st;
}

arm_status arm__row_take_state(struct arm_bytes row, struct arm_index_state *out,
                               struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index state");
    struct arm_index_state state = {.is_empty = false};
    uint8_t format;
    uint64_t time;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(&r, &format, err));
    if (format != ARM_INDEX_FORMAT) {
        st = arm__fail(err, ARM_CORRUPT, "index: format %u, not %u", format, ARM_INDEX_FORMAT);
        goto done;
    }
    ARM_TRY(arm__take_u64(&r, &state.folded.segment, err));
    ARM_TRY(arm__take_u64(&r, &state.folded.offset, err));
    ARM_TRY(arm__take_u64(&r, &state.folded.next_tx, err));
    ARM_TRY(take_bytes(&r, state.folded.previous.bytes, ARM_HASH_BYTES, err));
    ARM_TRY(arm__take_u64(&r, &time, err));
    ARM_TRY(arm__take_end(&r, err));
    state.last_time_us = (int64_t)time;
    *out = state;
done:
    return st;
}

/* ---- tx ---- */

arm_status arm__row_put_record(const struct arm_record_row *record, struct arm_buf *out,
                               struct arm_error *err)
{
    const uint64_t numbers[] = {record->segment, record->offset, record->record, record->branch_id,
                                record->generation};
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, record->is_commit ? RECORD_COMMIT : 0, err));
    ARM_TRY(arm__buf_append(out, record->commit_id.bytes, ARM_ID_BYTES, err));
    ARM_TRY(arm__buf_u64(out, (uint64_t)record->time_us, err));
    ARM_TRY(put_varints(out, numbers, sizeof numbers / sizeof *numbers, err));
done:
    return st;
}

arm_status arm__row_take_record(struct arm_bytes row, uint64_t tx, struct arm_record_row *out,
                                struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index record row");
    struct arm_record_row record = {.tx = tx};
    uint64_t time;
    uint8_t flags;
    arm_status st = ARM_OK;

    ARM_TRY(take_flags(&r, RECORD_COMMIT, &flags, err));
    record.is_commit = (flags & RECORD_COMMIT) != 0;
    ARM_TRY(take_bytes(&r, record.commit_id.bytes, ARM_ID_BYTES, err));
    ARM_TRY(arm__take_u64(&r, &time, err));
    record.time_us = (int64_t)time;
    ARM_TRY(arm__take_varint(&r, &record.segment, err));
    ARM_TRY(arm__take_varint(&r, &record.offset, err));
    ARM_TRY(take_u32(&r, &record.record, err));
    ARM_TRY(arm__take_varint(&r, &record.branch_id, err));
    ARM_TRY(arm__take_varint(&r, &record.generation, err));
    ARM_TRY(arm__take_end(&r, err));
    *out = record;
done:
    return st;
}

/* ---- ref, branch ---- */

arm_status arm__row_put_ref(const struct arm_ref_row *ref, bool is_dropped, struct arm_buf *out,
                            struct arm_error *err)
{
    const uint64_t numbers[] = {ref->branch_id, ref->target_tx, ref->described_tx};
    bool is_protected = ref->protected_tx != 0;
    int flags = (is_dropped ? REF_DROPPED : 0) | (is_protected ? REF_PROTECTED : 0) |
                (is_protected && ref->only_merges ? REF_ONLY_MERGES : 0) |
                (is_protected && ref->has_checks ? REF_CHECKS : 0);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, (uint8_t)flags, err));
    ARM_TRY(put_varints(out, numbers, sizeof numbers / sizeof *numbers, err));
    if (is_protected) { /* the row of any other is what it was before there was protection */
        ARM_TRY(put_varints(out, &ref->protected_tx, 1, err));
    }
done:
    return st;
}

arm_status arm__row_take_ref(struct arm_bytes row, uint64_t tx, struct arm_ref_row *out,
                             bool *out_dropped, struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index ref row");
    uint64_t protected_tx = 0;
    uint64_t numbers[3];
    uint8_t flags;
    arm_status st = ARM_OK;

    ARM_TRY(
        take_flags(&r, REF_DROPPED | REF_PROTECTED | REF_ONLY_MERGES | REF_CHECKS, &flags, err));
    ARM_TRY(take_varints(&r, numbers, sizeof numbers / sizeof *numbers, err));
    if ((flags & REF_PROTECTED) != 0) {
        ARM_TRY(take_varints(&r, &protected_tx, 1, err));
    }
    ARM_TRY(arm__take_end(&r, err));
    *out = (struct arm_ref_row){.branch_id = numbers[0],
                                .tx = tx,
                                .target_tx = numbers[1],
                                .described_tx = numbers[2],
                                .protected_tx = protected_tx,
                                .only_merges = (flags & REF_ONLY_MERGES) != 0,
                                .has_checks = (flags & REF_CHECKS) != 0};
    *out_dropped = (flags & REF_DROPPED) != 0;
done:
    return st;
}

arm_status arm__row_put_branch(const struct arm_branch_state *branch, struct arm_buf *out,
                               struct arm_error *err)
{
    const uint64_t numbers[] = {branch->parent_branch_id, branch->parent_tx};
    arm_status st = ARM_OK;

    ARM_TRY(put_varints(out, numbers, sizeof numbers / sizeof *numbers, err));
    ARM_TRY(put_name(out, branch->name, err));
done:
    return st;
}

arm_status arm__row_take_branch(struct arm_bytes row, struct arm_branch_state *out,
                                struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index branch row");
    struct arm_branch_state branch;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(&r, &branch.parent_branch_id, err));
    ARM_TRY(arm__take_varint(&r, &branch.parent_tx, err));
    ARM_TRY(take_name(&r, branch.name, err));
    ARM_TRY(arm__take_end(&r, err));
    *out = branch;
done:
    return st;
}

/* ---- table, name ---- */

arm_status arm__row_put_table(const struct arm_table_row *table, struct arm_buf *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, table == NULL ? TABLE_DROPPED : 0, err));
    if (table == NULL) {
        goto done;
    }
    ARM_TRY(arm__buf_u8(out, (uint8_t)table->object, err));
    ARM_TRY(arm__buf_append(out, table->table_id.bytes, ARM_TABLE_ID_BYTES, err));
    ARM_TRY(arm__buf_varint(out, table->version, err));
    ARM_TRY(put_name(out, table->schema_name, err));
    ARM_TRY(put_name(out, table->name, err));
done:
    return st;
}

arm_status arm__row_take_table(struct arm_bytes row, uint64_t tx, struct arm_table_row *out,
                               bool *out_dropped, struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index table row");
    struct arm_table_row table = {.tx = tx};
    uint8_t flags;
    uint8_t object;
    arm_status st = ARM_OK;

    ARM_TRY(take_flags(&r, TABLE_DROPPED, &flags, err));
    if ((flags & TABLE_DROPPED) != 0) {
        ARM_TRY(arm__take_end(&r, err));
        *out_dropped = true;
        goto done;
    }
    ARM_TRY(arm__take_u8(&r, &object, err));
    if (object < ARMPB__OBJECT_KIND__TABLE || object > ARMPB__OBJECT_KIND__SCHEMA) {
        st = arm__fail(err, ARM_CORRUPT, "%s: unknown object %u", r.what, object);
        goto done;
    }
    table.object = (Armpb__ObjectKind)object;
    ARM_TRY(take_bytes(&r, table.table_id.bytes, ARM_TABLE_ID_BYTES, err));
    ARM_TRY(arm__take_varint(&r, &table.version, err));
    ARM_TRY(take_name(&r, table.schema_name, err));
    ARM_TRY(take_name(&r, table.name, err));
    ARM_TRY(arm__take_end(&r, err));
    *out = table;
    *out_dropped = false;
done:
    return st;
}

arm_status arm__row_put_name(const struct arm_table_name *name, struct arm_buf *out,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(put_name(out, name->schema_name, err));
    ARM_TRY(put_name(out, name->name, err));
done:
    return st;
}

arm_status arm__row_take_name(struct arm_bytes row, struct arm_table_name *out,
                              struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index name row");
    struct arm_table_name name;
    arm_status st = ARM_OK;

    ARM_TRY(take_name(&r, name.schema_name, err));
    ARM_TRY(take_name(&r, name.name, err));
    ARM_TRY(arm__take_end(&r, err));
    *out = name;
done:
    return st;
}

/* ---- version ---- */

arm_status arm__row_put_version(const struct arm_version_state *version, struct arm_buf *out,
                                struct arm_error *err)
{
    const struct arm_version_row *row = &version->row;
    const uint64_t numbers[] = {row->parent_version,  row->schema_id,   row->row_count,
                                row->data_bytes,      row->next_row_id, row->rows_added,
                                row->rows_removed,    row->bytes_added, version->root_version,
                                version->root_layout, row->tail_count};
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_varint(out, row->tx, err));
    ARM_TRY(arm__buf_u8(out, row->is_materialised ? VERSION_MATERIALISED : 0, err));
    ARM_TRY(put_varints(out, numbers, sizeof numbers / sizeof *numbers, err));
    ARM_TRY(arm__buf_blob(out, arm__position_bytes(&row->last_position), err));
    if (row->is_materialised) {
        ARM_TRY(arm__buf_append(out, row->root.bytes, ARM_HASH_BYTES, err));
    } else {
        ARM_TRY(arm__buf_append(out, version->change.data, version->change.size, err));
    }
done:
    return st;
}

static arm_status take_position(struct arm_reader *r, struct arm_position *out,
                                struct arm_error *err)
{
    struct arm_bytes bytes;
    arm_status st = arm__take_blob(r, &bytes, err);

    *out = (struct arm_position){.size = 0}; /* nothing was ever appended */
    if (st == ARM_OK && bytes.size > 0) {
        st = arm__position_check(bytes, err);
    }
    if (st == ARM_OK) {
        out->size = (uint8_t)bytes.size;
        memcpy(out->bytes, bytes.data, bytes.size);
    }
    return st;
}

arm_status arm__row_take_version(struct arm_bytes bytes, const struct arm_table_id *table_id,
                                 uint64_t version, struct arm_version_state *out,
                                 struct arm_error *err)
{
    struct arm_reader r = arm__reader(bytes, "index version row");
    struct arm_version_state state = {.row = {.table_id = *table_id, .version = version}};
    struct arm_version_row *row = &state.row;
    uint8_t flags;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(&r, &row->tx, err));
    ARM_TRY(take_flags(&r, VERSION_MATERIALISED, &flags, err));
    row->is_materialised = (flags & VERSION_MATERIALISED) != 0;
    ARM_TRY(arm__take_varint(&r, &row->parent_version, err));
    ARM_TRY(take_u32(&r, &row->schema_id, err));
    ARM_TRY(arm__take_varint(&r, &row->row_count, err));
    ARM_TRY(arm__take_varint(&r, &row->data_bytes, err));
    ARM_TRY(arm__take_varint(&r, &row->next_row_id, err));
    ARM_TRY(arm__take_varint(&r, &row->rows_added, err));
    ARM_TRY(arm__take_varint(&r, &row->rows_removed, err));
    ARM_TRY(arm__take_varint(&r, &row->bytes_added, err));
    ARM_TRY(arm__take_varint(&r, &state.root_version, err));
    ARM_TRY(arm__take_varint(&r, &state.root_layout, err));
    ARM_TRY(take_u32(&r, &row->tail_count, err));
    ARM_TRY(take_position(&r, &row->last_position, err));
    if (row->is_materialised) {
        ARM_TRY(take_bytes(&r, row->root.bytes, ARM_HASH_BYTES, err));
        ARM_TRY(arm__take_end(&r, err));
    } else {
        state.change = r.rest;
    }
    if (row->tail_count == 1 && state.root_version == row->parent_version) {
        row->parent_layout = state.root_layout; /* the tail begins on it */
    }
    *out = state;
done:
    return st;
}

/* ---- layout ---- */

arm_status arm__row_put_layout(const struct arm_layout_row *layout, struct arm_buf *out,
                               struct arm_error *err)
{
    const uint64_t numbers[] = {layout->base, layout->data_bytes};
    arm_status st = ARM_OK;

    ARM_TRY(put_varints(out, numbers, sizeof numbers / sizeof *numbers, err));
    ARM_TRY(arm__buf_append(out, layout->root.bytes, ARM_HASH_BYTES, err));
done:
    return st;
}

arm_status arm__row_take_layout(struct arm_bytes row, uint64_t tx, struct arm_layout_row *out,
                                struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index layout row");
    struct arm_layout_row layout = {.tx = tx};
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(&r, &layout.base, err));
    ARM_TRY(arm__take_varint(&r, &layout.data_bytes, err));
    ARM_TRY(take_bytes(&r, layout.root.bytes, ARM_HASH_BYTES, err));
    ARM_TRY(arm__take_end(&r, err));
    *out = layout;
done:
    return st;
}

/* ---- chunk ---- */

arm_status arm__row_put_chunk(const struct arm_chunk_row *chunk, struct arm_bytes statistics,
                              struct arm_buf *out, struct arm_error *err)
{
    const uint64_t numbers[] = {chunk->tx, chunk->rows, chunk->bytes};
    arm_status st = ARM_OK;

    ARM_TRY(put_varints(out, numbers, sizeof numbers / sizeof *numbers, err));
    ARM_TRY(arm__buf_append(out, chunk->rows_hash.bytes, ARM_HASH_BYTES, err));
    ARM_TRY(arm__buf_append(out, statistics.data, statistics.size, err));
done:
    return st;
}

arm_status arm__row_take_chunk(struct arm_bytes row, struct arm_chunk_row *out,
                               struct arm_bytes *out_statistics, struct arm_error *err)
{
    struct arm_reader r = arm__reader(row, "index chunk row");
    struct arm_chunk_row chunk;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(&r, &chunk.tx, err));
    ARM_TRY(take_u32(&r, &chunk.rows, err));
    ARM_TRY(arm__take_varint(&r, &chunk.bytes, err));
    ARM_TRY(take_bytes(&r, chunk.rows_hash.bytes, ARM_HASH_BYTES, err));
    *out = chunk;
    *out_statistics = r.rest;
done:
    return st;
}
