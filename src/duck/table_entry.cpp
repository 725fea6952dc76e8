// SPDX-License-Identifier: Apache-2.0
#include "duck/table_entry.hpp"

#include <algorithm>

#include "duck/columns.hpp"
#include "duck/definition.hpp"
#include "duck/error.hpp"
#include "duck/scan.hpp"
#include "duck/statistics.hpp"
#include "duck/transaction.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/common/table_column.hpp"
#include "duckdb/parser/constraints/unique_constraint.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"
#include "duckdb/planner/operator/logical_update.hpp"
#include "duckdb/storage/table_storage_info.hpp"

namespace arm
{

duckdb::virtual_column_map_t RowVirtualColumns()
{
    duckdb::virtual_column_map_t result;

    result.insert({COLUMN_ENTRY, duckdb::TableColumn("__arm_entry", LogicalType::UBIGINT)});
    result.insert({duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER,
                   duckdb::TableColumn("__arm_row", LogicalType::BIGINT)});
    result.insert({COLUMN_ROW_ID, duckdb::TableColumn("__arm_row_id", LogicalType::BIGINT)});
    result.insert({COLUMN_PIECE, duckdb::TableColumn("__arm_piece", LogicalType::UBIGINT)});
    result.insert({duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", LogicalType::BOOLEAN)});
    return result;
}

vector<duckdb::column_t> RowIdColumnsOfTable()
{
    return {COLUMN_ENTRY, duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER};
}

namespace
{

// A column that files hold in another type would be compared as what it is there. Of DuckDB's
// 1.5.5 Parquet reader itself: its Bloom filters miss a BLOB with unprintable bytes, -0.0 looked
// for as 0.0, and a NaN of other bits.
bool TakesFilters(const Armpb__Type &type)
{
    switch (type.kind) {
    case ARMPB__TYPE_KIND__BLOB:
    case ARMPB__TYPE_KIND__FLOAT:
    case ARMPB__TYPE_KIND__DOUBLE:
        return false;
    default:
        break;
    }
    for (size_t i = 0; i < type.n_fields; i++) {
        if (!TakesFilters(*type.fields[i]->type)) {
            return false;
        }
    }
    return arm__type_is_physical(&type);
}

vector<bool> FilterColumns(const Armpb__Schema &schema)
{
    vector<bool> result;

    for (size_t i = 0; i < arm__schema_width(&schema); i++) {
        result.push_back(arm__schema_generated_at(&schema, i) == nullptr &&
                         TakesFilters(*StoredField(schema, i).type));
    }
    return result;
}

} // namespace

TableEntry::TableEntry(duckdb::Catalog &catalog, duckdb::SchemaCatalogEntry &schema,
                       duckdb::CreateTableInfo &info, const Armpb__Schema &columns,
                       const string &at)
    : duckdb::TableCatalogEntry(catalog, schema, info), at(at), scan_columns(ScanColumns(columns)),
      takes_filters(FilterColumns(columns))
{
}

shared_ptr<TableEntry> TableEntry::Make(duckdb::Catalog &catalog,
                                        duckdb::SchemaCatalogEntry &schema, const arm_view &view,
                                        const string &at)
{
    duckdb::CreateTableInfo info(schema, view.name);

    Define(*view.schema, info);
    return make_shared_ptr<TableEntry>(catalog, schema, info, *view.schema, at);
}

unique_ptr<duckdb::BaseStatistics> TableEntry::GetStatistics(ClientContext &context,
                                                             duckdb::column_t column)
{
    return ColumnBounds(*Transaction::Get(context, catalog).Look(*this), *this, column);
}

duckdb::TableStorageInfo TableEntry::GetStorageInfo(ClientContext &context)
{
    duckdb::TableStorageInfo result;

    result.cardinality = Transaction::Get(context, catalog).LookAtColumns(*this)->Get().live_rows;
    for (auto &constraint : constraints) { // what ON CONFLICT may name
        if (constraint->type != duckdb::ConstraintType::UNIQUE) {
            continue;
        }
        auto &key = constraint->Cast<duckdb::UniqueConstraint>();
        duckdb::IndexInfo index;
        index.is_unique = true;
        index.is_primary = key.IsPrimaryKey();
        index.is_foreign = false;
        for (auto &column : key.GetLogicalIndexes(columns)) {
            index.column_set.insert(columns.LogicalToPhysical(column).index);
        }
        result.index_info.push_back(std::move(index));
    }
    return result;
}

duckdb::TableFunction TableEntry::GetScanFunction(ClientContext &context,
                                                  unique_ptr<duckdb::FunctionData> &bind_data)
{
    auto view = Transaction::Get(context, catalog).Look(*this);

    return BindScan(context, shared_from_this(), std::move(view), bind_data);
}

// The AT clause has chosen this entry already.
duckdb::TableFunction TableEntry::GetScanFunction(ClientContext &context,
                                                  unique_ptr<duckdb::FunctionData> &bind_data,
                                                  const duckdb::EntryLookupInfo &)
{
    return GetScanFunction(context, bind_data);
}

namespace
{

// The scan's column `id`, as an expression of what stands above the scan.
unique_ptr<Expression> ScanColumn(duckdb::LogicalGet &get, duckdb::column_t id,
                                  const LogicalType &type)
{
    auto &ids = get.GetColumnIds();
    idx_t at = 0;

    while (at < ids.size() && ids[at].GetPrimaryIndex() != id) {
        at++;
    }
    if (at == ids.size()) {
        get.AddColumnId(id);
    }
    return make_uniq<duckdb::BoundColumnRefExpression>(type,
                                                       duckdb::ColumnBinding(get.table_index, at));
}

} // namespace

// An UPDATE writes whole rows anew: here it asks for the columns that it does not set, and for the
// id that the row keeps, as one more column behind the table's.
void TableEntry::BindUpdateConstraints(duckdb::Binder &, duckdb::LogicalGet &get,
                                       duckdb::LogicalProjection &projection,
                                       duckdb::LogicalUpdate &update, ClientContext &)
{
    auto ask = [&](duckdb::PhysicalIndex physical, duckdb::column_t id, const LogicalType &type) {
        update.columns.push_back(physical);
        update.expressions.push_back(make_uniq<duckdb::BoundColumnRefExpression>(
            type, duckdb::ColumnBinding(projection.table_index, projection.expressions.size())));
        projection.expressions.push_back(ScanColumn(get, id, type));
    };

    update.update_is_del_and_insert = true;
    // The row's id stands between what the statement sets and what stays: AssignedColumns.
    ask(duckdb::PhysicalIndex(columns.PhysicalColumnCount()), COLUMN_ROW_ID, LogicalType::BIGINT);
    for (auto &column : columns.Physical()) {
        auto physical = column.Physical();
        if (std::find(update.columns.begin(), update.columns.end(), physical) ==
            update.columns.end()) {
            ask(physical, column.Logical().index, column.Type());
        }
    }
}

duckdb::virtual_column_map_t TableEntry::GetVirtualColumns() const
{
    return RowVirtualColumns();
}

vector<duckdb::column_t> TableEntry::GetRowIdColumns() const
{
    return RowIdColumnsOfTable();
}

} // namespace arm
