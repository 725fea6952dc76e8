/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_STORE_CHUNK_H
#define ARM_STORE_CHUNK_H

/* Chunks: immutable bytes named by their BLAKE3-256, at chunks/ab/cd/<64 digits>.
 *
 * S1  A file under its final name is complete: it was written in staging/, synced, renamed,
 *     and its directories synced up to chunks/, before the put returned.
 * S2  What a put returns is durable: also when the chunk was there already (then its bytes
 *     were checked, and it and its directories synced; once, while this process leases it).
 * S3  Nothing under chunks/ is ever overwritten or appended to.
 * S4  A name that is not 64 lower-case digits never becomes a path.
 * S5  A chunk that a living process leases is not deleted. Every put, adopt, finish, ensure
 *     and lease that succeeds adds one to the count of this process's leases on the chunk;
 *     drop takes one off, clear and the end of the process take all.
 * S6  A call that fails leaves no file and no lease of its own.
 *
 * Thread-safe; processes need no co-ordination but for delete (under the commit lock). A
 * store in a forked child refuses to write: ARM_FORKED. */

#include "base/hash.h"
#include "base/io.h"

struct arm_store; /* one per repository and process */

/* Open the store below `root` (which has chunks/ and staging/). `io` and `root` are borrowed
 * for the life of the store (root is copied). */
arm_status arm__store_open(const struct arm_io *io, const char *root, struct arm_store **out,
                           struct arm_error *err);
void arm__store_close(struct arm_store *store);

/* Store `bytes` and lease it; `*out` is its name. `*out_new` (may be NULL): it was not there.
 * Errors: ARM_HASH_MISMATCH (it is there, damaged: S3), ARM_FULL, ARM_PERMISSION, ARM_IO. */
arm_status arm__store_put(struct arm_store *store, struct arm_bytes bytes, struct arm_hash *out,
                          bool *out_new, struct arm_error *err);

/* A fresh, unique file name in staging/ for a writer that makes the bytes itself (DuckDB's
 * COPY). Owned by the caller (arm__free). The name starts with this process's lease id. */
arm_status arm__store_stage(struct arm_store *store, char **out_path, struct arm_error *err);

/* Take the staged file as a chunk and lease it: hash it, sync it, rename it (or drop it if the
 * chunk is there). `path` no longer exists afterwards, whatever happened. `out_size` and
 * `out_new` may be NULL. */
arm_status arm__store_adopt(struct arm_store *store, const char *path, struct arm_hash *out,
                            uint64_t *out_size, bool *out_new, struct arm_error *err);

/* Put from a stream: new, append, then finish (or abort). After a failed append there is only
 * abort: finish fails too. */
struct arm_store_writer;
arm_status arm__store_writer_new(struct arm_store *store, struct arm_store_writer **out,
                                 struct arm_error *err);
arm_status arm__store_writer_append(struct arm_store_writer *writer, const void *data,
                                    size_t size_bytes, struct arm_error *err);
/* As put, of all that was appended. Frees the writer, whatever happened. */
arm_status arm__store_writer_finish(struct arm_store_writer *writer, struct arm_hash *out,
                                    uint64_t *out_size, bool *out_new, struct arm_error *err);
void arm__store_writer_abort(struct arm_store_writer *writer); /* NULL is accepted */

/* Make a chunk that is there already durable before a commit names it anew (S2): lease it,
 * check its hash, sync it and its directories. Errors: ARM_NOT_FOUND, ARM_HASH_MISMATCH. */
arm_status arm__store_ensure(struct arm_store *store, const struct arm_hash *hash,
                             struct arm_error *err);

/* The whole chunk in `out`. Errors: ARM_NOT_FOUND. `get_verified`: ARM_HASH_MISMATCH too. */
arm_status arm__store_get(struct arm_store *store, const struct arm_hash *hash, struct arm_buf *out,
                          struct arm_error *err);
arm_status arm__store_get_verified(struct arm_store *store, const struct arm_hash *hash,
                                   struct arm_buf *out, struct arm_error *err);
/* The whole chunk into memory of the caller's, as arm__store_size says it is large. `verify`: its
 * hash is looked at. Errors: ARM_NOT_FOUND; ARM_INVALID: it is larger than `capacity`;
 * ARM_HASH_MISMATCH. */
arm_status arm__store_read(struct arm_store *store, const struct arm_hash *hash, bool verify,
                           void *data, size_t capacity, size_t *out_size, struct arm_error *err);
/* Hash the file without keeping it: ARM_OK, ARM_NOT_FOUND or ARM_HASH_MISMATCH. */
arm_status arm__store_check(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err);
/* Read piece by piece a chunk whose bytes have been checked, whole, when the reader was made.
 * Errors of new: ARM_NOT_FOUND, ARM_HASH_MISMATCH; of read: ARM_CORRUPT past the end. One thread
 * at a time. */
struct arm_store_reader;
arm_status arm__store_reader_new(struct arm_store *store, const struct arm_hash *hash,
                                 struct arm_store_reader **out, struct arm_error *err);
uint64_t arm__store_reader_size(const struct arm_store_reader *reader);
arm_status arm__store_reader_read(struct arm_store_reader *reader, uint64_t offset, void *data,
                                  size_t size_bytes, struct arm_error *err);
void arm__store_reader_free(struct arm_store_reader *reader); /* NULL is accepted */
arm_status arm__store_exists(struct arm_store *store, const struct arm_hash *hash, bool *out,
                             struct arm_error *err);
arm_status arm__store_size(struct arm_store *store, const struct arm_hash *hash, uint64_t *out,
                           struct arm_error *err);
/* Errors: ARM_NOT_FOUND; ARM_BUSY if a living process, this one too, leases it (S5: the leases
 * are reread, and no new one can be taken meanwhile). Only under the commit lock, when no
 * commit to be kept names it. */
arm_status arm__store_delete(struct arm_store *store, const struct arm_hash *hash,
                             struct arm_error *err);

/* The same for many under one taking of the locks: each is removed unless it is leased. `chunks`
 * ascend; `out` has `count` answers. What fails with ARM_IO may have removed some. */
enum arm_deletion { ARM_DELETION_DONE, ARM_DELETION_LEASED, ARM_DELETION_GONE };
arm_status arm__store_delete_many(struct arm_store *store, const struct arm_hash *chunks,
                                  size_t count, enum arm_deletion *out, struct arm_error *err);

/* Every file below chunks/, in order of name. A file whose name is not a hash, or stands in
 * the wrong folder, comes with `hash` NULL and its path. */
typedef arm_status arm_visit_chunk(void *context, const struct arm_hash *hash, const char *path,
                                   uint64_t size_bytes, struct arm_error *err);
arm_status arm__store_list(struct arm_store *store, arm_visit_chunk *visit, void *context,
                           struct arm_error *err);

/* The absolute path of a chunk's file, for DuckDB to read. Owned by the caller. */
arm_status arm__store_path(struct arm_store *store, const struct arm_hash *hash, char **out,
                           struct arm_error *err);

/* Leases: what this process staged or found (hashes a coming commit will name), kept in a
 * file staging/<lease id>.lease whose owner holds a lock on it for as long as it lives.
 * Counted by hash (S5). A lease does not say that the chunk is there. */
arm_status arm__store_lease(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err);
/* Take one off; nothing happens when there is none. */
void arm__store_lease_drop(struct arm_store *store, const struct arm_hash *hash);
/* Forget all leases of this store, those of other threads too. */
arm_status arm__store_lease_clear(struct arm_store *store, struct arm_error *err);
/* Each hash leased by each living process, in no order; one may come more than once. `visit`
 * must not call the store. */
typedef arm_status arm_visit_hash(void *context, const struct arm_hash *hash,
                                  struct arm_error *err);
arm_status arm__store_leases(struct arm_store *store, arm_visit_hash *visit, void *context,
                             struct arm_error *err);

/* Remove the staged files and leases of owners that are gone; at any time, since a live owner
 * holds its lock. `*out_removed` (may be NULL) counts staged files removed; visit (may be
 * NULL) sees the name of each afterwards. */
arm_status arm__store_sweep(struct arm_store *store, arm_visit_name *visit, void *context,
                            uint64_t *out_removed, struct arm_error *err);

#endif
