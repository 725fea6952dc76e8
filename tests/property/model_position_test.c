/* SPDX-License-Identifier: Apache-2.0 */
/* M5: random plans of insertion keep every position in its place, and its size in bounds. */
#include "model/position.h"

#include <string.h>

#include "property/model_random.h"
#include "support/position.h"

enum { PLANS = 200, STEPS = 120, BATCH_MAX = 40, LIST_MAX = STEPS * BATCH_MAX };

struct list {
    size_t count;
    struct arm_position at[LIST_MAX];
};

static struct arm_bytes bytes_at(const struct list *list, size_t i)
{
    return i < list->count ? arm__position_bytes(&list->at[i]) : (struct arm_bytes){NULL, 0};
}

static void insert(struct list *list, size_t where, const struct arm_position *out, size_t count)
{
    memmove(list->at + where + count, list->at + where, (list->count - where) * sizeof *list->at);
    memcpy(list->at + where, out, count * sizeof *out);
    list->count += count;
}

static void check(const struct list *list)
{
    struct arm_error err = {0};

    for (size_t i = 0; i < list->count; i++) {
        assert_ok(arm__position_check(bytes_at(list, i), &err), err);
        if (i > 0) {
            assert_true(arm__bytes_compare(bytes_at(list, i - 1), bytes_at(list, i)) < 0);
        }
    }
}

/* Number them anew, as a caller does whom ARM_FULL tells to. */
static void renumber(struct list *list)
{
    struct arm_error err = {0};

    assert_ok(arm__position_between((struct arm_bytes){NULL, 0}, (struct arm_bytes){NULL, 0},
                                    list->count, list->at, &err),
              err);
}

/* `place` says where the plan likes to insert: anywhere, at one end, or always beside the last. */
static void run_plan(struct random *random, struct list *list, unsigned place)
{
    size_t where = 0;
    size_t renumbered = 0;

    list->count = 0;
    for (size_t step = 0; step < STEPS; step++) {
        struct arm_position out[BATCH_MAX];
        size_t count = place == 3 ? 1 : 1 + random_below(random, BATCH_MAX - 1);
        struct arm_error err = {0};
        arm_status st;

        where = place == 0   ? random_below(random, list->count + 1)
                : place == 1 ? list->count
                : place == 2 ? 0
                             : where + random_below(random, 2);
        where = where > list->count ? list->count : where;
        st = arm__position_between(where == 0 ? (struct arm_bytes){NULL, 0}
                                              : bytes_at(list, where - 1),
                                   bytes_at(list, where), count, out, &err);
        if (st == ARM_FULL) {
            renumber(list);
            renumbered++;
            continue;
        }
        assert_ok(st, err);
        insert(list, where, out, count);
    }
    check(list);
    assert_true(place == 3 || renumbered == 0);
    if (place == 1) {
        assert_true(list->at[list->count - 1].size <= 3); /* appending keeps them short */
    }
}

static void test_position_M5_random_plans_keep_order_and_size(void **state)
{
    static struct list list;
    struct random random = random_seeded(4711);

    for (unsigned plan = 0; plan < PLANS; plan++) {
        run_plan(&random, &list, plan % 4);
    }
}

static void test_position_M5_many_appends_stay_short(void **state)
{
    struct arm_position at = arm__position_first();

    for (int i = 0; i < 1000000; i++) {
        struct arm_position next = position_after(arm__position_bytes(&at));

        assert_true(arm__bytes_compare(arm__position_bytes(&at), arm__position_bytes(&next)) < 0);
        at = next;
    }
    assert_int_equal(at.size, 4);
}

/* Any bytes are either well-formed, and then something fits beside them, or refused. */
static void test_position_M3_random_bytes(void **state)
{
    struct random random = random_seeded(4712);
    size_t good = 0;

    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[ARM_POSITION_BYTES_MAX + 4];
        size_t size = random_below(&random, random_below(&random, 2) == 0 ? 6 : sizeof bytes);
        struct arm_bytes position = arm__bytes(bytes, size);
        struct arm_position out[2];
        struct arm_error err = {0};

        for (size_t j = 0; j < size; j++) {
            bytes[j] = (uint8_t)random_u64(&random);
        }
        if (size > 0 && random_below(&random, 4) != 0) {
            bytes[0] = (uint8_t)random_below(&random, 10);
        }
        if (arm__position_check(position, &err) != ARM_OK) {
            assert_int_equal(err.code, ARM_CORRUPT);
            continue;
        }
        good++;
        if (size < ARM_POSITION_BYTES_MAX - 1 && bytes[1] != 0) {
            assert_ok(arm__position_between((struct arm_bytes){NULL, 0}, position, 2, out, &err),
                      err);
            assert_true(
                arm__bytes_compare(arm__position_bytes(&out[0]), arm__position_bytes(&out[1])) < 0);
            assert_true(arm__bytes_compare(arm__position_bytes(&out[1]), position) < 0);
        }
        out[0] = position_after(position);
        assert_true(arm__bytes_compare(position, arm__position_bytes(&out[0])) < 0);
    }
    assert_true(good > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position_M5_random_plans_keep_order_and_size),
        cmocka_unit_test(test_position_M5_many_appends_stay_short),
        cmocka_unit_test(test_position_M3_random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
