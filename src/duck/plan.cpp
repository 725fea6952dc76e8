// SPDX-License-Identifier: Apache-2.0
// The catalog's answers to statements that change rows: which operator does it, or that it is
// not supported yet.

#include "duck/columns.hpp"
#include "duck/delete.hpp"
#include "duck/error.hpp"
#include "duck/insert.hpp"
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
    auto &result = planner.Make<Insert>(op.types, op.schema.Cast<SchemaEntry>(), info.table,
                                        SchemaOf(info), replaces, op.estimated_cardinality);

    result.children.push_back(plan);
    return result;
}

PhysicalOperator &RepositoryCatalog::PlanInsert(ClientContext &,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalInsert &op,
                                                optional_ptr<PhysicalOperator> plan)
{
    auto table = op.table.Cast<TableEntry>().shared_from_this();

    if (op.on_conflict_info.action_type != duckdb::OnConflictAction::THROW) {
        Refuse("ON CONFLICT");
    }
    if (!op.column_index_map.empty()) {
        plan = planner.ResolveDefaultsProjection(op, *plan);
    }
    auto &result =
        planner.Make<Insert>(op.types, std::move(table), op.return_chunk, op.estimated_cardinality);
    result.children.push_back(*plan);
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

} // namespace

PhysicalOperator &RepositoryCatalog::PlanDelete(ClientContext &,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalDelete &op, PhysicalOperator &plan)
{
    auto table = op.table.Cast<TableEntry>().shared_from_this();
    auto row_id = op.expressions[0]->Cast<duckdb::BoundReferenceExpression>().index;

    if (op.return_chunk) {
        Refuse("RETURNING");
    }
    if (!table->at.empty()) {
        throw duckdb::BinderException("an earlier version of a table cannot be changed");
    }
    auto view = ScannedView(plan, *table);
    auto &result = planner.Make<Delete>(op.types, std::move(table), std::move(view), row_id,
                                        op.estimated_cardinality);
    result.children.push_back(plan);
    return result;
}

PhysicalOperator &RepositoryCatalog::PlanUpdate(ClientContext &,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalUpdate &op, PhysicalOperator &plan)
{
    auto table = op.table.Cast<TableEntry>().shared_from_this();
    auto row_id = plan.types.size() - RowIdColumnsOfTable().size();
    NewRow row{op.columns, std::move(op.expressions), std::move(op.bound_defaults)};

    if (!table->at.empty()) {
        throw duckdb::BinderException("an earlier version of a table cannot be changed");
    }
    auto view = ScannedView(plan, *table);
    auto &result = planner.Make<Update>(op.types, std::move(table), std::move(view), std::move(row),
                                        row_id, op.return_chunk, op.estimated_cardinality);
    result.children.push_back(plan);
    return result;
}

PhysicalOperator &RepositoryCatalog::PlanMergeInto(ClientContext &, duckdb::PhysicalPlanGenerator &,
                                                   duckdb::LogicalMergeInto &, PhysicalOperator &)
{
    Refuse("MERGE");
}

unique_ptr<duckdb::LogicalOperator> RepositoryCatalog::BindCreateIndex(
    duckdb::Binder &, duckdb::CreateStatement &, duckdb::TableCatalogEntry &,
    unique_ptr<duckdb::LogicalOperator>)
{
    Refuse("CREATE INDEX");
}

} // namespace arm
