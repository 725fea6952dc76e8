// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SCAN_HPP
#define ARM_DUCK_SCAN_HPP

// The scan of a table: DuckDB's own Parquet scan with its hooks exchanged, so that the files are
// a view's, columns are found by field id, and dead rows and hot rows are what the view says.

#include <atomic>

#include "duck/core.hpp"
#include "duck/table_entry.hpp"
#include "duck/view.hpp"
#include "duckdb/function/table_function.hpp"

namespace arm
{

// Hooks of the Parquet scan that ours goes on to use.
struct ParquetHooks {
    duckdb::table_function_bind_t bind;
    duckdb::table_function_init_global_t init;
    duckdb::table_function_t run;
    duckdb::table_function_pushdown_complex_filter_t pushdown;
};

// What one scan is of; its function carries it.
struct ScanInfo : public duckdb::TableFunctionInfo {
    ScanInfo(shared_ptr<TableEntry> table, shared_ptr<View> view,
             shared_ptr<std::atomic<uint64_t>> opened, const ParquetHooks &parquet)
        : table(std::move(table)), view(std::move(view)), opened(std::move(opened)),
          parquet(parquet)
    {
    }

    const shared_ptr<TableEntry> table;
    const shared_ptr<View> view;
    const shared_ptr<std::atomic<uint64_t>> opened; // counts chunks opened
    const ParquetHooks parquet;
};

// The scan info of a bound scan of ours.
ScanInfo &ScanInfoOf(const duckdb::FunctionData &bind_data);
// Whether a function is a scan of ours.
bool IsScan(const duckdb::TableFunction &function);

// A scan of `view`, and its bind data.
duckdb::TableFunction BindScan(ClientContext &context, shared_ptr<TableEntry> table,
                               shared_ptr<View> view, unique_ptr<duckdb::FunctionData> &bind_data);

// Make the scan known to the system catalog, where a serialized plan looks for it. Once.
void RegisterScan(ClientContext &context);

} // namespace arm

#endif
