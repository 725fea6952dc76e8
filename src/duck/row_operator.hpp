// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ROW_OPERATOR_HPP
#define ARM_DUCK_ROW_OPERATOR_HPP

// What INSERT, UPDATE and DELETE have in common: a sink that gathers a change of rows and makes
// it at the end, and a source that gives its count or what RETURNING wants. As an action of a MERGE
// an operator adds to the change of the whole statement, which is made when all are through.

#include <mutex>

#include "duck/core.hpp"
#include "duck/returned.hpp"
#include "duck/row_change.hpp"
#include "duckdb/execution/physical_operator.hpp"

namespace arm
{

class TableEntry;

class RowState : public duckdb::GlobalSinkState
{
public:
    RowState(ClientContext &context, const RowTarget &target, const vector<LogicalType> &types);

    std::mutex mutex;
    shared_ptr<RowChange> change;
    Returned result;
};

class RowOperator : public duckdb::PhysicalOperator
{
public:
    RowOperator(duckdb::PhysicalPlan &plan, vector<LogicalType> types, RowTarget target,
                idx_t cardinality);

    duckdb::InsertionOrderPreservingMap<string> ParamsToString() const override;

    bool IsSink() const override { return true; }
    unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext &context) const override;
    duckdb::SinkFinalizeType Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                      ClientContext &context,
                                      duckdb::OperatorSinkFinalizeInput &input) const override;

    bool IsSource() const override { return true; }
    unique_ptr<duckdb::GlobalSourceState> GetGlobalSourceState(
        ClientContext &context) const override;

protected:
    duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext &context, DataChunk &chunk,
                                             duckdb::OperatorSourceInput &input) const override;

    const RowTarget target;
};

} // namespace arm

#endif
