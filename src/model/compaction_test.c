/* SPDX-License-Identifier: Apache-2.0 */
#include "model/compaction.h"

#include "model/vector.h"
#include "support/cmocka_all.h"

enum { SOURCES = 5, ENTRIES = 3 };

/* A group of sources with random dead rows, and how its kept rows are dealt out. */
struct made {
    Armpb__CompactedSource sources[SOURCES];
    Armpb__CompactedSource *source_list[SOURCES];
    struct arm_buf vectors[SOURCES];
    bool dropped[SOURCES][64];
    Armpb__Entry entries[ENTRIES];
    Armpb__Entry *entry_list[ENTRIES];
    Armpb__CompactedGroup group;
};

static uint32_t make_source(struct made *m, size_t i)
{
    roaring_bitmap_t *dropped = roaring_bitmap_create();
    struct arm_error err = {0};

    armpb__compacted_source__init(&m->sources[i]);
    m->source_list[i] = &m->sources[i];
    m->sources[i].rows = 1 + (uint32_t)rand() % 64;
    for (uint32_t row = 0; row < m->sources[i].rows; row++) {
        m->dropped[i][row] = rand() % 3 == 0;
        if (m->dropped[i][row]) {
            roaring_bitmap_add(dropped, row);
        }
    }
    m->vectors[i] = ARM_BUF_INIT(1 << 16);
    m->sources[i].has_dropped = !roaring_bitmap_is_empty(dropped);
    assert_ok(arm__vector_encode(dropped, &m->vectors[i], &err), err);
    m->sources[i].dropped = (ProtobufCBinaryData){m->vectors[i].size, m->vectors[i].data};
    uint32_t kept = m->sources[i].rows - (uint32_t)roaring_bitmap_get_cardinality(dropped);
    roaring_bitmap_free(dropped);
    return kept;
}

static void make(struct made *m)
{
    uint32_t kept = 0;

    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < SOURCES; i++) {
        kept += make_source(m, i);
    }
    armpb__compacted_group__init(&m->group);
    m->group.n_sources = SOURCES;
    m->group.sources = m->source_list;
    for (size_t i = 0; i < ENTRIES && kept > 0; i++) {
        armpb__entry__init(&m->entries[i]);
        m->entry_list[i] = &m->entries[i];
        m->entries[i].rows = i + 1 == ENTRIES ? kept : 1 + (uint32_t)rand() % kept;
        kept -= m->entries[i].rows;
        m->group.n_entries++;
    }
    m->group.entries = m->entry_list;
    m->entries[m->group.n_entries - 1].rows += kept;
}

/* Row by row: each kept one goes where counting says, each dropped one is gone. */
static void test_compaction_maps_every_row(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct arm_group_map map = {.group = NULL};
        struct arm_error err = {0};
        struct made m;
        uint32_t in_entry = 0;
        size_t entry = 0;

        srand(seed);
        make(&m);
        assert_ok(arm__group_map_init(&m.group, &map, &err), err);
        for (size_t i = 0; i < SOURCES; i++) {
            for (uint32_t row = 0; row < m.sources[i].rows; row++) {
                roaring_bitmap_t *sets[ENTRIES] = {NULL};
                roaring_bitmap_t *one = roaring_bitmap_of(1, row);
                uint64_t gone = 9;

                assert_ok(arm__group_map_rows(&map, i, one, sets, &gone, &err), err);
                assert_int_equal(gone, m.dropped[i][row]);
                for (size_t e = 0; e < m.group.n_entries; e++) {
                    bool here = !m.dropped[i][row] && e == entry;

                    assert_int_equal(sets[e] != NULL, here);
                    assert_true(!here || roaring_bitmap_contains(sets[e], in_entry));
                    arm__vector_free(sets[e]);
                }
                if (!m.dropped[i][row] && ++in_entry == m.entries[entry].rows) {
                    in_entry = 0;
                    entry++;
                }
                roaring_bitmap_free(one);
            }
        }
        assert_int_equal(entry, m.group.n_entries);
        m.entries[0].rows++;
        arm__group_map_release(&map);
        assert_fails(ARM_CORRUPT, arm__group_map_init(&m.group, &map, &err), err);
        for (size_t i = 0; i < SOURCES; i++) {
            arm__buf_release(&m.vectors[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compaction_maps_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
