/* SPDX-License-Identifier: Apache-2.0 */
/* The interactive shell. */

#include "shell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "statement.h"
#include "verbs.h"

static void on_signal(int signal_number)
{
    (void)signal_number; /* being called is enough: read() ends with EINTR */
}

/* Whether SIGINT ends a wait for input, or is left to the watch while a statement runs. */
static void listen_to_keyboard(bool listen)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t interrupt;

    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    (void)sigaction(SIGINT, &action, NULL);
    (void)pthread_sigmask(listen ? SIG_UNBLOCK : SIG_BLOCK, &interrupt, NULL);
}

/* One line typed; false: the input ended. `*out_interrupted`: SIGINT came instead. */
static bool read_line(const char *prompt, char **line, size_t *capacity, bool *out_interrupted)
{
    ssize_t size = 0;

    (void)fputs(prompt, stdout);
    (void)fflush(stdout);
    listen_to_keyboard(true);
    errno = 0;
    size = getline(line, capacity, stdin);
    listen_to_keyboard(false);
    *out_interrupted = size < 0 && errno == EINTR;
    if (*out_interrupted) {
        clearerr(stdin);
        (void)fputs("\n", stdout);
    }
    return size >= 0 || *out_interrupted;
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
        (void)fprintf(stderr, "no command %s; %s%s.help lists them\n", word,
                      nearest == NULL ? "" : "did you mean ", nearest == NULL ? "" : nearest);
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

        if (cli_run_text(run, complete, &err) != ARM_OK) {
            (void)cli_run_report(run->cli, run->watch, &err, NULL);
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
    if (!run->cli->quiet) {
        (void)printf("armillaria %s, branch %s of %s; .help helps\n", arm_version(),
                     arm_session_branch(run->cli->session), arm_repo_path(run->cli->repo));
    }
}

int cli_shell(struct cli_run *run)
{
    struct cli_text typed = {0};
    char *line = NULL;
    size_t capacity = 0;
    bool interrupted = false;

    run->sink = (struct cli_sink){.out = stdout,
                                  .name = "standard output",
                                  .is_terminal = isatty(STDOUT_FILENO) == 1,
                                  .color = run->cli->color_out,
                                  .watch = run->watch};
    greet(run);
    while (read_line(typed.size == 0 ? "armillaria> " : "       ...> ", &line, &capacity,
                     &interrupted)) {
        if (interrupted) {
            cli_text_clear(&typed);
        } else if (typed.size == 0 && line[0] == '.') {
            if (!run_command(run, line)) {
                break;
            }
        } else {
            cli_text_add(&typed, line);
            run_statements(run, &typed);
        }
    }
    free(line);
    cli_text_release(&typed);
    return CLI_DONE;
}
