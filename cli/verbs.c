/* SPDX-License-Identifier: Apache-2.0 */
/* The list of verbs. */

#include "verbs.h"

#include <string.h>

const struct cli_verb *const cli_verbs[] = {
    &cli_verb_init,
    &cli_verb_import,
    &cli_verb_export,
    &cli_verb_sql,
    &cli_verb_tables,
    &cli_verb_versions,
    &cli_verb_schema,
    &cli_verb_log,
    &cli_verb_show,
    &cli_verb_diff,
    &cli_verb_branch,
    &cli_verb_checkout,
    &cli_verb_tag,
    &cli_verb_merge,
    &cli_verb_cherry_pick,
    &cli_verb_revert,
    &cli_verb_restore,
    &cli_verb_changes,
    &cli_verb_consumer,
    &cli_verb_stats,
    &cli_verb_verify,
    &cli_verb_recover,
    &cli_verb_compact,
    &cli_verb_gc,
    NULL,
};

const struct cli_verb *cli_find_verb(const char *name)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        if (strcmp(cli_verbs[i]->name, name) == 0) {
            return cli_verbs[i];
        }
    }
    return NULL;
}
