/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_COMMIT_H
#define ARM_COMMIT_COMMIT_H

/* The one path of every change: validate, place, append, fold, publish, wait for the sync.
 *
 * K1  Nothing is visible before it is durable; nothing is acknowledged before it is durable.
 * K2  Validation sees everything appended, durable or not: no conflict is missed.
 * K3  Appends never conflict. Deletions conflict only on the same rows. A replacement
 *     (truncate, removed entries) conflicts with any other change of the table's rows; a
 *     schema change, rename or drop with any other change of the table; two creations of one
 *     name conflict.
 *     Coarser, where the request asks for it (enum arm_grain).
 *     A compaction conflicts with nothing: deletions follow the rows to where it moved them, a
 *     replacement goes on from the layout that it was planned on.
 * K6  A request that says what it read is refused (ARM_CONFLICT) if others changed any of it
 *     since: such requests are as if made one after the other, in the order of their txs.
 * K8  A request that merges a commit has it as its other parent, and makes a record even if it
 *     changes nothing. What it adopts must be on the branch what the writer saw, or not there.
 * K7  What a request was refused for (ARM_CONFLICT) is in the next snapshot: to run it again makes
 *     sense at once, even if the other's process was killed before it could sync.
 * K9  A branch that takes only merges takes no other commit; one with checks takes what says that
 *     they hold, as long as nobody changed the branch since it looked.
 * K11 How far a consumer has come is said of what was seen of it: who finds that others moved it
 *     meanwhile is refused (ARM_CONFLICT). So what two members did of one event is committed once.
 * K10 Two that take the same rows of another branch meet: where no primary key tells it, a merge
 *     that brings row ids meets every commit that brought some.
 * K4  A change that changes nothing makes no version; a commit of none makes no record.
 * K5  Positions, row ids, version numbers, totals and the time are given under the commit
 *     lock: what a writer prepared stays valid whoever came first. */

#include "commit/repository.h"

/* An entry to be added. Rows get ids when committed, unless another branch has the entry already
 * (`keeps_row_ids`): then it brings its first row id, and the schema that it was written with. */
struct arm_new_entry {
    uint32_t rows;
    uint64_t bytes;
    bool is_new; /* the chunk was stored for this commit (counts as bytes added) */
    bool is_hot;
    bool explicit_row_ids; /* the rows bring their ids, in a column (table/row_ids.h) */
    bool keeps_row_ids;
    uint64_t first_row_id; /* keeps_row_ids, and the next */
    uint32_t schema_id;
    struct arm_hash rows_hash;
    struct arm_hash chunk;        /* !is_hot */
    struct arm_bytes hot;         /* is_hot: the batch, borrowed */
    struct arm_position position; /* size 0: append; else as computed from the snapshot */
    struct arm_bytes dead;        /* its rows that died in the same transaction: roaring
                                        * portable, borrowed; becomes a DeletionEdit beside it */
    size_t statistics_count;      /* 0 where the log knows the chunk already */
    Armpb__ColumnStatistics **statistics;
    size_t key_count;          /* of the table's schema */
    struct arm_key_run **keys; /* its rows' keys, one run for each key */
};

/* Who knows keys: asked under the commit lock, by whatever thread holds it, of each entry that
 * others put into the table since the base version. `keys`: its runs, one for each key of the
 * table; NULL: they are to be made of the rows. `*out_meets`: a row there has a key that one of the
 * request's rows has. */
struct arm_key_judge {
    void *self;
    arm_status (*meets)(void *self, const struct arm_state_entry *entry,
                        struct arm_key_run *const *keys, bool *out_meets, struct arm_error *err);
};

/* How fine it is told what two writers changed of one table. Additions meet nothing at any. */
enum arm_grain {
    ARM_GRAIN_ROW,   /* the same rows */
    ARM_GRAIN_CHUNK, /* rows of the same entry: a chunk, or what one commit wrote into the log */
    ARM_GRAIN_TABLE, /* the table, unless both only added rows */
};

/* Who knows what a serializable writer looked for in a table: asked under the commit lock of what
 * others did since. `*out_matters` false is certain: it would have read the same. */
struct arm_read_judge {
    void *self;
    /* Rows of an entry that were added. */
    arm_status (*added)(void *self, const struct arm_state_entry *entry, bool *out_matters,
                        struct arm_error *err);
    /* Rows that were deleted, by entries of the layout that the reader saw. */
    arm_status (*deleted)(void *self, const Armpb__DeletionEdit *edit, bool *out_matters,
                          struct arm_error *err);
};

/* A name that a serializable writer looked up, and what it read of what it found. */
struct arm_new_read {
    const char *schema_name; /* borrowed; "" of a schema */
    const char *name;
    bool was_there; /* else nothing had the name, and the rest is zero */
    struct arm_table_id table_id;
    uint64_t base_version;
    uint64_t base_layout;
    uint32_t schema_id;
    const struct arm_read_judge *judge; /* NULL: no row was read, only what the table is */
};

/* Rows to be deleted from one entry of the snapshot's version. */
struct arm_new_deletion {
    struct arm_position position;
    uint64_t first_row_id;
    uint32_t rows;         /* of the entry */
    struct arm_bytes bits; /* roaring portable, only the newly dead; borrowed */
};

/* A table to be changed. For ARMPB__CHANGE_KIND__CREATE: schema_name, name, schema (its field
 * ids are given). For ADOPT: schema_name and name as the merged branch has them; base_version is
 * what is adopted, and had_version, rows_added and rows_removed say how it differs from what the
 * branch has. CREATE OR REPLACE is a DROP of the old table, then a CREATE, in one request:
 * changes are applied in their order. Within a change: truncated and removed, then added, then
 * deleted. */
struct arm_new_change {
    Armpb__ChangeKind kind;
    struct arm_table_id table_id; /* of an existing table */
    uint64_t base_version;        /* what the writer saw; 0 with CREATE ... */
    uint64_t base_layout;         /* ... and in which layout, that the positions are of */
    uint64_t had_version;         /* ADOPT, and the next: what the branch has; 0: nothing */
    uint64_t rows_added;
    uint64_t rows_removed;
    uint32_t merged_schema_id; /* of a merge: whose fields `schema` may have too; 0: none's */
    const char *schema_name;   /* CREATE, RENAME, ADOPT; borrowed */
    const char *name;
    const Armpb__Schema *schema; /* CREATE, ALTER: borrowed; else NULL */
    bool truncated;
    size_t removed_count;
    const struct arm_position *removed;
    size_t added_count;
    const struct arm_new_entry *added;
    size_t deleted_count;
    const struct arm_new_deletion *deleted;
    bool force_version;                /* a version even if nothing changes (udr) */
    bool force_change;                 /* ADOPT: a change even if the branch has that version */
    uint64_t wanted_version;           /* ARM_VERSION_CONFLICT if it would be another; 0: any */
    const char *metadata;              /* of the version; borrowed; NULL: none */
    size_t use_count;                  /* chunks that the version needs besides its entries */
    const struct arm_hash *uses;       /* borrowed */
    const struct arm_key_judge *judge; /* NULL: the table has no key; borrowed */
    Armpb__ObjectKind object;          /* CREATE: what is made; 0: a table. A schema is made with
                                        * schema_name "" and an empty `schema`. */
};

/* That a consumer of the changelog has come further: in `shares` every event up to `acked_tx` is
 * done with. `seen`: how its maker knew it; NULL: he moves it, wherever it is. */
struct arm_new_cursor {
    const char *name; /* borrowed, and `seen` */
    uint64_t shares;
    uint64_t acked_tx;
    const struct arm_consumer_row *seen;
    uint64_t member; /* whose; 0: nobody's */
};

struct arm_commit_request {
    struct arm_snapshot snapshot; /* what the writer saw; its branch is changed */
    struct arm_id commit_id;      /* zeros: a new one */
    const char *author;           /* NULL: ARMILLARIA_AUTHOR, USER, or "unknown" */
    const char *message;          /* NULL: "" */
    struct arm_id merged;         /* zeros: it merges nothing (K8) */
    size_t change_count;
    struct arm_new_change *changes;
    enum arm_grain grain;
    size_t read_count; /* of a serializable writer */
    const struct arm_new_read *reads;
    bool reads_all; /* it read of all there is (the history, what tables there are) */
    /* The record of the branch's protection whose checks hold on what the snapshot becomes with
     * this request; 0: none were asked. They hold as long as nobody else has changed the branch. */
    uint64_t checked_tx;
    /* ARM_CONFLICT if the branch has a later commit; 0: not asked. */
    uint64_t unchanged_since;
    /* Goes with the changes; without any, it is a record of its own. NULL: none. */
    const struct arm_new_cursor *cursor;
};

struct arm_commit_result {
    uint64_t tx; /* 0: nothing changed, no commit */
    struct arm_id commit_id;
    int64_t time_us;
};

/* `out_versions` (may be NULL): change_count numbers, 0 where no version was made.
 * Errors: ARM_CONFLICT (message names table, kind and the other tx; err->commit_id is its),
 * ARM_EXISTS, ARM_NOT_FOUND, ARM_VERSION_CONFLICT, ARM_FULL, ARM_READ_ONLY, ARM_REOPEN;
 * ARM_COMMIT_UNKNOWN with err->commit_id. Blocks on the commit lock and on a sync. Thread-safe. */
arm_status arm__commit(struct arm_repository *repository, const struct arm_commit_request *request,
                       struct arm_commit_result *out, uint64_t *out_versions,
                       struct arm_error *err);

/* Append a ref change (fields of `change` but id, time and author are the caller's). */
arm_status arm__commit_ref(struct arm_repository *repository, Armpb__RefChange *change,
                           uint64_t *out_tx, struct arm_error *err);

/* Take up to `wanted` places (at least 1) of a committed sequence, whatever branch it is on: the
 * `*out_count` from `*out_first` on are nobody else's in any process, and never given again. What
 * is taken ahead is kept for the next call, so that few calls append a record and wait for its
 * sync. Errors: ARM_NOT_FOUND: there never was such a sequence; ARM_FULL: no place is left; those
 * of a commit. Thread-safe. */
struct arm_places {
    uint64_t first;
    uint64_t count;
};
arm_status arm__sequence_take(struct arm_repository *repository, const struct arm_table_id *id,
                              uint64_t wanted, struct arm_places *out, struct arm_error *err);

/* Consumers, each call one record, durable when it returns. Thread-safe. Errors besides those of a
 * commit: ARM_INVALID_NAME, ARM_INVALID (`acked_tx` is ahead of the log).
 * Make one that has done with everything up to `acked_tx`, unless there is one of that name: `*out`
 * is how it stands, in any case. */
arm_status arm__consumer_make(struct arm_repository *repository, const char *name,
                              uint64_t acked_tx, struct arm_consumer_row *out,
                              struct arm_error *err);
/* How it stands with all that is appended, which is durable then (K7). Errors: ARM_NOT_FOUND. */
arm_status arm__consumer_read(struct arm_repository *repository, const char *name,
                              struct arm_consumer_row *out, struct arm_error *err);
/* K11; `*out` (may be NULL) is how it stands then. Errors: ARM_NOT_FOUND, ARM_CONFLICT. */
arm_status arm__consumer_move(struct arm_repository *repository,
                              const struct arm_new_cursor *cursor, struct arm_consumer_row *out,
                              struct arm_error *err);
/* Whether it stands in these shares as it did then. */
bool arm__consumer_stands(const struct arm_consumer_row *row, const struct arm_consumer_row *then,
                          uint64_t shares);
/* Says ARM_CONFLICT: it does not, for the record `tx` moved it. */
arm_status arm__consumer_moved(const char *name, uint64_t tx, struct arm_error *err);
/* Errors: ARM_NOT_FOUND. */
arm_status arm__consumer_drop(struct arm_repository *repository, const char *name,
                              struct arm_error *err);

/* Store bytes, and keep them from gc until they are let go: durable when it returns. The same bytes
 * are one chunk, whoever else needs it. Errors: as arm__store_put, and those of a commit. */
arm_status arm__loose_put(struct arm_repository *repository, struct arm_bytes bytes,
                          struct arm_hash *out, struct arm_error *err);
/* Remove a chunk that nothing in the log needs, loose or not. Reads the log, unless the index knows
 * that the chunk is nobody else's. A loose one is gone once a record says so: a file that cannot be
 * removed then is left to gc, and the call succeeds. Errors: ARM_NOT_FOUND; ARM_INVALID: a version
 * that can be read uses it, or the log itself does; ARM_BUSY: a running writer or reader needs it;
 * those of a commit. Thread-safe, both. */
arm_status arm__loose_drop(struct arm_repository *repository, const struct arm_hash *chunk,
                           struct arm_error *err);

/* One commit of the snapshot's branch, after which it has of each table that very version, whoever
 * made it on whatever branch: a table of that name which is another is dropped. It is made even if
 * the branch has all of them already. Errors besides those of a commit: ARM_NOT_FOUND: there is no
 * such version; ARM_HISTORY_EXPIRED; ARM_INVALID: a table is named twice. */
struct arm_moved_table {
    const char *schema_name; /* borrowed */
    const char *name;
    uint64_t version;
};
struct arm_move {
    struct arm_snapshot snapshot;
    uint64_t unchanged_since; /* as of a commit request */
    const char *message;
    size_t count;
    const struct arm_moved_table *tables;
};
arm_status arm__commit_move(struct arm_repository *repository, const struct arm_move *move,
                            struct arm_commit_result *out, struct arm_error *err);

/* Whether a commit is in the log: after ARM_COMMIT_UNKNOWN and a reopening. 0: it is not. */
arm_status arm__commit_find(struct arm_repository *repository, const struct arm_id *commit_id,
                            uint64_t *out_tx, struct arm_error *err);

#endif
