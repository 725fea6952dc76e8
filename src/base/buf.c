/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers, and reading positions in untrusted bytes.
 *
 * B1  size <= max, and size <= capacity: no input makes a buffer grow past the maximum it was
 *     born with. (capacity may pass max by the one byte of printf's NUL.)
 * B2  A failed append leaves the buffer as it was; a failed take leaves the reader where it
 *     was and its output untouched.
 * B3  One value has one encoding: a varint is LEB128, seven bits a byte from the low end, the
 *     high bit on all but the last byte, no longer than needed, 64 bits at most. */

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { CAPACITY_MIN = 64, VARINT_BYTES_MAX = 10 };

static void check(const struct arm_buf *buf)
{
    assert(buf->size <= buf->capacity); /* B1 */
    assert(buf->size <= buf->max);      /* B1 */
}

void arm__buf_release(struct arm_buf *buf)
{
    arm__free(buf->data);
    *buf = ARM_BUF_INIT(buf->max);
}

/* Make capacity at least `needed`: doubled, so that n appends copy O(n) bytes, but not past max. */
static arm_status grow(struct arm_buf *buf, size_t needed, struct arm_error *err)
{
    size_t capacity = buf->capacity > SIZE_MAX / 2 ? SIZE_MAX : buf->capacity * 2;

    if (needed <= buf->capacity) {
        return ARM_OK;
    }
    capacity = capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity;
    capacity = capacity > buf->max ? buf->max : capacity;
    capacity = capacity < needed ? needed : capacity;
    if (arm__realloc(&buf->data, capacity, 1, err) != ARM_OK) {
        return ARM_NO_MEMORY;
    }
    buf->capacity = capacity;
    return ARM_OK;
}

static arm_status check_max(const struct arm_buf *buf, size_t more, struct arm_error *err)
{
    check(buf);
    if (more > buf->max - buf->size) {
        return arm__fail(err, ARM_INVALID, "too large: %zu bytes and %zu more, limit %zu",
                         buf->size, more, buf->max);
    }
    return ARM_OK;
}

arm_status arm__buf_reserve(struct arm_buf *buf, size_t more, struct arm_error *err)
{
    arm_status st = check_max(buf, more, err);

    return st != ARM_OK ? st : grow(buf, buf->size + more, err);
}

arm_status arm__buf_append(struct arm_buf *buf, const void *data, size_t size_bytes,
                           struct arm_error *err)
{
    arm_status st = arm__buf_reserve(buf, size_bytes, err);

    if (st == ARM_OK && size_bytes > 0) {
        memcpy(buf->data + buf->size, data, size_bytes);
        buf->size += size_bytes;
        check(buf);
    }
    return st;
}

arm_status arm__buf_zeros(struct arm_buf *buf, size_t size_bytes, struct arm_error *err)
{
    arm_status st = arm__buf_reserve(buf, size_bytes, err);

    if (st == ARM_OK && size_bytes > 0) {
        memset(buf->data + buf->size, 0, size_bytes);
        buf->size += size_bytes;
        check(buf);
    }
    return st;
}

arm_status arm__buf_u8(struct arm_buf *buf, uint8_t value, struct arm_error *err)
{
    return arm__buf_append(buf, &value, 1, err);
}

arm_status arm__buf_u32(struct arm_buf *buf, uint32_t value, struct arm_error *err)
{
    uint8_t bytes[4];

    arm__set_u32(bytes, value);
    return arm__buf_append(buf, bytes, sizeof bytes, err);
}

arm_status arm__buf_u64(struct arm_buf *buf, uint64_t value, struct arm_error *err)
{
    uint8_t bytes[8];

    arm__set_u64(bytes, value);
    return arm__buf_append(buf, bytes, sizeof bytes, err);
}

/* The encoding of `value` in `bytes`; returns its length. */
static size_t varint_encode(uint64_t value, uint8_t bytes[VARINT_BYTES_MAX])
{
    size_t size = 0;

    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    assert(size <= VARINT_BYTES_MAX); /* B3 */
    return size;
}

arm_status arm__buf_varint(struct arm_buf *buf, uint64_t value, struct arm_error *err)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t size = varint_encode(value, bytes);

    return arm__buf_append(buf, bytes, size, err);
}

arm_status arm__buf_blob(struct arm_buf *buf, struct arm_bytes bytes, struct arm_error *err)
{
    uint8_t head[VARINT_BYTES_MAX];
    size_t head_size = varint_encode(bytes.size, head);
    size_t before = buf->size;
    arm_status st = arm__buf_append(buf, head, head_size, err);

    if (st == ARM_OK) {
        st = arm__buf_append(buf, bytes.data, bytes.size, err);
    }
    if (st != ARM_OK) {
        buf->size = before; /* B2 */
    }
    return st;
}

arm_status arm__buf_printf(struct arm_buf *buf, struct arm_error *err, const char *format, ...)
{
    va_list args;
    int size;
    arm_status st;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        return arm__fail(err, ARM_INVALID, "the text cannot be formatted");
    }
    st = check_max(buf, (size_t)size, err);
    if (st == ARM_OK) {
        st = grow(buf, buf->size + (size_t)size + 1, err);
    }
    if (st == ARM_OK) {
        va_start(args, format);
        (void)vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args);
        va_end(args);
        buf->size += (size_t)size;
        check(buf);
    }
    return st;
}

int arm__bytes_compare(struct arm_bytes a, struct arm_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return (a.size > b.size) - (a.size < b.size);
}

arm_status arm__take(struct arm_reader *r, size_t size_bytes, const uint8_t **out,
                     struct arm_error *err)
{
    if (size_bytes > r->rest.size) {
        return arm__fail(err, ARM_CORRUPT, "%s ends early: %zu bytes wanted, %zu left", r->what,
                         size_bytes, r->rest.size);
    }
    *out = r->rest.data;
    if (size_bytes > 0) {
        r->rest.data += size_bytes;
        r->rest.size -= size_bytes;
    }
    return ARM_OK;
}

arm_status arm__take_u8(struct arm_reader *r, uint8_t *out, struct arm_error *err)
{
    const uint8_t *at = NULL;
    arm_status st = arm__take(r, 1, &at, err);

    if (st == ARM_OK) {
        *out = *at;
    }
    return st;
}

arm_status arm__take_u32(struct arm_reader *r, uint32_t *out, struct arm_error *err)
{
    const uint8_t *at = NULL;
    arm_status st = arm__take(r, 4, &at, err);

    if (st == ARM_OK) {
        *out = arm__get_u32(at);
    }
    return st;
}

arm_status arm__take_u64(struct arm_reader *r, uint64_t *out, struct arm_error *err)
{
    const uint8_t *at = NULL;
    arm_status st = arm__take(r, 8, &at, err);

    if (st == ARM_OK) {
        *out = arm__get_u64(at);
    }
    return st;
}

arm_status arm__take_varint(struct arm_reader *r, uint64_t *out, struct arm_error *err)
{
    uint64_t value = 0;
    size_t size = 0;

    for (;;) {
        uint8_t byte;

        if (size == r->rest.size) {
            return arm__fail(err, ARM_CORRUPT, "%s ends early: inside a varint", r->what);
        }
        byte = r->rest.data[size];
        if (size == VARINT_BYTES_MAX - 1 && byte > 1) { /* 9 x 7 bits leave one (B3) */
            return arm__fail(err, ARM_CORRUPT, "%s: a varint of over 64 bits", r->what);
        }
        value |= (uint64_t)(byte & 0x7F) << (7 * size);
        size++;
        if (byte < 0x80) {
            if (byte == 0 && size > 1) { /* B3 */
                return arm__fail(err, ARM_CORRUPT, "%s: a varint longer than needed", r->what);
            }
            break;
        }
    }
    r->rest.data += size;
    r->rest.size -= size;
    *out = value;
    return ARM_OK;
}

arm_status arm__take_blob(struct arm_reader *r, struct arm_bytes *out, struct arm_error *err)
{
    struct arm_reader ahead = *r; /* B2: moved only when the whole blob is there */
    uint64_t size = 0;
    const uint8_t *data = NULL;
    arm_status st = arm__take_varint(&ahead, &size, err);

    if (st == ARM_OK && size > ahead.rest.size) {
        st = arm__fail(err, ARM_CORRUPT, "%s ends early: %llu bytes wanted, %zu left", r->what,
                       (unsigned long long)size, ahead.rest.size);
    }
    if (st == ARM_OK) {
        st = arm__take(&ahead, (size_t)size, &data, err);
    }
    if (st == ARM_OK) {
        *r = ahead;
        *out = arm__bytes(data, (size_t)size);
    }
    return st;
}

arm_status arm__take_end(const struct arm_reader *r, struct arm_error *err)
{
    if (r->rest.size != 0) {
        return arm__fail(err, ARM_CORRUPT, "%s: %zu bytes too many", r->what, r->rest.size);
    }
    return ARM_OK;
}

uint32_t arm__get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t arm__get_u64(const uint8_t *at)
{
    return (uint64_t)arm__get_u32(at) | (uint64_t)arm__get_u32(at + 4) << 32;
}

uint64_t arm__get_be64(const uint8_t *at)
{
    return __builtin_bswap64(arm__get_u64(at));
}

void arm__set_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

void arm__set_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

void arm__set_be64(uint8_t *at, uint64_t value)
{
    arm__set_u64(at, __builtin_bswap64(value));
}
