/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria stats. */

#include <stdio.h>

#include "list.h"
#include "table.h"
#include "verbs.h"

static const struct cli_list_column stats_columns[] = {
    {"table", CLI_LIST_PLAIN},        {"versions", CLI_LIST_COUNT},
    {"rows", CLI_LIST_COUNT},         {"logical_bytes", CLI_LIST_BYTES},
    {"stored_bytes", CLI_LIST_BYTES}, {"dedup_ratio", CLI_LIST_RATIO},
};

enum { COLUMNS = sizeof stats_columns / sizeof *stats_columns, SIZES_FROM = 3 };

/* The last row is the whole repository. */
static bool is_total(const struct cli_reader *reader)
{
    return cli_cell_is_null(cli_reader_cell(reader, cli_reader_find(reader, "table")));
}

/* An object: the tables, behind them the sizes of the whole, and who reads the changelog. */
static arm_status print_json(const struct cli *cli, struct cli_reader *reader,
                             struct arm_error *err)
{
    struct cli_text text = {0};
    bool has_row = false;
    bool is_first = true;
    arm_status st = ARM_OK;

    cli_text_add(&text, "{\"tables\":[");
    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row || is_total(reader)) {
            break;
        }
        cli_text_add(&text, is_first ? "" : ",\n ");
        cli_list_json_row(reader, stats_columns, COLUMNS, &text);
        is_first = false;
    }
    cli_text_add(&text, "]");
    for (size_t i = SIZES_FROM; has_row && i < COLUMNS; i++) {
        const char *name = stats_columns[i].name;

        cli_text_printf(&text, ",\"%s\":", name);
        cli_cell_json(cli_reader_cell(reader, cli_reader_find(reader, name)), &text);
    }
    cli_text_add(&text, ",\"consumers\":");
    CLI_TRY(cli_json_consumers(cli, &text, err));
    cli_text_add(&text, "}\n");
    (void)fwrite(text.data, 1, text.size, stdout);
done:
    cli_text_release(&text);
    return st;
}

static void print_total(const struct cli_reader *reader)
{
    struct cli_text text = {0};

    cli_text_add(&text, "On disk: ");
    cli_text_bytes(&text, (uint64_t)cli_cell_integer(
                              cli_reader_cell(reader, cli_reader_find(reader, "stored_bytes"))));
    cli_text_add(&text, " for the whole repository (chunks, log and index)\n");
    (void)fwrite(text.data, 1, text.size, stdout);
    cli_text_release(&text);
}

/* Nothing where there is none. */
static arm_status print_consumers(const struct cli *cli, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(arm_consumers(cli->session, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    CLI_TRY(cli_reader_next(&reader, &has_row, err));
    if (has_row) {
        (void)fputs("Consumers of the changelog:\n", stdout);
        CLI_TRY(cli_list_consumers(cli, err));
    }
done:
    cli_reader_close(&reader);
    return st;
}

static arm_status print_table(const struct cli *cli, struct cli_reader *reader,
                              struct arm_error *err)
{
    struct cli_table *table = cli_list_begin(cli, stats_columns, COLUMNS);
    bool has_row = false;
    arm_status st = ARM_OK;

    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row || is_total(reader)) {
            break;
        }
        cli_list_row(table, reader, stats_columns, COLUMNS);
    }
    cli_table_finish(table);
    table = NULL;
    if (has_row) {
        print_total(reader);
    }
    CLI_TRY(print_consumers(cli, err));
done:
    cli_table_free(table);
    return st;
}

static int run_stats(struct cli *cli, const struct cli_args *args)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    struct arm_error err = {0};
    arm_status st = ARM_OK;

    (void)args;
    CLI_TRY(cli_open(cli, CLI_READ, &err));
    CLI_TRY(arm_stats(cli->session, &stream, &err));
    CLI_TRY(cli_reader_open(&stream, &reader, &err));
    CLI_TRY(cli->json ? print_json(cli, &reader, &err) : print_table(cli, &reader, &err));
done:
    cli_reader_close(&reader);
    cli_close(cli);
    return st == ARM_OK ? CLI_DONE : cli_report(cli, &err, NULL);
}

const struct cli_verb cli_verb_stats = {
    .name = "stats",
    .usage = "",
    .summary = "sizes, and what deduplication saves",
    .help =
        "For each table: what all its versions would take one by one (logical bytes), what\n"
        "they take (stored bytes), and how much that saves. Then, where there are consumers of\n"
        "the changelog, how far each has come, and how many commits it is behind.",
    .examples = "armillaria stats",
    .run = run_stats,
    .options = {{NULL, 0, NULL, NULL}},
};
