// SPDX-License-Identifier: Apache-2.0
#include "duck/checks.hpp"

#include <algorithm>

#include "duck/error.hpp"
#include "duck/shorten.hpp"
#include "duck/table_entry.hpp"
#include "duckdb/parser/constraints/check_constraint.hpp"
#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/constraints/bound_check_constraint.hpp"

extern "C" {
#include "duck/row_calls.h"
}

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

constexpr idx_t SQL_HEAD = 250;
constexpr idx_t SQL_TAIL = 50;
constexpr idx_t WHY_HEAD = 300;
constexpr idx_t WHY_TAIL = 200;

[[noreturn]] void Fail(const TableEntry &table, const string &sql, const string &why)
{
    arm_error error;

    arm__fail(&error, ARM_CONSTRAINT, "%s of table %s refuses a row: %s",
              Shortened(sql, SQL_HEAD, SQL_TAIL).c_str(), table.name.c_str(),
              Shortened(why, WHY_HEAD, WHY_TAIL).c_str());
    Throw(error);
}

// "a = 1, b = 'x'" of one row.
string ValuesOf(const TableEntry &table, const vector<idx_t> &columns, DataChunk &rows, idx_t row)
{
    string result;

    for (auto index : columns) {
        auto &column = table.GetColumns().GetColumn(duckdb::PhysicalIndex(index));
        result += (result.empty() ? "" : ", ") + ShownValue(column.Name(), rows, index, row);
    }
    return result;
}

// The columns that an expression speaks of; of a STRUCT's member, that name too.
void Mention(const duckdb::ParsedExpression &expression, duckdb::case_insensitive_set_t &names)
{
    if (expression.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
        auto &reference = expression.Cast<duckdb::ColumnRefExpression>();
        names.insert(reference.column_names.begin(), reference.column_names.end());
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        expression, [&](const duckdb::ParsedExpression &child) { Mention(child, names); });
}

// As ValuesOf, where all that is known of the check is its SQL.
string ValuesOf(const arm_refused_row &refused)
{
    auto &rows = *reinterpret_cast<DataChunk *>(refused.rows);
    duckdb::case_insensitive_set_t mentioned;
    string result;

    for (auto &expression : duckdb::Parser::ParseExpressionList(refused.sql)) {
        Mention(*expression, mentioned);
    }
    for (idx_t i = 0; i < refused.column_count; i++) {
        if (mentioned.count(refused.names[i]) > 0) {
            result +=
                (result.empty() ? "" : ", ") + ShownValue(refused.names[i], rows, i, refused.row);
        }
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

arm_status arm__duck_refuse_row(const struct arm_refused_row *refused, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        return arm__fail(
            err, ARM_CONSTRAINT, "CHECK(%s) of table %s refuses row %llu: %s",
            arm::Shortened(refused->sql, arm::SQL_HEAD, arm::SQL_TAIL).c_str(), refused->table,
            static_cast<unsigned long long>(refused->number),
            arm::Shortened(arm::ValuesOf(*refused), arm::WHY_HEAD, arm::WHY_TAIL).c_str());
    });
}
