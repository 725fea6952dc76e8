/* SPDX-License-Identifier: Apache-2.0 */
/* M8 and M3: deletion vectors against an array of flags, and against damage. */
#include "model/vector.h"

#include <stdlib.h>
#include <string.h>

#include "property/model_random.h"

enum { ROWS = 300000, ROUNDS = 60, DAMAGED = 4000 };

struct set {
    bool dead[ROWS];
};

/* Ranges, strides and single rows, so that every kind of container comes up, and mixtures. */
static void fill(struct random *random, struct set *set)
{
    size_t steps = random_below(random, 12);

    memset(set, 0, sizeof *set);
    for (size_t i = 0; i < steps; i++) {
        size_t first = random_below(random, ROWS);
        size_t last = first + random_wide(random) % (ROWS - first);
        size_t stride = 1 + (random_below(random, 2) == 0 ? 0 : random_wide(random) % 3000);

        for (size_t row = first; row <= last; row += stride) {
            set->dead[row] = true;
        }
    }
}

static roaring_bitmap_t *bitmap_of(struct random *random, const struct set *set)
{
    roaring_bitmap_t *bitmap = roaring_bitmap_create();

    for (uint32_t row = 0; row < ROWS; row++) {
        if (set->dead[row]) {
            roaring_bitmap_add(bitmap, row);
        }
    }
    if (random_below(random, 2) == 0) { /* a form that encoding must not depend on */
        (void)roaring_bitmap_run_optimize(bitmap);
    }
    return bitmap;
}

static void encode_set(struct random *random, const struct set *set, struct arm_buf *out)
{
    roaring_bitmap_t *bitmap = bitmap_of(random, set);
    struct arm_error err = {0};

    arm__buf_clear(out);
    assert_ok(arm__vector_encode(bitmap, out, &err), err);
    arm__vector_free(bitmap);
}

static void test_vector_M8_random_sets_join_as_their_flags_do(void **state)
{
    static struct set a;
    static struct set b;
    struct random random = random_seeded(815);
    struct arm_buf one = ARM_BUF_INIT(1 << 20);
    struct arm_buf two = ARM_BUF_INIT(1 << 20);
    struct arm_buf joined = ARM_BUF_INIT(1 << 20);

    for (int round = 0; round < ROUNDS; round++) {
        uint32_t dead = 0;
        uint32_t fresh = 0;
        uint32_t want_dead = 0;
        uint32_t want_fresh = 0;
        struct arm_error err = {0};

        fill(&random, &a);
        fill(&random, &b);
        encode_set(&random, &a, &one);
        encode_set(&random, &b, &two);
        arm__buf_clear(&joined);
        assert_ok(arm__vector_or(arm__buf_bytes(&one), arm__buf_bytes(&two), ROWS, &joined, &dead,
                                 &fresh, &err),
                  err);
        for (size_t row = 0; row < ROWS; row++) {
            want_fresh += b.dead[row] && !a.dead[row];
            a.dead[row] = a.dead[row] || b.dead[row];
            want_dead += a.dead[row];
        }
        assert_int_equal(dead, want_dead);
        assert_int_equal(fresh, want_fresh);
        encode_set(&random, &a, &one);
        assert_int_equal(one.size, joined.size);
        assert_memory_equal(one.data, joined.data, one.size);
    }
    arm__buf_release(&one);
    arm__buf_release(&two);
    arm__buf_release(&joined);
}

/* What is believed must be as it says, since CRoaring will believe it too. */
static void use(struct arm_bytes bytes)
{
    roaring_bitmap_t *bitmap = NULL;
    uint32_t dead = 0;
    struct arm_error err = {0};
    arm_status st = arm__vector_check(bytes, ROWS, &dead, &err);

    if (st != ARM_OK) {
        assert_int_equal(st, ARM_CORRUPT);
        return;
    }
    assert_ok(arm__vector_decode(bytes, ROWS, &bitmap, &err), err);
    assert_int_equal(roaring_bitmap_get_cardinality(bitmap), dead);
    roaring_bitmap_flip_inplace(bitmap, 0, ROWS);
    assert_int_equal(roaring_bitmap_get_cardinality(bitmap), ROWS - dead);
    (void)roaring_bitmap_run_optimize(bitmap);
    arm__vector_free(bitmap);
}

/* A copy of exactly this size, so that a reader that goes too far is caught. */
static void use_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));

    assert_non_null(copy);
    memcpy(copy, data, size);
    use(arm__bytes(copy, size));
    free(copy);
}

static void test_vector_M3_damage_is_found_or_harmless(void **state)
{
    static struct set set;
    struct random random = random_seeded(816);
    struct arm_buf bytes = ARM_BUF_INIT(1 << 20);

    for (int round = 0; round < ROUNDS / 3; round++) {
        fill(&random, &set);
        encode_set(&random, &set, &bytes);
        for (int i = 0; i < DAMAGED / ROUNDS; i++) {
            size_t where = random_below(&random, i % 2 == 0 && bytes.size > 40 ? 40 : bytes.size);
            uint8_t before = bytes.data[where];

            bytes.data[where] = (uint8_t)random_u64(&random);
            use_copy(bytes.data, bytes.size);
            bytes.data[where] = before;
            use_copy(bytes.data, random_below(&random, bytes.size));
        }
    }
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_M8_random_sets_join_as_their_flags_do),
        cmocka_unit_test(test_vector_M3_damage_is_found_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
