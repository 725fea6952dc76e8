/* SPDX-License-Identifier: Apache-2.0 */
/* Deletion vectors (model/vector.h): what the judge lets pass is exactly the rows it counted, to
 * CRoaring too, and writing them (M8) is stable. The input is a row count, a byte that tells how
 * many 16ths of the rest are the first vector, and two vectors. */

#include <stdlib.h>

#include "model/vector.h"
#include "support/fuzz.h"

enum { BYTES_MAX = 1 << 20 };

/* The vector written anew: its rows are the same. */
static void check_written(const roaring_bitmap_t *bitmap, uint32_t row_count)
{
    struct arm_buf first = ARM_BUF_INIT(BYTES_MAX);
    struct arm_buf second = ARM_BUF_INIT(BYTES_MAX);
    roaring_bitmap_t *again = NULL;
    arm_status st = arm__vector_encode(bitmap, &first, NULL);

    assert(st == ARM_OK);
    st = arm__vector_decode(arm__buf_bytes(&first), row_count, &again, NULL);
    assert(st == ARM_OK);
    assert(roaring_bitmap_equals(bitmap, again));
    st = arm__vector_encode(again, &second, NULL);
    assert(st == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&first), arm__buf_bytes(&second)));
    arm__vector_free(again);
    arm__buf_release(&second);
    arm__buf_release(&first);
}

/* NULL: refused. */
static roaring_bitmap_t *check(struct arm_bytes bytes, uint32_t row_count)
{
    roaring_bitmap_t *bitmap = NULL;
    uint32_t dead;
    struct arm_error err;

    FUZZ_FILL(dead);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__vector_check(bytes, row_count, &dead, &err), ARM_CORRUPT, ARM_CORRUPT,
                     &err)) {
        assert(FUZZ_UNTOUCHED(dead));
        assert(arm__vector_decode(bytes, row_count, &bitmap, NULL) == ARM_CORRUPT);
        return NULL;
    }
    assert(arm__vector_decode(bytes, row_count, &bitmap, NULL) == ARM_OK);
    assert(roaring_bitmap_get_cardinality(bitmap) == dead);
    assert(dead == 0 || roaring_bitmap_maximum(bitmap) < row_count);
    check_written(bitmap, row_count);
    return bitmap;
}

static void check_or(struct arm_bytes a, struct arm_bytes b, uint32_t row_count,
                     const roaring_bitmap_t *in_a, const roaring_bitmap_t *in_b)
{
    struct arm_buf joined = ARM_BUF_INIT(BYTES_MAX);
    roaring_bitmap_t *wanted = roaring_bitmap_or(in_a, in_b);
    roaring_bitmap_t *got = NULL;
    uint32_t dead = 0;
    uint32_t fresh = 0;

    assert(arm__vector_or(a, b, row_count, &joined, &dead, &fresh, NULL) == ARM_OK);
    assert(arm__vector_decode(arm__buf_bytes(&joined), row_count, &got, NULL) == ARM_OK);
    assert(roaring_bitmap_equals(wanted, got));
    assert(dead == roaring_bitmap_get_cardinality(wanted));
    assert(fresh == dead - roaring_bitmap_get_cardinality(in_a));
    arm__vector_free(got);
    roaring_bitmap_free(wanted);
    arm__buf_release(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint32_t row_count = fuzz_take_u32(&in);
    size_t sixteenths = fuzz_take_u8(&in) % 16 + 1u;
    struct arm_bytes a = fuzz_take(&in, in.size * sixteenths / 16);
    struct arm_bytes b = fuzz_take(&in, in.size);
    roaring_bitmap_t *in_a = check(a, row_count);
    roaring_bitmap_t *in_b = in_a == NULL ? NULL : check(b, row_count);

    if (in_b != NULL) {
        check_or(a, b, row_count, in_a, in_b);
    }
    arm__vector_free(in_b);
    arm__vector_free(in_a);
    free((void *)(uintptr_t)b.data);
    free((void *)(uintptr_t)a.data);
    return 0;
}
