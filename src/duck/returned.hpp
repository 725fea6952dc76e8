// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_RETURNED_HPP
#define ARM_DUCK_RETURNED_HPP

// What a statement that changes rows gives: their number, or the rows for RETURNING, gathered
// until the change is done.

#include "duck/core.hpp"
#include "duckdb/common/types/column/column_data_collection.hpp"
#include "duckdb/execution/physical_operator_states.hpp"

namespace arm
{

class Returned
{
public:
    // `types`: those of the rows; empty: only the number is wanted.
    Returned(ClientContext &context, const vector<LogicalType> &types);

    void Add(DataChunk &rows); // nothing, where only the number is wanted

    uint64_t count = 0;
    unique_ptr<duckdb::ColumnDataCollection> rows; // null: only the number is wanted
};

class ReturnedScan : public duckdb::GlobalSourceState
{
public:
    explicit ReturnedScan(const Returned &returned);

    duckdb::SourceResultType Next(const Returned &returned, DataChunk &chunk);

private:
    duckdb::ColumnDataScanState state;
};

} // namespace arm

#endif
