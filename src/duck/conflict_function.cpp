// SPDX-License-Identifier: Apache-2.0
#include "duck/conflict_function.hpp"

#include "duck/error.hpp"
#include "duck/session_state.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/parser/parsed_data/create_table_function_info.hpp"

namespace arm
{

namespace
{

using Row = vector<Value>;

struct ConflictState : public duckdb::GlobalTableFunctionState {
    vector<Row> rows;
    idx_t next = 0;
};

unique_ptr<duckdb::FunctionData> Bind(ClientContext &, duckdb::TableFunctionBindInput &,
                                      vector<LogicalType> &types, vector<string> &names)
{
    names = {"table", "kind", "columns", "key", "base", "ours", "theirs"};
    types = vector<LogicalType>(7, LogicalType::JSON());
    types[0] = types[1] = LogicalType::VARCHAR;
    return make_uniq<duckdb::TableFunctionData>();
}

Value Text(const char *text, const LogicalType &type = LogicalType::JSON())
{
    Value value = text == nullptr ? Value(LogicalType::VARCHAR) : Value(string(text));

    value.Reinterpret(type);
    return value;
}

// What is told of a table as a whole is a sentence, not a key.
Value Key(const arm_duck_conflict &conflict)
{
    bool is_of_row =
        conflict.base != nullptr || conflict.ours != nullptr || conflict.theirs != nullptr;

    if (is_of_row || conflict.key == nullptr) {
        return Text(conflict.key);
    }
    string quoted = "\"";
    for (const char *at = conflict.key; *at != 0; at++) {
        if (*at == '"' || *at == '\\') {
            quoted += '\\';
        }
        quoted += *at == '\n' ? ' ' : *at;
    }
    quoted += '"';
    return Text(quoted.c_str());
}

arm_status Visit(void *context, const arm_duck_conflict *conflict, arm_error *err)
{
    auto &state = *static_cast<ConflictState *>(context);

    return Guard(err, [&]() {
        state.rows.push_back({Text(conflict->name, LogicalType::VARCHAR),
                              Text(conflict->kind, LogicalType::VARCHAR), Text(conflict->columns),
                              Key(*conflict), Text(conflict->base), Text(conflict->ours),
                              Text(conflict->theirs)});
        return ARM_OK;
    });
}

unique_ptr<duckdb::GlobalTableFunctionState> Init(ClientContext &context,
                                                  duckdb::TableFunctionInitInput &)
{
    const arm_duck_session &host = SessionState::Get(context).session;
    auto result = make_uniq<ConflictState>();
    arm_error error;

    if (host.conflicts != nullptr) {
        Check(host.conflicts(host.self, Visit, result.get(), &error), error);
    }
    return std::move(result);
}

void Run(ClientContext &, duckdb::TableFunctionInput &input, DataChunk &out)
{
    auto &state = input.global_state->Cast<ConflictState>();
    idx_t count = 0;

    for (; count < STANDARD_VECTOR_SIZE && state.next < state.rows.size(); count++, state.next++) {
        for (idx_t column = 0; column < out.ColumnCount(); column++) {
            out.SetValue(column, count, state.rows[state.next][column]);
        }
    }
    out.SetCardinality(count);
}

} // namespace

void RegisterConflictFunction(ClientContext &context)
{
    duckdb::CreateTableFunctionInfo info(
        duckdb::TableFunction("arm_conflicts", {}, Run, Bind, Init));

    info.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    info.internal = true;
    duckdb::Catalog::GetSystemCatalog(context).CreateTableFunction(context, info);
}

} // namespace arm
