// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_MERGE_HPP
#define ARM_DUCK_MERGE_HPP

// MERGE INTO, and INSERT … ON CONFLICT, which DuckDB makes one of. DuckDB's operator tells which
// action each row meets; ours, one an action, gather one change of the table's rows.

#include "duck/row_change.hpp"
#include "duck/row_operator.hpp"
#include "duckdb/execution/operator/persistent/physical_merge_into.hpp"
#include "duckdb/planner/operator/logical_merge_into.hpp"

namespace arm
{

class Merge : public duckdb::PhysicalMergeInto
{
public:
    using Actions =
        duckdb::map<duckdb::MergeActionCondition, vector<unique_ptr<duckdb::MergeIntoOperator>>>;

    Merge(duckdb::PhysicalPlan &plan, duckdb::LogicalMergeInto &op, Actions actions,
          RowTarget target);

    string GetName() const override { return "ARMILLARIA_MERGE"; }
    duckdb::InsertionOrderPreservingMap<string> ParamsToString() const override;

    unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext &context) const override;
    duckdb::SinkFinalizeType Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                      ClientContext &context,
                                      duckdb::OperatorSinkFinalizeInput &input) const override;

private:
    const RowTarget target;
};

// The operators of the actions of `op`, which is emptied of them.
Merge::Actions PlanActions(duckdb::PhysicalPlanGenerator &planner, duckdb::LogicalMergeInto &op,
                           const RowTarget &target);

} // namespace arm

#endif
