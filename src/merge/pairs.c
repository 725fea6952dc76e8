/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void arm__pair_release(struct arm_pair *pair)
{
    arm__table_info_release(&pair->a);
    arm__table_info_release(&pair->b);
}

/* ---- The tables at a point ---- */

static int compare_rows_by_name(const void *a, const void *b)
{
    const struct arm_table_row *left = a;
    const struct arm_table_row *right = b;
    int order = arm__name_compare(left->schema_name, right->schema_name);

    return order != 0 ? order : arm__name_compare(left->name, right->name);
}

static int compare_rows_by_id(const void *a, const void *b)
{
    const struct arm_table_row *const *left = a;
    const struct arm_table_row *const *right = b;

    return memcmp((*left)->table_id.bytes, (*right)->table_id.bytes, sizeof(*left)->table_id.bytes);
}

void arm__table_map_release(struct arm_table_map *map)
{
    arm__free(map->by_id);
    arm__free(map->list.rows);
    *map = (struct arm_table_map){.by_id = NULL};
}

static void keep_tables(struct arm_table_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->rows[i].object == ARMPB__OBJECT_KIND__TABLE) {
            list->rows[kept++] = list->rows[i];
        }
    }
    list->count = kept;
}

arm_status arm__table_map_read(struct arm_transaction *txn, const struct arm_snapshot *at,
                               struct arm_table_map *out, struct arm_error *err)
{
    struct arm_table_map map = {.by_id = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_list(arm__txn_catalog(txn), at, &map.list, err));
    keep_tables(&map.list);
    if (map.list.count > 0) {
        qsort(map.list.rows, map.list.count, sizeof *map.list.rows, compare_rows_by_name);
        ARM_TRY(arm__calloc(map.list.count, sizeof *map.by_id, &map.by_id, err));
        for (size_t i = 0; i < map.list.count; i++) {
            map.by_id[i] = &map.list.rows[i];
        }
        qsort(map.by_id, map.list.count, sizeof *map.by_id, compare_rows_by_id);
    }
    *out = map;
    map = (struct arm_table_map){.by_id = NULL};
done:
    arm__table_map_release(&map);
    return st;
}

const struct arm_table_row *arm__table_map_find(const struct arm_table_map *map,
                                                const struct arm_table_id *id)
{
    struct arm_table_row wanted = {.table_id = *id};
    const struct arm_table_row *key = &wanted;
    const struct arm_table_row *const *found =
        map->list.count == 0
            ? NULL
            : bsearch(&key, map->by_id, map->list.count, sizeof *map->by_id, compare_rows_by_id);

    return found == NULL ? NULL : *found;
}

static const struct arm_table_row *named(const struct arm_table_map *map, const char *schema_name,
                                         const char *name)
{
    size_t low = 0;
    size_t high = map->list.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct arm_table_row *row = &map->list.rows[middle];
        int order = arm__name_compare(row->schema_name, schema_name);

        order = order != 0 ? order : arm__name_compare(row->name, name);
        if (order == 0) {
            return row;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* What `row` of `others` is in `map`; NULL: nothing. */
static const struct arm_table_row *fellow(const struct arm_table_map *map,
                                          const struct arm_table_map *others,
                                          const struct arm_table_row *row)
{
    const struct arm_table_row *same = arm__table_map_find(map, &row->table_id);
    const struct arm_table_row *namesake =
        same == NULL ? named(map, row->schema_name, row->name) : NULL;

    if (namesake != NULL && arm__table_map_find(others, &namesake->table_id) != NULL) {
        return NULL; /* that one is there under another name */
    }
    return same != NULL ? same : namesake;
}

/* ---- One table ---- */

static arm_status take_info(struct arm_transaction *txn, const struct arm_snapshot *at,
                            const struct arm_table_row *row, struct arm_table_info *out,
                            bool *out_has, struct arm_error *err)
{
    *out_has = false;
    return row == NULL ? ARM_OK
                       : arm__catalog_table(arm__txn_catalog(txn), at, row->schema_name, row->name,
                                            out, out_has, err);
}

static arm_status find_at(struct arm_transaction *txn, const char *schema_name, const char *name,
                          const char *ref, struct arm_table_info *out, bool *out_has,
                          struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(txn);
    struct arm_error local;
    arm_status st =
        arm__catalog_table_at(catalog, arm__txn_snapshot(txn), schema_name, name, ref, out, &local);

    *out_has = st == ARM_OK && out->row.object == ARMPB__OBJECT_KIND__TABLE;
    if (st == ARM_NOT_FOUND) { /* of the ref, or of the table at it */
        struct arm_snapshot at;

        return arm__catalog_resolve(catalog, arm__txn_snapshot(txn), ref, &at, err);
    }
    if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    return st;
}

/* The ref as a point of all tables; false: it names a version of one. */
static bool is_point(struct arm_transaction *txn, const char *ref, struct arm_snapshot *out)
{
    struct arm_ref parsed;

    return arm__ref_parse(ref, &parsed, NULL) == ARM_OK && parsed.kind != ARM_REF_VERSION &&
           arm__catalog_resolve(arm__txn_catalog(txn), arm__txn_snapshot(txn), ref, out, NULL) ==
               ARM_OK;
}

static arm_status find_fellows(struct arm_transaction *txn, const struct arm_snapshot *at_a,
                               const struct arm_snapshot *at_b, const char *schema_name,
                               const char *name, struct arm_pair *out, struct arm_error *err)
{
    const struct arm_table_row *of_a = NULL;
    const struct arm_table_row *of_b = NULL;
    struct arm_table_map a = {.by_id = NULL};
    struct arm_table_map b = {.by_id = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_map_read(txn, at_a, &a, err));
    ARM_TRY(arm__table_map_read(txn, at_b, &b, err));
    of_b = named(&b, schema_name, name);
    of_a = of_b == NULL ? named(&a, schema_name, name) : fellow(&a, &b, of_b);
    if (of_b == NULL && of_a != NULL) {
        of_b = fellow(&b, &a, of_a);
    }
    ARM_TRY(take_info(txn, at_a, of_a, &out->a, &out->has_a, err));
    ARM_TRY(take_info(txn, at_b, of_b, &out->b, &out->has_b, err));
done:
    arm__table_map_release(&a);
    arm__table_map_release(&b);
    return st;
}

arm_status arm__pair_find(struct arm_transaction *txn, const char *schema_name, const char *name,
                          const char *a, const char *b, struct arm_pair *out, struct arm_error *err)
{
    struct arm_snapshot at_a;
    struct arm_snapshot at_b;
    arm_status st = ARM_OK;

    *out = (struct arm_pair){.has_a = false};
    if (is_point(txn, a, &at_a) && is_point(txn, b, &at_b)) {
        ARM_TRY(find_fellows(txn, &at_a, &at_b, schema_name, name, out, err));
    } else {
        ARM_TRY(find_at(txn, schema_name, name, a, &out->a, &out->has_a, err));
        ARM_TRY(find_at(txn, schema_name, name, b, &out->b, &out->has_b, err));
    }
    if (!out->has_a && !out->has_b) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" at '%s' nor at '%s'", name, a,
                       b);
    }
done:
    return st;
}

/* ---- All of them ---- */

struct pairs_walk {
    struct arm_transaction *txn;
    const struct arm_snapshot *a;
    const struct arm_snapshot *b;
    arm_visit_pair *visit;
    void *context;
};

static bool is_alike(const struct arm_table_row *a, const struct arm_table_row *b)
{
    return a != NULL && b != NULL && arm__table_id_equal(&a->table_id, &b->table_id) &&
           a->version == b->version && strcmp(a->name, b->name) == 0 &&
           strcmp(a->schema_name, b->schema_name) == 0;
}

static arm_status visit_pair(const struct pairs_walk *walk, const struct arm_table_row *a,
                             const struct arm_table_row *b, struct arm_error *err)
{
    struct arm_pair pair = {.has_a = false};
    arm_status st = ARM_OK;

    if (is_alike(a, b)) {
        return ARM_OK;
    }
    ARM_TRY(take_info(walk->txn, walk->a, a, &pair.a, &pair.has_a, err));
    ARM_TRY(take_info(walk->txn, walk->b, b, &pair.b, &pair.has_b, err));
    ARM_TRY(walk->visit(walk->context, &pair, err));
done:
    arm__pair_release(&pair);
    return st;
}

arm_status arm__pairs_each(struct arm_transaction *txn, const struct arm_snapshot *at_a,
                           const struct arm_snapshot *at_b, arm_visit_pair *visit, void *context,
                           struct arm_error *err)
{
    const struct pairs_walk walk = {
        .txn = txn, .a = at_a, .b = at_b, .visit = visit, .context = context};
    struct arm_table_map a = {.by_id = NULL};
    struct arm_table_map b = {.by_id = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_map_read(txn, at_a, &a, err));
    ARM_TRY(arm__table_map_read(txn, at_b, &b, err));
    for (size_t i = 0; i < b.list.count; i++) {
        ARM_TRY(visit_pair(&walk, fellow(&a, &b, &b.list.rows[i]), &b.list.rows[i], err));
    }
    for (size_t i = 0; i < a.list.count; i++) {
        if (fellow(&b, &a, &a.list.rows[i]) == NULL) {
            ARM_TRY(visit_pair(&walk, &a.list.rows[i], NULL, err));
        }
    }
done:
    arm__table_map_release(&a);
    arm__table_map_release(&b);
    return st;
}
