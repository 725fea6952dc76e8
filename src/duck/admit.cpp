// SPDX-License-Identifier: Apache-2.0
#include "duck/admit.hpp"

#include "duck/error.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/parsed_data/attach_info.hpp"
#include "duckdb/parser/parsed_data/detach_info.hpp"
#include "duckdb/parser/parsed_data/load_info.hpp"
#include "duckdb/parser/qualified_name.hpp"
#include "duckdb/parser/statement/attach_statement.hpp"
#include "duckdb/parser/statement/detach_statement.hpp"
#include "duckdb/parser/statement/load_statement.hpp"
#include "duckdb/parser/statement/set_statement.hpp"

namespace arm
{

using duckdb::StatementType;
using duckdb::StringUtil;

namespace
{

constexpr const char *MEMORY = "memory";

[[noreturn]] void Forbid(const string &what)
{
    arm_error error;

    arm__fail(&error, ARM_UNSUPPORTED, "%s", what.c_str());
    Throw(error);
}

// Settings by which DuckDB would look for extensions by itself, or elsewhere.
bool IsOfExtensions(const string &name)
{
    static const char *const names[] = {
        "autoinstall_extension_repository",
        "autoinstall_known_extensions",
        "autoload_known_extensions",
        "custom_extension_repository",
        "extension_directories",
        "extension_directory",
    };

    for (auto known : names) {
        if (StringUtil::CIEquals(name, known)) {
            return true;
        }
    }
    return false;
}

bool IsOfSearchPath(const string &name)
{
    return StringUtil::CIEquals(name, "schema") || StringUtil::CIEquals(name, "search_path");
}

// Whether a path of "memory", "memory.main" or "a,memory" has it.
bool NamesMemory(const string &path)
{
    for (auto &part : StringUtil::Split(path, ',')) {
        auto name = duckdb::QualifiedName::Parse(part);
        if (StringUtil::CIEquals(name.name, MEMORY) || StringUtil::CIEquals(name.schema, MEMORY)) {
            return true;
        }
    }
    return false;
}

void AdmitSet(ClientContext &context, unique_ptr<duckdb::SQLStatement> &statement)
{
    auto &set = statement->Cast<duckdb::SetStatement>();

    if (IsOfExtensions(set.name)) {
        Forbid("the setting " + set.name +
               " stays as it is: no statement reaches the network; LOAD takes an extension's path");
    }
    if (!IsOfSearchPath(set.name)) {
        return;
    }
    if (set.set_type == duckdb::SetType::RESET) {
        statement = std::move(context.ParseStatements("USE armillaria")[0]);
        return;
    }
    auto &value = *set.Cast<duckdb::SetVariableStatement>().value;
    if (value.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT &&
        NamesMemory(value.Cast<duckdb::ConstantExpression>().value.ToString())) {
        Forbid("DuckDB's own database in memory cannot be used: what is written there is lost. "
               "CREATE TEMP TABLE makes a table for the session");
    }
}

} // namespace

void Admit(ClientContext &context, unique_ptr<duckdb::SQLStatement> &statement)
{
    switch (statement->type) {
    case StatementType::SET_STATEMENT:
        AdmitSet(context, statement);
        break;
    case StatementType::LOAD_STATEMENT:
        if (statement->Cast<duckdb::LoadStatement>().info->load_type != duckdb::LoadType::LOAD) {
            Forbid("INSTALL is not supported: no statement reaches the network; LOAD takes an "
                   "extension's path");
        }
        break;
    case StatementType::UPDATE_EXTENSIONS_STATEMENT:
        Forbid("UPDATE EXTENSIONS is not supported: no statement reaches the network");
    case StatementType::ATTACH_STATEMENT:
        if (StringUtil::CIEquals(statement->Cast<duckdb::AttachStatement>().info->name, CATALOG)) {
            Forbid("the name armillaria is the repository's own: attach it by another");
        }
        break;
    case StatementType::DETACH_STATEMENT:
        if (StringUtil::CIEquals(statement->Cast<duckdb::DetachStatement>().info->name, CATALOG)) {
            Forbid("the repository cannot be detached");
        }
        break;
    default:
        break;
    }
}

} // namespace arm
