/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_LOG_LOG_PRIVATE_H
#define ARM_LOG_LOG_PRIVATE_H

/* What the files of src/log share; no other directory includes it. */

#include <stdatomic.h>

#include "base/thread.h"
#include "log/log.h"

/* Segments (segment.c). A segment file of 0 bytes counts as not there: that is how an
 * unfinished one is taken back, since other processes may hold it open. */

#define ARM_SEGMENT_HEADER_BYTES 4096
#define ARM_SEGMENT_BYTES_MAX (64u << 20)
#define ARM_SEGMENT_VERSION 1

struct arm_segment_header {
    struct arm_id repository;
    uint64_t number;
    uint64_t first_tx;
    struct arm_hash previous; /* of the last frame before it; zero in segment 0 */
};

/* `*out_hash` is the header's own hash, which the first frame of segment 0 continues. */
void arm__segment_encode(const struct arm_segment_header *header,
                         uint8_t out[ARM_SEGMENT_HEADER_BYTES], struct arm_hash *out_hash);

/* Errors: ARM_CORRUPT; ARM_NEWER_FORMAT for a whole header of a later version. */
arm_status arm__segment_decode(struct arm_bytes bytes, struct arm_segment_header *out,
                               struct arm_hash *out_hash, struct arm_error *err);

/* Read and decode the header of an open segment. */
arm_status arm__segment_read_header(const struct arm_io *io, struct arm_file *file,
                                    struct arm_segment_header *out, struct arm_hash *out_hash,
                                    struct arm_error *err);

/* "<directory>/<16 hex digits>.seg", NUL-terminated, appended to the empty `out`. */
arm_status arm__segment_path(const char *directory, uint64_t number, struct arm_buf *out,
                             struct arm_error *err);

/* The number in a file's name; false if it is no segment's name. */
bool arm__segment_number(const char *name, uint64_t *out);

/* Make the segment file from nothing, whatever an unfinished attempt left there: header and
 * zeros, not yet synced. */
arm_status arm__segment_write_new(const struct arm_io *io, struct arm_file *file,
                                  const struct arm_segment_header *header, uint64_t bytes_max,
                                  struct arm_error *err);

/* Make the file of segment `number` hold `end` bytes, and some zeros more if it must grow.
 * `*inout_size`: that it has so many at least is known, and need not be asked. Asking is dear: a
 * file system that was asked for a file's times gives the next write one of its own, and the sync
 * after it writes the inode too. */
arm_status arm__segment_grow(const struct arm_io *io, struct arm_file *file, uint64_t number,
                             uint64_t end, uint64_t bytes_max, uint64_t *inout_size,
                             struct arm_error *err);

/* Write zeros over [from, to). */
arm_status arm__segment_zero(const struct arm_io *io, struct arm_file *file, uint64_t from,
                             uint64_t to, struct arm_error *err);

/* The segment files that are there (not empty), by number. */
struct arm_segment_size {
    uint64_t number;
    uint64_t size_bytes;
};

struct arm_segment_list {
    struct arm_segment_size *items;
    size_t count;
    size_t capacity;
};

arm_status arm__segment_list_read(const struct arm_io *io, const char *directory,
                                  struct arm_segment_list *out, struct arm_error *err);
void arm__segment_list_release(struct arm_segment_list *list);

/* Open segment files of one log, shared by its threads (handles.c). */

struct arm_segment_file {
    struct arm_segment_file *next; /* most recently used first */
    struct arm_file *file;
    uint64_t number;
    uint32_t users;
    uint64_t size_bytes; /* it has so many at least; under the commit lock (L5) */
};

struct arm_segment_files {
    const struct arm_io *io;
    const char *directory;
    struct arm_identity identity; /* of the directory */
    bool read_only;
    struct arm_mutex mutex; /* guards what follows */
    struct arm_segment_file *first;
};

void arm__segment_files_init(struct arm_segment_files *files, const struct arm_io *io,
                             bool read_only);
/* Say where: before the first file is taken. */
arm_status arm__segment_files_place(struct arm_segment_files *files, const char *directory,
                                    struct arm_error *err);
void arm__segment_files_release(struct arm_segment_files *files);

/* The file of a segment, until put back. Errors: ARM_NOT_FOUND. `create` makes it. */
arm_status arm__segment_files_take(struct arm_segment_files *files, uint64_t number, bool create,
                                   struct arm_segment_file **out, struct arm_error *err);
void arm__segment_files_put(struct arm_segment_files *files, struct arm_segment_file *file);

/* The shared page (page.c): mapped by every process that may write, 4,096 bytes. */

#define ARM_PAGE_BYTES 4096

enum arm_page_state {
    ARM_PAGE_UNKNOWN = 0, /* nobody has recovered the log yet */
    ARM_PAGE_GOOD = 1,
    ARM_PAGE_POISONED = 2, /* a sync failed (L4) */
    ARM_PAGE_DAMAGED = 3,  /* recovery found damage: nothing may be appended */
};

/* In host order, and with the host's mutex: it never outlives a boot (boot_id). Invariants:
 * P1  durable_to <= appended_to, and neither ever falls while the page lives.
 * P2  tail is raised before the appended_to that reaches it, so that who reads appended_to
 *     first and tail second syncs the right segment: all before it were synced when rolled.
 *     Both are raised, never set: who published later may have appended earlier.
 * P3  intent_end != 0 only while an append is under way, or after its process died in it:
 *     then bytes of segment intent_segment below intent_end may be torn.
 * P4  durable_to grows only under sync_mutex, and never once the state is poisoned.
 * P5  syncing != 0 only while a sync of a segment is under way, or after its process died in
 *     it: then the sync may have failed, and nobody was told. */
struct arm_page {
    _Atomic uint64_t magic; /* last of all when the page is made */
    uint64_t version;
    uint8_t boot_id[ARM_ID_BYTES];
    uint64_t device; /* of this very file: a copy of the page says nothing */
    uint64_t inode;
    _Atomic uint32_t state;
    _Atomic uint32_t bell;      /* futex: changes when durable_to or state does */
    _Atomic uint32_t arrivals;  /* futex: changes when appended_to does */
    _Atomic uint32_t gathering; /* a leader waits for arrivals */
    _Atomic uint32_t syncing;
    _Atomic uint64_t appended_to;
    _Atomic uint64_t durable_to;
    uint64_t vouched;         /* durable once, and missing now: why the state is damaged */
    _Atomic uint64_t tail;    /* published: segment << 32 | offset, which orders as positions do */
    _Atomic uint64_t written; /* behind the last frame written whole, published or not */
    _Atomic uint64_t intent_segment;
    _Atomic uint64_t intent_end;
    pthread_mutex_t sync_mutex; /* robust: held by who syncs */
};

_Static_assert(sizeof(struct arm_page) <= ARM_PAGE_BYTES, "the page is one page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "a lock of this process would guard nothing from another");

struct arm_log {
    const struct arm_io *io;
    char *directory; /* <root>/log */
    char *page_path;
    struct arm_id repository;
    uint8_t boot_id[ARM_ID_BYTES]; /* zero: not known */
    struct arm_identity page_identity;
    bool read_only;
    struct arm_epoch_config epoch;
    uint64_t segment_bytes_max; /* ARM_SEGMENT_BYTES_MAX; smaller in tests */
    struct arm_log_position start;
    struct arm_segment_files files;
    struct arm_file *page_file; /* NULL while there is none */
    struct arm_page *mapped;    /* the file, mapped; NULL where it cannot be */
    struct arm_page *own;       /* this handle's private copy */
    struct arm_page *page;      /* the one of the two in use */
    struct arm_buf frame;       /* of the append under way; guarded by the commit lock (L5) */
    /* W4: the last tx that was seen appended and not durable, and since when it is the last. */
    _Atomic(uint64_t) orphan_tx;
    _Atomic(uint64_t) orphan_since_us;
};

/* Write the page file of a new repository. */
arm_status arm__page_create(const struct arm_io *io, const char *path, struct arm_error *err);

/* Find and map the page, or fall back to a private one; log->page is set. */
arm_status arm__page_open(struct arm_log *log, struct arm_error *err);
void arm__page_close(struct arm_log *log);

/* What an earlier process of this boot left there. */
struct arm_page_memory {
    bool there;  /* else the rest is zero */
    bool unsure; /* a sync may have failed unseen */
    enum arm_page_state state;
    uint64_t durable_to;
    uint64_t vouched; /* durable, unless the state says that one cannot tell */
};
struct arm_page_memory arm__page_remember(const struct arm_log *log);

/* What a new page says. */
struct arm_page_start {
    struct arm_log_position tail; /* everything before it is appended */
    uint64_t durable_to;
    uint64_t vouched;
    enum arm_page_state state;
    bool unsure;
};

/* Make the page anew, in memory only: nobody uses it yet. Nothing for a read-only log. */
arm_status arm__page_prepare(struct arm_log *log, const struct arm_page_start *start,
                             struct arm_error *err);

/* Make the page anew, sync it and use it. A read-only log makes its private one. */
arm_status arm__page_make(struct arm_log *log, const struct arm_page_start *start,
                          struct arm_error *err);

/* Bring a private page up to date with the file. */
void arm__page_refresh(const struct arm_log *log);
bool arm__page_is_private(const struct arm_log *log);

enum arm_page_state arm__page_state(const struct arm_page *page);
uint64_t arm__page_pack(const struct arm_log_position *at);
void arm__page_raise(_Atomic uint64_t *field, uint64_t value);
void arm__page_poison(struct arm_page *page);
void arm__page_ring(struct arm_page *page);
static inline const uint32_t *arm__futex_word(const _Atomic uint32_t *word)
{
    return (const uint32_t *)(const void *)word;
}

/* Reading (read.c). */

enum arm_frame_verdict {
    ARM_FRAME_NONE,    /* zeros, or the end of the file */
    ARM_FRAME_BAD,     /* something that is no valid frame */
    ARM_FRAME_STRANGE, /* a valid frame that does not continue the chain */
    ARM_FRAME_GOOD
};

struct arm_frame_found {
    enum arm_frame_verdict verdict;
    struct arm_frame_header header; /* with STRANGE and GOOD */
    struct arm_hash hash;           /* likewise */
    struct arm_error why;           /* with the others */
};

/* Judge what stands at `at`; with STRANGE and GOOD, `out` holds the frame's bytes. The status
 * is of the reading, not of the frame. */
arm_status arm__frame_judge(const struct arm_io *io, struct arm_file *file,
                            const struct arm_log_position *at, struct arm_buf *out,
                            struct arm_frame_found *found, struct arm_error *err);

/* Move `at` behind the frame just judged good. */
void arm__position_pass(struct arm_log_position *at, const struct arm_frame_header *header,
                        const struct arm_hash *hash);

/* Hand on a failure that was caught to see if it was one. */
arm_status arm__fail_again(struct arm_error *err, const struct arm_error *why);

/* The start of the segment after `at`'s, if it is there and continues the chain from `at`. */
arm_status arm__position_cross(struct arm_log *log, const struct arm_log_position *at,
                               struct arm_log_position *out, bool *out_found,
                               struct arm_error *err);

/* Syncing (group.c). Every sync of a segment passes through here, under the sync mutex: the
 * kernel tells a failed write to one sync of an open file and to no other, so whoever is told
 * must poison the log before anybody else may believe a sync of his own. */

/* ARM_READ_ONLY, ARM_REOPEN when poisoned, ARM_CORRUPT when damaged. */
arm_status arm__log_check_writable(const struct arm_log *log, struct arm_error *err);

/* Sync the tail's segment, and publish as durable what had been appended before that. */
arm_status arm__log_sync_tail(struct arm_log *log, uint64_t number, struct arm_error *err);

/* Sync another segment, which says nothing about what is durable. */
arm_status arm__log_sync_other(struct arm_log *log, uint64_t number, struct arm_error *err);

/* Recovery (scan.c, judge.c). */

/* How far the chain goes. */
struct arm_log_reach {
    struct arm_log_position tail;
    uint64_t frame_count;
    bool clean_close;
};

struct arm_log_scan {
    struct arm_log_reach whole;      /* to the last frame that continues the chain */
    struct arm_log_reach durable;    /* to the last of them that `durable_to` covers */
    uint64_t durable_to;             /* in */
    uint64_t durable_seen;           /* largest durable_to of any frame passed */
    struct arm_log_position stopped; /* where no further frame was found ... */
    struct arm_frame_found found;    /* ... and what was */
};

/* Follow the chain from `from`. A segment without a good frame is not entered. */
arm_status arm__log_scan(struct arm_log *log, const struct arm_log_position *from,
                         uint64_t durable_to, struct arm_log_scan *out, struct arm_error *err);

/* Whether what stands behind the chain is damage: then `problem` (empty before) says where
 * and what. `known_durable`: the largest tx id that something else than a frame vouches for. */
arm_status arm__log_judge(struct arm_log *log, const struct arm_segment_list *segments,
                          const struct arm_log_scan *scan, uint64_t known_durable,
                          struct arm_buf *problem, struct arm_error *err);

#endif
