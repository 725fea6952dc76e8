/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and values of the ordered map: one at a time, the nearest, all in order. What comes out is
 * borrowed from LMDB's pages, until the transaction writes again or ends. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "index/kv_private.h"

enum { TX_BYTES_MAX = 10 };

struct arm_kv_cursor {
    MDB_cursor *handle;
    MDB_cursor_op next; /* how to get the next item */
};

static MDB_val to_val(struct arm_bytes bytes)
{
    /* LMDB's struct is not const; it does not write through it. */
    union {
        const void *in;
        void *out;
    } pointer = {bytes.data};

    return (MDB_val){bytes.size, pointer.out};
}

static struct arm_bytes from_val(MDB_val val)
{
    return arm__bytes(val.mv_data, val.mv_size);
}

arm_status arm__kv_get(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                       struct arm_bytes *out, bool *out_found, struct arm_error *err)
{
    MDB_val k = to_val(key);
    MDB_val v = {0, NULL};
    int rc = mdb_get(txn->handle, txn->index->dbs[db], &k, &v);

    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        return arm__kv_fail(rc, arm__db_name(db), err);
    }
    *out_found = rc == MDB_SUCCESS;
    if (*out_found) {
        *out = from_val(v);
    }
    return ARM_OK;
}

arm_status arm__kv_put(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                       struct arm_bytes value, struct arm_error *err)
{
    MDB_val k = to_val(key);
    MDB_val v = to_val(value);
    int rc = mdb_put(txn->handle, txn->index->dbs[db], &k, &v, 0);

    return rc == MDB_SUCCESS ? ARM_OK : arm__kv_fail(rc, arm__db_name(db), err);
}

arm_status arm__kv_append(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                          struct arm_bytes value, struct arm_error *err)
{
    MDB_val k = to_val(key);
    MDB_val v = to_val(value);
    int rc = mdb_put(txn->handle, txn->index->dbs[db], &k, &v, MDB_APPEND);

    if (rc == MDB_KEYEXIST) {
        return arm__fail(err, ARM_CORRUPT, "index: %s: keys are out of order", arm__db_name(db));
    }
    return rc == MDB_SUCCESS ? ARM_OK : arm__kv_fail(rc, arm__db_name(db), err);
}

arm_status arm__kv_get_content(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                               struct arm_bytes *out, bool *out_found, struct arm_error *err)
{
    struct arm_reader r = {.what = "index content row"};
    bool found = false;
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, db, key, &r.rest, &found, err));
    if (found) {
        ARM_TRY(arm__take_varint(&r, &tx, err));
        *out = r.rest;
    }
    *out_found = found;
done:
    return st;
}

arm_status arm__kv_put_content(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                               uint64_t tx, struct arm_bytes content, struct arm_error *err)
{
    struct arm_buf head = ARM_BUF_INIT(TX_BYTES_MAX);
    MDB_val k = to_val(key);
    MDB_val v;
    int rc;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_varint(&head, tx, err));
    v = (MDB_val){head.size + content.size, NULL};
    rc = mdb_put(txn->handle, txn->index->dbs[db], &k, &v, MDB_RESERVE);
    if (rc != MDB_SUCCESS) {
        st = arm__kv_fail(rc, arm__db_name(db), err);
        goto done;
    }
    memcpy(v.mv_data, head.data, head.size);
    if (content.size > 0) {
        memcpy((uint8_t *)v.mv_data + head.size, content.data, content.size);
    }
done:
    arm__buf_release(&head);
    return st;
}

void arm__kv_set_tx(struct arm_index_txn *txn, uint64_t tx)
{
    txn->tx = tx;
}

uint64_t arm__kv_tx(const struct arm_index_txn *txn)
{
    return txn->tx;
}

/* Open a cursor, seek, close: `*inout` is where to, then what was found. */
static int seek(struct arm_index_txn *txn, enum arm_db db, bool downwards, MDB_val *inout_key,
                MDB_val *out_value)
{
    MDB_val wanted = *inout_key;
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn->handle, txn->index->dbs[db], &cursor);

    if (rc != MDB_SUCCESS) {
        return rc;
    }
    rc = mdb_cursor_get(cursor, inout_key, out_value, MDB_SET_RANGE);
    if (downwards && rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, inout_key, out_value, MDB_LAST);
    } else if (downwards && rc == MDB_SUCCESS &&
               arm__bytes_compare(from_val(*inout_key), from_val(wanted)) != 0) {
        rc = mdb_cursor_get(cursor, inout_key, out_value, MDB_PREV);
    }
    mdb_cursor_close(cursor);
    return rc;
}

arm_status arm__kv_floor(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                         size_t prefix_size, struct arm_kv_item *out, bool *out_found,
                         struct arm_error *err)
{
    MDB_val k = to_val(key);
    MDB_val v = {0, NULL};
    int rc = seek(txn, db, true, &k, &v);

    assert(prefix_size <= key.size);
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        return arm__kv_fail(rc, arm__db_name(db), err);
    }
    *out_found = rc == MDB_SUCCESS && k.mv_size >= prefix_size &&
                 memcmp(k.mv_data, key.data, prefix_size) == 0;
    if (*out_found) {
        *out = (struct arm_kv_item){from_val(k), from_val(v)};
    }
    return ARM_OK;
}

arm_status arm__kv_ceiling(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                           struct arm_kv_item *out, bool *out_found, struct arm_error *err)
{
    MDB_val k = to_val(key);
    MDB_val v = {0, NULL};
    int rc = seek(txn, db, false, &k, &v);

    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        return arm__kv_fail(rc, arm__db_name(db), err);
    }
    *out_found = rc == MDB_SUCCESS;
    if (*out_found) {
        *out = (struct arm_kv_item){from_val(k), from_val(v)};
    }
    return ARM_OK;
}

arm_status arm__kv_cursor_open(struct arm_index_txn *txn, enum arm_db db,
                               struct arm_kv_cursor **out, struct arm_error *err)
{
    struct arm_kv_cursor *cursor = NULL;
    int rc;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *cursor, &cursor, err));
    rc = mdb_cursor_open(txn->handle, txn->index->dbs[db], &cursor->handle);
    if (rc != MDB_SUCCESS) {
        st = arm__kv_fail(rc, arm__db_name(db), err);
        goto done;
    }
    cursor->next = MDB_FIRST;
    *out = cursor;
    cursor = NULL;
done:
    arm__free(cursor);
    return st;
}

arm_status arm__kv_cursor_after(struct arm_kv_cursor *cursor, struct arm_bytes key,
                                struct arm_error *err)
{
    MDB_val k = to_val(key);
    MDB_val v = {0, NULL};
    int rc = mdb_cursor_get(cursor->handle, &k, &v, MDB_SET_RANGE);

    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        return arm__kv_fail(rc, "reading on", err);
    }
    cursor->next = MDB_NEXT; /* behind the last there is none */
    if (rc == MDB_SUCCESS && arm__bytes_compare(from_val(k), key) != 0) {
        cursor->next = MDB_GET_CURRENT;
    }
    return ARM_OK;
}

arm_status arm__kv_cursor_next(struct arm_kv_cursor *cursor, struct arm_kv_item *out,
                               struct arm_error *err)
{
    MDB_val k = {0, NULL};
    MDB_val v = {0, NULL};
    int rc = mdb_cursor_get(cursor->handle, &k, &v, cursor->next);

    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        return arm__kv_fail(rc, "reading on", err);
    }
    cursor->next = MDB_NEXT;
    *out = rc == MDB_SUCCESS ? (struct arm_kv_item){from_val(k), from_val(v)}
                             : (struct arm_kv_item){{NULL, 0}, {NULL, 0}};
    return ARM_OK;
}

void arm__kv_cursor_close(struct arm_kv_cursor *cursor)
{
    if (cursor != NULL) {
        mdb_cursor_close(cursor->handle);
        arm__free(cursor);
    }
}
