/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE3-256 and random ids, and their one spelling: lower-case hexadecimal digits.
 *
 * H1  parse accepts what hex writes and nothing else: no upper case, no spaces, no other
 *     length. Whoever builds a path from a parsed hash can trust it. */

#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(ARM_HASH_BYTES == BLAKE3_OUT_LEN, "a hash is BLAKE3's 256 bits");
_Static_assert(ARM_HASH_HEX == 2 * ARM_HASH_BYTES, "two digits a byte");

void arm__hasher_init(struct arm_hasher *hasher)
{
    blake3_hasher_init(&hasher->state);
}

void arm__hasher_update(struct arm_hasher *hasher, const void *data, size_t size_bytes)
{
    if (size_bytes > 0) {
        blake3_hasher_update(&hasher->state, data, size_bytes);
    }
}

struct arm_hash arm__hasher_finish(const struct arm_hasher *hasher)
{
    struct arm_hash hash;

    blake3_hasher_finalize(&hasher->state, hash.bytes, sizeof hash.bytes);
    return hash;
}

struct arm_hash arm__hash(struct arm_bytes bytes)
{
    struct arm_hasher hasher;

    arm__hasher_init(&hasher);
    arm__hasher_update(&hasher, bytes.data, bytes.size);
    return arm__hasher_finish(&hasher);
}

bool arm__hash_equal(const struct arm_hash *a, const struct arm_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool arm__hash_is_zero(const struct arm_hash *hash)
{
    static const struct arm_hash zero;

    return arm__hash_equal(hash, &zero);
}

static void hex_write(const uint8_t *bytes, size_t size, char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * size] = '\0';
}

/* The value of a digit, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* H1. The text itself is left out of the message: it may be any bytes at all. */
static arm_status hex_parse(const char *hex, uint8_t *bytes, size_t size, arm_status code,
                            struct arm_error *err)
{
    size_t length = hex == NULL ? 0 : strnlen(hex, 2 * size + 1);

    if (length != 2 * size) {
        return arm__fail(err, code, "not %zu lower-case hexadecimal digits: %s", 2 * size,
                         length < 2 * size ? "too short" : "too long");
    }
    for (size_t i = 0; i < length; i++) {
        if (hex_digit(hex[i]) < 0) {
            return arm__fail(err, code, "not %zu lower-case hexadecimal digits: see character %zu",
                             2 * size, i + 1);
        }
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    }
    return ARM_OK;
}

void arm__hash_hex(const struct arm_hash *hash, char hex[ARM_HASH_HEX + 1])
{
    hex_write(hash->bytes, sizeof hash->bytes, hex);
}

arm_status arm__hash_parse(const char *hex, struct arm_hash *out, struct arm_error *err)
{
    return hex_parse(hex, out->bytes, sizeof out->bytes, ARM_INVALID_HASH, err);
}

arm_status arm__id_random(struct arm_id *out, struct arm_error *err)
{
    struct arm_id id;
    ssize_t size;

    do {
        size = getrandom(id.bytes, sizeof id.bytes, 0);
    } while (size < 0 && errno == EINTR);
    if (size != (ssize_t)sizeof id.bytes) { /* the kernel never cuts a request this small */
        return arm__fail(err, ARM_IO, "the kernel gives no random bytes");
    }
    *out = id;
    return ARM_OK;
}

arm_status arm__id_timed(int64_t now_us, struct arm_id *out, struct arm_error *err)
{
    uint64_t now_ms = (uint64_t)now_us / 1000;
    arm_status st = arm__id_random(out, err);

    if (st == ARM_OK) {
        for (size_t i = ARM_ID_TIME_AT; i < ARM_ID_BYTES; i++) {
            out->bytes[i] = (uint8_t)(now_ms >> (8 * (ARM_ID_BYTES - 1 - i)));
        }
    }
    return st;
}

bool arm__id_equal(const struct arm_id *a, const struct arm_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void arm__id_hex(const struct arm_id *id, char hex[2 * ARM_ID_BYTES + 1])
{
    hex_write(id->bytes, sizeof id->bytes, hex);
}

arm_status arm__id_parse(const char *hex, struct arm_id *out, struct arm_error *err)
{
    return hex_parse(hex, out->bytes, sizeof out->bytes, ARM_INVALID, err);
}
