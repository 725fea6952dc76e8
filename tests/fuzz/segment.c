/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a log segment: what is accepted would have been written so. The input is a flag
 * (odd: the hash is put right) and the header's beginning; the rest of it is zeros. */

#include "support/fuzz.h"
#include "support/mend.h"

static void check(struct arm_bytes bytes)
{
    uint8_t again[ARM_SEGMENT_HEADER_BYTES];
    struct arm_segment_header header;
    struct arm_hash hash;
    struct arm_hash again_hash;
    struct arm_error err;

    FUZZ_FILL(header);
    FUZZ_FILL(hash);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__segment_decode(bytes, &header, &hash, &err), ARM_CORRUPT,
                     ARM_NEWER_FORMAT, &err)) {
        assert(FUZZ_UNTOUCHED(header));
        assert(FUZZ_UNTOUCHED(hash));
        return;
    }
    arm__segment_encode(&header, again, &again_hash);
    assert(memcmp(again, bytes.data, sizeof again) == 0);
    assert(arm__hash_equal(&hash, &again_hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t MAGIC[8] = {'A', 'R', 'M', 'L', 'O', 'G', 0, 1};
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES] = {0};
    struct arm_hash hash;

    check(arm__bytes(data, size)); /* as it is: too short, mostly */
    if (size > 0) {
        size_t copied = size - 1 < sizeof bytes ? size - 1 : sizeof bytes;

        memcpy(bytes, MAGIC, sizeof MAGIC);
        memcpy(bytes, data + 1, copied);
        if (data[0] % 2 == 1) {
            mend_segment(bytes, &hash);
        }
        check(arm__bytes(bytes, sizeof bytes));
    }
    return 0;
}
