// SPDX-License-Identifier: Apache-2.0
#include "duck/column_names.hpp"

#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/parser.hpp"

namespace arm
{

using duckdb::ColumnRefExpression;
using duckdb::ParsedExpression;
using duckdb::ParsedExpressionIterator;
using duckdb::StringUtil;

namespace
{

// Which of its names is the column's: of t.a the last, of a struct a.b the first.
optional_idx PlaceOf(const ColumnRefExpression &reference, const string &column)
{
    auto &names = reference.column_names;

    for (idx_t i = 0; i < names.size(); i++) {
        if (StringUtil::CIEquals(names[i], column)) {
            return i;
        }
    }
    return optional_idx();
}

void Rename(ParsedExpression &expression, const string &from, const string &to)
{
    if (expression.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
        auto &reference = expression.Cast<ColumnRefExpression>();
        auto place = PlaceOf(reference, from);
        if (place.IsValid()) {
            reference.column_names[place.GetIndex()] = to;
        }
    }
    ParsedExpressionIterator::EnumerateChildren(
        expression, [&](ParsedExpression &child) { Rename(child, from, to); });
}

} // namespace

bool NamesColumn(const ParsedExpression &expression, const string &column)
{
    bool result = false;

    if (expression.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
        result = PlaceOf(expression.Cast<ColumnRefExpression>(), column).IsValid();
    }
    ParsedExpressionIterator::EnumerateChildren(expression, [&](const ParsedExpression &child) {
        result = result || NamesColumn(child, column);
    });
    return result;
}

bool NamesOthers(const ParsedExpression &expression, const string &column)
{
    bool result = false;

    if (expression.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
        result = !PlaceOf(expression.Cast<ColumnRefExpression>(), column).IsValid();
    }
    ParsedExpressionIterator::EnumerateChildren(expression, [&](const ParsedExpression &child) {
        result = result || NamesOthers(child, column);
    });
    return result;
}

string RenameIn(const string &sql, const string &from, const string &to)
{
    auto expressions = duckdb::Parser::ParseExpressionList(sql);

    Rename(*expressions[0], from, to);
    return expressions[0]->ToString();
}

} // namespace arm
