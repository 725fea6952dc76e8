/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mend.h"

#include <string.h>

/* Offsets of frame.h. */
enum { AT_SIZE = 8, AT_COUNT = 12, AT_PREVIOUS = 40, AT_PAYLOAD_SIZE = 4, AT_DIGEST = 8 };

static void put_hash(uint8_t *at, struct arm_hash hash)
{
    memcpy(at, hash.bytes, ARM_HASH_BYTES);
}

/* Where payloads begin, or 0 if the sizes of records do not fit the frame. */
static size_t find_payloads(const uint8_t *bytes, size_t frame_size, uint32_t count)
{
    size_t entries = ARM_FRAME_HEADER_BYTES + (size_t)count * ARM_FRAME_RECORD_BYTES;
    size_t spines = 0;
    size_t payloads = 0;

    if (entries + ARM_HASH_BYTES > frame_size) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = bytes + ARM_FRAME_HEADER_BYTES + (size_t)i * ARM_FRAME_RECORD_BYTES;

        spines += arm__get_u32(entry);
        payloads += arm__get_u32(entry + AT_PAYLOAD_SIZE);
    }
    return entries + spines + payloads + ARM_HASH_BYTES == frame_size ? entries + spines : 0;
}

size_t mend_frame(uint8_t *bytes, size_t size)
{
    size_t frame_size = size < ARM_FRAME_HEADER_BYTES ? 0 : arm__get_u32(bytes + AT_SIZE);
    uint32_t count = frame_size == 0 ? 0 : arm__get_u32(bytes + AT_COUNT);
    size_t payloads;
    size_t at;

    if (frame_size < ARM_FRAME_HEADER_BYTES + ARM_HASH_BYTES || frame_size > size || count > size) {
        return 0;
    }
    payloads = find_payloads(bytes, frame_size, count);
    if (payloads == 0) {
        return 0;
    }
    at = payloads;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = bytes + ARM_FRAME_HEADER_BYTES + (size_t)i * ARM_FRAME_RECORD_BYTES;
        size_t payload = arm__get_u32(entry + AT_PAYLOAD_SIZE);

        memset(entry + AT_DIGEST, 0, ARM_HASH_BYTES);
        if (payload > 0) {
            put_hash(entry + AT_DIGEST, arm__hash(arm__bytes(bytes + at, payload)));
        }
        at += payload;
    }
    put_hash(bytes + frame_size - ARM_HASH_BYTES, arm__hash(arm__bytes(bytes, payloads)));
    return frame_size;
}

void mend_chain(uint8_t *bytes, size_t size, struct arm_hash *inout_previous)
{
    size_t at = 0;
    size_t frame_size = 1;

    while (frame_size > 0 && size - at >= ARM_FRAME_HEADER_BYTES) {
        put_hash(bytes + at + AT_PREVIOUS, *inout_previous);
        frame_size = mend_frame(bytes + at, size - at);
        at += frame_size;
        if (frame_size > 0) {
            memcpy(inout_previous->bytes, bytes + at - ARM_HASH_BYTES, ARM_HASH_BYTES);
        }
    }
}

void mend_segment(uint8_t bytes[ARM_SEGMENT_HEADER_BYTES], struct arm_hash *out_hash)
{
    enum { COVERED = ARM_SEGMENT_HEADER_BYTES - ARM_HASH_BYTES };

    *out_hash = arm__hash(arm__bytes(bytes, COVERED));
    put_hash(bytes + COVERED, *out_hash);
}
