/* SPDX-License-Identifier: Apache-2.0 */
/* Listing what the catalog answers. */

#include "list.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "width.h"

static struct cli_cell named_cell(const struct cli_reader *reader, const char *name)
{
    return cli_reader_cell(reader, cli_reader_find(reader, name));
}

/* "name", or "schema.name" outside of main. */
static void table_name(const struct cli_reader *reader, struct cli_cell table, struct cli_text *out)
{
    size_t size = 0;
    const char *schema = cli_cell_text(named_cell(reader, "schema"), &size);

    if (size != 4 || memcmp(schema, "main", 4) != 0) {
        cli_text_append(out, schema, size);
        cli_text_add(out, ".");
    }
    cli_cell_show(table, out);
}

static void show_cell(const struct cli_reader *reader, const struct cli_list_column *column,
                      struct cli_text *out)
{
    struct cli_cell cell = named_cell(reader, column->name);

    if (cli_cell_is_null(cell)) {
        return;
    }
    switch (column->kind) {
    case CLI_LIST_COUNT:
        cli_text_count(out, (uint64_t)cli_cell_integer(cell));
        break;
    case CLI_LIST_BYTES:
        cli_text_bytes(out, (uint64_t)cli_cell_integer(cell));
        break;
    case CLI_LIST_RATIO:
        cli_text_printf(out, "%.2f x", cli_cell_real(cell));
        break;
    case CLI_LIST_TABLE:
        table_name(reader, cell, out);
        break;
    case CLI_LIST_PLAIN:
        cli_cell_show(cell, out);
        break;
    }
}

void cli_list_json_row(const struct cli_reader *reader, const struct cli_list_column *columns,
                       size_t count, struct cli_text *out)
{
    cli_text_add(out, "{");
    for (size_t i = 0; i < count; i++) {
        struct cli_cell cell = named_cell(reader, columns[i].name);

        cli_text_add(out, i == 0 ? "" : ",");
        cli_json_string(columns[i].name, strlen(columns[i].name), out);
        cli_text_add(out, ":");
        if (columns[i].kind == CLI_LIST_TABLE) {
            struct cli_text name = {0};

            table_name(reader, cell, &name);
            cli_json_string(name.data, name.size, out);
            cli_text_release(&name);
        } else {
            cli_cell_json(cell, out);
        }
    }
    cli_text_add(out, "}");
}

static bool is_right(enum cli_list_kind kind)
{
    return kind == CLI_LIST_COUNT || kind == CLI_LIST_BYTES || kind == CLI_LIST_RATIO;
}

struct cli_table *cli_list_begin(const struct cli *cli, const struct cli_list_column *columns,
                                 size_t count)
{
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    struct cli_table_options options = {
        .style = is_terminal ? CLI_TABLE_BOX : CLI_TABLE_PLAIN,
        .is_terminal = is_terminal,
        .all_rows = true,
        .color = cli->color_out,
        .out = stdout,
    };
    struct cli_table *table = cli_table_new(&options);

    for (size_t i = 0; i < count; i++) {
        cli_table_column(table, columns[i].name,
                         is_right(columns[i].kind) ? CLI_ALIGN_RIGHT : CLI_ALIGN_AUTO);
    }
    return table;
}

void cli_list_row(struct cli_table *table, const struct cli_reader *reader,
                  const struct cli_list_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct cli_text text = {0};

        show_cell(reader, &columns[i], &text);
        if (text.size == 0) {
            cli_text_add(&text, "-");
        }
        cli_table_cell(table, cli_text_string(&text), text.size);
        cli_text_release(&text);
    }
}

static arm_status list_json(struct cli_reader *reader, const struct cli_list_column *columns,
                            size_t count, struct arm_error *err)
{
    bool has_row = false;
    bool is_first = true;
    arm_status st = ARM_OK;

    for (;;) {
        struct cli_text text = {0};

        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        cli_text_add(&text, is_first ? "[" : ",\n ");
        cli_list_json_row(reader, columns, count, &text);
        (void)fwrite(text.data, 1, text.size, stdout);
        cli_text_release(&text);
        is_first = false;
    }
    (void)fputs(is_first ? "[]\n" : "]\n", stdout);
done:
    return st;
}

static arm_status list_rows(const struct cli *cli, struct cli_reader *reader,
                            const struct cli_list_column *columns, size_t count,
                            struct arm_error *err)
{
    struct cli_table *table = cli_list_begin(cli, columns, count);
    bool has_row = false;
    arm_status st = ARM_OK;

    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        cli_list_row(table, reader, columns, count);
    }
    cli_table_finish(table);
    table = NULL;
done:
    cli_table_free(table);
    return st;
}

arm_status cli_list(const struct cli *cli, struct ArrowArrayStream *stream,
                    const struct cli_list_column *columns, size_t count, struct arm_error *err)
{
    struct cli_reader reader = {0};
    arm_status st = ARM_OK;

    CLI_TRY(cli_reader_open(stream, &reader, err));
    CLI_TRY(cli->json ? list_json(&reader, columns, count, err)
                      : list_rows(cli, &reader, columns, count, err));
done:
    cli_reader_close(&reader);
    return st;
}

void cli_tell_name(const struct cli *cli, const char *done_text, const char *name)
{
    struct cli_text text = {0};

    if (cli->json) {
        cli_json_string(name, strlen(name), &text);
        (void)printf("[{\"name\":%s}]\n", text.data);
    } else if (!cli->quiet) {
        (void)cli_text_show(&text, name, strlen(name));
        (void)printf("%s %s\n", done_text, cli_text_string(&text));
    }
    cli_text_release(&text);
}
