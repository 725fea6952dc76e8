/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed files that users import (query/packed.c): whole, or refused with a reason. */

#include "query/packed.h"
#include "support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_error err;

    FUZZ_FILL(err);
    (void)fuzz_judged(arm__packed_check(fuzz_file(data, size), &err), ARM_SCHEMA, ARM_SCHEMA, &err);
    return 0;
}
