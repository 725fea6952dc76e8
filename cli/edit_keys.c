/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the line: libedit's, and those that know of statements of several lines (E1). */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edit_private.h"
#include "table.h"
#include "width.h"

enum { LISTED_MAX = 200 }; /* candidates shown */

/* Keys that no keyboard has, pushed for functions of libedit's to be run, or ours to end a line. */
#define KEY_PREVIOUS "\x1b[9001~"
#define KEY_NEXT "\x1b[9002~"
#define KEY_DELETE "\x1b[9003~"
#define KEY_LEAVE "\x1b[9005~"

/* ---- Keys ---- */

struct cli_edit *cli_edit_of(EditLine *el)
{
    struct cli_edit *edit = NULL;

    (void)el_get(el, EL_CLIENTDATA, (void *)&edit);
    return edit;
}

static unsigned char push(EditLine *el, const char *key)
{
    el_push(el, key);
    return CC_NORM;
}

static size_t width_of(const char *text, size_t size)
{
    struct cli_text shown = {0};
    size_t width = cli_text_show(&shown, text, size);

    cli_text_release(&shown);
    return width;
}

/* Rows of the terminal from the first pending line down to the one with the cursor. */
static size_t count_rows(const struct cli_edit *edit)
{
    const LineInfo *info = el_line(edit->el);
    size_t columns = cli_terminal_width(edit->options.talk);
    size_t indent = width_of(edit->prompts.more, strlen(edit->prompts.more));
    const char *text = edit->pending;
    size_t rows = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, "\n");

        rows += (indent + width_of(text, size)) / columns + 1;
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    return rows +
           (indent + width_of(info->buffer, (size_t)(info->cursor - info->buffer))) / columns;
}

/* E1: end this line; the next one begins with what is pending and this line, the cursor at the end
 * of the line above. */
static unsigned char take_back(struct cli_edit *edit)
{
    const LineInfo *info = el_line(edit->el);
    const LineInfoW *wide = NULL;

    edit->rows_above = count_rows(edit);
    edit->fill =
        cli_format("%s%.*s", edit->pending, (int)(info->lastchar - info->buffer), info->buffer);
    wide = el_wline(edit->el);
    edit->fill_behind = (size_t)(wide->lastchar - wide->buffer) + 1;
    edit->is_whole = true;
    return CC_EOF;
}

/* The start of the line of `info` that is above the one `at` stands in; NULL: there is none. */
static const wchar_t *line_above(const LineInfoW *info, const wchar_t *at)
{
    while (at > info->buffer && at[-1] != L'\n') {
        at--;
    }
    if (at == info->buffer) {
        return NULL;
    }
    for (at--; at > info->buffer && at[-1] != L'\n'; at--) {
    }
    return at;
}

static const wchar_t *line_below(const LineInfoW *info, const wchar_t *at)
{
    while (at < info->lastchar && *at != L'\n') {
        at++;
    }
    return at == info->lastchar ? NULL : at + 1;
}

/* Move to the line that begins at `start`, to where the cursor is in its own line. */
static unsigned char move_to(EditLine *el, const wchar_t *start)
{
    const LineInfoW *info = el_wline(el);
    const wchar_t *own = info->cursor;
    const wchar_t *at = start;

    while (own > info->buffer && own[-1] != L'\n') {
        own--;
    }
    for (; own < info->cursor && at < info->lastchar && *at != L'\n'; own++) {
        at++;
    }
    (void)el_cursor(el, (int)(at - info->cursor));
    return CC_CURSOR;
}

static unsigned char key_up(EditLine *el, wint_t key)
{
    struct cli_edit *edit = cli_edit_of(el);
    const LineInfoW *info = el_wline(el);
    const wchar_t *above = line_above(info, info->cursor);

    (void)key;
    if (above != NULL) {
        return move_to(el, above);
    }
    if (edit->pending[0] != '\0') {
        return take_back(edit);
    }
    edit->depth += edit->depth < edit->entries ? 1 : 0;
    return push(el, KEY_PREVIOUS);
}

static unsigned char key_down(EditLine *el, wint_t key)
{
    const LineInfoW *info = el_wline(el);
    const wchar_t *below = line_below(info, info->cursor);
    struct cli_edit *edit = cli_edit_of(el);

    (void)key;
    if (below != NULL) {
        return move_to(el, below);
    }
    if (edit->depth == 0) { /* here libedit would empty the line */
        return CC_ERROR;
    }
    edit->depth--;
    return push(el, KEY_NEXT);
}

/* The start of the line the cursor is in; there already, of the whole text. Below, its end. */
static unsigned char key_begin(EditLine *el, wint_t key)
{
    const LineInfoW *info = el_wline(el);
    const wchar_t *at = info->cursor;

    (void)key;
    while (at > info->buffer && at[-1] != L'\n') {
        at--;
    }
    at = at == info->cursor ? info->buffer : at;
    (void)el_cursor(el, (int)(at - info->cursor));
    return CC_CURSOR;
}

static unsigned char key_finish(EditLine *el, wint_t key)
{
    const LineInfoW *info = el_wline(el);
    const wchar_t *at = info->cursor;

    (void)key;
    while (at < info->lastchar && *at != L'\n') {
        at++;
    }
    at = at == info->cursor ? info->lastchar : at;
    (void)el_cursor(el, (int)(at - info->cursor));
    return CC_CURSOR;
}

static unsigned char key_new_line(EditLine *el, wint_t key)
{
    (void)key;
    return el_insertstr(el, "\n") == 0 ? CC_REFRESH : CC_ERROR;
}

/* Ctrl-D: delete, or leave where there is nothing. */
static unsigned char key_end(EditLine *el, wint_t key)
{
    const LineInfoW *info = el_wline(el);

    (void)key;
    if (info->cursor < info->lastchar) {
        return push(el, KEY_DELETE);
    }
    if (info->lastchar > info->buffer) {
        return CC_ERROR;
    }
    cli_edit_of(el)->got = CLI_GOT_END;
    return CC_EOF;
}

/* Ctrl-C: to the end of what is drawn, then away. */
static unsigned char key_drop(EditLine *el, wint_t key)
{
    const LineInfoW *info = el_wline(el);

    (void)key;
    cli_edit_of(el)->got = CLI_GOT_SIGNAL;
    (void)el_cursor(el, (int)(info->lastchar - info->cursor));
    el_push(el, KEY_LEAVE);
    return CC_CURSOR;
}

static unsigned char key_leave(EditLine *el, wint_t key)
{
    (void)el;
    (void)key;
    return CC_EOF;
}

static unsigned char key_fill(EditLine *el, wint_t key)
{
    struct cli_edit *edit = cli_edit_of(el);

    (void)key;
    (void)el_insertstr(el, edit->fill);
    (void)el_cursor(el, -(int)edit->fill_behind);
    free(edit->fill);
    edit->fill = NULL;
    return CC_REFRESH;
}

/* ---- Completion ---- */

/* Bytes that all candidates begin with, without regard to case. */
static size_t common_size(const struct cli_candidates *candidates)
{
    const char *first = candidates->items[0].text;
    size_t size = strlen(first);

    for (size_t i = 1; i < candidates->count; i++) {
        while (strncasecmp(first, candidates->items[i].text, size) != 0) {
            size--;
        }
    }
    while (size > 0 && ((unsigned char)first[size] & 0xc0) == 0x80) {
        size--; /* not within a character */
    }
    return size;
}

/* In columns, downwards, as `ls` does. */
static void list_candidates(struct cli_edit *edit, const struct cli_candidates *candidates)
{
    FILE *talk = edit->options.talk;
    size_t count = candidates->count < LISTED_MAX ? candidates->count : LISTED_MAX;
    size_t *widths = cli_alloc(count, sizeof *widths);
    size_t widest = 0;
    size_t columns = 0;
    size_t rows = 0;

    for (size_t i = 0; i < count; i++) {
        const char *text = candidates->items[i].text;

        widths[i] = width_of(text, strlen(text));
        widest = widths[i] > widest ? widths[i] : widest;
    }
    columns = cli_terminal_width(talk) / (widest + 2);
    columns = columns == 0 ? 1 : columns;
    rows = (count + columns - 1) / columns;
    (void)fputs("\n", talk);
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < count; i += rows) {
            bool is_last = i + rows >= count;

            (void)fprintf(talk, "%s%*s", candidates->items[i].text,
                          is_last ? 0 : (int)(widest + 2 - widths[i]), "");
        }
        (void)fputs("\n", talk);
    }
    if (count < candidates->count) {
        (void)fprintf(talk, "... and %zu more\n", candidates->count - count);
    }
    (void)fflush(talk);
    edit->is_disturbed = true;
    free(widths);
}

/* Put `size` bytes of `text`, and `suffix`, in place of the `replaced` bytes before the cursor. */
static void replace(EditLine *el, size_t replaced, const char *text, size_t size, char suffix)
{
    const char *cursor = el_line(el)->cursor;
    char *inserted = cli_format("%.*s%.1s", (int)size, text, &suffix);
    int characters = 0;

    for (const char *at = cursor - replaced; at < cursor; at++) {
        characters += ((unsigned char)*at & 0xc0) != 0x80 ? 1 : 0;
    }
    el_deletestr(el, characters);
    (void)el_insertstr(el, inserted);
    free(inserted);
}

static unsigned char complete(EditLine *el, struct cli_edit *edit,
                              const struct cli_candidates *candidates)
{
    const LineInfo *info = el_line(el);
    size_t typed = candidates->replace;
    size_t common = 0;

    /* What they stand for is in this line, not in one that is pending. */
    if (candidates->count == 0 || typed > (size_t)(info->cursor - info->buffer)) {
        return CC_ERROR;
    }
    common = common_size(candidates);
    if (candidates->count == 1) {
        replace(el, typed, candidates->items[0].text, common, candidates->items[0].suffix);
        return CC_REFRESH;
    }
    if (common > typed) {
        replace(el, typed, candidates->items[0].text, common, '\0');
        return CC_REFRESH;
    }
    list_candidates(edit, candidates);
    return CC_REDISPLAY;
}

static unsigned char key_complete(EditLine *el, wint_t key)
{
    struct cli_edit *edit = cli_edit_of(el);
    const LineInfo *info = el_line(el);
    struct cli_candidates candidates = {0};
    char *before =
        cli_format("%s%.*s", edit->pending, (int)(info->cursor - info->buffer), info->buffer);
    char *after = cli_format("%.*s", (int)(info->lastchar - info->cursor), info->cursor);
    unsigned char answer = CC_ERROR;

    (void)key;
    edit->options.complete(edit->options.context, before, after, &candidates);
    answer = complete(el, edit, &candidates);
    cli_candidates_release(&candidates);
    free(before);
    free(after);
    return answer;
}

/* ---- The map ---- */

void cli_edit_bind_keys(EditLine *el)
{
    static const struct {
        const char *name;
        const char *help;
        unsigned char (*run)(EditLine *el, wint_t key);
        const char *keys[6];
    } own[] = {
        {"arm-up", "the line above", key_up, {"\\e[A", "\\eOA", "^P"}},
        {"arm-down", "the line below", key_down, {"\\e[B", "\\eOB", "^N"}},
        {"arm-begin", "start of the line", key_begin, {"\\e[H", "\\eOH", "\\e[1~", "^A"}},
        {"arm-finish", "end of the line", key_finish, {"\\e[F", "\\eOF", "\\e[4~", "^E"}},
        {"arm-new-line", "a new line", key_new_line, {"\\e\r", "\\e\n"}},
        {"arm-end", "delete, or leave", key_end, {"^D"}},
        {"arm-drop", "drop the line", key_drop, {"^C"}},
        {"arm-complete", "complete", key_complete, {"^I"}},
        {"arm-leave", "internal", key_leave, {KEY_LEAVE}},
        {"arm-fill", "internal", key_fill, {CLI_KEY_FILL}},
    };
    static const char *const known[][2] = {
        {KEY_PREVIOUS, "ed-prev-history"},   {KEY_NEXT, "ed-next-history"},
        {KEY_DELETE, "ed-delete-next-char"}, {"\\e[3~", "ed-delete-next-char"},
        {"\\e[1;5C", "em-next-word"},        {"\\e[1;5D", "ed-prev-word"},
        {"^R", "em-inc-search-prev"},        {"^W", "ed-delete-prev-word"},
    };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        (void)el_set(el, EL_ADDFN, own[i].name, own[i].help, own[i].run);
        for (size_t j = 0; j < 6 && own[i].keys[j] != NULL; j++) {
            (void)el_set(el, EL_BIND, own[i].keys[j], own[i].name, NULL);
        }
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        (void)el_set(el, EL_BIND, known[i][0], known[i][1], NULL);
    }
}
