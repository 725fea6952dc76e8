// SPDX-License-Identifier: Apache-2.0
#include "duck/scan.hpp"

#include "duck/error.hpp"
#include "duck/file_list.hpp"
#include "duck/filters_above.hpp"
#include "duck/read_filter.hpp"
#include "duck/scan_reader.hpp"
#include "duck/schema_entry.hpp"
#include "duck/statistics.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "duckdb/execution/operator/scan/physical_table_scan.hpp"
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

// To a serializable transaction no plan answers by statistics what the scan, which tells of its
// reads, would have answered.
bool MustScan(ClientContext &context, const ScanInfo &info)
{
    auto &catalog = info.table->ParentCatalog();

    return arm__txn_is_serializable(Transaction::Get(context, catalog).Txn());
}

unique_ptr<duckdb::BaseStatistics> ScanStatistics(ClientContext &context,
                                                  const FunctionData *bind_data,
                                                  duckdb::column_t column)
{
    ScanInfo &info = ScanInfoOf(*bind_data);

    if (MustScan(context, info)) {
        return nullptr;
    }

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
vector<duckdb::PartitionStatistics> ScanPartitions(ClientContext &context,
                                                   duckdb::GetPartitionStatsInput &input)
{
    FileList &files = FileListOf(*input.bind_data);

    if (files.IsPruned() || MustScan(context, *files.info)) {
        return {};
    }
    return {WholeTable(files.info)};
}

// What our scan needs of the one it was made from; the registered function carries it.
struct ParquetScan : public duckdb::TableFunctionInfo {
    explicit ParquetScan(const TableFunction &parquet)
        : hooks{parquet.bind, parquet.init_global, parquet.function,
                parquet.pushdown_complex_filter}
    {
    }

    const ParquetHooks hooks;
};

// The scan is not for calling: a plan makes it, with what it scans.
unique_ptr<FunctionData> RefuseCall(ClientContext &, duckdb::TableFunctionBindInput &,
                                    vector<LogicalType> &, vector<string> &)
{
    throw duckdb::BinderException("%s is the scan of a table: name the table instead", SCAN);
}

// First the files that the filters leave, then the filters that the reader must not see.
void ScanPushdown(ClientContext &context, duckdb::LogicalGet &get, FunctionData *bind_data,
                  vector<unique_ptr<Expression>> &filters)
{
    ScanInfo &info = ScanInfoOf(*bind_data);

    info.parquet.pushdown(context, get, bind_data, filters);
    KeepFiltersAbove(get, info.table->takes_filters, filters);
}

bool ScanPushdownExpression(ClientContext &, const duckdb::LogicalGet &, Expression &filter)
{
    return !StaysAbove(filter);
}

// Filters on a column that takes none would be dropped (ScanReader). The optimizer gives none but
// those that only save work; should it ever, no statement must go on without its filter.
unique_ptr<duckdb::GlobalTableFunctionState> ScanInit(ClientContext &context,
                                                      duckdb::TableFunctionInitInput &input)
{
    ScanInfo &info = ScanInfoOf(*input.bind_data);
    optional_ptr<duckdb::TableFilterSet> filters;

    if (input.op && input.op->type == duckdb::PhysicalOperatorType::TABLE_SCAN) {
        filters = input.op->Cast<duckdb::PhysicalTableScan>().table_filters.get();
    }
    NoteRead(context, info, input.column_indexes, filters);
    if (!filters) {
        return info.parquet.init(context, input);
    }
    for (auto &filter : filters->filters) {
        auto column = input.column_indexes[filter.first].GetPrimaryIndex();
        if (filter.second->filter_type != duckdb::TableFilterType::OPTIONAL_FILTER &&
            !duckdb::IsVirtualColumn(column) && !info.table->takes_filters[column]) {
            throw duckdb::NotImplementedException("a filter on column %s cannot be judged in the "
                                                  "scan of its table",
                                                  info.table->scan_columns[column].name);
        }
    }
    return info.parquet.init(context, input);
}

// An error may be the statement's (a filter that fails) or the chunk's.
void ScanRun(ClientContext &context, duckdb::TableFunctionInput &input, DataChunk &out)
{
    ScanInfo &info = ScanInfoOf(*input.bind_data);

    try {
        info.parquet.run(context, input, out);
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &ex) {
        if (input.local_state) {
            auto &local = input.local_state->Cast<duckdb::MultiFileLocalState>();
            if (local.reader) {
                ThrowIfDamaged(info, SlotOf(info, local.reader->file), ex);
            }
        }
        throw;
    }
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

// DuckDB's parquet_scan, with our hooks in place of its own.
TableFunction ScanFunction(ClientContext &context)
{
    auto &parquet =
        duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::TableFunctionCatalogEntry>(
            context, DEFAULT_SCHEMA, "parquet_scan");
    TableFunction result = parquet.functions.GetFunctionByOffset(0);

    result.name = SCAN;
    result.named_parameters.clear();
    result.function_info = make_shared_ptr<ParquetScan>(result);
    result.bind = RefuseCall;
    result.init_global = ScanInit;
    result.function = ScanRun;
    result.pushdown_complex_filter = ScanPushdown;
    result.pushdown_expression = ScanPushdownExpression;
    result.get_multi_file_reader = ScanReader::Make;
    result.statistics = ScanStatistics;
    result.get_bind_info = ScanBindInfo;
    result.get_virtual_columns = ScanVirtualColumns;
    result.get_row_id_columns = ScanRowIdColumns;
    result.get_partition_stats = ScanPartitions;
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
    auto &parquet = result.function_info->Cast<ParquetScan>().hooks;
    auto opened = SessionState::Get(context).opened;

    result.function_info =
        make_shared_ptr<ScanInfo>(std::move(table), std::move(view), std::move(opened), parquet);
    vector<Value> inputs{Value("")};
    duckdb::named_parameter_map_t named;
    vector<LogicalType> input_types;
    vector<LogicalType> types;
    vector<string> input_names;
    vector<string> names;
    duckdb::TableFunctionRef ref;
    duckdb::TableFunctionBindInput input(inputs, named, input_types, input_names,
                                         result.function_info.get(), nullptr, result, ref);
    result.bind = parquet.bind;
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
