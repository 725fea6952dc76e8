/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of untrusted bytes that decoders are made of (base/buf.h). B2: a take that fails
 * leaves the reader and the output as they were; B3: one number, one encoding. The input is a
 * row of takes, each a byte that says which, and what they take from. */

#include "support/fuzz.h"

static struct arm_buf again = ARM_BUF_INIT(1 << 24);

/* Take one thing and write it again; what the take got, and its status. */
static arm_status step(uint8_t which, struct arm_reader *r, struct arm_error *err)
{
    struct arm_bytes blob = {NULL, 0};
    const uint8_t *data = NULL;
    uint64_t u64 = 0;
    uint32_t u32 = 0;
    uint8_t u8 = 0;
    arm_status st = ARM_OK;

    switch (which % 6) {
    case 0:
        ARM_TRY(arm__take_u8(r, &u8, err));
        return arm__buf_u8(&again, u8, NULL);
    case 1:
        ARM_TRY(arm__take_u32(r, &u32, err));
        return arm__buf_u32(&again, u32, NULL);
    case 2:
        ARM_TRY(arm__take_u64(r, &u64, err));
        return arm__buf_u64(&again, u64, NULL);
    case 3:
        ARM_TRY(arm__take_varint(r, &u64, err));
        return arm__buf_varint(&again, u64, NULL);
    case 4:
        ARM_TRY(arm__take_blob(r, &blob, err));
        return arm__buf_blob(&again, blob, NULL);
    default:
        ARM_TRY(arm__take(r, which, &data, err));
        return arm__buf_append(&again, data, which, NULL);
    }
done:
    assert(u8 == 0);
    assert(u32 == 0);
    assert(u64 == 0);
    assert(data == NULL);
    assert(blob.data == NULL);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct fuzz_input kinds = {data, size / 2};
    struct arm_reader r;
    struct arm_error err;

    in.data += size / 2;
    in.size -= size / 2;
    r = arm__reader(arm__bytes(in.data, in.size), "input");
    while (kinds.size > 0) {
        struct arm_reader before = r;

        FUZZ_FILL(err);
        if (!fuzz_judged(step(fuzz_take_u8(&kinds), &r, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
            assert(memcmp(&before, &r, sizeof r) == 0); /* B2 */
        }
        assert(fuzz_same(arm__buf_bytes(&again), arm__bytes(in.data, in.size - r.rest.size)));
    }
    FUZZ_FILL(err);
    assert(fuzz_judged(arm__take_end(&r, &err), ARM_CORRUPT, ARM_CORRUPT, &err) ==
           (r.rest.size == 0));
    arm__buf_release(&again);
    return 0;
}
