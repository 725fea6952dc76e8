/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_CLI_H
#define ARM_CLI_CLI_H

/* One run of the command: what the user asked for, the repository and session it works on, and
 * how it ends. */

#include <armillaria.h>

#include "text.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_ERROR = 1,
    CLI_USAGE = 2,
    CLI_CONFLICT = 3,
    CLI_DAMAGE = 4,
    CLI_SIGNAL = 128, /* and the signal's number */
};

/* The only macro that jumps: to `done:` with `st` set, when `expr` fails. */
#define CLI_TRY(expr)                                                                              \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != ARM_OK) {                                                                        \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

struct cli {
    const char *directory; /* -C; NULL: ARMILLARIA_REPO, else found upward */
    const char *branch;    /* --branch; NULL: ARMILLARIA_BRANCH, else HEAD */
    bool json;
    bool quiet;
    bool color_out;
    bool color_err;
    bool has_changed;   /* a repository was made, or a session now closed committed */
    uint64_t last_tx;   /* the last commit of a session now closed; 0: none */
    bool output_failed; /* what went wrong is the writing of the answer */
    bool is_damaged;    /* the repository is, and is open for reading only because of it */
    arm_repo *repo;
    arm_session *session;
};

/* ---- Errors ---- */

/* Fill `err` (may be NULL) and return `code`. */
arm_status cli_fail(struct arm_error *err, arm_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As cli_fail: "cannot <verb> <path>: <why>", from errno. */
arm_status cli_fail_errno(struct arm_error *err, const char *verb, const char *path);
/* As cli_fail_errno, of a write of the answer: a full device there is not the repository's. */
arm_status cli_fail_output(struct arm_error *err, const char *path);

/* Tell an error on stderr, with what to do about it (`hint`, or by its code when NULL), and
 * give the exit status it means. */
int cli_report(const struct cli *cli, const struct arm_error *err, const char *hint);
int cli_exit_of(arm_status status);
/* The same, where the code alone does not say it. With --json it is one line, an object: level
 * ("error"), code, status, message; and usage, hint, commit where there are such. */
struct cli_told {
    const char *usage; /* how it should have been called; NULL: that was not it */
    const char *hint;  /* NULL or "": none */
    int status;
};
int cli_tell(const struct cli *cli, const struct arm_error *err, const struct cli_told *told);
/* The hint where the session did not find a table, or with a ref `at` (else NULL) rather that;
 * where it did not find a ref. NULL after other errors. */
const char *cli_table_hint(const struct cli *cli, arm_status status, const char *at);
const char *cli_ref_hint(const struct cli *cli, arm_status status);
/* With --json an object too: level ("warning"), message. */
void cli_warn(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- The repository ---- */

enum cli_access { CLI_READ, CLI_WRITE };

/* Open the repository. CLI_READ: one that cannot be opened for writing (no permission, damage)
 * is opened for reading only, with a warning. */
arm_status cli_open_repo(struct cli *cli, enum cli_access access, struct arm_error *err);
/* And a session on the current branch. */
arm_status cli_open(struct cli *cli, enum cli_access access, struct arm_error *err);
/* And a session on any branch that is there: for what is asked of all of them. */
arm_status cli_open_anywhere(struct cli *cli, enum cli_access access, struct arm_error *err);
void cli_close(struct cli *cli);

/* The branch that is current, whether it is there or not: --branch, else ARMILLARIA_BRANCH, else
 * what HEAD names. Owned by the caller. */
arm_status cli_current_branch(const struct cli *cli, char **out, struct arm_error *err);
/* The branch that the repository's HEAD names; main where there is no HEAD. Owned by the caller. */
arm_status cli_read_head(const char *directory, char **out, struct arm_error *err);

/* Directory of the repository, as told; owned by the caller. Errors: ARM_NOT_REPOSITORY. */
arm_status cli_find_repository(const struct cli *cli, char **out, struct arm_error *err);
/* Name the current branch in the repository's HEAD. */
arm_status cli_write_head(const char *directory, const char *branch, struct arm_error *err);

#endif
