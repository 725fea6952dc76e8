// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_DELETE_HPP
#define ARM_DUCK_DELETE_HPP

// DELETE: the (entry, row) pairs of the scan below become one set of rows per entry of the view
// it scanned, given to the transaction at the end. A row named twice dies once.

#include "duck/core.hpp"
#include "duck/view.hpp"
#include "duckdb/execution/physical_operator.hpp"

namespace arm
{

class TableEntry;

class Delete : public duckdb::PhysicalOperator
{
public:
    // `row_id`: the position of the entry in the input; the row follows it. `view`: what was
    // scanned; null: nothing was, for no row can match.
    Delete(duckdb::PhysicalPlan &plan, vector<LogicalType> types, shared_ptr<TableEntry> table,
           shared_ptr<View> view, idx_t row_id, idx_t cardinality);

    string GetName() const override { return "ARMILLARIA_DELETE"; }
    duckdb::InsertionOrderPreservingMap<string> ParamsToString() const override;

    bool IsSink() const override { return true; }
    bool ParallelSink() const override { return true; }
    unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext &context) const override;
    unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(
        duckdb::ExecutionContext &context) const override;
    duckdb::SinkResultType Sink(duckdb::ExecutionContext &context, DataChunk &chunk,
                                duckdb::OperatorSinkInput &input) const override;
    duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext &context,
                                          duckdb::OperatorSinkCombineInput &input) const override;
    duckdb::SinkFinalizeType Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                      ClientContext &context,
                                      duckdb::OperatorSinkFinalizeInput &input) const override;

    bool IsSource() const override { return true; }

protected:
    duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext &context, DataChunk &chunk,
                                             duckdb::OperatorSourceInput &input) const override;

private:
    const shared_ptr<TableEntry> table;
    const shared_ptr<View> view;
    const idx_t row_id;
};

} // namespace arm

#endif
