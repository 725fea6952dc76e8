/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_TXN_H
#define ARM_TXN_TXN_H

/* A transaction: one snapshot of all tables, and what was changed since, buffered. Reads see
 * both (read-your-writes). Commit hands everything to arm__commit in one request.
 *
 * X1  The snapshot never changes under the transaction.
 * X2  A view is immutable: a scan that took one is not disturbed by later statements.
 * X3  A statement's changes are applied whole, at its end, or not at all.
 * X4  Rollback leaves nothing reachable; staged chunks are dropped to gc.
 * X7  What a transaction can read stays until its end, whatever gc and compactions do meanwhile,
 *     in whatever process: it has its snapshot pinned (store/pin.h).
 *
 * A transaction serves one session; views may be read by many threads (internally locked where
 * several operators of one statement touch it). */

#include "table/hot.h"
#include "table/writer.h"

struct arm_transaction;

/* `snapshot` is copied; repository and engine are borrowed until the end. `read_only`: changes
 * answer ARM_READ_ONLY (AT sessions). */
arm_status arm__txn_begin(struct arm_repository *repository, struct arm_engine *engine,
                          const struct arm_snapshot *snapshot, bool read_only,
                          struct arm_transaction **out, struct arm_error *err);
/* The same of a snapshot that is chosen with what is durable by then pinned, so that no gc comes
 * between: the way to begin, for who shares the repository. */
typedef arm_status arm_choose_snapshot(void *self, struct arm_snapshot *out, bool *out_read_only,
                                       struct arm_error *err);
arm_status arm__txn_open(struct arm_repository *repository, struct arm_engine *engine,
                         arm_choose_snapshot *choose, void *self, struct arm_transaction **out,
                         struct arm_error *err);
struct arm_txn_settings {
    bool serializable; /* what it reads is kept, and others' changes of it are a conflict */
    enum arm_grain grain;
};
/* Before its first use; without it all are zero. */
void arm__txn_configure(struct arm_transaction *txn, const struct arm_txn_settings *settings);
/* The checks of its branch, as the record of that tx asks them, hold on what it sees now: it may
 * commit if nobody changes the branch meanwhile (commit.h, K9). */
void arm__txn_set_checked(struct arm_transaction *txn, uint64_t protected_tx);
bool arm__txn_is_serializable(const struct arm_transaction *txn);
const struct arm_snapshot *arm__txn_snapshot(const struct arm_transaction *txn);
struct arm_catalog *arm__txn_catalog(const struct arm_transaction *txn);
bool arm__txn_has_changes(const struct arm_transaction *txn);
/* Grows with every change of the names or schemas this transaction sees (for plan caches). */
uint64_t arm__txn_catalog_version(const struct arm_transaction *txn);

/* ---- What it sees ---- */

/* One table as a statement sees it: immutable, counted. A name may also be a view's or a
 * sequence's, which have no rows: what they are is in `schema`. */
struct arm_view {
    Armpb__ObjectKind object;
    struct arm_table_id table_id;
    char schema_name[256];
    char name[256];
    uint64_t version; /* of the snapshot; 0: created by this transaction, and the
                                    * table id is then not the one it will have */
    uint64_t live_rows;
    uint64_t first_own_row_id;   /* from here on ids are of rows that this transaction made, and
                                * only until it commits */
    const Armpb__Schema *schema; /* current columns */
    bool has_own_schema;         /* made by this transaction: its id says nothing yet */
    size_t entry_count;
    const struct arm_state_entry *entries; /* in order; own ones last, dead rows joined */
    const uint64_t *pieces; /* what arm__view_compose was told of each entry; NULL: nothing */
};
/* `*out` NULL: no such table. */
arm_status arm__txn_view(struct arm_transaction *txn, const char *schema_name, const char *name,
                         const struct arm_view **out, struct arm_error *err);
/* The same without entries: what it costs does not grow with the table, so it is the way to a
 * table's columns for a statement that only adds rows. `entry_count` is 0, `entries` NULL;
 * `live_rows` is right. */
arm_status arm__txn_look(struct arm_transaction *txn, const char *schema_name, const char *name,
                         const struct arm_view **out, struct arm_error *err);
/* A table at a ref (AT clause: number, ref, `version:N`) or time, without own changes. */
arm_status arm__txn_view_at(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const char *ref, const struct arm_view **out, struct arm_error *err);
/* Any version of a table, without own changes; `name` is what it is called. */
arm_status arm__txn_view_version(struct arm_transaction *txn, const struct arm_table_info *info,
                                 const struct arm_view **out, struct arm_error *err);
/* The same entries, of which only `alive[i]` are alive in entry i (NULL: none; rows that are dead
 * in `view` stay so), read as `schema` has it (copied; NULL: as `view` has it): columns by id. */
arm_status arm__view_narrow(const struct arm_view *view, roaring_bitmap_t *const *alive,
                            const Armpb__Schema *schema, const struct arm_view **out,
                            struct arm_error *err);
/* Rows of many versions of a table, or of several tables, in one view: entries of theirs, each with
 * the rows that are shown of it, and a number that tells the entry's rows from another's. */
struct arm_view_piece {
    const struct arm_state_entry *entry; /* copied */
    roaring_bitmap_t *rows;              /* borrowed */
    uint64_t number;
};
arm_status arm__view_compose(struct arm_transaction *txn, const struct arm_view_piece *pieces,
                             size_t count, const Armpb__Schema *schema, const struct arm_view **out,
                             struct arm_error *err);
/* Keep what can be read of a version, and of all that came later, readable as long as the
 * transaction lasts; X7. Errors: ARM_HISTORY_EXPIRED. */
arm_status arm__txn_keep_version(struct arm_transaction *txn, const struct arm_table_id *id,
                                 const struct arm_version_row *version, struct arm_error *err);
/* Whether a live row of an earlier view of the transaction is alive, and where it was, in a later
 * one of the same table; of a merge's, which leaves what was written where it is. */
bool arm__view_has_row(const struct arm_view *now, const struct arm_view *then, size_t entry,
                       uint32_t row);
/* Whether an entry is the transaction's own. */
bool arm__view_is_own(const struct arm_view *view, size_t entry);
const struct arm_view *arm__view_retain(const struct arm_view *view);
void arm__view_drop(const struct arm_view *view); /* NULL is accepted */

/* The file of a chunk entry, absolute; owned by the caller. */
arm_status arm__view_path(const struct arm_view *view, size_t entry, char **out,
                          struct arm_error *err);
/* Hash the file of a chunk entry, once a process; `check`: again. Errors: ARM_NOT_FOUND,
 * ARM_HASH_MISMATCH: it is damaged. */
arm_status arm__view_sound(const struct arm_view *view, size_t entry, struct arm_error *err);
arm_status arm__view_check(const struct arm_view *view, size_t entry, struct arm_error *err);
/* The batch of a hot entry, opened; freed by the caller, before `bytes`, which may hold what it
 * borrows (the caller's, empty at first, to be released by it). */
arm_status arm__view_hot(const struct arm_view *view, size_t entry, struct arm_buf *bytes,
                         struct arm_hot_batch **out, struct arm_error *err);
/* Statistics of a chunk entry by column id; NULL: unknown. Borrowed with the view. */
const Armpb__ColumnStatistics *arm__view_statistics(const struct arm_view *view, size_t entry,
                                                    uint32_t column_id);

/* Names: tables of the snapshot in order of schema and name, then own ones. */
typedef arm_status arm_visit_name_pair(void *context, const char *schema_name, const char *name,
                                       struct arm_error *err);
arm_status arm__txn_tables(struct arm_transaction *txn, arm_visit_name_pair *visit, void *context,
                           struct arm_error *err);
/* The same of all objects: schemas that were made as such (`schema_name` "") come first. */
typedef arm_status arm_visit_object(void *context, Armpb__ObjectKind object,
                                    const char *schema_name, const char *name,
                                    struct arm_error *err);
arm_status arm__txn_objects(struct arm_transaction *txn, arm_visit_object *visit, void *context,
                            struct arm_error *err);
/* Whether there is a schema of that name: main, one that was made, or one that has something in
 * it. */
arm_status arm__txn_schema_exists(struct arm_transaction *txn, const char *name, bool *out,
                                  struct arm_error *err);

/* ---- What a serializable one tells of its reads (others do nothing here). Names that are looked
 * up, and the columns of what they name, are noted by themselves. ---- */

/* What a scan looked for in a table. `meets` may say too much, never too little. */
struct arm_read_filter {
    void *self;
    size_t column_count; /* that it judges by */
    const uint32_t *column_ids;
    /* Whether an entry may have such a row: `statistics` of each column, NULL where unknown. */
    bool (*keeps)(void *self, const Armpb__ColumnStatistics *const *statistics, uint32_t rows);
    /* Whether one of `rows` (NULL: all) of a batch is such a row. */
    arm_status (*meets)(void *self, const struct arm_hot_batch *batch, const roaring_bitmap_t *rows,
                        bool *out, struct arm_error *err);
    void (*free)(void *self);
};
/* `filter` (NULL: every row) is copied, and its `self` taken, whatever happens. */
arm_status arm__txn_note_read(struct arm_transaction *txn, const struct arm_view *view,
                              const struct arm_read_filter *filter, struct arm_error *err);
/* The history, or what tables there are. */
void arm__txn_note_all(struct arm_transaction *txn);

/* ---- What it changes. All fail with ARM_READ_ONLY, and leave the transaction as it was. ---- */

/* `schema` is copied; its fields are given ids. `or_replace` drops what has the name;
 * otherwise ARM_EXISTS. */
arm_status arm__txn_create_table(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const Armpb__Schema *schema, bool or_replace,
                                 struct arm_error *err);
arm_status arm__txn_drop_table(struct arm_transaction *txn, const char *schema_name,
                               const char *name, struct arm_error *err);
/* Other columns or constraints (`schema` is copied, columns without an id get one); the rows stay
 * as they are. Errors: ARM_UNSUPPORTED: the type of a column whose rows this transaction wrote. */
arm_status arm__txn_alter_table(struct arm_transaction *txn, const char *schema_name,
                                const char *name, const Armpb__Schema *schema,
                                struct arm_error *err);
/* Errors: ARM_EXISTS. */
arm_status arm__txn_rename_table(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const char *new_name, struct arm_error *err);

/* Views (schema->view_sql) and sequences (schema->sequence). They share the names of tables: what
 * has the name and is no such thing is ARM_EXISTS even to `or_replace`, and not dropped by
 * arm__txn_drop (ARM_INVALID). A view that is replaced gets a next version; a sequence is a new
 * one. */
arm_status arm__txn_create_view(struct arm_transaction *txn, const char *schema_name,
                                const char *name, const Armpb__Schema *schema, bool or_replace,
                                struct arm_error *err);
arm_status arm__txn_create_sequence(struct arm_transaction *txn, const char *schema_name,
                                    const char *name, const Armpb__Schema *schema, bool or_replace,
                                    struct arm_error *err);
arm_status arm__txn_drop(struct arm_transaction *txn, Armpb__ObjectKind object,
                         const char *schema_name, const char *name, struct arm_error *err);
/* `if_not_exists`: one that only has something in it is made nonetheless, and stays without. */
arm_status arm__txn_create_schema(struct arm_transaction *txn, const char *name, bool if_not_exists,
                                  struct arm_error *err);
/* `cascade`: with everything in it; else ARM_INVALID if there is something. */
arm_status arm__txn_drop_schema(struct arm_transaction *txn, const char *name, bool cascade,
                                struct arm_error *err);
/* Places of a sequence (arm__sequence_take): of one that this transaction made they are its own,
 * and vanish with it; of others they stay taken whatever becomes of the transaction. */
arm_status arm__txn_sequence_take(struct arm_transaction *txn, const char *schema_name,
                                  const char *name, uint64_t wanted, struct arm_places *out,
                                  struct arm_error *err);

/* ---- Rows ---- */

/* The entries of `written` are taken (it is empty afterwards). */
arm_status arm__txn_append(struct arm_transaction *txn, const char *schema_name, const char *name,
                           struct arm_written *written, struct arm_error *err);
/* All rows are replaced; `schema` (copied) NULL: the table's. */
arm_status arm__txn_replace(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const Armpb__Schema *schema, struct arm_written *written,
                            struct arm_error *err);
/* What is said of the version that a table gets, which is then made even if nothing changes. */
struct arm_version_words {
    uint64_t wanted_version; /* ARM_VERSION_CONFLICT at commit if it would be another; 0: any */
    const char *metadata;    /* NULL: none */
    size_t use_count;        /* chunks that it needs besides its entries */
    const struct arm_hash *uses;
};
/* Copied. Errors: ARM_NOT_FOUND: there is no such table. */
arm_status arm__txn_tell_version(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const struct arm_version_words *words,
                                 struct arm_error *err);
/* Rows that die: `rows[i]` are row numbers in entry i of `view` (NULL: none). Rows dead
 * already are ignored; `*out_count` those that died now. The view must be of the statement that
 * deletes: ARM_INVALID if an entry it shows has been replaced since. */
arm_status arm__txn_delete(struct arm_transaction *txn, const struct arm_view *view,
                           roaring_bitmap_t *const *rows, uint64_t *out_count,
                           struct arm_error *err);

/* Rows that are written anew: `rows` die as by arm__txn_delete, `written` is what comes in their
 * place, at the end of the table: rows that keep the id they had (explicit_row_ids), and others
 * that this transaction made and that have none yet. Both are taken (empty afterwards).
 * `kept_keys`, by key of the schema: each row that comes has the key of one that dies (NULL: it is
 * not known). */
arm_status arm__txn_update(struct arm_transaction *txn, const struct arm_view *view,
                           roaring_bitmap_t *const *rows, struct arm_written written[2],
                           const bool *kept_keys, uint64_t *out_count, struct arm_error *err);

/* Whole rows in the place of those that have their primary keys, or new (`written` is taken): rows
 * that were there get other ids. Errors: ARM_SCHEMA: the table has no primary key;
 * ARM_CONSTRAINT: two of the rows have one key. */
arm_status arm__txn_upsert(struct arm_transaction *txn, const char *schema_name, const char *name,
                           struct arm_written *written, uint64_t *out_replaced,
                           struct arm_error *err);

/* ---- By primary key, without SQL. `keys`: the key's columns in its order, of their types, at most
 * a vector of them. Errors: ARM_SCHEMA: there is no primary key. ---- */

/* A row of a view that has key `written_row`. */
struct arm_key_match {
    size_t written_entry; /* 0, where keys were given */
    uint32_t written_row;
    size_t entry; /* of the view */
    uint32_t row;
};
/* `*out` (arm__free): in order of the view's rows. */
arm_status arm__txn_find_keys(struct arm_transaction *txn, const struct arm_view *view,
                              duckdb_data_chunk keys, struct arm_key_match **out, size_t *out_count,
                              struct arm_error *err);
arm_status arm__txn_delete_keys(struct arm_transaction *txn, const struct arm_view *view,
                                duckdb_data_chunk keys, uint64_t *out_count, struct arm_error *err);

/* ---- Merges. Only in a transaction that has changed nothing before. ---- */

/* The commit will have `commit_id` as its other parent, and be made whatever it changes. */
arm_status arm__txn_merge(struct arm_transaction *txn, const struct arm_id *commit_id,
                          struct arm_error *err);
bool arm__txn_is_merge(const struct arm_transaction *txn);

/* A table becomes what another branch made of it. */
struct arm_adoption {
    struct arm_table_info info;      /* the version, and its name there; taken */
    const struct arm_table_row *had; /* the same table as the snapshot has it; NULL: it does not */
    const char *schema_name;         /* what it is called from here on */
    const char *name;
    uint64_t rows_added; /* what that means for the rows that the snapshot has */
    uint64_t rows_removed;
};
/* Errors: ARM_EXISTS: another has the name, and is not dropped by this transaction. */
arm_status arm__txn_adopt(struct arm_transaction *txn, struct arm_adoption *adoption,
                          struct arm_error *err);
/* The same, and a next version is made of it though nothing else is changed: for a table that goes
 * back to what it was. */
arm_status arm__txn_adopt_next(struct arm_transaction *txn, struct arm_adoption *adoption,
                               struct arm_error *err);
/* Rows of others' may come into the table, with their ids (arm__txn_update), and columns of another
 * schema of it (arm__txn_alter_table; 0: none). */
arm_status arm__txn_open_table(struct arm_transaction *txn, const char *schema_name,
                               const char *name, uint32_t merged_schema_id, struct arm_error *err);
/* Chunk entries of another branch's version of the table come into it as they stand, behind the
 * others: their rows keep the ids that they have there, and none is dead. The version has the
 * table's schema. Errors: ARM_CONSTRAINT: a row has a key that is there. */
arm_status arm__txn_adopt_chunks(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const struct arm_view *theirs,
                                 const size_t *entries, size_t count, struct arm_error *err);

/* What a consumer's member has done with, when this commits (commit.h, K11): copied. Said again by
 * the same member, what reaches further counts. `cursor` becomes what counts. Errors: ARM_INVALID:
 * another consumer's was said, or another member's; ARM_READ_ONLY. */
arm_status arm__txn_acknowledge(struct arm_transaction *txn, struct arm_new_cursor *cursor,
                                struct arm_error *err);

/* ---- The end. Both free the transaction. ---- */

arm_status arm__txn_commit(struct arm_transaction *txn, const char *message,
                           struct arm_commit_result *out, struct arm_error *err);
void arm__txn_rollback(struct arm_transaction *txn); /* NULL is accepted */

#endif
