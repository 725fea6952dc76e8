// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_DELETE_HPP
#define ARM_DUCK_DELETE_HPP

// DELETE: the (entry, row) pairs of the scan below become one set of rows per entry of the view
// it scanned. A row named twice dies once. What RETURNING wants is read when all are known.

#include "duck/row_operator.hpp"

namespace arm
{

class Delete : public RowOperator
{
public:
    // `place`: where in the input the row's entry stands; its number follows.
    Delete(duckdb::PhysicalPlan &plan, vector<LogicalType> types, RowTarget target, idx_t place,
           idx_t cardinality);

    string GetName() const override { return "ARMILLARIA_DELETE"; }
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

private:
    const idx_t place;
};

} // namespace arm

#endif
