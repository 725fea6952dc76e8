/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CATALOG_CATALOG_H
#define ARM_CATALOG_CATALOG_H

/* Names and history, read: refs, snapshots, tables, versions, commits, table states. A thin
 * typed view over the index, and over the log for what the index does not repeat. Every
 * function opens its own short read transaction; nothing here writes. Thread-safe.
 *
 * C1  Everything is read as of a snapshot: a branch at a tx that is durable.
 * C2  A table state is immutable and cached by (table id, version, layout). */

#include "index/index.h"
#include "model/name.h"
#include "model/vector.h"
#include "store/chunk.h"

struct arm_catalog;

arm_status arm__catalog_new(struct arm_index *index, struct arm_log *log, struct arm_store *store,
                            struct arm_catalog **out, struct arm_error *err);
void arm__catalog_free(struct arm_catalog *catalog);

/* A read transaction of the index, for who asks it more than this header does; ended by
 * arm__index_abort. */
arm_status arm__catalog_begin_read(struct arm_catalog *catalog, struct arm_index_txn **out,
                                   struct arm_error *err);

/* ---- Snapshots and refs ---- */

struct arm_snapshot {
    uint64_t branch_id;
    uint64_t tx; /* everything up to here is seen */
    char branch[256];
};

/* The branch as it is now (durable). Errors: ARM_NOT_FOUND naming it. */
arm_status arm__catalog_snapshot(struct arm_catalog *catalog, const char *branch,
                                 struct arm_snapshot *out, struct arm_error *err);
/* The same by id, whatever the branch is called by now. `*out_found` false: it was dropped. */
arm_status arm__catalog_branch(struct arm_catalog *catalog, uint64_t branch_id,
                               struct arm_snapshot *out, bool *out_found, struct arm_error *err);
/* A ref as users type it, in the light of `on` (for times, and HEAD-less forms): a branch
 * before a tag; `tx:N` must exist; `~n` walks first parents; a time is the last commit of
 * on's branch at or before it. `version:N` is refused here (ARM_INVALID: it names a table's
 * version: see arm__catalog_version_at). Errors: ARM_NOT_FOUND, ARM_INVALID. */
arm_status arm__catalog_resolve(struct arm_catalog *catalog, const struct arm_snapshot *on,
                                const char *ref, struct arm_snapshot *out, struct arm_error *err);
/* The last commit of the snapshot's history; 0: none. */
arm_status arm__catalog_head(struct arm_catalog *catalog, const struct arm_snapshot *at,
                             uint64_t *out_tx, struct arm_error *err);

/* ---- Branches and tags (ref.c) ---- */

struct arm_branch_info {
    char name[256];
    uint64_t branch_id;
    uint64_t head_tx; /* its last commit, 0: none */
    int64_t created_us;
    char parent[256];                    /* name now of the branch it was made from; empty: none */
    const char *description;             /* borrowed for the visit; NULL: none */
    const Armpb__Protection *protection; /* so too */
};
typedef arm_status arm_visit_branch(void *context, const struct arm_branch_info *info,
                                    struct arm_error *err);
/* In order of name. */
arm_status arm__catalog_branches(struct arm_catalog *catalog, arm_visit_branch *visit,
                                 void *context, struct arm_error *err);
/* One of them. Errors: ARM_NOT_FOUND. */
arm_status arm__catalog_branch_named(struct arm_catalog *catalog, const char *name,
                                     arm_visit_branch *visit, void *context, struct arm_error *err);
/* What the branch asks of commits now, with the tx of the record that says so; `*out` NULL: it
 * has no checks. To be freed with arm__record_free. */
arm_status arm__catalog_checks(struct arm_catalog *catalog, uint64_t branch_id, uint64_t *out_tx,
                               Armpb__Record **out, struct arm_error *err);
/* What the branch is called now that was called `name` last, if it was renamed since. */
arm_status arm__catalog_renamed(struct arm_catalog *catalog, const char *name, char out[256],
                                bool *out_found, struct arm_error *err);

struct arm_tag_info {
    char name[256];
    int64_t created_us;           /* when the tag was made, ... */
    const char *author;           /* ... and by whom; borrowed for the visit */
    const char *description;      /* so too; NULL: none */
    struct arm_record_row commit; /* that it names */
    char branch[256];             /* name now of the branch that was made on; "" if dropped */
};
typedef arm_status arm_visit_tag(void *context, const struct arm_tag_info *info,
                                 struct arm_error *err);
/* In order of name. */
arm_status arm__catalog_tags(struct arm_catalog *catalog, arm_visit_tag *visit, void *context,
                             struct arm_error *err);

/* ---- Retention (expired.c) ---- */

/* What lies before it may have been given up (0: nothing was), and its time. */
arm_status arm__catalog_horizon(struct arm_catalog *catalog, uint64_t *out_tx, int64_t *out_us,
                                struct arm_error *err);
/* Errors: ARM_HISTORY_EXPIRED if the version is given up, as of a tx. */
arm_status arm__expired_check(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                              uint64_t version, uint64_t at_tx, struct arm_error *err);

/* ---- Tables ---- */

/* What is known of a table version without reading rows. Released by arm__table_info_release. */
struct arm_table_info {
    struct arm_table_row row; /* id, version, names, kind */
    struct arm_version_row version;
    Armpb__Schema *schema;
};
void arm__table_info_release(struct arm_table_info *info); /* accepts the zeroed state */

/* `*out_found` false: no such table in the snapshot. */
arm_status arm__catalog_table(struct arm_catalog *catalog, const struct arm_snapshot *at,
                              const char *schema_name, const char *name, struct arm_table_info *out,
                              bool *out_found, struct arm_error *err);
struct arm_table_list {
    struct arm_table_row *rows; /* owned */
    size_t count;
    size_t capacity;
};
/* All objects of the snapshot. `out` is zeroed before; its rows are the caller's (arm__free), after
 * an error too. */
arm_status arm__catalog_list(struct arm_catalog *catalog, const struct arm_snapshot *at,
                             struct arm_table_list *out, struct arm_error *err);
arm_status arm__catalog_tables(struct arm_catalog *catalog, const struct arm_snapshot *at,
                               arm_visit_table *visit, void *context, struct arm_error *err);
/* Version `number` of a name, on any branch. Errors: ARM_NOT_FOUND saying which there are. */
arm_status arm__catalog_table_version(struct arm_catalog *catalog, const char *schema_name,
                                      const char *name, uint64_t number, struct arm_table_info *out,
                                      struct arm_error *err);
/* A table at a ref that may also be `version:N` or a bare number. */
arm_status arm__catalog_table_at(struct arm_catalog *catalog, const struct arm_snapshot *on,
                                 const char *schema_name, const char *name, const char *ref,
                                 struct arm_table_info *out, struct arm_error *err);

/* ---- History ---- */

/* One commit with its record, as it stands in the log. */
struct arm_commit_info {
    struct arm_record_row row;
    const Armpb__Commit *commit; /* borrowed for the visit */
    const char *branch;          /* name now of the branch it was made on; "" if dropped */
};
typedef arm_status arm_visit_commit(void *context, const struct arm_commit_info *info,
                                    struct arm_error *err);
/* Commits of the snapshot's history, newest first, at most `limit` (0: all). */
arm_status arm__catalog_log(struct arm_catalog *catalog, const struct arm_snapshot *at,
                            uint64_t limit, arm_visit_commit *visit, void *context,
                            struct arm_error *err);
arm_status arm__catalog_commit(struct arm_catalog *catalog, uint64_t tx, arm_visit_commit *visit,
                               void *context, struct arm_error *err);
/* These commits, in the order given. */
arm_status arm__catalog_commits(struct arm_catalog *catalog, const uint64_t *txs, size_t count,
                                arm_visit_commit *visit, void *context, struct arm_error *err);
/* Name (as of that commit) of a table that a commit changed; "?" cannot happen. */
arm_status arm__catalog_table_name(struct arm_catalog *catalog, uint64_t branch_id, uint64_t tx,
                                   const struct arm_table_id *table_id, char schema_name[256],
                                   char name[256], struct arm_error *err);
/* Versions of a table, newest first: of the snapshot's history (following parents), or of
 * every branch (`all`). */
struct arm_version_info {
    struct arm_version_row version;
    struct arm_record_row record;
    const char *branch;
    const char *message; /* borrowed for the visit */
};
typedef arm_status arm_visit_version(void *context, const struct arm_version_info *info,
                                     struct arm_error *err);
arm_status arm__catalog_versions(struct arm_catalog *catalog, const struct arm_snapshot *at,
                                 const char *schema_name, const char *name, bool all,
                                 arm_visit_version *visit, void *context, struct arm_error *err);

/* The record of a tx, decoded (chunk-held ones resolved). Freed by arm__record_free.
 * `payload` (may be NULL) gets the hot rows. */
arm_status arm__catalog_record(struct arm_catalog *catalog, uint64_t tx, Armpb__Record **out,
                               struct arm_buf *payload, struct arm_error *err);

/* What a change of a commit did to the table of its branch: 0, there was, or is, none. */
struct arm_change_versions {
    uint64_t old_version;
    uint64_t new_version;
    bool is_new_table;
};
arm_status arm__catalog_change_versions(struct arm_catalog *catalog,
                                        const struct arm_commit_info *info,
                                        const Armpb__TableChange *change,
                                        struct arm_change_versions *out, struct arm_error *err);
/* Bytes of the chunks and hot rows that a change of a commit took out of its table. */
arm_status arm__catalog_bytes_removed(struct arm_catalog *catalog, const Armpb__TableChange *change,
                                      uint64_t *out, struct arm_error *err);

/* A record of a frame, decoded; one that stands in a chunk of its own is fetched from there.
 * Errors: ARM_CORRUPT, ARM_NOT_FOUND, ARM_HASH_MISMATCH. */
arm_status arm__record_resolve(struct arm_store *store, const struct arm_record *bytes,
                               Armpb__Record **out, struct arm_error *err);

/* ---- Table states ---- */

/* One entry of a table state, as scans want it. */
struct arm_state_entry {
    struct arm_position position;
    uint64_t first_row_id;
    uint64_t bytes;
    uint32_t rows;
    uint32_t dead;
    uint32_t schema_id;
    bool is_hot;
    bool explicit_row_ids;
    struct arm_hash rows_hash;
    struct arm_hash chunk;          /* !is_hot */
    uint64_t tx;                    /* is_hot: whose payload ... */
    uint64_t payload_offset;        /* ... and where */
    const roaring_bitmap_t *vector; /* dead rows; NULL: none */
    /* Where two states of this process have the same number in the same place, all entries up to
     * there are the same, whatever rows of them died. Not 0; 0 in lists of a transaction. */
    uint64_t lineage;
};

/* The rows of one table version. Immutable, shared, counted; safe on any thread. */
struct arm_table_state {
    struct arm_table_id table_id;
    uint64_t version;
    uint64_t layout; /* of the version: which entries its rows stand in (index.h) */
    uint64_t live_rows;
    size_t entry_count;
    struct arm_state_entry *entries; /* in order of position */
    size_t chunk_count;              /* entries that are not hot, which may be few among many */
    size_t *chunks;                  /* their numbers, in order */
};
/* In its newest layout that is durable. Errors: ARM_HISTORY_EXPIRED, saying what there is
 * instead. What gc may not take meanwhile, the caller pins first (store/pin.h): the version's
 * tx, or an earlier one. */
arm_status arm__catalog_state(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                              uint64_t version, struct arm_table_state **out,
                              struct arm_error *err);
/* The same of a version that the caller has pinned since before it can have expired. */
arm_status arm__catalog_pinned_state(struct arm_catalog *catalog,
                                     const struct arm_table_id *table_id, uint64_t version,
                                     struct arm_table_state **out, struct arm_error *err);
struct arm_table_state *arm__table_state_retain(struct arm_table_state *state);
void arm__table_state_drop(struct arm_table_state *state); /* NULL is accepted */

/* Hash the chunk's file, unless this process has found it sound before. To be asked before its
 * bytes are believed. Errors: ARM_NOT_FOUND, ARM_HASH_MISMATCH: it is damaged. */
arm_status arm__catalog_chunk_sound(struct arm_catalog *catalog, const struct arm_hash *chunk,
                                    struct arm_error *err);

/* Statistics of a chunk, decoded and cached; borrowed until the catalog is freed (chunks are
 * immutable). `*out` NULL: none known. n statistics in no order. */
struct arm_chunk_statistics {
    size_t count;
    Armpb__ColumnStatistics *const *columns;
};
arm_status arm__catalog_statistics(struct arm_catalog *catalog, const struct arm_hash *chunk,
                                   const struct arm_chunk_statistics **out, struct arm_error *err);

/* The bytes of a hot entry. */
arm_status arm__catalog_hot_rows(struct arm_catalog *catalog, const struct arm_state_entry *entry,
                                 struct arm_buf *out, struct arm_error *err);

/* A schema of a table by id, cached; borrowed until the catalog is freed. */
arm_status arm__catalog_schema(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                               uint32_t schema_id, const Armpb__Schema **out,
                               struct arm_error *err);

#endif
