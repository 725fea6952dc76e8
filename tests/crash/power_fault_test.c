/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails at every operation of the kernel's scripts (support/power_trials.h says what is
 * promised, and which variables there are for more). */

#include "support/cmocka_all.h"
#include "support/power_scripts.h"
#include "support/power_trials.h"

static void test_power_fault_at_every_operation_loses_nothing(void **state)
{
    (void)state;
    power_fail_scripts(power_scripts, POWER_SCRIPTS, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_fault_at_every_operation_loses_nothing),
    };

    temp_use_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
