// SPDX-License-Identifier: Apache-2.0
#include "duck/update.hpp"

#include "duck/error.hpp"
#include "duck/returned.hpp"
#include "duck/row_set.hpp"
#include "duck/row_writer.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace arm
{

using duckdb::SelectionVector;
using duckdb::Vector;

namespace
{

// Rows that keep their id, and rows of this transaction, which have none yet.
enum Kind { KEPT, OWN, KIND_COUNT };

class UpdateState : public duckdb::GlobalSinkState
{
public:
    UpdateState(ClientContext &context, const TableEntry &table, const NewRow &row,
                const vector<LogicalType> &returned)
        : result(context, returned), defaults(context, row.defaults), types(table.GetTypes())
    {
    }

    RowSet dead;
    unique_ptr<RowWriter> writers[KIND_COUNT];
    Returned result;
    duckdb::ExpressionExecutor defaults;
    vector<LogicalType> types;
};

// What is written, released whatever happens.
struct Written {
    Written() : parts() {}
    ~Written()
    {
        for (auto &part : parts) {
            arm__written_release(&part);
        }
    }

    arm_written parts[KIND_COUNT];
};

// The rows of `chunk` that the statement has not named before.
idx_t SelectFresh(RowSet &dead, DataChunk &chunk, idx_t row_id, SelectionVector &fresh)
{
    duckdb::UnifiedVectorFormat entries;
    duckdb::UnifiedVectorFormat numbers;
    idx_t count = 0;

    chunk.data[row_id].ToUnifiedFormat(chunk.size(), entries);
    chunk.data[row_id + 1].ToUnifiedFormat(chunk.size(), numbers);
    auto entry = duckdb::UnifiedVectorFormat::GetData<uint64_t>(entries);
    auto number = duckdb::UnifiedVectorFormat::GetData<int64_t>(numbers);
    for (idx_t i = 0; i < chunk.size(); i++) {
        auto row = static_cast<uint32_t>(number[numbers.sel->get_index(i)]);
        if (dead.Add(entry[entries.sel->get_index(i)], row)) {
            fresh.set_index(count++, i);
        }
    }
    return count;
}

} // namespace

Update::Update(duckdb::PhysicalPlan &plan, vector<LogicalType> types, shared_ptr<TableEntry> table,
               shared_ptr<View> view, NewRow row, idx_t row_id, bool returns, idx_t cardinality)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                       cardinality),
      table(std::move(table)), view(std::move(view)), row(std::move(row)), row_id(row_id),
      returns(returns)
{
}

duckdb::InsertionOrderPreservingMap<string> Update::ParamsToString() const
{
    duckdb::InsertionOrderPreservingMap<string> result;

    result["Table"] = table->name;
    return result;
}

unique_ptr<duckdb::GlobalSinkState> Update::GetGlobalSinkState(ClientContext &context) const
{
    return make_uniq<UpdateState>(context, *table, row, returns ? types : vector<LogicalType>());
}

namespace
{

// The new rows, in the table's columns.
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

// The rows of `chunk` in `rows`, with the ids behind them where they keep them.
void Write(UpdateState &state, Kind kind, DataChunk &chunk, Vector &ids,
           const SelectionVector &rows, idx_t count)
{
    auto types = state.types;
    DataChunk part;

    if (count == 0) {
        return;
    }
    if (kind == KEPT) {
        types.push_back(LogicalType::BIGINT);
    }
    part.InitializeEmpty(types);
    for (idx_t i = 0; i < chunk.ColumnCount(); i++) {
        part.data[i].Slice(chunk.data[i], rows, count);
    }
    if (kind == KEPT) {
        part.data[chunk.ColumnCount()].Slice(ids, rows, count);
    }
    part.SetCardinality(count);
    state.writers[kind]->Push(part);
}

} // namespace

duckdb::SinkResultType Update::Sink(duckdb::ExecutionContext &context, DataChunk &chunk,
                                    duckdb::OperatorSinkInput &input) const
{
    auto &state = input.global_state.Cast<UpdateState>();
    auto &session = Transaction::Get(context.client, table->catalog).session;
    auto first_own = static_cast<int64_t>(view->Get().first_own_row_id);
    SelectionVector fresh(STANDARD_VECTOR_SIZE);
    SelectionVector of_kind[KIND_COUNT] = {SelectionVector(STANDARD_VECTOR_SIZE),
                                           SelectionVector(STANDARD_VECTOR_SIZE)};
    idx_t counts[KIND_COUNT] = {0, 0};
    DataChunk rows;

    auto count = SelectFresh(state.dead, chunk, row_id, fresh);
    if (count < chunk.size()) {
        chunk.Slice(fresh, count);
    }
    if (count == 0) {
        return duckdb::SinkResultType::NEED_MORE_INPUT;
    }
    MakeRows(state, row, chunk, rows);
    state.result.Add(rows);
    Vector &ids = chunk.data[row_id - 1];
    ids.Flatten(count);
    for (idx_t i = 0; i < count; i++) {
        Kind kind = duckdb::FlatVector::GetData<int64_t>(ids)[i] < first_own ? KEPT : OWN;
        of_kind[kind].set_index(counts[kind]++, i);
    }
    for (auto kind : {KEPT, OWN}) {
        if (counts[kind] > 0 && !state.writers[kind]) {
            state.writers[kind] =
                make_uniq<RowWriter>(session, *view->Get().schema, table->name, kind == KEPT);
        }
        Write(state, kind, rows, ids, of_kind[kind], counts[kind]);
    }
    return duckdb::SinkResultType::NEED_MORE_INPUT;
}

duckdb::SinkFinalizeType Update::Finalize(duckdb::Pipeline &, duckdb::Event &,
                                          ClientContext &context,
                                          duckdb::OperatorSinkFinalizeInput &input) const
{
    auto &state = input.global_state.Cast<UpdateState>();
    arm_txn *txn = Transaction::Get(context, table->catalog).Txn();
    Written written;
    arm_error error;

    if (!view) {
        return duckdb::SinkFinalizeType::READY;
    }
    for (auto kind : {KEPT, OWN}) {
        if (state.writers[kind]) {
            written.parts[kind] = state.writers[kind]->Finish();
        }
    }
    auto rows = state.dead.ByEntry(*view);
    auto handles = const_cast<roaring_bitmap_t *const *>(rows.data());
    Check(arm__txn_update(txn, &view->Get(), handles, written.parts, &state.result.count, &error),
          error);
    return duckdb::SinkFinalizeType::READY;
}

unique_ptr<duckdb::GlobalSourceState> Update::GetGlobalSourceState(ClientContext &) const
{
    return make_uniq<ReturnedScan>(sink_state->Cast<UpdateState>().result);
}

duckdb::SourceResultType Update::GetDataInternal(duckdb::ExecutionContext &, DataChunk &chunk,
                                                 duckdb::OperatorSourceInput &input) const
{
    auto &state = sink_state->Cast<UpdateState>();

    return input.global_state.Cast<ReturnedScan>().Next(state.result, chunk);
}

} // namespace arm
