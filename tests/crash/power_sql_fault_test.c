/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails, or is full, at every operation of scripts by SQL, of every kind of statement
 * (support/power_trials.h says what is promised, and which variables there are for more). */

#include "support/cmocka_all.h"
#include "support/power_sql_scripts.h"
#include "support/power_trials.h"

static void test_power_fault_of_statements_loses_nothing(void **state)
{
    (void)state;
    power_fail_scripts(power_sql_scripts, POWER_SQL_SCRIPTS, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_fault_of_statements_loses_nothing),
    };

    temp_use_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
