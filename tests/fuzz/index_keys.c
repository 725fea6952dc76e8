/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the index (index/keys.c): two names have one key if and only if they are the same
 * name, no key is the beginning of another's, and all fit LMDB. The input is four lines, two
 * names each of a schema and a table. */

#include <stdlib.h>

#include "index/index_private.h"
#include "support/fuzz.h"

static bool is_name(const char *name)
{
    return arm__name_check(name, "table", NULL) == ARM_OK;
}

static void check_number(struct arm_bytes bytes)
{
    struct arm_error err;
    uint64_t number;

    FUZZ_FILL(number);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__key_last_u64(bytes, &number, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(FUZZ_UNTOUCHED(number));
    }
}

static void check_pair(char *const names[4])
{
    struct arm_key a = arm__key_table(1, names[0], names[1], 7);
    struct arm_key b = arm__key_table(1, names[2], names[3], 7);
    bool same_name = arm__name_equal(names[0], names[2]) && arm__name_equal(names[1], names[3]);
    bool same_key = fuzz_same(arm__key_bytes(&a), arm__key_bytes(&b));
    size_t least = a.size < b.size ? a.size : b.size;
    uint64_t tx = 0;

    assert(same_name == same_key);
    assert(a.size == b.size || memcmp(a.bytes, b.bytes, least - 8) != 0);
    assert(arm__key_last_u64(arm__key_bytes(&a), &tx, NULL) == ARM_OK);
    assert(tx == 7);
    a = arm__key_number(names[0], names[1], 3);
    b = arm__key_number(names[2], names[3], 3);
    assert(same_name == fuzz_same(arm__key_bytes(&a), arm__key_bytes(&b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *names[4];
    bool good = true;

    check_number(arm__bytes(data, size));
    for (size_t i = 0; i < 4; i++) {
        names[i] = fuzz_take_line(&in);
        good = good && is_name(names[i]);
    }
    if (good) {
        check_pair(names);
    }
    for (size_t i = 0; i < 4; i++) {
        free(names[i]);
    }
    return 0;
}
