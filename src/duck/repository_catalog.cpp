// SPDX-License-Identifier: Apache-2.0
#include "duck/repository_catalog.hpp"

#include "duck/error.hpp"
#include "duck/schema_entry.hpp"
#include "duck/sequence_users.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "duckdb/storage/database_size.hpp"

namespace arm
{

namespace
{

// Entries seen lately, so that a statement need not build its table's anew.
constexpr idx_t ENTRIES_MAX = 1024;

// What an entry depends on. Only committed columns have an id that says which they are.
string EntryKey(const arm_view &view)
{
    string key(reinterpret_cast<const char *>(view.table_id.bytes), sizeof view.table_id.bytes);

    return key + std::to_string(view.schema->schema_id) + '\0' + view.schema_name + '\0' +
           view.name;
}

} // namespace

RepositoryCatalog::RepositoryCatalog(duckdb::AttachedDatabase &db) : duckdb::Catalog(db) {}

RepositoryCatalog::~RepositoryCatalog() = default;

void RepositoryCatalog::Initialize(bool)
{
    Schema(DEFAULT_SCHEMA);
}

SchemaEntry &RepositoryCatalog::Schema(const string &name)
{
    std::lock_guard<std::mutex> guard(mutex);
    auto &schema = schemas[name];

    if (!schema) {
        duckdb::CreateSchemaInfo info;
        info.schema = name;
        info.internal = name == DEFAULT_SCHEMA; // not to be made by EXPORT's script
        schema = make_uniq<SchemaEntry>(*this, info);
    }
    return *schema;
}

shared_ptr<TableEntry> RepositoryCatalog::Entry(SchemaEntry &schema, const View &view,
                                                const string &at)
{
    bool is_shared = at.empty() && !view.Get().has_own_schema;
    string key = EntryKey(view.Get());

    if (!is_shared) {
        return TableEntry::Make(*this, schema, view.Get(), at);
    }
    {
        std::lock_guard<std::mutex> guard(mutex);
        auto known = entries.find(key);
        if (known != entries.end()) {
            return known->second;
        }
    }
    auto entry = TableEntry::Make(*this, schema, view.Get(), at);
    std::lock_guard<std::mutex> guard(mutex);
    if (entries.size() >= ENTRIES_MAX) {
        entries.clear(); // who uses one holds it
    }
    entries[key] = entry;
    return entry;
}

// Cached plans hold as long as names and columns are the same on the same branch.
optional_idx RepositoryCatalog::GetCatalogVersion(ClientContext &context)
{
    arm_transaction *txn = Transaction::Get(context, *this).Txn();
    uint64_t branch = arm__txn_snapshot(txn)->branch_id;

    return (arm__txn_catalog_version(txn) + (branch << 40)) & 0x7fffffffffffffffULL;
}

optional_ptr<duckdb::SchemaCatalogEntry> RepositoryCatalog::LookupSchema(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo &lookup,
    duckdb::OnEntryNotFound if_not_found)
{
    const string &name = lookup.GetEntryName();

    if (duckdb::StringUtil::CIEquals(name, DEFAULT_SCHEMA)) {
        return Schema(DEFAULT_SCHEMA); // also where there is no transaction
    }
    auto known = Transaction::Get(transaction.GetContext(), *this).SchemaName(name);
    if (!known.empty()) {
        return Schema(known);
    }
    if (if_not_found == duckdb::OnEntryNotFound::THROW_EXCEPTION) {
        throw duckdb::CatalogException(lookup.GetErrorContext(),
                                       "Schema with name %s does not exist!", name);
    }
    return nullptr;
}

void RepositoryCatalog::ScanSchemas(ClientContext &context,
                                    std::function<void(duckdb::SchemaCatalogEntry &)> visit)
{
    for (auto &name : Transaction::Get(context, *this).SchemaNames()) {
        visit(Schema(name));
    }
}

duckdb::DatabaseSize RepositoryCatalog::GetDatabaseSize(ClientContext &context)
{
    duckdb::DatabaseSize result;
    arm_size_report sizes;
    arm_error error;
    auto &session = Transaction::Get(context, *this).session;

    Check(arm__repository_sizes(session.session.repository, &sizes, &error), error);
    result.bytes = sizes.chunk_bytes + sizes.index_bytes;
    result.wal_size = sizes.log_bytes;
    return result;
}

optional_ptr<duckdb::CatalogEntry> RepositoryCatalog::CreateSchema(
    duckdb::CatalogTransaction transaction, duckdb::CreateSchemaInfo &info)
{
    auto &ours = Transaction::Get(transaction.GetContext(), *this);
    bool replaces = info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    bool ignores = info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    arm_error error;

    if (replaces && !ours.SchemaName(info.schema).empty()) {
        Check(arm__txn_drop_schema(ours.Txn(), info.schema.c_str(), false, &error), error);
    }
    Check(arm__txn_create_schema(ours.Txn(), info.schema.c_str(), ignores, &error), error);
    return Schema(ours.SchemaName(info.schema));
}

void RepositoryCatalog::DropSchema(ClientContext &context, duckdb::DropInfo &info)
{
    auto &ours = Transaction::Get(context, *this);
    arm_error error;

    if (info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL &&
        ours.SchemaName(info.name).empty()) {
        return;
    }
    if (info.cascade) {
        DropUsersOfSchema(context, ours, info.name);
    }
    Check(arm__txn_drop_schema(ours.Txn(), info.name.c_str(), info.cascade, &error), error);
}

} // namespace arm
