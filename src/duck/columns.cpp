// SPDX-License-Identifier: Apache-2.0
#include "duck/columns.hpp"

#include "duck/error.hpp"
#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/constraints/unique_constraint.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"

namespace arm
{

using duckdb::ConstraintType;
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

void AddColumns(const Armpb__Schema &schema, duckdb::CreateTableInfo &info)
{
    for (size_t i = 0; i < schema.n_columns; i++) {
        const Armpb__Column &column = *schema.columns[i];
        info.columns.AddColumn(
            duckdb::ColumnDefinition(column.field->name, TypeOf(*column.field->type)));
        if (column.not_null) {
            info.constraints.push_back(
                make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
        }
    }
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

    for (size_t i = 0; i < schema.n_columns; i++) {
        MultiFileColumnDefinition column = ScanColumn(*schema.columns[i]->field);
        column.default_expression =
            make_uniq<duckdb::ConstantExpression>(InitialValue(*schema.columns[i]));
        result.push_back(column);
    }
    return result;
}

namespace
{

void RefuseConstraint(const duckdb::Constraint &constraint)
{
    switch (constraint.type) {
    case ConstraintType::NOT_NULL:
        return;
    case ConstraintType::CHECK:
        Refuse("CHECK");
    case ConstraintType::FOREIGN_KEY:
        Refuse("FOREIGN KEY");
    case ConstraintType::UNIQUE:
        Refuse(constraint.Cast<duckdb::UniqueConstraint>().IsPrimaryKey() ? "PRIMARY KEY"
                                                                          : "UNIQUE");
    default:
        Refuse("this constraint");
    }
}

void RefuseColumn(const duckdb::ColumnDefinition &column)
{
    if (column.Generated()) {
        Refuse("GENERATED");
    }
    if (column.HasDefaultValue()) {
        Refuse("DEFAULT");
    }
    if (column.Type().id() == LogicalTypeId::VARCHAR &&
        !duckdb::StringType::GetCollation(column.Type()).empty()) {
        Refuse("COLLATE");
    }
}

void RefuseOptions(const duckdb::CreateTableInfo &info)
{
    if (!info.partition_keys.empty()) {
        Refuse("PARTITIONED BY");
    }
    if (!info.sort_keys.empty()) {
        Refuse("SORTED BY");
    }
    if (!info.options.empty()) {
        Refuse("CREATE TABLE ... WITH");
    }
}

} // namespace

OwnedSchema SchemaOf(duckdb::CreateTableInfo &info)
{
    vector<LogicalType> types;
    vector<duckdb_logical_type> handles;
    vector<const char *> names;
    Armpb__Schema *schema = nullptr;
    arm_error error;

    RefuseOptions(info);
    for (auto &constraint : info.constraints) {
        RefuseConstraint(*constraint);
    }
    for (auto &column : info.columns.Logical()) {
        RefuseColumn(column);
        types.push_back(column.Type());
        names.push_back(column.Name().c_str());
    }
    for (auto &type : types) {
        handles.push_back(reinterpret_cast<duckdb_logical_type>(&type));
    }
    Check(arm__schema_from_columns(names.size(), names.data(), handles.data(), &schema, &error),
          error);
    OwnedSchema result(schema);
    for (auto &constraint : info.constraints) {
        auto index = constraint->Cast<duckdb::NotNullConstraint>().index.index;
        schema->columns[index]->has_not_null = 1;
        schema->columns[index]->not_null = 1;
    }
    arm__schema_number_fields(schema);
    return result;
}

} // namespace arm
