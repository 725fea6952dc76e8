// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_FILTERS_ABOVE_HPP
#define ARM_DUCK_FILTERS_ABOVE_HPP

// Filters that stay above a scan, since DuckDB's Parquet reader would judge them wrong: those on a
// column that takes none (TableEntry::takes_filters), and IS DISTINCT FROM, for which it skips
// row groups of NULLs alone. Such a filter is wrapped into a function that gives its argument
// back, which the optimizer does not see through. (DuckDB's own hook for this,
// supports_pushdown_type, adds the filter's column to what the scan gives, also where the
// operators above count on the columns they asked for.)

#include "duck/core.hpp"

namespace duckdb
{
class LogicalGet;
}

namespace arm
{

// Wrap those of `filters`, which stand above `get`, that must stay there.
void KeepFiltersAbove(const duckdb::LogicalGet &get, const vector<bool> &takes_filters,
                      vector<unique_ptr<Expression>> &filters);

// Whether a filter was wrapped.
bool StaysAbove(const Expression &filter);

// Make the wrapping function known to the system catalog, where a serialized plan looks for it.
void RegisterFiltersAbove(ClientContext &context);

} // namespace arm

#endif
