/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_INDEX_INDEX_H
#define ARM_INDEX_INDEX_H

/* The index: a fold of the log in LMDB (index/data.mdb), derived, rebuildable, never synced.
 *
 * I1  Its content is a function of the log's records, in order: folding the same records into
 *     an empty index gives the same keys and values.
 * I2  Every key that a reader may see is versioned by tx (or immutable): a reader bound to a
 *     tx sees nothing later. Nothing is deleted but by a rebuild.
 * I3  A commit folds O(1) small keys per changed table, whatever the table's size or age.
 * I4  Its write transaction is the commit lock of all processes.
 * I5  A read transaction never outlives the call that needed it; LMDB memory never leaves
 *     this directory.
 * I6  Its bytes are untrusted: what does not decode is ARM_CORRUPT, and a rebuild mends it.
 *
 * Sub-databases (integers big-endian so that they sort; names folded to lower case):
 *
 *   meta     "state"                        -> what is folded: log position, last time
 *   tx       tx                             -> record row (below)
 *   id       commit id                      -> tx
 *   head     branch id, tx                  -> (nothing): commits of the branch
 *   ref      kind, name, 0, tx              -> ref row
 *   branch   branch id, tx                  -> parent branch id, parent tx, name from there on
 *   table    branch id, schema, 0, name, 0, tx -> table row
 *   name     table id, branch id, tx        -> schema and name of the table from there on
 *   number   schema, 0, name, 0, version    -> table id
 *   version  table id, version              -> version row, with the change that made it
 *   schema   table id, schema id            -> Schema (record.proto)
 *   chunk    chunk hash                     -> chunk row
 *   rows     rows hash                      -> chunk hash
 *   node     hash                           -> ptree node
 *   vector   hash                           -> deletion vector too large for its entry
 *   checkpoint tx                           -> Checkpoint (record.proto)
 *   layout   table id, version, tx          -> layout row: where its rows stand since a Compaction
 *   sequence table id, tx                   -> how many of its places are taken from there on
 *   retention tx                            -> the tx up to which history was given up
 *   merge    branch id, tx                  -> tx of the commit that was merged there
 *   consumer name, 0, tx                    -> how far it has come from there on
 *   loose    chunk hash, tx                 -> whether a user keeps it, or a version uses it
 *
 * Every row but the state says which tx put it, in its key or its value: what came after a tx can
 * be told from what was there before (checkpoints).
 */

#include "log/log.h"
#include "model/entry.h"
#include "model/record.h"
#include "ptree/ptree.h"
#include "store/chunk.h"

/* Of the rows. Another one's index is made anew from the log, its checkpoints are of no use. */
#define ARM_INDEX_FORMAT 8u

struct arm_index;
struct arm_index_txn;

/* Whether the file of the index hangs together, so that LMDB can be let loose on it (I6): to be
 * asked before opening one that was not closed clean. Reads all of it. Errors: ARM_CORRUPT. */
arm_status arm__index_check_pages(const char *root, struct arm_error *err);

/* Open index/ below `root`, making it if it is not there. Never two at once on one path in
 * one process (api/ sees to it). */
arm_status arm__index_open(const char *root, struct arm_index **out, struct arm_error *err);
void arm__index_close(struct arm_index *index);
/* Flush it to disk, for the clean-close mark. */
arm_status arm__index_sync(struct arm_index *index, struct arm_error *err);
/* Used bytes of the file. */
arm_status arm__index_size(struct arm_index *index, uint64_t *out_bytes, struct arm_error *err);

/* A transaction belongs to the thread that began it. A write transaction waits for the commit
 * lock. Commit frees it in any case; abort accepts NULL. */
arm_status arm__index_read(struct arm_index *index, struct arm_index_txn **out,
                           struct arm_error *err);
arm_status arm__index_write(struct arm_index *index, struct arm_index_txn **out,
                            struct arm_error *err);
arm_status arm__index_commit(struct arm_index_txn *txn, struct arm_error *err);
/* Take the room on disk that a commit of so many records, of this size together, may need, so that
 * a full disk is found before the log has them, not after. Errors: ARM_FULL. */
arm_status arm__index_make_room(struct arm_index_txn *txn, uint32_t record_count,
                                uint64_t record_bytes, struct arm_error *err);
void arm__index_abort(struct arm_index_txn *txn);

/* How far the log is folded. In an empty index `is_empty`. */
struct arm_index_state {
    bool is_empty;
    struct arm_log_position folded; /* of the next frame */
    int64_t last_time_us;
};
arm_status arm__index_state(struct arm_index_txn *txn, struct arm_index_state *out,
                            struct arm_error *err);

/* Fold one record (decoded, already resolved if it was in a chunk): what tx it has, where its
 * frame is and which record of the frame it is. Checks versions, parents and roots against
 * what is there: ARM_CORRUPT if they do not follow. */
struct arm_fold_at {
    uint64_t tx;
    uint64_t segment;
    uint64_t offset;
    uint32_t record; /* in the frame, from 0 */
};
arm_status arm__index_fold(struct arm_index_txn *txn, const struct arm_fold_at *at,
                           const Armpb__Record *record, struct arm_error *err);
/* Correct where the frame of a record lies that was folded in this transaction, ahead of its
 * append (the log crosses into a new segment when it appends). */
arm_status arm__index_place(struct arm_index_txn *txn, const struct arm_fold_at *at,
                            struct arm_error *err);
/* After all records of a frame: the position behind it. */
arm_status arm__index_folded(struct arm_index_txn *txn, const struct arm_log_position *next,
                             struct arm_error *err);

/* ---- Typed reads. `*out_found` false leaves the output untouched. ---- */

/* Places of a sequence that are taken, by all that is folded. `*out_found` false: there never was
 * a sequence of that id. */
arm_status arm__index_sequence(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                               uint64_t *out_used, bool *out_found, struct arm_error *err);

/* A consumer of the changelog: in each of its shares every event up to `acked_tx` is done with. */
#define ARM_CONSUMER_SHARES 64
struct arm_consumer_row {
    uint64_t tx; /* of the record that says so */
    uint64_t acked_tx[ARM_CONSUMER_SHARES];
};
/* As of a tx. `*out_found` false: there never was one of that name, or it was dropped. */
arm_status arm__index_consumer(struct arm_index_txn *txn, const char *name, uint64_t at_tx,
                               struct arm_consumer_row *out, bool *out_found,
                               struct arm_error *err);
typedef arm_status arm_visit_consumer(void *context, const char *name,
                                      const struct arm_consumer_row *row, struct arm_error *err);
/* In order of name. */
arm_status arm__index_consumers(struct arm_index_txn *txn, uint64_t at_tx,
                                arm_visit_consumer *visit, void *context, struct arm_error *err);

/* The horizon, as of a tx: versions that were superseded at or before it are given up (0: none
 * are). `*out_tx` (may be NULL): of the Retention that says so. */
arm_status arm__index_horizon(struct arm_index_txn *txn, uint64_t at_tx, uint64_t *out_horizon_tx,
                              uint64_t *out_tx, struct arm_error *err);
/* Whether a table version is given up, as of a tx: see Retention in record.proto. */
arm_status arm__index_is_expired(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                 uint64_t version, uint64_t at_tx, bool *out,
                                 struct arm_error *err);

struct arm_record_row {
    uint64_t tx;
    uint64_t segment;
    uint64_t offset;
    uint32_t record;
    bool is_commit; /* else a ref change, or upkeep */
    struct arm_id commit_id;
    uint64_t branch_id; /* of a commit, else 0 */
    uint64_t generation;
    int64_t time_us;
};
arm_status arm__index_record(struct arm_index_txn *txn, uint64_t tx, struct arm_record_row *out,
                             bool *out_found, struct arm_error *err);
arm_status arm__index_find_id(struct arm_index_txn *txn, const struct arm_id *commit_id,
                              uint64_t *out_tx, bool *out_found, struct arm_error *err);
/* The last record with tx <= max_tx whose time is <= time_us (times grow with tx). */
arm_status arm__index_find_time(struct arm_index_txn *txn, int64_t time_us, uint64_t max_tx,
                                uint64_t *out_tx, bool *out_found, struct arm_error *err);

/* Refs: the state of a name as of a tx. A dropped one is not found. */
struct arm_ref_row {
    uint64_t branch_id;    /* branch: itself; tag: 0 */
    uint64_t tx;           /* of the record that made this state */
    uint64_t target_tx;    /* tag: the commit it names */
    uint64_t described_tx; /* of the record that carries its description; 0: it has none */
    uint64_t protected_tx; /* branch: of the record that carries its protection; 0: it has none */
    bool only_merges;      /* what that says, for every commit asks: merges alone are taken, ... */
    bool has_checks;       /* ... queries must give no row */
};
arm_status arm__index_ref(struct arm_index_txn *txn, Armpb__RefKind kind, const char *name,
                          uint64_t at_tx, struct arm_ref_row *out, bool *out_found,
                          struct arm_error *err);
typedef arm_status arm_visit_ref(void *context, const char *name, const struct arm_ref_row *row,
                                 struct arm_error *err);
arm_status arm__index_refs(struct arm_index_txn *txn, Armpb__RefKind kind, uint64_t at_tx,
                           arm_visit_ref *visit, void *context, struct arm_error *err);

/* Every state of a ref that lasted beyond a tx, in no order, also of those that are dropped. */
arm_status arm__index_refs_since(struct arm_index_txn *txn, Armpb__RefKind kind, uint64_t since_tx,
                                 arm_visit_ref *visit, void *context, struct arm_error *err);

/* Where a branch's history comes from: before its own commits, that of `parent_branch_id` up
 * to `parent_tx` (0: from nothing). */
struct arm_branch_row {
    uint64_t branch_id;
    uint64_t parent_branch_id;
    uint64_t parent_tx;
};
arm_status arm__index_branch(struct arm_index_txn *txn, uint64_t branch_id,
                             struct arm_branch_row *out, bool *out_found, struct arm_error *err);
/* Its name as of a tx; "" if it was dropped (or is not there). */
arm_status arm__index_branch_name(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                  char out[256], struct arm_error *err);
/* The last commit of the branch's history with tx <= at_tx, its ancestors' included; 0: none. */
arm_status arm__index_head(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                           uint64_t *out_tx, struct arm_error *err);

/* The first commit behind `after_tx`: of the branch alone, not its ancestors (0: of any); 0: there
 * is none. Each costs one look. */
arm_status arm__index_next_commit(struct arm_index_txn *txn, uint64_t branch_id, uint64_t after_tx,
                                  uint64_t *out_tx, struct arm_error *err);

/* What a branch's own commits with a tx from `after_tx` (exclusive) to `to_tx` merged, in order:
 * `source_tx` is the other parent's. */
typedef arm_status arm_visit_merge(void *context, uint64_t tx, uint64_t source_tx,
                                   struct arm_error *err);
arm_status arm__index_merges(struct arm_index_txn *txn, uint64_t branch_id, uint64_t after_tx,
                             uint64_t to_tx, arm_visit_merge *visit, void *context,
                             struct arm_error *err);
/* The last of the branch's own commits with tx <= at_tx, not its ancestors'; 0: none. */
arm_status arm__index_own_head(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                               uint64_t *out_tx, struct arm_error *err);

/* Tables of a branch's history as of a tx. Names as written. */
struct arm_table_row {
    struct arm_table_id table_id;
    uint64_t version;
    uint64_t tx; /* that made this row */
    Armpb__ObjectKind object;
    char schema_name[256];
    char name[256];
};
arm_status arm__index_table(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                            const char *schema_name, const char *name, struct arm_table_row *out,
                            bool *out_found, struct arm_error *err);
/* The last row of a name, whatever it says: `*out_tx` is the tx that made it, 0 if there is none;
 * `*out_dropped` that the name was free from there on, and `out` is then untouched. */
arm_status arm__index_table_last(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                 const char *schema_name, const char *name,
                                 struct arm_table_row *out, uint64_t *out_tx, bool *out_dropped,
                                 struct arm_error *err);
/* The same by id. When it is not there, `*out_dropped_tx` is the tx that dropped it, 0 if the
 * branch never had it. */
arm_status arm__index_table_by_id(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                  const struct arm_table_id *table_id, struct arm_table_row *out,
                                  uint64_t *out_dropped_tx, bool *out_found, struct arm_error *err);
/* The first of the branch's own commits behind `after_tx` at which the name is given to a table, or
 * taken from it, or the table has another version; 0: there is none. */
arm_status arm__index_next_change(struct arm_index_txn *txn, uint64_t branch_id,
                                  const char *schema_name, const char *name, uint64_t after_tx,
                                  uint64_t *out_tx, struct arm_error *err);
/* Every name that the branch's own commits had something of, as written at first. */
typedef arm_status arm_visit_table_name(void *context, const char *schema_name, const char *name,
                                        struct arm_error *err);
arm_status arm__index_own_names(struct arm_index_txn *txn, uint64_t branch_id,
                                arm_visit_table_name *visit, void *context, struct arm_error *err);
/* Every branch there ever was, also those that are dropped, in order of id. */
typedef arm_status arm_visit_branch_id(void *context, uint64_t branch_id, struct arm_error *err);
arm_status arm__index_branch_ids(struct arm_index_txn *txn, arm_visit_branch_id *visit,
                                 void *context, struct arm_error *err);
/* In order of folded schema and name. */
typedef arm_status arm_visit_table(void *context, const struct arm_table_row *row,
                                   struct arm_error *err);
arm_status arm__index_tables(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                             arm_visit_table *visit, void *context, struct arm_error *err);

/* Version numbers of a name: the largest (0: none), and which table a number belongs to. */
arm_status arm__index_last_number(struct arm_index_txn *txn, const char *schema_name,
                                  const char *name, uint64_t *out, struct arm_error *err);
arm_status arm__index_number(struct arm_index_txn *txn, const char *schema_name, const char *name,
                             uint64_t version, struct arm_table_id *out, bool *out_found,
                             struct arm_error *err);

/* A table version and the change that made it. */
struct arm_version_row {
    struct arm_table_id table_id;
    uint64_t version;
    uint64_t parent_version; /* 0: none */
    uint64_t tx;
    uint32_t schema_id;
    uint64_t row_count;
    uint64_t data_bytes;
    uint64_t next_row_id;
    uint64_t rows_added;
    uint64_t rows_removed;
    uint64_t bytes_added;
    bool is_materialised; /* `root` is this version's manifest */
    struct arm_hash root; /* else that of the nearest materialised ancestor ... */
    uint32_t tail_count;  /* ... and how many versions lie between (this one included) */
    struct arm_position last_position; /* of the last entry ever appended; size 0: none */
    uint64_t layout;        /* that data_bytes, root and tail are of; 0: as it was committed */
    uint64_t parent_layout; /* of the parent, that its change is of */
};
/* `*out_change` (may be NULL): the change without schema and statistics, to be freed with
 * arm__index_change_free; NULL when the version is materialised. */
arm_status arm__index_version(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                              uint64_t version, struct arm_version_row *out,
                              Armpb__TableChange **out_change, bool *out_found,
                              struct arm_error *err);
void arm__index_change_free(Armpb__TableChange *change); /* NULL is accepted */

/* Layouts. A Compaction gives the rows of a version other entries; nothing else about it changes.
 * The layout is named by that record's tx, 0 is the version as it was committed. A version that is
 * committed later is a change of its parent's newest layout, or of one that its change names. */
#define ARM_LAYOUT_NEWEST UINT64_MAX

struct arm_layout_row {
    uint64_t tx;
    uint64_t base; /* the layout that it was made of */
    uint64_t data_bytes;
    struct arm_hash root;
};
/* The newest one whose tx is at most `max_tx`. */
arm_status arm__index_layout(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                             uint64_t version, uint64_t max_tx, struct arm_layout_row *out,
                             bool *out_found, struct arm_error *err);
/* Make a row as arm__index_version gives it that of a layout (ARM_LAYOUT_NEWEST: which there may
 * be). Errors: ARM_CORRUPT if there is no such layout. */
arm_status arm__index_lay(struct arm_index_txn *txn, struct arm_version_row *row, uint64_t layout,
                          struct arm_error *err);
arm_status arm__index_schema(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                             uint32_t schema_id, Armpb__Schema **out, struct arm_error *err);

/* Every schema of every table there ever was. */
typedef arm_status arm_visit_schema(void *context, const Armpb__Schema *schema,
                                    struct arm_error *err);
arm_status arm__index_schemas(struct arm_index_txn *txn, arm_visit_schema *visit, void *context,
                              struct arm_error *err);

/* Of a table over all branches: its newest version, and its last schema id (0: none). */
arm_status arm__index_last_version(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                   struct arm_version_row *out, bool *out_found,
                                   struct arm_error *err);
arm_status arm__index_last_schema(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                  uint32_t *out_schema_id, struct arm_error *err);

/* A chunk the log names: `*out_statistics` (may be NULL) gets an entry that holds the
 * statistics alone, to be freed with arm__message_free. */
struct arm_chunk_row {
    uint64_t tx; /* that named it first */
    uint32_t rows;
    uint64_t bytes;
    struct arm_hash rows_hash;
};
arm_status arm__index_chunk(struct arm_index_txn *txn, const struct arm_hash *chunk,
                            struct arm_chunk_row *out, Armpb__Entry **out_statistics,
                            bool *out_found, struct arm_error *err);
arm_status arm__index_chunk_by_rows(struct arm_index_txn *txn, const struct arm_hash *rows_hash,
                                    struct arm_hash *out_chunk, bool *out_found,
                                    struct arm_error *err);
typedef arm_status arm_visit_chunk_row(void *context, const struct arm_hash *chunk,
                                       const struct arm_chunk_row *row, struct arm_error *err);
arm_status arm__index_chunks(struct arm_index_txn *txn, arm_visit_chunk_row *visit, void *context,
                             struct arm_error *err);

/* A chunk that a user has put by himself, or that a version uses besides its entries. */
struct arm_loose_row {
    uint64_t tx;    /* of the record that says so */
    bool is_kept;   /* loose, and not let go */
    bool was_there; /* when it was put: others may need it, whom the index does not know */
    bool is_used;   /* by a version, which may have expired since */
    uint64_t bytes; /* 0: not told, for it is only used */
};
/* As of a tx. `*out_found` false: it never was one. */
arm_status arm__index_loose(struct arm_index_txn *txn, const struct arm_hash *chunk, uint64_t at_tx,
                            struct arm_loose_row *out, bool *out_found, struct arm_error *err);
typedef arm_status arm_visit_loose(void *context, const struct arm_hash *chunk,
                                   const struct arm_loose_row *row, struct arm_error *err);
/* In order of hash. */
arm_status arm__index_all_loose(struct arm_index_txn *txn, uint64_t at_tx, arm_visit_loose *visit,
                                void *context, struct arm_error *err);

/* ---- Manifests ---- */

/* When a version must carry its root: its tail would be longer than ARM_TAIL_MAX versions, or
 * its change larger than ARM_CHANGE_INLINE_MAX bytes. */
#define ARM_TAIL_MAX 256u
#define ARM_CHANGE_INLINE_MAX 1500u

/* Whether a version that `change` makes of `parent` (NULL: of nothing) must carry its root. */
arm_status arm__index_root_needed(const Armpb__TableChange *change,
                                  const struct arm_version_row *parent, bool *out,
                                  struct arm_error *err);

/* The manifest's root after `change` is applied to `parent_version` (0: to nothing): nodes and
 * vectors are put into the write transaction. */
arm_status arm__index_materialise(struct arm_index_txn *txn, uint64_t tx,
                                  const Armpb__TableChange *change, struct arm_hash *out_root,
                                  struct arm_error *err);

/* Visit every live entry of a version's layout in order of position, its deletion vector joined
 * from root and tail (`entry->vector` is borrowed, never by hash). */
typedef arm_status arm_visit_entry(void *context, const struct arm_entry *entry,
                                   struct arm_error *err);
arm_status arm__index_entries(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                              uint64_t version, uint64_t layout, arm_visit_entry *visit,
                              void *context, struct arm_error *err);

/* The same for the entries at `positions` alone. Errors: ARM_NOT_FOUND. */
arm_status arm__index_entries_at(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                 uint64_t version, uint64_t layout,
                                 const struct arm_position *positions, size_t count,
                                 arm_visit_entry *visit, void *context, struct arm_error *err);

/* What a Compaction does to its version's manifest, as a change of it: the sources are removed,
 * the entries added, and the rows of theirs that died but are not dropped are deleted.
 * Errors: ARM_CORRUPT if it does not follow from its base. */
struct arm_layout_change {
    Armpb__TableChange change; /* borrows from the compaction */
    uint64_t data_bytes;       /* of the layout that it makes */
    void *memory;
};
arm_status arm__layout_change_init(struct arm_index_txn *txn, const Armpb__Compaction *compaction,
                                   struct arm_layout_change *out, struct arm_error *err);
void arm__layout_change_release(struct arm_layout_change *change); /* accepts the zeroed state */

/* ---- Checkpoints ---- */

/* The last one that is folded; NULL: there is none. To be freed with arm__message_free. */
arm_status arm__index_checkpoint(struct arm_index_txn *txn, Armpb__Checkpoint **out,
                                 struct arm_error *err);
/* Its tx and the position it holds the index for, without the rest; zeroed: there is none. */
arm_status arm__index_checkpoint_position(struct arm_index_txn *txn, uint64_t *out_tx,
                                          struct arm_log_position *out, struct arm_error *err);

/* The position behind what a checkpoint holds. Errors: ARM_CORRUPT. */
arm_status arm__checkpoint_position(const Armpb__Checkpoint *checkpoint,
                                    struct arm_log_position *out, struct arm_error *err);

/* Write the rows that txs from `first_tx` to before `next_tx` put, as a run (run.c), into
 * `writer`. Reads the whole index, in many short transactions. Errors: those of the writer. */
arm_status arm__index_write_run(struct arm_index *index, uint64_t first_tx, uint64_t next_tx,
                                struct arm_store_writer *writer, struct arm_error *err);

/* Fill an empty index from runs: chunks of `store`, whose bytes are checked first. The state
 * comes last, so that what a crash leaves is empty to all. Errors: ARM_CORRUPT (the runs are not
 * what they should be; the index is to be removed), ARM_NOT_FOUND, ARM_HASH_MISMATCH. */
arm_status arm__index_restore(struct arm_index *index, struct arm_store *store,
                              const Armpb__Checkpoint *checkpoint, struct arm_error *err);

/* ---- Verification ---- */

/* Every key in which `live` is not what `fresh` is: the sub-database, the key, and what is wrong
 * with `live`. */
typedef arm_status arm_visit_index_difference(void *context, const char *db, struct arm_bytes key,
                                              const char *what, struct arm_error *err);
arm_status arm__index_compare(struct arm_index_txn *live, struct arm_index_txn *fresh,
                              arm_visit_index_difference *visit, void *context,
                              struct arm_error *err);

/* A node store over the transaction (put fails in a read transaction). */
struct arm_node_store arm__index_nodes(struct arm_index_txn *txn);

#endif
