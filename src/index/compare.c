/* SPDX-License-Identifier: Apache-2.0 */
/* Two indexes side by side, key by key: what a rebuild would change. */

#include "index/index_private.h"

/* One sub-database walked in both. */
struct pair {
    enum arm_db db;
    struct arm_kv_cursor *live;
    struct arm_kv_cursor *fresh;
    struct arm_kv_item a;
    struct arm_kv_item b;
};

static arm_status step(struct pair *pair, int order, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (order <= 0) {
        ARM_TRY(arm__kv_cursor_next(pair->live, &pair->a, err));
    }
    if (order >= 0) {
        ARM_TRY(arm__kv_cursor_next(pair->fresh, &pair->b, err));
    }
done:
    return st;
}

/* Of the two keys that are next: < 0, only the live one has it. */
static int order_of(const struct pair *pair)
{
    if (pair->a.key.data == NULL) {
        return 1;
    }
    return pair->b.key.data == NULL ? -1 : arm__bytes_compare(pair->a.key, pair->b.key);
}

static arm_status compare_database(struct pair *pair, arm_visit_index_difference *visit,
                                   void *context, struct arm_error *err)
{
    const char *name = arm__db_name(pair->db);
    arm_status st = ARM_OK;

    ARM_TRY(step(pair, 0, err));
    while (pair->a.key.data != NULL || pair->b.key.data != NULL) {
        int order = order_of(pair);

        if (order < 0) {
            ARM_TRY(visit(context, name, pair->a.key, "should not be there", err));
        } else if (order > 0) {
            ARM_TRY(visit(context, name, pair->b.key, "is missing", err));
        } else if (arm__bytes_compare(pair->a.value, pair->b.value) != 0) {
            ARM_TRY(visit(context, name, pair->a.key, "has another value", err));
        }
        ARM_TRY(step(pair, order, err));
    }
done:
    return st;
}

arm_status arm__index_compare(struct arm_index_txn *live, struct arm_index_txn *fresh,
                              arm_visit_index_difference *visit, void *context,
                              struct arm_error *err)
{
    struct pair pair = {.live = NULL};
    arm_status st = ARM_OK;

    for (int db = 0; db < ARM_DB_COUNT; db++) {
        pair.db = (enum arm_db)db;
        ARM_TRY(arm__kv_cursor_open(live, pair.db, &pair.live, err));
        ARM_TRY(arm__kv_cursor_open(fresh, pair.db, &pair.fresh, err));
        ARM_TRY(compare_database(&pair, visit, context, err));
        arm__kv_cursor_close(pair.live);
        arm__kv_cursor_close(pair.fresh);
        pair.live = NULL;
        pair.fresh = NULL;
    }
done:
    arm__kv_cursor_close(pair.live);
    arm__kv_cursor_close(pair.fresh);
    return st;
}
