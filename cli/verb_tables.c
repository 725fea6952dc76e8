/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria tables, versions, schema. */

#include "list.h"
#include "verbs.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct cli_list_column tables_columns[] = {
    {"table", CLI_LIST_TABLE}, {"version", CLI_LIST_PLAIN}, {"rows", CLI_LIST_COUNT},
    {"bytes", CLI_LIST_BYTES}, {"key", CLI_LIST_PLAIN},
};

static const struct cli_list_column versions_columns[] = {
    {"table", CLI_LIST_PLAIN}, {"version", CLI_LIST_PLAIN}, {"parent", CLI_LIST_PLAIN},
    {"tx", CLI_LIST_PLAIN},    {"branch", CLI_LIST_PLAIN},  {"created_at", CLI_LIST_PLAIN},
    {"rows", CLI_LIST_COUNT},  {"bytes", CLI_LIST_BYTES},   {"message", CLI_LIST_PLAIN},
};

static const struct cli_list_column schema_columns[] = {
    {"column", CLI_LIST_PLAIN}, {"type", CLI_LIST_PLAIN},    {"nullable", CLI_LIST_PLAIN},
    {"key", CLI_LIST_PLAIN},    {"default", CLI_LIST_PLAIN}, {"id", CLI_LIST_PLAIN},
};

static arm_status print_tables(const struct cli *cli, const char *at, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    arm_status st = ARM_OK;

    CLI_TRY(arm_tables(cli->session, at, &stream, err));
    CLI_TRY(cli_list(cli, &stream, tables_columns, COUNT_OF(tables_columns), err));
done:
    return st;
}

static arm_status print_versions(const struct cli *cli, const char *table, bool all,
                                 struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    arm_status st = ARM_OK;

    CLI_TRY(arm_versions(cli->session, table, all, &stream, err));
    CLI_TRY(cli_list(cli, &stream, versions_columns, COUNT_OF(versions_columns), err));
done:
    return st;
}

static arm_status print_schema(const struct cli *cli, const char *table, const char *at,
                               struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    arm_status st = ARM_OK;

    CLI_TRY(arm_schema(cli->session, table, at, &stream, err));
    CLI_TRY(cli_list(cli, &stream, schema_columns, COUNT_OF(schema_columns), err));
done:
    return st;
}

/* ---- In the shell ---- */

int cli_print_tables(struct cli *cli, const char *at)
{
    struct arm_error err = {0};

    return print_tables(cli, at, &err) == ARM_OK ? CLI_DONE : cli_report(cli, &err, NULL);
}

static int told(const struct cli *cli, arm_status st, const struct arm_error *err)
{
    return st == ARM_OK ? CLI_DONE
                        : cli_report(cli, err, st == ARM_NOT_FOUND ? ".tables lists them" : NULL);
}

int cli_print_versions(struct cli *cli, const char *table)
{
    struct arm_error err = {0};
    arm_status st = print_versions(cli, table, false, &err);

    return told(cli, st, &err);
}

int cli_print_schema(struct cli *cli, const char *table, const char *at)
{
    struct arm_error err = {0};
    arm_status st = print_schema(cli, table, at, &err);

    return told(cli, st, &err);
}

/* ---- The verbs ---- */

static int run_tables(struct cli *cli, const struct cli_args *args)
{
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    CLI_TRY(cli_open(cli, CLI_READ, &err));
    CLI_TRY(print_tables(cli, cli_args_value(args, "at"), &err));
done:
    status = st == ARM_OK ? CLI_DONE : cli_report(cli, &err, cli_ref_hint(cli, st));
    cli_close(cli);
    return status;
}

static int run_versions(struct cli *cli, const struct cli_args *args)
{
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    CLI_TRY(cli_open(cli, CLI_READ, &err));
    CLI_TRY(print_versions(cli, args->positional[0], cli_args_value(args, "all") != NULL, &err));
done:
    status = st == ARM_OK ? CLI_DONE : cli_report(cli, &err, cli_table_hint(cli, st, NULL));
    cli_close(cli);
    return status;
}

static int run_schema(struct cli *cli, const struct cli_args *args)
{
    const char *at = cli_args_value(args, "at");
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    CLI_TRY(cli_open(cli, CLI_READ, &err));
    CLI_TRY(print_schema(cli, args->positional[0], at, &err));
done:
    status = st == ARM_OK ? CLI_DONE : cli_report(cli, &err, cli_table_hint(cli, st, at));
    cli_close(cli);
    return status;
}

const struct cli_verb cli_verb_tables = {
    .name = "tables",
    .usage = "[--at REF]",
    .summary = "the tables of the branch",
    .help = "Lists the tables of the branch with their newest version, rows and bytes.",
    .examples = "armillaria tables\n"
                "armillaria tables --at 2026-11-01 --json",
    .run = run_tables,
    .options = {{"at", 0, "REF", "as of this ref"}},
};

const struct cli_verb cli_verb_versions = {
    .name = "versions",
    .usage = "TABLE [--all]",
    .summary = "the versions of a table, newest first",
    .help = "Lists the versions of a table in the branch's history, newest first.",
    .examples = "armillaria versions flights",
    .positional_min = 1,
    .positional_max = 1,
    .run = run_versions,
    .options = {{"all", 0, NULL, "those of every branch"}},
};

const struct cli_verb cli_verb_schema = {
    .name = "schema",
    .usage = "TABLE [--at REF]",
    .summary = "the columns of a table",
    .help = "Lists the columns of a table: name, SQL type, whether it takes NULL.",
    .examples = "armillaria schema flights\n"
                "armillaria schema flights --at version:1",
    .positional_min = 1,
    .positional_max = 1,
    .run = run_schema,
    .options = {{"at", 0, "REF", "as of this ref; version:N too"}},
};
