/* SPDX-License-Identifier: Apache-2.0 */
/* Upsert: whole rows, each in the place of the one that has its primary key, or new. The rows to
 * go are found by key, no other is read. Hashes that may be of two keys are told apart by prints,
 * entry by entry. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "txn/key_search.h"

struct match {
    struct arm_key_place fresh;
    struct arm_key_place found;
};

/* Keys of one entry, as far as they were read. */
struct prints {
    struct arm_key_place of; /* `row` says nothing */
    size_t rows;
    uint8_t (*bytes)[ARM_KEY_PRINT_BYTES];
};

struct matches {
    size_t count;
    size_t capacity;
    struct match *items;
    bool is_exact;
    size_t prints_count;
    struct prints *prints; /* sorted by nothing: entries are few */
};

static void release_matches(struct matches *matches)
{
    for (size_t i = 0; i < matches->prints_count; i++) {
        arm__free(matches->prints[i].bytes);
    }
    arm__free(matches->prints);
    arm__free(matches->items);
}

/* ---- Telling keys apart ---- */

static arm_status read_prints(const struct arm_key_search *search,
                              const struct arm_key_place *place, struct prints *out,
                              struct arm_error *err)
{
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    struct arm_key_source source;
    arm_status st = ARM_OK;

    ARM_TRY(arm__key_source_of(search, place, &bytes, &source, err));
    ARM_TRY(arm__key_prints_of(search->txn->repository, search->txn->engine, search->schema,
                               search->key, &source, &out->bytes, &out->rows, err));
    out->of = *place;
done:
    arm__buf_release(&bytes);
    return st;
}

static arm_status print_of(const struct arm_key_search *search, struct matches *matches,
                           const struct arm_key_place *place, const uint8_t **out,
                           struct arm_error *err)
{
    struct prints *prints = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; prints == NULL && i < matches->prints_count; i++) {
        if (matches->prints[i].of.side == place->side &&
            matches->prints[i].of.entry == place->entry) {
            prints = &matches->prints[i];
        }
    }
    if (prints == NULL) {
        ARM_TRY(arm__realloc(&matches->prints, matches->prints_count + 1, sizeof *matches->prints,
                             err));
        prints = &matches->prints[matches->prints_count];
        *prints = (struct prints){.rows = 0};
        ARM_TRY(read_prints(search, place, prints, err));
        matches->prints_count++;
    }
    *out = prints->bytes[place->row];
done:
    return st;
}

static arm_status are_same(const struct arm_key_search *search, struct matches *matches,
                           const struct arm_key_place *fresh, const struct arm_key_place *found,
                           bool *out, struct arm_error *err)
{
    const uint8_t *a = NULL;
    const uint8_t *b = NULL;
    arm_status st = ARM_OK;

    *out = true;
    if (!matches->is_exact) {
        ARM_TRY(print_of(search, matches, fresh, &a, err));
        ARM_TRY(print_of(search, matches, found, &b, err));
        *out = memcmp(a, b, ARM_KEY_PRINT_BYTES) == 0;
    }
done:
    return st;
}

/* Rows that go; what meets among the new rows alone is for the check of keys. */
static arm_status collect(const struct arm_key_search *search, const struct arm_key_place *fresh,
                          const struct arm_key_place *found, struct arm_error *err)
{
    struct matches *matches = search->context;
    bool same = false;
    arm_status st = ARM_OK;

    if (found->side == ARM_KEY_FRESH) {
        return ARM_OK;
    }
    ARM_TRY(are_same(search, matches, fresh, found, &same, err));
    if (!same) {
        return ARM_OK;
    }
    if (matches->count == matches->capacity) {
        size_t capacity = matches->capacity == 0 ? 64 : 2 * matches->capacity;

        ARM_TRY(arm__realloc(&matches->items, capacity, sizeof *matches->items, err));
        matches->capacity = capacity;
    }
    matches->items[matches->count++] = (struct match){*fresh, *found};
done:
    return st;
}

/* ---- The rows that go, by entry of a view ---- */

static bool shows(const struct arm_txn_table *table, const struct arm_view *view, size_t entry,
                  const struct arm_key_place *place)
{
    const struct arm_txn_origin *origin = arm__txn_view_origin(view, entry);

    if (place->side == ARM_KEY_BASE) {
        return origin == NULL ? entry == place->entry
                              : origin->batch == NULL && origin->index == place->entry;
    }
    return origin != NULL && origin->batch == table->own[place->entry].batch &&
           origin->index == table->own[place->entry].index;
}

static int compare_places(const void *a, const void *b)
{
    const struct arm_key_place *x = &((const struct match *)a)->found;
    const struct arm_key_place *y = &((const struct match *)b)->found;

    return x->side != y->side     ? (x->side > y->side) - (x->side < y->side)
           : x->entry != y->entry ? (x->entry > y->entry) - (x->entry < y->entry)
                                  : (x->row > y->row) - (x->row < y->row);
}

static arm_status mark_dying(const struct arm_txn_table *table, const struct arm_view *view,
                             struct matches *matches, roaring_bitmap_t **dying,
                             struct arm_error *err)
{
    size_t entry = 0;

    qsort(matches->items, matches->count, sizeof *matches->items, compare_places);
    for (size_t i = 0; i < matches->count; i++) {
        const struct arm_key_place *place = &matches->items[i].found;

        /* Mostly the entry of the last one, or one behind it: a view has the base's, then ours. */
        for (size_t looked = 0; !shows(table, view, entry, place); looked++) {
            entry = entry + 1 == view->entry_count ? 0 : entry + 1;
            if (looked > view->entry_count) {
                return arm__fail(err, ARM_INVALID, "a row that was found is not in the table");
            }
        }
        if (dying[entry] == NULL) {
            dying[entry] = roaring_bitmap_create();
        }
        if (dying[entry] == NULL) {
            return arm__fail(err, ARM_NO_MEMORY, "out of memory: a deletion vector");
        }
        roaring_bitmap_add(dying[entry], place->row);
    }
    return ARM_OK;
}

static arm_status find_matches(struct arm_txn *txn, const struct arm_view *view,
                               const struct arm_written *written, roaring_bitmap_t **dying,
                               struct arm_error *err)
{
    const struct arm_key_change change = {.written_count = 1, .written = written};
    struct matches matches = {.is_exact = arm__key_is_exact(view->schema, view->schema->keys[0])};
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, view->schema_name, view->name, &table, err));
    ARM_TRY(arm__key_search(txn, table, &change, 0, collect, &matches, err));
    ARM_TRY(mark_dying(table, view, &matches, dying, err));
done:
    arm__mutex_unlock(&txn->mutex);
    release_matches(&matches);
    return st;
}

arm_status arm__txn_upsert(struct arm_txn *txn, const char *schema_name, const char *name,
                           struct arm_written *written, uint64_t *out_replaced,
                           struct arm_error *err)
{
    struct arm_written parts[2] = {{.rows = 0}, {.rows = 0}};
    const struct arm_view *view = NULL;
    roaring_bitmap_t **dying = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_view(txn, schema_name, name, &view, err));
    if (view == NULL) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", name);
        goto done;
    }
    if (view->schema->n_keys == 0 || !view->schema->keys[0]->primary) {
        st = arm__fail(err, ARM_SCHEMA,
                       "table \"%s\" has no primary key to upsert by: append, or replace it", name);
        goto done;
    }
    ARM_TRY(arm__calloc(view->entry_count, sizeof(roaring_bitmap_t *), &dying, err));
    ARM_TRY(find_matches(txn, view, written, dying, err));
    parts[1] = *written;
    *written = (struct arm_written){.rows = 0};
    ARM_TRY(arm__txn_update(txn, view, dying, parts, out_replaced, err));
done:
    for (size_t i = 0; dying != NULL && i < view->entry_count; i++) {
        if (dying[i] != NULL) {
            roaring_bitmap_free(dying[i]);
        }
    }
    arm__free(dying);
    arm__view_drop(view);
    arm__written_release(&parts[1]);
    return st;
}
