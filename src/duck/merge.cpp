// SPDX-License-Identifier: Apache-2.0
#include "duck/merge.hpp"

#include "duck/delete.hpp"
#include "duck/insert.hpp"
#include "duck/table_entry.hpp"
#include "duck/update.hpp"
#include "duckdb/execution/physical_plan_generator.hpp"

namespace arm
{

using duckdb::BoundMergeIntoAction;
using duckdb::LogicalMergeInto;
using duckdb::MergeActionType;
using duckdb::MergeIntoOperator;

Merge::Merge(duckdb::PhysicalPlan &plan, LogicalMergeInto &op, Actions actions, RowTarget target)
    : PhysicalMergeInto(plan, op.types, std::move(actions), op.row_id_start, op.source_marker,
                        false, op.return_chunk),
      target(std::move(target))
{
}

duckdb::InsertionOrderPreservingMap<string> Merge::ParamsToString() const
{
    duckdb::InsertionOrderPreservingMap<string> result;

    result["Table"] = target.table->name;
    return result;
}

unique_ptr<duckdb::GlobalSinkState> Merge::GetGlobalSinkState(ClientContext &context) const
{
    target.shared->change = make_shared_ptr<RowChange>(context, target);
    return PhysicalMergeInto::GetGlobalSinkState(context);
}

duckdb::SinkFinalizeType Merge::Finalize(duckdb::Pipeline &pipeline, duckdb::Event &event,
                                         ClientContext &context,
                                         duckdb::OperatorSinkFinalizeInput &input) const
{
    auto result = PhysicalMergeInto::Finalize(pipeline, event, context, input);

    target.shared->change->Apply();
    target.shared->change.reset();
    return result;
}

namespace
{

vector<unique_ptr<Expression>> CopyOf(const vector<unique_ptr<Expression>> &expressions)
{
    vector<unique_ptr<Expression>> result;

    for (auto &expression : expressions) {
        result.push_back(expression->Copy());
    }
    return result;
}

// What an INSERT of some columns puts into all of the table's.
vector<unique_ptr<Expression>> WholeRow(LogicalMergeInto &op, BoundMergeIntoAction &action)
{
    vector<unique_ptr<Expression>> result;

    if (action.column_index_map.empty()) {
        return std::move(action.expressions);
    }
    for (auto &column : op.table.GetColumns().Physical()) {
        auto from = action.column_index_map[column.Physical()];
        result.push_back(from == duckdb::DConstants::INVALID_INDEX
                             ? op.bound_defaults[column.StorageOid()]->Copy()
                             : std::move(action.expressions[from]));
    }
    return result;
}

unique_ptr<MergeIntoOperator> PlanAction(duckdb::PhysicalPlanGenerator &planner,
                                         LogicalMergeInto &op, BoundMergeIntoAction &action,
                                         const RowTarget &target)
{
    auto result = make_uniq<MergeIntoOperator>();
    auto types = op.types;

    if (op.return_chunk) {
        types.pop_back(); // which action it was is DuckDB's to add
    }
    result->action_type = action.action_type;
    result->condition = std::move(action.condition);
    switch (action.action_type) {
    case MergeActionType::MERGE_INSERT:
        result->op = planner.Make<Insert>(types, target, op.estimated_cardinality);
        result->expressions = WholeRow(op, action);
        break;
    case MergeActionType::MERGE_UPDATE: {
        NewRow row{action.columns, std::move(action.expressions), CopyOf(op.bound_defaults)};
        result->op = planner.Make<Update>(types, target, std::move(row), op.row_id_start,
                                          op.estimated_cardinality);
        break;
    }
    case MergeActionType::MERGE_DELETE:
        result->op = planner.Make<Delete>(types, target, op.row_id_start, op.estimated_cardinality);
        break;
    default: // an error, or nothing
        result->expressions = std::move(action.expressions);
        break;
    }
    return result;
}

} // namespace

Merge::Actions PlanActions(duckdb::PhysicalPlanGenerator &planner, LogicalMergeInto &op,
                           const RowTarget &target)
{
    Merge::Actions result;

    for (auto &condition : op.actions) {
        for (auto &action : condition.second) {
            result[condition.first].push_back(PlanAction(planner, op, *action, target));
        }
    }
    return result;
}

} // namespace arm
