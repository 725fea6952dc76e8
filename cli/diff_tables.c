/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that differ. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "args.h"
#include "diff.h"
#include "table_name.h"

enum { VERSION_SIZE = 8 }; /* of "version:" */

static struct cli_cell field(const struct cli_reader *reader, const char *name)
{
    return cli_reader_cell(reader, cli_reader_find(reader, name));
}

static char *copy_cell(struct cli_cell cell)
{
    size_t size = 0;
    const char *text = cli_cell_text(cell, &size);

    return cli_format("%.*s", (int)size, text);
}

static uint64_t number_or_0(struct cli_cell cell)
{
    return cli_cell_is_null(cell) ? 0 : (uint64_t)cli_cell_integer(cell);
}

static void release_difference(struct cli_difference *difference)
{
    free(difference->shown);
    free(difference->schema);
    free(difference->name);
    free(difference->status);
}

void cli_diff_release(struct cli_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        release_difference(&diff->differences[i]);
    }
    free(diff->differences);
    diff->differences = NULL;
    diff->count = 0;
}

/* ---- Which tables there are at a ref ---- */

struct table {
    char *schema;
    char *name;
    uint64_t version;
    bool is_taken; /* by a difference */
};

struct tables {
    size_t count;
    struct table *items;
};

static void tables_release(struct tables *tables)
{
    for (size_t i = 0; i < tables->count; i++) {
        free(tables->items[i].schema);
        free(tables->items[i].name);
    }
    free(tables->items);
}

static arm_status read_tables(const struct cli_diff *diff, const char *ref, struct tables *out,
                              struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(arm_tables(diff->cli->session, ref, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    for (;;) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        out->items = cli_grow(out->items, out->count + 1, sizeof *out->items);
        out->items[out->count++] = (struct table){
            .schema = copy_cell(field(&reader, "schema")),
            .name = copy_cell(field(&reader, "table")),
            .version = (uint64_t)cli_cell_integer(field(&reader, "version")),
        };
    }
done:
    cli_reader_close(&reader);
    return st;
}

static const struct table *find_table(const struct tables *tables, const struct table *wanted)
{
    for (size_t i = 0; i < tables->count; i++) {
        if (strcasecmp(tables->items[i].schema, wanted->schema) == 0 &&
            strcasecmp(tables->items[i].name, wanted->name) == 0) {
            return &tables->items[i];
        }
    }
    return NULL;
}

static bool is_shown_as(const struct table *table, const char *shown)
{
    size_t size = strlen(table->schema);

    return strcmp(table->schema, "main") == 0
               ? strcmp(table->name, shown) == 0
               : strncmp(table->schema, shown, size) == 0 && shown[size] == '.' &&
                     strcmp(table->name, shown + size + 1) == 0;
}

/* What is shown as "a.b" may be that in main, or b in a: the version, and which is left, tell. */
static void name_difference(const struct tables *tables, struct cli_difference *difference)
{
    uint64_t version =
        difference->new_version != 0 ? difference->new_version : difference->old_version;

    for (size_t i = 0; i < tables->count && difference->name == NULL; i++) {
        struct table *table = &tables->items[i];

        if (!table->is_taken && table->version == version &&
            is_shown_as(table, difference->shown)) {
            table->is_taken = true;
            difference->schema = cli_strdup(table->schema);
            difference->name = cli_strdup(table->name);
        }
    }
    if (difference->name == NULL &&
        !cli_table_name_parse(difference->shown, &difference->schema, &difference->name)) {
        difference->schema = cli_strdup("main"); /* it changed since: its name says */
        difference->name = cli_strdup(difference->shown);
    }
}

/* ---- Of all tables ---- */

static struct cli_difference read_difference(const struct cli_reader *reader)
{
    struct cli_difference difference = {
        .shown = copy_cell(field(reader, "table")),
        .status = copy_cell(field(reader, "status")),
        .old_version = number_or_0(field(reader, "old_version")),
        .new_version = number_or_0(field(reader, "new_version")),
        .added = number_or_0(field(reader, "rows_added")),
        .removed = number_or_0(field(reader, "rows_removed")),
        .changed = number_or_0(field(reader, "rows_changed")),
        .bytes_added = number_or_0(field(reader, "bytes_added")),
        .bytes_removed = number_or_0(field(reader, "bytes_removed")),
        .knows_bytes = true,
        .knows_conflict = true,
    };
    size_t conflict = cli_reader_find(reader, "conflict");

    if (conflict != SIZE_MAX) {
        struct cli_cell cell = cli_reader_cell(reader, conflict);

        difference.knows_conflict = !cli_cell_is_null(cell);
        difference.conflict = difference.knows_conflict && cli_cell_integer(cell) != 0;
    }
    return difference;
}

static void add_difference(struct cli_diff *diff, const struct cli_difference *difference)
{
    diff->differences = cli_grow(diff->differences, diff->count + 1, sizeof *diff->differences);
    diff->differences[diff->count++] = *difference;
}

/* By its name at b; at a, if b has it not, or has it under another. */
static bool is_wanted(const struct cli_difference *difference, const struct tables *at_a,
                      const struct table *only)
{
    const struct table *old = only == NULL ? NULL : find_table(at_a, only);

    return only == NULL ||
           (strcasecmp(difference->schema, only->schema) == 0 &&
            strcasecmp(difference->name, only->name) == 0) ||
           (old != NULL && strcmp(difference->status, "renamed") == 0 &&
            difference->old_version == old->version);
}

static arm_status read_differences(struct cli_diff *diff, const struct tables *at_a,
                                   const struct tables *at_b, const struct table *only,
                                   struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(arm_diff(diff->cli->session, diff->a, diff->b, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    for (;;) {
        struct cli_difference difference;

        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        difference = read_difference(&reader);
        name_difference(difference.new_version != 0 ? at_b : at_a, &difference);
        if (is_wanted(&difference, at_a, only)) {
            add_difference(diff, &difference);
        } else {
            release_difference(&difference);
        }
    }
done:
    cli_reader_close(&reader);
    return st;
}

/* ---- Of one table ---- */

static bool is_version(const char *ref)
{
    return strncmp(ref, "version:", VERSION_SIZE) == 0;
}

/* Versions back along parents. */
static arm_status walk_back(const struct cli_diff *diff, uint64_t back, uint64_t *version,
                            struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(arm_versions(diff->cli->session, diff->table, true, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    while (back > 0) { /* a parent is older than its child, and comes after it */
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        if ((uint64_t)cli_cell_integer(field(&reader, "version")) == *version) {
            *version = number_or_0(field(&reader, "parent"));
            back--;
        }
    }
done:
    cli_reader_close(&reader);
    return st;
}

/* Of "version:N" or "version:N~n"; the library has found it. */
static arm_status parse_version(const struct cli_diff *diff, const char *ref, uint64_t *out,
                                struct arm_error *err)
{
    const char *tilde = strchr(ref, '~');
    char *number = cli_format("%.*s", (int)strcspn(ref + VERSION_SIZE, "~"), ref + VERSION_SIZE);
    uint64_t back = 0;
    arm_status st = ARM_OK;

    if (!cli_parse_count(number, out) ||
        (tilde != NULL && tilde[1] != '\0' && !cli_parse_count(tilde + 1, &back))) {
        st = cli_fail(err, ARM_INVALID, "'%s' is not a version", ref);
        goto done;
    }
    back = tilde != NULL && tilde[1] == '\0' ? 1 : back;
    CLI_TRY(back > 0 ? walk_back(diff, back, out, err) : ARM_OK);
done:
    free(number);
    return st;
}

/* The table's version at a ref of one table or of all; 0: it is not there. */
static arm_status find_version(const struct cli_diff *diff, const struct table *wanted,
                               const char *ref, uint64_t *out, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct tables tables = {0};
    const struct table *found = NULL;
    arm_status st = ARM_OK;

    if (is_version(ref)) {
        CLI_TRY(arm_schema(diff->cli->session, diff->table, ref, &stream, err));
        stream.release(&stream);
        CLI_TRY(parse_version(diff, ref, out, err));
    } else {
        CLI_TRY(read_tables(diff, ref, &tables, err));
        found = find_table(&tables, wanted);
        *out = found == NULL ? 0 : found->version;
    }
done:
    tables_release(&tables);
    return st;
}

static arm_status fail_unknown(const struct cli_diff *diff, struct arm_error *err)
{
    return cli_fail(err, ARM_NOT_FOUND, "there is no table \"%s\" at '%s' nor at '%s'", diff->table,
                    diff->a, diff->b);
}

/* How many rows of it differ, where a ref that is its version's keeps arm_diff from telling. */
static arm_status count_rows(const struct cli_diff *diff, struct cli_difference *difference,
                             struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    struct cli_text name = {0};
    struct cli_text sql = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    cli_table_name_add(difference->schema, difference->name, &name);
    cli_text_add(&sql, "SELECT count(*) FILTER (_change = 'insert') AS added, count(*) FILTER "
                       "(_change = 'delete') AS removed, count(*) FILTER (_change = "
                       "'update_after') AS changed FROM arm_row_diff(");
    cli_sql_text(name.data, &sql);
    cli_text_add(&sql, ", ");
    cli_sql_text(diff->a, &sql);
    cli_text_add(&sql, ", ");
    cli_sql_text(diff->b, &sql);
    cli_text_add(&sql, ")");
    CLI_TRY(arm_sql(diff->cli->session, sql.data, NULL, &stream, NULL, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    CLI_TRY(cli_reader_next(&reader, &has_row, err));
    if (has_row) {
        difference->added = number_or_0(field(&reader, "added"));
        difference->removed = number_or_0(field(&reader, "removed"));
        difference->changed = number_or_0(field(&reader, "changed"));
    }
done:
    cli_reader_close(&reader);
    cli_text_release(&name);
    cli_text_release(&sql);
    return st;
}

static arm_status compare_versions(struct cli_diff *diff, const struct table *wanted,
                                   struct arm_error *err)
{
    struct cli_difference difference = {.knows_conflict = true};
    arm_status st = ARM_OK;

    CLI_TRY(find_version(diff, wanted, diff->a, &difference.old_version, err));
    CLI_TRY(find_version(diff, wanted, diff->b, &difference.new_version, err));
    if (difference.old_version == 0 && difference.new_version == 0) {
        st = fail_unknown(diff, err);
        goto done;
    }
    if (difference.old_version == difference.new_version) {
        goto done;
    }
    difference.schema = cli_strdup(wanted->schema);
    difference.name = cli_strdup(wanted->name);
    difference.shown = strcasecmp(wanted->schema, "main") == 0
                           ? cli_strdup(wanted->name)
                           : cli_format("%s.%s", wanted->schema, wanted->name);
    difference.status = cli_strdup(difference.old_version == 0   ? "added"
                                   : difference.new_version == 0 ? "removed"
                                                                 : "modified");
    CLI_TRY(count_rows(diff, &difference, err));
    add_difference(diff, &difference);
    difference = (struct cli_difference){.shown = NULL};
done:
    release_difference(&difference);
    return st;
}

arm_status cli_diff_find(struct cli_diff *diff, struct arm_error *err)
{
    struct table wanted = {.schema = NULL};
    struct tables at_a = {0};
    struct tables at_b = {0};
    arm_status st = ARM_OK;

    if (diff->table != NULL && !cli_table_name_parse(diff->table, &wanted.schema, &wanted.name)) {
        st = cli_fail(err, ARM_INVALID_NAME, "'%s' is not the name of a table", diff->table);
        goto done;
    }
    if (diff->table != NULL && (is_version(diff->a) || is_version(diff->b))) {
        CLI_TRY(compare_versions(diff, &wanted, err));
        goto done;
    }
    CLI_TRY(read_tables(diff, diff->a, &at_a, err));
    CLI_TRY(read_tables(diff, diff->b, &at_b, err));
    if (diff->table != NULL && find_table(&at_a, &wanted) == NULL &&
        find_table(&at_b, &wanted) == NULL) {
        st = fail_unknown(diff, err);
        goto done;
    }
    CLI_TRY(read_differences(diff, &at_a, &at_b, diff->table == NULL ? NULL : &wanted, err));
done:
    tables_release(&at_a);
    tables_release(&at_b);
    free(wanted.schema);
    free(wanted.name);
    return st;
}
