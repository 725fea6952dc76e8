/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_FUZZ_SUPPORT_SCALAR_H
#define ARM_TESTS_FUZZ_SUPPORT_SCALAR_H

#include "model/type.h"
#include "support/fuzz.h"

/* A type of no parts, well-formed, from three bytes: kind, width, scale. */
static inline Armpb__Type scalar_take(struct fuzz_input *in)
{
    enum { WIDTH_MAX = 38 };
    Armpb__Type type = ARMPB__TYPE__INIT;
    uint32_t kind = fuzz_take_u8(in) % ARMPB__TYPE_KIND__VARIANT + 1u;
    uint32_t width = fuzz_take_u8(in) % WIDTH_MAX + 1u;
    uint32_t scale = fuzz_take_u8(in) % (width + 1u);

    type.kind = (Armpb__TypeKind)kind;
    if (kind == ARMPB__TYPE_KIND__DECIMAL) {
        type.has_width = type.has_scale = true;
        type.width = width;
        type.scale = scale;
    }
    return type;
}

#endif
