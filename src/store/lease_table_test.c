/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lease_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"

enum { HASHES = 200 };

/* Hashes that collide: few first bytes, and those at the end of the table. */
static struct arm_hash hash_number(unsigned n)
{
    struct arm_hash hash = {{0}};

    hash.bytes[0] = (uint8_t)(0xFA + n % 5);
    hash.bytes[9] = (uint8_t)n;
    return hash;
}

static void test_lease_table_LT2_LT3_like_a_model(void **state)
{
    struct arm_lease_table table = {0};
    struct arm_error err = {0};
    bool model[HASHES] = {false};
    unsigned seed = 7;

    print_message("seed %u\n", seed);
    for (int step = 0; step < 50000; step++) {
        unsigned n = (unsigned)rand_r(&seed) % HASHES;
        struct arm_hash hash = hash_number(n);
        struct arm_lease_entry *entry = arm__lease_table_find(&table, &hash);

        assert_int_equal(entry != NULL, model[n]);
        if (entry != NULL) {
            assert_true(arm__hash_equal(&entry->hash, &hash));
            arm__lease_table_remove(&table, entry);
        } else {
            uint64_t slot;

            assert_ok(arm__lease_table_reserve(&table, &err), err);
            slot = arm__lease_table_next_slot(&table);
            arm__lease_table_add(&table, &hash);
            assert_int_equal(arm__lease_table_find(&table, &hash)->slot, slot);
        }
        model[n] = !model[n];
        if (step % 1000 == 0) {
            bool slot_used[HASHES] = {false};

            for (unsigned i = 0; i < HASHES; i++) {
                struct arm_hash other = hash_number(i);

                entry = arm__lease_table_find(&table, &other);
                assert_int_equal(entry != NULL, model[i]);
                if (entry != NULL) {
                    assert_true(entry->slot < table.slot_count);
                    assert_false(slot_used[entry->slot]); /* LT3 */
                    slot_used[entry->slot] = true;
                }
            }
        }
    }
    arm__lease_table_release(&table);
}

static void test_lease_table_survives_allocation_failure(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct arm_lease_table table = {0};
        unsigned failures = 0;

        arm__alloc_fail_at(n);
        for (unsigned i = 0; i < HASHES; i++) {
            struct arm_hash hash = hash_number(i);

            while (arm__lease_table_reserve(&table, NULL) != ARM_OK) {
                failures++;
            }
            arm__lease_table_add(&table, &hash);
        }
        arm__alloc_fail_at(0);
        for (unsigned i = 0; i < HASHES; i++) {
            struct arm_hash hash = hash_number(i);

            arm__lease_table_remove(&table, arm__lease_table_find(&table, &hash));
        }
        assert_int_equal(table.used, 0);
        assert_int_equal(table.free_count, HASHES);
        arm__lease_table_release(&table);
        if (failures == 0) {
            assert_true(n > 4);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease_table_LT2_LT3_like_a_model),
        cmocka_unit_test(test_lease_table_survives_allocation_failure),
    };

    return cmocka_run_group_tests_name("store/lease_table", tests, NULL, NULL);
}
