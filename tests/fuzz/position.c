/* SPDX-License-Identifier: Apache-2.0 */
/* Positions (model/position.h). M5: between any two there is another, in order and well-formed, or
 * there is no room. The input is a count, a byte, so many bytes of one position, and another. */

#include <stdlib.h>

#include "model/position.h"
#include "support/fuzz.h"

enum { COUNT_MAX = 16 };

static bool is_position(struct arm_bytes bytes)
{
    struct arm_error err;

    FUZZ_FILL(err);
    return fuzz_judged(arm__position_check(bytes, &err), ARM_CORRUPT, ARM_CORRUPT, &err);
}

/* Between `low` and `high`, either of which may be empty: an open end. */
static void check_between(struct arm_bytes low, struct arm_bytes high, size_t count)
{
    struct arm_position out[COUNT_MAX];
    struct arm_bytes before = low;
    struct arm_error err;

    FUZZ_FILL(out);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__position_between(low, high, count, out, &err), ARM_FULL, ARM_FULL,
                     &err)) {
        assert(FUZZ_UNTOUCHED(out));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct arm_bytes here = arm__position_bytes(&out[i]);

        assert(is_position(here));
        assert(before.size == 0 || arm__bytes_compare(before, here) < 0);
        before = here;
    }
    assert(high.size == 0 || count == 0 || arm__bytes_compare(before, high) < 0);
}

static void check_one(struct arm_bytes position, size_t count)
{
    static const struct arm_bytes OPEN = {NULL, 0};

    if (is_position(position)) {
        check_between(position, OPEN, count);
        check_between(OPEN, position, count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    size_t count = fuzz_take_u8(&in) % (COUNT_MAX + 1);
    uint8_t first_size = fuzz_take_u8(&in);
    struct arm_bytes a = fuzz_take(&in, first_size);
    struct arm_bytes b = fuzz_take(&in, in.size);

    check_one(a, count);
    check_one(b, count);
    if (is_position(a) && is_position(b)) {
        int order = arm__bytes_compare(a, b);

        if (order != 0) {
            check_between(order < 0 ? a : b, order < 0 ? b : a, count);
        }
    }
    free((void *)(uintptr_t)a.data);
    free((void *)(uintptr_t)b.data);
    return 0;
}
