/* SPDX-License-Identifier: Apache-2.0 */
/* The file FORMAT (commit/header.c): told apart, what it says is what is written. With an odd first
 * byte the closing line is put right. */

#include <stdlib.h>

#include "commit/commit_private.h"
#include "support/fuzz.h"

/* Every line of `text`'s encoding stands in it too: what is taken was meant so. */
static void check_lines(struct arm_bytes text, struct arm_bytes again)
{
    static const char OURS[] = "reads-with ";

    while (again.size > 0) {
        const uint8_t *end = memchr(again.data, '\n', again.size);
        size_t line = (size_t)(end - again.data) + 1;
        bool may_differ = memcmp(again.data, OURS, sizeof OURS - 1) == 0 ||
                          memcmp(again.data, "blake3 ", 7) == 0 ||
                          memcmp(again.data, "created ", 8) == 0;

        assert(may_differ || memmem(text.data, text.size, again.data, line) != NULL);
        again = arm__bytes(again.data + line, again.size - line);
    }
}

static void check(struct arm_bytes text)
{
    struct arm_buf again = ARM_BUF_INIT(1 << 16);
    struct arm_header header;
    struct arm_header second;
    struct arm_error err;
    bool read_only;
    arm_status st;

    FUZZ_FILL(header);
    FUZZ_FILL(read_only);
    FUZZ_FILL(err);
    st = arm__header_decode(text, &header, &read_only, &err);
    if (st == ARM_NOT_REPOSITORY) {
        fuzz_check_error(st, &err);
    } else if (fuzz_judged(st, ARM_CORRUPT, ARM_NEWER_FORMAT, &err)) {
        assert((header.incompatible & ~UINT64_C(15)) == 0); /* what header.c knows */
        assert(read_only == (header.read_only_compatible != 0));
        assert(arm__header_encode(&header, &again, NULL) == ARM_OK);
        assert(arm__header_decode(arm__buf_bytes(&again), &second, &read_only, NULL) == ARM_OK);
        memset(header.reads_with, 0, sizeof header.reads_with); /* a program writes its own */
        memset(second.reads_with, 0, sizeof second.reads_with);
        assert(memcmp(&header, &second, sizeof header) == 0);
        check_lines(text, arm__buf_bytes(&again));
        arm__buf_release(&again);
        return;
    }
    assert(FUZZ_UNTOUCHED(header));
    assert(FUZZ_UNTOUCHED(read_only));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool mended = fuzz_take_u8(&in) % 2 == 1;
    struct arm_buf text = ARM_BUF_INIT(1 << 24);
    struct arm_hash hash = arm__hash(arm__bytes(in.data, in.size));
    char hex[ARM_HASH_HEX + 1];

    assert(arm__buf_append(&text, in.data, in.size, NULL) == ARM_OK);
    if (mended) {
        arm__hash_hex(&hash, hex);
        assert(arm__buf_printf(&text, NULL, "blake3 %s\n", hex) == ARM_OK);
    }
    check(arm__buf_bytes(&text));
    arm__buf_release(&text);
    return 0;
}
