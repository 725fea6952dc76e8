// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_DELETE_FILTER_HPP
#define ARM_DUCK_DELETE_FILTER_HPP

// Leaves out the dead rows of one chunk. The bitmap is borrowed from the view, which the scan
// holds. Called by several threads at once.

#include "duck/core.hpp"
#include "duckdb/common/multi_file/multi_file_data.hpp"

namespace arm
{

class DeleteFilter : public duckdb::DeleteFilter
{
public:
    explicit DeleteFilter(const roaring_bitmap_t *dead) : dead(dead) {}

    // Rows start .. start+count-1: `live` gets the offsets of those that live. When all do, it
    // stays the identity, which costs the reader nothing.
    idx_t Filter(duckdb::row_t start, idx_t count, duckdb::SelectionVector &live) override;

private:
    const roaring_bitmap_t *dead;
};

} // namespace arm

#endif
