/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_TURN_H
#define ARM_COMMIT_TURN_H

/* A turn of the commit lock: records that are appended in one frame (append.c), made by one thread
 * for itself and those who wait (turn.c). */

#include "base/thread.h"
#include "commit/commit.h"

struct arm_commit_plan;
struct arm_commit_job;
struct arm_placed_keys;

/* ---- append.c ---- */

/* The records that are made in one turn of the commit lock, and appended in one frame. */
enum { ARM_TURN_RECORDS_MAX = 64 };
struct arm_turn_record {
    struct arm_buf spine;
    struct arm_bytes payload;           /* borrowed until the append */
    struct arm_hash chunk;              /* that a large spine went into, leased; else zeros */
    const struct arm_commit_plan *plan; /* whose commit it is; NULL: of something else */
};
struct arm_turn {
    struct arm_index_txn *txn;     /* NULL: the lock is not held */
    struct arm_index_state state;  /* as if the records so far were appended */
    struct arm_log_position start; /* where their frame goes */
    uint64_t spine_bytes;
    uint32_t count;
    struct arm_turn_record records[ARM_TURN_RECORDS_MAX];
};
/* Take the commit lock. */
arm_status arm__turn_begin(struct arm_repository *repository, struct arm_turn *turn,
                           struct arm_error *err);
/* Encode and fold a record, which gets the next tx. After an error the turn can only be released.
 * There is room for it. */
arm_status arm__turn_add(struct arm_repository *repository, struct arm_turn *turn,
                         const Armpb__Record *record, struct arm_bytes payload,
                         const struct arm_commit_plan *plan, struct arm_error *err);
/* Append what was added, one record at least, commit the index, publish; gives the lock back in any
 * case. Then a wait for durability is due. `*out_appended` with an error: the log has the records
 * (arm__commit_unknown). */
arm_status arm__turn_append(struct arm_repository *repository, struct arm_turn *turn,
                            bool *out_appended, struct arm_error *err);
/* Give back the lock, if it is held, and what records need. */
void arm__turn_release(struct arm_repository *repository, struct arm_turn *turn);
/* The commit of a pending tx, and the keys of a hot entry of it; NULL: it has none such. */
const Armpb__Commit *arm__turn_commit(const struct arm_turn *turn, uint64_t tx);
struct arm_key_run *const *arm__turn_keys(const struct arm_turn *turn, uint64_t tx,
                                          uint64_t payload_offset);
/* What stands in `err` is why a commit that the log has could not be finished by this process. */
arm_status arm__commit_unknown(const struct arm_id *commit_id, struct arm_error *err);

/* A turn of one record, made durable; takes the transaction in any case. `*out_tx` is its tx. */
struct arm_append {
    struct arm_index_txn *txn; /* taken */
    const struct arm_index_state *state;
    const Armpb__Record *record;
    struct arm_id commit_id;
};
arm_status arm__repository_append(struct arm_repository *repository, const struct arm_append *how,
                                  uint64_t *out_tx, struct arm_error *err);
arm_status arm__repository_wait(struct arm_repository *repository, uint64_t tx,
                                const struct arm_id *commit_id, struct arm_error *err);

/* ---- recent.c ---- */

/* Keys of the hot rows that this process committed last. */
enum { ARM_RECENT_ENTRIES = 256 };
struct arm_recent_keys {
    uint64_t tx; /* 0: none */
    uint64_t payload_offset;
    size_t key_count;
    struct arm_key_run **keys;
};
struct arm_recent {
    size_t next;
    struct arm_recent_keys entries[ARM_RECENT_ENTRIES];
};
/* They are kept as long as there is room; without memory they are not. In order of tx. */
void arm__recent_note(struct arm_recent *recent, uint64_t tx, const struct arm_placed_keys *keys);
/* NULL: they are not known. */
const struct arm_recent_keys *arm__recent_find(const struct arm_recent *recent, uint64_t tx,
                                               uint64_t payload_offset);
void arm__recent_release(struct arm_recent *recent); /* accepts the zeroed state */

/* ---- turn.c ---- */

/* Who waits for a turn. */
struct arm_turns {
    struct arm_mutex mutex; /* guards the queue; a leaf */
    struct arm_commit_job *first;
    struct arm_commit_job *last;
    bool is_led;              /* somebody takes turns, or was told to */
    struct arm_recent recent; /* the leader's alone */
};
void arm__turns_init(struct arm_turns *turns);
void arm__turns_release(struct arm_turns *turns);

#endif
