/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

enum { COLOR_COUNT = 6 };

/* A line: from the commits above it to the one that it waits for. */
struct line {
    char *id; /* owned */
    unsigned color;
    size_t at;     /* its column; but while lines move, its place in the list */
    size_t target; /* where it is going */
};

struct glyph {
    char character;
    unsigned color;
};

struct cli_graph {
    bool color;
    size_t count;
    size_t capacity;
    struct line *lines;
    unsigned next_color;
    struct glyph *row; /* 2 * capacity + 2 of them */
    size_t row_size;
    struct cli_text pending; /* rows between the last commit and the next */
};

struct cli_graph *cli_graph_new(bool color)
{
    struct cli_graph *graph = cli_alloc(1, sizeof *graph);

    graph->color = color;
    return graph;
}

void cli_graph_free(struct cli_graph *graph)
{
    if (graph == NULL) {
        return;
    }
    for (size_t i = 0; i < graph->count; i++) {
        free(graph->lines[i].id);
    }
    free(graph->lines);
    free(graph->row);
    cli_text_release(&graph->pending);
    free(graph);
}

/* ---- Rows ---- */

static void begin_row(struct cli_graph *graph)
{
    for (size_t i = 0; i < 2 * graph->capacity + 2; i++) {
        graph->row[i] = (struct glyph){' ', 0};
    }
    graph->row_size = 0;
}

static void put(struct cli_graph *graph, size_t at, char character, unsigned color)
{
    graph->row[at] = (struct glyph){character, color};
    graph->row_size = at + 1 > graph->row_size ? at + 1 : graph->row_size;
}

static void add_glyph(const struct cli_graph *graph, struct glyph glyph, struct cli_text *out)
{
    if (!graph->color || glyph.character == ' ' || glyph.character == '*') {
        cli_text_append(out, &glyph.character, 1);
    } else {
        cli_text_printf(out, "\x1b[%um%c\x1b[0m", 31 + glyph.color % COLOR_COUNT, glyph.character);
    }
}

/* G3: what is too far to the right is left out, but for the commit. Without the end of its line. */
static void end_row(const struct cli_graph *graph, struct cli_text *out)
{
    size_t limit = 2 * (size_t)GRAPH_COLUMNS_MAX;
    bool is_cut = graph->row_size > limit;
    bool has_commit = false;

    for (size_t i = 0; i < (is_cut ? limit : graph->row_size); i++) {
        add_glyph(graph, graph->row[i], out);
    }
    for (size_t i = limit; is_cut && i < graph->row_size; i++) {
        has_commit = has_commit || graph->row[i].character == '*';
    }
    if (is_cut) {
        cli_text_add(out, has_commit ? "… *" : "…");
    }
}

static void end_pending_row(struct cli_graph *graph)
{
    end_row(graph, &graph->pending);
    cli_text_add(&graph->pending, "\n");
}

/* ---- Lines ---- */

static size_t find_line(const struct cli_graph *graph, const char *id)
{
    size_t i = 0;

    while (i < graph->count && strcmp(graph->lines[i].id, id) != 0) {
        i++;
    }
    return i;
}

static void insert_line(struct cli_graph *graph, size_t place, const char *id)
{
    if (graph->count == graph->capacity) {
        graph->capacity = graph->capacity == 0 ? 8 : 2 * graph->capacity;
        graph->lines = cli_grow(graph->lines, graph->capacity, sizeof *graph->lines);
        graph->row = cli_grow(graph->row, 2 * graph->capacity + 2, sizeof *graph->row);
    }
    memmove(&graph->lines[place + 1], &graph->lines[place],
            (graph->count - place) * sizeof *graph->lines);
    graph->lines[place] = (struct line){.id = cli_strdup(id), .color = graph->next_color++};
    graph->count++;
}

static void remove_line(struct cli_graph *graph, size_t place)
{
    free(graph->lines[place].id);
    memmove(&graph->lines[place], &graph->lines[place + 1],
            (graph->count - place - 1) * sizeof *graph->lines);
    graph->count--;
}

static void wait_for(struct line *line, const char *id)
{
    char *copy = cli_strdup(id);

    free(line->id);
    line->id = copy;
}

/* The line of a parent that is not the first comes out to the right of the commit's. */
static void fork_line(struct cli_graph *graph, size_t place, const char *parent)
{
    insert_line(graph, place + 1, parent);
    begin_row(graph);
    for (size_t i = 0; i < graph->count; i++) {
        if (i <= place) {
            put(graph, 2 * i, '|', graph->lines[i].color);
        } else {
            put(graph, 2 * i - 1, '\\', graph->lines[i].color);
        }
    }
    end_pending_row(graph);
}

/* Where each line goes: to the first one that waits for the same commit, or up to the line before
 * it. Whether any moves. */
static bool set_targets(struct cli_graph *graph)
{
    size_t kept = 0;
    bool moves = false;

    for (size_t i = 0; i < graph->count; i++) {
        size_t first = find_line(graph, graph->lines[i].id);

        graph->lines[i].target = first < i ? graph->lines[first].target : kept++;
        moves = moves || graph->lines[i].target != graph->lines[i].at;
    }
    return moves;
}

/* Whether the line can go to beside its target at once, and nothing else goes where it is drawn. */
static bool is_clear(const struct cli_graph *graph, const struct line *line)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct line *other = &graph->lines[i];

        if (other != line && other->at > other->target && other->at > line->target + 1 &&
            other->at <= line->at) {
            return false;
        }
    }
    return line->at > line->target + 2;
}

/* Each row takes every line that moves one column to the left, across those that stay; one that has
 * far to go takes all but the last at once. */
static bool move_lines(struct cli_graph *graph)
{
    bool moves = false;

    begin_row(graph);
    for (size_t i = graph->count; i > 0; i--) { /* those to the left stand yet where they stood */
        struct line *line = &graph->lines[i - 1];

        if (line->at == line->target) {
            put(graph, 2 * line->at, '|', line->color);
        } else if (is_clear(graph, line)) {
            put(graph, 2 * line->at - 1, '/', line->color);
            for (line->at--; line->at > line->target + 1; line->at--) {
                put(graph, 2 * line->at - 1, '_', line->color);
            }
        } else {
            put(graph, 2 * line->at - 1, '/', line->color);
            line->at--;
        }
        moves = moves || line->at > line->target;
    }
    end_pending_row(graph);
    return moves;
}

/* G2 */
static void join_lines(struct cli_graph *graph)
{
    bool moves = set_targets(graph);

    while (moves) {
        moves = move_lines(graph);
    }
    for (size_t i = graph->count; i > 0; i--) {
        if (find_line(graph, graph->lines[i - 1].id) < i - 1) {
            remove_line(graph, i - 1);
        }
    }
}

/* The commit's line goes on to its parents. */
static void go_on(struct cli_graph *graph, size_t place, const struct cli_graph_commit *commit,
                  size_t parent_count)
{
    for (size_t i = parent_count; i > 1; i--) {
        fork_line(graph, place, commit->parents[i - 1]);
    }
    for (size_t i = 0; i < graph->count; i++) {
        graph->lines[i].at = i;
    }
    if (parent_count > 0) {
        wait_for(&graph->lines[place], commit->parents[0]);
    } else {
        remove_line(graph, place);
    }
    join_lines(graph);
}

/* ---- Commits ---- */

size_t cli_graph_width(const struct cli_graph *graph, const struct cli_graph_commit *commit)
{
    bool is_new = find_line(graph, commit->id) == graph->count;
    size_t columns = graph->count + (is_new ? 1 : 0);

    return columns <= GRAPH_COLUMNS_MAX ? 2 * columns : 2 * (size_t)GRAPH_COLUMNS_MAX + 4;
}

void cli_graph_commit(struct cli_graph *graph, const struct cli_graph_commit *commit,
                      const char *text, struct cli_text *out)
{
    size_t place = find_line(graph, commit->id);

    if (place == graph->count) { /* of no commit that was shown */
        insert_line(graph, place, commit->id);
    }
    cli_text_add(out, cli_text_string(&graph->pending));
    cli_text_clear(&graph->pending);
    begin_row(graph);
    for (size_t i = 0; i < graph->count; i++) {
        put(graph, 2 * i, i == place ? '*' : '|', graph->lines[i].color);
    }
    end_row(graph, out);
    cli_text_add(out, " ");
    cli_text_add(out, text);
    cli_text_add(out, "\n");
    go_on(graph, place, commit, commit->parent_count);
}

void cli_graph_skip(struct cli_graph *graph, const struct cli_graph_commit *commit)
{
    size_t place = find_line(graph, commit->id);

    if (place < graph->count) {
        go_on(graph, place, commit, commit->parent_count > 0 ? 1 : 0);
    }
}
