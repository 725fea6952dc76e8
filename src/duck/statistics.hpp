// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_STATISTICS_HPP
#define ARM_DUCK_STATISTICS_HPP

// What a view's statistics tell the optimizer about the whole table: bounds of columns, and the
// answers to count(*), min and max that need no scan.

#include "duck/scan.hpp"
#include "duckdb/function/partition_stats.hpp"
#include "duckdb/storage/statistics/base_statistics.hpp"

namespace arm
{

// Bounds of a column; null: nothing is known.
unique_ptr<duckdb::BaseStatistics> ColumnBounds(const View &view, const TableEntry &table,
                                                duckdb::column_t column);

// The live rows, all in one partition.
duckdb::PartitionStatistics WholeTable(const shared_ptr<ScanInfo> &info);

} // namespace arm

#endif
