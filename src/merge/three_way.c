/* SPDX-License-Identifier: Apache-2.0 */
/* The statement, from the inside out:
 *
 *   b     rows of the base that theirs changed; with a place (e, n) where ours has them unchanged
 *   j     each with its fellow of theirs, where the two differ
 *   m     ... and with that of ours, where ours has another: br, tr, cr (c: current)
 *   d     ... and what is to be done: take theirs, nothing, mix the cells, or a conflict
 *
 * A row that comes keeps the id that its side gave it; where ours had deleted the row and it comes
 * back, matched by key, it gets a new one, for ours may have the old one under another key. */

#include "merge/three_way.h"

#include <stdio.h>
#include <string.h>

#include "model/type.h"

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

/* `format` with the number in the place of each #. */
static arm_status add_cell(struct arm_buf *out, const char *format, size_t i, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (const char *at = format; *at != '\0';) {
        const char *mark = strchr(at, '#');
        char digits[24];

        if (mark == NULL) {
            return add(out, at, err);
        }
        (void)snprintf(digits, sizeof digits, "%zu", i);
        ARM_TRY(arm__buf_append(out, at, (size_t)(mark - at), err));
        ARM_TRY(add(out, digits, err));
        at = mark + 1;
    }
done:
    return st;
}

static arm_status add_sides(const struct arm_three_way *merge, struct arm_buf *out,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "WITH x AS (", err));
    ARM_TRY(arm__side_sql(&merge->here, merge->match, out, err));
    ARM_TRY(add(out, "), y AS (", err));
    ARM_TRY(arm__side_sql(&merge->gone, merge->match, out, err));
    ARM_TRY(add(out, "), t AS (", err));
    ARM_TRY(arm__side_sql(&merge->there, merge->match, out, err));
    ARM_TRY(add(out, "), o AS (", err));
    ARM_TRY(arm__side_sql(&merge->ours, merge->match, out, err));
    ARM_TRY(add(out,
                "), b AS (SELECT e, n, i, r, k FROM x UNION ALL SELECT NULL, NULL, i, r, k FROM y)"
                ", j AS (SELECT b.e AS be, b.n AS bn, b.r AS br, t.i AS ti, t.r AS tr, "
                "coalesce(b.k, t.k) AS k FROM b FULL JOIN t ON b.k = t.k "
                "WHERE b.r IS DISTINCT FROM t.r)"
                ", m AS (SELECT j.*, o.e AS ce, o.n AS cn, o.i AS ci, o.r AS cr "
                "FROM j LEFT JOIN o ON o.k = j.k)",
                err));
done:
    return st;
}

/* Whether both changed a cell, and differently; of a row that both added, whether it differs. */
static const char clash[] = "(cr.c# IS DISTINCT FROM tr.c# AND (br IS NULL OR (cr.c# IS DISTINCT "
                            "FROM br.c# AND tr.c# IS DISTINCT FROM br.c#)))";

/* Which columns of a row clash, by name. */
static arm_status add_clashes(const struct arm_three_way *merge, struct arm_buf *out,
                              struct arm_error *err)
{
    size_t width = arm__side_width(&merge->ours);
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "CASE WHEN v IN ('mix', 'insert/insert') THEN list_filter([", err));
    for (size_t i = 0; i < width; i++) {
        ARM_TRY(add(out, i == 0 ? "CASE WHEN " : ", CASE WHEN ", err));
        ARM_TRY(add_cell(out, clash, i, err));
        ARM_TRY(add(out, " THEN ", err));
        ARM_TRY(arm__sql_string(arm__side_name(&merge->ours, i), out, err));
        ARM_TRY(add(out, " END", err));
    }
    ARM_TRY(add(out, "], lambda c: c IS NOT NULL) END AS clashes, ", err));
done:
    return st;
}

/* Whether a row is a conflict that is to be told. */
static arm_status add_told(const struct arm_three_way *merge, struct arm_buf *out,
                           struct arm_error *err)
{
    size_t width = arm__side_width(&merge->ours);
    arm_status st = ARM_OK;

    if (merge->strategy != ARM_MERGE_NEITHER) {
        return add(out, "false AS told", err);
    }
    ARM_TRY(add(out, "CASE v WHEN 'take' THEN false WHEN 'mix' THEN ", err));
    for (size_t i = 0; i < width; i++) {
        ARM_TRY(add(out, i == 0 ? "" : " OR ", err));
        ARM_TRY(add_cell(out, clash, i, err));
    }
    ARM_TRY(add(out, " ELSE true END AS told", err));
done:
    return st;
}

static arm_status add_verdicts(const struct arm_three_way *merge, struct arm_buf *out,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out,
                ", w AS (SELECT *, CASE WHEN be IS NOT NULL OR cr IS NOT DISTINCT FROM br THEN "
                "'take' WHEN cr IS NOT DISTINCT FROM tr THEN 'same' WHEN cr IS NULL THEN "
                "'delete/update' WHEN tr IS NULL THEN 'update/delete' WHEN br IS NULL THEN "
                "'insert/insert' ELSE 'mix' END AS v FROM m), d AS (SELECT *, ",
                err));
    if (merge->tells) {
        ARM_TRY(add_clashes(merge, out, err));
    }
    ARM_TRY(add_told(merge, out, err));
    ARM_TRY(add(out, " FROM w WHERE v <> 'same')", err));
done:
    return st;
}

/* ---- What arm__duck_apply is told of each row ---- */

/* Which row of ours goes: the one that is written anew, or deleted. */
static const char *const goes[] = {
    [ARM_MERGE_NEITHER] = "v IN ('take', 'mix')",
    [ARM_MERGE_OURS] = "v IN ('take', 'mix')",
    [ARM_MERGE_THEIRS] = "v <> 'delete/update'",
    [ARM_MERGE_BASE] = "v <> 'delete/update'",
};

/* Whether a row comes. */
static const char *const comes[] = {
    /* What ours deleted and theirs changed is there to be looked at. */
    [ARM_MERGE_NEITHER] = "v IN ('take', 'mix', 'delete/update') AND tr IS NOT NULL",
    [ARM_MERGE_OURS] = "v IN ('take', 'mix') AND tr IS NOT NULL",
    [ARM_MERGE_THEIRS] = "tr IS NOT NULL",
    [ARM_MERGE_BASE] = "CASE v WHEN 'take' THEN tr IS NOT NULL ELSE v <> 'insert/insert' END",
};

static arm_status add_row(const struct arm_three_way *merge, struct arm_buf *out,
                          struct arm_error *err)
{
    static const char *const cells[] = {
        [ARM_MERGE_NEITHER] = ", CASE WHEN v = 'mix' AND cr.c# IS DISTINCT FROM br.c# THEN cr.c# "
                              "ELSE tr.c# END AS v#",
        [ARM_MERGE_OURS] = ", CASE WHEN v = 'mix' AND cr.c# IS DISTINCT FROM br.c# THEN cr.c# "
                           "ELSE tr.c# END AS v#",
        [ARM_MERGE_THEIRS] = ", CASE WHEN v = 'mix' AND tr.c# IS NOT DISTINCT FROM br.c# THEN "
                             "cr.c# ELSE tr.c# END AS v#",
        [ARM_MERGE_BASE] = ", CASE WHEN v = 'take' THEN tr.c# WHEN v <> 'mix' OR (cr.c# IS "
                           "DISTINCT FROM br.c# AND tr.c# IS DISTINCT FROM br.c# AND cr.c# IS "
                           "DISTINCT FROM tr.c#) THEN br.c# WHEN cr.c# IS DISTINCT FROM br.c# "
                           "THEN cr.c# ELSE tr.c# END AS v#",
    };
    size_t width = arm__side_width(&merge->ours);
    arm_status st = ARM_OK;

    for (size_t i = 0; i < width; i++) {
        ARM_TRY(add_cell(out, cells[merge->strategy], i, err));
    }
done:
    return st;
}

/* A side's row as JSON, under the names of its columns. */
static arm_status add_json(const struct arm_three_way *merge, const char *row, struct arm_buf *out,
                           struct arm_error *err)
{
    size_t width = arm__side_width(&merge->ours);
    char cell[32];
    arm_status st = ARM_OK;

    (void)snprintf(cell, sizeof cell, ": %s.c#", row);
    ARM_TRY(add(out, ", CASE WHEN told AND ", err));
    ARM_TRY(add(out, row, err));
    ARM_TRY(add(out, " IS NOT NULL THEN to_json({", err));
    for (size_t i = 0; i < width; i++) {
        ARM_TRY(add(out, i == 0 ? "" : ", ", err));
        ARM_TRY(arm__sql_string(arm__side_name(&merge->ours, i), out, err));
        ARM_TRY(add_cell(out, cell, i, err));
    }
    ARM_TRY(add(out, "})::VARCHAR END", err));
done:
    return st;
}

/* The key's columns by their names, or the row's id. */
static arm_status add_key(const struct arm_side *side, enum arm_row_match match,
                          struct arm_buf *out, struct arm_error *err)
{
    const Armpb__Schema *wanted = side->wanted;
    arm_status st = ARM_OK;

    if (match != ARM_MATCH_KEY) {
        return add(out, "k::VARCHAR", err);
    }
    ARM_TRY(add(out, "to_json({", err));
    for (size_t i = 0; i < wanted->keys[0]->n_field_ids; i++) {
        const Armpb__Column *column = arm__schema_column(wanted, wanted->keys[0]->field_ids[i]);

        ARM_TRY(add(out, i == 0 ? "" : ", ", err));
        ARM_TRY(arm__sql_string(column->field->name, out, err));
        ARM_TRY(add_cell(out, ": k.k#", i, err));
    }
    ARM_TRY(add(out, "})::VARCHAR", err));
done:
    return st;
}

arm_status arm__places_sql(const struct arm_side *side, enum arm_row_match match,
                           struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "SELECT ", err));
    ARM_TRY(add_key(side, match, out, err));
    ARM_TRY(add(out, ", e, n FROM (", err));
    ARM_TRY(arm__side_sql(side, match, out, err));
    ARM_TRY(add(out, ")", err));
done:
    return st;
}

/* What a conflict is told by. */
static arm_status add_texts(const struct arm_three_way *merge, struct arm_buf *out,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (!merge->tells) {
        return add(out, ", NULL, NULL, NULL, NULL, NULL", err);
    }
    ARM_TRY(
        add(out, ", CASE WHEN told THEN to_json(clashes)::VARCHAR END, CASE WHEN told THEN ", err));
    ARM_TRY(add_key(&merge->ours, merge->match, out, err));
    ARM_TRY(add(out, " END", err));
    ARM_TRY(add_json(merge, "br", out, err));
    ARM_TRY(add_json(merge, "cr", out, err));
    ARM_TRY(add_json(merge, "tr", out, err));
done:
    return st;
}

arm_status arm__three_way_sql(const struct arm_three_way *merge, struct arm_buf *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add_sides(merge, out, err));
    ARM_TRY(add_verdicts(merge, out, err));
    ARM_TRY(add(out, ", f AS (SELECT *, ", err));
    ARM_TRY(add(out, goes[merge->strategy], err));
    ARM_TRY(add(out, " AS goes, ", err));
    ARM_TRY(add(out, comes[merge->strategy], err));
    ARM_TRY(add(out,
                " AS comes FROM d) SELECT coalesce(be, ce), coalesce(bn, cn), goes, comes, "
                "CASE WHEN v IN ('mix', 'update/delete') THEN ci ",
                err));
    ARM_TRY(
        add(out,
            merge->match == ARM_MATCH_KEY ? "WHEN v <> 'delete/update' THEN ti END" : "ELSE ti END",
            err));
    ARM_TRY(add(out,
                ", CASE WHEN NOT told THEN NULL WHEN v = 'mix' THEN 'update/update' ELSE v END "
                "AS kind",
                err));
    ARM_TRY(add_texts(merge, out, err));
    ARM_TRY(add_row(merge, out, err));
    ARM_TRY(add(out, " FROM f WHERE goes OR comes OR told", err));
done:
    return st;
}
