// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_HOT_READER_HPP
#define ARM_DUCK_HOT_READER_HPP

// A run of hot entries as one more file of a scan. Batches of few rows are put together into
// full vectors; dead rows are left out; pushed-down filters are applied, for they are gone from
// the plan. One thread claims the whole run: a scan's local state belongs to Parquet's reader.

#include "duck/scan.hpp"
#include "duckdb/common/multi_file/base_file_reader.hpp"
#include "duckdb/planner/table_filter_state.hpp"

namespace arm
{

class HotReader : public duckdb::BaseFileReader
{
public:
    HotReader(duckdb::OpenFileInfo file, shared_ptr<ScanInfo> info, const Slot &slot);
    ~HotReader() override;

    string GetReaderType() const override { return "hot rows"; }
    void AddVirtualColumn(duckdb::column_t column) override;
    bool TryInitializeScan(ClientContext &context, duckdb::GlobalTableFunctionState &global,
                           duckdb::LocalTableFunctionState &local) override;
    duckdb::AsyncResult Scan(ClientContext &context, duckdb::GlobalTableFunctionState &global,
                             duckdb::LocalTableFunctionState &local, DataChunk &chunk) override;
    double GetProgressInFile(ClientContext &context) override;

private:
    struct Filter {
        idx_t column; // of the chunk
        const duckdb::TableFilter *filter;
        unique_ptr<duckdb::TableFilterState> state;
    };

    void OpenBatch();
    void CloseBatch();
    void FillColumn(idx_t column, duckdb::Vector &out, idx_t at, uint32_t first, uint32_t count);
    void FillPieces(duckdb::Vector &out, idx_t at, uint32_t count);
    void FillRowIds(duckdb::Vector &out, idx_t at, uint32_t first, uint32_t count);
    void FillCast(const Armpb__Field &field, const Armpb__Type &type, duckdb::Vector &out,
                  uint32_t first, uint32_t count);
    idx_t SelectLive(duckdb::SelectionVector &live, idx_t filled, uint32_t first, uint32_t count);
    idx_t ApplyFilters(DataChunk &chunk, duckdb::SelectionVector &rows, idx_t count);

    const shared_ptr<ScanInfo> info;
    const Slot slot;
    idx_t row_column;   // position in `columns` of the row number
    idx_t id_column;    // ... of the row id
    idx_t piece_column; // ... of what piece of a view it is
    bool is_claimed = false;
    vector<Filter> scan_filters;
    // Where the scan stands.
    uint32_t entry = 0;                              // of the slot
    uint32_t row = 0;                                // of the entry
    uint32_t slot_row = 0;                           // of the slot
    arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX); // what the batch borrows
    arm_hot_batch *batch = nullptr;
};

} // namespace arm

#endif
