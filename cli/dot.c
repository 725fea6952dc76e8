/* SPDX-License-Identifier: Apache-2.0 */
/* The dot commands. */

#include "dot.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script.h"
#include "verbs.h"
#include "width.h"

enum { READ_DEPTH_MAX = 16 };

const char *const cli_dot_modes[] = {"table", "csv", "json", "jsonl", "markdown", NULL};

/* ---- Wrong use ---- */

/* Tell what is wrong: what, and what to do. */
static enum cli_dot_result fail(const struct cli_shell *shell, const char *hint, const char *format,
                                ...) __attribute__((format(printf, 3, 4)));

static enum cli_dot_result fail(const struct cli_shell *shell, const char *hint, const char *format,
                                ...)
{
    struct arm_error err = {.code = ARM_INVALID};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err.message, sizeof err.message, format, args);
    va_end(args);
    (void)cli_report(shell->run->cli, &err, hint);
    return CLI_DOT_FAILED;
}

static enum cli_dot_result unknown(const struct cli_shell *shell, const char *name)
{
    const char *names[32];
    const char *nearest = NULL;
    size_t count = 0;

    while (cli_dot_commands[count].name != NULL) {
        names[count] = cli_dot_commands[count].name;
        count++;
    }
    nearest = cli_nearest(name, names, count);
    if (nearest == NULL) {
        return fail(shell, "", "no command %s (.help lists them)", name);
    }
    return fail(shell, "", "no command %s; did you mean %s? (.help lists them)", name, nearest);
}

static enum cli_dot_result of_status(int status)
{
    return status == CLI_DONE ? CLI_DOT_DONE : CLI_DOT_FAILED;
}

/* ---- .help ---- */

static void show_command(const struct cli_dot_command *command)
{
    char spelling[64];

    (void)snprintf(spelling, sizeof spelling, "%s %s", command->name, command->usage);
    (void)printf("  %-26s %s\n", spelling, command->help);
}

static void show_keys(void)
{
    (void)fputs("\nKeys:\n"
                "  Tab                        completes keywords, tables, columns, files\n"
                "  Up, Down                   earlier statements; within a statement, its lines\n"
                "  Ctrl-R                     searches the history\n"
                "  Alt-Enter                  a new line\n"
                "  Ctrl-C                     drops what was typed, or stops a statement\n"
                "  Ctrl-D                     leaves, on an empty line\n",
                stdout);
}

static enum cli_dot_result run_help(struct cli_shell *shell, const char *argument)
{
    bool has_found = false;

    if (argument[0] == '\0') {
        (void)fputs("A statement may take several lines; ';' ends it and runs it.\n\n", stdout);
    }
    for (const struct cli_dot_command *command = cli_dot_commands; command->name != NULL;
         command++) {
        if (argument[0] == '\0' || strcmp(argument, command->name) == 0 ||
            strcmp(argument, command->name + 1) == 0) {
            show_command(command);
            has_found = true;
        }
    }
    if (!has_found) {
        return unknown(shell, argument);
    }
    if (argument[0] == '\0' && cli_edit_can_edit(shell->edit)) {
        show_keys();
    }
    return CLI_DOT_DONE;
}

/* ---- What there is ---- */

static enum cli_dot_result run_tables(struct cli_shell *shell, const char *argument)
{
    (void)argument;
    return of_status(cli_print_tables(shell->run->cli, shell->run->at));
}

static enum cli_dot_result run_schema(struct cli_shell *shell, const char *argument)
{
    return of_status(cli_print_schema(shell->run->cli, argument, shell->run->at));
}

static enum cli_dot_result run_versions(struct cli_shell *shell, const char *argument)
{
    return of_status(cli_print_versions(shell->run->cli, argument));
}

static enum cli_dot_result run_log(struct cli_shell *shell, const char *argument)
{
    uint64_t limit = 10;

    if (argument[0] != '\0' && (!cli_parse_count(argument, &limit) || limit == 0)) {
        return fail(shell, ".log 20 shows twenty", "'%s' is not a number of commits", argument);
    }
    return of_status(cli_print_log(shell->run->cli, shell->run->at, limit));
}

static enum cli_dot_result run_branch(struct cli_shell *shell, const char *argument)
{
    arm_session *session = shell->run->cli->session;
    const char *branch = arm_session_branch(session);
    struct cli_text text = {0};

    (void)argument;
    (void)cli_text_show(&text, branch, strlen(branch));
    if (shell->run->at != NULL) {
        cli_text_add(&text, ", read as of ");
        (void)cli_text_show(&text, shell->run->at, strlen(shell->run->at));
    }
    if (arm_session_in_transaction(session)) {
        cli_text_add(&text, ", a transaction is open");
    }
    (void)printf("%s\n", text.data);
    cli_text_release(&text);
    return CLI_DOT_DONE;
}

/* ---- How answers are written ---- */

static enum cli_dot_result run_mode(struct cli_shell *shell, const char *argument)
{
    enum cli_format format = CLI_FORMAT_TABLE;

    if (argument[0] == '\0') {
        (void)printf("%s\n", cli_dot_modes[shell->run->format]);
        return CLI_DOT_DONE;
    }
    if (!cli_format_parse(argument, &format)) {
        return fail(shell, "", "'%s' is not a mode: table, csv, json, jsonl or markdown", argument);
    }
    if (!cli_format_is_text(format)) {
        return fail(shell, "COPY (SELECT ...) TO 'x.parquet' writes such a file, as does sql -o",
                    "%s is no text: the shell does not print it", argument);
    }
    shell->run->format = format;
    shell->mode = shell->output_name == NULL ? format : shell->mode;
    return CLI_DOT_DONE;
}

static void answer_on_terminal(struct cli_shell *shell)
{
    struct cli_run *run = shell->run;

    run->sink = (struct cli_sink){.out = stdout,
                                  .name = "standard output",
                                  .is_terminal = isatty(STDOUT_FILENO) == 1,
                                  .color = run->cli->color_out,
                                  .rows_max = shell->rows_max,
                                  .watch = run->watch};
    run->format = shell->mode;
}

enum cli_dot_result cli_dot_end_output(struct cli_shell *shell)
{
    struct arm_error err = {0};
    arm_status st = ARM_OK;

    if (shell->output_name != NULL) {
        st = cli_target_commit(&shell->output, &err);
    }
    answer_on_terminal(shell);
    if (st != ARM_OK) {
        (void)cli_report(shell->run->cli, &err, "the answers since .output are lost");
    }
    free(shell->output_name);
    shell->output_name = NULL;
    return st == ARM_OK ? CLI_DOT_DONE : CLI_DOT_FAILED;
}

/* A file's name: perhaps quoted; "~/" is the home directory. Owned by the caller. */
static char *file_name(const char *argument)
{
    size_t size = strlen(argument);
    const char *home = getenv("HOME");
    bool is_quoted = size >= 2 && (argument[0] == '\'' || argument[0] == '"') &&
                     argument[size - 1] == argument[0];
    const char *start = is_quoted ? argument + 1 : argument;
    int rest = (int)(is_quoted ? size - 2 : size);

    if (strncmp(start, "~/", 2) == 0 && home != NULL) {
        return cli_format("%s%.*s", home, rest - 1, start + 1);
    }
    return cli_format("%.*s", rest, start);
}

static enum cli_dot_result run_output(struct cli_shell *shell, const char *argument)
{
    enum cli_format format = shell->mode;
    enum cli_dot_result result = cli_dot_end_output(shell);
    struct arm_error err = {0};
    char *name = NULL;

    if (result != CLI_DOT_DONE || argument[0] == '\0') {
        return result;
    }
    name = file_name(argument);
    format = shell->mode;
    (void)cli_format_of_file(name, &format);
    if (!cli_format_is_text(format)) {
        result = fail(shell, "COPY (SELECT ...) TO 'x.parquet' writes such a file, as does sql -o",
                      "%s: .output writes text", name);
    } else if (cli_target_open(name, false, &shell->output, &err) != ARM_OK) {
        (void)cli_report(shell->run->cli, &err, NULL);
        result = CLI_DOT_FAILED;
    } else {
        shell->output_name = name;
        shell->run->sink.out = shell->output.out;
        shell->run->sink.name = name;
        shell->run->sink.is_terminal = false;
        shell->run->sink.color = false;
        shell->run->format = format;
        name = NULL;
    }
    free(name);
    return result;
}

static enum cli_dot_result run_maxrows(struct cli_shell *shell, const char *argument)
{
    uint64_t rows = 0;

    if (argument[0] == '\0') {
        if (shell->rows_max == SIZE_MAX) {
            (void)fputs("all\n", stdout);
        } else {
            (void)printf("%zu\n", shell->rows_max);
        }
        return CLI_DOT_DONE;
    }
    if (strcmp(argument, "all") == 0) {
        rows = SIZE_MAX;
    } else if (!cli_parse_count(argument, &rows) || rows == 0 || rows > UINT32_MAX) {
        return fail(shell, ".maxrows all shows all of them", "'%s' is not a number of rows",
                    argument);
    }
    shell->rows_max = rows;
    shell->run->sink.rows_max = rows;
    return CLI_DOT_DONE;
}

static enum cli_dot_result run_timer(struct cli_shell *shell, const char *argument)
{
    if (argument[0] == '\0') {
        (void)printf("%s\n", shell->has_timer ? "on" : "off");
    } else if (strcmp(argument, "on") == 0 || strcmp(argument, "off") == 0) {
        shell->has_timer = strcmp(argument, "on") == 0;
    } else {
        return fail(shell, "", "'%s' is neither on nor off", argument);
    }
    return CLI_DOT_DONE;
}

/* ---- .read ---- */

static enum cli_dot_result read_lines(struct cli_shell *shell, const char *name, char *text)
{
    struct cli_feed feed = {.file = name};
    enum cli_dot_result result = CLI_DOT_DONE;

    for (char *at = text; result == CLI_DOT_DONE && *at != '\0';) {
        size_t size = strcspn(at, "\n");
        char *line = cli_format("%.*s\n", (int)size, at);

        at += size + (at[size] == '\n' ? 1 : 0);
        result = cli_feed_line(shell, &feed, line);
        free(line);
    }
    if (result == CLI_DOT_DONE) {
        result = cli_feed_end(shell, &feed);
    }
    cli_text_release(&feed.typed);
    return result;
}

static enum cli_dot_result run_read(struct cli_shell *shell, const char *argument)
{
    enum cli_dot_result result = CLI_DOT_FAILED;
    struct arm_error err = {0};
    char *name = file_name(argument);
    char *text = NULL;

    if (shell->depth == READ_DEPTH_MAX) {
        result = fail(shell, "a file that reads itself?", "%s: .read goes %d files deep at most",
                      name, READ_DEPTH_MAX);
    } else if (cli_script_read(shell->run->watch, name, &text, &err) != ARM_OK) {
        (void)cli_run_report(shell->run->cli, shell->run->watch, &err, NULL);
        result = cli_shell_after_signal(shell);
    } else {
        shell->depth++;
        result = read_lines(shell, name, text);
        shell->depth--;
    }
    free(name);
    free(text);
    return result;
}

/* ---- The table ---- */

static enum cli_dot_result run_quit(struct cli_shell *shell, const char *argument)
{
    (void)shell;
    (void)argument;
    return CLI_DOT_LEAVE;
}

const struct cli_dot_command cli_dot_commands[] = {
    {".help", "[COMMAND]", "this, or one line of it", CLI_DOT_COMMAND, false, run_help},
    {".tables", "", "the tables of the branch", CLI_DOT_NOTHING, false, run_tables},
    {".schema", "TABLE", "the columns of a table", CLI_DOT_TABLE, true, run_schema},
    {".versions", "TABLE", "the versions of a table, newest first", CLI_DOT_TABLE, true,
     run_versions},
    {".log", "[N]", "the last commits; 10 of them", CLI_DOT_NUMBER, false, run_log},
    {".branch", "", "the branch, and whether a transaction is open", CLI_DOT_NOTHING, false,
     run_branch},
    {".mode", "[MODE]", "print table, csv, json, jsonl or markdown", CLI_DOT_MODE, false, run_mode},
    {".output", "[FILE]", "write answers to a file; alone, to the terminal again", CLI_DOT_FILE,
     false, run_output},
    {".read", "FILE", "run the statements of a file", CLI_DOT_FILE, true, run_read},
    {".maxrows", "[N|all]", "rows shown of a long table; 40", CLI_DOT_NUMBER, false, run_maxrows},
    {".timer", "[on|off]", "tell how long statements take", CLI_DOT_SWITCH, false, run_timer},
    {".quit", "", "leave", CLI_DOT_NOTHING, false, run_quit},
    {".exit", "", "leave", CLI_DOT_NOTHING, false, run_quit},
    {NULL, NULL, NULL, CLI_DOT_NOTHING, false, NULL},
};

/* The argument, without the blanks around it; and without a ';' that habit put there. Owned by the
 * caller. */
static char *take_argument(const char *line, enum cli_dot_takes takes)
{
    size_t size = 0;

    while (isspace((unsigned char)*line)) {
        line++;
    }
    size = strlen(line);
    while (size > 0 && (isspace((unsigned char)line[size - 1]) ||
                        (line[size - 1] == ';' && takes != CLI_DOT_FILE))) {
        size--;
    }
    return cli_format("%.*s", (int)size, line);
}

enum cli_dot_result cli_dot_run(struct cli_shell *shell, const char *line)
{
    const struct cli_dot_command *command = cli_dot_commands;
    size_t size = strcspn(line, " \t\r\n;");
    char *name = cli_format("%.*s", (int)size, line);
    char *argument = NULL;
    enum cli_dot_result result = CLI_DOT_FAILED;

    while (command->name != NULL && strcmp(command->name, name) != 0) {
        command++;
    }
    if (command->name == NULL) {
        result = unknown(shell, name);
        free(name);
        return result;
    }
    argument = take_argument(line + size, command->takes);
    if (command->takes == CLI_DOT_NOTHING && argument[0] != '\0') {
        result = fail(shell, "", "%s takes nothing behind it: '%s'", name, argument);
    } else if (command->is_needed && argument[0] == '\0') {
        result = fail(shell, "", "%s needs a %s: %s %s", name,
                      command->takes == CLI_DOT_TABLE ? "table" : "file", name, command->usage);
    } else {
        result = command->run(shell, argument);
    }
    free(name);
    free(argument);
    return result;
}
