/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, told to a person: what, where, and what to do. */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow.h"
#include "width.h"

arm_status cli_fail(struct arm_error *err, arm_status code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;

        memset(err, 0, sizeof *err);
        err->code = code;
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return code;
}

arm_status cli_fail_errno(struct arm_error *err, const char *verb, const char *path)
{
    int error_number = errno;
    arm_status code = ARM_IO;

    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        code = ARM_FULL;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        code = ARM_PERMISSION;
        break;
    case ENOENT:
        code = ARM_NOT_FOUND;
        break;
    case EPIPE:
        code = ARM_CLOSED;
        break;
    default:
        break;
    }
    return cli_fail(err, code, "cannot %s %s: %s", verb, path, strerror(error_number));
}

arm_status cli_fail_output(struct arm_error *err, const char *path)
{
    arm_status code = cli_fail_errno(err, "write", path);

    code = code == ARM_FULL ? ARM_IO : code;
    if (err != NULL) {
        err->code = code;
    }
    return code;
}

int cli_exit_of(arm_status status)
{
    switch (status) {
    case ARM_OK:
        return CLI_DONE;
    case ARM_CONFLICT:
    case ARM_VERSION_CONFLICT:
    case ARM_MERGE_CONFLICT:
        return CLI_CONFLICT;
    case ARM_CORRUPT:
    case ARM_HASH_MISMATCH:
        return CLI_DAMAGE;
    case ARM_CLOSED: /* whoever read our output has left */
        return CLI_SIGNAL + SIGPIPE;
    default:
        return CLI_ERROR;
    }
}

/* What to do next, where the code alone tells. */
static const char *hint_of(arm_status status)
{
    switch (status) {
    case ARM_CONFLICT:
        return "another commit came first and nothing was changed: run it again";
    case ARM_CORRUPT:
    case ARM_HASH_MISMATCH:
        return "`armillaria verify --full` tells what is damaged";
    case ARM_FULL:
        return "nothing was changed: free some space and run it again";
    case ARM_NO_MEMORY:
        return "nothing was changed: free some memory and run it again";
    case ARM_CONSTRAINT:
        return "the statement changed nothing";
    case ARM_REOPEN:
        return "nothing was acknowledged: run it again";
    case ARM_COMMIT_UNKNOWN:
        return "look for this commit in `armillaria log` before you run it again";
    case ARM_NEWER_FORMAT:
        return "upgrade armillaria; nothing was changed";
    case ARM_NOT_REPOSITORY:
        return "`armillaria init DIR` makes a repository, -C DIR names one";
    default:
        return NULL;
    }
}

const char *cli_table_hint(const struct cli *cli, arm_status status, const char *at)
{
    if (status != ARM_NOT_FOUND || cli->session == NULL) {
        return NULL;
    }
    return at == NULL ? "`armillaria tables` lists the tables"
                      : "`armillaria log` lists the commits, `armillaria versions TABLE` those of "
                        "one table";
}

const char *cli_ref_hint(const struct cli *cli, arm_status status)
{
    return status == ARM_NOT_FOUND && cli->session != NULL ? "`armillaria log` lists the commits"
                                                           : NULL;
}

/* Tabs, which only indent, become blanks. */
static void show_line(struct cli_text *shown, const char *line, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t part = strcspn(line + at, "\t");

        part = part > size - at ? size - at : part;
        (void)cli_text_show(shown, line + at, part);
        at += part;
        if (at < size) {
            cli_text_add(shown, "    ");
            at++;
        }
    }
}

/* "error: <message>", the message shown safely, line by line. */
static void tell(const struct cli *cli, const char *label, const char *color, const char *message)
{
    struct cli_text shown = {0};
    const char *line = message;

    while (line != NULL) {
        const char *end = strchr(line, '\n');
        size_t size = end == NULL ? strlen(line) : (size_t)(end - line);

        show_line(&shown, line, size);
        line = end == NULL ? NULL : end + 1;
        if (line != NULL) {
            cli_text_add(&shown, "\n  ");
        }
    }
    (void)fflush(stdout);
    if (cli->color_err) {
        (void)fprintf(stderr, "\x1b[%sm%s:\x1b[0m %s\n", color, label, cli_text_string(&shown));
    } else {
        (void)fprintf(stderr, "%s: %s\n", label, cli_text_string(&shown));
    }
    cli_text_release(&shown);
}

/* ---- As JSON: one object a line ---- */

static void json_field(const char *name, const char *value, struct cli_text *out)
{
    cli_text_printf(out, "%s\"%s\":", out->size == 0 ? "{" : ",", name);
    cli_json_string(value, strlen(value), out);
}

static void json_end(struct cli_text *out)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s}\n", out->data);
    cli_text_release(out);
}

static void tell_json_error(const struct arm_error *err, const struct cli_told *told,
                            const char *message)
{
    struct cli_text out = {0};
    char commit[2 * sizeof err->commit_id + 1] = "";
    bool has_commit = false;

    for (size_t i = 0; i < sizeof err->commit_id; i++) {
        (void)snprintf(commit + 2 * i, 3, "%02x", err->commit_id[i]);
        has_commit = has_commit || err->commit_id[i] != 0;
    }
    json_field("level", "error", &out);
    json_field("code", arm_status_name(err->code), &out);
    cli_text_printf(&out, ",\"status\":%d", told->status);
    json_field("message", message, &out);
    if (told->usage != NULL) {
        json_field("usage", told->usage, &out);
    }
    if (told->hint != NULL && told->hint[0] != '\0') {
        json_field("hint", told->hint, &out);
    }
    if (has_commit) {
        json_field("commit", commit, &out);
    }
    json_end(&out);
}

/* ---- Errors ---- */

int cli_tell(const struct cli *cli, const struct arm_error *err, const struct cli_told *told)
{
    const char *message = err->message[0] == '\0' ? arm_status_text(err->code) : err->message;

    if (cli->json) {
        tell_json_error(err, told, message);
        return told->status;
    }
    tell(cli, "error", "1;31", message);
    if (told->usage != NULL) {
        (void)fprintf(stderr, "usage: %s\n", told->usage);
    }
    if (told->hint != NULL && told->hint[0] != '\0') {
        tell(cli, "hint", "33", told->hint);
    }
    return told->status;
}

/* The answer was lost, but what was done is done; owned by the caller, NULL: nothing was. */
static char *hint_of_change(const struct cli *cli)
{
    uint64_t tx = cli->session == NULL ? cli->last_tx : arm_session_last_tx(cli->session);

    if (tx != 0) {
        return cli_format(
            "the change was made (tx %" PRIu64 "); only its report could not be written", tx);
    }
    return cli->has_changed
               ? cli_strdup("the change was made; only its report could not be written")
               : NULL;
}

int cli_report(const struct cli *cli, const struct arm_error *err, const char *hint)
{
    struct cli_told told = {.hint = hint, .status = cli_exit_of(err->code)};
    char *change = cli->output_failed ? hint_of_change(cli) : NULL;

    if (err->code == ARM_CLOSED) {
        free(change);
        return told.status;
    }
    if (cli->is_damaged && err->code == ARM_READ_ONLY) {
        told.status = CLI_DAMAGE; /* which is why it may not be written */
    }
    if (change != NULL) {
        told.hint = change;
    } else if (hint == NULL && !cli->output_failed) {
        told.hint = hint_of(err->code);
    }
    (void)cli_tell(cli, err, &told);
    free(change);
    return told.status;
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
    char text[1200];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (cli->json) {
        struct cli_text out = {0};

        json_field("level", "warning", &out);
        json_field("message", text, &out);
        json_end(&out);
        return;
    }
    tell(cli, "warning", "1;33", text);
}
