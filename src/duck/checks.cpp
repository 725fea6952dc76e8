// SPDX-License-Identifier: Apache-2.0
#include "duck/checks.hpp"

#include <algorithm>

#include "duck/error.hpp"
#include "duck/table_entry.hpp"
#include "duckdb/parser/constraints/check_constraint.hpp"
#include "duckdb/planner/constraints/bound_check_constraint.hpp"

namespace arm
{

Checks::Checks(const TableEntry &table, const vector<unique_ptr<duckdb::BoundConstraint>> &bound)
{
    auto &constraints = table.GetConstraints();

    for (idx_t i = 0; i < constraints.size(); i++) {
        if (constraints[i]->type != duckdb::ConstraintType::CHECK) {
            continue;
        }
        auto &check = bound[i]->Cast<duckdb::BoundCheckConstraint>();
        Item item;
        item.expression = check.expression->Copy();
        item.sql = constraints[i]->ToString();
        for (auto &column : check.bound_columns) {
            item.columns.push_back(column.index);
        }
        std::sort(item.columns.begin(), item.columns.end());
        items.push_back(std::move(item));
    }
}

CheckRun::CheckRun(ClientContext &context, const TableEntry &table, const Checks &checks)
    : table(table), checks(checks)
{
    for (auto &item : checks.items) {
        executors.push_back(make_uniq<duckdb::ExpressionExecutor>(context, *item.expression));
    }
}

namespace
{

[[noreturn]] void Fail(const TableEntry &table, const string &sql, const string &why)
{
    arm_error error;

    arm__fail(&error, ARM_CONSTRAINT, "%s of table %s refuses a row: %s", sql.c_str(),
              table.name.c_str(), why.c_str());
    Throw(error);
}

// "a = 1, b = 'x'" of one row.
string ValuesOf(const TableEntry &table, const vector<idx_t> &columns, DataChunk &rows, idx_t row)
{
    string result;

    for (auto index : columns) {
        auto &column = table.GetColumns().GetColumn(duckdb::PhysicalIndex(index));
        result += (result.empty() ? "" : ", ") + column.Name() + " = " +
                  rows.GetValue(index, row).ToSQLString();
    }
    return result;
}

} // namespace

// What is not known to be false passes, as in SQL.
void CheckRun::Judge(const Checks::Item &check, duckdb::Vector &verdicts, DataChunk &rows)
{
    duckdb::UnifiedVectorFormat format;

    verdicts.ToUnifiedFormat(rows.size(), format);
    auto values = duckdb::UnifiedVectorFormat::GetData<int32_t>(format);
    for (idx_t i = 0; i < rows.size(); i++) {
        auto at = format.sel->get_index(i);
        if (format.validity.RowIsValid(at) && values[at] == 0) {
            Fail(table, check.sql, ValuesOf(table, check.columns, rows, i));
        }
    }
}

void CheckRun::Verify(DataChunk &rows)
{
    for (idx_t i = 0; i < checks.items.size(); i++) {
        duckdb::Vector verdicts(LogicalType::INTEGER);
        try {
            executors[i]->ExecuteExpression(rows, verdicts);
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &ex) {
            Fail(table, checks.items[i].sql, duckdb::ErrorData(ex).RawMessage());
        }
        Judge(checks.items[i], verdicts, rows);
    }
}

} // namespace arm
