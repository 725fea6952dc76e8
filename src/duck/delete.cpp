// SPDX-License-Identifier: Apache-2.0
#include "duck/delete.hpp"

#include "duck/row_fetch.hpp"

namespace arm
{

namespace
{

class DeleteState : public RowState
{
public:
    using RowState::RowState;

    RowSet rows;
};

class LocalDeleteState : public duckdb::LocalSinkState
{
public:
    RowSet rows;
};

} // namespace

Delete::Delete(duckdb::PhysicalPlan &plan, vector<LogicalType> types, RowTarget target, idx_t place,
               idx_t cardinality)
    : RowOperator(plan, std::move(types), std::move(target), cardinality), place(place)
{
}

unique_ptr<duckdb::GlobalSinkState> Delete::GetGlobalSinkState(ClientContext &context) const
{
    return make_uniq<DeleteState>(context, target, types);
}

unique_ptr<duckdb::LocalSinkState> Delete::GetLocalSinkState(duckdb::ExecutionContext &) const
{
    return make_uniq<LocalDeleteState>();
}

duckdb::SinkResultType Delete::Sink(duckdb::ExecutionContext &, DataChunk &chunk,
                                    duckdb::OperatorSinkInput &input) const
{
    input.local_state.Cast<LocalDeleteState>().rows.Add(chunk, place, nullptr);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
}

duckdb::SinkCombineResultType Delete::Combine(duckdb::ExecutionContext &,
                                              duckdb::OperatorSinkCombineInput &input) const
{
    auto &state = input.global_state.Cast<DeleteState>();
    std::lock_guard<std::mutex> guard(state.mutex);

    state.rows.Join(input.local_state.Cast<LocalDeleteState>().rows);
    return duckdb::SinkCombineResultType::FINISHED;
}

duckdb::SinkFinalizeType Delete::Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                          ClientContext &context,
                                          duckdb::OperatorSinkFinalizeInput &input) const
{
    auto &state = input.global_state.Cast<DeleteState>();

    if (target.returns && !state.rows.IsEmpty()) {
        FetchRows(context, target.table, target.view, state.rows,
                  [&](DataChunk &rows) { state.result.Add(rows); });
    }
    state.change->Kill(state.rows);
    return RowOperator::Finalize(pipeline, event, context, input);
}

} // namespace arm
