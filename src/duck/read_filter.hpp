// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_READ_FILTER_HPP
#define ARM_DUCK_READ_FILTER_HPP

// What a scan looked for, told to a serializable transaction (txn.h). Only filters that the
// statement itself asks for: those that DuckDB derives from what it meets on the way (a join's
// other side, the best rows so far) say what it needed, not what it depends on.

#include "duck/scan.hpp"
#include "duckdb/planner/table_filter.hpp"

namespace arm
{

// `filters` (null: none) are keyed by position in `columns`.
void NoteRead(ClientContext &context, const ScanInfo &info,
              const vector<duckdb::ColumnIndex> &columns,
              optional_ptr<duckdb::TableFilterSet> filters);

} // namespace arm

#endif
