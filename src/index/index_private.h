/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_INDEX_PRIVATE_H
#define ARM_INDEX_PRIVATE_H

/* What the files of index/ share: the sub-databases and the ordered map over LMDB (kv*.c), the
 * codecs of keys (keys.c) and rows (rows.c), name lookups (read.c) and tails (tail.c). Bytes that
 * come out of the map are borrowed until the transaction writes again or ends. */

#include "index/index.h"
#include "model/name.h"

#define ARM_NAME_BYTES (ARM_NAME_BYTES_MAX + 1)

/* The sub-databases of index.h, in its order. */
enum arm_db {
    ARM_DB_META,
    ARM_DB_TX,
    ARM_DB_ID,
    ARM_DB_HEAD,
    ARM_DB_REF,
    ARM_DB_BRANCH,
    ARM_DB_TABLE,
    ARM_DB_NAME,
    ARM_DB_NUMBER,
    ARM_DB_VERSION,
    ARM_DB_SCHEMA,
    ARM_DB_CHUNK,
    ARM_DB_ROWS,
    ARM_DB_NODE,
    ARM_DB_VECTOR,
    ARM_DB_CHECKPOINT,
    ARM_DB_LAYOUT,
    ARM_DB_SEQUENCE,
    ARM_DB_RETENTION,
    ARM_DB_MERGE,
    ARM_DB_CONSUMER,
    ARM_DB_LOOSE,
    ARM_DB_COUNT
};

/* ---- kv.c, kv_items.c ---- */

const char *arm__db_name(enum arm_db db);

/* `*out_found` false leaves the outputs untouched, here and below. */
arm_status arm__kv_get(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                       struct arm_bytes *out, bool *out_found, struct arm_error *err);
arm_status arm__kv_put(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                       struct arm_bytes value, struct arm_error *err);
/* Put a key that comes after all others of the sub-database: ARM_CORRUPT if it does not. */
arm_status arm__kv_append(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                          struct arm_bytes value, struct arm_error *err);
/* A value that says nothing of its tx stands behind it: varint tx, content. */
arm_status arm__kv_get_content(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                               struct arm_bytes *out, bool *out_found, struct arm_error *err);
arm_status arm__kv_put_content(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                               uint64_t tx, struct arm_bytes content, struct arm_error *err);
/* The tx for which nodes and vectors are put from here on. */
void arm__kv_set_tx(struct arm_index_txn *txn, uint64_t tx);
uint64_t arm__kv_tx(const struct arm_index_txn *txn);

struct arm_kv_item {
    struct arm_bytes key;
    struct arm_bytes value;
};
/* The last key <= `key` that shares its first `prefix_size` bytes. */
arm_status arm__kv_floor(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                         size_t prefix_size, struct arm_kv_item *out, bool *out_found,
                         struct arm_error *err);
/* The first key >= `key`. */
arm_status arm__kv_ceiling(struct arm_index_txn *txn, enum arm_db db, struct arm_bytes key,
                           struct arm_kv_item *out, bool *out_found, struct arm_error *err);

/* Every key in order; `out->key.data` NULL at the end. */
struct arm_kv_cursor;
arm_status arm__kv_cursor_open(struct arm_index_txn *txn, enum arm_db db,
                               struct arm_kv_cursor **out, struct arm_error *err);
/* Go on behind `key`, be it there or not. */
arm_status arm__kv_cursor_after(struct arm_kv_cursor *cursor, struct arm_bytes key,
                                struct arm_error *err);
arm_status arm__kv_cursor_next(struct arm_kv_cursor *cursor, struct arm_kv_item *out,
                               struct arm_error *err);
void arm__kv_cursor_close(struct arm_kv_cursor *cursor); /* NULL is accepted */

/* The writer's buffer for one encoded row, cleared; one user at a time. */
struct arm_buf *arm__kv_scratch(struct arm_index_txn *txn);

/* ---- keys.c ---- */

#define ARM_KEY_BYTES_MAX 511 /* LMDB's */

struct arm_key {
    size_t size;
    uint8_t bytes[ARM_KEY_BYTES_MAX];
};

static inline struct arm_bytes arm__key_bytes(const struct arm_key *key)
{
    return (struct arm_bytes){key->bytes, key->size};
}

struct arm_key arm__key_tx(uint64_t tx);
struct arm_key arm__key_id(const struct arm_id *id);
struct arm_key arm__key_hash(const struct arm_hash *hash);
struct arm_key arm__key_pair(uint64_t a, uint64_t b); /* head, branch, merge */
struct arm_key arm__key_ref(Armpb__RefKind kind, const char *name, uint64_t tx);
struct arm_key arm__key_table(uint64_t branch_id, const char *schema_name, const char *name,
                              uint64_t tx);
struct arm_key arm__key_name(const struct arm_table_id *table_id, uint64_t branch_id, uint64_t tx);
struct arm_key arm__key_number(const char *schema_name, const char *name, uint64_t version);
struct arm_key arm__key_version(const struct arm_table_id *table_id, uint64_t version);
struct arm_key arm__key_layout(const struct arm_table_id *table_id, uint64_t version, uint64_t tx);
struct arm_key arm__key_sequence(const struct arm_table_id *table_id, uint64_t tx);
struct arm_key arm__key_consumer(const char *name, uint64_t tx);
struct arm_key arm__key_loose(const struct arm_hash *chunk, uint64_t tx);
struct arm_key arm__key_schema(const struct arm_table_id *table_id, uint32_t schema_id);

/* The last eight bytes of a key as an integer: a tx, a version. ARM_CORRUPT if it is shorter. */
arm_status arm__key_last_u64(struct arm_bytes key, uint64_t *out, struct arm_error *err);

/* ---- rows.c ---- */

/* The tx that put a row; of every sub-database but meta. */
arm_status arm__row_tx(enum arm_db db, struct arm_bytes key, struct arm_bytes value, uint64_t *out,
                       struct arm_error *err);

arm_status arm__row_put_state(const struct arm_index_state *state, struct arm_buf *out,
                              struct arm_error *err);
arm_status arm__row_take_state(struct arm_bytes row, struct arm_index_state *out,
                               struct arm_error *err);
arm_status arm__row_put_record(const struct arm_record_row *record, struct arm_buf *out,
                               struct arm_error *err);
arm_status arm__row_take_record(struct arm_bytes row, uint64_t tx, struct arm_record_row *out,
                                struct arm_error *err);
arm_status arm__row_put_ref(const struct arm_ref_row *ref, bool is_dropped, struct arm_buf *out,
                            struct arm_error *err);
arm_status arm__row_take_ref(struct arm_bytes row, uint64_t tx, struct arm_ref_row *out,
                             bool *out_dropped, struct arm_error *err);

/* A branch's row at a tx: its name from there on (empty: dropped), and where it comes from. */
struct arm_branch_state {
    uint64_t parent_branch_id;
    uint64_t parent_tx;
    char name[ARM_NAME_BYTES];
};
arm_status arm__row_put_branch(const struct arm_branch_state *branch, struct arm_buf *out,
                               struct arm_error *err);
arm_status arm__row_take_branch(struct arm_bytes row, struct arm_branch_state *out,
                                struct arm_error *err);

/* `table` NULL: the name is dropped. */
arm_status arm__row_put_table(const struct arm_table_row *table, struct arm_buf *out,
                              struct arm_error *err);
arm_status arm__row_take_table(struct arm_bytes row, uint64_t tx, struct arm_table_row *out,
                               bool *out_dropped, struct arm_error *err);

/* What a table is called on a branch; both empty: dropped. */
struct arm_table_name {
    char schema_name[ARM_NAME_BYTES];
    char name[ARM_NAME_BYTES];
};
arm_status arm__row_put_name(const struct arm_table_name *name, struct arm_buf *out,
                             struct arm_error *err);
arm_status arm__row_take_name(struct arm_bytes row, struct arm_table_name *out,
                              struct arm_error *err);

/* A version row with its change. The root itself stands in the row of `root_version`, which is
 * the version's own number when it is materialised; or in that of the layout `root_layout` of it,
 * if that is what the tail was begun on. */
struct arm_version_state {
    struct arm_version_row row;
    uint64_t root_version;   /* nearest materialised ancestor or self; 0: none, the empty map */
    uint64_t root_layout;    /* 0: as it was committed */
    struct arm_bytes change; /* packed; empty when materialised */
};
arm_status arm__row_put_version(const struct arm_version_state *version, struct arm_buf *out,
                                struct arm_error *err);
/* `out->change` is borrowed from `row`; out->row.root is set only where it stands here. */
arm_status arm__row_take_version(struct arm_bytes row, const struct arm_table_id *table_id,
                                 uint64_t version, struct arm_version_state *out,
                                 struct arm_error *err);

arm_status arm__row_put_layout(const struct arm_layout_row *layout, struct arm_buf *out,
                               struct arm_error *err);
arm_status arm__row_take_layout(struct arm_bytes row, uint64_t tx, struct arm_layout_row *out,
                                struct arm_error *err);

/* `row` NULL: it is dropped (consumer.c). */
arm_status arm__row_put_consumer(const struct arm_consumer_row *row, struct arm_buf *out,
                                 struct arm_error *err);
arm_status arm__row_take_consumer(struct arm_bytes bytes, uint64_t tx, struct arm_consumer_row *out,
                                  bool *out_dropped, struct arm_error *err);

/* `statistics`: a packed Entry. */
arm_status arm__row_put_chunk(const struct arm_chunk_row *chunk, struct arm_bytes statistics,
                              struct arm_buf *out, struct arm_error *err);
arm_status arm__row_take_chunk(struct arm_bytes row, struct arm_chunk_row *out,
                               struct arm_bytes *out_statistics, struct arm_error *err);

/* ---- change.c: what a version keeps of its change ---- */

/* A copy of `change` without schema, statistics and all that the version row repeats. The copy
 * borrows from `change`; freed by arm__slim_release. */
struct arm_slim_change {
    Armpb__TableChange change;
    Armpb__Entry *entries;
    Armpb__Entry **pointers;
};
arm_status arm__slim_init(const Armpb__TableChange *change, struct arm_slim_change *out,
                          struct arm_error *err);
void arm__slim_release(struct arm_slim_change *slim); /* accepts the zeroed state */
/* The packed size of what is kept. */
size_t arm__slim_size(const struct arm_slim_change *slim);
/* The stored change with what the row repeats put back. */
arm_status arm__slim_restore(const struct arm_version_state *version, Armpb__TableChange **out,
                             struct arm_error *err);

/* ---- read.c, read_table.c ---- */

/* `*out_dropped_tx` (may be NULL) as in arm__index_table_by_id. */
arm_status arm__index_table_name(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                 const struct arm_table_id *table_id, struct arm_table_name *out,
                                 uint64_t *out_dropped_tx, bool *out_found, struct arm_error *err);
arm_status arm__index_version_state(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                    uint64_t version, struct arm_version_state *out,
                                    bool *out_found, struct arm_error *err);
/* One step up a branch's history: from (branch, at_tx) to (parent, min(at_tx, parent_tx)).
 * `*out_more` false: there is no parent. */
arm_status arm__index_step_up(struct arm_index_txn *txn, uint64_t *inout_branch_id,
                              uint64_t *inout_at_tx, bool *out_more, struct arm_error *err);

/* ---- fold_ref.c, fold_table.c, fold_layout.c, checkpoint.c, sequence.c ---- */

/* What folding a record needs to know beside it. */
struct arm_fold {
    struct arm_index_txn *txn;
    const struct arm_fold_at *at;
    uint64_t branch_id; /* of a commit */
};
arm_status arm__fold_ref(const struct arm_fold *fold, const Armpb__RefChange *change,
                         struct arm_error *err);
arm_status arm__fold_checkpoint(const struct arm_fold *fold, const Armpb__Checkpoint *checkpoint,
                                struct arm_error *err);
arm_status arm__fold_compaction(const struct arm_fold *fold, const Armpb__Compaction *compaction,
                                struct arm_error *err);
/* Put what is known of the chunks that `entries` name, in `fold`'s tx. */
arm_status arm__fold_chunks(const struct arm_fold *fold, Armpb__Entry *const *entries, size_t count,
                            struct arm_error *err);
arm_status arm__fold_sequence(const struct arm_fold *fold, const Armpb__SequenceAdvance *advance,
                              struct arm_error *err);
/* `own` : the record is of the consumer alone, and may make it, or drop it. */
arm_status arm__fold_consumer(const struct arm_fold *fold, const Armpb__ConsumerCursor *cursor,
                              bool own, struct arm_error *err);
arm_status arm__fold_loose(const struct arm_fold *fold, const Armpb__LooseChunk *loose,
                           struct arm_error *err);
/* What the version uses besides its entries. */
arm_status arm__fold_uses(const struct arm_fold *fold, const Armpb__TableChange *change,
                          struct arm_error *err);
arm_status arm__fold_retention(const struct arm_fold *fold, const Armpb__Retention *retention,
                               struct arm_error *err);
arm_status arm__fold_names(const struct arm_fold *fold, const Armpb__Commit *commit,
                           struct arm_error *err);
arm_status arm__fold_table(const struct arm_fold *fold, const Armpb__TableChange *change,
                           struct arm_error *err);

/* Fill root version and tail count of the version that `change` makes of `parent`. */
void arm__tail_extend(const Armpb__TableChange *change, const struct arm_version_state *parent,
                      struct arm_version_state *out);

/* ---- layout.c ---- */

/* arm__index_lay for a state: what is built on it is built on that layout. */
arm_status arm__index_lay_state(struct arm_index_txn *txn, struct arm_version_state *state,
                                uint64_t layout, struct arm_error *err);

/* ---- tail.c: a version as a root and what came after it ---- */

enum arm_step_kind { ARM_STEP_REMOVE, ARM_STEP_ADD, ARM_STEP_DELETE };

/* One thing done to one position. */
struct arm_step {
    struct arm_bytes position; /* borrowed from the change */
    uint32_t order;            /* of the change in the tail */
    enum arm_step_kind kind;
    uint64_t tx;
    const Armpb__Entry *entry;           /* ADD */
    const Armpb__DeletionEdit *deletion; /* DELETE */
};

/* Steps by position, and in the order they were done where the position is the same. */
struct arm_tail {
    struct arm_hash root;
    size_t change_count;
    Armpb__TableChange **changes; /* owned */
    size_t step_count;
    struct arm_step *steps;
};
/* The tail of `layout` of `version` of the table (0: nothing, the empty map), and `last` (may be
 * NULL), a change of tx `last_tx` on top of it, borrowed. */
arm_status arm__tail_load(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                          uint64_t version, uint64_t layout, const Armpb__TableChange *last,
                          uint64_t last_tx, struct arm_tail *out, struct arm_error *err);
void arm__tail_release(struct arm_tail *tail); /* accepts the zeroed state */

/* What is left of one position after its steps. `base_value` is the root's (data NULL: none);
 * `vector` receives the joined deletion vector that `out->vector` then borrows. */
struct arm_joined {
    bool is_there;
    struct arm_entry entry;
};
arm_status arm__tail_join(struct arm_index_txn *txn, struct arm_bytes position,
                          struct arm_bytes base_value, const struct arm_step *steps,
                          size_t step_count, struct arm_buf *vector, struct arm_joined *out,
                          struct arm_error *err);

#endif
