/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_BUF_H
#define ARM_BASE_BUF_H

/* Byte strings: a borrowed view (arm_bytes) and a growing buffer with a maximum fixed at
 * birth (arm_buf), so that no input can make us allocate without end. */

#include "base/status.h"

/* Borrowed bytes; valid as long as what they were taken from. */
struct arm_bytes {
    const uint8_t *data;
    size_t size;
};

/* A growing buffer. Invariant B1: size <= capacity, size <= max. */
struct arm_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t max;
};

#define ARM_BUF_INIT(max_bytes) ((struct arm_buf){NULL, 0, 0, (max_bytes)})

static inline struct arm_bytes arm__bytes(const void *data, size_t size_bytes)
{
    return (struct arm_bytes){(const uint8_t *)data, size_bytes};
}

static inline struct arm_bytes arm__buf_bytes(const struct arm_buf *buf)
{
    return (struct arm_bytes){buf->data, buf->size};
}

void arm__buf_release(struct arm_buf *buf); /* empty again; keeps max */
static inline void arm__buf_clear(struct arm_buf *buf)
{
    buf->size = 0;
}

/* Room for `more` bytes after size. Errors: ARM_NO_MEMORY, ARM_INVALID over max. */
arm_status arm__buf_reserve(struct arm_buf *buf, size_t more, struct arm_error *err);
arm_status arm__buf_append(struct arm_buf *buf, const void *data, size_t size_bytes,
                           struct arm_error *err);
arm_status arm__buf_zeros(struct arm_buf *buf, size_t size_bytes, struct arm_error *err);
arm_status arm__buf_u8(struct arm_buf *buf, uint8_t value, struct arm_error *err);
arm_status arm__buf_u32(struct arm_buf *buf, uint32_t value, struct arm_error *err);    /* LE */
arm_status arm__buf_u64(struct arm_buf *buf, uint64_t value, struct arm_error *err);    /* LE */
arm_status arm__buf_varint(struct arm_buf *buf, uint64_t value, struct arm_error *err); /* LEB128 */
/* A varint length, then the bytes. */
arm_status arm__buf_blob(struct arm_buf *buf, struct arm_bytes bytes, struct arm_error *err);
/* printf into the buffer, without the NUL. */
arm_status arm__buf_printf(struct arm_buf *buf, struct arm_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Order and equality of byte strings: memcmp, then the shorter first. */
int arm__bytes_compare(struct arm_bytes a, struct arm_bytes b);

/* A reading position in untrusted bytes. Every take fails with ARM_CORRUPT past the end and
 * leaves the output untouched; `what` names the thing decoded, for the message. */
struct arm_reader {
    struct arm_bytes rest;
    const char *what;
};

static inline struct arm_reader arm__reader(struct arm_bytes bytes, const char *what)
{
    return (struct arm_reader){bytes, what};
}

arm_status arm__take(struct arm_reader *r, size_t size_bytes, const uint8_t **out,
                     struct arm_error *err);
arm_status arm__take_u8(struct arm_reader *r, uint8_t *out, struct arm_error *err);
arm_status arm__take_u32(struct arm_reader *r, uint32_t *out, struct arm_error *err);
arm_status arm__take_u64(struct arm_reader *r, uint64_t *out, struct arm_error *err);
/* Refuses a varint that is longer than needed or over 64 bits: one value, one encoding. */
arm_status arm__take_varint(struct arm_reader *r, uint64_t *out, struct arm_error *err);
arm_status arm__take_blob(struct arm_reader *r, struct arm_bytes *out, struct arm_error *err);
/* ARM_CORRUPT unless everything was taken. */
arm_status arm__take_end(const struct arm_reader *r, struct arm_error *err);

/* Fixed-width integers in place. */
uint32_t arm__get_u32(const uint8_t *at);
uint64_t arm__get_u64(const uint8_t *at);
uint64_t arm__get_be64(const uint8_t *at);
void arm__set_u32(uint8_t *at, uint32_t value);
void arm__set_u64(uint8_t *at, uint64_t value);
void arm__set_be64(uint8_t *at, uint64_t value);

#endif
