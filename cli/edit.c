/* SPDX-License-Identifier: Apache-2.0 */
/* Editing lines: libedit. */

#include "edit.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "edit_private.h"
#include "width.h"

enum { HISTORY_ENTRIES_MAX = 10000 };

/* ---- Bytes in ---- */

/* False: nothing more is to be had, and edit->got says why. */
static bool fill_input(struct cli_edit *edit)
{
    size_t kept = edit->input_size - edit->input_next;
    size_t got = 0;
    arm_status st = ARM_OK;

    memmove(edit->input, edit->input + edit->input_next, kept);
    edit->input_next = 0;
    edit->input_size = kept;
    st = cli_watch_read(edit->options.watch, STDIN_FILENO, "standard input", edit->input + kept,
                        sizeof edit->input - kept, &got, NULL);
    if (st == ARM_INTERRUPTED) {
        edit->got = CLI_GOT_SIGNAL;
        edit->input_size = 0;
    } else if (st != ARM_OK || got == 0) {
        edit->got = CLI_GOT_END;
    }
    edit->input_size += st == ARM_OK ? got : 0;
    return st == ARM_OK && got > 0;
}

/* Bytes that the character at `data` says it has. */
static size_t size_of_character(unsigned char first)
{
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/* One character for libedit: 1, 0 at the end. Ill-formed bytes are passed over. */
static int get_character(EditLine *el, wchar_t *out)
{
    struct cli_edit *edit = cli_edit_of(el);

    for (;;) {
        size_t waiting = edit->input_size - edit->input_next;
        const char *at = edit->input + edit->input_next;

        if (waiting > 0 && waiting >= size_of_character((unsigned char)*at)) {
            size_t step = 0;
            uint32_t code_point = cli_utf8_next(at, waiting, &step);

            edit->input_next += step;
            if (code_point != UINT32_MAX) {
                /* The terminal, told to end the input while nobody read it, says so by a NUL. */
                *out = code_point == 0 && edit->was_ahead ? 4 : (wchar_t)code_point;
                return 1;
            }
        } else if (!fill_input(edit)) {
            /* A signal comes as the key that drops the line, so that libedit leaves it in order. */
            *out = 3;
            return edit->got == CLI_GOT_SIGNAL ? 1 : 0;
        }
    }
}

const char *cli_edit_prompt(const struct cli_edit *edit)
{
    return edit->pending[0] == '\0' ? edit->prompts.first : edit->prompts.more;
}

/* A line as it comes. */
static enum cli_got read_plain(struct cli_edit *edit, struct cli_text *line)
{
    FILE *talk = edit->options.talk;

    if (talk != NULL) {
        (void)fputs(cli_edit_prompt(edit), talk);
        (void)fflush(talk);
    }
    edit->got = CLI_GOT_LINE;
    for (;;) {
        const char *start = edit->input + edit->input_next;
        size_t waiting = edit->input_size - edit->input_next;
        const char *end = memchr(start, '\n', waiting);
        size_t taken = end == NULL ? waiting : (size_t)(end + 1 - start);

        cli_text_append(line, start, taken);
        edit->input_next += taken;
        if (end != NULL) {
            return CLI_GOT_LINE;
        }
        if (!fill_input(edit)) {
            if (talk != NULL) {
                (void)fputs("\n", talk);
            }
            return edit->got;
        }
    }
}

/* ---- Life ---- */

static char *give_prompt(EditLine *el)
{
    return cli_edit_of(el)->shown_prompt.data;
}

static void add_entry(void *context, const char *entry)
{
    struct cli_edit *edit = context;
    HistEvent event;

    if (edit->history != NULL) {
        (void)history(edit->history, &event, H_ENTER, entry);
        edit->entries++;
        free(edit->last_entry);
        edit->last_entry = cli_strdup(entry);
    }
}

/* libedit thinks in the characters of the locale: one of UTF-8 is needed, whatever its language. */
static bool has_utf8(void)
{
    (void)setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ||
           (setlocale(LC_CTYPE, "C.UTF-8") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
}

/* Whether the terminal can do what drawing a line anew takes. */
static bool can_draw(EditLine *el)
{
    char *up = NULL;
    char *clear = NULL;

    return el_get(el, EL_GETTC, "up", (void *)&up, NULL) == 0 && up != NULL && up[0] != '\0' &&
           el_get(el, EL_GETTC, "ce", (void *)&clear, NULL) == 0 && clear != NULL &&
           clear[0] != '\0';
}

static void start_editing(struct cli_edit *edit)
{
    const char *term = getenv("TERM");
    FILE *talk = edit->options.talk;
    HistEvent event;

    if (talk == NULL || term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0 ||
        !has_utf8()) {
        return;
    }
    edit->nowhere = fopen("/dev/null", "we"); /* for complaints about unknown terminals */
    if (edit->nowhere == NULL) {
        return;
    }
    edit->el = el_init_fd("armillaria", stdin, talk, edit->nowhere, STDIN_FILENO, fileno(talk),
                          fileno(edit->nowhere));
    if (edit->el == NULL || !can_draw(edit->el)) {
        if (edit->el != NULL) {
            el_end(edit->el);
        }
        edit->el = NULL;
        return;
    }
    edit->history = history_init();
    (void)history(edit->history, &event, H_SETSIZE, HISTORY_ENTRIES_MAX);
    (void)history(edit->history, &event, H_SETUNIQUE, 1);
    (void)el_set(edit->el, EL_CLIENTDATA, edit);
    (void)el_set(edit->el, EL_EDITOR, "emacs");
    (void)el_set(edit->el, EL_HIST, history, edit->history);
    (void)el_set(edit->el, EL_PROMPT_ESC, give_prompt, '\1');
    (void)el_set(edit->el, EL_GETCFN, get_character);
    (void)el_source(edit->el, NULL);
    cli_edit_bind_keys(edit->el);
}

struct cli_edit *cli_edit_open(const struct cli_edit_options *options)
{
    struct cli_edit *edit = cli_alloc(1, sizeof *edit);

    edit->options = *options;
    start_editing(edit);
    if (edit->el != NULL) {
        cli_history_open(&edit->file, add_entry, edit);
    }
    return edit;
}

void cli_edit_close(struct cli_edit *edit)
{
    if (edit == NULL) {
        return;
    }
    if (edit->el != NULL) {
        el_end(edit->el);
        history_end(edit->history);
    }
    if (edit->nowhere != NULL) {
        (void)fclose(edit->nowhere);
    }
    cli_history_release(&edit->file);
    cli_text_release(&edit->shown_prompt);
    free(edit->last_entry);
    free(edit->fill);
    free(edit);
}

bool cli_edit_can_edit(const struct cli_edit *edit)
{
    return edit->el != NULL;
}

void cli_edit_disturb(struct cli_edit *edit)
{
    edit->is_disturbed = true;
}

void cli_edit_remember(struct cli_edit *edit, const char *entry)
{
    char *trimmed = cli_strdup(entry);
    size_t size = strlen(trimmed);

    while (size > 0 && strchr(" \t\r\n", trimmed[size - 1]) != NULL) {
        trimmed[--size] = '\0';
    }
    if (size > 0 && (edit->last_entry == NULL || strcmp(trimmed, edit->last_entry) != 0)) {
        add_entry(edit, trimmed);
        cli_history_add(&edit->file, trimmed);
    }
    free(trimmed);
}

/* ---- Reading ---- */

/* The prompt, bold but for its last blank; the colours between marks that tell libedit that they
 * take no room. It draws them with the character behind them, so that there has to be one. */
static void show_prompt(struct cli_edit *edit)
{
    const char *prompt = cli_edit_prompt(edit);

    cli_text_clear(&edit->shown_prompt);
    cli_text_printf(&edit->shown_prompt,
                    edit->options.cli->color_out ? "\1\x1b[1m\1%.*s\1\x1b[0m\1 " : "%.*s ",
                    (int)strlen(prompt) - 1, prompt);
}

/* Wipe the lines that come back as one text. */
static void wipe_pending(struct cli_edit *edit)
{
    if (edit->is_disturbed) {
        (void)fputs("\n", edit->options.talk);
    } else {
        (void)fprintf(edit->options.talk, "\r\x1b[%zuA\x1b[J", edit->rows_above);
    }
    (void)fflush(edit->options.talk);
}

/* Whether the user has typed on while a statement ran. */
static bool is_ahead(const struct cli_edit *edit)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

    return edit->input_next < edit->input_size || poll(&fd, 1, 0) > 0;
}

static enum cli_got read_edited(struct cli_edit *edit, struct cli_text *line)
{
    const char *typed = NULL;
    int count = 0;

    edit->got = CLI_GOT_LINE;
    edit->is_whole = false;
    edit->was_ahead = is_ahead(edit);
    do {
        if (edit->fill != NULL) {
            wipe_pending(edit);
            edit->pending = "";
            el_push(edit->el, CLI_KEY_FILL);
        }
        show_prompt(edit);
        edit->depth = 0;
        (void)el_set(edit->el, EL_PREP_TERM, 1); /* before the prompt invites to type */
        typed = el_gets(edit->el, &count);
    } while (edit->fill != NULL && edit->got == CLI_GOT_LINE);
    if (typed == NULL || count <= 0 || edit->got != CLI_GOT_LINE) {
        (void)fputs(edit->got == CLI_GOT_SIGNAL ? "^C\n" : "\n", edit->options.talk);
        return edit->got == CLI_GOT_LINE ? CLI_GOT_END : edit->got;
    }
    cli_text_append(line, typed, (size_t)count);
    return edit->is_whole ? CLI_GOT_WHOLE : CLI_GOT_LINE;
}

enum cli_got cli_edit_read(struct cli_edit *edit, const struct cli_prompts *prompts,
                           const char *pending, struct cli_text *line)
{
    enum cli_got got = CLI_GOT_LINE;

    edit->prompts = *prompts;
    edit->pending = pending;
    if (pending[0] == '\0') {
        edit->is_disturbed = false;
    }
    cli_text_clear(line);
    got = edit->el == NULL ? read_plain(edit, line) : read_edited(edit, line);
    free(edit->fill);
    edit->fill = NULL;
    edit->pending = NULL;
    if (got == CLI_GOT_SIGNAL) {
        edit->input_size = 0;
        edit->input_next = 0;
    }
    if (got == CLI_GOT_WHOLE) {
        edit->is_disturbed = true; /* its lines are not drawn one by one */
    }
    return got;
}
