/* SPDX-License-Identifier: Apache-2.0 */
/* Refs as users type them: <what>[~n], where <what> is tx:N, version:N, a time or a name. Since
 * no name has a colon or is a time, the forms cannot be taken for one another. */

#include <stdio.h>
#include <string.h>

#include "model/model_private.h"
#include "model/name.h"

enum { NUMBER_DIGITS_MAX = 18 };

static arm_status not_a_ref(const char *text, const char *why, struct arm_error *err)
{
    return arm__fail(err, ARM_INVALID,
                     "not a ref: '%s': %s (a branch, a tag, tx:N, version:N, or a time such as "
                     "2026-11-22T21:30:00Z, each perhaps with ~n)",
                     arm__shown(text), why);
}

/* "~n", "~" (one back), or several of them, which add up. */
static bool parse_back(const char *at, uint64_t *out)
{
    uint64_t sum = 0;

    while (*at == '~') {
        uint64_t n = 1;

        at++;
        if (*at != '~' && *at != '\0' && !arm__digits(&at, 1, NUMBER_DIGITS_MAX, &n)) {
            return false;
        }
        if (__builtin_add_overflow(sum, n, &sum)) {
            return false;
        }
    }
    *out = sum;
    return *at == '\0';
}

/* The number after `prefix`, if `text` begins with it. */
static bool has_prefix(const char *text, const char *prefix, const char **out_rest)
{
    size_t size = strlen(prefix);

    *out_rest = text + size;
    return strncmp(text, prefix, size) == 0;
}

/* The part before "~", in `ref->name`. */
static arm_status parse_base(const char *text, struct arm_ref *ref, struct arm_error *err)
{
    const char *rest;
    bool is_tx = has_prefix(ref->name, "tx:", &rest);

    if (is_tx || has_prefix(ref->name, "version:", &rest)) {
        ref->kind = is_tx ? ARM_REF_TX : ARM_REF_VERSION;
        if (!arm__digits(&rest, 1, NUMBER_DIGITS_MAX, &ref->number) || *rest != '\0') {
            return not_a_ref(text, "no number after ':'", err);
        }
    } else if (arm__time_parse(ref->name, &ref->time_us, NULL) == ARM_OK) {
        ref->kind = ARM_REF_TIME;
    } else {
        struct arm_error why = {0};

        ref->kind = ARM_REF_NAME;
        if (arm__ref_name_check(ref->name, "ref", &why) != ARM_OK) {
            return not_a_ref(text, why.message, err);
        }
        return ARM_OK;
    }
    memset(ref->name, 0, sizeof ref->name);
    return ARM_OK;
}

arm_status arm__ref_parse(const char *text, struct arm_ref *out, struct arm_error *err)
{
    struct arm_ref ref = {0};
    size_t size = strcspn(text, "~");
    arm_status st;

    if (size == 0) {
        return not_a_ref(text, "nothing is named", err);
    }
    if (size > ARM_NAME_BYTES_MAX) {
        return not_a_ref(text, "too long", err);
    }
    memcpy(ref.name, text, size);
    st = parse_base(text, &ref, err);
    if (st != ARM_OK) {
        return st;
    }
    if (!parse_back(text + size, &ref.back)) {
        return not_a_ref(text, "no number after '~'", err);
    }
    *out = ref;
    return ARM_OK;
}
