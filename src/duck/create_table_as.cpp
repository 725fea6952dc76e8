// SPDX-License-Identifier: Apache-2.0
#include "duck/create_table_as.hpp"

#include "duck/error.hpp"
#include "duck/row_writer.hpp"
#include "duck/schema_entry.hpp"
#include "duck/transaction.hpp"

namespace arm
{

namespace
{

class CreateState : public duckdb::GlobalSinkState
{
public:
    CreateState(const SessionState &session, std::shared_ptr<const Armpb__Schema> columns_p,
                const string &table)
        : columns(std::move(columns_p)), writer(session, *columns, table)
    {
    }

    const std::shared_ptr<const Armpb__Schema> columns; // which the writer borrows
    RowWriter writer;
    uint64_t count = 0;
};

} // namespace

CreateTableAs::CreateTableAs(duckdb::PhysicalPlan &plan, vector<LogicalType> types,
                             SchemaEntry &schema, const string &name, OwnedSchema columns,
                             bool replaces, idx_t cardinality)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                       cardinality),
      schema(schema), table_name(name), columns(std::move(columns)), replaces(replaces)
{
}

duckdb::InsertionOrderPreservingMap<string> CreateTableAs::ParamsToString() const
{
    duckdb::InsertionOrderPreservingMap<string> result;

    result["Table"] = table_name;
    return result;
}

unique_ptr<duckdb::GlobalSinkState> CreateTableAs::GetGlobalSinkState(ClientContext &context) const
{
    auto &session = Transaction::Get(context, schema.catalog).session;

    return make_uniq<CreateState>(session, columns, table_name);
}

duckdb::SinkResultType CreateTableAs::Sink(duckdb::ExecutionContext &, DataChunk &chunk,
                                           duckdb::OperatorSinkInput &input) const
{
    input.global_state.Cast<CreateState>().writer.Push(chunk);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
}

duckdb::SinkFinalizeType CreateTableAs::Finalize(duckdb::Pipeline &, duckdb::Event &,
                                                 ClientContext &context,
                                                 duckdb::OperatorSinkFinalizeInput &input) const
{
    auto &state = input.global_state.Cast<CreateState>();
    arm_transaction *txn = Transaction::Get(context, schema.catalog).Txn();
    const char *schema_name = schema.name.c_str();
    arm_written written = state.writer.Finish();
    arm_error error;

    state.count = written.rows;
    arm_status st = arm__txn_create_table(txn, schema_name, table_name.c_str(), columns.get(),
                                          replaces, &error);
    if (st == ARM_OK) {
        st = arm__txn_append(txn, schema_name, table_name.c_str(), &written, &error);
    }
    arm__written_release(&written);
    Check(st, error);
    return duckdb::SinkFinalizeType::READY;
}

duckdb::SourceResultType CreateTableAs::GetDataInternal(duckdb::ExecutionContext &,
                                                        DataChunk &chunk,
                                                        duckdb::OperatorSourceInput &) const
{
    auto count = sink_state->Cast<CreateState>().count;

    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, Value::BIGINT(static_cast<int64_t>(count)));
    return duckdb::SourceResultType::FINISHED;
}

} // namespace arm
