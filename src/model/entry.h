/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_ENTRY_H
#define ARM_MODEL_ENTRY_H

/* Manifest entries as the manifest's ptree stores them: key = position, value = this
 * encoding. Pure.
 *
 *   u8      format, 1
 *   u8      flags: 1 chunk (else hot), 2 explicit row ids, 4 name mapping, 8 encrypted,
 *                  16 deletion vector inline, 32 deletion vector by hash
 *   varint  first row id, rows, bytes, schema id, dead rows
 *   32      rows hash
 *   32      chunk hash          (chunk)
 *   varint  tx, payload offset  (hot: the record that carries the rows)
 *   varint  key id              (encrypted)
 *   blob    roaring portable    (deletion vector inline, at most ARM_VECTOR_INLINE_MAX bytes)
 *   32      hash of the roaring bytes, kept by the index (deletion vector by hash)
 */

#include "base/hash.h"
#include "model/position.h"

#define ARM_VECTOR_INLINE_MAX 192

struct arm_entry {
    struct arm_position position;
    uint64_t first_row_id;
    uint32_t rows;
    uint32_t dead; /* rows in the deletion vector */
    uint64_t bytes;
    uint32_t schema_id;
    uint32_t key_id;
    bool is_hot;
    bool explicit_row_ids;
    bool name_mapping;
    struct arm_hash rows_hash;
    struct arm_hash chunk;       /* !is_hot */
    uint64_t tx;                 /* is_hot */
    uint64_t payload_offset;     /* is_hot */
    struct arm_bytes vector;     /* dead > 0 and inline: roaring bytes, borrowed */
    struct arm_hash vector_hash; /* dead > 0 and not inline */
};

/* The value only; the position is the key. */
arm_status arm__entry_encode(const struct arm_entry *entry, struct arm_buf *out,
                             struct arm_error *err);
/* Untrusted bytes; `out->vector` is borrowed from `value`. Errors: ARM_CORRUPT. */
arm_status arm__entry_decode(struct arm_bytes position, struct arm_bytes value,
                             struct arm_entry *out, struct arm_error *err);

#endif
