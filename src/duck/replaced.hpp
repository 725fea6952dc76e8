// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_REPLACED_HPP
#define ARM_DUCK_REPLACED_HPP

// Table functions that stand for a query, put together in C when they are bound: DuckDB then plans
// that as if it had been written there.

#include <functional>

#include "duck/core.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/parser/tableref.hpp"

extern "C" {
#include "merge/diff.h"
}

namespace arm
{

// Puts the query together.
using MakeQuery = std::function<arm_status(arm_transaction *txn, const arm_shower &shower,
                                           arm_buf *sql, arm_error *err)>;
// The query, of the session's transaction, which has then read all there is.
unique_ptr<duckdb::TableRef> ReplaceBy(ClientContext &context, const MakeQuery &make);

duckdb::TableFunction Replaced(const vector<LogicalType> &arguments,
                               duckdb::table_function_bind_replace_t replace);

// An argument's text; `what` it is, for who gives NULL.
string Argument(duckdb::TableFunctionBindInput &input, idx_t index, const char *what);

// The table that the first argument names.
struct TableName {
    TableName(duckdb::TableFunctionBindInput &input, const char *what);

    char schema[256];
    char name[256];
};

// Under one name in the system catalog, once.
void RegisterFunctions(ClientContext &context, const string &name,
                       std::initializer_list<duckdb::TableFunction> functions);

} // namespace arm

#endif
