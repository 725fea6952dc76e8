/* SPDX-License-Identifier: Apache-2.0 */
#include "model/compaction.h"

#include <assert.h>

#include "base/alloc.h"
#include "model/vector.h"

arm_status arm__group_map_init(const Armpb__CompactedGroup *group, struct arm_group_map *out,
                               struct arm_error *err)
{
    struct arm_group_map map = {.group = group};
    uint64_t kept = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(group->n_sources, sizeof *map.source_starts, &map.source_starts, err));
    ARM_TRY(arm__calloc(group->n_sources, sizeof(roaring_bitmap_t *), &map.dropped, err));
    ARM_TRY(arm__calloc(group->n_entries + 1, sizeof *map.entry_starts, &map.entry_starts, err));
    for (size_t i = 0; i < group->n_sources; i++) {
        const Armpb__CompactedSource *source = group->sources[i];

        map.source_starts[i] = kept;
        kept += source->rows;
        if (source->has_dropped) {
            ARM_TRY(arm__vector_decode(arm__bytes(source->dropped.data, source->dropped.len),
                                       source->rows, &map.dropped[i], err));
            kept -= roaring_bitmap_get_cardinality(map.dropped[i]);
        }
    }
    for (size_t i = 0; i < group->n_entries; i++) {
        map.entry_starts[i + 1] = map.entry_starts[i] + group->entries[i]->rows;
    }
    if (map.entry_starts[group->n_entries] != kept) {
        st = arm__fail(err, ARM_CORRUPT, "a compaction loses rows");
        goto done;
    }
    *out = map;
    map = (struct arm_group_map){.group = NULL};
done:
    arm__group_map_release(&map);
    return st;
}

void arm__group_map_release(struct arm_group_map *map)
{
    for (size_t i = 0; map->dropped != NULL && i < map->group->n_sources; i++) {
        arm__vector_free(map->dropped[i]);
    }
    arm__free(map->dropped);
    arm__free(map->source_starts);
    arm__free(map->entry_starts);
    *map = (struct arm_group_map){.group = NULL};
}

/* The entry that has the `kept`th of all kept rows. */
static size_t find_entry(const struct arm_group_map *map, uint64_t kept)
{
    size_t low = 0;
    size_t high = map->group->n_entries;

    assert(kept < map->entry_starts[high]);
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;

        if (map->entry_starts[middle] <= kept) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

arm_status arm__group_map_rows(const struct arm_group_map *map, size_t source,
                               const roaring_bitmap_t *rows, roaring_bitmap_t **entries,
                               uint64_t *out_gone, struct arm_error *err)
{
    const roaring_bitmap_t *dropped = map->dropped[source];
    roaring_uint32_iterator_t at;
    uint64_t gone = 0;

    assert(roaring_bitmap_is_empty(rows) ||
           roaring_bitmap_maximum(rows) < map->group->sources[source]->rows);
    roaring_init_iterator(rows, &at);
    for (; at.has_value; roaring_advance_uint32_iterator(&at)) {
        uint32_t row = at.current_value;
        uint64_t kept = map->source_starts[source] + row;
        size_t entry;

        if (dropped != NULL) {
            if (roaring_bitmap_contains(dropped, row)) {
                gone++;
                continue;
            }
            kept -= roaring_bitmap_rank(dropped, row);
        }
        entry = find_entry(map, kept);
        if (entries[entry] == NULL) {
            entries[entry] = roaring_bitmap_create();
        }
        if (entries[entry] == NULL) {
            return arm__fail(err, ARM_NO_MEMORY, "out of memory: a set of rows");
        }
        roaring_bitmap_add(entries[entry], (uint32_t)(kept - map->entry_starts[entry]));
    }
    *out_gone = gone;
    return ARM_OK;
}
