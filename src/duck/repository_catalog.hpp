// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_REPOSITORY_CATALOG_HPP
#define ARM_DUCK_REPOSITORY_CATALOG_HPP

// A repository as a DuckDB catalog: schemas and tables as the session's transaction sees them,
// and the operators that change them. One per engine, shared by its sessions.

#include <mutex>

#include "duck/core.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/function/table_function.hpp"

namespace arm
{

class SchemaEntry;
class TableEntry;
class View;

class RepositoryCatalog : public duckdb::Catalog
{
public:
    explicit RepositoryCatalog(duckdb::AttachedDatabase &db);
    ~RepositoryCatalog() override;

    // The entry of a table as `view` shows it, shared with others who see the same.
    shared_ptr<TableEntry> Entry(SchemaEntry &schema, const View &view, const string &at);

    void Initialize(bool load_builtin) override;
    string GetCatalogType() override { return CATALOG; }
    bool SupportsTimeTravel() const override { return true; }
    optional_idx GetCatalogVersion(ClientContext &context) override;

    optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction transaction,
                                                    duckdb::CreateSchemaInfo &info) override;
    optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(
        duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo &lookup,
        duckdb::OnEntryNotFound if_not_found) override;
    void ScanSchemas(ClientContext &context,
                     std::function<void(duckdb::SchemaCatalogEntry &)> visit) override;

    duckdb::PhysicalOperator &PlanCreateTableAs(ClientContext &context,
                                                duckdb::PhysicalPlanGenerator &planner,
                                                duckdb::LogicalCreateTable &op,
                                                duckdb::PhysicalOperator &plan) override;
    duckdb::PhysicalOperator &PlanInsert(ClientContext &context,
                                         duckdb::PhysicalPlanGenerator &planner,
                                         duckdb::LogicalInsert &op,
                                         optional_ptr<duckdb::PhysicalOperator> plan) override;
    duckdb::PhysicalOperator &PlanDelete(ClientContext &context,
                                         duckdb::PhysicalPlanGenerator &planner,
                                         duckdb::LogicalDelete &op,
                                         duckdb::PhysicalOperator &plan) override;
    duckdb::PhysicalOperator &PlanUpdate(ClientContext &context,
                                         duckdb::PhysicalPlanGenerator &planner,
                                         duckdb::LogicalUpdate &op,
                                         duckdb::PhysicalOperator &plan) override;
    duckdb::PhysicalOperator &PlanMergeInto(ClientContext &context,
                                            duckdb::PhysicalPlanGenerator &planner,
                                            duckdb::LogicalMergeInto &op,
                                            duckdb::PhysicalOperator &plan) override;
    unique_ptr<duckdb::LogicalOperator> BindCreateIndex(
        duckdb::Binder &binder, duckdb::CreateStatement &statement,
        duckdb::TableCatalogEntry &table, unique_ptr<duckdb::LogicalOperator> plan) override;

    duckdb::DatabaseSize GetDatabaseSize(ClientContext &context) override;
    bool InMemory() override { return false; }
    string GetDBPath() override { return string(); }

private:
    void DropSchema(ClientContext &context, duckdb::DropInfo &info) override;
    SchemaEntry &Schema(const string &name);

    std::mutex mutex;
    // By name as written; an entry says nothing but that, so it is kept for good.
    duckdb::unordered_map<string, unique_ptr<SchemaEntry>> schemas;
    duckdb::unordered_map<string, shared_ptr<TableEntry>> entries;
};

} // namespace arm

#endif
