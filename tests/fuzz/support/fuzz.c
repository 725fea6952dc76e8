/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/utf8.h"

bool fuzz_untouched(const void *object, size_t size_bytes)
{
    const uint8_t *bytes = object;

    for (size_t i = 0; i < size_bytes; i++) {
        if (bytes[i] != 0x5A) {
            return false;
        }
    }
    return true;
}

void fuzz_check_error(arm_status st, const struct arm_error *err)
{
    size_t size = strnlen(err->message, sizeof err->message);

    assert(st != ARM_OK);
    assert(err->code == st); /* E1 */
    assert(size > 0);
    assert(size < sizeof err->message);                      /* E2 */
    assert(arm__utf8_valid(arm__bytes(err->message, size))); /* E2 */
}

bool fuzz_judged(arm_status st, arm_status expected, arm_status other, const struct arm_error *err)
{
    if (st == ARM_OK) {
        return true;
    }
    fuzz_check_error(st, err);
    assert(st == expected || st == other);
    return false;
}

uint8_t fuzz_take_u8(struct fuzz_input *in)
{
    uint8_t value = 0;

    if (in->size > 0) {
        value = in->data[0];
        in->data++;
        in->size--;
    }
    return value;
}

uint32_t fuzz_take_u32(struct fuzz_input *in)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++) {
        value |= (uint32_t)fuzz_take_u8(in) << (8 * i);
    }
    return value;
}

uint64_t fuzz_take_u64(struct fuzz_input *in)
{
    uint64_t low = fuzz_take_u32(in);

    return low | (uint64_t)fuzz_take_u32(in) << 32;
}

static void *copy_of(const uint8_t *data, size_t size, size_t more)
{
    uint8_t *copy = calloc(size + more + (size + more == 0), 1);

    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

struct arm_bytes fuzz_take(struct fuzz_input *in, size_t size_bytes)
{
    size_t size = size_bytes < in->size ? size_bytes : in->size;
    struct arm_bytes bytes = arm__bytes(copy_of(in->data, size, 0), size);

    if (size > 0) {
        in->data += size;
        in->size -= size;
    }
    return bytes;
}

char *fuzz_take_line(struct fuzz_input *in)
{
    const uint8_t *end = in->size == 0 ? NULL : memchr(in->data, '\n', in->size);
    size_t size = end == NULL ? in->size : (size_t)(end - in->data);
    char *text = copy_of(in->data, size, 1);

    if (in->size > 0) {
        in->data += size;
        in->size -= size;
        (void)fuzz_take_u8(in);
    }
    return text;
}

char *fuzz_take_text(struct fuzz_input *in)
{
    char *text = copy_of(in->data, in->size, 1);

    in->size = 0;
    return text;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 ||
        (size > 0 && pwrite(fd, data, size, 0) != (ssize_t)size)) {
        abort();
    }
    return path;
}

bool fuzz_same(struct arm_bytes a, struct arm_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
