// SPDX-License-Identifier: Apache-2.0
#include "duck/update.hpp"

#include "duck/table_entry.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace arm
{

using duckdb::Vector;

namespace
{

class UpdateState : public RowState
{
public:
    UpdateState(ClientContext &context, const RowTarget &target, const NewRow &row,
                const vector<LogicalType> &returned)
        : RowState(context, target, returned), defaults(context, row.defaults),
          types(target.table->GetTypes())
    {
        types.push_back(LogicalType::BIGINT);
    }

    duckdb::ExpressionExecutor defaults;
    vector<LogicalType> types; // of the table's columns and the row's id
};

// The new rows, in the table's columns, and their ids behind them.
void MakeRows(UpdateState &state, const NewRow &row, DataChunk &input, DataChunk &out)
{
    out.InitializeEmpty(state.types);
    for (idx_t i = 0; i < row.columns.size(); i++) {
        auto &column = out.data[row.columns[i].index];
        auto &expression = *row.expressions[i];
        if (expression.GetExpressionType() == duckdb::ExpressionType::BOUND_REF) {
            auto index = expression.Cast<duckdb::BoundReferenceExpression>().index;
            column.Reference(input.data[index]);
        } else { // SET … = DEFAULT
            Vector value(column.GetType());
            state.defaults.SetChunk(&input);
            state.defaults.ExecuteExpression(row.columns[i].index, value);
            column.Reference(value);
        }
    }
    out.SetCardinality(input.size());
}

} // namespace

Update::Update(duckdb::PhysicalPlan &plan, vector<LogicalType> types, RowTarget target, NewRow row,
               idx_t place, idx_t cardinality)
    : RowOperator(plan, std::move(types), std::move(target), cardinality), row(std::move(row)),
      place(place)
{
}

unique_ptr<duckdb::GlobalSinkState> Update::GetGlobalSinkState(ClientContext &context) const
{
    return make_uniq<UpdateState>(context, target, row, types);
}

duckdb::SinkResultType Update::Sink(duckdb::ExecutionContext &, DataChunk &chunk,
                                    duckdb::OperatorSinkInput &input) const
{
    auto &state = input.global_state.Cast<UpdateState>();
    duckdb::SelectionVector fresh(STANDARD_VECTOR_SIZE);
    DataChunk rows;

    auto count = state.change->Kill(chunk, place, fresh);
    if (count == 0) {
        return duckdb::SinkResultType::NEED_MORE_INPUT;
    }
    if (count < chunk.size()) {
        chunk.Slice(fresh, count);
    }
    MakeRows(state, row, chunk, rows);
    Vector ids(rows.data.back());
    rows.data.pop_back();
    state.result.Add(rows);
    state.change->Replace(rows, ids);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
}

} // namespace arm
