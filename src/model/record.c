/* SPDX-License-Identifier: Apache-2.0 */
/* Records: encode and decode. Decoding is judged twice, by wire format (message.c) and by meaning
 * (record_judge.c). Encoding is judged by both too, so that nothing is written that could not be
 * read again. */

#include "model/record.h"

#include <string.h>

#include "model/message.h"
#include "model/model_private.h"

_Static_assert(ARM_TABLE_ID_BYTES == ARM_ID_BYTES + 4, "a commit id and a u32");

struct arm_table_id arm__table_id(const struct arm_id *commit, uint32_t ordinal)
{
    struct arm_table_id id;

    memcpy(id.bytes, commit->bytes, ARM_ID_BYTES);
    arm__set_u32(id.bytes + ARM_ID_BYTES, ordinal);
    return id;
}

bool arm__table_id_equal(const struct arm_table_id *a, const struct arm_table_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

arm_status arm__recode(arm_status st, arm_status code, struct arm_error *err)
{
    if (st == ARM_OK || st == ARM_NO_MEMORY) {
        return st;
    }
    if (err != NULL) {
        err->code = code;
    }
    return code;
}

arm_status arm__record_encode(const Armpb__Record *record, struct arm_buf *out,
                              struct arm_error *err)
{
    arm_status st = arm__recode(arm__record_judge(record, UINT64_MAX, err), ARM_INVALID, err);

    return st != ARM_OK ? st : arm__message_pack(&record->base, out, err);
}

arm_status arm__record_decode(struct arm_bytes spine, uint64_t payload_bytes, Armpb__Record **out,
                              struct arm_error *err)
{
    ProtobufCMessage *message = NULL;
    Armpb__Record *record;
    arm_status st = arm__message_unpack(&armpb__record__descriptor, spine, &message, err);

    if (st != ARM_OK) {
        return st;
    }
    record = (Armpb__Record *)message;
    st = arm__record_judge(record, payload_bytes, err);
    if (st != ARM_OK) {
        arm__record_free(record);
        return st;
    }
    *out = record;
    return ARM_OK;
}

void arm__record_free(Armpb__Record *record)
{
    if (record != NULL) {
        arm__message_free(&record->base);
    }
}
