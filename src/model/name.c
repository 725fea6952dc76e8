/* SPDX-License-Identifier: Apache-2.0 */
/* Names: of tables, namespaces and columns, and of branches and tags. */

#include "model/name.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/model_private.h"
#include "model/utf8.h"

enum { DELETE = 0x7F, CONTROL_LAST = 0x9F };

static bool is_control(uint32_t code_point)
{
    return code_point < ' ' || (code_point >= DELETE && code_point <= CONTROL_LAST);
}

arm_status arm__name_check(const char *name, const char *what, struct arm_error *err)
{
    struct arm_bytes rest = arm__bytes(name, name == NULL ? 0 : strlen(name));

    if (rest.size == 0) {
        return arm__fail(err, ARM_INVALID_NAME, "%s name: empty", what);
    }
    if (rest.size > ARM_NAME_BYTES_MAX) {
        return arm__fail(err, ARM_INVALID_NAME, "%s name: %zu bytes, at most %d", what, rest.size,
                         ARM_NAME_BYTES_MAX);
    }
    while (rest.size > 0) {
        uint32_t code_point = 0;
        size_t length = arm__utf8_take(rest, &code_point);

        if (length == 0) {
            return arm__fail(err, ARM_INVALID_NAME, "%s name: not UTF-8", what);
        }
        if (is_control(code_point)) {
            return arm__fail(err, ARM_INVALID_NAME, "%s name: control character U+%04X in it", what,
                             code_point);
        }
        rest = arm__bytes(rest.data + length, rest.size - length);
    }
    return ARM_OK;
}

const char *arm__shown(const char *text)
{
    return arm__utf8_valid(arm__bytes(text, strlen(text))) ? text : "(not UTF-8)";
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* strcasecmp would ask the host's locale. */
int arm__name_compare(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

bool arm__name_equal(const char *a, const char *b)
{
    return arm__name_compare(a, b) == 0;
}

arm_status arm__name_fold(const char *name, struct arm_buf *out, struct arm_error *err)
{
    size_t size = strlen(name);
    arm_status st = arm__buf_reserve(out, size, err);

    if (st != ARM_OK) {
        return st;
    }
    for (size_t i = 0; i < size; i++) {
        out->data[out->size + i] = (uint8_t)lower(name[i]);
    }
    out->size += size;
    return ARM_OK;
}

static arm_status bad_ref(const char *name, const char *what, const char *why,
                          struct arm_error *err)
{
    return arm__fail(err, ARM_INVALID_NAME, "%s name '%s': %s", what, name, why);
}

/* One part of a ref name between slashes; NULL if it is good, else what is wrong. */
static const char *part_fault(const char *part, size_t size)
{
    static const char LOCK[] = ".lock";
    const size_t lock_size = sizeof LOCK - 1;

    if (size == 0) {
        return "an empty part: '/' at an end, or two in a row";
    }
    if (part[0] == '.') {
        return "a part begins with '.'";
    }
    if (size >= lock_size && memcmp(part + size - lock_size, LOCK, lock_size) == 0) {
        return "a part ends with '.lock'";
    }
    return NULL;
}

/* git-check-ref-format's rules, as git applies them to branches. */
static const char *ref_fault(const char *name)
{
    size_t size = strlen(name);

    if (name[0] == '-') {
        return "begins with '-'";
    }
    if (name[size - 1] == '.') {
        return "ends with '.'";
    }
    if (name[strcspn(name, " ~^:?*[\\")] != '\0') {
        return "has a space or one of ~ ^ : ? * [ \\";
    }
    if (strstr(name, "..") != NULL || strstr(name, "@{") != NULL) {
        return "has '..' or '@{'";
    }
    if (strcmp(name, "@") == 0 || strcmp(name, "HEAD") == 0) {
        return "is taken";
    }
    for (const char *part = name;; part++) {
        size_t part_size = strcspn(part, "/");
        const char *fault = part_fault(part, part_size);

        part += part_size;
        if (fault != NULL || *part == '\0') {
            return fault;
        }
    }
}

arm_status arm__ref_name_check(const char *name, const char *what, struct arm_error *err)
{
    int64_t time_us;
    const char *fault;
    arm_status st = arm__name_check(name, what, err);

    if (st != ARM_OK) {
        return st;
    }
    fault = ref_fault(name);
    if (fault != NULL) {
        return bad_ref(name, what, fault, err);
    }
    if (arm__time_parse(name, &time_us, NULL) == ARM_OK) {
        return bad_ref(name, what, "would be read as a time", err);
    }
    return ARM_OK;
}

static int compare_exact(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_folded(const void *a, const void *b)
{
    return arm__name_compare(*(const char *const *)a, *(const char *const *)b);
}

arm_status arm__names_distinct(const char *const *names, size_t count,
                               const struct arm_name_rule *rule, struct arm_error *err)
{
    int (*compare)(const void *, const void *) = rule->fold ? compare_folded : compare_exact;
    const char **sorted = NULL;
    arm_status st = ARM_OK;

    if (count < 2) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(count, sizeof *sorted, &sorted, err));
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 1; i < count; i++) {
        if (compare(&sorted[i - 1], &sorted[i]) == 0) {
            bool is_alike = strcmp(sorted[i - 1], sorted[i]) == 0;

            st = arm__fail(err, rule->code, "%s '%s' stands twice%s%s%s", rule->what, sorted[i],
                           is_alike ? "" : ", once as '", is_alike ? "" : sorted[i - 1],
                           is_alike ? "" : "'");
            goto done;
        }
    }
done:
    arm__free(sorted);
    return st;
}
