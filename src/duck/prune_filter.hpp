// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_PRUNE_FILTER_HPP
#define ARM_DUCK_PRUNE_FILTER_HPP

// DuckDB's table filter on a column, translated once for prune.h, which judges by it.

#include <deque>

#include "duck/prune.h"
#include "duck/view.hpp"
#include "duckdb/planner/table_filter.hpp"

namespace arm
{

class PruneFilter
{
public:
    PruneFilter(const View &view, const Armpb__Field &field, const duckdb::TableFilter &filter);
    PruneFilter(PruneFilter &&) = default;

    // Whether an entry of the view can hold rows that pass.
    bool Keeps(idx_t entry) const;
    // The same of an entry with these statistics (null: unknown), and of one value.
    bool KeepsStatistics(const Armpb__ColumnStatistics *statistics, uint32_t rows) const;
    bool KeepsValue(const Value &value) const;

    const Armpb__Field &Field() const { return *field; }
    const LogicalType &Type() const { return type; }

private:
    arm_prune Translate(const duckdb::TableFilter &filter);
    arm_prune Compare(const duckdb::TableFilter &filter);
    arm_prune In(const duckdb::TableFilter &filter);
    template <class FILTER> arm_prune Children(const FILTER &filter, arm_prune_kind kind);
    bool Encode(const Value &value, string &out) const;

    const View &view;
    const vector<const Armpb__ColumnStatistics *> &statistics;
    const Armpb__Field *field;
    LogicalType type;
    // What the translated filter borrows: deques keep their elements in place.
    std::deque<string> bytes;
    std::deque<std::vector<arm_bytes>> values;
    std::deque<std::vector<arm_prune>> children;
    arm_prune filter;
};

} // namespace arm

#endif
