// SPDX-License-Identifier: Apache-2.0
#include "duck/retype.hpp"

#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duck/row_fetch.hpp"
#include "duck/row_writer.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/parser/expression/cast_expression.hpp"
#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression_binder/alter_binder.hpp"

extern "C" {
#include "catalog/numbers.h"
}

namespace arm
{

using duckdb::LogicalTypeId;

namespace
{

// Integers by the bits of their magnitude.
unsigned Bits(LogicalTypeId id, bool *is_signed)
{
    switch (id) {
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
        *is_signed = true;
        break;
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
        *is_signed = false;
        break;
    default:
        return 0;
    }
    auto bits = 8 * duckdb::GetTypeIdSize(LogicalType(id).InternalType());
    return static_cast<unsigned>(*is_signed ? bits - 1 : bits);
}

} // namespace

// Types that files hold as what they are; the others are rewritten, which is always right.
bool Widens(const LogicalType &from, const LogicalType &to)
{
    bool from_signed = false;
    bool to_signed = false;
    auto from_bits = Bits(from.id(), &from_signed);
    auto to_bits = Bits(to.id(), &to_signed);

    if (from_bits > 0 && to_bits > 0) {
        return from_bits <= to_bits && (to_signed || !from_signed);
    }
    if (from.id() == LogicalTypeId::DECIMAL && to.id() == LogicalTypeId::DECIMAL) {
        return duckdb::DecimalType::GetScale(from) == duckdb::DecimalType::GetScale(to) &&
               duckdb::DecimalType::GetWidth(from) <= duckdb::DecimalType::GetWidth(to);
    }
    return from.id() == LogicalTypeId::FLOAT && to.id() == LogicalTypeId::DOUBLE;
}

bool IsPlainCast(const duckdb::ParsedExpression &expression, const string &column)
{
    if (expression.GetExpressionClass() != duckdb::ExpressionClass::CAST) {
        return false;
    }
    auto &child = *expression.Cast<duckdb::CastExpression>().child;
    return child.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF &&
           duckdb::StringUtil::CIEquals(child.Cast<duckdb::ColumnRefExpression>().GetColumnName(),
                                        column);
}

namespace
{

// The columns that an expression reads, as a block of their own.
void Gather(DataChunk &rows, const vector<idx_t> &columns, DataChunk &out)
{
    vector<LogicalType> types;

    for (auto column : columns) {
        types.push_back(rows.data[column].GetType());
    }
    if (types.empty()) { // it reads none: something must say how many rows there are
        types.push_back(rows.data[0].GetType());
    }
    out.InitializeEmpty(types);
    for (idx_t i = 0; i < types.size(); i++) {
        out.data[i].Reference(rows.data[columns.empty() ? 0 : columns[i]]);
    }
    out.SetCardinality(rows.size());
}

} // namespace

void Retype(ClientContext &context, TableEntry &table, const shared_ptr<View> &view,
            Armpb__Schema &schema, idx_t index, const duckdb::ParsedExpression &expression)
{
    auto &transaction = Transaction::Get(context, table.catalog);
    auto target = TypeOf(*schema.columns[index]->field->type);
    auto binder = duckdb::Binder::CreateBinder(context);
    vector<duckdb::LogicalIndex> reads;
    duckdb::AlterBinder columns(*binder, context, table, reads, target);
    auto parsed = expression.Copy();
    auto bound = columns.Bind(parsed);
    duckdb::ExpressionExecutor executor(context, *bound);
    auto types = table.GetTypes();
    vector<idx_t> inputs;
    vector<idx_t> all;
    arm_error error;

    types[index] = target;
    for (idx_t i = 0; i < types.size(); i++) {
        all.push_back(i);
    }
    for (auto &column : reads) {
        inputs.push_back(arm__schema_stored_at(&schema, column.index));
    }
    uint32_t last = 0; // the column gets an id that no branch has given
    if (view->Get().version != 0) {
        Check(arm__catalog_last_field_id(arm__txn_catalog(transaction.Txn()), &view->Get().table_id,
                                         &last, &error),
              error);
    }
    schema.last_field_id = last > schema.last_field_id ? last : schema.last_field_id;
    arm__schema_number_fields(&schema);
    RowWriter writer(transaction.session, schema, table.name);
    ScanColumns(context, table.shared_from_this(), view, all, [&](DataChunk &rows) {
        DataChunk input;
        DataChunk changed;
        duckdb::Vector values(target);

        Gather(rows, inputs, input);
        executor.ExecuteExpression(input, values);
        changed.InitializeEmpty(types);
        for (idx_t i = 0; i < types.size(); i++) {
            changed.data[i].Reference(i == index ? values : rows.data[i]);
        }
        changed.SetCardinality(rows.size());
        writer.Push(changed);
    });
    auto written = writer.Finish();
    arm_status st = arm__txn_replace(transaction.Txn(), table.schema.name.c_str(),
                                     table.name.c_str(), &schema, &written, &error);
    arm__written_release(&written);
    Check(st, error);
}

} // namespace arm
