/* SPDX-License-Identifier: Apache-2.0 */
/* The interactive shell: the loop, and the running of what was typed. */

#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shell_private.h"
#include "statement.h"
#include "width.h"

enum { PROMPT_NAME_MAX = 40 }; /* columns of a branch's name in the prompt */

/* ---- Statements ---- */

static double now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* "FILE, line 3: <message>". */
static void locate(const struct cli_feed *feed, size_t lines, struct arm_error *err)
{
    struct arm_error inner = *err;

    if (feed->file != NULL && err->code != ARM_INTERRUPTED) {
        (void)snprintf(err->message, sizeof err->message, "%.200s, line %zu: %.780s", feed->file,
                       feed->first + lines, inner.message);
    }
}

enum cli_dot_result cli_shell_after_signal(struct cli_shell *shell)
{
    if (cli_watch_forget(shell->run->watch) == SIGTERM) {
        shell->ended_by = SIGTERM;
        return CLI_DOT_LEAVE;
    }
    return CLI_DOT_FAILED;
}

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 0;

    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n' ? 1 : 0;
    }
    return lines;
}

/* Run `sql`, which begins `lines` lines below the first one gathered. */
static enum cli_dot_result run_sql(struct cli_shell *shell, const struct cli_feed *feed,
                                   const char *sql, size_t lines)
{
    struct cli_run *run = shell->run;
    double start = now_seconds();
    struct arm_error err = {0};
    enum cli_dot_result result = CLI_DOT_DONE;

    if (cli_run_text(run, sql, &err) != ARM_OK || cli_run_finish(run, &err) != ARM_OK) {
        locate(feed, lines, &err);
        (void)cli_run_report(run->cli, run->watch, &err, cli_run_hint(run, err.code));
        result = cli_shell_after_signal(shell);
    }
    if (shell->output_name != NULL) {
        (void)fflush(run->sink.out); /* who looks into the file sees what was answered */
    }
    if (shell->has_timer && shell->talk != NULL) {
        (void)fflush(stdout);
        (void)fprintf(shell->talk, "took %.3f s\n", now_seconds() - start);
    }
    return result;
}

/* Blank lines and the line ends before a statement are not part of where it begins. */
static size_t leading_lines(const char *text)
{
    return count_lines(text, strspn(text, " \t\r\n"));
}

/* Run what is complete of what was gathered, and keep the rest. Statements of one line typed are
 * one answer; those of a file run singly, so that an error tells its line. */
static enum cli_dot_result run_complete(struct cli_shell *shell, struct cli_feed *feed)
{
    enum cli_dot_result result = CLI_DOT_DONE;
    size_t start = 0;
    size_t end = 0;
    size_t next = 0;

    while (result == CLI_DOT_DONE &&
           (next = cli_statement_end(cli_text_string(&feed->typed) + end)) != 0) {
        bool is_last = cli_statement_end(feed->typed.data + end + next) == 0;

        end += next;
        if (feed->file != NULL || is_last) {
            char *sql = cli_format("%.*s", (int)(end - start), feed->typed.data + start);
            size_t lines = count_lines(feed->typed.data, start) + leading_lines(sql);

            result = run_sql(shell, feed, sql, lines);
            start = end;
            free(sql);
        }
    }
    if (end > 0) {
        char *rest = cli_strdup(feed->typed.data + end);

        feed->first += count_lines(feed->typed.data, end);
        cli_text_clear(&feed->typed);
        cli_text_add(&feed->typed, rest);
        cli_edit_disturb(shell->edit);
        free(rest);
    }
    if (cli_statement_is_blank(cli_text_string(&feed->typed))) {
        cli_text_clear(&feed->typed);
    }
    return result;
}

enum cli_dot_result cli_feed_line(struct cli_shell *shell, struct cli_feed *feed, const char *line)
{
    feed->line++;
    if (feed->typed.size == 0) {
        feed->first = feed->line;
        if (line[0] == '.') {
            return cli_dot_run(shell, line);
        }
    }
    cli_text_add(&feed->typed, line);
    return run_complete(shell, feed);
}

enum cli_dot_result cli_feed_end(struct cli_shell *shell, struct cli_feed *feed)
{
    if (feed->typed.size == 0) {
        return CLI_DOT_DONE;
    }
    return run_sql(shell, feed, feed->typed.data, leading_lines(feed->typed.data));
}

/* ---- Talking ---- */

/* "armillaria:main> ", with '*' while a transaction is open; and as wide, "           ...> ". */
static void make_prompts(const struct cli_shell *shell, struct cli_text *first,
                         struct cli_text *more)
{
    const struct cli_run *run = shell->run;
    const char *branch = arm_session_branch(run->cli->session);
    bool is_open = arm_session_in_transaction(run->cli->session);
    struct cli_text name = {0};
    size_t width = 0;

    (void)cli_text_show(&name, branch, strlen(branch));
    cli_text_clear(first);
    cli_text_clear(more);
    cli_text_add(first, "armillaria:");
    cli_text_append(first, name.data, cli_text_fit(name.data, name.size, PROMPT_NAME_MAX, &width));
    cli_text_add(first, run->at == NULL ? "" : "@");
    width += run->at == NULL ? 0 : 1;
    cli_text_add(first, is_open ? "*> " : "> ");
    width += strlen("armillaria:") + (is_open ? 1 : 0);
    cli_text_printf(more, "%*s> ", (int)width, "...");
    cli_text_release(&name);
}

static void greet(const struct cli_shell *shell)
{
    const struct cli *cli = shell->run->cli;
    const char *branch = arm_session_branch(cli->session);
    const char *path = arm_repo_path(cli->repo);
    struct cli_text text = {0};

    if (!cli->quiet && shell->talk != NULL) {
        cli_text_printf(&text, "armillaria %s, branch ", arm_version());
        (void)cli_text_show(&text, branch, strlen(branch));
        cli_text_add(&text, " of ");
        (void)cli_text_show(&text, path, strlen(path));
        (void)fprintf(shell->talk, "%s; .help helps\n", text.data);
    }
    cli_text_release(&text);
}

static void complete(void *context, const char *before, const char *after,
                     struct cli_candidates *out)
{
    const struct cli_shell *shell = context;
    struct cli_completer completer = {
        .cli = shell->run->cli, .at = shell->run->at, .has_engine = shell->run->has_run};

    cli_complete(&completer, before, after, out);
}

/* A word that is meant for the shell, as people type it who do not know the dot. */
static const char *as_command(const char *line)
{
    static const char *const words[][2] = {
        {"help\n", ".help"}, {"quit\n", ".quit"}, {"exit\n", ".exit"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(line, words[i][0]) == 0) {
            return words[i][1];
        }
    }
    return line;
}

/* What was typed since nothing was pending: one entry of the history. */
static enum cli_dot_result take_line(struct cli_shell *shell, struct cli_feed *feed,
                                     struct cli_text *entry, const char *line)
{
    enum cli_dot_result result = CLI_DOT_DONE;

    if (feed->typed.size == 0) {
        cli_text_clear(entry);
    }
    cli_text_add(entry, line);
    if (feed->typed.size > 0) {
        struct cli_text whole = {0};

        cli_text_add(&whole, feed->typed.data);
        cli_text_add(&whole, line);
        if (cli_statement_end(whole.data) != 0) {
            cli_edit_remember(shell->edit, entry->data); /* before it runs: it may be the last */
        }
        cli_text_release(&whole);
    } else if (line[0] == '.' || cli_statement_end(line) != 0) {
        cli_edit_remember(shell->edit, entry->data);
    }
    result = cli_feed_line(shell, feed, feed->typed.size == 0 ? as_command(line) : line);
    return result;
}

/* Until the end; the exit status. */
static int talk(struct cli_shell *shell)
{
    struct cli_feed feed = {0};
    struct cli_text entry = {0};
    struct cli_text line = {0};
    struct cli_text first = {0};
    struct cli_text more = {0};
    enum cli_dot_result result = CLI_DOT_DONE;
    int status = CLI_DONE;

    while (result != CLI_DOT_LEAVE) {
        struct cli_prompts prompts;
        enum cli_got got = CLI_GOT_LINE;

        make_prompts(shell, &first, &more);
        prompts = (struct cli_prompts){.first = first.data, .more = more.data};
        (void)fflush(stdout);
        cli_watch_rest(shell->run->watch, true);
        got = cli_edit_read(shell->edit, &prompts, cli_text_string(&feed.typed), &line);
        if (got == CLI_GOT_SIGNAL || got == CLI_GOT_WHOLE) {
            cli_text_clear(&feed.typed);
        }
        if (got == CLI_GOT_SIGNAL) {
            result = cli_shell_after_signal(shell);
        } else if (got == CLI_GOT_END) {
            result = CLI_DOT_LEAVE;
        } else {
            cli_watch_rest(shell->run->watch, false);
            result = take_line(shell, &feed, &entry, line.data);
        }
    }
    if (shell->ended_by != 0) {
        status = CLI_SIGNAL + shell->ended_by;
    } else if (feed.typed.size > 0) {
        cli_warn(shell->run->cli, "the last statement has no end (;): it was not run");
    }
    cli_text_release(&feed.typed);
    cli_text_release(&entry);
    cli_text_release(&line);
    cli_text_release(&first);
    cli_text_release(&more);
    return status;
}

int cli_shell(struct cli_run *run)
{
    struct cli_shell shell = {.run = run, .mode = run->format, .rows_max = 40};
    struct cli_edit_options options = {
        .cli = run->cli, .watch = run->watch, .complete = complete, .context = &shell};
    int status = CLI_DONE;

    /* Answers that go elsewhere do not take the prompts with them. */
    if (isatty(STDOUT_FILENO) == 1) {
        shell.talk = stdout;
    } else if (isatty(STDERR_FILENO) == 1) {
        shell.talk = stderr;
    }
    run->cli->json = false; /* a mode of the answers; what is told is for a person */
    options.talk = shell.talk;
    (void)cli_dot_end_output(&shell);
    shell.edit = cli_edit_open(&options);
    greet(&shell);
    status = talk(&shell);
    (void)cli_dot_end_output(&shell);
    cli_run_end_transaction(run);
    cli_edit_close(shell.edit);
    return status;
}
