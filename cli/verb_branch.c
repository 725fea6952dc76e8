/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria branch. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"
#include "sub.h"
#include "table.h"
#include "verbs.h"
#include "width.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct cli_list_column json_columns[] = {
    {"name", CLI_LIST_PLAIN},        {"head", CLI_LIST_PLAIN},
    {"created_at", CLI_LIST_PLAIN},  {"parent_branch", CLI_LIST_PLAIN},
    {"description", CLI_LIST_PLAIN},
};

/* ---- What is printed ---- */

static struct cli_cell field(const struct cli_reader *reader, const char *name)
{
    return cli_reader_cell(reader, cli_reader_find(reader, name));
}

static void add_cell(struct cli_table *table, struct cli_cell cell)
{
    struct cli_text text = {0};

    cli_cell_show(cell, &text);
    cli_table_cell(table, text.size == 0 ? "-" : text.data, text.size == 0 ? 1 : text.size);
    cli_text_release(&text);
}

/* "only merges, 2 checks". */
static void add_protection(struct cli_table *table, const struct cli_reader *reader)
{
    bool only_merges = cli_cell_integer(field(reader, "only_merges")) != 0;
    int64_t checks = cli_cell_item_count(field(reader, "checks"));
    struct cli_text text = {0};

    cli_text_add(&text, only_merges ? "only merges" : "");
    if (checks > 0) {
        cli_text_printf(&text, "%s%" PRId64 " check%s", only_merges ? ", " : "", checks,
                        checks == 1 ? "" : "s");
    }
    cli_table_cell(table, text.size == 0 ? "-" : text.data, text.size == 0 ? 1 : text.size);
    cli_text_release(&text);
}

static void add_branch(struct cli_table *table, const struct cli_reader *reader,
                       const char *current)
{
    char tables[32];
    size_t size = 0;
    const char *name = cli_cell_text(field(reader, "name"), &size);
    bool is_current = size == strlen(current) && memcmp(name, current, size) == 0;
    int tables_size =
        snprintf(tables, sizeof tables, "%" PRId64, cli_cell_item_count(field(reader, "head")));

    cli_table_cell(table, is_current ? "*" : " ", 1);
    add_cell(table, field(reader, "name"));
    add_cell(table, field(reader, "tx"));
    cli_table_cell(table, tables, (size_t)tables_size);
    add_cell(table, field(reader, "created_at"));
    add_cell(table, field(reader, "parent_branch"));
    add_cell(table, field(reader, "description"));
    add_protection(table, reader);
}

static arm_status list_rows(const struct cli *cli, struct cli_reader *reader, const char *current,
                            struct arm_error *err)
{
    static const char *const names[] = {"",           "name",          "tx",          "tables",
                                        "created_at", "parent_branch", "description", "protection"};
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    struct cli_table_options options = {.style = is_terminal ? CLI_TABLE_BOX : CLI_TABLE_PLAIN,
                                        .is_terminal = is_terminal,
                                        .all_rows = true,
                                        .color = cli->color_out,
                                        .out = stdout};
    struct cli_table *table = cli_table_new(&options);
    bool has_row = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        cli_table_column(table, names[i], CLI_ALIGN_AUTO);
    }
    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        add_branch(table, reader, current);
    }
    cli_table_finish(table);
    table = NULL;
done:
    cli_table_free(table);
    return st;
}

/* The branch `name`, or all; with --json, or for people. */
static arm_status print_branches(const struct cli *cli, const char *name, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    char *current = NULL;
    arm_status st = ARM_OK;

    CLI_TRY(arm_branches(cli->session, name, &stream, err));
    if (cli->json) {
        CLI_TRY(cli_list(cli, &stream, json_columns, COUNT_OF(json_columns), err));
        goto done;
    }
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    CLI_TRY(cli_current_branch(cli, &current, err));
    CLI_TRY(list_rows(cli, &reader, current, err));
done:
    cli_reader_close(&reader);
    free(current);
    return st;
}

/* What was done to a branch: a line, or with --json the branch. */
static arm_status tell(const struct cli *cli, const char *name, const char *done_text,
                       struct arm_error *err)
{
    struct cli_text text = {0};

    if (cli->json) {
        return print_branches(cli, name, err);
    }
    if (!cli->quiet) {
        (void)cli_text_show(&text, done_text, strlen(done_text));
        (void)printf("%s\n", cli_text_string(&text));
    }
    cli_text_release(&text);
    return ARM_OK;
}

/* ---- What can be done ---- */

static arm_status do_list(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    (void)args;
    return print_branches(cli, NULL, err);
}

static arm_status do_create(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    char *text = cli_format("made branch %s", name);
    arm_status st = ARM_OK;

    CLI_TRY(arm_branch_create(cli->session, name, cli_args_value(args, "from"),
                              cli_args_value(args, "description"), err));
    CLI_TRY(tell(cli, name, text, err));
done:
    free(text);
    return st;
}

/* "deleted branch b (was tx:7)": by which it can be made again. With --json: what it was. */
static arm_status tell_deleted(const struct cli *cli, struct ArrowArrayStream *was,
                               const char *name, struct arm_error *err)
{
    struct cli_reader reader = {0};
    struct cli_text tx = {0};
    char *text = NULL;
    bool has_row = false;
    arm_status st = ARM_OK;

    if (cli->json) {
        return cli_list(cli, was, json_columns, COUNT_OF(json_columns), err);
    }
    CLI_TRY(cli_reader_open(was, &reader, err));
    CLI_TRY(cli_reader_next(&reader, &has_row, err));
    cli_cell_show(field(&reader, "tx"), &tx);
    text = tx.size == 0 ? cli_format("deleted branch %s", name)
                        : cli_format("deleted branch %s (was tx:%s)", name, tx.data);
    CLI_TRY(tell(cli, name, text, err));
done:
    cli_reader_close(&reader);
    cli_text_release(&tx);
    free(text);
    return st;
}

static arm_status do_delete(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    struct ArrowArrayStream was = {0};
    char *current = NULL;
    char *head = NULL;
    arm_status st = ARM_OK;

    CLI_TRY(cli_current_branch(cli, &current, err));
    CLI_TRY(cli_read_head(arm_repo_path(cli->repo), &head, err));
    if (strcmp(name, "main") != 0 && (strcmp(name, current) == 0 || strcmp(name, head) == 0)) {
        st = cli_fail(err, ARM_INVALID, "branch \"%s\" is the current one%s", name,
                      strcmp(name, head) == 0 ? ", which the repository's file HEAD names" : "");
        goto done;
    }
    CLI_TRY(arm_branches(cli->session, name, &was, err));
    CLI_TRY(arm_branch_drop(cli->session, name, err));
    CLI_TRY(tell_deleted(cli, &was, name, err));
done:
    if (was.release != NULL) {
        was.release(&was);
    }
    free(current);
    free(head);
    return st;
}

static arm_status do_rename(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    const char *new_name = args->positional[2];
    char *text = cli_format("renamed branch %s to %s", name, new_name);
    char *head = NULL;
    arm_status st = ARM_OK;

    CLI_TRY(cli_read_head(arm_repo_path(cli->repo), &head, err));
    CLI_TRY(arm_branch_rename(cli->session, name, new_name, err));
    if (strcmp(head, name) == 0) {
        CLI_TRY(cli_write_head(arm_repo_path(cli->repo), new_name, err));
    }
    CLI_TRY(tell(cli, new_name, text, err));
done:
    free(text);
    free(head);
    return st;
}

static arm_status do_describe(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    const char *description = args->positional[2];
    char *text = cli_format("described branch %s", name);
    arm_status st = ARM_OK;

    CLI_TRY(
        arm_branch_describe(cli->session, name, description[0] == '\0' ? NULL : description, err));
    CLI_TRY(tell(cli, name, text, err));
done:
    free(text);
    return st;
}

/* "NAME=QUERY", or a query alone. `*out_name` is owned by the caller. */
static struct arm_branch_check take_check(const char *text, char **out_name)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    if (size > 0 && text[size] == '=') {
        *out_name = cli_format("%.*s", (int)size, text);
        return (struct arm_branch_check){*out_name, text + size + 1};
    }
    return (struct arm_branch_check){NULL, text};
}

static arm_status do_protect(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    size_t count = args->positional_count - 2;
    struct arm_branch_check *checks = cli_alloc(count + 1, sizeof *checks);
    char **names = cli_alloc(count + 1, sizeof *names);
    struct arm_branch_protection protection = {.size = sizeof protection, .checks = checks};
    char *text = cli_format("protected branch %s", name);
    arm_status st = ARM_OK;

    protection.only_merges = cli_args_value(args, "only-merges") != NULL;
    for (size_t i = 0; i < count; i++) {
        checks[i] = take_check(args->positional[i + 2], &names[i]);
        protection.check_count++;
    }
    if (count == 0 && !protection.only_merges) {
        st = cli_fail(err, ARM_INVALID, "nothing is asked of branch \"%s\"", name);
        goto done;
    }
    CLI_TRY(arm_branch_protect(cli->session, name, &protection, err));
    CLI_TRY(tell(cli, name, text, err));
done:
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    free(checks);
    free(text);
    return st;
}

static arm_status do_unprotect(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    char *text = cli_format("branch %s is protected no more", name);
    arm_status st = ARM_OK;

    CLI_TRY(arm_branch_protect(cli->session, name, NULL, err));
    CLI_TRY(tell(cli, name, text, err));
done:
    free(text);
    return st;
}

static const char *hint_of(arm_status st, const struct cli_sub *sub)
{
    if (st == ARM_NOT_FOUND) {
        return "`armillaria branch list` lists the branches";
    }
    if (st == ARM_INVALID && sub->run == do_delete) {
        return "`armillaria checkout` goes to another first";
    }
    if (st == ARM_INVALID && sub->run == do_protect) {
        return "--only-merges, or queries that must give no row";
    }
    return NULL;
}

static const struct cli_sub subs[] = {
    {"list", "", 0, 0, CLI_READ, false, NULL, do_list},
    {"create", "NAME [--from REF] [--description D]", 1, 1, CLI_WRITE, true, "from description",
     do_create},
    {"delete", "NAME", 1, 1, CLI_WRITE, false, NULL, do_delete},
    {"rename", "OLD NEW", 2, 2, CLI_WRITE, false, NULL, do_rename},
    {"describe", "NAME TEXT", 2, 2, CLI_WRITE, false, NULL, do_describe},
    {"protect", "NAME [--only-merges] [CHECK...]", 1, SIZE_MAX, CLI_WRITE, false, "only-merges",
     do_protect},
    {"unprotect", "NAME", 1, 1, CLI_WRITE, false, NULL, do_unprotect},
    {NULL, NULL, 0, 0, CLI_READ, false, NULL, NULL},
};

static int run_branch(struct cli *cli, const struct cli_args *args)
{
    return cli_sub_run(cli, args, subs, hint_of);
}

const struct cli_verb cli_verb_branch = {
    .name = "branch",
    .usage = "[list | create NAME | delete NAME | rename OLD NEW | describe NAME TEXT | protect "
             "NAME [CHECK...] | unprotect NAME]",
    .summary = "list, create, delete and rename branches",
    .help =
        "A branch is a name for a commit, over all tables: making one copies nothing.\n"
        "\n"
        "    list                    the branches; * is the current one. The default\n"
        "    create NAME             a branch of the current one as it is now, or of --from REF\n"
        "    delete NAME             its commits stay in the log, and can be named by tx:N\n"
        "    rename OLD NEW          the current branch stays current under its new name\n"
        "    describe NAME TEXT      say what it is for; an empty TEXT takes it away\n"
        "    protect NAME [CHECK...] ask something of commits onto it: with --only-merges, that\n"
        "                            they are merges; a CHECK is a query, or name=query, that "
        "must\n"
        "                            give no row. In the place of what was asked before\n"
        "    unprotect NAME          ask nothing more\n"
        "\n"
        "Names follow git's rules, and have no ':'. The branch main is always there.",
    .examples = "armillaria branch create feature/x --description 'new prices'\n"
                "armillaria branch create fix --from main~3\n"
                "armillaria checkout feature/x\n"
                "armillaria branch delete fix",
    .exits = "",
    .positional_max = SIZE_MAX,
    .run = run_branch,
    .options =
        {
            {"from", 0, "REF", "create: where it starts; else the current branch"},
            {"description", 0, "D", "create: what it is for"},
            {"only-merges", 0, NULL, "protect: no commit but a merge"},
        },
};
