// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_TABLE_ENTRY_HPP
#define ARM_DUCK_TABLE_ENTRY_HPP

// A table's names, columns and constraints; its rows are a View, taken by each scan. Entries are
// counted: plans and operators share the one they were made with.

#include "duck/core.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/common/multi_file/multi_file_data.hpp"

namespace arm
{

// Rows of any table are named by this pair: which entry of the view, which row of its slot.
// All these ids lie above every column's.
constexpr duckdb::column_t COLUMN_ENTRY = UINT64_C(10000000000000000001);
// The id that a row keeps for ever; of rows that this transaction made, one for the time being.
constexpr duckdb::column_t COLUMN_ROW_ID = UINT64_C(10000000000000000002);
// Whose an entry's rows are, in a view that was composed (txn.h): else NULL.
constexpr duckdb::column_t COLUMN_PIECE = UINT64_C(10000000000000000003);
duckdb::virtual_column_map_t RowVirtualColumns();
vector<duckdb::column_t> RowIdColumnsOfTable();

class TableEntry : public duckdb::TableCatalogEntry,
                   public duckdb::enable_shared_from_this<TableEntry>
{
public:
    TableEntry(duckdb::Catalog &catalog, duckdb::SchemaCatalogEntry &schema,
               duckdb::CreateTableInfo &info, const Armpb__Schema &columns, const string &at);

    static shared_ptr<TableEntry> Make(duckdb::Catalog &catalog, duckdb::SchemaCatalogEntry &schema,
                                       const arm_view &view, const string &at);

    unique_ptr<duckdb::BaseStatistics> GetStatistics(ClientContext &context,
                                                     duckdb::column_t column) override;
    duckdb::TableStorageInfo GetStorageInfo(ClientContext &context) override;
    duckdb::TableFunction GetScanFunction(ClientContext &context,
                                          unique_ptr<duckdb::FunctionData> &bind_data) override;
    duckdb::TableFunction GetScanFunction(ClientContext &context,
                                          unique_ptr<duckdb::FunctionData> &bind_data,
                                          const duckdb::EntryLookupInfo &lookup) override;
    void BindUpdateConstraints(duckdb::Binder &binder, duckdb::LogicalGet &get,
                               duckdb::LogicalProjection &projection, duckdb::LogicalUpdate &update,
                               ClientContext &context) override;
    duckdb::virtual_column_map_t GetVirtualColumns() const override;
    vector<duckdb::column_t> GetRowIdColumns() const override;

    const string at;                                              // "" : the table of now
    const vector<duckdb::MultiFileColumnDefinition> scan_columns; // by field id
    const vector<bool> takes_filters; // Parquet's reader judges filters on the column right
};

} // namespace arm

#endif
