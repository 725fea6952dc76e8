// SPDX-License-Identifier: Apache-2.0
#include "duck/diff_functions.hpp"

#include "duck/error.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/parser/parsed_data/create_table_function_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"

extern "C" {
#include "merge/diff.h"
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

unique_ptr<duckdb::TableRef> AsTable(ClientContext &context, const Text &text)
{
    duckdb::Parser parser(context.GetParserOptions());

    parser.ParseQuery(text.Get());
    auto select = duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
        std::move(parser.statements[0]));
    return make_uniq<duckdb::SubqueryRef>(std::move(select));
}

Transaction &Ours(ClientContext &context)
{
    return Transaction::Get(context, duckdb::Catalog::GetCatalog(context, CATALOG));
}

string Argument(duckdb::TableFunctionBindInput &input, idx_t index, const char *what)
{
    if (input.inputs[index].IsNull()) {
        throw duckdb::BinderException("%s is NULL", what);
    }
    return input.inputs[index].ToString();
}

// The query that `make` puts together, of a transaction that has read all there is.
template <class Make> unique_ptr<duckdb::TableRef> Replace(ClientContext &context, const Make &make)
{
    auto &ours = Ours(context);
    arm_shower shower = {&ours, ShowView};
    Text text;
    arm_error error;

    arm__txn_note_all(ours.Txn());
    Check(make(ours.Txn(), shower, &text.buf, &error), error);
    return AsTable(context, text);
}

unique_ptr<duckdb::TableRef> ReplaceDiff(ClientContext &context,
                                         duckdb::TableFunctionBindInput &input)
{
    auto a = Argument(input, 0, "the first ref of arm_diff");
    auto b = Argument(input, 1, "the second ref of arm_diff");

    return Replace(
        context, [&](arm_transaction *txn, const arm_shower &shower, arm_buf *sql, arm_error *err) {
            return arm__diff_tables(txn, &shower, a.c_str(), b.c_str(), sql, err);
        });
}

// The table that the first argument names.
struct TableName {
    TableName(duckdb::TableFunctionBindInput &input, const char *what)
    {
        auto table = Argument(input, 0, what);
        arm_error error;

        Check(arm__table_name_parse(table.c_str(), schema, name, &error), error);
    }

    char schema[256];
    char name[256];
};

unique_ptr<duckdb::TableRef> ReplaceRowDiff(ClientContext &context,
                                            duckdb::TableFunctionBindInput &input)
{
    TableName table(input, "the table of arm_row_diff");
    auto a = Argument(input, 1, "the first ref of arm_row_diff");
    auto b = Argument(input, 2, "the second ref of arm_row_diff");

    return Replace(
        context, [&](arm_transaction *txn, const arm_shower &shower, arm_buf *sql, arm_error *err) {
            return arm__diff_rows(txn, &shower, table.schema, table.name, a.c_str(), b.c_str(), sql,
                                  err);
        });
}

unique_ptr<duckdb::TableRef> ReplaceSchemaDiffs(ClientContext &context,
                                                duckdb::TableFunctionBindInput &input)
{
    auto a = Argument(input, 0, "the first ref of arm_schema_diff");
    auto b = Argument(input, 1, "the second ref of arm_schema_diff");

    return Replace(context,
                   [&](arm_transaction *txn, const arm_shower &, arm_buf *sql, arm_error *err) {
                       return arm__diff_schemas(txn, a.c_str(), b.c_str(), sql, err);
                   });
}

unique_ptr<duckdb::TableRef> ReplaceSchemaDiff(ClientContext &context,
                                               duckdb::TableFunctionBindInput &input)
{
    TableName table(input, "the table of arm_schema_diff");
    auto a = Argument(input, 1, "the first ref of arm_schema_diff");
    auto b = Argument(input, 2, "the second ref of arm_schema_diff");

    return Replace(
        context, [&](arm_transaction *txn, const arm_shower &, arm_buf *sql, arm_error *err) {
            return arm__diff_schema(txn, table.schema, table.name, a.c_str(), b.c_str(), sql, err);
        });
}

duckdb::TableFunction Replaced(const vector<LogicalType> &arguments,
                               duckdb::table_function_bind_replace_t replace)
{
    duckdb::TableFunction function(arguments, nullptr, nullptr);

    function.bind_replace = replace;
    return function;
}

void Register(ClientContext &context, const string &name,
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

} // namespace

void RegisterDiffFunctions(ClientContext &context)
{
    auto &text = LogicalType::VARCHAR;

    Register(context, "arm_diff", {Replaced({text, text}, ReplaceDiff)});
    Register(context, "arm_row_diff", {Replaced({text, text, text}, ReplaceRowDiff)});
    Register(context, "arm_schema_diff",
             {Replaced({text, text}, ReplaceSchemaDiffs),
              Replaced({text, text, text}, ReplaceSchemaDiff)});
}

} // namespace arm
