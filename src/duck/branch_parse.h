/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_BRANCH_PARSE_H
#define ARM_DUCK_BRANCH_PARSE_H

/* The statements about branches and tags, which DuckDB's own parser does not know:
 *
 *   CREATE BRANCH [IF NOT EXISTS] name [FROM ref] [COMMENT 'text']
 *   DROP BRANCH [IF EXISTS] name
 *   USE BRANCH name
 *   ALTER BRANCH name RENAME TO name
 *   ALTER BRANCH name PROTECT demand [, demand]...      demand: ONLY MERGES | CHECK [name] (query)
 *   ALTER BRANCH name UNPROTECT
 *   COMMENT ON BRANCH name IS 'text' | NULL
 *   MERGE BRANCH name [INTO name] [STRATEGY word]
 *   CREATE TAG [IF NOT EXISTS] name [AT ref] [COMMENT 'text']
 *   DROP TAG [IF EXISTS] name
 *
 * A name, or a ref, is "quoted" or 'quoted' (a quote in it is doubled), or bare: letters, digits,
 * bytes beyond ASCII and _ - / . ~ : + @. A bare one is no keyword of these statements, and has
 * no "--" in it, nor slash and star together, for those begin comments. Names are kept as they are
 * written: upper and lower case differ, as in git. Pure; whether a name is one, its user asks. */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum arm_branch_verb {
    ARM_BRANCH_CREATE,
    ARM_BRANCH_DROP,
    ARM_BRANCH_USE,
    ARM_BRANCH_RENAME,
    ARM_BRANCH_DESCRIBE,
    ARM_BRANCH_PROTECT, /* also what takes all protection away */
    ARM_BRANCH_MERGE,
    ARM_TAG_CREATE,
    ARM_TAG_DROP,
};

struct arm_branch_demand {
    char *name; /* NULL: none */
    char *sql;
};

/* One statement; owned. The zeroed state is empty. */
struct arm_branch_statement {
    enum arm_branch_verb verb;
    bool is_lenient; /* IF NOT EXISTS, IF EXISTS */
    char *name;      /* of the branch or tag; MERGE: the source */
    char *other;     /* FROM, AT: the ref; RENAME TO: the new name; INTO: the target; or NULL */
    char *comment;   /* NULL: none */
    char *strategy;  /* MERGE: as written, or NULL */
    bool only_merges;
    size_t check_count;
    struct arm_branch_demand *checks;
};
void arm__branch_statement_release(struct arm_branch_statement *statement);

/* Take `sql` apart, which holds one statement. `*out_is_one` false: it is another kind of
 * statement, which nothing else is said of. Errors: ARM_SQL, saying what was expected and what is
 * there instead, `*out_offset` (may be NULL) bytes from the beginning. */
arm_status arm__branch_parse(const char *sql, struct arm_branch_statement *out, bool *out_is_one,
                             size_t *out_offset, struct arm_error *err);

/* Whether `sql` is one of them, right or wrong. */
bool arm__branch_begins(const char *sql);

/* As the statement begins: "CREATE BRANCH". Static. */
const char *arm__branch_verb_text(enum arm_branch_verb verb);

#ifdef __cplusplus
}
#endif

#endif
