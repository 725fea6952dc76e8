/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of types in hot batches (table/typecode.h): what is judged good is built in exactly the
 * memory that the judge asked for, and coded again to the same bytes. */

#include <stdlib.h>

#include "base/alloc.h"
#include "support/fuzz.h"
#include "table/typecode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_reader reader = arm__reader(arm__bytes(data, size), "type");
    struct arm_reader again = reader;
    struct arm_typecode_need need = {0, 0};
    struct arm_arena arena = {NULL, 0, 0};
    struct arm_buf code = ARM_BUF_INIT(1 << 24);
    const Armpb__Type *type;
    struct arm_error err;

    FUZZ_FILL(err);
    if (!fuzz_judged(arm__typecode_check(&reader, &need, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
        return 0;
    }
    arena.size = need.bytes;
    assert(arm__calloc(arena.size, 1, &arena.data, NULL) == ARM_OK);
    type = arm__typecode_build(&again, &arena);
    assert(arena.used == arena.size);
    assert(again.rest.size == reader.rest.size);
    assert(arm__typecode_append(type, true, &code, NULL) == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&code), arm__bytes(data, size - reader.rest.size)));
    arm__buf_release(&code);
    arm__free(arena.data);
    return 0;
}
