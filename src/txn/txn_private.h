/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_PRIVATE_H
#define ARM_TXN_PRIVATE_H

/* A transaction's tables:
 *
 *   table -- base: the version of the snapshot, and its entries (none: created here)
 *         -- base_dead[i]: rows of base entry i that died here; base_removed[i]: replaced here
 *         -- own: what the writer wrote for it, in order, each entry with its own dead rows
 *         -- list: all of that as one array, made when a statement wants to see it
 *
 * Whatever a view shows is immutable and counted: batches of written entries, deletion vectors,
 * schemas, and lists, whose entries below a view's count never change while others are added
 * behind them. */

#include <stdatomic.h>

#include "base/thread.h"
#include "store/pin.h"
#include "txn/txn.h"

/* What one statement wrote. */
struct arm_txn_batch {
    atomic_uint references;
    struct arm_written written;
};

/* Rows of one entry that died in this transaction; replaced, never changed. */
struct arm_txn_dead {
    atomic_uint references;
    roaring_bitmap_t *own; /* that died here, and not before */
    roaring_bitmap_t *all; /* those, and what was dead in the base */
    uint32_t all_count;
};

struct arm_txn_schema {
    atomic_uint references;
    Armpb__Schema *schema;
};

/* One written entry. */
struct arm_txn_own {
    struct arm_txn_batch *batch; /* counted */
    size_t index;                /* in the batch */
    struct arm_txn_dead *dead;   /* counted; NULL: none */
    uint32_t generation;         /* of the table's columns, when it was written */
};

/* Where an entry of a list comes from. */
struct arm_txn_origin {
    struct arm_txn_batch *batch; /* counted; NULL: a base entry */
    size_t index;                /* in the batch, or in the base state */
    size_t own;                  /* where it stood in the table's own entries */
    struct arm_txn_dead *dead;   /* counted; NULL: none died here */
};

struct arm_txn_list {
    atomic_uint references;
    size_t count;
    size_t capacity;
    uint64_t live_rows;
    struct arm_state_entry *entries;
    struct arm_txn_origin *origins;
};

/* What a serializable transaction looked for in the base rows of a table. */
struct arm_txn_reads {
    bool any;
    bool whole; /* every row matters; no filter is kept then */
    size_t count;
    struct arm_read_filter *filters;
    size_t key_count;
    struct arm_key_run **keys; /* primary keys that were looked up; each holds a reference */
};

/* A name that nothing had. */
struct arm_txn_absent {
    char schema_name[256];
    char name[256];
};

/* A table, or another thing that has a name: then without rows. */
struct arm_txn_table {
    Armpb__ObjectKind object;
    char schema_name[256]; /* as written; of a schema "" */
    char name[256];
    bool exists_in_base;
    bool is_created; /* by this transaction */
    bool is_dropped; /* by this transaction: the base table, or the created one before it */
    bool truncated;  /* all base entries are replaced */
    bool has_new_schema;
    bool is_renamed;      /* by this transaction; `base.row` has the name it had */
    bool is_ghost;        /* no table: a name that one was renamed from; is_dropped is set */
    bool is_adopted;      /* `base` is another branch's; the next say what that means here */
    uint64_t had_version; /* what the branch has, 0: nothing */
    uint64_t adopted_rows_added;
    uint64_t adopted_rows_removed;
    bool is_next;
    uint32_t merged_schema_id;
    uint64_t
        first_own_row_id; /* own rows have ids from here on, until a commit gives them theirs */
    uint32_t generation;  /* how often its columns changed here */
    struct arm_table_id table_id; /* of a created one: not the one it will have */
    struct arm_table_info base;
    struct arm_table_state *state; /* loaded when first wanted */
    struct arm_txn_schema *schema; /* when created or changed here; NULL: base.schema */
    uint64_t removed_rows;         /* of the base: dead or replaced here */
    bool *base_removed;
    struct arm_txn_dead **base_dead;
    size_t base_dead_count; /* of them that are set */
    uint64_t own_rows;      /* live ones */
    size_t own_count;
    size_t own_capacity;
    struct arm_txn_own *own;
    size_t unjoined;           /* hot entries since they were last joined */
    struct arm_txn_list *list; /* counted; NULL: to be made */
    size_t list_own;           /* how many own entries it shows */
    struct arm_txn_reads reads;
    uint64_t sequence_used; /* places taken of a sequence that was created here */
    bool is_told;           /* it gets a version whatever changes, of which is said: */
    uint64_t wanted_version;
    char *metadata;
    size_t use_count;
    struct arm_hash *uses;
};

struct arm_txn_past {
    struct arm_table_id table_id;
    uint64_t version;
};

/* The public part first, so that a pointer to one is a pointer to the other. */
struct arm_counted_view {
    struct arm_view view;
    atomic_uint references;
    struct arm_catalog *catalog;
    struct arm_store *store;
    struct arm_table_state *state;  /* counted; what `list` shows of the base points into it */
    struct arm_txn_list *list;      /* counted; NULL: `state` is shown as it is */
    struct arm_txn_schema *schema;  /* counted; NULL: the catalog's */
    struct arm_counted_view *of;    /* counted: that this one shows a part of, ... */
    struct arm_state_entry *narrow; /* ... with its own entries, ... */
    roaring_bitmap_t **dead;        /* ... and what is dead in each, NULL: as there; owned */
    uint64_t *pieces;               /* the view's; owned */
};

/* A consumer's cursor, to be committed with the changes. */
struct arm_txn_cursor {
    char name[256];
    struct arm_consumer_row seen;
    struct arm_new_cursor cursor; /* borrows from the two */
};

struct arm_transaction {
    struct arm_repository *repository;
    struct arm_engine *engine;
    struct arm_snapshot snapshot;
    bool read_only;
    bool is_old;        /* the snapshot lies before the horizon: what it has may have expired */
    struct arm_pin pin; /* the snapshot's tx, or that of an older version which was looked at */
    struct arm_txn_settings settings;
    struct arm_id merged;          /* zeros: it merges nothing */
    uint64_t checked_tx;           /* of the protection whose checks hold; 0: none were asked */
    struct arm_txn_cursor *cursor; /* what a consumer has done with; NULL: none; owned */
    struct arm_mutex mutex;        /* guards what follows */
    size_t past_count;
    struct arm_txn_past *past; /* versions that were looked at by AT: they stay readable here */
    bool reads_all;
    size_t absent_count;
    struct arm_txn_absent *absent;
    uint64_t catalog_version;
    uint32_t created_count;
    size_t table_count;
    struct arm_txn_table **tables; /* all looked at; a re-created name has two, the live last */
};

/* ---- Counted things (counted.c); each drop accepts NULL ---- */

/* `written` is taken. */
arm_status arm__txn_batch_new(struct arm_written *written, struct arm_txn_batch **out,
                              struct arm_error *err);
struct arm_txn_batch *arm__txn_batch_retain(struct arm_txn_batch *batch);
void arm__txn_batch_drop(struct arm_txn_batch *batch);
/* `old` (may be NULL) with `rows` joined; `base` (may be NULL) is what died before. `*out_more`:
 * how many of `rows` were alive. */
arm_status arm__txn_dead_join(const struct arm_txn_dead *old, const roaring_bitmap_t *base,
                              const roaring_bitmap_t *rows, struct arm_txn_dead **out,
                              uint64_t *out_more, struct arm_error *err);
struct arm_txn_dead *arm__txn_dead_retain(struct arm_txn_dead *dead); /* NULL is accepted */
void arm__txn_dead_drop(struct arm_txn_dead *dead);
/* `schema` is copied, its fields numbered. */
arm_status arm__txn_schema_new(const Armpb__Schema *schema, uint32_t schema_id,
                               struct arm_txn_schema **out, struct arm_error *err);
/* The same as it is. */
arm_status arm__txn_schema_copy(const Armpb__Schema *schema, struct arm_txn_schema **out,
                                struct arm_error *err);
/* The next one of a table that is there: new columns get ids behind those of all branches. */
arm_status arm__txn_next_schema(struct arm_transaction *txn, const struct arm_txn_table *table,
                                const Armpb__Schema *schema, struct arm_txn_schema **out,
                                struct arm_error *err);
struct arm_txn_schema *arm__txn_schema_retain(struct arm_txn_schema *schema); /* NULL as well */
void arm__txn_schema_drop(struct arm_txn_schema *schema);
struct arm_txn_list *arm__txn_list_retain(struct arm_txn_list *list);
void arm__txn_list_drop(struct arm_txn_list *list);

/* ---- Tables (txn.c); under the mutex ---- */

const Armpb__Schema *arm__txn_table_schema(const struct arm_txn_table *table);
bool arm__txn_table_has_changes(const struct arm_txn_table *table);
const struct arm_new_entry *arm__txn_own_entry(const struct arm_txn_own *own);
/* The live table of a name, looked up in the snapshot the first time; NULL: none. */
arm_status arm__txn_find(struct arm_transaction *txn, const char *schema_name, const char *name,
                         struct arm_txn_table **out, struct arm_error *err);
/* As arm__txn_find; ARM_NOT_FOUND if there is none, ARM_INVALID if it is no table, ARM_READ_ONLY if
 * nothing may be changed. */
arm_status arm__txn_find_for_change(struct arm_transaction *txn, const char *schema_name,
                                    const char *name, struct arm_txn_table **out,
                                    struct arm_error *err);
/* A new table in the list; freed with the transaction. */
arm_status arm__txn_add_table(struct arm_transaction *txn, const char *schema_name,
                              const char *name, struct arm_txn_table **out, struct arm_error *err);
/* Take the last one out of the list again, and free it. */
void arm__txn_remove_last(struct arm_transaction *txn);
/* The entries of the base version, loaded once. */
arm_status arm__txn_load_state(struct arm_transaction *txn, struct arm_txn_table *table,
                               struct arm_error *err);
/* Forget what was done to its rows. */
void arm__txn_table_clear_changes(struct arm_txn_table *table);
/* The list is of the past: the next statement has a new one made. */
void arm__txn_table_changed(struct arm_txn_table *table);

/* ---- What is made and dropped (change.c); under the mutex ---- */

/* SQL has some names for itself: ARM_INVALID_NAME. */
arm_status arm__txn_check_schema_name(const char *name, struct arm_error *err);
struct arm_txn_creation {
    Armpb__ObjectKind object;
    const char *schema_name;
    const char *name;
    const Armpb__Schema *schema; /* copied */
    bool or_replace;
};
arm_status arm__txn_create(struct arm_transaction *txn, const struct arm_txn_creation *creation,
                           struct arm_error *err);
/* Cannot fail. */
void arm__txn_drop_found(struct arm_transaction *txn, struct arm_txn_table *table);

/* ---- Views (list.c, view.c); under the mutex ---- */

/* Make `table->list` show the table as it is now. */
arm_status arm__txn_list_update(struct arm_transaction *txn, struct arm_txn_table *table,
                                struct arm_error *err);
/* Have a version of a table pinned until the end (X7). */
arm_status arm__txn_pin_version(struct arm_transaction *txn, const struct arm_table_info *info,
                                struct arm_table_state **out, struct arm_error *err);
/* Where entry `entry` of a view comes from; NULL: base entry `entry` of a table without changes. */
const struct arm_txn_origin *arm__txn_view_origin(const struct arm_view *view, size_t entry);

/* ---- Joining (join.c); under the mutex ---- */

#define ARM_TXN_UNJOINED_MAX 256u

/* Write runs of appended hot entries anew as one, without their dead rows: what many small
 * statements left becomes few entries, or a chunk over the hot limits. */
arm_status arm__txn_join(struct arm_transaction *txn, struct arm_txn_table *table,
                         struct arm_error *err);

/* ---- Keys (keys.c); under the mutex ---- */

/* What a statement is about to do to a table. */
struct arm_key_change {
    size_t written_count; /* 1 or 2 */
    const struct arm_written *written;
    const bool *kept_keys;          /* by key: no look is needed; NULL: at each */
    const Armpb__Schema *schema;    /* that the table is about to have; NULL: the one it has */
    bool replaces;                  /* whatever was there goes */
    const struct arm_view *view;    /* NULL: no row dies */
    roaring_bitmap_t *const *dying; /* by entry of the view; NULL: none */
};
/* ARM_CONSTRAINT, naming table, constraint and key, if a live row would then have the key of
 * another. */
arm_status arm__txn_check_keys(struct arm_transaction *txn, struct arm_txn_table *table,
                               const struct arm_key_change *change, struct arm_error *err);

/* The run of an entry that is in the log, by one key of a schema; the caller drops it. */
arm_status arm__txn_entry_keys(struct arm_transaction *txn, const Armpb__Schema *schema,
                               const Armpb__Key *key, const struct arm_state_entry *entry,
                               struct arm_key_run **out, struct arm_error *err);

struct arm_txn_judge {
    struct arm_key_judge judge;
    struct arm_transaction *txn;
    struct arm_txn_table *table;
    bool meets;
};
/* Who tells whether others wrote a key that the transaction wrote; NULL: there is none to tell of.
 * It is valid as long as `out`. */
const struct arm_key_judge *arm__txn_judge(struct arm_transaction *txn, struct arm_txn_table *table,
                                           struct arm_txn_judge *out);

/* ---- Reads (reads.c); under the mutex ---- */

/* The snapshot has nothing of that name. */
arm_status arm__txn_note_absent(struct arm_transaction *txn, const char *schema_name,
                                const char *name, struct arm_error *err);
/* Primary keys are looked up in the table that `view` shows. */
arm_status arm__txn_note_keys(struct arm_transaction *txn, const struct arm_view *view,
                              struct arm_key_run *keys, struct arm_error *err);
void arm__txn_reads_release(struct arm_txn_reads *reads);

struct arm_txn_read_judge {
    struct arm_read_judge judge;
    struct arm_transaction *txn;
    struct arm_txn_table *table;
};
/* All reads of the transaction as its request has them; `out` has room for a read of each table and
 * each absent name, `judges` for one of each table, and is borrowed by them. */
size_t arm__txn_describe_reads(struct arm_transaction *txn, struct arm_new_read *out,
                               struct arm_txn_read_judge *judges);

/* Whether column `column_id` has in `schema` the type it had in schema `schema_id` of the table. */
bool arm__txn_keeps_type(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                         const Armpb__Schema *schema, uint32_t schema_id, uint32_t column_id);

void arm__txn_free(struct arm_transaction *txn);

#endif
