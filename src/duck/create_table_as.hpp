// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_CREATE_TABLE_AS_HPP
#define ARM_DUCK_CREATE_TABLE_AS_HPP

// CREATE TABLE AS: rows in the source's order into the writer, and at the end the table with them
// in one step (X3).

#include "duck/columns.hpp"
#include "duck/core.hpp"
#include "duckdb/execution/physical_operator.hpp"

namespace arm
{

class SchemaEntry;

class CreateTableAs : public duckdb::PhysicalOperator
{
public:
    CreateTableAs(duckdb::PhysicalPlan &plan, vector<LogicalType> types, SchemaEntry &schema,
                  const string &name, OwnedSchema columns, bool replaces, idx_t cardinality);

    string GetName() const override { return "ARMILLARIA_CREATE_TABLE_AS"; }
    duckdb::InsertionOrderPreservingMap<string> ParamsToString() const override;

    bool IsSink() const override { return true; }
    bool ParallelSink() const override { return false; }
    bool SinkOrderDependent() const override { return true; }
    unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext &context) const override;
    duckdb::SinkResultType Sink(duckdb::ExecutionContext &context, DataChunk &chunk,
                                duckdb::OperatorSinkInput &input) const override;
    duckdb::SinkFinalizeType Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                      ClientContext &context,
                                      duckdb::OperatorSinkFinalizeInput &input) const override;

    bool IsSource() const override { return true; }

protected:
    duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext &context, DataChunk &chunk,
                                             duckdb::OperatorSourceInput &input) const override;

private:
    SchemaEntry &schema;
    const string table_name;
    // Shared with the sink state, which outlives the operator where a statement is interrupted.
    const std::shared_ptr<const Armpb__Schema> columns;
    const bool replaces;
};

} // namespace arm

#endif
