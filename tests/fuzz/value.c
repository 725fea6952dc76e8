/* SPDX-License-Identifier: Apache-2.0 */
/* Values as bytes (model/value.h): what has its type's shape becomes a text that is the same value
 * again. The input is a type (kind, width, scale) and the bytes. */

#include "model/value.h"
#include "support/fuzz.h"
#include "support/scalar.h"

static bool is_nan(const Armpb__Type *type, struct arm_bytes text)
{
    return (type->kind == ARMPB__TYPE_KIND__FLOAT || type->kind == ARMPB__TYPE_KIND__DOUBLE) &&
           memmem(text.data, text.size, "nan", 3) != NULL; /* one NaN for all */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    Armpb__Type type = scalar_take(&in);
    struct arm_bytes value = arm__bytes(in.data, in.size);
    struct arm_buf text = ARM_BUF_INIT(1 << 24);
    struct arm_buf again = ARM_BUF_INIT(1 << 24);
    struct arm_error err;

    FUZZ_FILL(err);
    if (fuzz_judged(arm__value_to_text(&type, value, &text, &err), ARM_CORRUPT, ARM_CORRUPT,
                    &err)) {
        assert(arm__value_initial(&type, arm__buf_bytes(&text), &again, NULL) == ARM_OK);
        assert(fuzz_same(arm__buf_bytes(&again), value) || is_nan(&type, arm__buf_bytes(&text)));
    } else {
        assert(text.size == 0);
    }
    arm__buf_release(&again);
    arm__buf_release(&text);
    return 0;
}
