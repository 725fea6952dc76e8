// SPDX-License-Identifier: Apache-2.0
#include "duck/row_operator.hpp"

#include "duck/table_entry.hpp"

namespace arm
{

RowState::RowState(ClientContext &context, const RowTarget &target,
                   const vector<LogicalType> &types)
    : change(target.shared ? target.shared->change : make_shared_ptr<RowChange>(context, target)),
      result(context, target.returns ? types : vector<LogicalType>())
{
}

RowOperator::RowOperator(duckdb::PhysicalPlan &plan, vector<LogicalType> types, RowTarget target,
                         idx_t cardinality)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                       cardinality),
      target(std::move(target))
{
}

duckdb::InsertionOrderPreservingMap<string> RowOperator::ParamsToString() const
{
    duckdb::InsertionOrderPreservingMap<string> result;

    result["Table"] = target.table->name;
    return result;
}

unique_ptr<duckdb::GlobalSinkState> RowOperator::GetGlobalSinkState(ClientContext &context) const
{
    return make_uniq<RowState>(context, target, types);
}

duckdb::SinkFinalizeType RowOperator::Finalize(duckdb::Pipeline &, duckdb::Event &, ClientContext &,
                                               duckdb::OperatorSinkFinalizeInput &input) const
{
    auto &state = input.global_state.Cast<RowState>();

    if (!target.shared) {
        state.result.count += state.change->Apply();
    }
    return duckdb::SinkFinalizeType::READY;
}

unique_ptr<duckdb::GlobalSourceState> RowOperator::GetGlobalSourceState(ClientContext &) const
{
    return make_uniq<ReturnedScan>(sink_state->Cast<RowState>().result);
}

duckdb::SourceResultType RowOperator::GetDataInternal(duckdb::ExecutionContext &, DataChunk &chunk,
                                                      duckdb::OperatorSourceInput &input) const
{
    auto &state = sink_state->Cast<RowState>();

    return input.global_state.Cast<ReturnedScan>().Next(state.result, chunk);
}

} // namespace arm
