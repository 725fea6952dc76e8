/* SPDX-License-Identifier: Apache-2.0 */
/* Names (model/name.h) of tables, columns, branches and tags. The input is two lines. */

#include <stdlib.h>

#include "model/model_private.h"
#include "model/name.h"
#include "model/utf8.h"
#include "support/fuzz.h"

static bool is_name(const char *text)
{
    struct arm_error err;

    FUZZ_FILL(err);
    return fuzz_judged(arm__name_check(text, "table", &err), ARM_INVALID_NAME, ARM_INVALID_NAME,
                       &err);
}

static void check_name(const char *name)
{
    size_t size = strlen(name);

    assert(size >= 1);
    assert(size <= ARM_NAME_BYTES_MAX);
    assert(arm__utf8_valid(arm__bytes(name, size)));
    for (size_t i = 0; i < size; i++) {
        assert((unsigned char)name[i] >= ' ');
        assert(name[i] != 0x7F);
    }
}

/* Folded, it is as long, the same name, and folded. */
static void check_fold(const char *name)
{
    struct arm_buf folded = ARM_BUF_INIT(1 << 24);
    struct arm_buf twice = ARM_BUF_INIT(1 << 24);

    assert(arm__name_fold(name, &folded, NULL) == ARM_OK);
    assert(folded.size == strlen(name));
    assert(arm__buf_u8(&folded, 0, NULL) == ARM_OK);
    assert(arm__name_equal(name, (const char *)folded.data));
    assert(arm__name_fold((const char *)folded.data, &twice, NULL) == ARM_OK);
    assert(memcmp(folded.data, twice.data == NULL ? folded.data : twice.data, twice.size) == 0);
    arm__buf_release(&twice);
    arm__buf_release(&folded);
}

static void check_distinct(const char *a, const char *b)
{
    static const struct arm_name_rule FOLDED = {true, "column", ARM_SCHEMA};
    static const struct arm_name_rule EXACT = {false, "label", ARM_SCHEMA};
    const char *names[] = {a, b};

    assert((arm__names_distinct(names, 2, &FOLDED, NULL) == ARM_OK) == !arm__name_equal(a, b));
    assert((arm__names_distinct(names, 2, &EXACT, NULL) == ARM_OK) == (strcmp(a, b) != 0));
    assert(strcmp(a, b) != 0 || arm__name_equal(a, b));
    assert(arm__name_equal(a, b) == arm__name_equal(b, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *a = fuzz_take_line(&in);
    char *b = fuzz_take_line(&in);
    struct arm_error err;

    if (is_name(a)) {
        check_name(a);
    }
    FUZZ_FILL(err);
    if (fuzz_judged(arm__ref_name_check(a, "tag", &err), ARM_INVALID_NAME, ARM_INVALID_NAME,
                    &err)) {
        check_name(a);
        assert(strpbrk(a, " ~^:?*[\\") == NULL);
    }
    check_fold(a);
    check_distinct(a, b);
    free(b);
    free(a);
    return 0;
}
