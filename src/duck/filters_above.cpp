// SPDX-License-Identifier: Apache-2.0
#include "duck/filters_above.hpp"

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/common/table_column.hpp"
#include "duckdb/function/scalar_function.hpp"
#include "duckdb/parser/parsed_data/create_scalar_function_info.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/operator/logical_get.hpp"

namespace arm
{

namespace
{

constexpr const char *WRAPPER = "arm_above_scan";

void GiveBack(DataChunk &arguments, duckdb::ExpressionState &, duckdb::Vector &result)
{
    result.Reference(arguments.data[0]);
}

duckdb::ScalarFunction Wrapper()
{
    return duckdb::ScalarFunction(WRAPPER, {LogicalType::BOOLEAN}, LogicalType::BOOLEAN, GiveBack);
}

bool MustStay(const duckdb::LogicalGet &get, const vector<bool> &takes_filters,
              const Expression &filter)
{
    bool result = false;

    duckdb::ExpressionIterator::VisitExpression<duckdb::BoundComparisonExpression>(
        filter, [&](const duckdb::BoundComparisonExpression &comparison) {
            result =
                result ||
                comparison.GetExpressionType() == duckdb::ExpressionType::COMPARE_DISTINCT_FROM ||
                comparison.GetExpressionType() == duckdb::ExpressionType::COMPARE_NOT_DISTINCT_FROM;
        });
    duckdb::ExpressionIterator::VisitExpression<duckdb::BoundColumnRefExpression>(
        filter, [&](const duckdb::BoundColumnRefExpression &reference) {
            auto &columns = get.GetColumnIds();
            if (reference.binding.table_index == get.table_index &&
                reference.binding.column_index < columns.size()) {
                auto column = columns[reference.binding.column_index].GetPrimaryIndex();
                result = result || (!duckdb::IsVirtualColumn(column) && !takes_filters[column]);
            }
        });
    return result;
}

} // namespace

void KeepFiltersAbove(const duckdb::LogicalGet &get, const vector<bool> &takes_filters,
                      vector<unique_ptr<Expression>> &filters)
{
    for (auto &filter : filters) {
        if (!StaysAbove(*filter) && MustStay(get, takes_filters, *filter)) {
            vector<unique_ptr<Expression>> arguments;
            arguments.push_back(std::move(filter));
            filter = make_uniq<duckdb::BoundFunctionExpression>(LogicalType::BOOLEAN, Wrapper(),
                                                                std::move(arguments), nullptr);
        }
    }
}

bool StaysAbove(const Expression &filter)
{
    return filter.GetExpressionClass() == duckdb::ExpressionClass::BOUND_FUNCTION &&
           filter.Cast<duckdb::BoundFunctionExpression>().function.name == WRAPPER;
}

void RegisterFiltersAbove(ClientContext &context)
{
    duckdb::CreateScalarFunctionInfo info(Wrapper());

    info.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    info.internal = true;
    duckdb::Catalog::GetSystemCatalog(context).CreateFunction(context, info);
}

} // namespace arm
