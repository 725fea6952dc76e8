/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_UTF8_H
#define ARM_MODEL_UTF8_H

/* UTF-8, strictly: no overlong form, no surrogate, nothing above U+10FFFF. Pure. */

#include "base/buf.h"

#define ARM_UTF8_BYTES_MAX 4

/* The code point that `bytes` begin with; returns its length, or 0 if they begin with none. */
size_t arm__utf8_take(struct arm_bytes bytes, uint32_t *out);

/* The bytes of a code point (not a surrogate, at most U+10FFFF); returns how many. */
size_t arm__utf8_put(uint32_t code_point, uint8_t out[ARM_UTF8_BYTES_MAX]);

bool arm__utf8_valid(struct arm_bytes bytes);

/* How many of the `size` bytes of `text` to show where at most `max` may be: whole characters. */
size_t arm__utf8_cut(const char *text, size_t size, size_t max);

#endif
