// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_VIEW_HPP
#define ARM_DUCK_VIEW_HPP

// One table as one statement sees it, held for as long as anything scans it (D3), and laid out
// as files for DuckDB's multi-file scan: each chunk is a file, each run of neighbouring hot
// entries another. Immutable; safe on any thread.

#include <map>
#include <mutex>

#include "duck/core.hpp"

namespace arm
{

// Rows in a file are named by (first_entry, row in the slot); in a run of hot entries the row
// counts on through all of them.
struct Slot {
    uint32_t first_entry;
    uint32_t entry_count;
    uint32_t rows;
    bool is_hot;
};

struct ViewDropper {
    void operator()(const arm_view *view) const { arm__view_drop(view); }
};

class View
{
public:
    explicit View(const arm_view *view); // takes the reference

    const arm_view &Get() const { return *view; }
    const arm_state_entry &Entry(idx_t entry) const { return view->entries[entry]; }
    const vector<Slot> &Slots() const { return slots; }
    bool HasHot() const { return has_hot; }
    bool HasDead() const { return has_dead; }
    string Path(idx_t entry) const;
    // Of each entry, null where unknown; looked up once for each column that is asked for.
    const vector<const Armpb__ColumnStatistics *> &Statistics(uint32_t column_id) const;

private:
    void AddHot(uint32_t entry);

    std::unique_ptr<const arm_view, ViewDropper> view;
    vector<Slot> slots;
    bool has_hot = false;
    bool has_dead = false;
    mutable std::mutex mutex; // guards the map, not what is in it
    mutable std::map<uint32_t, vector<const Armpb__ColumnStatistics *>> statistics;
};

} // namespace arm

#endif
