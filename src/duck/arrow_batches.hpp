// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ARROW_BATCHES_HPP
#define ARM_DUCK_ARROW_BATCHES_HPP

// DuckDB's chunks as batches of Arrow, which are larger where rows come fast: each batch costs its
// reader some allocations a column.
//
// The first batch is the first chunk, and each following one may hold twice as many rows as the
// one before had, up to a limit of rows and of bytes. A chunk that is far from full ends a batch,
// and so does a while that it took: rows that come slowly do not wait for others.

#include <functional>

#include "duck/core.hpp"
#include "duckdb/common/types/data_chunk.hpp"
#include "duckdb/function/table/arrow/arrow_duck_schema.hpp"
#include "duckdb/main/client_properties.hpp"

namespace arm
{

class ArrowBatches
{
public:
    // Settings of the context that bear on Arrow are read here, once: schema and batches agree.
    ArrowBatches(ClientContext &context, const vector<LogicalType> &types);

    void Schema(const vector<string> &names, ArrowSchema *out);
    // False: `next`, which gives null then, has no rows left.
    bool Next(const std::function<unique_ptr<DataChunk>()> &next, ArrowArray *out);

private:
    // What is to be appended next: the rest of a chunk of very large rows, or a new one.
    bool Have(const std::function<unique_ptr<DataChunk>()> &next);

    const vector<LogicalType> types;
    duckdb::ClientProperties properties;
    const duckdb::unordered_map<idx_t, const shared_ptr<duckdb::ArrowTypeExtensionData>> extensions;
    unique_ptr<DataChunk> chunk;
    idx_t position = 0; // in it
    idx_t rows_wanted = STANDARD_VECTOR_SIZE;
};

} // namespace arm

#endif
