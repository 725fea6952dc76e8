// SPDX-License-Identifier: Apache-2.0
#include "duck/columns.hpp"

#include "duck/error.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"

namespace arm
{

using duckdb::LogicalTypeId;
using duckdb::MultiFileColumnDefinition;

LogicalType TypeOf(const Armpb__Type &type)
{
    duckdb_logical_type handle = nullptr;
    arm_error error;

    Check(arm__type_to_duckdb(&type, &handle, &error), error);
    LogicalType result = *reinterpret_cast<LogicalType *>(handle);
    duckdb_destroy_logical_type(&handle);
    return result;
}

const Armpb__Field &StoredField(const Armpb__Schema &schema, duckdb::column_t column)
{
    return *schema.columns[arm__schema_stored_at(&schema, column)]->field;
}

Value InitialValue(const Armpb__Column &column)
{
    LogicalType type = TypeOf(*column.field->type);
    arm_buf text = ARM_BUF_INIT(1u << 20);
    arm_error error;

    if (!column.has_initial_value) {
        return Value(type);
    }
    arm_bytes bytes = {column.initial_value.data, column.initial_value.len};
    arm_status st = arm__value_to_text(column.field->type, bytes, &text, &error);
    string spelling(reinterpret_cast<const char *>(text.data), text.size);
    arm__buf_release(&text);
    Check(st, error);
    return Value(spelling).DefaultCastAs(type);
}

namespace
{

// Nested fields are mapped one by one where files hold the logical type; elsewhere the column is
// cast as a whole. A MAP is always read as a whole.
MultiFileColumnDefinition ScanColumn(const Armpb__Field &field)
{
    LogicalType type = TypeOf(*field.type);
    MultiFileColumnDefinition result(field.name, type);

    result.identifier = Value::INTEGER(static_cast<int32_t>(field.id));
    result.default_expression = make_uniq<duckdb::ConstantExpression>(Value(type));
    bool by_field = type.id() == LogicalTypeId::STRUCT || type.id() == LogicalTypeId::LIST;
    if (by_field && arm__type_is_physical(field.type)) {
        for (size_t i = 0; i < field.type->n_fields; i++) {
            result.children.push_back(ScanColumn(*field.type->fields[i]));
        }
    }
    return result;
}

} // namespace

vector<MultiFileColumnDefinition> ScanColumns(const Armpb__Schema &schema)
{
    vector<MultiFileColumnDefinition> result;

    for (size_t i = 0; i < arm__schema_width(&schema); i++) {
        const Armpb__Generated *generated = arm__schema_generated_at(&schema, i);
        if (generated != nullptr) { // SQL computes it; nobody asks the scan for it
            result.push_back(ScanColumn(*generated->field));
            continue;
        }
        const Armpb__Column &stored = *schema.columns[arm__schema_stored_at(&schema, i)];
        MultiFileColumnDefinition column = ScanColumn(*stored.field);
        column.default_expression = make_uniq<duckdb::ConstantExpression>(InitialValue(stored));
        result.push_back(column);
    }
    return result;
}

} // namespace arm
