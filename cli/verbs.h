/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_VERBS_H
#define ARM_CLI_VERBS_H

/* The verbs of this version, one definition each, beside the code that does it. verbs.c lists
 * them for the parser. */

#include "args.h"

extern const struct cli_verb cli_verb_init;
extern const struct cli_verb cli_verb_import;
extern const struct cli_verb cli_verb_export;
extern const struct cli_verb cli_verb_sql;
extern const struct cli_verb cli_verb_tables;
extern const struct cli_verb cli_verb_versions;
extern const struct cli_verb cli_verb_schema;
extern const struct cli_verb cli_verb_log;
extern const struct cli_verb cli_verb_show;
extern const struct cli_verb cli_verb_diff;
extern const struct cli_verb cli_verb_branch;
extern const struct cli_verb cli_verb_checkout;
extern const struct cli_verb cli_verb_tag;
extern const struct cli_verb cli_verb_merge;
extern const struct cli_verb cli_verb_cherry_pick;
extern const struct cli_verb cli_verb_revert;
extern const struct cli_verb cli_verb_restore;
extern const struct cli_verb cli_verb_changes;
extern const struct cli_verb cli_verb_consumer;
extern const struct cli_verb cli_verb_stats;
extern const struct cli_verb cli_verb_verify;
extern const struct cli_verb cli_verb_recover;
extern const struct cli_verb cli_verb_compact;
extern const struct cli_verb cli_verb_gc;

/* Consumers of the changelog, for `stats` too: listed, or as an array. */
arm_status cli_list_consumers(const struct cli *cli, struct arm_error *err);
arm_status cli_json_consumers(const struct cli *cli, struct cli_text *out, struct arm_error *err);

/* What the shell prints of the open session, as the verbs do; the exit status. `at` NULL: now. */
int cli_print_tables(struct cli *cli, const char *at);
int cli_print_versions(struct cli *cli, const char *table);
int cli_print_schema(struct cli *cli, const char *table, const char *at);
int cli_print_log(struct cli *cli, const char *at, uint64_t limit);

#endif
