/* SPDX-License-Identifier: Apache-2.0 */
/* The power is cut at every operation of the kernel's scripts (support/power_cuts.h says what is
 * promised, and which variables there are for more). */

#include "support/cmocka_all.h"
#include "support/power_cuts.h"
#include "support/power_scripts.h"

static void test_power_acknowledged_survives_a_cut_at_every_operation(void **state)
{
    (void)state;
    power_cut_scripts(power_scripts, POWER_SCRIPTS, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_acknowledged_survives_a_cut_at_every_operation),
    };

    temp_use_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
