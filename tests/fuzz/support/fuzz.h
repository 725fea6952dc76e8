/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_FUZZ_SUPPORT_FUZZ_H
#define ARM_TESTS_FUZZ_SUPPORT_FUZZ_H

/* What fuzz targets share. A target is one LLVMFuzzerTestOneInput; beside "no crash" it holds its
 * decoder to what the decoder promises, by assert: a promise that does not hold is a crash too.
 *
 * Everywhere: a failure sets an error of the status that it returns, with a message that ends and
 * is UTF-8 (E1, E2), and leaves the outputs as they were. */

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fill an output with what no decoder writes, so that it shows if it was written. */
#define FUZZ_FILL(object) memset(&(object), 0x5A, FUZZ_BYTES(object))
#define FUZZ_UNTOUCHED(object) fuzz_untouched(&(object), FUZZ_BYTES(object))
/* Its size; of a pointer too, which is not what it points to. */
#define FUZZ_BYTES(object) ((size_t)((const char *)(&(object) + 1) - (const char *)&(object)))
bool fuzz_untouched(const void *object, size_t size_bytes);

/* `st` is a failure, and `err`, filled before by FUZZ_FILL, tells of it. */
void fuzz_check_error(arm_status st, const struct arm_error *err);
/* ARM_OK, or a failure of one of the two codes, told by `err`; returns whether it is ARM_OK. */
bool fuzz_judged(arm_status st, arm_status expected, arm_status other, const struct arm_error *err);

/* The input, taken from the front; at its end bytes are 0 and pieces are shorter. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};
uint8_t fuzz_take_u8(struct fuzz_input *in);
uint32_t fuzz_take_u32(struct fuzz_input *in);
uint64_t fuzz_take_u64(struct fuzz_input *in);
/* At most `size_bytes`, in memory of their own that ends where they do; freed by free(). */
struct arm_bytes fuzz_take(struct fuzz_input *in, size_t size_bytes);
/* The same, with a NUL behind it; up to the next line feed (which is dropped), or all. */
char *fuzz_take_line(struct fuzz_input *in);
char *fuzz_take_text(struct fuzz_input *in);

/* A file that holds the bytes, for code that takes a path; valid until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Whether the two are the same bytes. */
bool fuzz_same(struct arm_bytes a, struct arm_bytes b);

#endif
