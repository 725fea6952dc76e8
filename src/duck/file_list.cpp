// SPDX-License-Identifier: Apache-2.0
#include "duck/file_list.hpp"

#include <numeric>

#include "duck/columns.hpp"
#include "duck/prune_filter.hpp"
#include "duckdb/common/table_column.hpp"
#include "duckdb/optimizer/filter_combiner.hpp"
#include "duckdb/planner/table_filter.hpp"
#include "duckdb/storage/statistics/node_statistics.hpp"
#include "duckdb/storage/statistics/numeric_stats.hpp"

namespace arm
{

namespace
{

constexpr const char *SLOT_KEY = "armillaria_slot";

} // namespace

const Slot &SlotOf(const ScanInfo &info, const duckdb::OpenFileInfo &file)
{
    auto slot = file.extended_info->options.at(SLOT_KEY).GetValue<uint32_t>();

    return info.view->Slots()[slot];
}

FileList::FileList(shared_ptr<ScanInfo> info_p)
    : info(std::move(info_p)), slots(info->view->Slots().size())
{
    std::iota(slots.begin(), slots.end(), 0);
}

namespace
{

// Row ids are asked for when late materialization comes back for its rows.
bool EntryKeeps(const duckdb::TableFilter &filter, const Slot &slot)
{
    auto one = duckdb::NumericStats::CreateUnknown(LogicalType::UBIGINT);

    duckdb::NumericStats::SetMin(one, Value::UBIGINT(slot.first_entry));
    duckdb::NumericStats::SetMax(one, Value::UBIGINT(slot.first_entry));
    one.Set(duckdb::StatsInfo::CANNOT_HAVE_NULL_VALUES);
    return const_cast<duckdb::TableFilter &>(filter).CheckStatistics(one) !=
           duckdb::FilterPropagateResult::FILTER_ALWAYS_FALSE;
}

} // namespace

unique_ptr<duckdb::MultiFileList> FileList::Prune(const vector<ColumnFilter> &filters) const
{
    const View &view = *info->view;
    vector<PruneFilter> bounds;
    const duckdb::TableFilter *entries = nullptr;
    auto result = make_uniq<FileList>(info);

    for (auto &filter : filters) {
        if (filter.column == COLUMN_ENTRY) {
            entries = filter.filter;
        } else if (!duckdb::IsVirtualColumn(filter.column)) {
            bounds.emplace_back(view, StoredField(*view.Get().schema, filter.column),
                                *filter.filter);
        }
    }
    result->is_pruned = true;
    result->slots.clear();
    for (auto index : slots) {
        const Slot &slot = view.Slots()[index];
        bool keeps = entries == nullptr || EntryKeeps(*entries, slot);
        for (idx_t i = 0; keeps && !slot.is_hot && i < bounds.size(); i++) {
            keeps = bounds[i].Keeps(slot.first_entry);
        }
        if (keeps) {
            result->slots.push_back(index);
        }
    }
    return std::move(result);
}

void FileList::Keep(const std::function<bool(const Slot &)> &keeps)
{
    vector<uint32_t> kept;

    for (auto index : slots) {
        if (keeps(info->view->Slots()[index])) {
            kept.push_back(index);
        }
    }
    slots = std::move(kept);
    is_pruned = true;
}

unique_ptr<duckdb::MultiFileList> FileList::ComplexFilterPushdown(
    ClientContext &context, const duckdb::MultiFileOptions &,
    duckdb::MultiFilePushdownInfo &pushdown, vector<unique_ptr<Expression>> &filters) const
{
    duckdb::FilterCombiner combiner(context);
    vector<duckdb::FilterPushdownResult> results;
    vector<ColumnFilter> columns;

    if (filters.empty()) {
        return nullptr;
    }
    for (auto &filter : filters) {
        combiner.AddFilter(filter->Copy());
    }
    auto set = combiner.GenerateTableScanFilters(pushdown.column_indexes, results);
    for (auto &filter : set.filters) { // keyed by column of the table
        columns.push_back(ColumnFilter{filter.first, filter.second.get()});
    }
    return columns.empty() ? nullptr : Prune(columns);
}

unique_ptr<duckdb::MultiFileList> FileList::DynamicFilterPushdown(
    ClientContext &, const duckdb::MultiFileOptions &, const vector<string> &,
    const vector<LogicalType> &, const vector<duckdb::column_t> &column_ids,
    duckdb::TableFilterSet &filters) const
{
    vector<ColumnFilter> columns;

    for (auto &filter : filters.filters) { // keyed by position in column_ids
        columns.push_back(ColumnFilter{column_ids[filter.first], filter.second.get()});
    }
    return columns.empty() ? nullptr : Prune(columns);
}

vector<duckdb::OpenFileInfo> FileList::GetAllFiles() const
{
    vector<duckdb::OpenFileInfo> result;

    for (idx_t i = 0; i < slots.size(); i++) {
        result.push_back(GetFile(i));
    }
    return result;
}

duckdb::FileExpandResult FileList::GetExpandResult() const
{
    return slots.size() > 1 ? duckdb::FileExpandResult::MULTIPLE_FILES
                            : duckdb::FileExpandResult::SINGLE_FILE;
}

unique_ptr<duckdb::NodeStatistics> FileList::GetCardinality(ClientContext &) const
{
    idx_t rows = 0;

    if (!is_pruned) {
        return make_uniq<duckdb::NodeStatistics>(info->view->Get().live_rows);
    }
    for (auto index : slots) {
        rows += info->view->Slots()[index].rows;
    }
    return make_uniq<duckdb::NodeStatistics>(rows);
}

unique_ptr<duckdb::MultiFileList> FileList::Copy() const
{
    auto result = make_uniq<FileList>(info);

    result->slots = slots;
    result->is_pruned = is_pruned;
    return std::move(result);
}

duckdb::OpenFileInfo FileList::GetFile(idx_t i) const
{
    if (i >= slots.size()) {
        return duckdb::OpenFileInfo();
    }
    const Slot &slot = info->view->Slots()[slots[i]];
    duckdb::OpenFileInfo result(slot.is_hot ? "<hot rows>" : info->view->Path(slot.first_entry));
    result.extended_info = make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
    auto &options = result.extended_info->options;
    options[SLOT_KEY] = Value::UINTEGER(slots[i]);
    // A chunk never changes under its name: what is cached of it is never asked whether it did.
    options["validate_external_file_cache"] = Value::BOOLEAN(false);
    options["etag"] = Value("");
    options["last_modified"] = Value::TIMESTAMP(duckdb::timestamp_t(0));
    return result;
}

} // namespace arm
