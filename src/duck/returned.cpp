// SPDX-License-Identifier: Apache-2.0
#include "duck/returned.hpp"

namespace arm
{

Returned::Returned(ClientContext &context, const vector<LogicalType> &types)
{
    if (!types.empty()) {
        rows = make_uniq<duckdb::ColumnDataCollection>(context, types);
    }
}

void Returned::Add(DataChunk &chunk)
{
    if (rows) {
        rows->Append(chunk);
    }
}

ReturnedScan::ReturnedScan(const Returned &returned)
{
    if (returned.rows) {
        returned.rows->InitializeScan(state);
    }
}

duckdb::SourceResultType ReturnedScan::Next(const Returned &returned, DataChunk &chunk)
{
    if (returned.rows) {
        returned.rows->Scan(state, chunk);
        return chunk.size() == 0 ? duckdb::SourceResultType::FINISHED
                                 : duckdb::SourceResultType::HAVE_MORE_OUTPUT;
    }
    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, Value::BIGINT(static_cast<int64_t>(returned.count)));
    return duckdb::SourceResultType::FINISHED;
}

} // namespace arm
