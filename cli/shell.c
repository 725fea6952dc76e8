/* SPDX-License-Identifier: Apache-2.0 */
/* The interactive shell. */

#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "statement.h"
#include "verbs.h"
#include "width.h"

/* What was typed and not yet taken. */
struct input {
    struct cli_text waiting;
    size_t taken; /* bytes of it */
};

enum got { GOT_LINE, GOT_SIGNAL, GOT_END };

/* The next line of what is waiting; false: no whole one is. */
static bool take_line(struct input *input, struct cli_text *line)
{
    const char *start = cli_text_string(&input->waiting) + input->taken;
    const char *end = strchr(start, '\n');

    if (end == NULL) {
        return false;
    }
    cli_text_append(line, start, (size_t)(end + 1 - start));
    input->taken += (size_t)(end + 1 - start);
    if (input->taken == input->waiting.size) {
        cli_text_clear(&input->waiting);
        input->taken = 0;
    }
    return true;
}

/* One line typed. Signals are the watch's; they end the wait. */
static enum got read_line(struct input *input, struct cli_watch *watch, const char *prompt,
                          struct cli_text *line)
{
    char bytes[4096];
    size_t size = 0;
    arm_status st = ARM_OK;

    (void)fputs(prompt, stdout);
    (void)fflush(stdout);
    cli_text_clear(line);
    while (!take_line(input, line)) {
        st =
            cli_watch_read(watch, STDIN_FILENO, "standard input", bytes, sizeof bytes, &size, NULL);
        if (st == ARM_INTERRUPTED) {
            cli_watch_forget(watch);
            cli_text_clear(&input->waiting);
            input->taken = 0;
            (void)fputs("\n", stdout);
            return GOT_SIGNAL;
        }
        if (st != ARM_OK || size == 0) {
            return GOT_END;
        }
        cli_text_append(&input->waiting, bytes, size);
    }
    return GOT_LINE;
}

static void show_help(void)
{
    (void)fputs("A statement may take several lines; ';' ends it and runs it.\n"
                "  .help            this\n"
                "  .tables          the tables of the branch\n"
                "  .quit            leave (so does Ctrl-D)\n"
                "Ctrl-C stops a running statement, or drops what was typed.\n",
                stdout);
}

/* Runs a dot command; false: leave. */
static bool run_command(struct cli_run *run, const char *line)
{
    static const char *const names[] = {".help", ".tables", ".quit", ".exit"};
    char word[32] = "";
    const char *nearest = NULL;
    struct cli_text told = {0};

    (void)sscanf(line, "%31s", word);
    if (strcmp(word, ".quit") == 0 || strcmp(word, ".exit") == 0) {
        return false;
    }
    if (strcmp(word, ".help") == 0) {
        show_help();
    } else if (strcmp(word, ".tables") == 0) {
        (void)cli_print_tables(run->cli);
    } else {
        nearest = cli_nearest(word, names, sizeof names / sizeof *names);
        cli_text_add(&told, "no command ");
        (void)cli_text_show(&told, word, strlen(word));
        if (nearest != NULL) {
            cli_text_printf(&told, "; did you mean %s?", nearest);
        }
        (void)fprintf(stderr, "%s (.help lists them)\n", told.data);
        cli_text_release(&told);
    }
    return true;
}

/* Run what is complete of `typed`, and keep the rest. */
static void run_statements(struct cli_run *run, struct cli_text *typed)
{
    struct arm_error err = {0};
    size_t end = 0;
    size_t next = 0;

    while ((next = cli_statement_end(cli_text_string(typed) + end)) != 0) {
        end += next;
    }
    if (end > 0) {
        char *complete = cli_format("%.*s", (int)end, typed->data);
        char *rest = cli_strdup(typed->data + end);

        if (cli_run_text(run, complete, &err) != ARM_OK || cli_run_finish(run, &err) != ARM_OK) {
            (void)cli_run_report(run->cli, run->watch, &err, cli_ref_hint(run->cli, err.code));
            cli_watch_forget(run->watch);
        }
        cli_text_clear(typed);
        cli_text_add(typed, rest);
        free(complete);
        free(rest);
    }
    if (cli_statement_is_blank(cli_text_string(typed))) {
        cli_text_clear(typed);
    }
}

static void greet(const struct cli_run *run)
{
    const char *branch = arm_session_branch(run->cli->session);
    const char *path = arm_repo_path(run->cli->repo);
    struct cli_text text = {0};

    if (!run->cli->quiet) {
        cli_text_printf(&text, "armillaria %s, branch ", arm_version());
        (void)cli_text_show(&text, branch, strlen(branch));
        cli_text_add(&text, " of ");
        (void)cli_text_show(&text, path, strlen(path));
        (void)printf("%s; .help helps\n", text.data);
    }
    cli_text_release(&text);
}

int cli_shell(struct cli_run *run)
{
    struct input input = {0};
    struct cli_text typed = {0};
    struct cli_text line = {0};
    enum got got = GOT_LINE;
    bool going = true;

    run->sink = (struct cli_sink){.out = stdout,
                                  .name = "standard output",
                                  .is_terminal = isatty(STDOUT_FILENO) == 1,
                                  .color = run->cli->color_out,
                                  .watch = run->watch};
    greet(run);
    while (going) {
        got =
            read_line(&input, run->watch, typed.size == 0 ? "armillaria> " : "       ...> ", &line);
        if (got == GOT_SIGNAL) {
            cli_text_clear(&typed);
        } else if (got == GOT_END) {
            (void)fputs("\n", stdout);
            going = false;
        } else if (typed.size == 0 && line.data[0] == '.') {
            going = run_command(run, line.data);
        } else {
            cli_text_append(&typed, line.data, line.size);
            run_statements(run, &typed);
        }
    }
    cli_run_end_transaction(run);
    cli_text_release(&input.waiting);
    cli_text_release(&line);
    cli_text_release(&typed);
    return CLI_DONE;
}
