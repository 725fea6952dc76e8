// SPDX-License-Identifier: Apache-2.0
// The catalog's answers to statements that change rows: which operator does it.

#include "duck/create_table_as.hpp"
#include "duck/definition.hpp"
#include "duck/delete.hpp"
#include "duck/error.hpp"
#include "duck/insert.hpp"
#include "duck/merge.hpp"
#include "duck/repository_catalog.hpp"
#include "duck/scan.hpp"
#include "duck/schema_entry.hpp"
#include "duck/table_entry.hpp"
#include "duck/update.hpp"
#include "duckdb/execution/operator/scan/physical_table_scan.hpp"
#include "duckdb/execution/physical_plan_generator.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/operator/logical_create_table.hpp"
#include "duckdb/planner/operator/logical_delete.hpp"
#include "duckdb/planner/operator/logical_insert.hpp"
#include "duckdb/planner/operator/logical_update.hpp"

namespace arm
{

using duckdb::PhysicalOperator;

PhysicalOperator &RepositoryCatalog::PlanCreateTableAs(ClientContext &,
                                                       duckdb::PhysicalPlanGenerator &planner,
                                                       duckdb::LogicalCreateTable &op,
                                                       PhysicalOperator &plan)
{
    auto &info = op.info->Base();
    bool replaces = info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    auto &result = planner.Make<CreateTableAs>(op.types, op.schema.Cast<SchemaEntry>(), info.table,
                                               SchemaOf(info), replaces, op.estimated_cardinality);

    result.children.push_back(plan);
    return result;
}

namespace
{

// What the plan below scans of the table itself: all its scans see the same.
shared_ptr<View> ScannedView(const PhysicalOperator &plan, const TableEntry &table)
{
    if (plan.type == duckdb::PhysicalOperatorType::TABLE_SCAN) {
        auto &scan = plan.Cast<duckdb::PhysicalTableScan>();
        if (IsScan(scan.function) && ScanInfoOf(*scan.bind_data).table.get() == &table) {
            return ScanInfoOf(*scan.bind_data).view;
        }
    }
    for (auto &child : plan.GetChildren()) {
        auto found = ScannedView(child.get(), table);
        if (found) {
            return found;
        }
    }
    return nullptr;
}

using Constraints = vector<unique_ptr<duckdb::BoundConstraint>>;

// What a statement over `plan` changes.
RowTarget TargetOf(duckdb::TableCatalogEntry &entry, const PhysicalOperator &plan,
                   const Constraints &constraints, bool returns)
{
    auto table = entry.Cast<TableEntry>().shared_from_this();

    if (!table->at.empty()) {
        throw duckdb::BinderException("an earlier version of a table cannot be changed");
    }
    auto view = ScannedView(plan, *table);
    auto checks = std::make_shared<Checks>(*table, constraints);
    return RowTarget{std::move(table), std::move(view), std::move(checks), nullptr, returns, {}};
}

} // namespace

PhysicalOperator &RepositoryCatalog::PlanInsert(ClientContext &,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalInsert &op,
                                                optional_ptr<PhysicalOperator> plan)
{
    auto table = op.table.Cast<TableEntry>().shared_from_this();
    auto checks = std::make_shared<Checks>(*table, op.bound_constraints);
    // Whatever the source scans, rows are only added.
    RowTarget target{std::move(table), nullptr, std::move(checks), nullptr, op.return_chunk, {}};

    if (!op.column_index_map.empty()) {
        plan = planner.ResolveDefaultsProjection(op, *plan);
    }
    auto &result = planner.Make<Insert>(op.types, std::move(target), op.estimated_cardinality);
    result.children.push_back(*plan);
    return result;
}

PhysicalOperator &RepositoryCatalog::PlanDelete(ClientContext &,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalDelete &op, PhysicalOperator &plan)
{
    auto place = op.expressions[0]->Cast<duckdb::BoundReferenceExpression>().index;
    auto target = TargetOf(op.table, plan, op.bound_constraints, op.return_chunk);
    auto &result =
        planner.Make<Delete>(op.types, std::move(target), place, op.estimated_cardinality);

    result.children.push_back(plan);
    return result;
}

namespace
{

// Those before the row's id (TableEntry::BindUpdateConstraints).
vector<duckdb::PhysicalIndex> AssignedColumns(const duckdb::LogicalUpdate &op)
{
    duckdb::PhysicalIndex row_id(op.table.GetColumns().PhysicalColumnCount());
    auto end = std::find(op.columns.begin(), op.columns.end(), row_id);

    return vector<duckdb::PhysicalIndex>(op.columns.begin(), end);
}

} // namespace

PhysicalOperator &RepositoryCatalog::PlanUpdate(ClientContext &,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalUpdate &op, PhysicalOperator &plan)
{
    auto place = plan.types.size() - RowIdColumnsOfTable().size();
    auto target = TargetOf(op.table, plan, op.bound_constraints, op.return_chunk);

    target.assigned = AssignedColumns(op);
    NewRow row{op.columns, std::move(op.expressions), std::move(op.bound_defaults)};
    auto &result = planner.Make<Update>(op.types, std::move(target), std::move(row), place,
                                        op.estimated_cardinality);

    result.children.push_back(plan);
    return result;
}

PhysicalOperator &RepositoryCatalog::PlanMergeInto(ClientContext &,
                                                   duckdb::PhysicalPlanGenerator &planner,
                                                   duckdb::LogicalMergeInto &op,
                                                   PhysicalOperator &plan)
{
    auto target = TargetOf(op.table, plan, op.bound_constraints, op.return_chunk);

    target.shared = std::make_shared<SharedChange>();
    auto actions = PlanActions(planner, op, target);
    auto &result = planner.Make<Merge>(op, std::move(actions), std::move(target));
    result.children.push_back(plan);
    return result;
}

unique_ptr<duckdb::LogicalOperator> RepositoryCatalog::BindCreateIndex(
    duckdb::Binder &, duckdb::CreateStatement &, duckdb::TableCatalogEntry &,
    unique_ptr<duckdb::LogicalOperator>)
{
    Refuse("CREATE INDEX");
}

} // namespace arm
