/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_IO_H
#define ARM_BASE_IO_H

/* The file door: every read, write, sync, rename and lock of the library goes through one
 * table of operations, so that a test double can stand in for the system and cut the power
 * at any of them. (LMDB and DuckDB open their own files: the index is derived and a chunk
 * DuckDB wrote passes through this door before a record may name it.)
 *
 * Paths are NUL-terminated and taken relative to the working directory as usual. Every
 * function fills `err` with the path in question. */

#include "base/buf.h"
#include "base/hash.h"

struct arm_file; /* the host's: opened and closed below */

enum arm_open_flags {
    ARM_OPEN_READ = 0,
    ARM_OPEN_WRITE = 1,     /* read and write */
    ARM_OPEN_CREATE = 2,    /* make it if it is not there */
    ARM_OPEN_EXCLUSIVE = 4, /* with CREATE: ARM_EXISTS if it is there */
};

enum arm_lock_kind { ARM_LOCK_NONE, ARM_LOCK_SHARED, ARM_LOCK_EXCLUSIVE };

/* A byte range of a file, for locks. */
struct arm_range {
    uint64_t offset;
    uint64_t length;
};

struct arm_stat {
    uint64_t size_bytes;
    int64_t modified_us; /* since 1970, UTC */
    int64_t changed_us;  /* likewise; nobody can set it: a copy has another */
    uint64_t device;
    uint64_t inode;
    uint64_t mount; /* of the file system's mounting, never given twice in a boot; 0: not known */
    bool is_directory;
};

/* Called for each name in a directory ("." and ".." left out), in no order. Returning other
 * than ARM_OK stops the walk and is handed on. */
typedef arm_status arm_visit_name(void *context, const char *name, struct arm_error *err);

/* The operations. `self` is the host's state. All but `close`, `unmap` and `hasten` are fallible,
 * and the first two accept NULL. */
struct arm_io {
    void *self;
    arm_status (*open)(void *self, const char *path, unsigned flags, struct arm_file **out,
                       struct arm_error *err);
    void (*close)(void *self, struct arm_file *file);
    /* Fills up to `size`; `*out_size` is less only at the end of the file. */
    arm_status (*read)(void *self, struct arm_file *file, uint64_t offset, void *data, size_t size,
                       size_t *out_size, struct arm_error *err);
    arm_status (*write)(void *self, struct arm_file *file, uint64_t offset, const void *data,
                        size_t size, struct arm_error *err);
    arm_status (*sync)(void *self, struct arm_file *file, struct arm_error *err); /* fdatasync */
    /* Begin to write these bytes back, and do not wait: a sync soon to come then has less to wait
     * for. Promises nothing, tells no failure that the sync would not tell. NULL: not done. */
    void (*hasten)(void *self, struct arm_file *file, uint64_t offset, uint64_t size);
    arm_status (*truncate)(void *self, struct arm_file *file, uint64_t size, struct arm_error *err);
    arm_status (*stat)(void *self, const char *path, struct arm_stat *out, struct arm_error *err);
    arm_status (*size)(void *self, struct arm_file *file, uint64_t *out, struct arm_error *err);
    /* Open-file-description lock; a conversion is atomic. `wait` false: ARM_BUSY if held. */
    arm_status (*lock)(void *self, struct arm_file *file, struct arm_range range,
                       enum arm_lock_kind kind, bool wait, struct arm_error *err);
    arm_status (*map)(void *self, struct arm_file *file, size_t size, void **out,
                      struct arm_error *err); /* shared, read and write */
    void (*unmap)(void *self, void *memory, size_t size);
    arm_status (*rename)(void *self, const char *from, const char *to, struct arm_error *err);
    /* A file or an empty directory. */
    arm_status (*remove)(void *self, const char *path, struct arm_error *err);
    arm_status (*make_directory)(void *self, const char *path, struct arm_error *err);
    arm_status (*sync_directory)(void *self, const char *path, struct arm_error *err);
    arm_status (*list)(void *self, const char *path, arm_visit_name *visit, void *context,
                       struct arm_error *err);
    /* Microseconds since 1970, UTC. */
    int64_t (*now_us)(void *self);
    /* Of the kernel that runs: another one after each start of the machine, as what was not
     * synced is then gone. False: there is none to be had. */
    bool (*boot_id)(void *self, struct arm_id *out);
};

/* The real system. */
const struct arm_io *arm__io_system(void);

/* Which file or directory a path led to. */
struct arm_identity {
    uint64_t device;
    uint64_t inode;
};

/* Shorthands over any `io`. */

/* `*out` gets the whole file. Errors: ARM_INVALID if it is larger than out->max. */
arm_status arm__io_read_file(const struct arm_io *io, const char *path, struct arm_buf *out,
                             struct arm_error *err);
/* Exactly `size` bytes at `offset`, or ARM_CORRUPT ("ends early"). */
arm_status arm__io_read_exact(const struct arm_io *io, struct arm_file *file, uint64_t offset,
                              void *data, size_t size, struct arm_error *err);
/* Write `bytes` to `path` so that after a crash either the old or the new file is there:
 * "<path>.new" written, synced, renamed, directory synced. */
arm_status arm__io_replace_file(const struct arm_io *io, const char *path, struct arm_bytes bytes,
                                struct arm_error *err);
/* Hash of a file's bytes, and its size; read in pieces. */
arm_status arm__io_hash_file(const struct arm_io *io, const char *path, struct arm_hash *out,
                             uint64_t *out_size, struct arm_error *err);
bool arm__io_exists(const struct arm_io *io, const char *path);
/* What `path` leads to now; ARM_REOPEN where that is no longer `was`, or nothing. */
arm_status arm__io_identify(const struct arm_io *io, const char *path, struct arm_identity *out,
                            struct arm_error *err);
arm_status arm__io_check_identity(const struct arm_io *io, const char *path,
                                  const struct arm_identity *was, struct arm_error *err);
/* "a/b/c" in a fresh string: joins with one slash. Owned by the caller (arm__free). */
arm_status arm__path_join(const char *directory, const char *name, char **out,
                          struct arm_error *err);

/* The directory that holds `path`: all before its last slash; "." without one, "/" for "/a".
 * Owned by the caller (arm__free). */
arm_status arm__path_parent(const char *path, char **out, struct arm_error *err);

#endif
