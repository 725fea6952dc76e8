// SPDX-License-Identifier: Apache-2.0
#include "duck/scan_reader.hpp"

#include "duck/delete_filter.hpp"
#include "duck/error.hpp"
#include "duck/file_list.hpp"
#include "duck/hot_reader.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/common/table_column.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/table_filter.hpp"

namespace arm
{

unique_ptr<duckdb::MultiFileReader> ScanReader::Make(const duckdb::TableFunction &function)
{
    auto info =
        duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, ScanInfo>(function.function_info);

    return make_uniq<ScanReader>(std::move(info));
}

ScanReader::ScanReader(shared_ptr<ScanInfo> info_p)
    : info(std::move(info_p)), row_ids("_row_id", LogicalType::BIGINT)
{
    row_ids.identifier = Value::INTEGER(ARM_ROW_ID_FIELD);
    row_ids.default_expression = make_uniq<duckdb::ConstantExpression>(Value(LogicalType::BIGINT));
}

unique_ptr<duckdb::MultiFileReader> ScanReader::Copy() const
{
    return make_uniq<ScanReader>(info);
}

shared_ptr<duckdb::MultiFileList> ScanReader::CreateFileList(ClientContext &,
                                                             const vector<string> &,
                                                             const duckdb::FileGlobInput &)
{
    return make_shared_ptr<FileList>(info);
}

bool ScanReader::Bind(duckdb::MultiFileOptions &, duckdb::MultiFileList &,
                      vector<LogicalType> &types, vector<string> &names,
                      duckdb::MultiFileReaderBindData &bind_data)
{
    bind_data.schema = info->table->scan_columns;
    bind_data.mapping = duckdb::MultiFileColumnMappingMode::BY_FIELD_ID;
    for (auto &column : bind_data.schema) {
        names.push_back(column.name);
        types.push_back(column.type);
    }
    return true;
}

void ScanReader::BindOptions(duckdb::MultiFileOptions &, duckdb::MultiFileList &,
                             vector<LogicalType> &, vector<string> &,
                             duckdb::MultiFileReaderBindData &)
{
}

namespace
{

// A chunk that is gone or is not what it was is damage of the repository.
void ThrowDamage(const ScanInfo &info, arm_status st, arm_error &error)
{
    if (st == ARM_NOT_FOUND || st == ARM_HASH_MISMATCH) {
        string found = error.message;
        arm__fail(&error, ARM_CORRUPT, "a chunk of table %s cannot be read: %s",
                  info.table->name.c_str(), found.c_str());
    }
    Throw(error);
}

} // namespace

void ThrowIfDamaged(const ScanInfo &info, const Slot &slot, const std::exception &cause)
{
    arm_error error;

    if (slot.is_hot || duckdb::ErrorData(cause).Type() == duckdb::ExceptionType::INTERRUPT) {
        return;
    }
    arm_status st = arm__view_check(&info.view->Get(), slot.first_entry, &error);
    if (st == ARM_NOT_FOUND || st == ARM_HASH_MISMATCH) {
        ThrowDamage(info, st, error);
    }
}

shared_ptr<duckdb::BaseFileReader> ScanReader::CreateReader(
    ClientContext &context, duckdb::GlobalTableFunctionState &global,
    const duckdb::OpenFileInfo &file, idx_t file_index, const duckdb::MultiFileBindData &bind_data)
{
    const Slot &slot = SlotOf(*info, file);

    if (slot.is_hot) {
        return make_shared_ptr<HotReader>(file, info, slot);
    }
    (*info->opened)++;
    arm_error error;
    arm_status st = arm__view_sound(&info->view->Get(), slot.first_entry, &error);
    if (st != ARM_OK) { // a flipped bit would be read as a value
        ThrowDamage(*info, st, error);
    }
    try {
        return MultiFileReader::CreateReader(context, global, file, file_index, bind_data);
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &ex) {
        ThrowIfDamaged(*info, slot, ex);
        throw;
    }
}

namespace
{

// Columns whose filters the reader would judge wrong keep none: those of WHERE stand above the
// scan (filters_above.hpp), those of joins and top-n only save work, and the mapper cannot carry
// all of them over a cast.
bool KeepSound(const ScanInfo &info, const vector<duckdb::ColumnIndex> &column_ids,
               duckdb::TableFilterSet &filters, duckdb::TableFilterSet &kept)
{
    bool dropped = false;

    for (auto &filter : filters.filters) {
        auto column = column_ids[filter.first].GetPrimaryIndex();
        if (duckdb::IsVirtualColumn(column) || info.table->takes_filters[column]) {
            kept.filters[filter.first] = filter.second->Copy();
        } else {
            dropped = true;
        }
    }
    return dropped;
}

} // namespace

duckdb::ReaderInitializeType ScanReader::InitializeReader(
    duckdb::MultiFileReaderData &reader, const duckdb::MultiFileBindData &bind_data,
    const vector<duckdb::MultiFileColumnDefinition> &columns,
    const vector<duckdb::ColumnIndex> &column_ids, optional_ptr<duckdb::TableFilterSet> filters,
    ClientContext &context, duckdb::MultiFileGlobalState &global)
{
    const Slot &slot = SlotOf(*info, reader.reader->file);
    const arm_state_entry &entry = info->view->Entry(slot.first_entry);
    duckdb::TableFilterSet kept;

    if (!slot.is_hot && entry.vector != nullptr) {
        reader.reader->deletion_filter = make_uniq<DeleteFilter>(entry.vector);
    }
    if (filters && KeepSound(*info, column_ids, *filters, kept)) {
        filters = &kept; // copied by the mapper
    }
    return MultiFileReader::InitializeReader(reader, bind_data, columns, column_ids, filters,
                                             context, global);
}

// A row's id: the column of a chunk that has one, else the chunk's first id and the row's number.
unique_ptr<Expression> ScanReader::GetVirtualColumnExpression(
    ClientContext &context, duckdb::MultiFileReaderData &reader,
    const vector<duckdb::MultiFileColumnDefinition> &local_columns, idx_t &column,
    const LogicalType &type, duckdb::MultiFileLocalIndex local,
    optional_ptr<duckdb::MultiFileColumnDefinition> &reference)
{
    const Slot &slot = SlotOf(*info, reader.reader->file);
    const arm_state_entry &entry = info->view->Entry(slot.first_entry);

    if (column != COLUMN_ROW_ID || slot.is_hot) {
        return MultiFileReader::GetVirtualColumnExpression(context, reader, local_columns, column,
                                                           type, local, reference);
    }
    if (entry.explicit_row_ids) {
        reference = &row_ids;
        return nullptr;
    }
    vector<unique_ptr<Expression>> parts;
    parts.push_back(make_uniq<duckdb::BoundReferenceExpression>(type, local.GetIndex()));
    parts.push_back(make_uniq<duckdb::BoundConstantExpression>(
        Value::BIGINT(static_cast<int64_t>(entry.first_row_id))));
    column = MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER;
    duckdb::FunctionBinder binder(context);
    duckdb::ErrorData error;
    auto sum = binder.BindScalarFunction(DEFAULT_SCHEMA, "+", std::move(parts), error, true);
    if (error.HasError()) {
        error.Throw();
    }
    return sum;
}

unique_ptr<Expression> ScanReader::GetConstantVirtualColumn(duckdb::MultiFileReaderData &reader,
                                                            idx_t column, const LogicalType &type)
{
    if (column == COLUMN_ENTRY) {
        auto entry = SlotOf(*info, reader.reader->file).first_entry;
        return make_uniq<duckdb::BoundConstantExpression>(Value::UBIGINT(entry));
    }
    const Slot &slot = SlotOf(*info, reader.reader->file);
    if (column == COLUMN_PIECE && !slot.is_hot) {
        auto pieces = info->view->Get().pieces;
        return make_uniq<duckdb::BoundConstantExpression>(
            pieces == nullptr ? Value(LogicalType::UBIGINT)
                              : Value::UBIGINT(pieces[slot.first_entry]));
    }
    return MultiFileReader::GetConstantVirtualColumn(reader, column, type);
}

} // namespace arm
