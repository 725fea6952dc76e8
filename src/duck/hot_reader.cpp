// SPDX-License-Identifier: Apache-2.0
#include "duck/hot_reader.hpp"

#include <algorithm>

#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/storage/table/column_segment.hpp"

namespace arm
{

using duckdb::AsyncResult;
using duckdb::MultiFileLocalIndex;
using duckdb::SelectionVector;
using duckdb::Vector;

HotReader::HotReader(duckdb::OpenFileInfo file, shared_ptr<ScanInfo> info_p, const Slot &slot)
    : BaseFileReader(std::move(file)), info(std::move(info_p)), slot(slot),
      row_column(duckdb::DConstants::INVALID_INDEX), id_column(duckdb::DConstants::INVALID_INDEX),
      piece_column(duckdb::DConstants::INVALID_INDEX)
{
    columns = info->table->scan_columns;
}

HotReader::~HotReader()
{
    CloseBatch();
}

void HotReader::CloseBatch()
{
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    batch = nullptr;
}

// The mapper has just put the column at the end of `columns`.
void HotReader::AddVirtualColumn(duckdb::column_t column)
{
    if (column == duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER) {
        row_column = columns.size() - 1;
    } else if (column == COLUMN_ROW_ID) {
        id_column = columns.size() - 1;
    } else if (column == COLUMN_PIECE) {
        piece_column = columns.size() - 1;
    } else {
        throw duckdb::NotImplementedException("hot rows have no virtual column %llu", column);
    }
}

// Called under the scan's lock.
bool HotReader::TryInitializeScan(ClientContext &context, duckdb::GlobalTableFunctionState &,
                                  duckdb::LocalTableFunctionState &)
{
    if (is_claimed) {
        return false;
    }
    is_claimed = true;
    if (filters) {
        for (auto &filter : filters->filters) {
            scan_filters.push_back(
                Filter{filter.first, filter.second.get(),
                       duckdb::TableFilterState::Initialize(context, *filter.second)});
        }
    }
    return true;
}

// The next entry that has rows left, its batch open.
void HotReader::OpenBatch()
{
    arm_error error;

    while (entry < slot.entry_count && row >= info->view->Entry(slot.first_entry + entry).rows) {
        CloseBatch();
        entry++;
        row = 0;
    }
    if (entry < slot.entry_count && batch == nullptr) {
        Check(arm__view_hot(&info->view->Get(), slot.first_entry + entry, &bytes, &batch, &error),
              error);
    }
}

// The batch holds the column in a type it had before.
void HotReader::FillCast(const Armpb__Field &field, const Armpb__Type &type, Vector &out,
                         uint32_t first, uint32_t count)
{
    Armpb__Field source = field;
    arm_error error;

    source.type = const_cast<Armpb__Type *>(&type);
    Vector values(TypeOf(type), count);
    Check(arm__hot_fill(batch, &source, first, count, reinterpret_cast<duckdb_vector>(&values),
                        &error),
          error);
    duckdb::VectorOperations::DefaultCast(values, out, count);
}

// Rows first .. first+count-1 of the open batch, to `out` from `at` on.
void HotReader::FillColumn(idx_t column, Vector &out, idx_t at, uint32_t first, uint32_t count)
{
    const Armpb__Field &field = StoredField(*info->view->Get().schema, column);
    const Armpb__Type *type = arm__hot_type(batch, field.id);
    arm_error error;

    if (at != 0) {
        Vector piece(columns[column].type, count);
        FillColumn(column, piece, 0, first, count);
        duckdb::VectorOperations::Copy(piece, out, count, 0, at);
        return;
    }
    if (type == nullptr) { // the column was added later
        out.Reference(columns[column].GetDefaultValue());
        out.Flatten(count);
    } else if (arm__hot_has(batch, &field)) {
        Check(arm__hot_fill(batch, &field, first, count, reinterpret_cast<duckdb_vector>(&out),
                            &error),
              error);
    } else {
        FillCast(field, *type, out, first, count);
    }
}

// The ids of rows first .. first+count-1 of the open batch: those it brings, or as they stand.
void HotReader::FillRowIds(Vector &out, idx_t at, uint32_t first, uint32_t count)
{
    const arm_state_entry &from = info->view->Entry(slot.first_entry + entry);
    auto ids = duckdb::FlatVector::GetData<int64_t>(out) + at;
    Armpb__Field field;
    Armpb__Type type;
    arm_error error;

    if (!from.explicit_row_ids) {
        for (uint32_t i = 0; i < count; i++) {
            ids[i] = static_cast<int64_t>(from.first_row_id + first + i);
        }
        return;
    }
    arm__row_id_field(&field, &type);
    Vector piece(LogicalType::BIGINT, count);
    Check(
        arm__hot_fill(batch, &field, first, count, reinterpret_cast<duckdb_vector>(&piece), &error),
        error);
    std::copy_n(duckdb::FlatVector::GetData<int64_t>(piece), count, ids);
}

void HotReader::FillPieces(Vector &out, idx_t at, uint32_t count)
{
    auto pieces = info->view->Get().pieces;

    for (uint32_t i = 0; i < count; i++) {
        if (pieces == nullptr) {
            duckdb::FlatVector::SetNull(out, at + i, true);
        } else {
            duckdb::FlatVector::GetData<uint64_t>(out)[at + i] = pieces[slot.first_entry + entry];
        }
    }
}

// Appends to `live` those of `count` rows, standing in the chunk from `filled` on, that live.
idx_t HotReader::SelectLive(SelectionVector &live, idx_t filled, uint32_t first, uint32_t count)
{
    const roaring_bitmap_t *dead = info->view->Entry(slot.first_entry + entry).vector;
    idx_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (dead == nullptr || !roaring_bitmap_contains(dead, first + i)) {
            live.set_index(kept++, filled + i);
        }
    }
    return kept;
}

idx_t HotReader::ApplyFilters(DataChunk &chunk, SelectionVector &rows, idx_t count)
{
    for (auto &filter : scan_filters) {
        Vector &vector = chunk.data[filter.column];
        duckdb::UnifiedVectorFormat format;
        vector.ToUnifiedFormat(chunk.size(), format);
        duckdb::ColumnSegment::FilterSelection(rows, vector, format, *filter.filter, *filter.state,
                                               chunk.size(), count);
    }
    return count;
}

AsyncResult HotReader::Scan(ClientContext &, duckdb::GlobalTableFunctionState &,
                            duckdb::LocalTableFunctionState &, DataChunk &chunk)
{
    SelectionVector live(STANDARD_VECTOR_SIZE);
    idx_t filled = 0;
    idx_t kept = 0;
    int64_t first_row = slot_row;

    for (OpenBatch(); entry < slot.entry_count && filled < STANDARD_VECTOR_SIZE; OpenBatch()) {
        auto rows = info->view->Entry(slot.first_entry + entry).rows;
        auto count = std::min(rows - row, static_cast<uint32_t>(STANDARD_VECTOR_SIZE - filled));
        for (idx_t i = 0; i < column_ids.size(); i++) {
            auto column = column_ids[MultiFileLocalIndex(i)].GetId();
            if (column == id_column) {
                FillRowIds(chunk.data[i], filled, row, count);
            } else if (column == piece_column) {
                FillPieces(chunk.data[i], filled, count);
            } else if (column != row_column) {
                FillColumn(column, chunk.data[i], filled, row, count);
            }
        }
        SelectionVector tail(live.data() + kept);
        kept += SelectLive(tail, filled, row, count);
        filled += count;
        row += count;
        slot_row += count;
    }
    if (filled == 0) {
        return AsyncResult(duckdb::SourceResultType::FINISHED);
    }
    for (idx_t i = 0; i < column_ids.size(); i++) {
        if (column_ids[MultiFileLocalIndex(i)].GetId() == row_column) {
            chunk.data[i].Sequence(first_row, 1, filled);
        }
    }
    chunk.SetCardinality(filled);
    kept = ApplyFilters(chunk, live, kept);
    if (kept != filled) {
        chunk.Slice(live, kept);
    }
    return AsyncResult(duckdb::SourceResultType::HAVE_MORE_OUTPUT);
}

double HotReader::GetProgressInFile(ClientContext &)
{
    return slot.rows == 0 ? 100.0 : 100.0 * slot_row / slot.rows;
}

} // namespace arm
