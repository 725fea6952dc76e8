/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf messages under our rules (message.h). The scan runs before protobuf-c unpacks, for
 * three reasons: protobuf-c recurses as deep as the bytes say, keeps unknown fields, and lets the
 * last of two values win, so that two programs could read one record in two ways. */

#include "model/message.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "model/utf8.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_TYPE_BITS = 3 };

enum { WIRE_TYPE_MASK = (1 << WIRE_TYPE_BITS) - 1 };

static arm_status scan_message(struct arm_bytes bytes, const ProtobufCMessageDescriptor *descriptor,
                               unsigned depth, struct arm_error *err);

static arm_status wrong(const ProtobufCMessageDescriptor *message,
                        const ProtobufCFieldDescriptor *field, const char *what,
                        struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "%s.%s %s", message->short_name, field->name, what);
}

static enum wire_type wire_type_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static bool varint_fits(const ProtobufCFieldDescriptor *field, uint64_t value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return value <= 1;
    case PROTOBUF_C_TYPE_UINT32:
        return value <= UINT32_MAX;
    case PROTOBUF_C_TYPE_UINT64:
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return value <= INT32_MAX &&
               protobuf_c_enum_descriptor_get_value(field->descriptor, (int)value) != NULL;
    default:
        return false; /* a type that record.proto does not use */
    }
}

static arm_status scan_bytes(struct arm_bytes value, const ProtobufCMessageDescriptor *message,
                             const ProtobufCFieldDescriptor *field, unsigned depth,
                             struct arm_error *err)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return scan_message(value, field->descriptor, depth + 1, err);
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        if (!arm__utf8_valid(value)) {
            return wrong(message, field, "is not UTF-8", err);
        }
        if (value.size > 0 && memchr(value.data, 0, value.size) != NULL) {
            return wrong(message, field, "has a NUL", err);
        }
    }
    return ARM_OK;
}

static arm_status scan_value(struct arm_reader *r, const ProtobufCMessageDescriptor *message,
                             const ProtobufCFieldDescriptor *field, unsigned depth,
                             struct arm_error *err)
{
    struct arm_bytes bytes = {NULL, 0};
    uint64_t number = 0;
    arm_status st = ARM_OK;

    switch (wire_type_of(field)) {
    case WIRE_64:
        ARM_TRY(arm__take_u64(r, &number, err));
        break;
    case WIRE_BYTES:
        ARM_TRY(arm__take_blob(r, &bytes, err));
        ARM_TRY(scan_bytes(bytes, message, field, depth, err));
        break;
    default:
        ARM_TRY(arm__take_varint(r, &number, err));
        if (!varint_fits(field, number)) {
            st = wrong(message, field, "has a value it cannot have", err);
        }
        break;
    }
done:
    return st;
}

static arm_status check_present(const ProtobufCMessageDescriptor *message, unsigned field,
                                bool seen, struct arm_error *err)
{
    if (!seen && message->fields[field].label == PROTOBUF_C_LABEL_REQUIRED) {
        return wrong(message, &message->fields[field], "is missing", err);
    }
    return ARM_OK;
}

/* The descriptor's fields are sorted by number, and so must the bytes be: one walk over both. */
static arm_status scan_message(struct arm_bytes bytes, const ProtobufCMessageDescriptor *descriptor,
                               unsigned depth, struct arm_error *err)
{
    struct arm_reader r = arm__reader(bytes, descriptor->short_name);
    unsigned at = 0;   /* fields before this one are done */
    bool seen = false; /* field `at` was */
    arm_status st = ARM_OK;

    if (depth > ARM_MESSAGE_DEPTH_MAX) {
        return arm__fail(err, ARM_CORRUPT, "%s: messages nested deeper than %d",
                         descriptor->short_name, ARM_MESSAGE_DEPTH_MAX);
    }
    while (r.rest.size > 0) {
        uint64_t key = 0;
        uint64_t id;

        ARM_TRY(arm__take_varint(&r, &key, err));
        id = key >> WIRE_TYPE_BITS;
        for (; at < descriptor->n_fields && descriptor->fields[at].id < id; at++, seen = false) {
            ARM_TRY(check_present(descriptor, at, seen, err));
        }
        if (at == descriptor->n_fields || descriptor->fields[at].id != id) {
            return arm__fail(err, ARM_CORRUPT, "%s: field %llu is unknown or out of order",
                             descriptor->short_name, (unsigned long long)id);
        }
        if ((key & WIRE_TYPE_MASK) != wire_type_of(&descriptor->fields[at])) {
            return wrong(descriptor, &descriptor->fields[at], "has the wrong wire type", err);
        }
        if (seen && descriptor->fields[at].label != PROTOBUF_C_LABEL_REPEATED) {
            return wrong(descriptor, &descriptor->fields[at], "stands twice", err);
        }
        ARM_TRY(scan_value(&r, descriptor, &descriptor->fields[at], depth, err));
        seen = true;
    }
    for (; at < descriptor->n_fields; at++, seen = false) {
        ARM_TRY(check_present(descriptor, at, seen, err));
    }
done:
    return st;
}

arm_status arm__message_scan(const ProtobufCMessageDescriptor *descriptor, struct arm_bytes bytes,
                             struct arm_error *err)
{
    return scan_message(bytes, descriptor, 1, err);
}

/* protobuf-c's door to the heap. `data` points to a bool: an allocation failed. */
static void *allocate(void *data, size_t size)
{
    bool *failed = data;
    void *memory = NULL;

    if (arm__calloc(1, size, &memory, NULL) != ARM_OK) {
        *failed = true;
    }
    return memory;
}

static void release(void *data, void *memory)
{
    (void)data;
    arm__free(memory);
}

arm_status arm__message_unpack(const ProtobufCMessageDescriptor *descriptor, struct arm_bytes bytes,
                               ProtobufCMessage **out, struct arm_error *err)
{
    bool failed = false;
    ProtobufCAllocator allocator = {allocate, release, &failed};
    ProtobufCMessage *message = NULL;
    arm_status st = arm__message_scan(descriptor, bytes, err);

    if (st != ARM_OK) {
        return st;
    }
    message = protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data);
    if (failed) {
        arm__message_free(message);
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a %s of %zu bytes",
                         descriptor->short_name, bytes.size);
    }
    if (message == NULL) {
        return arm__fail(err, ARM_CORRUPT, "%s does not decode", descriptor->short_name);
    }
    *out = message;
    return ARM_OK;
}

void arm__message_free(ProtobufCMessage *message)
{
    bool failed = false;
    ProtobufCAllocator allocator = {allocate, release, &failed};

    if (message != NULL) {
        protobuf_c_message_free_unpacked(message, &allocator);
    }
}

arm_status arm__message_pack(const ProtobufCMessage *message, struct arm_buf *out,
                             struct arm_error *err)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    size_t written;
    arm_status st = arm__buf_reserve(out, size, err);

    if (st != ARM_OK) {
        return st;
    }
    if (size == 0) {
        return ARM_OK;
    }
    written = protobuf_c_message_pack(message, out->data + out->size);
    assert(written == size);
    st = arm__message_scan(message->descriptor, arm__bytes(out->data + out->size, size), err);
    if (st != ARM_OK) {
        if (err != NULL) {
            err->code = ARM_INVALID;
        }
        return ARM_INVALID;
    }
    out->size += size;
    return ARM_OK;
}
