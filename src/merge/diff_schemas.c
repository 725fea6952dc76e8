/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "merge/diff.h"
#include "merge/pairs.h"
#include "merge/schema_diff.h"
#include "model/table_name.h"
#include "model/type.h"

/* Rows of VALUES, being written. */
struct changes {
    struct arm_buf *sql;
    const char *shown; /* the table that is being compared */
    uint64_t count;
};

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

static arm_status add_change(void *context, const struct arm_schema_change *change,
                             struct arm_error *err)
{
    struct changes *changes = context;
    const char *const texts[] = {changes->shown,   change->change,   change->column,
                                 change->property, change->old_text, change->new_text};
    arm_status st = ARM_OK;

    changes->count++;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ARM_TRY(add(changes->sql, i == 0 ? ", (" : ", ", err));
        ARM_TRY(texts[i] == NULL ? add(changes->sql, "NULL", err)
                                 : arm__sql_string(texts[i], changes->sql, err));
    }
    ARM_TRY(arm__buf_printf(changes->sql, err, ", %llu)", (unsigned long long)changes->count));
done:
    return st;
}

static arm_status add_pair(void *context, const struct arm_pair *pair, struct arm_error *err)
{
    const struct arm_table_row *row = &pair->b.row;
    struct changes *changes = context;
    char shown[ARM_SHOWN_NAME_BYTES];

    if (!pair->has_a || !pair->has_b) {
        return ARM_OK;
    }
    arm__shown_name(row->schema_name, row->name, shown);
    changes->shown = shown;
    return arm__schema_diff(pair->a.schema, pair->b.schema,
                            arm__table_id_equal(&pair->a.row.table_id, &pair->b.row.table_id),
                            add_change, changes, err);
}

/* Around the rows: the first, which is left out again, says their types. */
static arm_status begin(struct arm_buf *out, struct arm_error *err)
{
    return add(out,
               "SELECT \"table\", change, \"column\", property, \"old\", \"new\" FROM (VALUES ("
               "NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, "
               "NULL::VARCHAR, 0)",
               err);
}

static arm_status end(struct arm_buf *out, struct arm_error *err)
{
    return add(out,
               ") AS d(\"table\", change, \"column\", property, \"old\", \"new\", n) WHERE n > 0 "
               "ORDER BY n",
               err);
}

arm_status arm__diff_schemas(struct arm_transaction *txn, const char *a, const char *b,
                             struct arm_buf *out_sql, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(txn);
    struct changes changes = {.sql = out_sql};
    struct arm_snapshot at_a;
    struct arm_snapshot at_b;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_resolve(catalog, arm__txn_snapshot(txn), a, &at_a, err));
    ARM_TRY(arm__catalog_resolve(catalog, arm__txn_snapshot(txn), b, &at_b, err));
    ARM_TRY(begin(out_sql, err));
    ARM_TRY(arm__pairs_each(txn, &at_a, &at_b, add_pair, &changes, err));
    ARM_TRY(end(out_sql, err));
done:
    return st;
}

arm_status arm__diff_schema(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const char *a, const char *b, struct arm_buf *out_sql,
                            struct arm_error *err)
{
    struct changes changes = {.sql = out_sql};
    struct arm_pair pair = {.has_a = false};
    arm_status st = ARM_OK;

    ARM_TRY(arm__pair_find(txn, schema_name, name, a, b, &pair, err));
    ARM_TRY(begin(out_sql, err));
    ARM_TRY(add_pair(&changes, &pair, err));
    ARM_TRY(end(out_sql, err));
done:
    arm__pair_release(&pair);
    return st;
}
