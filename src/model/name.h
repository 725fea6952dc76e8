/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_NAME_H
#define ARM_MODEL_NAME_H

/* Names of tables, namespaces, columns, branches and tags, and refs. Pure. */

#include "base/buf.h"

#define ARM_NAME_BYTES_MAX 255

/* A table, namespace or column: UTF-8, 1 to 255 bytes, no NUL, no control character. Dots,
 * slashes, quotes and spaces are fine: a name is never a path. Names are kept as written and
 * compared without regard to ASCII case, as in DuckDB. `what` ("table", "column") is for the
 * message. Errors: ARM_INVALID_NAME with the reason. */
arm_status arm__name_check(const char *name, const char *what, struct arm_error *err);

/* The key under which names are compared: ASCII letters lowered. Appended to `out`. */
arm_status arm__name_fold(const char *name, struct arm_buf *out, struct arm_error *err);

/* The same name: alike without regard to ASCII case; and their order by that, as strcmp. */
bool arm__name_equal(const char *a, const char *b);
int arm__name_compare(const char *a, const char *b);

/* No two of `names` are the same; `fold`: without regard to ASCII case. `what` is for the
 * message. Errors: `code`, ARM_NO_MEMORY. */
struct arm_name_rule {
    bool fold;
    const char *what;
    arm_status code;
};
arm_status arm__names_distinct(const char *const *names, size_t count,
                               const struct arm_name_rule *rule, struct arm_error *err);

/* A branch or tag: git's rules for refs (git-check-ref-format) and for branches (no '-' first),
 * no ':', not "HEAD", at most 255 bytes, and nothing a ref expression could mean ("tx:1",
 * "version:2", a time). Errors: ARM_INVALID_NAME with the reason. */
arm_status arm__ref_name_check(const char *name, const char *what, struct arm_error *err);

/* A ref as users type it: a branch or tag, tx:N, version:N or a time, each with an optional
 * "~n" ("~" is one back; several add up). */
enum arm_ref_kind { ARM_REF_NAME, ARM_REF_TX, ARM_REF_VERSION, ARM_REF_TIME };
struct arm_ref {
    enum arm_ref_kind kind;
    char name[ARM_NAME_BYTES_MAX + 1]; /* ARM_REF_NAME */
    uint64_t number;                   /* ARM_REF_TX, ARM_REF_VERSION */
    int64_t time_us;                   /* ARM_REF_TIME, since 1970 UTC */
    uint64_t back;                     /* ~n */
};
/* Errors: ARM_INVALID with what is wrong and the forms that are right. */
arm_status arm__ref_parse(const char *text, struct arm_ref *out, struct arm_error *err);

/* RFC 3339, or "YYYY-MM-DD[ T]HH:MM[:SS[.f…]]" with "Z", "+HH[:MM]", "-HH[:MM]" or no zone (UTC),
 * or a date alone. Digits below a microsecond are dropped. Errors: ARM_INVALID with the forms. */
arm_status arm__time_parse(const char *text, int64_t *out_us, struct arm_error *err);
/* "2026-11-22T21:30:00.123456Z" and a NUL. */
#define ARM_TIME_TEXT 32
void arm__time_format(int64_t time_us, char out[ARM_TIME_TEXT]);

#endif
