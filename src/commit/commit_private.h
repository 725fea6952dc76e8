/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_PRIVATE_H
#define ARM_COMMIT_PRIVATE_H

/* What the files of commit/ share. */

#include <stdatomic.h>

#include "base/arena.h"
#include "base/thread.h"
#include "commit/commit.h"
#include "commit/repository.h"
#include "commit/turn.h"

/* ---- header.c: the file FORMAT ---- */

#define ARM_FORMAT_VERSION 1u

struct arm_header {
    struct arm_id id;
    uint64_t compatible;           /* feature bits: unknown ones may be ignored ... */
    uint64_t read_only_compatible; /* ... or written past, not over ... */
    uint64_t incompatible;         /* ... or not even read */
    int64_t created_us;
    char reads_with[64]; /* decoded: the version that knows all of it */
};

arm_status arm__header_encode(const struct arm_header *header, struct arm_buf *out,
                              struct arm_error *err);
/* `*out_read_only`: it has read-only-compatible features that this program does not know.
 * Errors: ARM_NOT_REPOSITORY, ARM_NEWER_FORMAT with the version that reads it, ARM_CORRUPT. */
arm_status arm__header_decode(struct arm_bytes text, struct arm_header *out, bool *out_read_only,
                              struct arm_error *err);

/* Incompatible features. */
#define ARM_FEATURE_COMPACTION UINT64_C(1) /* records of table versions in other entries */

#define ARM_FEATURE_OBJECTS UINT64_C(2) /* schemas, views and sequences */

#define ARM_FEATURE_GENERATED UINT64_C(4) /* tables with generated columns */

#define ARM_FEATURE_RETENTION UINT64_C(8) /* chunks may be gone that the log names */

#define ARM_FEATURE_MERGE UINT64_C(16) /* commits with two parents, tables that are adopted */

#define ARM_FEATURE_PROTECTION UINT64_C(32) /* branches that ask something of commits */

#define ARM_FEATURE_CONSUMERS UINT64_C(64) /* cursors of consumers of the changelog */

#define ARM_FEATURE_LOOSE UINT64_C(128) /* chunks that users keep, what is said of versions */

/* ---- feature.c ---- */

/* Under the commit lock, before the first record that needs them: FORMAT says so, durably. */
arm_status arm__repository_use_feature(struct arm_repository *repository, uint64_t incompatible,
                                       struct arm_error *err);
/* Whether FORMAT has any of the bits by now. */
arm_status arm__repository_has_feature(struct arm_repository *repository, uint64_t incompatible,
                                       bool *out, struct arm_error *err);

/* ---- trust.c: the file index/trust ---- */

/* What the index file was when it could last be believed. */
struct arm_trust {
    char boot_id[64]; /* empty: not known */
    uint64_t device;
    uint64_t inode;
    uint64_t mount;
    uint64_t next_tx;    /* everything before it was durable at the last clean close; 0: nothing */
    bool is_clean;       /* closed, synced and not written since ... */
    uint64_t size_bytes; /* ... when it had this size ... */
    int64_t modified_us; /* ... and was modified and changed then */
    int64_t changed_us;
};

/* `*out_found` false: there is none, or none that can be read. */
arm_status arm__trust_read(const struct arm_io *io, const char *root, struct arm_trust *out,
                           bool *out_found, struct arm_error *err);
/* Durably. */
arm_status arm__trust_write(const struct arm_io *io, const char *root,
                            const struct arm_trust *trust, struct arm_error *err);
/* The index file as it is now; `*out_found` false: it is not there. */
arm_status arm__trust_look(const struct arm_io *io, const char *root, struct arm_trust *out,
                           bool *out_found, struct arm_error *err);
/* R2: whether the file `now` is the one that `mark` vouches for. */
bool arm__trust_holds(const struct arm_trust *mark, const struct arm_trust *now);
/* Remove index/data.mdb and what belongs to it, and all trust but what is known durable. */
arm_status arm__trust_wipe(const struct arm_io *io, const char *root, uint64_t next_tx,
                           struct arm_error *err);

/* ---- locks.c: index/lock ---- */

/* Byte 0 is the gate, held exclusively while somebody opens or closes; byte 1 the living,
 * shared by all who have the repository open; and one byte per process, so that a second copy
 * of the library in it is found out. Lock order: gate, living, process, then the commit lock. */
struct arm_locks {
    const struct arm_io *io;
    struct arm_file *file;
    bool has_living;
    bool has_process;
};
/* Takes gate, process and living; `*out_first`: nobody else lives (and the living byte is held
 * exclusively until arm__locks_share). Errors: ARM_BUSY, ARM_PERMISSION. */
arm_status arm__locks_enter(const struct arm_io *io, const char *root, struct arm_locks *out,
                            bool *out_first, struct arm_error *err);
/* Let others in: the living byte is shared, the gate free. */
arm_status arm__locks_share(struct arm_locks *locks, struct arm_error *err);
/* Take the gate again before closing; `*out_last`: nobody else lives. */
arm_status arm__locks_leave(struct arm_locks *locks, bool *out_last, struct arm_error *err);
void arm__locks_release(struct arm_locks *locks); /* accepts the zeroed state */

/* ---- anchor.c ---- */

enum { ARM_ANCHOR_POINTS = 3 };

/* What the paths led to when the repository was opened (R5). */
struct arm_anchor_point {
    char *path;
    bool is_there;
    struct arm_identity identity;
};
struct arm_anchor {
    const struct arm_io *io;
    struct arm_anchor_point points[ARM_ANCHOR_POINTS];
};
arm_status arm__anchor_take(const struct arm_io *io, const char *root, struct arm_anchor *out,
                            struct arm_error *err);
/* ARM_REOPEN if one leads elsewhere, or nowhere. The zeroed anchor holds. */
arm_status arm__anchor_check(const struct arm_anchor *anchor, struct arm_error *err);
/* arm__repository_check but for the look whether it is where it was (R5): for who looks himself
 * before the first write. */
arm_status arm__repository_check_handle(struct arm_repository *repository, bool writing,
                                        struct arm_error *err);
void arm__anchor_release(struct arm_anchor *anchor); /* accepts the zeroed state */

/* ---- repository.c ---- */

/* What checkpoint.c keeps. */
struct arm_checkpointer {
    uint64_t growth_bytes;      /* at least so much log between two */
    _Atomic uint64_t due_bytes; /* of log; 0: not known yet */
    atomic_bool is_busy;        /* a thread makes one */
    struct arm_mutex mutex;     /* guards all below; a leaf but for what the index does to read */
    bool has_thread;            /* to be joined */
    pthread_t thread;
    uint64_t found_bytes; /* the log when it was started */
};

/* sequence.c: places taken ahead, by sequence. */
struct arm_sequence_block;
struct arm_sequences {
    struct arm_mutex mutex; /* held while a block is taken: who wants of it waits anyway */
    size_t count;
    struct arm_sequence_block *blocks;
};
void arm__sequences_init(struct arm_sequences *sequences);
void arm__sequences_release(struct arm_sequences *sequences);

struct arm_repository {
    const struct arm_io *io;
    char *path;
    struct arm_header header;
    struct arm_locks locks;
    struct arm_anchor anchor;
    int pid;
    bool read_only;        /* asked for, or the format does not let us write (R1) */
    bool log_is_read_only; /* the file system or the format does not let us write */
    bool is_damaged;
    atomic_bool is_marked; /* the index is known not to be marked clean (trust.c) */
    struct arm_store *store;
    struct arm_log *log;
    struct arm_index *index;
    struct arm_catalog *catalog;
    struct arm_key_store *keys;
    struct arm_recovery_report report;
    struct arm_checkpointer checkpointer;
    struct arm_sequences sequences;
    struct arm_turns turns;
};

/* A handle that knows its path alone; then everything below it, the locks first (header is set);
 * and its end, in reverse, without a clean close. */
arm_status arm__repository_new(const char *path, const struct arm_repository_options *options,
                               struct arm_repository **out, struct arm_error *err);
arm_status arm__repository_attach(struct arm_repository *repository,
                                  const struct arm_repository_options *options,
                                  struct arm_error *err);
void arm__repository_detach(struct arm_repository *repository);

/* Begin a change of the index, whose clean mark is gone from here on: the commit lock, and
 * every frame folded that a killed process left. */
arm_status arm__repository_begin(struct arm_repository *repository, struct arm_index_txn **out,
                                 struct arm_index_state *out_state, struct arm_error *err);
/* `commit_id` of a failing call, for ARM_CONFLICT and ARM_COMMIT_UNKNOWN. */
void arm__error_set_commit(struct arm_error *err, const struct arm_id *commit_id);

/* ---- recover.c ---- */

/* What the first opener does, and what who comes later does; index and report are set. */
arm_status arm__recover_first(struct arm_repository *repository, struct arm_error *err);
arm_status arm__recover_join(struct arm_repository *repository, struct arm_error *err);
/* What the last one does before it closes. */
arm_status arm__recover_close(struct arm_repository *repository, struct arm_error *err);
/* Remove what is left in staging/ by those who are gone. */
arm_status arm__recover_sweep(struct arm_repository *repository, uint64_t *out_removed,
                              struct arm_error *err);

/* ---- checkpoint.c: made when due ---- */

/* `growth_bytes` 0: the default. Then to be ended, once, before the repository is detached. */
void arm__checkpoint_init(struct arm_repository *repository, uint64_t growth_bytes);
/* A commit ends at `at`: begin one if it is due. */
void arm__checkpoint_consider(struct arm_repository *repository, const struct arm_log_position *at);
/* Wait for the one that is being made. */
void arm__checkpoint_end(struct arm_repository *repository);

/* ---- restore.c: found and used ---- */

/* The file log/checkpoint: where the last checkpoint's record stands. */
struct arm_checkpoint_hint {
    uint64_t tx;
    uint64_t segment;
    uint64_t offset;
};
/* `*out_found` false: there is none, or none that can be read. */
arm_status arm__checkpoint_hint_read(struct arm_repository *repository,
                                     struct arm_checkpoint_hint *out, bool *out_found,
                                     struct arm_error *err);
/* Durably. */
arm_status arm__checkpoint_hint_write(struct arm_repository *repository,
                                      const struct arm_checkpoint_hint *hint,
                                      struct arm_error *err);
/* An index made anew from the last checkpoint, in repository->index; NULL: there is none, or it is
 * of no use. `durable_next_tx` as for arm__trust_wipe. `*out_tx` is the tx of the checkpoint that
 * the hint names, which was durable: 0, none. */
arm_status arm__recover_restore(struct arm_repository *repository, uint64_t durable_next_tx,
                                uint64_t *out_tx, struct arm_error *err);

/* ---- catchup.c ---- */

/* Where frames come from and where they are folded to. */
struct arm_catch_up {
    struct arm_log *log;
    struct arm_store *store;
    const struct arm_log_position *until; /* NULL: the tail */
    uint64_t record_limit;                /* 0: none */
    uint64_t *frame_count;                /* counts frames; may be NULL */
};
/* Fold frames until the end or the limit; `*state` moves along. `*out_folded` counts records
 * (may be NULL), `*out_more` says that the limit ended it. */
arm_status arm__catch_up(const struct arm_catch_up *source, struct arm_index_txn *txn,
                         struct arm_index_state *state, uint64_t *out_folded, bool *out_more,
                         struct arm_error *err);
/* The same for a whole index, in transactions of a bearable size. */
arm_status arm__catch_up_all(const struct arm_catch_up *source, struct arm_index *index,
                             uint64_t *out_folded, struct arm_error *err);

/* ---- validate.c, place.c: one change of a request on its way into the record ---- */

struct arm_change_plan {
    const struct arm_new_change *request;
    Armpb__ChangeKind kind;
    struct arm_table_id table_id;
    struct arm_table_row row;      /* on the branch now; zeroed with CREATE */
    struct arm_version_row parent; /* zeroed with CREATE */
    const char *schema_name;       /* after the change */
    const char *name;
    /* Its deletions, as of the head's entries: the request's, or translated ones. */
    size_t deleted_count;
    const struct arm_new_deletion *deleted;
    size_t way_count; /* versions from the head back to the base, where they were asked for */
    struct arm_version_row *way;
    bool was_moved;       /* compactions came between: deletions are to be translated */
    bool goes_back;       /* ... and this goes on from the layout that it was planned on */
    bool changes_nothing; /* K4 */
    bool adopts_alone;    /* ADOPT: the version stays what it is */
    uint64_t version;     /* given; 0: none */
};

/* A hot entry that was given its place, and its rows' keys. */
struct arm_placed_keys {
    uint64_t payload_offset;
    size_t key_count;
    struct arm_key_run **keys;
};

struct arm_commit_plan {
    struct arm_repository *repository;
    const struct arm_commit_request *request;
    struct arm_id commit_id;
    const struct arm_turn *turn; /* that it is made in ... */
    struct arm_index_txn *txn;   /* ... with its transaction */
    struct arm_arena arena;
    size_t change_count; /* the request's */
    struct arm_change_plan *changes;
    struct arm_buf payload;
    bool needs_log;      /* it is to be validated against what must be in the log */
    size_t placed_count; /* entries in the payload */
    struct arm_placed_keys *placed;
    Armpb__Commit commit;
    Armpb__ConsumerCursor cursor;   /* the commit's, or ... */
    Armpb__ConsumerChange consumer; /* ... a record in its place, where nothing is changed */
};

/* Everything that has been appended is seen (K2). */
/* Whether a tx is one of the turn's own, which is not in the log yet. */
static inline bool arm__plan_is_pending(const struct arm_commit_plan *plan, uint64_t tx)
{
    return tx >= plan->turn->start.next_tx;
}

static inline uint64_t arm__plan_now(const struct arm_commit_plan *plan)
{
    return plan->turn->state.folded.next_tx - 1;
}

/* K8 */
static inline bool arm__plan_merges(const struct arm_commit_plan *plan)
{
    static const struct arm_id nothing;

    return !arm__id_equal(&plan->request->merged, &nothing);
}

/* turn.c: commits of threads that wait for the lock, made in one turn of it. */
enum arm_job_stage { ARM_JOB_WAITS, ARM_JOB_LEADS, ARM_JOB_DONE };
struct arm_commit_job {
    struct arm_commit_plan plan;
    struct arm_error *err;    /* may be NULL */
    arm_status status;        /* of the whole: appended and durable, or refused */
    bool is_retry;            /* its id was there already, with tx `tx`: nothing else was done */
    uint64_t tx;              /* 0: nothing changed */
    bool is_small;            /* fit to share a turn */
    enum arm_job_stage stage; /* this and what follows: under the mutex of the queue */
    struct arm_cond turned;   /* it leads, or is done */
    struct arm_commit_job *next;
};
void arm__plan_init(struct arm_commit_plan *plan, struct arm_repository *repository,
                    const struct arm_commit_request *request);
void arm__plan_release(struct arm_commit_plan *plan);
/* Sets status, is_retry and tx; plan and err are given. Blocks until that is known. */
void arm__turn_take(struct arm_repository *repository, struct arm_commit_job *job);

/* translate.c: whether compactions came between the writer's base and the head; and then bring its
 * deletions to the head's entries, and judge them against what others deleted on the way. */
arm_status arm__translate_find(struct arm_commit_plan *plan, struct arm_change_plan *change,
                               struct arm_error *err);
arm_status arm__translate(struct arm_commit_plan *plan, struct arm_change_plan *change,
                          struct arm_error *err);
/* validate.c: ARM_CONFLICT, naming the table as the writer knew it. */
arm_status arm__validate_conflict(struct arm_commit_plan *plan,
                                  const struct arm_change_plan *change, const char *what,
                                  uint64_t other_tx, struct arm_error *err);
/* The same of what `row` says. */
arm_status arm__validate_conflict_of(struct arm_commit_plan *plan, const struct arm_table_row *row,
                                     const char *what, uint64_t other_tx, struct arm_error *err);
/* validate_taken.c: rows of other branches that both brought (K10). */
arm_status arm__validate_taken_rows(struct arm_commit_plan *plan,
                                    const struct arm_change_plan *change,
                                    const Armpb__TableChange *theirs, uint64_t tx,
                                    struct arm_error *err);
/* consumer.c: whether a consumer stands as the cursor's maker saw it (K11). */
arm_status arm__validate_cursor(struct arm_index_txn *txn, const struct arm_new_cursor *cursor,
                                uint64_t now, struct arm_error *err);
/* The message that says it; borrows from `cursor`. */
void arm__cursor_describe(const struct arm_new_cursor *cursor, Armpb__ConsumerCursor *out);
/* validate_read.c: what the request read, against what came since (K6). */
arm_status arm__validate_reads(struct arm_commit_plan *plan, struct arm_error *err);

/* since.c: the versions of the table `head` between its version and version `base` of it, newest
 * first, each with what it did; then, unless it is 0, the base with NULL. `*out_descends` false:
 * the base is none of the head's ancestors, and none was visited. */
typedef arm_status arm_visit_since(void *context, const struct arm_version_row *row,
                                   const Armpb__TableChange *theirs, struct arm_error *err);
arm_status arm__versions_since(struct arm_commit_plan *plan, const struct arm_table_row *head,
                               uint64_t base, arm_visit_since *visit, void *context,
                               bool *out_descends, struct arm_error *err);

/* A version's row. Errors: ARM_CORRUPT: it is missing. */
arm_status arm__version_row(struct arm_commit_plan *plan, const struct arm_table_id *table_id,
                            uint64_t version, struct arm_version_row *out, struct arm_error *err);

/* One version, with what it did. */
arm_status arm__version_visit(struct arm_commit_plan *plan, const struct arm_table_id *table_id,
                              uint64_t version, arm_visit_since *visit, void *context,
                              struct arm_error *err);
/* An entry of such a change: where its rows are, not where it stands. */
struct arm_state_entry arm__entry_since(const Armpb__Entry *added, uint64_t tx);

/* Find each table, and judge it against what came since (K3). */
arm_status arm__commit_validate(struct arm_commit_plan *plan, struct arm_error *err);
/* K4: mark the changes that change nothing. */
arm_status arm__commit_sift(struct arm_commit_plan *plan, struct arm_error *err);
/* K5: fill plan->commit and plan->payload. */
arm_status arm__commit_place(struct arm_commit_plan *plan, struct arm_error *err);
/* place.c for one change: entries, rows, totals. */
arm_status arm__place_rows(struct arm_commit_plan *plan, struct arm_change_plan *change,
                           Armpb__TableChange *out, struct arm_error *err);

/* ---- append.c: a record that is fit, made durable ---- */

/* The id of a record to be. Errors: ARM_IO. */
arm_status arm__repository_new_id(const struct arm_repository *repository, struct arm_id *out,
                                  struct arm_error *err);

/* max(now, last + 1 us). */
int64_t arm__repository_time(struct arm_repository *repository,
                             const struct arm_index_state *state);
/* Author as given, or from the environment. */
const char *arm__commit_author(const char *given);
/* protobuf-c's strings are not const; nothing writes through them. */
char *arm__commit_unconst(const char *text);

/* ---- parquet_rows.c ---- */

/* The row count in a Parquet file's footer; `file` may be its end alone. Untrusted bytes.
 * Errors: ARM_CORRUPT. */
arm_status arm__parquet_rows(struct arm_bytes file, uint64_t *out, struct arm_error *err);

#endif
