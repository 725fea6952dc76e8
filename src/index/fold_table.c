/* SPDX-License-Identifier: Apache-2.0 */
/* Folding the change of one table.
 *
 * A commit may free a name and take it again (drop and create, renames in a ring), in any order:
 * first every name that is freed gets its row (arm__fold_names), then each change takes its name
 * (arm__fold_table). Numbers, parents and totals are those the commit path gives; here they are
 * checked:
 *
 *   version     1 + the last number of the name (of a rename, of both names), or of the table
 *               itself, if it has another name on another branch and got more there
 *   parent      the table's version on the branch before this commit, in its newest layout or the
 *               one that the change names; none with CREATE
 *   rows        the parent's + added - removed; added is the sum of the entries, but for rows
 *               that this very change deletes again
 *   row ids     those of new rows are below the next row id, which never goes back
 *   root        there when the tail or the change is too long, and what materialising gives
 *
 * What is adopted keeps its version, which is another branch's and its totals; what the branch had
 * of the table is given up. Changed further, it is the parent of the version that is made. */

#include <assert.h>
#include <string.h>

#include "index/index_private.h"
#include "model/vector.h"

enum { CHANGE_BYTES_MAX = 256 << 20 };

/* One change while it is folded. */
struct table_fold {
    const struct arm_fold *fold;
    const Armpb__TableChange *change;
    struct arm_table_id table_id;
    struct arm_table_name name;      /* from here on */
    struct arm_table_name old_name;  /* of a rename */
    struct arm_version_state parent; /* zeroed with CREATE */
    struct arm_table_row had;        /* ADOPT: what the branch had of it; version 0: nothing */
    struct arm_version_state version;
};

static arm_status wrong(const struct table_fold *t, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "table \"%s\".\"%s\": %s", t->name.schema_name, t->name.name,
                     what);
}

static arm_status take_table_id(const Armpb__TableChange *change, struct arm_table_id *out,
                                struct arm_error *err)
{
    if (change->table_id.len != ARM_TABLE_ID_BYTES) {
        return arm__fail(err, ARM_CORRUPT, "a table id of %zu bytes", change->table_id.len);
    }
    memcpy(out->bytes, change->table_id.data, ARM_TABLE_ID_BYTES);
    return ARM_OK;
}

/* ---- Names ---- */

static arm_status put_table(const struct arm_fold *fold, const struct arm_table_name *name,
                            const struct arm_table_row *row, struct arm_error *err)
{
    struct arm_key key =
        arm__key_table(fold->branch_id, name->schema_name, name->name, fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    arm_status st = ARM_OK;

    ARM_TRY(arm__row_put_table(row, bytes, err));
    ARM_TRY(arm__kv_put(fold->txn, ARM_DB_TABLE, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

static arm_status put_name(const struct arm_fold *fold, const struct arm_table_id *table_id,
                           const struct arm_table_name *name, struct arm_error *err)
{
    struct arm_key key = arm__key_name(table_id, fold->branch_id, fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    arm_status st = ARM_OK;

    ARM_TRY(arm__row_put_name(name, bytes, err));
    ARM_TRY(arm__kv_put(fold->txn, ARM_DB_NAME, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

/* The name that a change frees; `*out_freed` false: none. */
static arm_status freed_name(const struct arm_fold *fold, const Armpb__TableChange *change,
                             const struct arm_table_id *id, struct arm_table_name *out,
                             bool *out_freed, struct arm_error *err)
{
    bool is_adopted = change->kind == ARMPB__CHANGE_KIND__ADOPT;
    bool is_drop = change->kind == ARMPB__CHANGE_KIND__DROP;
    bool found;
    arm_status st = ARM_OK;

    *out_freed = false;
    if (!is_drop && !is_adopted && change->kind != ARMPB__CHANGE_KIND__RENAME) {
        return ARM_OK;
    }
    ARM_TRY(arm__index_table_name(fold->txn, fold->branch_id, fold->at->tx - 1, id, out, NULL,
                                  &found, err));
    if (!found && !is_adopted) {
        st = arm__fail(err, ARM_CORRUPT, "a table is %s that is not there",
                       is_drop ? "dropped" : "renamed");
        goto done;
    }
    *out_freed = found;
done:
    return st;
}

arm_status arm__fold_names(const struct arm_fold *fold, const Armpb__Commit *commit,
                           struct arm_error *err)
{
    static const struct arm_table_name dropped;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < commit->n_changes; i++) {
        const Armpb__TableChange *change = commit->changes[i];
        struct arm_table_name name;
        struct arm_table_id id;
        bool freed;

        ARM_TRY(take_table_id(change, &id, err));
        ARM_TRY(freed_name(fold, change, &id, &name, &freed, err));
        if (freed) {
            ARM_TRY(put_table(fold, &name, NULL, err));
        }
        if (change->kind == ARMPB__CHANGE_KIND__DROP) {
            ARM_TRY(put_name(fold, &id, &dropped, err));
        }
    }
done:
    return st;
}

static arm_status set_new_name(struct table_fold *t, struct arm_error *err)
{
    const Armpb__TableChange *change = t->change;
    const struct arm_fold *fold = t->fold;
    struct arm_table_row taken;
    bool found;
    arm_status st = ARM_OK;

    if (change->schema_name == NULL || change->name == NULL) {
        return wrong(t, "it gets no name", err);
    }
    ARM_TRY(arm__object_name_check(change->object, change->schema_name, change->name, err));
    memcpy(t->name.schema_name, change->schema_name, strlen(change->schema_name) + 1);
    memcpy(t->name.name, change->name, strlen(change->name) + 1);
    ARM_TRY(arm__index_table(fold->txn, fold->branch_id, fold->at->tx, change->schema_name,
                             change->name, &taken, &found, err));
    if (found) {
        st = wrong(t, "the name is taken", err);
    }
done:
    return st == ARM_INVALID_NAME ? wrong(t, "its new name is not valid", err) : st;
}

/* The table's name and version on the branch before this commit. */
static arm_status find_parent(struct table_fold *t, struct arm_table_row *row,
                              struct arm_error *err)
{
    const struct arm_fold *fold = t->fold;
    uint64_t dropped_tx;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table_by_id(fold->txn, fold->branch_id, fold->at->tx - 1, &t->table_id, row,
                                   &dropped_tx, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT, "a table is changed that is not there");
        goto done;
    }
    memcpy(t->name.schema_name, row->schema_name, sizeof t->name.schema_name);
    memcpy(t->name.name, row->name, sizeof t->name.name);
    ARM_TRY(
        arm__index_version_state(fold->txn, &t->table_id, row->version, &t->parent, &found, err));
    if (!found) {
        st = wrong(t, "its version is missing", err);
        goto done;
    }
    ARM_TRY(arm__index_lay_state(
        fold->txn, &t->parent,
        t->change->has_base_layout ? t->change->base_layout : ARM_LAYOUT_NEWEST, err));
done:
    return st;
}

/* The version that is adopted, and the table as its own branch has it. */
static arm_status find_adopted(struct table_fold *t, struct arm_table_row *row,
                               struct arm_error *err)
{
    const struct arm_fold *fold = t->fold;
    const Armpb__TableChange *change = t->change;
    struct arm_record_row maker;
    uint64_t dropped_tx;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_version_state(fold->txn, &t->table_id, change->parent_version, &t->parent,
                                     &found, err));
    if (found) {
        ARM_TRY(arm__index_record(fold->txn, t->parent.row.tx, &maker, &found, err));
    }
    if (found) {
        ARM_TRY(arm__index_table_by_id(fold->txn, maker.branch_id, maker.tx, &t->table_id, row,
                                       &dropped_tx, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT, "a version is adopted that is not there");
        goto done;
    }
    ARM_TRY(arm__index_lay_state(fold->txn, &t->parent,
                                 change->has_base_layout ? change->base_layout : ARM_LAYOUT_NEWEST,
                                 err));
    ARM_TRY(arm__index_table_by_id(fold->txn, fold->branch_id, fold->at->tx - 1, &t->table_id,
                                   &t->had, &dropped_tx, &found, err));
done:
    return st;
}

static arm_status resolve(struct table_fold *t, Armpb__ObjectKind *out_object,
                          struct arm_error *err)
{
    bool is_new = t->change->kind == ARMPB__CHANGE_KIND__CREATE;
    bool is_adopted = t->change->kind == ARMPB__CHANGE_KIND__ADOPT;
    struct arm_table_row row = {.object = t->change->object};
    arm_status st = ARM_OK;

    ARM_TRY(take_table_id(t->change, &t->table_id, err));
    if (!is_new) {
        ARM_TRY(is_adopted ? find_adopted(t, &row, err) : find_parent(t, &row, err));
    }
    if (row.object != t->change->object) {
        st = wrong(t, "it becomes another kind of object", err);
        goto done;
    }
    t->old_name = t->name;
    if (is_new || is_adopted || t->change->kind == ARMPB__CHANGE_KIND__RENAME) {
        ARM_TRY(set_new_name(t, err));
        ARM_TRY(put_name(t->fold, &t->table_id, &t->name, err));
    }
    *out_object = row.object;
done:
    return st;
}

/* ---- Checks ---- */

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* `newest` is the table's own last number: a table that has two names on two branches takes its
 * numbers from both, and no number is of two of its versions. */
static arm_status check_number(const struct table_fold *t, uint64_t newest, struct arm_error *err)
{
    const Armpb__TableChange *change = t->change;
    uint64_t last;
    uint64_t old_last = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_last_number(t->fold->txn, t->name.schema_name, t->name.name, &last, err));
    if (change->kind == ARMPB__CHANGE_KIND__RENAME) {
        ARM_TRY(arm__index_last_number(t->fold->txn, t->old_name.schema_name, t->old_name.name,
                                       &old_last, err));
    }
    last = max_u64(max_u64(last, old_last), newest);
    if (!change->has_version || change->version != last + 1) {
        st = wrong(t, "its version is not the next number of its name", err);
        goto done;
    }
    if ((change->has_parent_version ? change->parent_version : 0) != t->parent.row.version) {
        st = wrong(t, "its parent is not the branch's version", err);
    }
done:
    return st;
}

static int compare_positions(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return arm__bytes_compare(arm__bytes(a.data, a.len), arm__bytes(b.data, b.len));
}

/* Rows of the entries added that this very change deletes: nobody ever sees them. Both lists are
 * in order of position. */
static arm_status count_stillborn(const struct table_fold *t, uint64_t *out, struct arm_error *err)
{
    const Armpb__TableChange *change = t->change;
    size_t at = 0;
    arm_status st = ARM_OK;

    *out = 0;
    for (size_t i = 0; i < change->n_deleted; i++) {
        const Armpb__DeletionEdit *edit = change->deleted[i];
        roaring_bitmap_t *rows = NULL;

        while (at < change->n_added &&
               compare_positions(change->added[at]->position, edit->position) < 0) {
            at++;
        }
        if (at == change->n_added ||
            compare_positions(change->added[at]->position, edit->position) != 0) {
            continue;
        }
        ARM_TRY(arm__vector_decode(arm__bytes(edit->bits.data, edit->bits.len),
                                   change->added[at]->rows, &rows, err));
        *out += roaring_bitmap_get_cardinality(rows);
        arm__vector_free(rows);
    }
done:
    return st;
}

/* Sums that a hostile record would overflow are wrong before they wrap. */
static arm_status check_added(const struct table_fold *t, struct arm_error *err)
{
    const Armpb__TableChange *change = t->change;
    uint64_t added = 0;
    uint64_t stillborn;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->n_added; i++) {
        const Armpb__Entry *entry = change->added[i];
        uint64_t end;

        if (__builtin_add_overflow(entry->first_row_id, entry->rows, &end) ||
            (!entry->explicit_row_ids && end > change->next_row_id) ||
            __builtin_add_overflow(added, entry->rows, &added)) {
            st = wrong(t, "an entry has row ids that were not given", err);
            goto done;
        }
    }
    ARM_TRY(count_stillborn(t, &stillborn, err));
    if (added - stillborn != change->rows_added) {
        st = wrong(t, "its entries have not the rows it says", err);
    }
done:
    return st;
}

static arm_status check_totals(const struct table_fold *t, uint64_t next_row_id,
                               struct arm_error *err)
{
    const Armpb__TableChange *change = t->change;
    bool is_truncated = change->has_truncated && change->truncated;
    uint64_t rows;
    arm_status st = check_added(t, err);

    if (st != ARM_OK) {
        return st;
    }
    if (is_truncated && change->rows_removed != t->parent.row.row_count) {
        return wrong(t, "truncated, it removes not all rows", err);
    }
    if (__builtin_add_overflow(t->parent.row.row_count, change->rows_added, &rows) ||
        __builtin_sub_overflow(rows, change->rows_removed, &rows) || rows != change->row_count) {
        return wrong(t, "its row count does not follow", err);
    }
    if (change->next_row_id < next_row_id) {
        return wrong(t, "its next row id goes back", err);
    }
    return ARM_OK;
}

/* What is adopted as it is says of itself what its version says. */
static arm_status check_adopted(const struct table_fold *t, struct arm_error *err)
{
    const Armpb__TableChange *change = t->change;
    const struct arm_version_row *row = &t->parent.row;
    struct arm_version_state had = {.row = {.row_count = 0}};
    struct arm_table_id id;
    bool found = true;
    uint64_t rows;
    arm_status st = ARM_OK;

    if (change->schema_id != row->schema_id || change->row_count != row->row_count ||
        change->data_bytes != row->data_bytes || change->next_row_id != row->next_row_id ||
        change->bytes_added != 0) {
        return wrong(t, "adopted, it is not its version", err);
    }
    if (t->had.version != 0) {
        ARM_TRY(arm__index_version_state(t->fold->txn, &t->table_id, t->had.version, &had, &found,
                                         err));
    }
    if (!found || __builtin_add_overflow(had.row.row_count, change->rows_added, &rows) ||
        __builtin_sub_overflow(rows, change->rows_removed, &rows) || rows != row->row_count) {
        st = wrong(t, "adopted, its row count does not follow", err);
        goto done;
    }
    ARM_TRY(arm__index_number(t->fold->txn, t->name.schema_name, t->name.name, row->version, &id,
                              &found, err));
    if (!found || !arm__table_id_equal(&id, &t->table_id)) {
        st = wrong(t, "adopted, its version has another name", err);
    }
done:
    return st;
}

/* ---- What is put ---- */

static arm_status put_schema(const struct table_fold *t, struct arm_error *err)
{
    struct arm_key key = arm__key_schema(&t->table_id, t->change->schema_id);
    struct arm_buf *bytes = arm__kv_scratch(t->fold->txn);
    struct arm_bytes old;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__kv_get_content(t->fold->txn, ARM_DB_SCHEMA, arm__key_bytes(&key), &old, &found, err));
    if (t->change->schema == NULL) {
        if (!found) {
            st = wrong(t, "its schema was never given", err);
        }
        goto done;
    }
    if (t->change->schema->schema_id != t->change->schema_id) {
        st = wrong(t, "its schema has another id", err);
        goto done;
    }
    ARM_TRY(arm__schema_encode(t->change->schema, bytes, err));
    if (found && arm__bytes_compare(old, arm__buf_bytes(bytes)) != 0) {
        st = wrong(t, "its schema's id is taken", err);
        goto done;
    }
    if (!found) {
        ARM_TRY(arm__kv_put_content(t->fold->txn, ARM_DB_SCHEMA, arm__key_bytes(&key),
                                    t->fold->at->tx, arm__buf_bytes(bytes), err));
    }
done:
    return st;
}

/* The later of two positions. */
static void keep_last(struct arm_position *last, ProtobufCBinaryData position)
{
    struct arm_bytes bytes = arm__bytes(position.data, position.len);

    if (position.len <= ARM_POSITION_BYTES_MAX &&
        arm__bytes_compare(bytes, arm__position_bytes(last)) > 0) {
        last->size = (uint8_t)position.len;
        memcpy(last->bytes, position.data, position.len);
    }
}

/* The version as it follows from parent and change, but for its root. */
static void derive_version(struct table_fold *t)
{
    const Armpb__TableChange *change = t->change;
    const struct arm_version_row *parent = &t->parent.row;
    struct arm_version_row *row = &t->version.row;

    *row = (struct arm_version_row){.table_id = t->table_id,
                                    .version = change->version,
                                    .parent_version = parent->version,
                                    .tx = t->fold->at->tx,
                                    .schema_id = change->schema_id,
                                    .row_count = change->row_count,
                                    .data_bytes = change->data_bytes,
                                    .next_row_id = change->next_row_id,
                                    .rows_added = change->rows_added,
                                    .rows_removed = change->rows_removed,
                                    .bytes_added = change->bytes_added,
                                    .is_materialised = change->has_root,
                                    .last_position = parent->last_position};
    for (size_t i = 0; i < change->n_added; i++) {
        keep_last(&row->last_position, change->added[i]->position);
    }
    arm__tail_extend(change, &t->parent, &t->version);
}

/* The root that the record claims is the one that materialising gives. */
static arm_status check_root(struct table_fold *t, struct arm_error *err)
{
    struct arm_hash root;
    arm_status st = ARM_OK;

    if (t->change->root.len != ARM_HASH_BYTES) {
        return wrong(t, "its root has not its size", err);
    }
    ARM_TRY(arm__index_materialise(t->fold->txn, t->fold->at->tx, t->change, &root, err));
    if (memcmp(root.bytes, t->change->root.data, ARM_HASH_BYTES) != 0) {
        st = wrong(t, "its root is not what its entries give", err);
        goto done;
    }
    t->version.row.root = root;
done:
    return st;
}

static arm_status put_version(struct table_fold *t, struct arm_error *err)
{
    struct arm_index_txn *txn = t->fold->txn;
    struct arm_key key = arm__key_version(&t->table_id, t->change->version);
    struct arm_slim_change slim = {.entries = NULL};
    struct arm_buf change = ARM_BUF_INIT(CHANGE_BYTES_MAX);
    struct arm_buf *bytes = arm__kv_scratch(txn);
    size_t size;
    arm_status st = ARM_OK;

    if (!t->change->has_root) {
        ARM_TRY(arm__slim_init(t->change, &slim, err));
        size = arm__slim_size(&slim);
        if (size > ARM_CHANGE_INLINE_MAX || t->version.row.tail_count > ARM_TAIL_MAX) {
            st = wrong(t, "its root should have been given", err);
            goto done;
        }
        ARM_TRY(arm__buf_reserve(&change, size, err));
        change.size = armpb__table_change__pack(&slim.change, change.data);
        t->version.change = arm__buf_bytes(&change);
    }
    arm__buf_clear(bytes);
    ARM_TRY(arm__row_put_version(&t->version, bytes, err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_VERSION, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    arm__buf_release(&change);
    arm__slim_release(&slim);
    return st;
}

static arm_status put_named(const struct table_fold *t, Armpb__ObjectKind object, uint64_t version,
                            struct arm_error *err)
{
    struct arm_table_row row = {.table_id = t->table_id, .version = version, .object = object};

    memcpy(row.schema_name, t->name.schema_name, sizeof row.schema_name);
    memcpy(row.name, t->name.name, sizeof row.name);
    return put_table(t->fold, &t->name, &row, err);
}

static arm_status put_names(const struct table_fold *t, Armpb__ObjectKind object,
                            struct arm_error *err)
{
    struct arm_key number = arm__key_number(t->name.schema_name, t->name.name, t->change->version);
    arm_status st = ARM_OK;

    ARM_TRY(put_named(t, object, t->change->version, err));
    ARM_TRY(arm__kv_put_content(t->fold->txn, ARM_DB_NUMBER, arm__key_bytes(&number),
                                t->fold->at->tx, arm__bytes(t->table_id.bytes, ARM_TABLE_ID_BYTES),
                                err));
done:
    return st;
}

arm_status arm__fold_table(const struct arm_fold *fold, const Armpb__TableChange *change,
                           struct arm_error *err)
{
    struct table_fold t = {.fold = fold, .change = change};
    struct arm_version_row newest = {.version = 0};
    Armpb__ObjectKind object = change->object;
    bool found;
    arm_status st = ARM_OK;

    if (change->kind == ARMPB__CHANGE_KIND__DROP) {
        return ARM_OK; /* arm__fold_names has seen to it */
    }
    ARM_TRY(resolve(&t, &object, err));
    if (!change->has_version) { /* adopted as it is */
        ARM_TRY(check_adopted(&t, err));
        ARM_TRY(put_named(&t, object, change->parent_version, err));
        goto done;
    }
    ARM_TRY(arm__index_last_version(fold->txn, &t.table_id, &newest, &found, err));
    ARM_TRY(check_number(&t, newest.version, err));
    ARM_TRY(check_totals(&t, newest.next_row_id, err));
    ARM_TRY(put_schema(&t, err));
    ARM_TRY(arm__fold_chunks(fold, change->added, change->n_added, err));
    ARM_TRY(arm__fold_uses(fold, change, err));
    derive_version(&t);
    if (change->has_root) {
        ARM_TRY(check_root(&t, err));
    }
    ARM_TRY(put_version(&t, err));
    ARM_TRY(put_names(&t, object, err));
done:
    return st;
}
