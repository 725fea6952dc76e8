/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_EDIT_PRIVATE_H
#define ARM_CLI_EDIT_PRIVATE_H

/* What edit.c, which reads lines, and edit_keys.c, which gives the keys their meaning, share. */

#include <histedit.h>

#include "edit.h"
#include "history.h"

/* A key that no keyboard has: ours push it for the text taken back to be put into the line. */
#define CLI_KEY_FILL "\x1b[9004~"

struct cli_edit {
    struct cli_edit_options options;
    struct cli_history file;
    EditLine *el;     /* NULL: lines are only read */
    History *history; /* of the shells before, and this one */
    FILE *nowhere;
    size_t entries;   /* in the history */
    char *last_entry; /* not kept twice in a row; NULL: none */
    /* Bytes read, and not yet taken. */
    char input[4096];
    size_t input_size;
    size_t input_next;
    /* Of the line being read. */
    struct cli_prompts prompts;
    const char *pending;
    struct cli_text shown_prompt;
    enum cli_got got;
    size_t depth;       /* entries that Up has gone back by */
    char *fill;         /* taken back: text that the next line begins with; NULL: none */
    size_t fill_behind; /* characters of it behind the cursor */
    size_t rows_above;  /* of the terminal, from the first pending line to the cursor's */
    bool was_ahead;     /* some of it was typed before its prompt was there */
    bool is_disturbed;  /* they do not stand right above */
    bool is_whole;      /* the line has taken what was pending into it */
};

struct cli_edit *cli_edit_of(EditLine *el);
/* The prompt of the line being read. */
const char *cli_edit_prompt(const struct cli_edit *edit);
void cli_edit_bind_keys(EditLine *el);

#endif
