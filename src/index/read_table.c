/* SPDX-License-Identifier: Apache-2.0 */
/* Typed reads of tables, version numbers, versions, schemas and chunks. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_private.h"
#include "model/message.h"

/* ---- Tables by name ---- */

/* The row of one name among a branch's own, as of a tx. `*out_tx` is the one that put it (0:
 * there is none), `*out_dropped` says whether the name is free from there on. */
static arm_status own_table(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                            const char *schema_name, const char *name, struct arm_table_row *out,
                            uint64_t *out_tx, bool *out_dropped, struct arm_error *err)
{
    struct arm_key key = arm__key_table(branch_id, schema_name, name, at_tx);
    struct arm_kv_item item;
    bool found;
    arm_status st = ARM_OK;

    *out_tx = 0;
    ARM_TRY(
        arm__kv_floor(txn, ARM_DB_TABLE, arm__key_bytes(&key), key.size - 8, &item, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, out_tx, err));
        ARM_TRY(arm__row_take_table(item.value, *out_tx, out, out_dropped, err));
    }
done:
    return st;
}

arm_status arm__index_table_last(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                 const char *schema_name, const char *name,
                                 struct arm_table_row *out, uint64_t *out_tx, bool *out_dropped,
                                 struct arm_error *err)
{
    struct arm_table_row row;
    bool is_dropped = true;
    bool more = true;
    arm_status st = ARM_OK;

    *out_tx = 0;
    while (more && *out_tx == 0) {
        ARM_TRY(
            own_table(txn, branch_id, at_tx, schema_name, name, &row, out_tx, &is_dropped, err));
        if (*out_tx == 0) {
            ARM_TRY(arm__index_step_up(txn, &branch_id, &at_tx, &more, err));
        }
    }
    *out_dropped = is_dropped;
    if (!is_dropped) {
        *out = row;
    }
done:
    return st;
}

arm_status arm__index_table(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                            const char *schema_name, const char *name, struct arm_table_row *out,
                            bool *out_found, struct arm_error *err)
{
    uint64_t tx;
    bool is_dropped;
    arm_status st =
        arm__index_table_last(txn, branch_id, at_tx, schema_name, name, out, &tx, &is_dropped, err);

    if (st == ARM_OK) {
        *out_found = !is_dropped;
    }
    return st;
}

arm_status arm__index_table_name(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                 const struct arm_table_id *table_id, struct arm_table_name *out,
                                 uint64_t *out_dropped_tx, bool *out_found, struct arm_error *err)
{
    struct arm_table_name name;
    uint64_t tx = 0;
    bool found = false;
    bool more = true;
    arm_status st = ARM_OK;

    while (more && !found) {
        struct arm_key key = arm__key_name(table_id, branch_id, at_tx);
        struct arm_kv_item item;

        ARM_TRY(arm__kv_floor(txn, ARM_DB_NAME, arm__key_bytes(&key), key.size - 8, &item, &found,
                              err));
        if (found) {
            ARM_TRY(arm__row_take_name(item.value, &name, err));
            ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        } else {
            ARM_TRY(arm__index_step_up(txn, &branch_id, &at_tx, &more, err));
        }
    }
    *out_found = found && name.name[0] != '\0';
    if (*out_found) {
        *out = name;
    } else if (out_dropped_tx != NULL) {
        *out_dropped_tx = tx;
    }
done:
    return st;
}

arm_status arm__index_table_by_id(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                  const struct arm_table_id *table_id, struct arm_table_row *out,
                                  uint64_t *out_dropped_tx, bool *out_found, struct arm_error *err)
{
    struct arm_table_name name;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__index_table_name(txn, branch_id, at_tx, table_id, &name, out_dropped_tx, &found, err));
    if (found) {
        ARM_TRY(
            arm__index_table(txn, branch_id, at_tx, name.schema_name, name.name, out, &found, err));
        if (!found || !arm__table_id_equal(&out->table_id, table_id)) {
            st = arm__fail(err, ARM_CORRUPT, "index: table \"%s\".\"%s\" is not under its name",
                           name.schema_name, name.name);
            goto done;
        }
    }
    *out_found = found;
done:
    return st;
}

/* ---- All tables of a branch ---- */

/* One branch of the lineage, and the next of its names. The name's bytes are as in the key:
 * folded schema, 0, folded name, 0. */
struct table_level {
    uint64_t branch_id;
    uint64_t at_tx;
    struct arm_key next; /* whole key; size 0: at the end */
};

static struct arm_bytes level_name(const struct table_level *level)
{
    return arm__bytes(level->next.bytes + 8, level->next.size - 16);
}

/* Move to the first name at or after `from`. */
static arm_status level_seek(struct arm_index_txn *txn, struct table_level *level,
                             const struct arm_key *from, struct arm_error *err)
{
    struct arm_kv_item item;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_ceiling(txn, ARM_DB_TABLE, arm__key_bytes(from), &item, &found, err));
    if (found && item.key.size < 8) {
        st = arm__fail(err, ARM_CORRUPT, "index: a table key of %zu bytes", item.key.size);
        goto done;
    }
    if (!found || arm__get_be64(item.key.data) != level->branch_id) {
        level->next.size = 0;
        goto done;
    }
    if (item.key.size < 18) {
        st = arm__fail(err, ARM_CORRUPT, "index: a table key of %zu bytes", item.key.size);
        goto done;
    }
    memcpy(level->next.bytes, item.key.data, item.key.size);
    level->next.size = item.key.size;
done:
    return st;
}

static arm_status levels_open(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                              struct table_level **out, size_t *out_count, struct arm_error *err)
{
    struct table_level *levels = NULL;
    size_t count = 0;
    bool more = true;
    arm_status st = ARM_OK;

    while (more) {
        struct arm_key from = arm__key_pair(branch_id, 0);

        from.size = 8;
        ARM_TRY(arm__realloc(&levels, count + 1, sizeof *levels, err));
        levels[count] = (struct table_level){.branch_id = branch_id, .at_tx = at_tx};
        ARM_TRY(level_seek(txn, &levels[count], &from, err));
        count++;
        ARM_TRY(arm__index_step_up(txn, &branch_id, &at_tx, &more, err));
    }
    *out = levels;
    *out_count = count;
    levels = NULL;
done:
    arm__free(levels);
    return st;
}

/* The smallest next name of all levels; data NULL: none is left. */
static struct arm_bytes smallest_name(const struct table_level *levels, size_t count)
{
    struct arm_bytes least = {NULL, 0};

    for (size_t i = 0; i < count; i++) {
        if (levels[i].next.size != 0 &&
            (least.data == NULL || arm__bytes_compare(level_name(&levels[i]), least) < 0)) {
            least = level_name(&levels[i]);
        }
    }
    return least;
}

/* The row of the level's next name as of its tx; then past that name. */
static arm_status level_take(struct arm_index_txn *txn, struct table_level *level,
                             struct arm_table_row *out, bool *out_found, bool *out_dropped,
                             struct arm_error *err)
{
    struct arm_key key = level->next;
    struct arm_kv_item item;
    uint64_t tx;
    arm_status st = ARM_OK;

    arm__set_be64(key.bytes + key.size - 8, level->at_tx);
    ARM_TRY(arm__kv_floor(txn, ARM_DB_TABLE, arm__key_bytes(&key), key.size - 8, &item, out_found,
                          err));
    if (*out_found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        ARM_TRY(arm__row_take_table(item.value, tx, out, out_dropped, err));
    }
    arm__set_be64(key.bytes + key.size - 8, UINT64_MAX);
    ARM_TRY(level_seek(txn, level, &key, err));
done:
    return st;
}

arm_status arm__index_tables(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                             arm_visit_table *visit, void *context, struct arm_error *err)
{
    struct table_level *levels = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(levels_open(txn, branch_id, at_tx, &levels, &count, err));
    for (;;) {
        struct arm_bytes least = smallest_name(levels, count);
        uint8_t name[ARM_KEY_BYTES_MAX];
        struct arm_table_row row;
        bool is_found = false;
        bool is_dropped = true;

        if (least.data == NULL) {
            break;
        }
        memcpy(name, least.data, least.size); /* the levels move on */
        least.data = name;
        for (size_t i = 0; i < count; i++) { /* the nearest branch that knows the name wins */
            struct arm_table_row other;
            bool found = false;
            bool dropped = true;

            if (levels[i].next.size == 0 ||
                arm__bytes_compare(level_name(&levels[i]), least) != 0) {
                continue;
            }
            ARM_TRY(level_take(txn, &levels[i], &other, &found, &dropped, err));
            if (found && !is_found) {
                row = other;
                is_found = true;
                is_dropped = dropped;
            }
        }
        if (is_found && !is_dropped) {
            ARM_TRY(visit(context, &row, err));
        }
    }
done:
    arm__free(levels);
    return st;
}

/* ---- Version numbers ---- */

arm_status arm__index_last_number(struct arm_index_txn *txn, const char *schema_name,
                                  const char *name, uint64_t *out, struct arm_error *err)
{
    struct arm_key key = arm__key_number(schema_name, name, UINT64_MAX);
    struct arm_kv_item item;
    uint64_t number = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__kv_floor(txn, ARM_DB_NUMBER, arm__key_bytes(&key), key.size - 8, &item, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &number, err));
    }
    *out = number;
done:
    return st;
}

arm_status arm__index_number(struct arm_index_txn *txn, const char *schema_name, const char *name,
                             uint64_t version, struct arm_table_id *out, bool *out_found,
                             struct arm_error *err)
{
    struct arm_key key = arm__key_number(schema_name, name, version);
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get_content(txn, ARM_DB_NUMBER, arm__key_bytes(&key), &row, &found, err));
    if (found && row.size != ARM_TABLE_ID_BYTES) {
        st = arm__fail(err, ARM_CORRUPT, "index: a table id of %zu bytes", row.size);
        goto done;
    }
    if (found) {
        memcpy(out->bytes, row.data, ARM_TABLE_ID_BYTES);
    }
    *out_found = found;
done:
    return st;
}

/* ---- Versions ---- */

arm_status arm__index_version_state(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                    uint64_t version, struct arm_version_state *out,
                                    bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_version(table_id, version);
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, ARM_DB_VERSION, arm__key_bytes(&key), &row, &found, err));
    if (found) {
        ARM_TRY(arm__row_take_version(row, table_id, version, out, err));
    }
    *out_found = found;
done:
    return st;
}

/* The root of a version that is not materialised stands with the one that was. */
static arm_status find_root(struct arm_index_txn *txn, struct arm_version_state *state,
                            struct arm_error *err)
{
    struct arm_version_state base;
    bool found;
    arm_status st = ARM_OK;

    if (state->row.is_materialised || state->root_version == 0) {
        return ARM_OK;
    }
    if (state->root_layout != 0) {
        struct arm_version_row begun = {.table_id = state->row.table_id,
                                        .version = state->root_version};

        ARM_TRY(arm__index_lay(txn, &begun, state->root_layout, err));
        state->row.root = begun.root;
        goto done;
    }
    ARM_TRY(arm__index_version_state(txn, &state->row.table_id, state->root_version, &base, &found,
                                     err));
    if (!found || !base.row.is_materialised) {
        st = arm__fail(err, ARM_CORRUPT, "index: version %llu should be materialised",
                       (unsigned long long)state->root_version);
        goto done;
    }
    state->row.root = base.row.root;
done:
    return st;
}

arm_status arm__index_version(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                              uint64_t version, struct arm_version_row *out,
                              Armpb__TableChange **out_change, bool *out_found,
                              struct arm_error *err)
{
    struct arm_version_state state;
    Armpb__TableChange *change = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_version_state(txn, table_id, version, &state, &found, err));
    if (found) {
        if (out_change != NULL && !state.row.is_materialised) {
            ARM_TRY(arm__slim_restore(&state, &change, err));
        }
        ARM_TRY(find_root(txn, &state, err));
        *out = state.row;
        if (out_change != NULL) {
            *out_change = change;
            change = NULL;
        }
    }
    *out_found = found;
done:
    arm__index_change_free(change);
    return st;
}

/* ---- Schemas ---- */

arm_status arm__index_schema(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                             uint32_t schema_id, Armpb__Schema **out, struct arm_error *err)
{
    struct arm_key key = arm__key_schema(table_id, schema_id);
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get_content(txn, ARM_DB_SCHEMA, arm__key_bytes(&key), &row, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "index: the table has no schema %u", schema_id);
        goto done;
    }
    ARM_TRY(arm__schema_decode(row, out, err));
done:
    return st;
}

arm_status arm__index_schemas(struct arm_index_txn *txn, arm_visit_schema *visit, void *context,
                              struct arm_error *err)
{
    struct arm_kv_cursor *cursor = NULL;
    Armpb__Schema *schema = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_cursor_open(txn, ARM_DB_SCHEMA, &cursor, err));
    for (;;) {
        struct arm_reader r = {.what = "index content row"};
        struct arm_kv_item item;
        uint64_t tx;

        ARM_TRY(arm__kv_cursor_next(cursor, &item, err));
        if (item.key.data == NULL) {
            break;
        }
        r.rest = item.value;
        ARM_TRY(arm__take_varint(&r, &tx, err));
        ARM_TRY(arm__schema_decode(r.rest, &schema, err));
        ARM_TRY(visit(context, schema, err));
        arm__schema_free(schema);
        schema = NULL;
    }
done:
    arm__schema_free(schema);
    arm__kv_cursor_close(cursor);
    return st;
}

arm_status arm__index_last_schema(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                  uint32_t *out_schema_id, struct arm_error *err)
{
    struct arm_key key = arm__key_schema(table_id, UINT32_MAX);
    struct arm_kv_item item;
    uint64_t schema_id = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_SCHEMA, arm__key_bytes(&key), ARM_TABLE_ID_BYTES, &item,
                          &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &schema_id, err));
    }
    *out_schema_id = (uint32_t)schema_id;
done:
    return st;
}

arm_status arm__index_last_version(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                   struct arm_version_row *out, bool *out_found,
                                   struct arm_error *err)
{
    struct arm_key key = arm__key_version(table_id, UINT64_MAX);
    struct arm_version_state state;
    struct arm_kv_item item;
    uint64_t version;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_VERSION, arm__key_bytes(&key), ARM_TABLE_ID_BYTES, &item,
                          &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &version, err));
        ARM_TRY(arm__row_take_version(item.value, table_id, version, &state, err));
        *out = state.row;
    }
    *out_found = found;
done:
    return st;
}

/* ---- Chunks ---- */

arm_status arm__index_chunk(struct arm_index_txn *txn, const struct arm_hash *chunk,
                            struct arm_chunk_row *out, Armpb__Entry **out_statistics,
                            bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_hash(chunk);
    struct arm_bytes row;
    struct arm_bytes packed;
    struct arm_chunk_row found_row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, ARM_DB_CHUNK, arm__key_bytes(&key), &row, &found, err));
    if (!found) {
        *out_found = false;
        goto done;
    }
    ARM_TRY(arm__row_take_chunk(row, &found_row, &packed, err));
    if (out_statistics != NULL) {
        ProtobufCMessage *entry = NULL;

        ARM_TRY(arm__message_unpack(&armpb__entry__descriptor, packed, &entry, err));
        *out_statistics = (Armpb__Entry *)(void *)entry;
    }
    *out = found_row;
    *out_found = true;
done:
    return st;
}

arm_status arm__index_chunk_by_rows(struct arm_index_txn *txn, const struct arm_hash *rows_hash,
                                    struct arm_hash *out_chunk, bool *out_found,
                                    struct arm_error *err)
{
    struct arm_key key = arm__key_hash(rows_hash);
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get_content(txn, ARM_DB_ROWS, arm__key_bytes(&key), &row, &found, err));
    if (found && row.size != ARM_HASH_BYTES) {
        st = arm__fail(err, ARM_CORRUPT, "index: a chunk's hash of %zu bytes", row.size);
        goto done;
    }
    if (found) {
        memcpy(out_chunk->bytes, row.data, ARM_HASH_BYTES);
    }
    *out_found = found;
done:
    return st;
}

arm_status arm__index_chunks(struct arm_index_txn *txn, arm_visit_chunk_row *visit, void *context,
                             struct arm_error *err)
{
    struct arm_kv_cursor *cursor = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_cursor_open(txn, ARM_DB_CHUNK, &cursor, err));
    for (;;) {
        struct arm_chunk_row row;
        struct arm_bytes packed;
        struct arm_kv_item item;
        struct arm_hash chunk;

        ARM_TRY(arm__kv_cursor_next(cursor, &item, err));
        if (item.key.data == NULL) {
            break;
        }
        if (item.key.size != ARM_HASH_BYTES) {
            st = arm__fail(err, ARM_CORRUPT, "index: a chunk key of %zu bytes", item.key.size);
            goto done;
        }
        memcpy(chunk.bytes, item.key.data, ARM_HASH_BYTES);
        ARM_TRY(arm__row_take_chunk(item.value, &row, &packed, err));
        ARM_TRY(visit(context, &chunk, &row, err));
    }
done:
    arm__kv_cursor_close(cursor);
    return st;
}
