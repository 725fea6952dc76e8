/* SPDX-License-Identifier: Apache-2.0 */
/* The line is walked back from its end: each row of a name says which tx put it, and what was there
 * just before is asked for as of the tx before that. */

#include "feed/table_line.h"

#include <stdio.h>

#include "base/alloc.h"

struct walk {
    struct arm_index_txn *txn;
    uint64_t branch_id;
    uint64_t at_tx; /* what is behind it is told */
    char schema_name[256];
    char name[256];
    struct arm_table_line *line;
    size_t capacity;
};

static arm_status push(struct walk *walk, uint64_t tx, struct arm_line_point from,
                       struct arm_line_point to, struct arm_error *err)
{
    struct arm_table_line *line = walk->line;
    arm_status st = ARM_OK;

    if (line->count == walk->capacity) {
        size_t capacity = walk->capacity == 0 ? 16 : 2 * walk->capacity;

        ARM_TRY(arm__realloc(&line->steps, capacity, sizeof *line->steps, err));
        walk->capacity = capacity;
    }
    line->steps[line->count++] = (struct arm_line_step){tx, from, to};
done:
    return st;
}

static bool is_table(const struct arm_table_row *row)
{
    return row->object == ARMPB__OBJECT_KIND__TABLE;
}

static struct arm_line_point point_of(const struct arm_table_row *row)
{
    return (struct arm_line_point){true, row->table_id, row->version};
}

/* The table that has the name as of a tx. */
static arm_status named_at(struct walk *walk, uint64_t tx, struct arm_table_row *out,
                           bool *out_found, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table(walk->txn, walk->branch_id, tx, walk->schema_name, walk->name, out,
                             out_found, err));
    *out_found = *out_found && is_table(out);
done:
    return st;
}

static arm_status identified_at(struct walk *walk, uint64_t tx, const struct arm_table_id *id,
                                struct arm_table_row *out, bool *out_found, struct arm_error *err)
{
    uint64_t dropped_tx;

    return arm__index_table_by_id(walk->txn, walk->branch_id, tx, id, out, &dropped_tx, out_found,
                                  err);
}

/* At `tx` the name was given to `row`, or it has another version from there on. */
static arm_status step_to(struct walk *walk, uint64_t tx, const struct arm_table_row *row,
                          struct arm_error *err)
{
    static const struct arm_line_point nothing;
    struct arm_table_row before;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(identified_at(walk, tx - 1, &row->table_id, &before, &found, err));
    if (found) { /* the same one, perhaps under another name */
        if (before.version != row->version) {
            ARM_TRY(push(walk, tx, point_of(&before), point_of(row), err));
        }
        (void)snprintf(walk->schema_name, sizeof walk->schema_name, "%s", before.schema_name);
        (void)snprintf(walk->name, sizeof walk->name, "%s", before.name);
        goto done;
    }
    ARM_TRY(push(walk, tx, nothing, point_of(row), err)); /* backwards: the later step first */
    ARM_TRY(named_at(walk, tx - 1, &before, &found, err));
    if (found) {
        ARM_TRY(push(walk, tx, point_of(&before), nothing, err));
    }
done:
    return st;
}

/* At `tx` the name was taken from what had it, be it that it was dropped or is called otherwise. */
static arm_status step_away(struct walk *walk, uint64_t tx, struct arm_error *err)
{
    static const struct arm_line_point nothing;
    struct arm_table_row before;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(named_at(walk, tx - 1, &before, &found, err));
    if (found) {
        ARM_TRY(push(walk, tx, point_of(&before), nothing, err));
    }
done:
    return st;
}

static void note_last(struct walk *walk, struct arm_line_point point)
{
    if (!walk->line->is_known) {
        walk->line->is_known = true;
        walk->line->last = point;
    }
}

/* Nothing has the name since `tx`: who asks for it means what had it last. */
static arm_status note_former(struct walk *walk, uint64_t tx, struct arm_error *err)
{
    struct arm_table_row before;
    bool found = false;
    arm_status st = ARM_OK;

    if (!walk->line->is_known) {
        ARM_TRY(named_at(walk, tx - 1, &before, &found, err));
    }
    if (found) {
        note_last(walk, point_of(&before));
    }
done:
    return st;
}

static arm_status step_back(struct walk *walk, uint64_t since, bool *out_more,
                            struct arm_error *err)
{
    struct arm_table_row row;
    size_t before = walk->line->count;
    bool is_dropped;
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table_last(walk->txn, walk->branch_id, walk->at_tx, walk->schema_name,
                                  walk->name, &row, &tx, &is_dropped, err));
    *out_more = tx > since;
    if (tx != 0 && !is_dropped && is_table(&row)) {
        note_last(walk, point_of(&row));
    }
    if (!*out_more) {
        if (tx != 0) {
            ARM_TRY(note_former(walk, tx, err));
        }
        goto done;
    }
    if (!is_dropped && is_table(&row)) {
        ARM_TRY(step_to(walk, tx, &row, err));
    } else { /* free, or a view's by now */
        ARM_TRY(step_away(walk, tx, err));
        if (walk->line->count > before) {
            note_last(walk, walk->line->steps[before].from);
        }
    }
    walk->at_tx = tx - 1;
done:
    return st;
}

static void reverse(struct arm_table_line *line)
{
    for (size_t i = 0; i < line->count / 2; i++) {
        struct arm_line_step step = line->steps[i];

        line->steps[i] = line->steps[line->count - 1 - i];
        line->steps[line->count - 1 - i] = step;
    }
}

arm_status arm__table_line(struct arm_catalog *catalog, const struct arm_snapshot *at,
                           const char *schema_name, const char *name, uint64_t since,
                           struct arm_table_line *out, struct arm_error *err)
{
    struct arm_table_line line = {.count = 0};
    struct walk walk = {.branch_id = at->branch_id, .at_tx = at->tx, .line = &line};
    bool more = true;
    arm_status st = ARM_OK;

    (void)snprintf(walk.schema_name, sizeof walk.schema_name, "%s", schema_name);
    (void)snprintf(walk.name, sizeof walk.name, "%s", name);
    ARM_TRY(arm__catalog_begin_read(catalog, &walk.txn, err));
    while (more) {
        ARM_TRY(step_back(&walk, since, &more, err));
    }
    reverse(&line);
    *out = line;
    line = (struct arm_table_line){.count = 0};
done:
    arm__index_abort(walk.txn);
    arm__table_line_release(&line);
    return st;
}

void arm__table_line_release(struct arm_table_line *line)
{
    arm__free(line->steps);
    *line = (struct arm_table_line){.count = 0};
}
