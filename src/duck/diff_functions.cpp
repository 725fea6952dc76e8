// SPDX-License-Identifier: Apache-2.0
#include "duck/diff_functions.hpp"

#include "duck/replaced.hpp"

namespace arm
{

namespace
{

unique_ptr<duckdb::TableRef> ReplaceDiff(ClientContext &context,
                                         duckdb::TableFunctionBindInput &input)
{
    auto a = Argument(input, 0, "the first ref of arm_diff");
    auto b = Argument(input, 1, "the second ref of arm_diff");

    return ReplaceBy(
        context, [&](arm_transaction *txn, const arm_shower &shower, arm_buf *sql, arm_error *err) {
            return arm__diff_tables(txn, &shower, a.c_str(), b.c_str(), sql, err);
        });
}

unique_ptr<duckdb::TableRef> ReplaceRowDiff(ClientContext &context,
                                            duckdb::TableFunctionBindInput &input)
{
    TableName table(input, "the table of arm_row_diff");
    auto a = Argument(input, 1, "the first ref of arm_row_diff");
    auto b = Argument(input, 2, "the second ref of arm_row_diff");

    return ReplaceBy(
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

    return ReplaceBy(context,
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

    return ReplaceBy(
        context, [&](arm_transaction *txn, const arm_shower &, arm_buf *sql, arm_error *err) {
            return arm__diff_schema(txn, table.schema, table.name, a.c_str(), b.c_str(), sql, err);
        });
}

} // namespace

void RegisterDiffFunctions(ClientContext &context)
{
    auto &text = LogicalType::VARCHAR;

    RegisterFunctions(context, "arm_diff", {Replaced({text, text}, ReplaceDiff)});
    RegisterFunctions(context, "arm_row_diff", {Replaced({text, text, text}, ReplaceRowDiff)});
    RegisterFunctions(context, "arm_schema_diff",
                      {Replaced({text, text}, ReplaceSchemaDiffs),
                       Replaced({text, text, text}, ReplaceSchemaDiff)});
}

} // namespace arm
