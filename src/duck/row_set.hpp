// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ROW_SET_HPP
#define ARM_DUCK_ROW_SET_HPP

// Rows of a view, gathered as a scan names them: (entry, row in the slot).

#include <map>

#include "duck/view.hpp"

namespace arm
{

class RowSet
{
public:
    RowSet() = default;
    ~RowSet();
    RowSet(const RowSet &) = delete;
    RowSet &operator=(const RowSet &) = delete;

    bool Add(uint64_t entry, uint32_t row); // false: it is there already
    // The rows that `chunk` names at `place` (entry, then number): how many were not there;
    // `fresh` (may be null) gets those.
    idx_t Add(DataChunk &chunk, idx_t place, duckdb::SelectionVector *fresh);
    void Join(RowSet &other); // which is empty afterwards
    bool IsEmpty() const { return rows.empty(); }
    bool HasEntry(uint64_t entry) const { return rows.count(entry) > 0; }
    bool Has(uint64_t entry, uint32_t row) const;
    // One bitmap per entry of the view, null where no row is meant; rows of hot runs come to
    // their own entries. Borrowed.
    vector<const roaring_bitmap_t *> ByEntry(const View &view);

private:
    roaring_bitmap_t *Rows(uint64_t entry);
    void Spread(const View &view, uint64_t first_entry);

    std::map<uint64_t, roaring_bitmap_t *> rows; // null: none
    // The last entry used: rows come in runs.
    uint64_t last_entry = UINT64_MAX;
    roaring_bitmap_t *last = nullptr;
};

} // namespace arm

#endif
