// SPDX-License-Identifier: Apache-2.0
#include "duck/replaced.hpp"

#include "duck/error.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/parser/parsed_data/create_table_function_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"

extern "C" {
#include "model/table_name.h"
}

namespace arm
{

namespace
{

constexpr size_t SQL_BYTES_MAX = 64u << 20;

arm_status ShowView(void *self, const arm_view *view, char out_at[32], arm_error *err)
{
    return Guard(err, [&]() {
        auto at = static_cast<Transaction *>(self)->Show(make_shared_ptr<View>(view));
        std::snprintf(out_at, 32, "%s", at.c_str());
        return ARM_OK;
    });
}

// SQL text that C puts together.
class Text
{
public:
    Text() : buf(ARM_BUF_INIT(SQL_BYTES_MAX)) {}
    ~Text() { arm__buf_release(&buf); }
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;

    string Get() const { return string(reinterpret_cast<const char *>(buf.data), buf.size); }

    arm_buf buf;
};

} // namespace

unique_ptr<duckdb::TableRef> ReplaceBy(ClientContext &context, const MakeQuery &make)
{
    auto &ours = Transaction::Get(context, duckdb::Catalog::GetCatalog(context, CATALOG));
    arm_shower shower = {&ours, ShowView};
    Text text;
    arm_error error;

    arm__txn_note_all(ours.Txn());
    Check(make(ours.Txn(), shower, &text.buf, &error), error);
    duckdb::Parser parser(context.GetParserOptions());
    parser.ParseQuery(text.Get());
    auto select = duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
        std::move(parser.statements[0]));
    return make_uniq<duckdb::SubqueryRef>(std::move(select));
}

duckdb::TableFunction Replaced(const vector<LogicalType> &arguments,
                               duckdb::table_function_bind_replace_t replace)
{
    duckdb::TableFunction function(arguments, nullptr, nullptr);

    function.bind_replace = replace;
    return function;
}

string Argument(duckdb::TableFunctionBindInput &input, idx_t index, const char *what)
{
    if (input.inputs[index].IsNull()) {
        throw duckdb::BinderException("%s is NULL", what);
    }
    return input.inputs[index].ToString();
}

TableName::TableName(duckdb::TableFunctionBindInput &input, const char *what)
{
    auto table = Argument(input, 0, what);
    arm_error error;

    Check(arm__table_name_parse(table.c_str(), schema, name, &error), error);
}

void RegisterFunctions(ClientContext &context, const string &name,
                       std::initializer_list<duckdb::TableFunction> functions)
{
    duckdb::TableFunctionSet set(name);

    for (auto &function : functions) {
        set.AddFunction(function);
    }
    duckdb::CreateTableFunctionInfo info(set);
    info.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    info.internal = true;
    duckdb::Catalog::GetSystemCatalog(context).CreateTableFunction(context, info);
}

} // namespace arm
