// SPDX-License-Identifier: Apache-2.0
#include "duck/sequence_users.hpp"

#include "duck/error.hpp"
#include "duck/schema_entry.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/qualified_name.hpp"

namespace arm
{

using duckdb::CatalogType;
using duckdb::StringUtil;

namespace
{

bool IsOfSequences(const string &function)
{
    return StringUtil::CIEquals(function, "nextval") || StringUtil::CIEquals(function, "currval");
}

// Names of sequences that an expression takes values of.
vector<duckdb::QualifiedName> SequencesIn(const duckdb::ParsedExpression &expression)
{
    vector<duckdb::QualifiedName> result;

    duckdb::ParsedExpressionIterator::VisitExpression<duckdb::FunctionExpression>(
        expression, [&](const duckdb::FunctionExpression &call) {
            if (IsOfSequences(call.function_name) && call.children.size() == 1 &&
                call.children[0]->GetExpressionClass() == duckdb::ExpressionClass::CONSTANT) {
                auto &value = call.children[0]->Cast<duckdb::ConstantExpression>().value;
                result.push_back(duckdb::QualifiedName::Parse(value.ToString()));
            }
        });
    return result;
}

// A default looks in its table's schema first, then in main.
bool Means(Transaction &ours, const duckdb::QualifiedName &used, TableEntry &table,
           SchemaEntry &schema, const string &name)
{
    if (!StringUtil::CIEquals(used.name, name)) {
        return false;
    }
    if (!used.schema.empty()) {
        return StringUtil::CIEquals(used.schema, schema.name) ||
               StringUtil::CIEquals(used.schema, CATALOG);
    }
    auto &home = table.schema.Cast<SchemaEntry>();
    auto nearer = ours.Find(home, name, string());
    bool is_nearer = nearer && nearer->type == CatalogType::SEQUENCE_ENTRY;
    return StringUtil::CIEquals(is_nearer ? home.name : DEFAULT_SCHEMA, schema.name);
}

bool Uses(Transaction &ours, TableEntry &table, SchemaEntry &schema, const string &name)
{
    for (auto &column : table.GetColumns().Logical()) {
        if (!column.HasDefaultValue()) {
            continue;
        }
        for (auto &used : SequencesIn(column.DefaultValue())) {
            if (Means(ours, used, table, schema, name)) {
                return true;
            }
        }
    }
    return false;
}

} // namespace

void DropUsers(ClientContext &context, Transaction &ours, SchemaEntry &schema, const string &name,
               bool cascade)
{
    vector<std::pair<string, string>> users;
    arm_error error;

    schema.catalog.ScanSchemas(context, [&](duckdb::SchemaCatalogEntry &home) {
        home.Scan(context, CatalogType::TABLE_ENTRY, [&](duckdb::CatalogEntry &entry) {
            if (entry.type == CatalogType::TABLE_ENTRY &&
                Uses(ours, entry.Cast<TableEntry>(), schema, name)) {
                users.emplace_back(home.name, entry.name);
            }
        });
    });
    for (auto &user : users) {
        if (!cascade) {
            arm__fail(&error, ARM_INVALID,
                      "a default of table \"%s\" uses sequence \"%s\": change it first; DROP "
                      "SEQUENCE ... CASCADE drops both",
                      user.second.c_str(), name.c_str());
            Throw(error);
        }
        Check(arm__txn_drop_table(ours.Txn(), user.first.c_str(), user.second.c_str(), &error),
              error);
    }
}

void DropUsersOfSchema(ClientContext &context, Transaction &ours, const string &schema_name)
{
    auto schema = duckdb::Catalog::GetSchema(context, CATALOG, schema_name,
                                             duckdb::OnEntryNotFound::RETURN_NULL);
    vector<string> names;

    if (schema) {
        schema->Scan(context, CatalogType::SEQUENCE_ENTRY,
                     [&](duckdb::CatalogEntry &entry) { names.push_back(entry.name); });
        for (auto &name : names) {
            DropUsers(context, ours, schema->Cast<SchemaEntry>(), name, true);
        }
    }
}

} // namespace arm
