// SPDX-License-Identifier: Apache-2.0
#include "duck/delete.hpp"

#include <mutex>

#include "duck/error.hpp"
#include "duck/row_set.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"

namespace arm
{

namespace
{

class DeleteState : public duckdb::GlobalSinkState
{
public:
    std::mutex mutex;
    RowSet rows;
    uint64_t count = 0;
};

class LocalDeleteState : public duckdb::LocalSinkState
{
public:
    RowSet rows;
};

} // namespace

Delete::Delete(duckdb::PhysicalPlan &plan, vector<LogicalType> types, shared_ptr<TableEntry> table,
               shared_ptr<View> view, idx_t row_id, idx_t cardinality)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                       cardinality),
      table(std::move(table)), view(std::move(view)), row_id(row_id)
{
}

duckdb::InsertionOrderPreservingMap<string> Delete::ParamsToString() const
{
    duckdb::InsertionOrderPreservingMap<string> result;

    result["Table"] = table->name;
    return result;
}

unique_ptr<duckdb::GlobalSinkState> Delete::GetGlobalSinkState(ClientContext &) const
{
    return make_uniq<DeleteState>();
}

unique_ptr<duckdb::LocalSinkState> Delete::GetLocalSinkState(duckdb::ExecutionContext &) const
{
    return make_uniq<LocalDeleteState>();
}

duckdb::SinkResultType Delete::Sink(duckdb::ExecutionContext &, DataChunk &chunk,
                                    duckdb::OperatorSinkInput &input) const
{
    RowSet &rows = input.local_state.Cast<LocalDeleteState>().rows;
    duckdb::UnifiedVectorFormat entries;
    duckdb::UnifiedVectorFormat numbers;

    chunk.data[row_id].ToUnifiedFormat(chunk.size(), entries);
    chunk.data[row_id + 1].ToUnifiedFormat(chunk.size(), numbers);
    auto entry = duckdb::UnifiedVectorFormat::GetData<uint64_t>(entries);
    auto number = duckdb::UnifiedVectorFormat::GetData<int64_t>(numbers);
    for (idx_t i = 0; i < chunk.size(); i++) {
        rows.Add(entry[entries.sel->get_index(i)],
                 static_cast<uint32_t>(number[numbers.sel->get_index(i)]));
    }
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

duckdb::SinkFinalizeType Delete::Finalize(duckdb::Pipeline &, duckdb::Event &,
                                          ClientContext &context,
                                          duckdb::OperatorSinkFinalizeInput &input) const
{
    auto &state = input.global_state.Cast<DeleteState>();
    arm_txn *txn = Transaction::Get(context, table->catalog).Txn();
    arm_error error;

    if (view) {
        auto rows = state.rows.ByEntry(*view);
        auto handles = const_cast<roaring_bitmap_t *const *>(rows.data());
        Check(arm__txn_delete(txn, &view->Get(), handles, &state.count, &error), error);
    }
    return duckdb::SinkFinalizeType::READY;
}

duckdb::SourceResultType Delete::GetDataInternal(duckdb::ExecutionContext &, DataChunk &chunk,
                                                 duckdb::OperatorSourceInput &) const
{
    auto &state = sink_state->Cast<DeleteState>();

    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, Value::BIGINT(static_cast<int64_t>(state.count)));
    return duckdb::SourceResultType::FINISHED;
}

} // namespace arm
