// SPDX-License-Identifier: Apache-2.0
#include "duck/schema_entry.hpp"

#include <algorithm>

#include "duck/alter.hpp"
#include "duck/definition.hpp"
#include "duck/error.hpp"
#include "duck/inputs.hpp"
#include "duck/repository_catalog.hpp"
#include "duck/sequence_entry.hpp"
#include "duck/sequence_users.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duck/view_definition.hpp"
#include "duckdb/parser/parsed_data/create_function_info.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "duckdb/planner/parsed_data/bound_create_table_info.hpp"
#include "duckdb/planner/tableref/bound_at_clause.hpp"

namespace arm
{

using duckdb::CatalogTransaction;
using duckdb::CatalogType;

SchemaEntry::SchemaEntry(duckdb::Catalog &catalog, duckdb::CreateSchemaInfo &info)
    : duckdb::SchemaCatalogEntry(catalog, info)
{
}

RepositoryCatalog &SchemaEntry::Repository()
{
    return catalog.Cast<RepositoryCatalog>();
}

// What a ref can say: the years 0001 to 9999.
constexpr int64_t TIME_MIN_US = -62135596800000000;
constexpr int64_t TIME_MAX_US = 253402300799999999;

// A number names a version of the table; a time without a zone is UTC, and one that no ref can say
// is the nearest that it can.
string RefOf(const duckdb::BoundAtClause &at)
{
    const Value &value = at.GetValue();
    char text[ARM_TIME_TEXT];

    if (value.IsNull()) {
        throw duckdb::BinderException("AT needs a version or a time, not NULL");
    }
    if (!duckdb::StringUtil::CIEquals(at.Unit(), "TIMESTAMP") ||
        value.type().id() == duckdb::LogicalTypeId::VARCHAR) {
        string ref = value.ToString();
        if (ref.empty()) { // which to us would be no AT at all
            throw duckdb::BinderException("AT needs a version or a time, not an empty text");
        }
        return ref;
    }
    auto time = duckdb::TimestampValue::Get(value.DefaultCastAs(LogicalType::TIMESTAMP)).value;
    arm__time_format(std::max(std::min(time, TIME_MAX_US), TIME_MIN_US), text);
    return text;
}

namespace
{

bool IsKept(CatalogType type)
{
    return type == CatalogType::TABLE_ENTRY || type == CatalogType::VIEW_ENTRY ||
           type == CatalogType::SEQUENCE_ENTRY;
}

// To DuckDB tables and views are of one set, and sequences of another.
bool IsSequence(CatalogType type)
{
    return type == CatalogType::SEQUENCE_ENTRY;
}

// At what the statement's options have a table read.
string PinnedAt(ClientContext &context, const SchemaEntry &schema, const string &name)
{
    auto session = SessionState::TryGet(context);

    return session && session->inputs ? session->inputs->VersionOf(schema.name, name) : string();
}

} // namespace

optional_ptr<duckdb::CatalogEntry> SchemaEntry::LookupEntry(CatalogTransaction transaction,
                                                            const duckdb::EntryLookupInfo &lookup)
{
    auto at = lookup.GetAtClause();

    if (!IsKept(lookup.GetCatalogType())) {
        return nullptr;
    }
    auto &ours = Transaction::Get(transaction.GetContext(), catalog);
    auto ref = at ? RefOf(*at) : PinnedAt(transaction.GetContext(), *this, lookup.GetEntryName());
    auto entry = ours.Find(*this, lookup.GetEntryName(), ref);
    if (entry && IsSequence(entry->type) != IsSequence(lookup.GetCatalogType())) {
        return nullptr;
    }
    return entry;
}

void SchemaEntry::Scan(ClientContext &context, CatalogType type,
                       const std::function<void(duckdb::CatalogEntry &)> &visit)
{
    if (!IsKept(type)) {
        return;
    }
    auto &ours = Transaction::Get(context, catalog);
    for (auto &entry_name : ours.Names(name)) {
        auto entry = ours.Find(*this, entry_name, string());
        if (entry && IsSequence(entry->type) == IsSequence(type)) {
            visit(*entry);
        }
    }
}

// Without a transaction there is nothing to be seen.
void SchemaEntry::Scan(CatalogType, const std::function<void(duckdb::CatalogEntry &)> &) {}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateTable(CatalogTransaction transaction,
                                                            duckdb::BoundCreateTableInfo &info)
{
    auto &base = info.Base();
    auto &ours = Transaction::Get(transaction.GetContext(), catalog);
    bool replaces = base.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    arm_error error;

    if (base.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT &&
        ours.Find(*this, base.table, string())) {
        return nullptr;
    }
    CheckGenerated(transaction.GetContext(), base);
    auto schema = SchemaOf(base);
    Check(arm__txn_create_table(ours.Txn(), name.c_str(), base.table.c_str(), schema.get(),
                                replaces, &error),
          error);
    return ours.Table(*this, base.table, string()).get();
}

namespace
{

Armpb__ObjectKind ObjectOf(CatalogType type)
{
    switch (type) {
    case CatalogType::TABLE_ENTRY:
        return ARMPB__OBJECT_KIND__TABLE;
    case CatalogType::VIEW_ENTRY:
        return ARMPB__OBJECT_KIND__VIEW;
    case CatalogType::SEQUENCE_ENTRY:
        return ARMPB__OBJECT_KIND__SEQUENCE;
    default:
        Refuse("DROP " + duckdb::CatalogTypeToString(type));
    }
}

} // namespace

void SchemaEntry::DropEntry(ClientContext &context, duckdb::DropInfo &info)
{
    auto &ours = Transaction::Get(context, catalog);
    Armpb__ObjectKind object = ObjectOf(info.type);
    arm_error error;

    if (object == ARMPB__OBJECT_KIND__SEQUENCE) {
        DropUsers(context, ours, *this, info.name, info.cascade);
    }
    Check(arm__txn_drop(ours.Txn(), object, name.c_str(), info.name.c_str(), &error), error);
}

void SchemaEntry::Alter(CatalogTransaction transaction, duckdb::AlterInfo &info)
{
    auto &context = transaction.GetContext();

    if (info.type == duckdb::AlterType::SET_COMMENT ||
        info.type == duckdb::AlterType::SET_COLUMN_COMMENT) {
        Refuse("COMMENT ON");
    }
    if (info.type != duckdb::AlterType::ALTER_TABLE) {
        Refuse("ALTER of anything but a table");
    }
    auto table = Transaction::Get(context, catalog).Table(*this, info.name, string());
    if (!table) {
        throw duckdb::CatalogException("Table with name %s does not exist!", info.name);
    }
    AlterTable(context, *table, info.Cast<duckdb::AlterTableInfo>());
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateIndex(CatalogTransaction,
                                                            duckdb::CreateIndexInfo &,
                                                            duckdb::TableCatalogEntry &)
{
    Refuse("CREATE INDEX");
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateFunction(CatalogTransaction,
                                                               duckdb::CreateFunctionInfo &)
{
    Refuse("CREATE FUNCTION");
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateView(CatalogTransaction transaction,
                                                           duckdb::CreateViewInfo &info)
{
    auto &ours = Transaction::Get(transaction.GetContext(), catalog);
    bool replaces = info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    arm_error error;

    if (info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT &&
        ours.Find(*this, info.view_name, string())) {
        return nullptr;
    }
    auto schema = SchemaOfView(info);
    Check(arm__txn_create_view(ours.Txn(), name.c_str(), info.view_name.c_str(), schema.get(),
                               replaces, &error),
          error);
    return ours.Find(*this, info.view_name, string());
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateSequence(CatalogTransaction transaction,
                                                               duckdb::CreateSequenceInfo &info)
{
    auto &context = transaction.GetContext();
    auto &ours = Transaction::Get(context, catalog);
    bool replaces = info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    auto known = ours.Find(*this, info.name, string());
    arm_error error;

    if (known && info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) {
        return nullptr;
    }
    if (known && replaces && known->type == CatalogType::SEQUENCE_ENTRY) {
        DropUsers(context, ours, *this, info.name, false);
    }
    auto schema = SchemaOfSequence(info);
    Check(arm__txn_create_sequence(ours.Txn(), name.c_str(), info.name.c_str(), schema.get(),
                                   replaces, &error),
          error);
    ours.session.ForgetSequence(name, info.name); // of another one of that name
    return ours.Find(*this, info.name, string());
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateTableFunction(
    CatalogTransaction, duckdb::CreateTableFunctionInfo &)
{
    Refuse("CREATE TABLE FUNCTION");
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateCopyFunction(CatalogTransaction,
                                                                   duckdb::CreateCopyFunctionInfo &)
{
    Refuse("CREATE COPY FUNCTION");
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreatePragmaFunction(
    CatalogTransaction, duckdb::CreatePragmaFunctionInfo &)
{
    Refuse("CREATE PRAGMA FUNCTION");
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateCollation(CatalogTransaction,
                                                                duckdb::CreateCollationInfo &)
{
    Refuse("CREATE COLLATION");
}

optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateType(CatalogTransaction,
                                                           duckdb::CreateTypeInfo &)
{
    Refuse("CREATE TYPE");
}

} // namespace arm
