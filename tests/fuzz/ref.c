/* SPDX-License-Identifier: Apache-2.0 */
/* Refs as users type them (model/ref.c). M9: a ref has one meaning; written out again, it is the
 * same; and the name of a branch or tag, as a ref, means itself. */

#include <stdio.h>
#include <stdlib.h>

#include "model/name.h"
#include "support/fuzz.h"

enum { TEXT_BYTES = 512 };

static void write_ref(const struct arm_ref *ref, char text[TEXT_BYTES])
{
    char time[ARM_TIME_TEXT];

    switch (ref->kind) {
    case ARM_REF_NAME:
        (void)snprintf(text, TEXT_BYTES, "%s", ref->name);
        break;
    case ARM_REF_TX:
    case ARM_REF_VERSION:
        (void)snprintf(text, TEXT_BYTES, "%s:%llu", ref->kind == ARM_REF_TX ? "tx" : "version",
                       (unsigned long long)ref->number);
        break;
    case ARM_REF_TIME:
        arm__time_format(ref->time_us, time);
        (void)snprintf(text, TEXT_BYTES, "%s", time);
        break;
    }
    for (uint64_t left = ref->back; left > 0;) { /* a number has at most 18 digits */
        uint64_t step = left < 100000000000000000 ? left : 100000000000000000;
        size_t size = strlen(text);

        (void)snprintf(text + size, TEXT_BYTES - size, "~%llu", (unsigned long long)step);
        left -= step;
    }
}

static bool is_same(const struct arm_ref *a, const struct arm_ref *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0 && a->number == b->number &&
           a->time_us == b->time_us && a->back == b->back;
}

static void check_ref(const struct arm_ref *ref)
{
    char text[TEXT_BYTES];
    struct arm_ref again;

    assert((ref->kind == ARM_REF_NAME) == (ref->name[0] != '\0'));
    assert(ref->kind != ARM_REF_NAME || arm__ref_name_check(ref->name, "branch", NULL) == ARM_OK);
    if (ref->kind == ARM_REF_TIME && (ref->time_us < INT64_C(-62167219200000000) ||
                                      ref->time_us >= INT64_C(253402300800000000))) {
        return; /* a zone took it out of the years 0 to 9999, which cannot be typed */
    }
    if (ref->back > UINT64_C(3000000000000000000)) {
        return; /* more steps back than there is room to write */
    }
    write_ref(ref, text);
    assert(arm__ref_parse(text, &again, NULL) == ARM_OK);
    assert(is_same(ref, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *text = fuzz_take_text(&in);
    struct arm_ref ref;
    struct arm_error err;
    bool is_name;

    FUZZ_FILL(err);
    is_name = fuzz_judged(arm__ref_name_check(text, "branch", &err), ARM_INVALID_NAME,
                          ARM_INVALID_NAME, &err);
    FUZZ_FILL(ref);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__ref_parse(text, &ref, &err), ARM_INVALID, ARM_INVALID, &err)) {
        assert(!is_name || (ref.kind == ARM_REF_NAME && strcmp(ref.name, text) == 0));
        check_ref(&ref);
    } else {
        assert(!is_name);
        assert(FUZZ_UNTOUCHED(ref));
    }
    free(text);
    return 0;
}
