// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_RESULT_HPP
#define ARM_DUCK_RESULT_HPP

#include "duck/arrow_batches.hpp"
#include "duck/connection.hpp"
#include "duck/renderer.hpp"
#include "duckdb/common/types/column/column_data_collection.hpp"
#include "duckdb/main/query_result.hpp"

// The rows of a statement: from DuckDB as they come, or from a buffer that took in what was left.
struct arm_duck_result {
    arm_duck_result(arm_duck_connection &connection,
                    duckdb::unique_ptr<duckdb::QueryResult> result);
    ~arm_duck_result();

    // The next rows; null: none are left.
    duckdb::unique_ptr<duckdb::DataChunk> Next();
    // They, or what they look like, as Arrow.
    arm::ArrowBatches &Arrow();
    void Buffer();
    void Render(arm_render render);

    const duckdb::shared_ptr<duckdb::ClientContext> context;
    const duckdb::shared_ptr<arm::SessionState> session;
    duckdb::unique_ptr<duckdb::QueryResult> result; // null: the rest is in the buffer
    duckdb::vector<duckdb::LogicalType> types;      // as they are given
    duckdb::vector<duckdb::LogicalType> sql_types; // the same, but what Arrow lacks is not text yet
    duckdb::vector<duckdb::string> names;
    bool has_rows;
    duckdb::unique_ptr<arm::Renderer> renderer;

private:
    void Close();
    // As DuckDB gave them.
    duckdb::unique_ptr<duckdb::DataChunk> Fetch();

    duckdb::unique_ptr<arm::ArrowBatches> batches;
    duckdb::unique_ptr<duckdb::ColumnDataCollection> buffer;
    duckdb::ColumnDataScanState buffer_scan;
};

#endif
