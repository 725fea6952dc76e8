/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_LOG_LOG_H
#define ARM_LOG_LOG_H

/* The commit log: segments of hash-chained frames in log/, and the shared page log/shared
 * through which processes see how far it is appended and durable.
 *
 * L1  Frames form one chain: each names the hash of the one before; tx ids are dense.
 * L2  arm__log_wait_durable returns ARM_OK only after a sync that began after the frame was
 *     written has succeeded: acknowledged means synced.
 * L3  One sync covers every frame appended before it began, whichever thread or process
 *     wrote it; any waiter may become the one who syncs.
 * L4  A failed sync poisons the log for every process: no append and no wait succeeds (but
 *     waits for what was durable before) until all close and the first opener recovers it.
 * L5  Appending is done only under the repository's commit lock (the index's write
 *     transaction); the log itself does not lock.
 * L6  Everything past the tail that recovery found is zero and synced before the next append.
 *
 * Segment file log/<16 hex digits of its number>.seg: a 4,096-byte header (magic "ARMLOG\0\1",
 * format version, repository id, segment number, first tx, hash of the last frame before it,
 * BLAKE3), then frames at once after one another, then zeros (preallocated, written). Frames
 * never cross segments. */

#include "base/io.h"
#include "base/thread.h"
#include "log/frame.h"

struct arm_log;

/* Where a frame starts (or would start), and what it must continue. The tail of a log is the
 * position after its last frame. */
struct arm_log_position {
    uint64_t segment; /* number, from 0 */
    uint64_t offset;  /* in the segment file */
    uint64_t next_tx; /* first tx id of the frame here; tx ids start at 1 */
    struct arm_hash previous;
};

/* When a commit that could be synced alone waits for company. Zero: single_node, which syncs
 * at once and batches what queues meanwhile. */
struct arm_epoch_config {
    uint64_t wait_us;      /* the leader waits at most so long before it syncs ... */
    uint32_t commit_count; /* ... or until so many commits wait; 0: no count */
};

struct arm_epoch_config arm__epoch_single_node(void);     /* 0 us */
struct arm_epoch_config arm__epoch_low_latency(void);     /* 200 us or 16 */
struct arm_epoch_config arm__epoch_high_throughput(void); /* 5,000 us or 1,024 */

/* Make log/ of a new repository: segment 0, synced. */
arm_status arm__log_create(const struct arm_io *io, const char *root,
                           const struct arm_id *repository, struct arm_error *err);

/* Open; reads segment headers only. `read_only`: appends answer ARM_READ_ONLY. */
struct arm_log_options {
    bool read_only;
    struct arm_epoch_config epoch;
};
arm_status arm__log_open(const struct arm_io *io, const char *root, const struct arm_id *repository,
                         const struct arm_log_options *options, struct arm_log **out,
                         struct arm_error *err);
void arm__log_close(struct arm_log *log); /* no close frame: see arm__log_append_close */

/* The position of the first frame of the log. */
struct arm_log_position arm__log_start(const struct arm_log *log);

/* How many bytes of log there are before `at`, filled or not. */
uint64_t arm__log_position_bytes(const struct arm_log *log, const struct arm_log_position *at);

/* What recovery found. `damaged`: a frame below durable_to is bad or missing; `at` and
 * `problem` say where and what; what comes before `tail` is good and may be read. */
struct arm_log_recovery {
    struct arm_log_position tail;
    uint64_t frame_count; /* good frames from the start of the scan */
    uint64_t cut_bytes;   /* unacknowledged bytes zeroed */
    bool damaged;
    bool clean_close; /* the last frame is a close frame */
    char problem[512];
};

/* First opener only (nobody else has the repository open): scan from `from` (a position known
 * good, or arm__log_start), judge each bad frame by the largest durable_to of any valid later
 * frame and `known_durable` (from a trusted index; 0 if none), and, unless damaged or
 * read-only, zero and sync past the tail, and sync what is kept. If the shared page of this
 * same boot says poisoned, frames past its durable_to are cut. Then the shared page is made
 * anew: appended = durable = tail; when damaged it says so, and no process may append. */
arm_status arm__log_recover(struct arm_log *log, const struct arm_log_position *from,
                            uint64_t known_durable, struct arm_log_recovery *out,
                            struct arm_error *err);

/* Read the frame at `*at` and move `*at` behind it; `out` holds the frame's bytes. At the
 * tail `*out_found` is false: no frame there that is valid and continues the chain (segments
 * are crossed). A live log's torn tail reads as the tail; only arm__log_recover judges.
 * Thread-safe. Errors: ARM_IO, ARM_NO_MEMORY; ARM_CORRUPT when the segment of `*at` is gone. */
arm_status arm__log_read(struct arm_log *log, struct arm_log_position *at, struct arm_buf *out,
                         struct arm_frame_header *out_header, bool *out_found,
                         struct arm_error *err);

/* Read the frame that starts at `offset` of `segment`, as the index remembers it: judged but for
 * its place in the chain. Thread-safe. Errors: ARM_CORRUPT, ARM_IO, ARM_NO_MEMORY. */
arm_status arm__log_read_at(struct arm_log *log, uint64_t segment, uint64_t offset,
                            struct arm_buf *out, struct arm_frame_header *out_header,
                            struct arm_error *err);

/* Whether the shared page vouches, to who holds the commit lock, that neither a frame nor a torn
 * one stands behind `at`. False: only reading on tells. */
bool arm__log_ends_at(const struct arm_log *log, const struct arm_log_position *at);

/* Append one frame at `*tail`, which the caller has verified to be the tail under the commit
 * lock, and move `*tail` behind it. Not durable yet. `*out_at` is where the frame starts.
 * After ARM_FULL or ARM_IO nothing is appended (what was written is zeroed, or else the log
 * is poisoned: ARM_REOPEN from then on). ARM_INVALID: `*tail` is not the tail. ARM_CORRUPT:
 * recovery found damage. */
arm_status arm__log_append(struct arm_log *log, struct arm_log_position *tail,
                           const struct arm_record *records, uint32_t record_count,
                           struct arm_log_position *out_at, struct arm_error *err);

/* Say in the shared page that everything before `tail` is appended (after the fold of it has
 * been committed to the index). Also what a process calls that folded a dead one's frames. */
void arm__log_published(struct arm_log *log, const struct arm_log_position *tail);

/* Append and sync a close frame. Only by the last process, under the commit lock. */
arm_status arm__log_append_close(struct arm_log *log, struct arm_log_position *tail,
                                 struct arm_error *err);

/* Block until tx is durable (L2). Errors: ARM_COMMIT_UNKNOWN when tx was appended and a sync
 * failed, now or between its append and this call; ARM_REOPEN when the log was poisoned before
 * tx was appended; ARM_INVALID for a tx that nobody appended; ARM_READ_ONLY. */
arm_status arm__log_wait_durable(struct arm_log *log, uint64_t tx, struct arm_error *err);

uint64_t arm__log_durable_to(const struct arm_log *log);  /* largest durable tx id, 0: none */
uint64_t arm__log_appended_to(const struct arm_log *log); /* largest appended tx id */
bool arm__log_poisoned(const struct arm_log *log);
/* Whether the shared page is that of the processes which have the log open: to be asked by who
 * joins them. False: log/ was replaced under them. */
bool arm__log_is_joined(const struct arm_log *log);

/* Wait until something is durable past `tx`, `wait_us` has passed (UINT64_MAX: no limit) or
 * `*stopped` (may be NULL) is set, which arm__log_ring must follow. Returns at once when the log is
 * poisoned, for nothing more will come: ask arm__log_poisoned. What was appended and is not synced
 * by who appended it, since he was killed, is synced by who waits (W4). */
void arm__log_tail_wait(struct arm_log *log, uint64_t tx, uint64_t wait_us,
                        const struct arm_flag *stopped);
/* The same of who does not wait, but looks again and again. */
void arm__log_mind_orphans(struct arm_log *log);
/* Wake all who wait for the tail, in every process. From any thread, or a signal handler. */
void arm__log_ring(struct arm_log *log);

/* Bytes of the segment files, for stats. */
arm_status arm__log_size(struct arm_log *log, uint64_t *out_bytes, struct arm_error *err);

#endif
