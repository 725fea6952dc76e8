// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SCHEMA_ENTRY_HPP
#define ARM_DUCK_SCHEMA_ENTRY_HPP

// A namespace. It knows its name alone: what is in it is the transaction's to say.

#include "duck/core.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"

namespace arm
{

class RepositoryCatalog;

class SchemaEntry : public duckdb::SchemaCatalogEntry
{
public:
    SchemaEntry(duckdb::Catalog &catalog, duckdb::CreateSchemaInfo &info);

    RepositoryCatalog &Repository();

    optional_ptr<duckdb::CatalogEntry> LookupEntry(duckdb::CatalogTransaction transaction,
                                                   const duckdb::EntryLookupInfo &lookup) override;
    void Scan(ClientContext &context, duckdb::CatalogType type,
              const std::function<void(duckdb::CatalogEntry &)> &visit) override;
    void Scan(duckdb::CatalogType type,
              const std::function<void(duckdb::CatalogEntry &)> &visit) override;

    optional_ptr<duckdb::CatalogEntry> CreateTable(duckdb::CatalogTransaction transaction,
                                                   duckdb::BoundCreateTableInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction transaction,
                                                  duckdb::CreateViewInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreateSequence(duckdb::CatalogTransaction transaction,
                                                      duckdb::CreateSequenceInfo &info) override;
    void DropEntry(ClientContext &context, duckdb::DropInfo &info) override;

    void Alter(duckdb::CatalogTransaction transaction, duckdb::AlterInfo &info) override;

    // Refused by name.
    optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction transaction,
                                                   duckdb::CreateIndexInfo &info,
                                                   duckdb::TableCatalogEntry &table) override;
    optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction transaction,
                                                      duckdb::CreateFunctionInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreateTableFunction(
        duckdb::CatalogTransaction transaction, duckdb::CreateTableFunctionInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(
        duckdb::CatalogTransaction transaction, duckdb::CreateCopyFunctionInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(
        duckdb::CatalogTransaction transaction, duckdb::CreatePragmaFunctionInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreateCollation(duckdb::CatalogTransaction transaction,
                                                       duckdb::CreateCollationInfo &info) override;
    optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction transaction,
                                                  duckdb::CreateTypeInfo &info) override;
};

// The ref that an AT clause names, as users write refs.
string RefOf(const duckdb::BoundAtClause &at);

} // namespace arm

#endif
