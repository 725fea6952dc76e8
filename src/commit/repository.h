/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_REPOSITORY_H
#define ARM_COMMIT_REPOSITORY_H

/* A repository opened by this process: its header, locks, store, log, index and catalog, and
 * what happens when the first one opens it and the last one closes it.
 *
 * R1  FORMAT names the repository, its format version and its feature bits; what this program
 *     does not know is refused (incompatible bits), or makes it read-only (read-only bits).
 * R2  The first opener (no other process has it open) recovers: sweeps staging/, scans the
 *     log past what the index vouches for, rebuilds the index unless it can be trusted.
 *     The index is trusted only with a synced clean-close mark, or if boot id, device, inode
 *     and mount id are those recorded.
 * R3  The last one to close appends a synced close frame and writes the clean-close mark.
 * R4  A handle is refused (ARM_FORKED) in a forked child.
 * R5  Nothing is written once the paths lead elsewhere: a repository that was moved, removed or
 *     replaced while it was open answers ARM_REOPEN.
 *
 * Files: FORMAT, HEAD (the command line's), chunks/ staging/ log/ index/ cold/, and
 * index/lock (open-file-description locks: byte 0 the gate, byte 1 the living). */

#include "catalog/catalog.h"
#include "keys/key_store.h"
#include "store/pin.h"

struct arm_repository;

struct arm_repository_options {
    const struct arm_io *io; /* NULL: the system */
    bool read_only;
    struct arm_epoch_config epoch;
    /* A checkpoint is due after so much log, and after an eighth of what was there; 0: 32 MiB;
     * UINT64_MAX: never. */
    uint64_t checkpoint_growth_bytes;
};

/* Make a repository at `path` (a directory that is not there, or is empty), with branch main.
 * Errors: ARM_EXISTS. */
arm_status arm__repository_create(const struct arm_io *io, const char *path, struct arm_error *err);

/* Errors: ARM_NOT_REPOSITORY, ARM_NEWER_FORMAT, ARM_BUSY, ARM_CORRUPT (damage is told, and
 * reads of what is good are served when opened read-only), ARM_PERMISSION. */
arm_status arm__repository_open(const char *path, const struct arm_repository_options *options,
                                struct arm_repository **out, struct arm_error *err);
void arm__repository_close(struct arm_repository *repository); /* NULL is accepted */

/* ARM_FORKED in a child, ARM_REOPEN where it is no longer (R5), ARM_CORRUPT / ARM_READ_ONLY /
 * ARM_REOPEN for `writing` where so. */
arm_status arm__repository_check(struct arm_repository *repository, bool writing,
                                 struct arm_error *err);

const char *arm__repository_path(const struct arm_repository *repository); /* absolute */
const struct arm_io *arm__repository_io(struct arm_repository *repository);
struct arm_store *arm__repository_store(struct arm_repository *repository);
struct arm_log *arm__repository_log(struct arm_repository *repository);
struct arm_index *arm__repository_index(struct arm_repository *repository);
struct arm_catalog *arm__repository_catalog(struct arm_repository *repository);
struct arm_key_store *arm__repository_keys(struct arm_repository *repository);

/* What the opening found. */
struct arm_recovery_report {
    bool was_first;
    bool is_clean;        /* nothing was staged, cut or rebuilt */
    uint64_t rolled_back; /* staged files removed */
    uint64_t cut_bytes;   /* unacknowledged log bytes removed */
    uint64_t folded;      /* records folded while opening */
    bool rebuilt;         /* the index was made anew */
    uint64_t restored_tx; /* from a checkpoint that holds it up to this tx; 0: from the log alone */
    bool damaged;
    char problem[512];
};
void arm__repository_recovery(const struct arm_repository *repository,
                              struct arm_recovery_report *out);
/* Sweep again now, and fold what dead processes left. */
arm_status arm__repository_recover(struct arm_repository *repository,
                                   struct arm_recovery_report *out, struct arm_error *err);

/* Make a checkpoint of the index now, unless nothing came since the last one. Commits make them by
 * themselves, in a thread of their own, as the log grows. Errors: ARM_BUSY (another is being
 * made), those of a commit. */
arm_status arm__repository_checkpoint(struct arm_repository *repository, struct arm_error *err);

/* Keep from gc what is durable now, and came later, until `pin` is dropped: before a snapshot is
 * chosen (store/pin.h). */
arm_status arm__repository_pin(struct arm_repository *repository, struct arm_pin *pin,
                               struct arm_error *err);
void arm__repository_unpin(struct arm_repository *repository, struct arm_pin *pin);

/* ---- verify ---- */

struct arm_issue {
    const char *kind;   /* "log", "index", "chunk", "stray" */
    const char *object; /* path, hash or position */
    const char *message;
};
typedef arm_status arm_visit_issue(void *context, const struct arm_issue *issue,
                                   struct arm_error *err);
/* `done` of `total` units; false from it interrupts. May be NULL. */
typedef bool arm_progress(void *context, uint64_t done, uint64_t total);

struct arm_verify_report {
    uint64_t frames;
    uint64_t records;
    uint64_t chunks;
    uint64_t bytes_hashed;
    uint64_t issues;
};
/* The whole hash chain; every record folded anew into a scratch index whose content must equal
 * the live one's; every chunk that the log names present with its size; `full`: with its hash
 * and row count, and every other file in chunks/ with its hash. Damage is told by `visit`, not
 * by the status. */
arm_status arm__repository_verify(struct arm_repository *repository, bool full,
                                  arm_visit_issue *visit, arm_progress *progress, void *context,
                                  struct arm_verify_report *out, struct arm_error *err);

struct arm_size_report {
    uint64_t chunk_files;
    uint64_t chunk_bytes;
    uint64_t log_bytes;
    uint64_t index_bytes;
};
arm_status arm__repository_sizes(struct arm_repository *repository, struct arm_size_report *out,
                                 struct arm_error *err);

#endif
