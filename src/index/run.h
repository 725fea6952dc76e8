/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_INDEX_RUN_H
#define ARM_INDEX_RUN_H

/* A run: the rows that some txs put into the index, sub-database by sub-database in order of key,
 * as the bytes of one chunk. All but meta, whose state follows from the rest.
 *
 *   offset   size
 *   0        8      magic "ARMRUN\0\1"
 *   8               blocks, those of one sub-database after one another
 *   d        24·n   directory, for each of the n sub-databases: u64 offset of its first block,
 *                   blocks, items
 *   d+24·n   8      u64 d
 *            8      the magic again
 *
 *   block    u32 raw bytes, u32 packed bytes, then those, zstd
 *   raw      items: varint bytes shared with the key before it in the block, varint bytes of the
 *            key that follow, varint bytes of the value; these bytes; the value
 *
 * Valid iff all offsets and counts fit, keys rise strictly, and no byte of a block is left over.
 * Integers are little-endian. The bytes are a chunk's, hence already known to be those that were
 * written; what does not decode is ARM_CORRUPT all the same. */

#include "index/index_private.h"

#define ARM_RUN_MAGIC "ARMRUN\0\1"

enum { ARM_RUN_MAGIC_BYTES = 8, ARM_RUN_SECTION_BYTES = 24, ARM_RUN_BLOCK_HEAD_BYTES = 8 };

#define ARM_RUN_DB_FIRST ARM_DB_TX /* meta is left out */
#define ARM_RUN_DB_COUNT (ARM_DB_COUNT - ARM_RUN_DB_FIRST)

struct arm_run_section {
    uint64_t offset;
    uint64_t blocks;
    uint64_t items;
};

/* ---- Writing: for each sub-database in order its items, then finish ---- */

struct arm_run_writer;
arm_status arm__run_writer_new(struct arm_store_writer *target, struct arm_run_writer **out,
                               struct arm_error *err);
/* `db` is that of the last call or a later one; the key comes after the last one's. */
arm_status arm__run_write(struct arm_run_writer *writer, enum arm_db db,
                          const struct arm_kv_item *item, struct arm_error *err);
arm_status arm__run_finish(struct arm_run_writer *writer, struct arm_error *err);
void arm__run_writer_free(struct arm_run_writer *writer); /* NULL is accepted */

/* ---- Reading ---- */

struct arm_run {
    struct arm_store_reader *bytes; /* owned */
    struct arm_run_section sections[ARM_RUN_DB_COUNT];
};
arm_status arm__run_open(struct arm_store *store, const struct arm_hash *chunk, struct arm_run *out,
                         struct arm_error *err);
void arm__run_close(struct arm_run *run); /* accepts the zeroed state */

/* The items of one sub-database. */
struct arm_run_cursor {
    const struct arm_run *run;
    struct arm_run_section rest; /* what is not read yet */
    struct arm_buf raw;          /* the present block */
    struct arm_buf packed;
    struct arm_reader items; /* what is left of it */
    struct arm_key key;      /* of the last item */
    struct arm_kv_item item; /* key.data NULL: the end */
};
void arm__run_cursor_init(const struct arm_run *run, enum arm_db db, struct arm_run_cursor *out);
/* The next item, in cursor->item; valid until the next call. */
arm_status arm__run_cursor_next(struct arm_run_cursor *cursor, struct arm_error *err);
void arm__run_cursor_release(struct arm_run_cursor *cursor);

#endif
