// SPDX-License-Identifier: Apache-2.0
#include "duck/delete_filter.hpp"

namespace arm
{

idx_t DeleteFilter::Filter(duckdb::row_t start, idx_t count, duckdb::SelectionVector &live)
{
    auto first = static_cast<uint64_t>(start);
    roaring_uint32_iterator_t next;
    idx_t kept = 0;

    roaring_init_iterator(dead, &next);
    bool has_dead =
        roaring_move_uint32_iterator_equalorlarger(&next, static_cast<uint32_t>(first)) &&
        next.current_value < first + count;
    if (!has_dead) {
        return count;
    }
    live.Initialize(STANDARD_VECTOR_SIZE);
    if (roaring_bitmap_contains_range(dead, first, first + count)) {
        return 0; // of narrow views that is most of a chunk
    }
    for (idx_t i = 0; i < count; i++) {
        if (next.has_value && next.current_value == first + i) {
            roaring_advance_uint32_iterator(&next);
        } else {
            live.set_index(kept++, i);
        }
    }
    return kept;
}

} // namespace arm
