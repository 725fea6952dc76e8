/* SPDX-License-Identifier: Apache-2.0 */
/* The command line (cli/args.c), with the verbs that there are: taken apart, or told on stderr what
 * is wrong with it, in a form that a terminal only shows (C2, C3). The input is a word a line. */

#include <stdio.h>
#include <stdlib.h>

#include "cli/args.h"
#include "model/utf8.h"
#include "support/fuzz.h"

enum { WORDS_MAX = 64 };

/* What was given lies in the words, and the counts are those of the verb. */
static void check_args(const struct cli_args *args, int argc)
{
    assert(args->positional_count < (size_t)argc);
    if (args->verb == NULL || args->help || args->verb->run == NULL) {
        return;
    }
    assert(cli_find_verb(args->verb->name) == args->verb);
    assert(args->positional_count >= args->verb->positional_min);
    assert(args->positional_count <= args->verb->positional_max);
    for (size_t i = 0; i < CLI_OPTIONS_MAX; i++) {
        const struct cli_option *option = &args->verb->options[i];

        if (option->name != NULL) {
            assert(cli_args_value(args, option->name) == args->values[i]);
        } else if (option->letter == 0) {
            assert(args->values[i] == NULL);
            break;
        }
    }
}

static void check_told(const char *told, size_t size)
{
    assert(size > 0);
    assert(arm__utf8_valid(arm__bytes(told, size)));
    for (size_t i = 0; i < size; i++) {
        assert((unsigned char)told[i] >= ' ' || told[i] == '\n');
        assert(told[i] != 0x7F);
    }
}

static void check_count(const char *word)
{
    uint64_t count = 0;
    char again[32];

    if (cli_parse_count(word, &count)) {
        (void)snprintf(again, sizeof again, "%llu", (unsigned long long)count);
        word += strspn(word, "0");
        assert(strcmp(*word == '\0' ? "0" : word, again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *argv[WORDS_MAX + 1] = {(char *)(uintptr_t)"armillaria"};
    struct cli cli = {0};
    struct cli_args args = {0};
    FILE *terminal = stderr;
    char *told = NULL;
    size_t told_size = 0;
    int argc = 1;
    int status;

    while (in.size > 0 && argc < WORDS_MAX) {
        argv[argc++] = fuzz_take_line(&in);
    }
    stderr = open_memstream(&told, &told_size);
    assert(stderr != NULL);
    status = cli_args_parse(&cli, argc, argv, &args);
    (void)fclose(stderr);
    stderr = terminal;
    if (status == CLI_DONE) {
        assert(told_size == 0);
        check_args(&args, argc);
    } else {
        assert(status == CLI_USAGE || status == CLI_ERROR);
        check_told(told, told_size);
    }
    free(told);
    free((void *)args.positional);
    for (int i = 1; i < argc; i++) {
        check_count(argv[i]);
        free(argv[i]);
    }
    return 0;
}
