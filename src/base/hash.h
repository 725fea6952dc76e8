/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_HASH_H
#define ARM_BASE_HASH_H

/* BLAKE3-256, the name of everything immutable, and ids of 128 random bits. */

#include <blake3.h>

#include "base/buf.h"

#define ARM_HASH_BYTES 32
#define ARM_HASH_HEX 64
#define ARM_ID_BYTES 16

struct arm_hash {
    uint8_t bytes[ARM_HASH_BYTES];
};

struct arm_id {
    uint8_t bytes[ARM_ID_BYTES];
};

/* Streaming: init, update any number of times, finish once. */
struct arm_hasher {
    blake3_hasher state;
};

void arm__hasher_init(struct arm_hasher *hasher);
void arm__hasher_update(struct arm_hasher *hasher, const void *data, size_t size_bytes);
struct arm_hash arm__hasher_finish(const struct arm_hasher *hasher);

struct arm_hash arm__hash(struct arm_bytes bytes);
bool arm__hash_equal(const struct arm_hash *a, const struct arm_hash *b);
bool arm__hash_is_zero(const struct arm_hash *hash);

/* `hex` gets 64 digits and a NUL. */
void arm__hash_hex(const struct arm_hash *hash, char hex[ARM_HASH_HEX + 1]);
/* Errors: ARM_INVALID_HASH unless `hex` is exactly 64 lower-case hexadecimal digits. */
arm_status arm__hash_parse(const char *hex, struct arm_hash *out, struct arm_error *err);

/* 128 random bits from the kernel. Errors: ARM_IO. */
arm_status arm__id_random(struct arm_id *out, struct arm_error *err);
/* The id of a commit: 80 such bits, then the time in milliseconds, 6 bytes, big-endian (parts of
 * RFC 9562's UUIDv7, the other way round, so that the first digits tell ids apart). An index that
 * puts the time first in its keys has new ones side by side, whatever the clock says. */
arm_status arm__id_timed(int64_t now_us, struct arm_id *out, struct arm_error *err);
enum { ARM_ID_TIME_AT = 10 };
bool arm__id_equal(const struct arm_id *a, const struct arm_id *b);
void arm__id_hex(const struct arm_id *id, char hex[2 * ARM_ID_BYTES + 1]);
/* Errors: ARM_INVALID unless 32 lower-case hexadecimal digits. */
arm_status arm__id_parse(const char *hex, struct arm_id *out, struct arm_error *err);

#endif
