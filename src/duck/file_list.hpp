// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_FILE_LIST_HPP
#define ARM_DUCK_FILE_LIST_HPP

// The files of a scan: the slots of a view, fewer after each filter that statistics can judge
// (D3). What is left out is never opened.

#include <functional>

#include "duck/scan.hpp"
#include "duckdb/common/multi_file/multi_file_list.hpp"

namespace arm
{

class FileList : public duckdb::MultiFileList
{
public:
    explicit FileList(shared_ptr<ScanInfo> info);

    bool IsPruned() const { return is_pruned; }
    // Leave out the slots that `keeps` does not want.
    void Keep(const std::function<bool(const Slot &)> &keeps);

    // WHERE, at planning; filters of joins and of top-n too, when the scan starts.
    unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
        ClientContext &context, const duckdb::MultiFileOptions &options,
        duckdb::MultiFilePushdownInfo &pushdown,
        vector<unique_ptr<Expression>> &filters) const override;
    unique_ptr<duckdb::MultiFileList> DynamicFilterPushdown(
        ClientContext &context, const duckdb::MultiFileOptions &options,
        const vector<string> &names, const vector<LogicalType> &types,
        const vector<duckdb::column_t> &column_ids, duckdb::TableFilterSet &filters) const override;

    vector<duckdb::OpenFileInfo> GetAllFiles() const override;
    duckdb::FileExpandResult GetExpandResult() const override;
    idx_t GetTotalFileCount() const override { return slots.size(); }
    unique_ptr<duckdb::NodeStatistics> GetCardinality(ClientContext &context) const override;
    unique_ptr<duckdb::MultiFileList> Copy() const override;

    const shared_ptr<ScanInfo> info;

protected:
    duckdb::OpenFileInfo GetFile(idx_t i) const override;

private:
    struct ColumnFilter {
        duckdb::column_t column;
        const duckdb::TableFilter *filter;
    };
    unique_ptr<duckdb::MultiFileList> Prune(const vector<ColumnFilter> &filters) const;

    vector<uint32_t> slots; // of the view
    bool is_pruned = false;
};

// The slot a file of a list stands for.
const Slot &SlotOf(const ScanInfo &info, const duckdb::OpenFileInfo &file);

} // namespace arm

#endif
