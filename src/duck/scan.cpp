// SPDX-License-Identifier: Apache-2.0
#include "duck/scan.hpp"

#include "duck/error.hpp"
#include "duck/file_list.hpp"
#include "duck/scan_reader.hpp"
#include "duck/schema_entry.hpp"
#include "duck/statistics.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "duckdb/function/partition_stats.hpp"
#include "duckdb/parser/parsed_data/create_table_function_info.hpp"
#include "duckdb/parser/tableref/table_function_ref.hpp"
#include "duckdb/planner/operator/logical_get.hpp"

namespace arm
{

using duckdb::FunctionData;
using duckdb::MultiFileBindData;
using duckdb::TableFunction;

namespace
{

constexpr const char *SCAN = "armillaria_scan";

FileList &FileListOf(const FunctionData &bind_data)
{
    return bind_data.Cast<MultiFileBindData>().file_list->Cast<FileList>();
}

unique_ptr<duckdb::BaseStatistics> ScanStatistics(ClientContext &, const FunctionData *bind_data,
                                                  duckdb::column_t column)
{
    ScanInfo &info = ScanInfoOf(*bind_data);

    return ColumnBounds(*info.view, *info.table, column);
}

duckdb::BindInfo ScanBindInfo(const optional_ptr<FunctionData> bind_data)
{
    return duckdb::BindInfo(*ScanInfoOf(*bind_data).table);
}

duckdb::virtual_column_map_t ScanVirtualColumns(ClientContext &,
                                                optional_ptr<FunctionData> bind_data)
{
    auto &multi_file = bind_data->Cast<MultiFileBindData>();

    multi_file.virtual_columns = RowVirtualColumns();
    return multi_file.virtual_columns;
}

vector<duckdb::column_t> ScanRowIdColumns(ClientContext &, optional_ptr<FunctionData>)
{
    return RowIdColumnsOfTable();
}

// count(*), min and max without a scan. Filters that removed files made the list another.
vector<duckdb::PartitionStatistics> ScanPartitions(ClientContext &,
                                                   duckdb::GetPartitionStatsInput &input)
{
    FileList &files = FileListOf(*input.bind_data);

    if (files.IsPruned()) {
        return {};
    }
    return {WholeTable(files.info)};
}

// What the reader would judge wrong is compared above the scan.
bool ScanSupportsFilter(const FunctionData &bind_data, idx_t column)
{
    ScanInfo &info = ScanInfoOf(bind_data);

    return duckdb::IsVirtualColumn(column) || info.table->takes_filters[column];
}

// DuckDB 1.5.5 takes as many projected columns as scanned ones for the same in the same order.
// Where a filter's column was added behind (ScanSupportsFilter), they are not.
unique_ptr<duckdb::GlobalTableFunctionState> ScanInit(ClientContext &context,
                                                      duckdb::TableFunctionInitInput &input)
{
    auto result = ScanInfoOf(*input.bind_data).parquet_init(context, input);
    auto &state = result->Cast<duckdb::MultiFileGlobalState>();

    if (state.projection_ids.empty()) {
        state.projection_ids = input.projection_ids;
    }
    return result;
}

duckdb::InsertionOrderPreservingMap<string> ScanToString(duckdb::TableFunctionToStringInput &input)
{
    duckdb::InsertionOrderPreservingMap<string> result;

    if (input.bind_data) {
        FileList &files = FileListOf(*input.bind_data);
        result["Table"] = files.info->table->name;
        result["Files"] = std::to_string(files.GetTotalFileCount()) + " of " +
                          std::to_string(files.info->view->Slots().size());
    }
    return result;
}

void ScanSerialize(duckdb::Serializer &out, const optional_ptr<FunctionData> bind_data,
                   const TableFunction &)
{
    TableEntry &table = *ScanInfoOf(*bind_data).table;

    out.WriteProperty(100, "schema", table.schema.name);
    out.WriteProperty(101, "table", table.name);
    out.WriteProperty(102, "at", table.at);
}

unique_ptr<FunctionData> ScanDeserialize(duckdb::Deserializer &in, TableFunction &function)
{
    auto &context = in.Get<ClientContext &>();
    auto schema_name = in.ReadProperty<string>(100, "schema");
    auto table_name = in.ReadProperty<string>(101, "table");
    auto at = in.ReadProperty<string>(102, "at");
    auto &schema = duckdb::Catalog::GetSchema(context, CATALOG, schema_name).Cast<SchemaEntry>();
    auto table = Transaction::Get(context, schema.catalog).Table(schema, table_name, at);
    unique_ptr<FunctionData> bind_data;

    if (!table) {
        throw duckdb::CatalogException("Table with name %s does not exist!", table_name);
    }
    function = table->GetScanFunction(context, bind_data);
    return bind_data;
}

// What our scan needs of the one it was made from.
struct ParquetScan : public duckdb::TableFunctionInfo {
    explicit ParquetScan(duckdb::table_function_init_global_t init) : init(init) {}

    const duckdb::table_function_init_global_t init;
};

// DuckDB's parquet_scan, with our hooks in place of its own.
TableFunction ScanFunction(ClientContext &context)
{
    auto &parquet =
        duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::TableFunctionCatalogEntry>(
            context, DEFAULT_SCHEMA, "parquet_scan");
    TableFunction result = parquet.functions.GetFunctionByOffset(0);

    result.name = SCAN;
    result.named_parameters.clear();
    result.function_info = make_shared_ptr<ParquetScan>(result.init_global);
    result.init_global = ScanInit;
    result.get_multi_file_reader = ScanReader::Make;
    result.statistics = ScanStatistics;
    result.get_bind_info = ScanBindInfo;
    result.get_virtual_columns = ScanVirtualColumns;
    result.get_row_id_columns = ScanRowIdColumns;
    result.get_partition_stats = ScanPartitions;
    result.supports_pushdown_type = ScanSupportsFilter;
    result.to_string = ScanToString;
    result.serialize = ScanSerialize;
    result.deserialize = ScanDeserialize;
    return result;
}

} // namespace

ScanInfo &ScanInfoOf(const FunctionData &bind_data)
{
    return *FileListOf(bind_data).info;
}

bool IsScan(const TableFunction &function)
{
    return function.get_multi_file_reader == ScanReader::Make;
}

TableFunction BindScan(ClientContext &context, shared_ptr<TableEntry> table, shared_ptr<View> view,
                       unique_ptr<FunctionData> &bind_data)
{
    auto &known =
        duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::TableFunctionCatalogEntry>(
            context, DEFAULT_SCHEMA, SCAN);
    TableFunction result = known.functions.GetFunctionByOffset(0);
    auto init = result.function_info->Cast<ParquetScan>().init;
    auto opened = SessionState::Get(context).opened;

    result.function_info =
        make_shared_ptr<ScanInfo>(std::move(table), std::move(view), std::move(opened), init);
    vector<Value> inputs{Value("")};
    duckdb::named_parameter_map_t named;
    vector<LogicalType> input_types;
    vector<LogicalType> types;
    vector<string> input_names;
    vector<string> names;
    duckdb::TableFunctionRef ref;
    duckdb::TableFunctionBindInput input(inputs, named, input_types, input_names,
                                         result.function_info.get(), nullptr, result, ref);
    bind_data = result.bind(context, input, types, names);
    bind_data->Cast<MultiFileBindData>().virtual_columns = RowVirtualColumns();
    return result;
}

void RegisterScan(ClientContext &context)
{
    duckdb::CreateTableFunctionInfo info(ScanFunction(context));

    info.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    info.internal = true;
    duckdb::Catalog::GetSystemCatalog(context).CreateTableFunction(context, info);
}

} // namespace arm
