/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and judging one frame; the layout stands in frame.h.
 *
 * F1  One frame, one encoding: what arm__frame_check accepts, arm__frame_encode would have
 *     written byte for byte.
 * F2  No byte of a frame may change unnoticed: the hash covers all but itself and the
 *     payloads, and each payload's digest is under the hash.
 * F3  Untrusted sizes are added in 64 bits and compared before anything is read by them. */

#include "log/frame.h"

#include <assert.h>
#include <string.h>

enum {
    AT_MAGIC = 0,
    AT_KIND = 4,
    AT_RESERVED_16 = 6,
    AT_SIZE = 8,
    AT_COUNT = 12,
    AT_FIRST_TX = 16,
    AT_DURABLE_TO = 24,
    AT_KEY_ID = 32,
    AT_RESERVED_32 = 36,
    AT_PREVIOUS = 40,
    /* in a record's entry */
    AT_SPINE_SIZE = 0,
    AT_PAYLOAD_SIZE = 4,
    AT_DIGEST = 8,
    FRAME_BYTES_MIN = ARM_FRAME_HEADER_BYTES + ARM_HASH_BYTES
};

static const uint8_t MAGIC[4] = {'A', 'R', 'M', 'F'};

_Static_assert(AT_PREVIOUS + ARM_HASH_BYTES == ARM_FRAME_HEADER_BYTES, "header layout");
_Static_assert(AT_DIGEST + ARM_HASH_BYTES == ARM_FRAME_RECORD_BYTES, "record entry layout");

/* The size of the frame that holds `records`. */
static arm_status measure(const struct arm_record *records, uint32_t count, uint32_t *out_size,
                          struct arm_error *err)
{
    uint64_t size = FRAME_BYTES_MIN;

    for (uint32_t i = 0; i < count && size <= ARM_FRAME_BYTES_MAX; i++) {
        if (records[i].spine.size > ARM_FRAME_BYTES_MAX ||
            records[i].payload.size > ARM_FRAME_BYTES_MAX) {
            size = UINT64_MAX;
            break;
        }
        size += ARM_FRAME_RECORD_BYTES + records[i].spine.size + records[i].payload.size;
    }
    if (size > ARM_FRAME_BYTES_MAX) {
        return arm__fail(err, ARM_INVALID, "a log frame of over %u bytes", ARM_FRAME_BYTES_MAX);
    }
    *out_size = (uint32_t)size;
    return ARM_OK;
}

static void put_header(const struct arm_frame_header *header, uint32_t size, uint8_t *at)
{
    memset(at, 0, ARM_FRAME_HEADER_BYTES);
    memcpy(at + AT_MAGIC, MAGIC, sizeof MAGIC);
    at[AT_KIND] = (uint8_t)header->kind;
    arm__set_u32(at + AT_SIZE, size);
    arm__set_u32(at + AT_COUNT, header->record_count);
    arm__set_u64(at + AT_FIRST_TX, header->first_tx);
    arm__set_u64(at + AT_DURABLE_TO, header->durable_to);
    arm__set_u32(at + AT_KEY_ID, header->key_id);
    memcpy(at + AT_PREVIOUS, header->previous.bytes, ARM_HASH_BYTES);
}

static uint8_t *put_bytes(uint8_t *at, struct arm_bytes bytes)
{
    if (bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

static struct arm_hash digest_of(struct arm_bytes payload)
{
    static const struct arm_hash none = {{0}};

    return payload.size == 0 ? none : arm__hash(payload);
}

/* Entries, then spines, then payloads; returns the end of the spines. */
static const uint8_t *put_records(const struct arm_record *records, uint32_t count, uint8_t *at)
{
    uint8_t *spine = at + (size_t)count * ARM_FRAME_RECORD_BYTES;
    uint8_t *payload;

    for (uint32_t i = 0; i < count; i++, at += ARM_FRAME_RECORD_BYTES) {
        struct arm_hash digest = digest_of(records[i].payload);

        arm__set_u32(at + AT_SPINE_SIZE, (uint32_t)records[i].spine.size);
        arm__set_u32(at + AT_PAYLOAD_SIZE, (uint32_t)records[i].payload.size);
        memcpy(at + AT_DIGEST, digest.bytes, ARM_HASH_BYTES);
        spine = put_bytes(spine, records[i].spine);
    }
    payload = spine;
    for (uint32_t i = 0; i < count; i++) {
        payload = put_bytes(payload, records[i].payload);
    }
    return spine;
}

/* What header fields may be together, whether we write them or read them. */
static const char *fields_problem(const struct arm_frame_header *header)
{
    if (header->kind == ARM_FRAME_RECORDS ? header->record_count == 0 : header->record_count != 0) {
        return "its kind and its record count do not agree";
    }
    if (header->first_tx == 0 || header->first_tx > UINT64_MAX - header->record_count) {
        return "no such tx id";
    }
    if (header->durable_to >= header->first_tx) {
        return "it calls itself durable";
    }
    return NULL;
}

arm_status arm__frame_encode(const struct arm_frame_header *header,
                             const struct arm_record *records, struct arm_buf *out,
                             struct arm_hash *out_hash, struct arm_error *err)
{
    const char *problem = fields_problem(header);
    uint32_t size = 0;
    uint8_t *frame;
    const uint8_t *spines_end;
    arm_status st = ARM_OK;

    if (problem != NULL) {
        return arm__fail(err, ARM_INVALID, "a log frame cannot be made: %s", problem);
    }
    ARM_TRY(measure(records, header->record_count, &size, err));
    ARM_TRY(arm__buf_reserve(out, size, err));
    frame = out->data + out->size;
    put_header(header, size, frame);
    spines_end = put_records(records, header->record_count, frame + ARM_FRAME_HEADER_BYTES);
    *out_hash = arm__hash(arm__bytes(frame, (size_t)(spines_end - frame)));
    memcpy(frame + size - ARM_HASH_BYTES, out_hash->bytes, ARM_HASH_BYTES);
    out->size += size;
done:
    return st;
}

static arm_status bad(struct arm_error *err, const char *problem)
{
    return arm__fail(err, ARM_CORRUPT, "not a valid log frame: %s", problem);
}

arm_status arm__frame_decode_header(struct arm_bytes bytes, struct arm_frame_header *out,
                                    struct arm_error *err)
{
    const uint8_t *at = bytes.data;
    struct arm_frame_header header;
    const char *problem;

    if (bytes.size < ARM_FRAME_HEADER_BYTES) {
        return bad(err, "it ends in its header");
    }
    if (memcmp(at + AT_MAGIC, MAGIC, sizeof MAGIC) != 0) {
        return bad(err, "it does not start with ARMF");
    }
    if (at[AT_KIND + 1] != 0 ||
        (at[AT_KIND] != ARM_FRAME_RECORDS && at[AT_KIND] != ARM_FRAME_CLOSE)) {
        return bad(err, "no such kind");
    }
    if (at[AT_RESERVED_16] != 0 || at[AT_RESERVED_16 + 1] != 0 ||
        arm__get_u32(at + AT_RESERVED_32) != 0) {
        return bad(err, "a reserved byte is not 0");
    }
    header = (struct arm_frame_header){
        .kind = (enum arm_frame_kind)at[AT_KIND],
        .size_bytes = arm__get_u32(at + AT_SIZE),
        .record_count = arm__get_u32(at + AT_COUNT),
        .first_tx = arm__get_u64(at + AT_FIRST_TX),
        .durable_to = arm__get_u64(at + AT_DURABLE_TO),
        .key_id = arm__get_u32(at + AT_KEY_ID),
    };
    memcpy(header.previous.bytes, at + AT_PREVIOUS, ARM_HASH_BYTES);
    problem = fields_problem(&header);
    if (problem != NULL) {
        return bad(err, problem);
    }
    if (header.size_bytes > ARM_FRAME_BYTES_MAX ||
        header.size_bytes <
            FRAME_BYTES_MIN + (uint64_t)header.record_count * ARM_FRAME_RECORD_BYTES) { /* F3 */
        return bad(err, "its size is impossible");
    }
    *out = header;
    return ARM_OK;
}

/* The bytes of all spines and of all payloads, as the entries say; they fit the frame (F3). */
static arm_status check_sizes(const uint8_t *frame, const struct arm_frame_header *header,
                              size_t *out_spines, struct arm_error *err)
{
    const uint8_t *entry = frame + ARM_FRAME_HEADER_BYTES;
    uint64_t left = header->size_bytes - FRAME_BYTES_MIN -
                    (uint64_t)header->record_count * ARM_FRAME_RECORD_BYTES;
    uint64_t spines = 0;
    uint64_t payloads = 0;

    for (uint32_t i = 0; i < header->record_count; i++, entry += ARM_FRAME_RECORD_BYTES) {
        spines += arm__get_u32(entry + AT_SPINE_SIZE);
        payloads += arm__get_u32(entry + AT_PAYLOAD_SIZE);
    }
    if (spines + payloads != left) {
        return bad(err, "the sizes of its records do not add up");
    }
    *out_spines = (size_t)spines;
    return ARM_OK;
}

static arm_status check_payloads(struct arm_bytes frame, uint32_t count, struct arm_error *err)
{
    const uint8_t *entry = frame.data + ARM_FRAME_HEADER_BYTES;
    const uint8_t *payload = entry + (size_t)count * ARM_FRAME_RECORD_BYTES;

    for (uint32_t i = 0; i < count; i++) {
        payload += arm__get_u32(entry + i * (size_t)ARM_FRAME_RECORD_BYTES + AT_SPINE_SIZE);
    }
    for (uint32_t i = 0; i < count; i++, entry += ARM_FRAME_RECORD_BYTES) {
        size_t size = arm__get_u32(entry + AT_PAYLOAD_SIZE);
        struct arm_hash digest = digest_of(arm__bytes(payload, size));

        if (memcmp(digest.bytes, entry + AT_DIGEST, ARM_HASH_BYTES) != 0) {
            return bad(err, "a payload does not have its digest");
        }
        payload += size;
    }
    return ARM_OK;
}

arm_status arm__frame_check(struct arm_bytes frame, struct arm_frame_header *out,
                            struct arm_hash *out_hash, struct arm_error *err)
{
    struct arm_frame_header header;
    struct arm_hash hash;
    size_t spines = 0;
    size_t covered;
    arm_status st = ARM_OK;

    ARM_TRY(arm__frame_decode_header(frame, &header, err));
    if (frame.size != header.size_bytes) {
        st = bad(err, "it is not as long as it says");
        goto done;
    }
    ARM_TRY(check_sizes(frame.data, &header, &spines, err));
    covered = ARM_FRAME_HEADER_BYTES + (size_t)header.record_count * ARM_FRAME_RECORD_BYTES;
    covered += spines;
    hash = arm__hash(arm__bytes(frame.data, covered));
    if (memcmp(hash.bytes, frame.data + frame.size - ARM_HASH_BYTES, ARM_HASH_BYTES) != 0) {
        st = bad(err, "its hash is wrong");
        goto done;
    }
    ARM_TRY(check_payloads(frame, header.record_count, err));
    *out = header;
    *out_hash = hash;
done:
    return st;
}

struct arm_record arm__frame_record(struct arm_bytes frame, uint32_t n)
{
    uint32_t count = arm__get_u32(frame.data + AT_COUNT);
    const uint8_t *entry = frame.data + ARM_FRAME_HEADER_BYTES;
    const uint8_t *spine = entry + (size_t)count * ARM_FRAME_RECORD_BYTES;
    const uint8_t *payload = spine;
    struct arm_record record;

    assert(n < count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t spine_size = arm__get_u32(entry + AT_SPINE_SIZE);

        payload += spine_size;
        if (i < n) {
            spine += spine_size;
            payload += arm__get_u32(entry + AT_PAYLOAD_SIZE);
        }
        entry += ARM_FRAME_RECORD_BYTES;
    }
    entry = frame.data + ARM_FRAME_HEADER_BYTES + (size_t)n * ARM_FRAME_RECORD_BYTES;
    record.spine = arm__bytes(spine, arm__get_u32(entry + AT_SPINE_SIZE));
    record.payload = arm__bytes(payload, arm__get_u32(entry + AT_PAYLOAD_SIZE));
    return record;
}
