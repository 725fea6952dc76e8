// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_UPDATE_HPP
#define ARM_DUCK_UPDATE_HPP

// UPDATE: rows of the scan below die, and whole new ones take their place at the end of the table,
// with the ids they had. A row that the statement names twice (by a join) is updated once, by the
// first match that comes along.

#include "duck/core.hpp"
#include "duck/view.hpp"
#include "duckdb/common/index_vector.hpp"
#include "duckdb/execution/physical_operator.hpp"

namespace arm
{

class TableEntry;

// Where the new row's columns come from: the input's columns, or a default.
struct NewRow {
    vector<duckdb::PhysicalIndex> columns;
    vector<unique_ptr<Expression>> expressions; // one for each of `columns`
    vector<unique_ptr<Expression>> defaults;    // one for each of the table's
};

class Update : public duckdb::PhysicalOperator
{
public:
    // `row_id`: the position of the entry in the input; the row follows it, the row's id stands
    // before it. `view`: what was scanned; null: nothing was, for no row can match.
    Update(duckdb::PhysicalPlan &plan, vector<LogicalType> types, shared_ptr<TableEntry> table,
           shared_ptr<View> view, NewRow row, idx_t row_id, bool returns, idx_t cardinality);

    string GetName() const override { return "ARMILLARIA_UPDATE"; }
    duckdb::InsertionOrderPreservingMap<string> ParamsToString() const override;

    bool IsSink() const override { return true; }
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
    const shared_ptr<TableEntry> table;
    const shared_ptr<View> view;
    const NewRow row;
    const idx_t row_id;
    const bool returns;
};

} // namespace arm

#endif
