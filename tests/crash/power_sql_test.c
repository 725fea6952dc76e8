/* SPDX-License-Identifier: Apache-2.0 */
/* The power is cut at every operation of scripts by SQL, of every kind of statement
 * (support/power_cuts.h says what is promised, and which variables there are for more). After each
 * cut keys are enforced, and no number of a sequence is given a second time. */

#include "support/cmocka_all.h"
#include "support/power_cuts.h"
#include "support/power_sql_scripts.h"

static void test_power_statements_survive_a_cut_at_every_operation(void **state)
{
    (void)state;
    power_cut_scripts(power_sql_scripts, POWER_SQL_SCRIPTS, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_statements_survive_a_cut_at_every_operation),
    };

    temp_use_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
