/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_MESSAGE_H
#define ARM_MODEL_MESSAGE_H

/* Protobuf messages under our rules: bytes are judged before protobuf-c sees them, memory comes
 * through base/alloc.h, and one message has one encoding. Pure.
 *
 * Bytes are a message iff every field is known, has its wire type, stands in order of number and,
 * unless repeated, once; every required field is there; varints are no longer than needed and fit
 * their field; a bool is 0 or 1, an enum has a known value; a string is UTF-8 without NUL; and
 * messages are nested at most ARM_MESSAGE_DEPTH_MAX deep. What passes is packed again to the
 * same bytes. */

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"

/* A record with a type 64 deep: Record, Commit, TableChange, Schema, Column, 64 x (Field, Type). */
#define ARM_MESSAGE_DEPTH_MAX (5 + 2 * 64)

/* Errors: ARM_CORRUPT, naming message and field. */
arm_status arm__message_scan(const ProtobufCMessageDescriptor *descriptor, struct arm_bytes bytes,
                             struct arm_error *err);

/* Judge untrusted bytes and unpack them. `*out` is the caller's, freed by arm__message_free.
 * Errors: ARM_CORRUPT, ARM_NO_MEMORY. */
arm_status arm__message_unpack(const ProtobufCMessageDescriptor *descriptor, struct arm_bytes bytes,
                               ProtobufCMessage **out, struct arm_error *err);
void arm__message_free(ProtobufCMessage *message); /* NULL is accepted */

/* Append the encoding to `out`, and judge it as above. Errors: ARM_INVALID (a string is no UTF-8;
 * larger than out->max), ARM_NO_MEMORY; `out` is then as it was. */
arm_status arm__message_pack(const ProtobufCMessage *message, struct arm_buf *out,
                             struct arm_error *err);

#endif
