/* SPDX-License-Identifier: Apache-2.0 */
/* Records (model/record.proto). M2, M4: what is decoded is encoded again to the same bytes. The
 * first byte chooses how large the payload is that hot rows must lie in. */

#include "model/record.h"
#include "support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t PAYLOADS[] = {UINT64_MAX, 0, 1, 100, 65536, UINT32_MAX};
    struct fuzz_input in = {data, size};
    uint64_t payload = PAYLOADS[fuzz_take_u8(&in) % (sizeof PAYLOADS / sizeof *PAYLOADS)];
    struct arm_buf again = ARM_BUF_INIT(1 << 24);
    Armpb__Record *record;
    struct arm_error err;
    arm_status st;

    FUZZ_FILL(record);
    FUZZ_FILL(err);
    st = arm__record_decode(arm__bytes(in.data, in.size), payload, &record, &err);
    if (!fuzz_judged(st, ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(FUZZ_UNTOUCHED(record));
        return 0;
    }
    assert((record->commit != NULL) + (record->ref != NULL) + (record->in_chunk != NULL) +
               (record->checkpoint != NULL) + (record->compaction != NULL) +
               (record->sequence != NULL) + (record->retention != NULL) +
               (record->consumer != NULL) ==
           1);
    st = arm__record_encode(record, &again, &err);
    assert(st == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&again), arm__bytes(in.data, in.size)));
    arm__buf_release(&again);
    arm__record_free(record);
    return 0;
}
