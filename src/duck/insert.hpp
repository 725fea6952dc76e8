// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_INSERT_HPP
#define ARM_DUCK_INSERT_HPP

// INSERT and CREATE TABLE AS: rows in the source's order into the writer, applied to the
// transaction whole, at the end (X3).

#include "duck/columns.hpp"
#include "duck/core.hpp"
#include "duckdb/execution/physical_operator.hpp"

namespace arm
{

class SchemaEntry;
class TableEntry;

class Insert : public duckdb::PhysicalOperator
{
public:
    // Into a table that exists.
    Insert(duckdb::PhysicalPlan &plan, vector<LogicalType> types, shared_ptr<TableEntry> table,
           bool returns, idx_t cardinality);
    // Into a table made at the end.
    Insert(duckdb::PhysicalPlan &plan, vector<LogicalType> types, SchemaEntry &schema,
           const string &name, OwnedSchema columns, bool replaces, idx_t cardinality);

    string GetName() const override;
    duckdb::InsertionOrderPreservingMap<string> ParamsToString() const override;

    bool IsSink() const override { return true; }
    // One thread: rows keep the order of the source. The writer's own threads do the encoding.
    bool ParallelSink() const override { return false; }
    bool SinkOrderDependent() const override { return true; }
    unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext &context) const override;
    duckdb::SinkResultType Sink(duckdb::ExecutionContext &context, DataChunk &chunk,
                                duckdb::OperatorSinkInput &input) const override;
    duckdb::SinkFinalizeType Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                      ClientContext &context,
                                      duckdb::OperatorSinkFinalizeInput &input) const override;

    bool IsSource() const override { return true; }
    unique_ptr<duckdb::GlobalSourceState> GetGlobalSourceState(
        ClientContext &context) const override;

protected:
    duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext &context, DataChunk &chunk,
                                             duckdb::OperatorSourceInput &input) const override;

private:
    const shared_ptr<TableEntry> table; // null: it is made at the end
    duckdb::SchemaCatalogEntry &schema;
    const string table_name;
    // Shared with the sink state, which outlives the operator where a statement is interrupted.
    const std::shared_ptr<const Armpb__Schema> columns;
    const bool replaces = false;
    const bool returns = false;
};

} // namespace arm

#endif
