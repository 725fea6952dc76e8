/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/pieces.h"

#include <string.h>

#include "base/alloc.h"

enum { LISTED_MAX = 1 << 18 }; /* rows; more are read from entries of their own */

void arm__pieces_init(struct arm_pieces *pieces)
{
    *pieces = (struct arm_pieces){.count = 0};
    arm__cache_init(&pieces->chunks, ARM_HASH_BYTES);
}

static void free_nothing(void *value)
{
    (void)value;
}

void arm__pieces_release(struct arm_pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++) {
        roaring_bitmap_free(pieces->items[i].rows);
    }
    arm__free(pieces->items);
    arm__free(pieces->entries);
    arm__free(pieces->listed);
    arm__cache_release(&pieces->chunks, free_nothing);
}

/* ---- Rows of a chunk that is there already ---- */

/* The place of the same entry; SIZE_MAX: there is none. */
static size_t place_of(const struct arm_pieces *pieces, const struct arm_state_entry *entry)
{
    size_t place = (size_t)(uintptr_t)arm__cache_get(&pieces->chunks, entry->chunk.bytes);
    const struct arm_state_entry *other = place == 0 ? NULL : &pieces->entries[place - 1];
    bool same = other != NULL && other->first_row_id == entry->first_row_id &&
                other->rows == entry->rows && other->schema_id == entry->schema_id &&
                other->explicit_row_ids == entry->explicit_row_ids;

    return same ? place - 1 : SIZE_MAX;
}

static arm_status make_room(struct arm_pieces *pieces, uint64_t more, struct arm_error *err)
{
    size_t wanted = pieces->listed_count + (size_t)more;
    size_t capacity = pieces->listed_capacity == 0 ? 64 : pieces->listed_capacity;
    arm_status st = ARM_OK;

    while (capacity < wanted) {
        capacity *= 2;
    }
    if (capacity > pieces->listed_capacity) {
        ARM_TRY(arm__realloc(&pieces->listed, capacity, sizeof *pieces->listed, err));
        pieces->listed_capacity = capacity;
    }
done:
    return st;
}

/* There is room. */
static void list_rows(struct arm_pieces *pieces, size_t place, const roaring_bitmap_t *rows,
                      uint64_t number)
{
    roaring_uint32_iterator_t it;

    roaring_init_iterator(rows, &it);
    for (; it.has_value; (void)roaring_advance_uint32_iterator(&it)) {
        pieces->listed[pieces->listed_count++] =
            (struct arm_piece_row){place, it.current_value, number};
    }
}

/* Whether all rows of the place are listed: else they have its number. */
static bool is_listed(const struct arm_pieces *pieces, size_t place)
{
    return pieces->items[place].number == UINT64_MAX;
}

/* `*out_joined` false: they are too many to be listed. `rows` stays the caller's. */
static arm_status join(struct arm_pieces *pieces, size_t place, const roaring_bitmap_t *rows,
                       uint64_t number, bool *out_joined, struct arm_error *err)
{
    struct arm_view_piece *item = &pieces->items[place];
    uint64_t more = roaring_bitmap_get_cardinality(rows);
    arm_status st = ARM_OK;

    if (!is_listed(pieces, place)) {
        more += roaring_bitmap_get_cardinality(item->rows);
    }
    *out_joined = pieces->listed_count + more <= LISTED_MAX;
    if (!*out_joined) {
        goto done;
    }
    ARM_TRY(make_room(pieces, more, err));
    if (!is_listed(pieces, place)) {
        list_rows(pieces, place, item->rows, item->number);
        item->number = UINT64_MAX;
    }
    list_rows(pieces, place, rows, number);
    roaring_bitmap_or_inplace(item->rows, rows);
done:
    return st;
}

/* ---- Adding ---- */

static arm_status append(struct arm_pieces *pieces, const struct arm_state_entry *entry,
                         roaring_bitmap_t *rows, uint64_t number, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (pieces->count == pieces->capacity) {
        size_t capacity = pieces->capacity == 0 ? 16 : 2 * pieces->capacity;

        ARM_TRY(arm__realloc(&pieces->items, capacity, sizeof *pieces->items, err));
        ARM_TRY(arm__realloc(&pieces->entries, capacity, sizeof *pieces->entries, err));
        pieces->capacity = capacity;
    }
    if (!entry->is_hot && arm__cache_get(&pieces->chunks, entry->chunk.bytes) == NULL) {
        ARM_TRY(arm__cache_put(&pieces->chunks, entry->chunk.bytes,
                               (void *)(uintptr_t)(pieces->count + 1), err));
    }
    pieces->entries[pieces->count] = *entry;
    pieces->entries[pieces->count].vector = NULL; /* the state's; `rows` live */
    pieces->items[pieces->count++] = (struct arm_view_piece){.rows = rows, .number = number};
done:
    return st;
}

arm_status arm__pieces_add(struct arm_pieces *pieces, const struct arm_state_entry *entry,
                           roaring_bitmap_t *rows, uint64_t number, struct arm_error *err)
{
    size_t place = entry->is_hot ? SIZE_MAX : place_of(pieces, entry);
    bool joined = false;
    arm_status st = ARM_OK;

    if (place != SIZE_MAX) {
        ARM_TRY(join(pieces, place, rows, number, &joined, err));
    }
    if (!joined) {
        ARM_TRY(append(pieces, entry, rows, number, err));
        rows = NULL;
    }
done:
    if (rows != NULL) {
        roaring_bitmap_free(rows);
    }
    return st;
}

arm_status arm__pieces_compose(struct arm_pieces *pieces, struct arm_transaction *txn,
                               const Armpb__Schema *schema, const struct arm_view **out,
                               struct arm_error *err)
{
    for (size_t i = 0; i < pieces->count; i++) {
        pieces->items[i].entry = &pieces->entries[i];
    }
    return arm__view_compose(txn, pieces->items, pieces->count, schema, out, err);
}

/* ---- SQL ---- */

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

static uint64_t listed_number(const struct arm_piece_row *row, size_t which)
{
    return which == 0 ? row->entry : which == 1 ? row->row : row->number;
}

/* Lists as text: parsed once, not a literal for each. */
static arm_status add_list(const struct arm_pieces *pieces, size_t which, const char *type,
                           struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "unnest(string_split('", err));
    for (size_t i = 0; i < pieces->listed_count; i++) {
        ARM_TRY(arm__buf_printf(out, err, i == 0 ? "%llu" : ",%llu",
                                (unsigned long long)listed_number(&pieces->listed[i], which)));
    }
    ARM_TRY(add(out, "', ',')::", err));
    ARM_TRY(add(out, type, err));
done:
    return st;
}

arm_status arm__pieces_sql_begin(const struct arm_pieces *pieces, struct arm_buf *out,
                                 struct arm_error *err)
{
    return pieces->listed_count == 0
               ? ARM_OK
               : add(out, "SELECT s.r, s.i, s.e, s.n, s.k, coalesce(m.p, s.p) AS p FROM (", err);
}

arm_status arm__pieces_sql_end(const struct arm_pieces *pieces, struct arm_buf *out,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (pieces->listed_count == 0) {
        return ARM_OK;
    }
    ARM_TRY(add(out, ") AS s LEFT JOIN (SELECT ", err));
    ARM_TRY(add_list(pieces, 0, "UBIGINT[]) AS e, ", out, err));
    ARM_TRY(add_list(pieces, 1, "BIGINT[]) AS n, ", out, err));
    ARM_TRY(add_list(pieces, 2, "UBIGINT[]) AS p) AS m ON s.e = m.e AND s.n = m.n", out, err));
done:
    return st;
}
