/* SPDX-License-Identifier: Apache-2.0 */
/* Taking the command line apart. */

#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum global {
    GLOBAL_DIRECTORY,
    GLOBAL_BRANCH,
    GLOBAL_JSON,
    GLOBAL_QUIET,
    GLOBAL_NO_COLOR,
    GLOBAL_HELP,
    GLOBAL_VERSION
};

const struct cli_option cli_global_options[] = {
    [GLOBAL_DIRECTORY] = {NULL, 'C', "DIR", "the repository"},
    [GLOBAL_BRANCH] = {"branch", 0, "NAME", "the branch to work on"},
    [GLOBAL_JSON] = {"json", 0, NULL, "print JSON"},
    [GLOBAL_QUIET] = {"quiet", 'q', NULL, "print no progress and no confirmations"},
    [GLOBAL_NO_COLOR] = {"no-color", 0, NULL, "no colour, even on a terminal"},
    [GLOBAL_HELP] = {"help", 'h', NULL, "this help"},
    [GLOBAL_VERSION] = {"version", 0, NULL, "the version"},
    {NULL, 0, NULL, NULL},
};

struct parser {
    struct cli *cli;
    struct cli_args *args;
    int argc;
    char **argv;
    int next;
    bool only_positional; /* behind "--" */
    bool has_json;
};

static bool is_end(const struct cli_option *option)
{
    return option->name == NULL && option->letter == 0;
}

/* ---- What was meant ---- */

/* Damerau-Levenshtein distance of two short words: insertions, deletions, changes, swaps. */
static size_t distance(const char *a, const char *b)
{
    enum { WORD_MAX = 32 };
    size_t rows[3][WORD_MAX + 1];
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);

    if (a_size > WORD_MAX || b_size > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);

            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < best) {
                best = two_above[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return rows[a_size % 3][b_size];
}

const char *cli_nearest(const char *typed, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(typed) <= 3 ? 1 : strlen(typed) / 3 + 1;

    for (size_t i = 0; i < count; i++) {
        size_t far = distance(typed, names[i]);
        bool begins = strlen(typed) >= 2 && strncmp(names[i], typed, strlen(typed)) == 0;

        far = begins && far > 1 ? 1 : far;
        if (far < best || (far == best && nearest == NULL)) {
            best = far;
            nearest = names[i];
        }
    }
    return nearest;
}

bool cli_parse_count(const char *text, uint64_t *out)
{
    char *end = NULL;
    unsigned long long value = 0;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

/* ---- Wrong use ---- */

int cli_usage_error(const struct cli *cli, const struct cli_verb *verb, const char *format, ...)
{
    struct arm_error err = {.code = ARM_INVALID};
    struct cli_told told = {.status = CLI_USAGE};
    char *usage = NULL;
    char *hint = NULL;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err.message, sizeof err.message, format, args);
    va_end(args);
    if (verb != NULL) {
        usage = cli_format("armillaria %s%s%s", verb->name, verb->usage[0] == '\0' ? "" : " ",
                           verb->usage);
        hint = cli_format("`armillaria %s --help` tells more", verb->name);
    } else {
        usage = cli_strdup("armillaria [-C DIR] [--branch NAME] [--json] [-q] VERB ...");
        hint = cli_strdup("`armillaria --help` tells more");
    }
    told.usage = usage;
    told.hint = hint;
    (void)cli_tell(cli, &err, &told);
    free(usage);
    free(hint);
    return CLI_USAGE;
}

static int unknown_verb(const struct parser *parser, const char *typed)
{
    const char *names[64];
    const char *nearest = NULL;
    size_t count = 0;

    while (cli_verbs[count] != NULL) {
        names[count] = cli_verbs[count]->name;
        count++;
    }
    nearest = cli_nearest(typed, names, count);
    if (nearest == NULL) {
        return cli_usage_error(parser->cli, NULL, "'%s' is not a verb of armillaria", typed);
    }
    return cli_usage_error(parser->cli, NULL,
                           "'%s' is not a verb of armillaria; did you mean '%s'?", typed, nearest);
}

static size_t collect_names(const struct cli_option *options, const char **names, size_t count)
{
    for (; !is_end(options); options++) {
        if (options->name != NULL) {
            names[count++] = options->name;
        }
    }
    return count;
}

static int unknown_option(const struct parser *parser, const char *typed)
{
    const struct cli_verb *verb = parser->args->verb;
    const char *names[32];
    const char *nearest = NULL;
    size_t count = collect_names(cli_global_options, names, 0);
    char word[64];

    if (verb != NULL) {
        count = collect_names(verb->options, names, count);
    }
    if (strncmp(typed, "--", 2) == 0) {
        (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(typed + 2, "="), typed + 2);
        nearest = cli_nearest(word, names, count);
    }
    if (nearest == NULL) {
        return cli_usage_error(parser->cli, verb, "unknown option '%s'", typed);
    }
    return cli_usage_error(parser->cli, verb, "unknown option '%s'; did you mean '--%s'?", typed,
                           nearest);
}

/* ---- Options ---- */

/* An option as found: in which table, and its value where it came with it. */
struct found {
    const struct cli_option *option; /* NULL: unknown */
    bool is_global;
    size_t index;
    const char *value; /* behind "=" or the letter; NULL: none */
};

static bool matches(const struct cli_option *option, const char *word, struct found *found)
{
    size_t size = 0;

    if (word[1] == '-') {
        size = option->name == NULL ? 0 : strlen(option->name);
        if (size == 0 || strncmp(word + 2, option->name, size) != 0 ||
            (word[2 + size] != '\0' && word[2 + size] != '=')) {
            return false;
        }
        found->value = word[2 + size] == '=' ? word + 3 + size : NULL;
    } else {
        if (option->letter == 0 || word[1] != option->letter ||
            (word[2] != '\0' && option->value == NULL)) {
            return false;
        }
        found->value = word[2] == '\0' ? NULL : word + 2;
    }
    found->option = option;
    return true;
}

static struct found find_option(const struct parser *parser, const char *word)
{
    const struct cli_verb *verb = parser->args->verb;
    struct found found = {0};

    for (size_t i = 0; verb != NULL && !is_end(&verb->options[i]); i++) {
        if (matches(&verb->options[i], word, &found)) {
            found.index = i;
            return found;
        }
    }
    for (size_t i = 0; !is_end(&cli_global_options[i]); i++) {
        if (matches(&cli_global_options[i], word, &found)) {
            found.index = i;
            found.is_global = true;
            return found;
        }
    }
    return found;
}

static void set_global(struct parser *parser, enum global which, const char *value)
{
    switch (which) {
    case GLOBAL_DIRECTORY:
        parser->cli->directory = value;
        break;
    case GLOBAL_BRANCH:
        parser->cli->branch = value;
        break;
    case GLOBAL_JSON:
        parser->has_json = true;
        break;
    case GLOBAL_QUIET:
        parser->cli->quiet = true;
        break;
    case GLOBAL_NO_COLOR:
        parser->cli->color_out = false;
        parser->cli->color_err = false;
        break;
    case GLOBAL_HELP:
        parser->args->help = true;
        break;
    case GLOBAL_VERSION:
        parser->args->version = true;
        break;
    }
}

/* "--name" or "-n", for messages. */
static void spell(const struct cli_option *option, char *out, size_t out_size)
{
    if (option->name != NULL) {
        (void)snprintf(out, out_size, "--%s", option->name);
    } else {
        (void)snprintf(out, out_size, "-%c", option->letter);
    }
}

static int take_option(struct parser *parser, const char *word)
{
    struct found found = find_option(parser, word);
    char spelling[64];

    if (found.option == NULL) {
        return unknown_option(parser, word);
    }
    spell(found.option, spelling, sizeof spelling);
    if (found.option->value == NULL && found.value != NULL) {
        return cli_usage_error(parser->cli, parser->args->verb, "%s takes no value", spelling);
    }
    if (found.option->value != NULL && found.value == NULL) {
        if (parser->next == parser->argc) {
            return cli_usage_error(parser->cli, parser->args->verb, "%s needs a value: %s",
                                   spelling, found.option->value);
        }
        found.value = parser->argv[parser->next++];
    }
    if (found.is_global) {
        set_global(parser, (enum global)found.index, found.value);
    } else {
        parser->args->values[found.index] = found.value == NULL ? "" : found.value;
    }
    return CLI_DONE;
}

const char *cli_args_value(const struct cli_args *args, const char *name)
{
    for (size_t i = 0; !is_end(&args->verb->options[i]); i++) {
        const struct cli_option *option = &args->verb->options[i];
        bool by_name = option->name != NULL && strcmp(option->name, name) == 0;

        if (by_name || (name[1] == '\0' && option->letter == name[0])) {
            return args->values[i];
        }
    }
    return NULL;
}

/* ---- The whole ---- */

static int take_word(struct parser *parser, const char *word)
{
    struct cli_args *args = parser->args;

    if (!parser->only_positional && strcmp(word, "--") == 0) {
        parser->only_positional = true;
        return CLI_DONE;
    }
    if (!parser->only_positional && word[0] == '-' && word[1] != '\0') {
        return take_option(parser, word);
    }
    if (args->verb == NULL && strcmp(word, "help") == 0) {
        args->help = true; /* "help VERB", as "VERB --help" */
        return CLI_DONE;
    }
    if (args->verb == NULL) {
        args->verb = cli_find_verb(word);
        return args->verb == NULL ? unknown_verb(parser, word) : CLI_DONE;
    }
    args->positional[args->positional_count++] = word;
    return CLI_DONE;
}

/* The `index`-th argument as the usage names it, which begins with those that are needed. */
static const char *argument_name(const struct cli_verb *verb, size_t index, int *out_size)
{
    const char *at = verb->usage;

    for (size_t i = 0; i < index; i++) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    *out_size = (int)strcspn(at, " ");
    return at;
}

static int check_count(const struct parser *parser)
{
    const struct cli_args *args = parser->args;

    if (args->verb == NULL || args->help) {
        return CLI_DONE;
    }
    if (args->positional_count < args->verb->positional_min) {
        int size = 0;
        const char *missing = argument_name(args->verb, args->positional_count, &size);

        return cli_usage_error(parser->cli, args->verb, "%s needs one more argument: %.*s",
                               args->verb->name, size, missing);
    }
    if (args->positional_count > args->verb->positional_max) {
        return cli_usage_error(parser->cli, args->verb, "'%s' is one argument too many for %s",
                               args->positional[args->verb->positional_max], args->verb->name);
    }
    return CLI_DONE;
}

/* Whether --json stands anywhere: what is wrong before it is told as it asks. It may turn out to be
 * an option's value, when nothing is wrong. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

int cli_args_parse(struct cli *cli, int argc, char **argv, struct cli_args *out)
{
    struct parser parser = {.cli = cli, .args = out, .argc = argc, .argv = argv, .next = 1};
    int status = CLI_DONE;

    cli->json = wants_json(argc, argv);
    out->positional = cli_alloc((size_t)argc + 1, sizeof *out->positional);
    while (status == CLI_DONE && parser.next < argc) {
        status = take_word(&parser, argv[parser.next++]);
    }
    status = status == CLI_DONE ? check_count(&parser) : status;
    cli->json = parser.has_json;
    return status;
}
