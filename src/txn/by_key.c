/* SPDX-License-Identifier: Apache-2.0 */
/* Rows by primary key: those of the transaction's view whose keys are given, found by their hashes.
 * No other row is read; hashes that may be of two keys are told apart by prints, entry by entry. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "txn/by_key.h"
#include "txn/key_search.h"

/* Keys that are looked for, which no file ever holds: of 2,048 rows, whatever their size. */
enum { WANTED_BYTES_MAX = 1 << 30 };

/* Keys of one entry, as far as they were read. */
struct prints {
    struct arm_key_place of; /* `row` says nothing */
    size_t rows;
    uint8_t (*bytes)[ARM_KEY_PRINT_BYTES];
};

struct match {
    struct arm_key_place fresh;
    struct arm_key_place found;
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

/* ---- Where they stand in the view ---- */

static arm_status place_matches(const struct arm_txn_table *table, const struct arm_view *view,
                                struct matches *matches, struct arm_key_match *out,
                                struct arm_error *err)
{
    size_t entry = 0;

    if (matches->count > 0) {
        qsort(matches->items, matches->count, sizeof *matches->items, compare_places);
    }
    for (size_t i = 0; i < matches->count; i++) {
        const struct match *match = &matches->items[i];

        /* Mostly the entry of the last one, or one behind it: a view has the base's, then ours. */
        for (size_t looked = 0; !shows(table, view, entry, &match->found); looked++) {
            entry = entry + 1 == view->entry_count ? 0 : entry + 1;
            if (looked > view->entry_count) {
                return arm__fail(err, ARM_INVALID, "a row that was found is not in the table");
            }
        }
        out[i] = (struct arm_key_match){.written_entry = match->fresh.entry,
                                        .written_row = match->fresh.row,
                                        .entry = entry,
                                        .row = match->found.row};
    }
    return ARM_OK;
}

arm_status arm__txn_match_keys(struct arm_transaction *txn, const struct arm_view *view,
                               const struct arm_written *written, struct arm_key_match **out,
                               size_t *out_count, struct arm_error *err)
{
    const struct arm_key_change change = {.written_count = 1, .written = written};
    struct matches matches = {.is_exact = false};
    struct arm_key_match *placed = NULL;
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    if (view->schema->n_keys == 0 || !view->schema->keys[0]->primary) {
        st = arm__fail(err, ARM_SCHEMA, "table \"%s\" has no primary key", view->name);
        goto done;
    }
    matches.is_exact = arm__key_is_exact(view->schema, view->schema->keys[0]);
    ARM_TRY(arm__txn_find(txn, view->schema_name, view->name, &table, err));
    if (table == NULL) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", view->name);
        goto done;
    }
    ARM_TRY(arm__key_search(txn, table, &change, 0, collect, &matches, err));
    ARM_TRY(arm__calloc(matches.count, sizeof *placed, &placed, err));
    ARM_TRY(place_matches(table, view, &matches, placed, err));
    *out = placed;
    *out_count = matches.count;
    placed = NULL;
done:
    arm__mutex_unlock(&txn->mutex);
    arm__free(placed);
    release_matches(&matches);
    return st;
}

/* ---- Rows that go ---- */

arm_status arm__txn_mark_matches(const struct arm_key_match *matches, size_t count,
                                 roaring_bitmap_t **dying, struct arm_error *err)
{
    for (size_t i = 0; i < count; i++) {
        roaring_bitmap_t **rows = &dying[matches[i].entry];

        *rows = *rows == NULL ? roaring_bitmap_create() : *rows;
        if (*rows == NULL) {
            return arm__fail(err, ARM_NO_MEMORY, "out of memory: a deletion vector");
        }
        roaring_bitmap_add(*rows, matches[i].row);
    }
    return ARM_OK;
}

void arm__txn_free_dying(roaring_bitmap_t **dying, size_t entry_count)
{
    for (size_t i = 0; dying != NULL && i < entry_count; i++) {
        if (dying[i] != NULL) {
            roaring_bitmap_free(dying[i]);
        }
    }
    arm__free(dying);
}

/* ---- Keys without their rows ---- */

/* The keys as something written, of which only keys are ever read: the hashes, and the values in a
 * hot batch of the key's columns. */
struct wanted {
    struct arm_new_entry entry;
    struct arm_buf hot;
    Armpb__Schema schema; /* of the key's columns */
    struct arm_key_run **keys;
};

static void release_wanted(struct wanted *wanted)
{
    arm__key_run_drop(wanted->keys == NULL ? NULL : wanted->keys[0]);
    arm__free(wanted->keys);
    arm__free(wanted->schema.columns);
    arm__buf_release(&wanted->hot);
}

static arm_status make_wanted(const Armpb__Schema *schema, duckdb_data_chunk keys,
                              struct wanted *out, struct arm_error *err)
{
    const Armpb__Key *key = schema->n_keys == 0 ? NULL : schema->keys[0];
    arm_status st = ARM_OK;

    *out = (struct wanted){.hot = ARM_BUF_INIT(WANTED_BYTES_MAX)};
    armpb__schema__init(&out->schema);
    if (key == NULL || !key->primary) {
        return arm__fail(err, ARM_SCHEMA, "the table has no primary key");
    }
    ARM_TRY(arm__calloc(key->n_field_ids, sizeof(Armpb__Column *), &out->schema.columns, err));
    for (size_t i = 0; i < key->n_field_ids; i++) { /* borrowed: nothing writes through it */
        out->schema.columns[out->schema.n_columns++] =
            (Armpb__Column *)(uintptr_t)arm__schema_column(schema, key->field_ids[i]);
    }
    ARM_TRY(arm__calloc(schema->n_keys, sizeof(struct arm_key_run *), &out->keys, err));
    ARM_TRY(arm__key_run_of_chunks(&out->schema, key, &keys, 1, &out->keys[0], err));
    if (!arm__key_is_exact(schema, key)) {
        ARM_TRY(arm__hot_encode(&out->schema, &keys, 1, &out->hot, err));
    }
    out->entry = (struct arm_new_entry){.rows = (uint32_t)duckdb_data_chunk_get_size(keys),
                                        .is_hot = true,
                                        .hot = arm__buf_bytes(&out->hot),
                                        .key_count = schema->n_keys,
                                        .keys = out->keys};
done:
    return st;
}

arm_status arm__txn_find_keys(struct arm_transaction *txn, const struct arm_view *view,
                              duckdb_data_chunk keys, struct arm_key_match **out, size_t *out_count,
                              struct arm_error *err)
{
    struct wanted wanted = {.keys = NULL};
    struct arm_written written;
    arm_status st = ARM_OK;

    ARM_TRY(make_wanted(view->schema, keys, &wanted, err));
    written =
        (struct arm_written){.rows = wanted.entry.rows, .entry_count = 1, .entries = &wanted.entry};
    ARM_TRY(arm__txn_note_keys(txn, view, wanted.keys[0], err));
    ARM_TRY(arm__txn_match_keys(txn, view, &written, out, out_count, err));
done:
    release_wanted(&wanted);
    return st;
}

arm_status arm__txn_delete_keys(struct arm_transaction *txn, const struct arm_view *view,
                                duckdb_data_chunk keys, uint64_t *out_count, struct arm_error *err)
{
    struct arm_key_match *matches = NULL;
    roaring_bitmap_t **dying = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_find_keys(txn, view, keys, &matches, &count, err));
    *out_count = 0;
    if (count > 0) {
        ARM_TRY(arm__calloc(view->entry_count, sizeof(roaring_bitmap_t *), &dying, err));
        ARM_TRY(arm__txn_mark_matches(matches, count, dying, err));
        ARM_TRY(arm__txn_delete(txn, view, dying, out_count, err));
    }
done:
    arm__txn_free_dying(dying, view->entry_count);
    arm__free(matches);
    return st;
}
