/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_LOG_FRAME_H
#define ARM_LOG_FRAME_H

/* One frame of the log: what one turn of the commit lock appended. Pure functions.
 *
 *   offset size field                      (all integers little-endian)
 *        0    4 magic "ARMF"
 *        4    2 kind: 1 records, 2 close
 *        6    2 reserved, 0
 *        8    4 size of the whole frame in bytes, header to hash
 *       12    4 record count
 *       16    8 first tx id (of the next record, in a close frame)
 *       24    8 durable_to: the largest tx id known durable when this was appended
 *       32    4 key id, 0: not encrypted
 *       36    4 reserved, 0
 *       40   32 hash of the frame before (of the segment-zero header for the first)
 *       72      per record: u32 spine bytes, u32 payload bytes, 32 bytes BLAKE3 of the payload
 *                           (zeros where there is none)
 *               the spines, one after the other (log.proto's Record)
 *               the payloads, one after the other (hot rows)
 *    last   32 BLAKE3 of everything before but the payloads
 *
 * A frame is valid iff magic, kind and sizes agree (a close frame, and no other, has no record),
 * every reserved byte is 0, durable_to < first tx, the hash is right, every payload has its
 * digest, and the hash of the frame before is the one named.
 * The chain covers digests of payloads, not payloads, so that a payload can be erased later
 * and the chain still be verified. */

#include "base/hash.h"

#define ARM_FRAME_HEADER_BYTES 72
#define ARM_FRAME_RECORD_BYTES 40
#define ARM_FRAME_BYTES_MAX (48u << 20)

enum arm_frame_kind { ARM_FRAME_RECORDS = 1, ARM_FRAME_CLOSE = 2 };

/* Borrowed bytes of one record. */
struct arm_record {
    struct arm_bytes spine;
    struct arm_bytes payload;
};

struct arm_frame_header {
    enum arm_frame_kind kind;
    uint32_t size_bytes;
    uint32_t record_count;
    uint64_t first_tx;
    uint64_t durable_to;
    uint32_t key_id;
    struct arm_hash previous;
};

/* Append the encoded frame to `out` (size and count are set from `records`); `*out_hash` is
 * its hash, the next frame's `previous`. Errors: ARM_INVALID over ARM_FRAME_BYTES_MAX. */
arm_status arm__frame_encode(const struct arm_frame_header *header,
                             const struct arm_record *records, struct arm_buf *out,
                             struct arm_hash *out_hash, struct arm_error *err);

/* Decode and judge the header alone (first ARM_FRAME_HEADER_BYTES): magic, kind, sizes. */
arm_status arm__frame_decode_header(struct arm_bytes bytes, struct arm_frame_header *out,
                                    struct arm_error *err);

/* Judge a whole frame but for its place in the chain. ARM_CORRUPT says what is wrong. */
arm_status arm__frame_check(struct arm_bytes frame, struct arm_frame_header *out,
                            struct arm_hash *out_hash, struct arm_error *err);

/* The n-th record (from 0) of a frame that arm__frame_check accepted; borrowed from it. */
struct arm_record arm__frame_record(struct arm_bytes frame, uint32_t n);

#endif
