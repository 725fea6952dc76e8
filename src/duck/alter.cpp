// SPDX-License-Identifier: Apache-2.0
#include "duck/alter.hpp"

#include <algorithm>

#include "duck/column_names.hpp"
#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duck/retype.hpp"
#include "duck/row_fetch.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression_binder/constant_binder.hpp"

namespace arm
{

using duckdb::AlterTableType;
using duckdb::CatalogException;

namespace
{

// One ALTER TABLE under way: the table as it is, and the schema that it gets.
struct Altering {
    ClientContext &context;
    TableEntry &table;
    arm_transaction *txn;
    shared_ptr<View> view;
    OwnedSchema schema;

    // The place of the column among all, or an error as DuckDB's.
    idx_t Find(const string &name) const;
    // The same among those that are stored; a generated one is an error, which says `refusal`.
    idx_t FindStored(const string &name, const char *refusal) const;
    void Apply() const;
};

idx_t Altering::Find(const string &name) const
{
    return table.GetColumnIndex(const_cast<string &>(name)).index; // throws if there is none
}

idx_t Altering::FindStored(const string &name, const char *refusal) const
{
    auto position = Find(name);

    if (arm__schema_generated_at(schema.get(), position) != nullptr) {
        throw duckdb::BinderException("%s \"%s\"", refusal, name);
    }
    return arm__schema_stored_at(schema.get(), position);
}

void Altering::Apply() const
{
    arm_error error;

    Check(arm__txn_alter_table(txn, table.schema.name.c_str(), table.name.c_str(), schema.get(),
                               &error),
          error);
}

OwnedSchema Clone(const Armpb__Schema &schema)
{
    Armpb__Schema *copy = nullptr;
    arm_error error;

    Check(arm__schema_clone(&schema, &copy, &error), error);
    return OwnedSchema(copy);
}

void SetText(char **field, const string &text)
{
    arm_error error;

    Check(arm__text_set(field, text.c_str(), &error), error);
}

// ---- Columns come and go ----

// A default as SQL binds one; throws what is none.
unique_ptr<Expression> BindDefault(ClientContext &context, const duckdb::ParsedExpression &parsed,
                                   const LogicalType &type)
{
    auto binder = duckdb::Binder::CreateBinder(context);
    duckdb::ConstantBinder constants(*binder, context, "DEFAULT value");
    auto copy = parsed.Copy(); // binding is destructive

    constants.target_type = type;
    return constants.Bind(copy);
}

// What rows from before the column hold in it.
Value InitialOf(Altering &a, const duckdb::ColumnDefinition &column)
{
    if (!column.HasDefaultValue()) {
        return Value(column.Type());
    }
    auto bound = BindDefault(a.context, column.DefaultValue(), column.Type());
    if (bound->IsVolatile()) {
        Refuse("ADD COLUMN with a DEFAULT that is another one for each row");
    }
    return duckdb::ExpressionExecutor::EvaluateScalar(a.context, *bound);
}

void SetInitial(Armpb__Column &column, const Value &value)
{
    arm_buf bytes = ARM_BUF_INIT(1u << 20);
    arm_error error;

    if (value.IsNull()) {
        return;
    }
    auto text = value.DefaultCastAs(LogicalType::VARCHAR).ToString();
    arm_bytes spelling = {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
    arm_status st = arm__value_initial(column.field->type, spelling, &bytes, &error);
    if (st == ARM_OK) {
        column.has_initial_value = 1;
        column.initial_value = ProtobufCBinaryData{bytes.size, bytes.data}; // the heap's
    } else {
        arm__buf_release(&bytes);
    }
    Check(st, error);
}

void AddColumn(Altering &a, duckdb::AddColumnInfo &info)
{
    auto &definition = info.new_column;
    Armpb__Column *column = nullptr;
    Armpb__Type *type = nullptr;
    arm_error error;

    if (a.table.ColumnExists(definition.Name())) {
        if (info.if_column_not_exists) {
            return;
        }
        throw CatalogException("Column with name %s already exists!", definition.Name());
    }
    if (definition.Generated()) {
        throw duckdb::ParserException("Adding generated columns after table creation is not "
                                      "supported yet");
    }
    auto initial = InitialOf(a, definition);
    auto logical = definition.Type();
    Check(arm__type_from_duckdb(reinterpret_cast<duckdb_logical_type>(&logical), &type, &error),
          error);
    Check(arm__schema_add_column(a.schema.get(), definition.Name().c_str(), type, &column, &error),
          error);
    if (definition.HasDefaultValue()) {
        SetText(&column->default_sql, definition.DefaultValue().ToString());
    }
    SetInitial(*column, initial);
    a.Apply();
}

[[noreturn]] void Forbid(const char *what, const string &name, const char *constraint)
{
    throw CatalogException("Cannot %s column \"%s\" because there is a %s constraint that depends "
                           "on it",
                           what, name, constraint);
}

// The first key that the column is in, the primary one before others; null: it is in none.
const Armpb__Key *KeyOf(const Altering &a, idx_t index)
{
    auto id = a.schema->columns[index]->field->id;

    for (size_t k = 0; k < a.schema->n_keys; k++) {
        const Armpb__Key *key = a.schema->keys[k];
        if (std::find(key->field_ids, key->field_ids + key->n_field_ids, id) !=
            key->field_ids + key->n_field_ids) {
            return key;
        }
    }
    return nullptr;
}

void RefuseIfKey(const Altering &a, idx_t index, const char *what)
{
    auto key = KeyOf(a, index);

    if (key != nullptr) {
        Forbid(what, a.schema->columns[index]->field->name,
               key->primary ? "PRIMARY KEY" : "UNIQUE");
    }
}

// Checks that name the column: those of it alone go with it, where `drops`.
void RefuseIfChecked(Altering &a, idx_t index, const char *what, bool drops)
{
    auto &schema = *a.schema;
    string name = schema.columns[index]->field->name;

    for (size_t i = 0; i < schema.n_checks;) {
        auto expressions = duckdb::Parser::ParseExpressionList(schema.checks[i]->sql);
        if (!NamesColumn(*expressions[0], name)) {
            i++;
            continue;
        }
        if (!drops || NamesOthers(*expressions[0], name)) {
            Forbid(what, name, "CHECK");
        }
        armpb__check__free_unpacked(schema.checks[i], nullptr);
        schema.n_checks--;
        std::copy(schema.checks + i + 1, schema.checks + schema.n_checks + 1, schema.checks + i);
    }
}

// ---- Generated columns ----

// One whose value comes from the column; null: none does.
Armpb__Generated *DependentOf(const Altering &a, const string &name)
{
    for (size_t i = 0; i < a.schema->n_generated; i++) {
        auto expressions = duckdb::Parser::ParseExpressionList(a.schema->generated[i]->sql);
        if (NamesColumn(*expressions[0], name)) {
            return a.schema->generated[i];
        }
    }
    return nullptr;
}

void RemoveDependents(Altering &a, const string &name, bool cascades)
{
    auto dependent = DependentOf(a, name);

    if (dependent != nullptr && !cascades) {
        throw CatalogException("Cannot drop column: column is a dependency of 1 or more generated "
                               "column(s)");
    }
    for (; dependent != nullptr; dependent = DependentOf(a, name)) {
        RemoveDependents(a, dependent->field->name, true);
        arm__schema_remove_generated(a.schema.get(), dependent->position);
    }
}

void RemoveColumn(Altering &a, duckdb::RemoveColumnInfo &info)
{
    if (info.if_column_exists && !a.table.ColumnExists(info.removed_column)) {
        return;
    }
    auto generated = arm__schema_generated_at(a.schema.get(), a.Find(info.removed_column));
    if (generated != nullptr) {
        RemoveDependents(a, info.removed_column, info.cascade);
        arm__schema_remove_generated(a.schema.get(), generated->position);
        a.Apply();
        return;
    }
    auto index = arm__schema_stored_at(a.schema.get(), a.Find(info.removed_column));
    RemoveDependents(a, info.removed_column, info.cascade);
    RefuseIfKey(a, index, "drop");
    if (a.schema->n_columns == 1) {
        throw CatalogException("Cannot drop column: table only has one column remaining!");
    }
    RefuseIfChecked(a, index, "drop", true);
    arm__schema_remove_column(a.schema.get(), index);
    a.Apply();
}

void RenameColumn(Altering &a, duckdb::RenameColumnInfo &info)
{
    auto position = a.Find(info.old_name);
    auto generated = arm__schema_generated_at(a.schema.get(), position);
    Armpb__Field &field =
        generated != nullptr
            ? *generated->field
            : *a.schema->columns[arm__schema_stored_at(a.schema.get(), position)]->field;

    if (a.table.ColumnExists(info.new_name) && a.Find(info.new_name) != position) {
        throw CatalogException("Column with name %s already exists!", info.new_name);
    }
    for (size_t i = 0; i < a.schema->n_checks; i++) {
        SetText(&a.schema->checks[i]->sql,
                RenameIn(a.schema->checks[i]->sql, field.name, info.new_name));
    }
    for (size_t i = 0; i < a.schema->n_generated; i++) {
        SetText(&a.schema->generated[i]->sql,
                RenameIn(a.schema->generated[i]->sql, field.name, info.new_name));
    }
    SetText(&field.name, info.new_name);
    a.Apply();
}

// ---- What a column promises ----

void SetDefault(Altering &a, duckdb::SetDefaultInfo &info)
{
    auto index = a.FindStored(info.column_name, "Cannot SET DEFAULT for generated column");
    char **text = &a.schema->columns[index]->default_sql;
    arm_error error;

    if (info.expression) {
        BindDefault(a.context, *info.expression,
                    a.table.GetColumns().GetColumn(duckdb::PhysicalIndex(index)).Type());
        SetText(text, info.expression->ToString());
    } else {
        Check(arm__text_set(text, nullptr, &error), error);
    }
    a.Apply();
}

void SetNotNull(Altering &a, duckdb::SetNotNullInfo &info)
{
    auto index = a.FindStored(info.column_name, "Unsupported constraint for generated column");

    ScanColumns(a.context, a.table.shared_from_this(), a.view, {index}, [&](DataChunk &rows) {
        if (duckdb::VectorOperations::HasNull(rows.data[0], rows.size())) {
            arm_error error;
            arm__fail(&error, ARM_CONSTRAINT, "NOT NULL constraint failed: %s.%s has NULLs",
                      a.table.name.c_str(), info.column_name.c_str());
            Throw(error);
        }
    });
    arm__column_set_not_null(a.schema->columns[index], true);
    a.Apply();
}

void DropNotNull(Altering &a, duckdb::DropNotNullInfo &info)
{
    auto index = a.FindStored(info.column_name, "Unsupported constraint for generated column");
    auto key = KeyOf(a, index);

    if (key != nullptr && key->primary) {
        throw CatalogException("Cannot drop NOT NULL of column \"%s\": it is in the primary key",
                               info.column_name);
    }
    arm__column_set_not_null(a.schema->columns[index], false);
    a.Apply();
}

void ChangeType(Altering &a, duckdb::ChangeColumnTypeInfo &info)
{
    auto index = a.FindStored(info.column_name, "Cannot change the type of generated column");
    auto &column = a.table.GetColumns().GetColumn(duckdb::PhysicalIndex(index));
    auto dependent = DependentOf(a, info.column_name);
    Armpb__Type *type = nullptr;
    arm_error error;

    if (dependent != nullptr) {
        throw duckdb::BinderException("This column is referenced by the generated column \"%s\", "
                                      "so its type can not be changed",
                                      dependent->field->name);
    }

    RefuseIfKey(a, index, "change the type of");
    RefuseIfChecked(a, index, "change the type of", false);
    auto target = info.target_type;
    Check(arm__type_from_duckdb(reinterpret_cast<duckdb_logical_type>(&target), &type, &error),
          error);
    Armpb__Field &field = *a.schema->columns[index]->field;
    bool widens = Widens(column.Type(), target) && IsPlainCast(*info.expression, column.Name()) &&
                  !a.schema->columns[index]->has_initial_value;
    armpb__type__free_unpacked(field.type, nullptr);
    field.type = type;
    if (widens) {
        a.Apply();
        return;
    }
    field.id = 0; // the old values are of another column
    a.schema->columns[index]->has_initial_value = 0;
    Retype(a.context, a.table, a.view, *a.schema, index, *info.expression);
}

void RenameTable(Altering &a, duckdb::RenameTableInfo &info)
{
    arm_error error;

    Check(arm__txn_rename_table(a.txn, a.table.schema.name.c_str(), a.table.name.c_str(),
                                info.new_table_name.c_str(), &error),
          error);
}

} // namespace

void AlterTable(ClientContext &context, TableEntry &table, duckdb::AlterTableInfo &info)
{
    auto &transaction = Transaction::Get(context, table.catalog);
    auto view = transaction.Look(table);
    Altering a{context, table, transaction.Txn(), view, Clone(*view->Get().schema)};

    switch (info.alter_table_type) {
    case AlterTableType::RENAME_COLUMN:
        return RenameColumn(a, info.Cast<duckdb::RenameColumnInfo>());
    case AlterTableType::RENAME_TABLE:
        return RenameTable(a, info.Cast<duckdb::RenameTableInfo>());
    case AlterTableType::ADD_COLUMN:
        return AddColumn(a, info.Cast<duckdb::AddColumnInfo>());
    case AlterTableType::REMOVE_COLUMN:
        return RemoveColumn(a, info.Cast<duckdb::RemoveColumnInfo>());
    case AlterTableType::ALTER_COLUMN_TYPE:
        return ChangeType(a, info.Cast<duckdb::ChangeColumnTypeInfo>());
    case AlterTableType::SET_DEFAULT:
        return SetDefault(a, info.Cast<duckdb::SetDefaultInfo>());
    case AlterTableType::SET_NOT_NULL:
        return SetNotNull(a, info.Cast<duckdb::SetNotNullInfo>());
    case AlterTableType::DROP_NOT_NULL:
        return DropNotNull(a, info.Cast<duckdb::DropNotNullInfo>());
    default:
        Refuse("this ALTER TABLE (" + info.ToString() + ")");
    }
}

} // namespace arm
