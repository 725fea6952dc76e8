/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text (model/time.c): any time can be printed, and what is printed is the same time. */

#include <stdlib.h>

#include "model/name.h"
#include "support/fuzz.h"

/* Years 0 to 9999, which have four digits. */
static bool is_typable(int64_t time_us)
{
    return time_us >= INT64_C(-62167219200000000) && time_us < INT64_C(253402300800000000);
}

static void check_print(int64_t time_us)
{
    char text[ARM_TIME_TEXT];
    int64_t again = 0;

    arm__time_format(time_us, text);
    assert(memchr(text, 0, sizeof text) != NULL);
    if (is_typable(time_us)) {
        assert(arm__time_parse(text, &again, NULL) == ARM_OK);
        assert(again == time_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *text = fuzz_take_text(&in);
    struct arm_error err;
    int64_t time_us;

    FUZZ_FILL(time_us);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__time_parse(text, &time_us, &err), ARM_INVALID, ARM_INVALID, &err)) {
        check_print(time_us);
    } else {
        assert(FUZZ_UNTOUCHED(time_us));
    }
    in = (struct fuzz_input){data, size};
    check_print((int64_t)fuzz_take_u64(&in));
    free(text);
    return 0;
}
