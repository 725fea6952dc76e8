/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest entries (model/entry.h). M2: one entry, one encoding. The input is a byte, so many bytes
 * of position, and the value. */

#include <stdlib.h>

#include "model/entry.h"
#include "model/vector.h"
#include "support/fuzz.h"

static void check(const struct arm_entry *entry, struct arm_bytes position, struct arm_bytes value)
{
    struct arm_buf again = ARM_BUF_INIT(1 << 16);
    arm_status st = arm__entry_encode(entry, &again, NULL);

    assert(st == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&again), value));
    assert(fuzz_same(arm__position_bytes(&entry->position), position));
    assert(entry->rows > 0);
    assert(entry->dead <= entry->rows);
    assert(entry->first_row_id + entry->rows > entry->first_row_id);
    assert(entry->vector.size <= ARM_VECTOR_INLINE_MAX);
    if (entry->vector.size > 0) {
        uint32_t dead = 0;

        st = arm__vector_check(entry->vector, entry->rows, &dead, NULL);
        assert(st == ARM_OK);
        assert(dead == entry->dead);
    }
    arm__buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint8_t position_size = fuzz_take_u8(&in);
    struct arm_bytes position = fuzz_take(&in, position_size);
    struct arm_bytes value = fuzz_take(&in, in.size);
    struct arm_entry entry;
    struct arm_error err;

    FUZZ_FILL(entry);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__entry_decode(position, value, &entry, &err), ARM_CORRUPT, ARM_CORRUPT,
                    &err)) {
        check(&entry, position, value);
    } else {
        assert(FUZZ_UNTOUCHED(entry));
    }
    free((void *)(uintptr_t)position.data);
    free((void *)(uintptr_t)value.data);
    return 0;
}
