// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SCAN_READER_HPP
#define ARM_DUCK_SCAN_READER_HPP

// How a scan binds, opens its files, and maps their columns: the schema is the table's, no file
// is opened for it; a chunk is read by Parquet's reader, hot rows by ours.

#include "duck/scan.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"

namespace arm
{

// What failed while a slot was read was an error of the chunk if its bytes are not what they
// were: then the repository is damaged, and that is thrown. Otherwise returns.
void ThrowIfDamaged(const ScanInfo &info, const Slot &slot, const std::exception &cause);

class ScanReader : public duckdb::MultiFileReader
{
public:
    explicit ScanReader(shared_ptr<ScanInfo> info);

    static unique_ptr<duckdb::MultiFileReader> Make(const duckdb::TableFunction &function);
    unique_ptr<duckdb::MultiFileReader> Copy() const override;

    shared_ptr<duckdb::MultiFileList> CreateFileList(ClientContext &context,
                                                     const vector<string> &paths,
                                                     const duckdb::FileGlobInput &glob) override;
    bool Bind(duckdb::MultiFileOptions &options, duckdb::MultiFileList &files,
              vector<LogicalType> &types, vector<string> &names,
              duckdb::MultiFileReaderBindData &bind_data) override;
    void BindOptions(duckdb::MultiFileOptions &options, duckdb::MultiFileList &files,
                     vector<LogicalType> &types, vector<string> &names,
                     duckdb::MultiFileReaderBindData &bind_data) override;
    shared_ptr<duckdb::BaseFileReader> CreateReader(
        ClientContext &context, duckdb::GlobalTableFunctionState &global,
        const duckdb::OpenFileInfo &file, idx_t file_index,
        const duckdb::MultiFileBindData &bind_data) override;
    duckdb::ReaderInitializeType InitializeReader(
        duckdb::MultiFileReaderData &reader, const duckdb::MultiFileBindData &bind_data,
        const vector<duckdb::MultiFileColumnDefinition> &columns,
        const vector<duckdb::ColumnIndex> &column_ids, optional_ptr<duckdb::TableFilterSet> filters,
        ClientContext &context, duckdb::MultiFileGlobalState &global) override;
    unique_ptr<Expression> GetVirtualColumnExpression(
        ClientContext &context, duckdb::MultiFileReaderData &reader,
        const vector<duckdb::MultiFileColumnDefinition> &local_columns, idx_t &column,
        const LogicalType &type, duckdb::MultiFileLocalIndex local,
        optional_ptr<duckdb::MultiFileColumnDefinition> &reference) override;
    unique_ptr<Expression> GetConstantVirtualColumn(duckdb::MultiFileReaderData &reader,
                                                    idx_t column, const LogicalType &type) override;

private:
    const shared_ptr<ScanInfo> info;
    duckdb::MultiFileColumnDefinition row_ids; // the column of rows that bring theirs
};

} // namespace arm

#endif
