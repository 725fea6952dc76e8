// SPDX-License-Identifier: Apache-2.0
#include "duck/definition.hpp"

#include "duck/error.hpp"
#include "duckdb/parser/constraints/check_constraint.hpp"
#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/constraints/unique_constraint.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression_binder.hpp"

namespace arm
{

using duckdb::ConstraintType;
using duckdb::LogicalTypeId;
using duckdb::ParsedExpression;

namespace
{

unique_ptr<ParsedExpression> Parse(const char *sql)
{
    auto expressions = duckdb::Parser::ParseExpressionList(sql);

    if (expressions.size() != 1) {
        throw duckdb::InternalException("\"%s\" is not one expression", sql);
    }
    return std::move(expressions[0]);
}

void DefineGenerated(const Armpb__Generated &generated, duckdb::CreateTableInfo &info)
{
    duckdb::ColumnDefinition definition(generated.field->name, TypeOf(*generated.field->type));

    definition.SetGeneratedExpression(Parse(generated.sql));
    info.columns.AddColumn(std::move(definition));
}

void DefineKey(const Armpb__Schema &schema, const Armpb__Key &key, duckdb::CreateTableInfo &info)
{
    vector<string> names;

    for (size_t i = 0; i < key.n_field_ids; i++) {
        names.push_back(arm__schema_column(&schema, key.field_ids[i])->field->name);
    }
    if (names.size() == 1) {
        auto index = info.columns.GetColumn(names[0]).Logical();
        info.constraints.push_back(
            make_uniq<duckdb::UniqueConstraint>(index, names[0], key.primary != 0));
    } else {
        info.constraints.push_back(make_uniq<duckdb::UniqueConstraint>(names, key.primary != 0));
    }
}

} // namespace

void Define(const Armpb__Schema &schema, duckdb::CreateTableInfo &info)
{
    for (size_t i = 0; i < arm__schema_width(&schema); i++) {
        if (arm__schema_generated_at(&schema, i) != nullptr) {
            DefineGenerated(*arm__schema_generated_at(&schema, i), info);
            continue;
        }
        const Armpb__Column &column = *schema.columns[arm__schema_stored_at(&schema, i)];
        duckdb::ColumnDefinition definition(column.field->name, TypeOf(*column.field->type));
        if (column.default_sql != nullptr) {
            definition.SetDefaultValue(Parse(column.default_sql));
        }
        info.columns.AddColumn(std::move(definition));
        if (column.not_null) {
            info.constraints.push_back(
                make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
        }
    }
    for (size_t i = 0; i < schema.n_checks; i++) {
        info.constraints.push_back(
            make_uniq<duckdb::CheckConstraint>(Parse(schema.checks[i]->sql)));
    }
    for (size_t i = 0; i < schema.n_keys; i++) {
        DefineKey(schema, *schema.keys[i], info);
    }
}

namespace
{

void RefuseColumn(const duckdb::ColumnDefinition &column)
{
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

void AddGenerated(Armpb__Schema &schema, const duckdb::ColumnDefinition &column)
{
    auto logical = column.Type();
    auto sql = column.GeneratedExpression().ToString();
    Armpb__Type *type = nullptr;
    arm_error error;

    Check(arm__type_from_duckdb(reinterpret_cast<duckdb_logical_type>(&logical), &type, &error),
          error);
    Check(arm__schema_add_generated(&schema, column.Name().c_str(), type, column.Logical().index,
                                    sql.c_str(), &error),
          error);
}

OwnedSchema ColumnsOf(duckdb::CreateTableInfo &info)
{
    vector<LogicalType> types;
    vector<duckdb_logical_type> handles;
    vector<const char *> names;
    Armpb__Schema *schema = nullptr;
    arm_error error;

    for (auto &column : info.columns.Physical()) {
        types.push_back(column.Type());
        names.push_back(column.Name().c_str());
    }
    for (auto &type : types) {
        handles.push_back(reinterpret_cast<duckdb_logical_type>(&type));
    }
    Check(arm__schema_from_columns(names.size(), names.data(), handles.data(), &schema, &error),
          error);
    OwnedSchema result(schema);
    for (auto &column : info.columns.Logical()) {
        RefuseColumn(column);
        if (column.Generated()) {
            AddGenerated(*schema, column);
        }
    }
    arm__schema_number_fields(schema);
    return result;
}

Armpb__Column &StoredColumn(Armpb__Schema &schema, duckdb::LogicalIndex index)
{
    return *schema.columns[arm__schema_stored_at(&schema, index.index)];
}

void AddKey(Armpb__Schema &schema, const duckdb::CreateTableInfo &info,
            const duckdb::UniqueConstraint &key)
{
    vector<uint32_t> ids;
    arm_error error;

    for (auto &index : key.GetLogicalIndexes(info.columns)) {
        Armpb__Column &column = StoredColumn(schema, index);
        ids.push_back(column.field->id);
        if (key.IsPrimaryKey()) {
            arm__column_set_not_null(&column, true);
        }
    }
    Check(arm__schema_add_key(&schema, key.IsPrimaryKey(), ids.data(), ids.size(),
                              key.GetName(info.table).c_str(), &error),
          error);
}

void AddConstraint(Armpb__Schema &schema, const duckdb::CreateTableInfo &info,
                   const duckdb::Constraint &constraint)
{
    arm_error error;

    switch (constraint.type) {
    case ConstraintType::NOT_NULL: {
        auto index = constraint.Cast<duckdb::NotNullConstraint>().index;
        arm__column_set_not_null(&StoredColumn(schema, index), true);
        break;
    }
    case ConstraintType::CHECK: {
        auto sql = constraint.Cast<duckdb::CheckConstraint>().expression->ToString();
        Check(arm__schema_add_check(&schema, nullptr, sql.c_str(), &error), error);
        break;
    }
    case ConstraintType::UNIQUE:
        AddKey(schema, info, constraint.Cast<duckdb::UniqueConstraint>());
        break;
    case ConstraintType::FOREIGN_KEY:
        Refuse("FOREIGN KEY");
    default:
        Refuse("this constraint");
    }
}

} // namespace

void CheckGenerated(ClientContext &context, const duckdb::CreateTableInfo &info)
{
    auto binder = duckdb::Binder::CreateBinder(context);
    vector<string> names;
    vector<LogicalType> types;

    for (auto &column : info.columns.Logical()) {
        names.push_back(column.Name());
        types.push_back(column.Type());
    }
    binder->bind_context.AddGenericBinding(binder->GenerateTableIndex(), info.table, names, types);
    duckdb::ExpressionBinder expressions(*binder, context);
    for (auto &column : info.columns.Logical()) {
        if (column.Generated()) {
            auto parsed = column.GeneratedExpression().Copy(); // binding is destructive
            if (expressions.Bind(parsed)->IsVolatile()) {
                Refuse("a GENERATED column that is another one each time it is read");
            }
        }
    }
}

OwnedSchema SchemaOf(duckdb::CreateTableInfo &info)
{
    arm_error error;

    RefuseOptions(info);
    auto result = ColumnsOf(info);
    for (auto &column : info.columns.Logical()) {
        if (column.HasDefaultValue()) {
            auto sql = column.DefaultValue().ToString();
            Check(arm__text_set(&StoredColumn(*result, column.Logical()).default_sql, sql.c_str(),
                                &error),
                  error);
        }
    }
    for (auto &constraint : info.constraints) {
        AddConstraint(*result, info, *constraint);
    }
    return result;
}

} // namespace arm
