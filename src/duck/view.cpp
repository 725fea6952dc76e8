// SPDX-License-Identifier: Apache-2.0
#include "duck/view.hpp"

#include "duck/error.hpp"

namespace arm
{

namespace
{

// A hot run is scanned by one thread: long ones are cut, so that several have work.
constexpr uint32_t HOT_ROWS_MAX = 61440;

} // namespace

View::View(const arm_view *view) : view(view)
{
    for (size_t i = 0; i < view->entry_count; i++) {
        const arm_state_entry &entry = view->entries[i];
        has_dead = has_dead || entry.dead > 0;
        if (entry.is_hot) {
            AddHot(static_cast<uint32_t>(i));
        } else if (entry.dead < entry.rows) {
            slots.push_back(Slot{static_cast<uint32_t>(i), 1, entry.rows, false});
        }
    }
}

void View::AddHot(uint32_t entry)
{
    uint32_t rows = view->entries[entry].rows;
    bool joins = !slots.empty() && slots.back().is_hot &&
                 slots.back().first_entry + slots.back().entry_count == entry &&
                 slots.back().rows + rows <= HOT_ROWS_MAX;

    has_hot = true;
    if (joins) {
        slots.back().entry_count++;
        slots.back().rows += rows;
    } else {
        slots.push_back(Slot{entry, 1, rows, true});
    }
}

const vector<const Armpb__ColumnStatistics *> &View::Statistics(uint32_t column_id) const
{
    std::lock_guard<std::mutex> guard(mutex);
    auto &result = statistics[column_id];

    if (result.empty()) {
        result.resize(view->entry_count, nullptr);
        for (size_t i = 0; i < view->entry_count; i++) {
            if (!view->entries[i].is_hot) {
                result[i] = arm__view_statistics(view.get(), i, column_id);
            }
        }
    }
    return result;
}

string View::Path(idx_t entry) const
{
    char *path = nullptr;
    arm_error error;

    Check(arm__view_path(view.get(), entry, &path, &error), error);
    string result(path);
    arm__free(path);
    return result;
}

} // namespace arm
