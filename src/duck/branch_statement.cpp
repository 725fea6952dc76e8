// SPDX-License-Identifier: Apache-2.0
#include "duck/branch_statement.hpp"

#include "duck/error.hpp"
#include "duck/session_state.hpp"
#include "duck/split.h"
#include "duckdb/parser/parser_extension.hpp"

namespace arm
{

using duckdb::ParserExtensionParseData;

namespace
{

// The first two words of each statement.
constexpr const char *STATEMENTS[][2] = {
    {"create", "branch"}, {"drop", "branch"}, {"use", "branch"},
    {"merge", "branch"},  {"create", "tag"},  {"drop", "tag"},
};

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
    for (auto &statement : STATEMENTS) {
        if (arm__sql_begins(query.c_str(), statement[0], statement[1])) {
            return duckdb::ParserExtensionParseResult(make_uniq<BranchStatement>(query));
        }
    }
    return duckdb::ParserExtensionParseResult();
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

void Run(ClientContext &context, duckdb::TableFunctionInput &input, DataChunk &out)
{
    auto &state = input.global_state->Cast<BranchState>();
    const arm_duck_session &session = SessionState::Get(context).session;
    const string &text = input.bind_data->Cast<BranchBindData>().text;
    char *answer = nullptr;
    arm_error error;

    if (state.is_done) {
        return;
    }
    state.is_done = true;
    Check(session.branch_statement(session.self, text.c_str(), &answer, &error), error);
    out.SetValue(0, 0, Value(string(answer == nullptr ? "" : answer)));
    out.SetCardinality(1);
    arm__free(answer);
}

duckdb::ParserExtensionPlanResult Plan(duckdb::ParserExtensionInfo *, ClientContext &,
                                       unique_ptr<ParserExtensionParseData> data)
{
    duckdb::ParserExtensionPlanResult result;

    result.function =
        duckdb::TableFunction("armillaria_branch", {LogicalType::VARCHAR}, Run, Bind, Init);
    result.parameters.push_back(Value(data->ToString()));
    result.requires_valid_transaction = true;
    result.return_type = duckdb::StatementReturnType::QUERY_RESULT;
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
