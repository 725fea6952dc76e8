/* SPDX-License-Identifier: Apache-2.0 */
/* Log frames (log/frame.h). F1: what is accepted would have been written so, byte for byte. An
 * input whose first byte is odd gets its digests and its hash put right first: no search finds
 * those, and behind them is what counts. */

#include <stdlib.h>

#include "log/frame.h"
#include "support/fuzz.h"
#include "support/mend.h"

static void check_header(struct arm_bytes bytes)
{
    struct arm_frame_header header;
    struct arm_error err;

    FUZZ_FILL(header);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__frame_decode_header(bytes, &header, &err), ARM_CORRUPT, ARM_CORRUPT,
                     &err)) {
        assert(FUZZ_UNTOUCHED(header));
        return;
    }
    assert(header.size_bytes <= ARM_FRAME_BYTES_MAX);
    assert(header.durable_to < header.first_tx);
    assert((header.kind == ARM_FRAME_CLOSE) == (header.record_count == 0));
    assert(header.first_tx + header.record_count >= header.first_tx);
}

static void encode_again(struct arm_bytes frame, const struct arm_frame_header *header,
                         const struct arm_hash *hash)
{
    struct arm_record *records = calloc(header->record_count + 1, sizeof *records);
    struct arm_buf again = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_hash again_hash;
    arm_status st;

    assert(records != NULL);
    for (uint32_t i = 0; i < header->record_count; i++) {
        records[i] = arm__frame_record(frame, i);
        assert(records[i].spine.data >= frame.data);
        assert(records[i].payload.data + records[i].payload.size <=
               frame.data + frame.size - ARM_HASH_BYTES);
    }
    st = arm__frame_encode(header, records, &again, &again_hash, NULL);
    assert(st == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&again), frame)); /* F1 */
    assert(arm__hash_equal(&again_hash, hash));
    arm__buf_release(&again);
    free(records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool mended = fuzz_take_u8(&in) % 2 == 1;
    struct arm_bytes frame = fuzz_take(&in, in.size);
    struct arm_frame_header header;
    struct arm_hash hash;
    struct arm_error err;

    if (mended) {
        (void)mend_frame((uint8_t *)(uintptr_t)frame.data, frame.size);
    }
    check_header(frame);
    FUZZ_FILL(header);
    FUZZ_FILL(hash);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__frame_check(frame, &header, &hash, &err), ARM_CORRUPT, ARM_CORRUPT,
                    &err)) {
        encode_again(frame, &header, &hash);
    } else {
        assert(FUZZ_UNTOUCHED(header));
        assert(FUZZ_UNTOUCHED(hash));
    }
    free((void *)(uintptr_t)frame.data);
    return 0;
}
