// SPDX-License-Identifier: Apache-2.0
#include "duck/row_fetch.hpp"

#include "duck/file_list.hpp"
#include "duck/scan.hpp"
#include "duck/table_entry.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/execution/execution_context.hpp"
#include "duckdb/parallel/thread_context.hpp"

namespace arm
{

namespace
{

// The rows of `scanned`, whose last two columns say where they stand, that are in `rows`.
void Select(DataChunk &scanned, const RowSet &rows, DataChunk &out)
{
    duckdb::SelectionVector selected(STANDARD_VECTOR_SIZE);
    idx_t columns = out.ColumnCount();
    duckdb::UnifiedVectorFormat entries;
    duckdb::UnifiedVectorFormat numbers;
    idx_t count = 0;

    scanned.data[columns].ToUnifiedFormat(scanned.size(), entries);
    scanned.data[columns + 1].ToUnifiedFormat(scanned.size(), numbers);
    auto entry = duckdb::UnifiedVectorFormat::GetData<uint64_t>(entries);
    auto number = duckdb::UnifiedVectorFormat::GetData<int64_t>(numbers);
    for (idx_t i = 0; i < scanned.size(); i++) {
        auto row = static_cast<uint32_t>(number[numbers.sel->get_index(i)]);
        if (rows.Has(entry[entries.sel->get_index(i)], row)) {
            selected.set_index(count++, i);
        }
    }
    for (idx_t i = 0; i < columns; i++) {
        out.data[i].Slice(scanned.data[i], selected, count);
    }
    out.SetCardinality(count);
}

} // namespace

namespace
{

// A scan of our own, on this thread: `columns` as scans name them, of the slots that `keeps` wants.
void Scan(ClientContext &context, const shared_ptr<TableEntry> &table, const shared_ptr<View> &view,
          const vector<duckdb::ColumnIndex> &columns, const vector<LogicalType> &types,
          const std::function<bool(const Slot &)> &keeps,
          const std::function<void(DataChunk &)> &take)
{
    unique_ptr<duckdb::FunctionData> bind_data;
    auto scan = BindScan(context, table, view, bind_data);
    auto &files = bind_data->Cast<duckdb::MultiFileBindData>().file_list->Cast<FileList>();
    DataChunk scanned;

    files.Keep(keeps);
    scanned.Initialize(context, types);
    duckdb::TableFunctionInitInput init(bind_data.get(), columns, vector<idx_t>(), nullptr);
    auto global = scan.init_global(context, init);
    duckdb::ThreadContext thread(context);
    duckdb::ExecutionContext execution(context, thread, nullptr);
    auto local = scan.init_local(execution, init, global.get());
    while (local) { // none: there is nothing to read
        duckdb::TableFunctionInput input(bind_data.get(), local.get(), global.get());

        if (context.interrupted) {
            throw duckdb::InterruptException();
        }
        scanned.Reset();
        scan.function(context, input, scanned);
        if (scanned.size() == 0) {
            break;
        }
        take(scanned);
    }
}

// The table's columns, as a scan names them.
vector<duckdb::ColumnIndex> WholeRows(const TableEntry &table)
{
    vector<duckdb::ColumnIndex> columns;

    for (auto &column : table.GetColumns().Physical()) {
        columns.emplace_back(column.Logical().index);
    }
    return columns;
}

void AddPlaces(vector<duckdb::ColumnIndex> &columns, vector<LogicalType> &types)
{
    columns.emplace_back(COLUMN_ENTRY);
    columns.emplace_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER);
    types.push_back(LogicalType::UBIGINT);
    types.push_back(LogicalType::BIGINT);
}

} // namespace

void FetchRows(ClientContext &context, const shared_ptr<TableEntry> &table,
               const shared_ptr<View> &view, const RowSet &rows,
               const std::function<void(DataChunk &)> &take)
{
    auto types = table->GetTypes();
    auto columns = WholeRows(*table);

    AddPlaces(columns, types);
    Scan(
        context, table, view, columns, types,
        [&](const Slot &slot) { return rows.HasEntry(slot.first_entry); },
        [&](DataChunk &scanned) {
            DataChunk found;

            found.InitializeEmpty(table->GetTypes());
            Select(scanned, rows, found);
            if (found.size() > 0) {
                take(found);
            }
        });
}

void ScanColumns(ClientContext &context, const shared_ptr<TableEntry> &table,
                 const shared_ptr<View> &view, const vector<idx_t> &columns,
                 const std::function<void(DataChunk &)> &take)
{
    auto all = table->GetTypes();
    vector<duckdb::ColumnIndex> ids;
    vector<LogicalType> types;

    for (auto column : columns) {
        auto logical = table->GetColumns().PhysicalToLogical(duckdb::PhysicalIndex(column));
        ids.emplace_back(logical.index);
        types.push_back(all[column]);
    }
    Scan(context, table, view, ids, types, [](const Slot &) { return true; }, take);
}

void ScanPlaced(ClientContext &context, const shared_ptr<TableEntry> &table,
                const shared_ptr<View> &view, const std::function<void(DataChunk &)> &take)
{
    auto types = table->GetTypes();
    auto columns = WholeRows(*table);

    columns.emplace_back(COLUMN_ROW_ID);
    types.push_back(LogicalType::BIGINT);
    AddPlaces(columns, types);
    Scan(context, table, view, columns, types, [](const Slot &) { return true; }, take);
}

} // namespace arm
