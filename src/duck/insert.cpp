// SPDX-License-Identifier: Apache-2.0
#include "duck/insert.hpp"

#include "duck/error.hpp"
#include "duck/returned.hpp"
#include "duck/row_writer.hpp"
#include "duck/schema_entry.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"

namespace arm
{

namespace
{

class InsertState : public duckdb::GlobalSinkState
{
public:
    // The writer borrows a schema: the view's, or that of the table to be made.
    shared_ptr<View> view;
    std::shared_ptr<const Armpb__Schema> columns;
    unique_ptr<RowWriter> writer;
    Returned result;

    InsertState(ClientContext &context, const vector<LogicalType> &returned)
        : result(context, returned)
    {
    }
};

} // namespace

Insert::Insert(duckdb::PhysicalPlan &plan, vector<LogicalType> types,
               shared_ptr<TableEntry> table_p, bool returns, idx_t cardinality)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                       cardinality),
      table(std::move(table_p)), schema(table->schema), table_name(table->name), returns(returns)
{
}

Insert::Insert(duckdb::PhysicalPlan &plan, vector<LogicalType> types, SchemaEntry &schema,
               const string &name, OwnedSchema columns, bool replaces, idx_t cardinality)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                       cardinality),
      schema(schema), table_name(name), columns(std::move(columns)), replaces(replaces)
{
}

string Insert::GetName() const
{
    return table ? "ARMILLARIA_INSERT" : "ARMILLARIA_CREATE_TABLE_AS";
}

duckdb::InsertionOrderPreservingMap<string> Insert::ParamsToString() const
{
    duckdb::InsertionOrderPreservingMap<string> result;

    result["Table"] = table_name;
    return result;
}

unique_ptr<duckdb::GlobalSinkState> Insert::GetGlobalSinkState(ClientContext &context) const
{
    auto &transaction = Transaction::Get(context, schema.catalog);
    auto result = make_uniq<InsertState>(context, returns ? types : vector<LogicalType>());
    const Armpb__Schema *written = columns.get();

    result->columns = columns;
    if (table) {
        result->view = transaction.LookAtColumns(*table);
        written = result->view->Get().schema;
    }
    result->writer = make_uniq<RowWriter>(transaction.session, *written, table_name);
    return std::move(result);
}

duckdb::SinkResultType Insert::Sink(duckdb::ExecutionContext &, DataChunk &chunk,
                                    duckdb::OperatorSinkInput &input) const
{
    auto &state = input.global_state.Cast<InsertState>();

    state.result.Add(chunk);
    state.writer->Push(chunk);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
}

duckdb::SinkFinalizeType Insert::Finalize(duckdb::Pipeline &, duckdb::Event &,
                                          ClientContext &context,
                                          duckdb::OperatorSinkFinalizeInput &input) const
{
    auto &state = input.global_state.Cast<InsertState>();
    arm_txn *txn = Transaction::Get(context, schema.catalog).Txn();
    const char *schema_name = schema.name.c_str();
    arm_written written = state.writer->Finish();
    arm_status st = ARM_OK;
    arm_error error;

    state.result.count = written.rows;
    if (!table) {
        st = arm__txn_create_table(txn, schema_name, table_name.c_str(), columns.get(), replaces,
                                   &error);
    }
    if (st == ARM_OK) {
        st = arm__txn_append(txn, schema_name, table_name.c_str(), &written, &error);
    }
    arm__written_release(&written);
    Check(st, error);
    return duckdb::SinkFinalizeType::READY;
}

unique_ptr<duckdb::GlobalSourceState> Insert::GetGlobalSourceState(ClientContext &) const
{
    return make_uniq<ReturnedScan>(sink_state->Cast<InsertState>().result);
}

duckdb::SourceResultType Insert::GetDataInternal(duckdb::ExecutionContext &, DataChunk &chunk,
                                                 duckdb::OperatorSourceInput &input) const
{
    auto &state = sink_state->Cast<InsertState>();

    return input.global_state.Cast<ReturnedScan>().Next(state.result, chunk);
}

} // namespace arm
