// SPDX-License-Identifier: Apache-2.0
#include "duck/branch_statement.hpp"

#include "duck/error.hpp"
#include "duck/session_state.hpp"
#include "duckdb/parser/parser_extension.hpp"

extern "C" {
#include "duck/branch_parse.h"
}

namespace arm
{

using duckdb::ParserExtensionParseData;

namespace
{

// A statement that releases what it holds.
struct Statement {
    explicit Statement(const string &text)
    {
        arm_error error;

        Check(arm__branch_parse(text.c_str(), &parsed, &is_one, nullptr, &error), error);
    }
    ~Statement() { arm__branch_statement_release(&parsed); }
    Statement(const Statement &) = delete;
    Statement &operator=(const Statement &) = delete;

    arm_branch_statement parsed = {};
    bool is_one = false;
};

// What DuckDB passes along is the text: it is short, and taken apart again where it is needed.
class BranchStatement : public ParserExtensionParseData
{
public:
    explicit BranchStatement(string text) : text(std::move(text)) {}

    unique_ptr<ParserExtensionParseData> Copy() const override
    {
        return make_uniq<BranchStatement>(text);
    }
    string ToString() const override { return text; }

    const string text;
};

struct BranchBindData : public duckdb::TableFunctionData {
    string text;
};

struct BranchState : public duckdb::GlobalTableFunctionState {
    bool is_done = false;
};

duckdb::ParserExtensionParseResult Parse(duckdb::ParserExtensionInfo *, const string &query)
{
    arm_branch_statement statement = {};
    bool is_one = false;
    size_t offset = 0;
    arm_error error;
    arm_status st = arm__branch_parse(query.c_str(), &statement, &is_one, &offset, &error);

    arm__branch_statement_release(&statement);
    if (!is_one) {
        return duckdb::ParserExtensionParseResult();
    }
    if (st == ARM_NO_MEMORY) {
        throw std::bad_alloc();
    }
    if (st != ARM_OK) {
        duckdb::ParserExtensionParseResult result{string(error.message)};
        result.error_location = offset;
        return result;
    }
    return duckdb::ParserExtensionParseResult(make_uniq<BranchStatement>(query));
}

unique_ptr<duckdb::FunctionData> Bind(ClientContext &, duckdb::TableFunctionBindInput &input,
                                      vector<LogicalType> &types, vector<string> &names)
{
    auto result = make_uniq<BranchBindData>();

    result->text = input.inputs[0].ToString();
    types.push_back(LogicalType::VARCHAR);
    names.push_back("branch");
    return std::move(result);
}

unique_ptr<duckdb::GlobalTableFunctionState> Init(ClientContext &, duckdb::TableFunctionInitInput &)
{
    return make_uniq<BranchState>();
}

// No row comes: it is done, or throws.
void Run(ClientContext &context, duckdb::TableFunctionInput &input, DataChunk &)
{
    auto &state = input.global_state->Cast<BranchState>();
    const arm_duck_session &session = SessionState::Get(context).session;
    arm_error error;

    if (state.is_done) {
        return;
    }
    state.is_done = true;
    Statement statement(input.bind_data->Cast<BranchBindData>().text);
    Check(session.branch_statement(session.self, &statement.parsed, &error), error);
}

// Branches and tags are no part of a transaction: in one, they would be changed though it is rolled
// back, and what they are changed by would not see what it wrote.
void RefuseInTransaction(ClientContext &context, const Statement &statement)
{
    arm_error error;

    if (!context.transaction.IsAutoCommit()) {
        Check(arm__fail(&error, ARM_INVALID,
                        "%s is not part of a transaction: commit or roll back first",
                        arm__branch_verb_text(statement.parsed.verb)),
              error);
    }
}

duckdb::ParserExtensionPlanResult Plan(duckdb::ParserExtensionInfo *, ClientContext &context,
                                       unique_ptr<ParserExtensionParseData> data)
{
    duckdb::ParserExtensionPlanResult result;

    RefuseInTransaction(context, Statement(data->ToString()));
    result.function =
        duckdb::TableFunction("armillaria_branch", {LogicalType::VARCHAR}, Run, Bind, Init);
    result.parameters.push_back(Value(data->ToString()));
    result.requires_valid_transaction = true;
    result.return_type = duckdb::StatementReturnType::NOTHING;
    return result;
}

} // namespace

void RegisterBranchStatements(duckdb::DBConfig &config)
{
    duckdb::ParserExtension extension;

    extension.parse_function = Parse;
    extension.plan_function = Plan;
    duckdb::ParserExtension::Register(config, extension);
}

} // namespace arm
