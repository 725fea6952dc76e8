// SPDX-License-Identifier: Apache-2.0
#include "duck/insert.hpp"

namespace arm
{

duckdb::SinkResultType Insert::Sink(duckdb::ExecutionContext &, DataChunk &chunk,
                                    duckdb::OperatorSinkInput &input) const
{
    auto &state = input.global_state.Cast<RowState>();

    state.result.Add(chunk);
    state.result.count += chunk.size();
    state.change->Insert(chunk);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
}

} // namespace arm
