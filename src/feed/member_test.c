/* SPDX-License-Identifier: Apache-2.0 */
/* Who has which share of a consumer's work: every one has one owner, all have one in the end. */

#include "feed/member.h"

#include "support/cmocka_all.h"
#include "support/temp.h"

enum { MEMBERS = 5 };

static struct temp_dir dir;
static struct arm_error err;

static int setup(void **state)
{
    (void)state;
    dir = temp_dir_make();
    temp_make_subdirectory(&dir, "index");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static void join(struct arm_member *member)
{
    assert_ok(arm__member_join(arm__io_system(), dir.path, "c", member, &err), err);
}

/* Each looks and settles, one after the other. */
static void settle(struct arm_member *members, size_t count, uint64_t active)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t gained;

        if (members[i].file != NULL) {
            assert_ok(arm__member_look(&members[i], &err), err);
            assert_ok(arm__member_settle(&members[i], arm__member_wants(&members[i], active),
                                         &gained, &err),
                      err);
            assert_int_equal(gained & ~members[i].owned, 0);
        }
    }
}

/* M1; and how many shares of `among` each has: no two differ by more than one. */
static void assert_shared(const struct arm_member *members, size_t count, uint64_t among)
{
    uint64_t all = 0;
    int least = 64;
    int most = 0;

    for (size_t i = 0; i < count; i++) {
        if (members[i].file != NULL) {
            int own = __builtin_popcountll(members[i].owned & among);

            assert_int_equal(all & members[i].owned, 0);
            all |= members[i].owned;
            least = own < least ? own : least;
            most = own > most ? own : most;
        }
    }
    assert_int_equal(all, UINT64_MAX);
    assert_true(most - least <= (among == UINT64_MAX ? 2 : 1)); /* two deals */
}

static void test_member_shares_pass_on(void **state)
{
    const uint64_t active = 0x8000400020001001u; /* five shares with tables */
    struct arm_member members[MEMBERS] = {{0}};
    uint32_t count = 0;

    (void)state;
    for (size_t n = 0; n < MEMBERS; n++) {
        join(&members[n]);
        settle(members, n + 1, active);
        settle(members, n + 1, active); /* what was given up is taken */
        assert_shared(members, n + 1, UINT64_MAX);
        assert_shared(members, n + 1, active);
    }
    assert_ok(arm__member_count(arm__io_system(), dir.path, "c", &count, &err), err);
    assert_int_equal(count, MEMBERS);
    assert_ok(arm__member_count(arm__io_system(), dir.path, "other", &count, &err), err);
    assert_int_equal(count, 0);
    for (size_t n = 0; n + 1 < MEMBERS; n++) {
        arm__member_leave(&members[n]);
        settle(members, MEMBERS, active);
        settle(members, MEMBERS, active);
        assert_shared(members, MEMBERS, UINT64_MAX);
    }
    assert_int_equal(members[MEMBERS - 1].owned, UINT64_MAX);
    arm__member_leave(&members[MEMBERS - 1]);
}

static void test_member_waits_for_what_another_has(void **state)
{
    struct arm_member members[2] = {{0}};
    uint64_t gained = 0;

    (void)state;
    join(&members[0]);
    settle(members, 1, 0);
    join(&members[1]);
    assert_ok(arm__member_settle(&members[1], arm__member_wants(&members[1], 0), &gained, &err),
              err);
    assert_int_equal(gained, 0);
    settle(members, 1, 0); /* the first gives up half */
    settle(members, 2, 0);
    assert_shared(members, 2, UINT64_MAX);
    arm__member_leave(&members[0]);
    arm__member_leave(&members[1]);
}

static void test_member_places_are_limited(void **state)
{
    struct arm_member members[ARM_MEMBERS_MAX + 1] = {{0}};

    (void)state;
    for (size_t i = 0; i < ARM_MEMBERS_MAX; i++) {
        join(&members[i]);
    }
    assert_int_equal(
        arm__member_join(arm__io_system(), dir.path, "c", &members[ARM_MEMBERS_MAX], &err),
        ARM_FULL);
    arm__member_leave(&members[17]);
    join(&members[ARM_MEMBERS_MAX]);
    assert_int_equal(members[ARM_MEMBERS_MAX].place, 17);
    for (size_t i = 0; i <= ARM_MEMBERS_MAX; i++) {
        arm__member_leave(&members[i]);
    }
}

/* Cursors are kept by share: where a table belongs never changes. */
static void test_share_is_a_part_of_the_format(void **state)
{
    (void)state;
    assert_int_equal(arm__share_of("main", "orders"), arm__share_of("MAIN", "Orders"));
    assert_int_equal(arm__share_of("main", "orders"), 32);
    assert_int_equal(arm__share_of("", ""), 45);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_member_shares_pass_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_member_waits_for_what_another_has, setup, teardown),
        cmocka_unit_test_setup_teardown(test_member_places_are_limited, setup, teardown),
        cmocka_unit_test(test_share_is_a_part_of_the_format),
    };

    return cmocka_run_group_tests_name("feed member", tests, NULL, NULL);
}
