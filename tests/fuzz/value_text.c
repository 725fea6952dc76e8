/* SPDX-License-Identifier: Apache-2.0 */
/* Values from text (model/value.h). M6: min <= value <= max; a bound has its type's shape. M4: an
 * initial value that is taken can be told again, and is then the same. The input is a type (kind,
 * width, scale) and the text. */

#include "model/value.h"
#include "support/fuzz.h"
#include "support/scalar.h"

enum { BYTES_MAX = 1 << 24 };

static bool bound(const Armpb__Type *type, struct arm_bytes text, bool is_max, struct arm_buf *out)
{
    bool known = false;

    assert(arm__value_from_text(type, text, is_max, out, &known, NULL) == ARM_OK);
    assert(known || out->size == 0);
    return known;
}

static void check_bounds(const Armpb__Type *type, struct arm_bytes text)
{
    struct arm_buf min = ARM_BUF_INIT(BYTES_MAX);
    struct arm_buf max = ARM_BUF_INIT(BYTES_MAX);
    struct arm_buf told = ARM_BUF_INIT(BYTES_MAX);
    bool has_min = bound(type, text, false, &min);
    bool has_max = bound(type, text, true, &max);

    assert(!has_min || arm__value_has_bounds(type));
    assert(!has_max || has_min); /* a minimum is only ever cut */
    if (has_min) {
        assert(min.size <= ARM_VALUE_BOUND_BYTES_MAX);
        assert(arm__value_to_text(type, arm__buf_bytes(&min), &told, NULL) == ARM_OK);
    }
    if (has_max) {
        assert(max.size <= ARM_VALUE_BOUND_BYTES_MAX);
        assert(arm__value_to_text(type, arm__buf_bytes(&max), &told, NULL) == ARM_OK);
        assert(arm__bytes_compare(arm__buf_bytes(&min), arm__buf_bytes(&max)) <= 0);
    }
    if (type->kind == ARMPB__TYPE_KIND__VARCHAR) {
        assert(!has_min || arm__bytes_compare(arm__buf_bytes(&min), text) <= 0);
        assert(!has_max || arm__bytes_compare(text, arm__buf_bytes(&max)) <= 0);
    }
    arm__buf_release(&told);
    arm__buf_release(&max);
    arm__buf_release(&min);
}

static void check_initial(const Armpb__Type *type, struct arm_bytes text)
{
    struct arm_buf value = ARM_BUF_INIT(BYTES_MAX);
    struct arm_buf told = ARM_BUF_INIT(BYTES_MAX);
    struct arm_buf again = ARM_BUF_INIT(BYTES_MAX);
    struct arm_error err;

    FUZZ_FILL(err);
    if (fuzz_judged(arm__value_initial(type, text, &value, &err), ARM_INVALID, ARM_INVALID, &err)) {
        assert(arm__value_to_text(type, arm__buf_bytes(&value), &told, NULL) == ARM_OK);
        assert(arm__value_initial(type, arm__buf_bytes(&told), &again, NULL) == ARM_OK);
        assert(fuzz_same(arm__buf_bytes(&value), arm__buf_bytes(&again)));
    } else {
        assert(value.size == 0);
    }
    arm__buf_release(&again);
    arm__buf_release(&told);
    arm__buf_release(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    Armpb__Type type = scalar_take(&in);

    check_bounds(&type, arm__bytes(in.data, in.size));
    check_initial(&type, arm__bytes(in.data, in.size));
    return 0;
}
