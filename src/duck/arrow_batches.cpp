// SPDX-License-Identifier: Apache-2.0
#include "duck/arrow_batches.hpp"

#include <chrono>

#include "duckdb/common/arrow/arrow_appender.hpp"
#include "duckdb/common/arrow/arrow_converter.hpp"

namespace arm
{

namespace
{

constexpr idx_t ROWS_MAX = 64 * STANDARD_VECTOR_SIZE;
constexpr idx_t BYTES_MAX = 16 << 20;
constexpr std::chrono::milliseconds LONG_MAX_MS(100);

// About what the vector's values take, with what they point to.
idx_t BytesOf(duckdb::Vector &vector, idx_t count)
{
    auto physical = vector.GetType().InternalType();
    idx_t bytes = 0;

    switch (physical) {
    case duckdb::PhysicalType::VARCHAR: {
        duckdb::UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        auto *texts = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
        for (idx_t i = 0; i < count; i++) {
            idx_t row = format.sel->get_index(i);
            bytes += format.validity.RowIsValid(row) ? texts[row].GetSize() : 0;
        }
        return bytes + count * sizeof(int32_t);
    }
    case duckdb::PhysicalType::STRUCT:
        for (auto &entry : duckdb::StructVector::GetEntries(vector)) {
            bytes += BytesOf(*entry, count);
        }
        return bytes;
    case duckdb::PhysicalType::LIST:
        return count * sizeof(int32_t) + BytesOf(duckdb::ListVector::GetEntry(vector),
                                                 duckdb::ListVector::GetListSize(vector));
    case duckdb::PhysicalType::ARRAY:
        return BytesOf(duckdb::ArrayVector::GetEntry(vector),
                       count * duckdb::ArrayType::GetSize(vector.GetType()));
    default:
        return count * duckdb::GetTypeIdSize(physical);
    }
}

idx_t BytesOf(DataChunk &chunk)
{
    idx_t bytes = 0;

    for (auto &column : chunk.data) {
        bytes += BytesOf(column, chunk.size());
    }
    return bytes;
}

} // namespace

ArrowBatches::ArrowBatches(ClientContext &context, const vector<LogicalType> &types_p)
    : types(types_p), properties(context.GetClientProperties()),
      extensions(duckdb::ArrowTypeExtensionData::GetExtensionTypes(context, types))
{
}

void ArrowBatches::Schema(const vector<string> &names, ArrowSchema *out)
{
    duckdb::ArrowConverter::ToArrowSchema(out, types, names, properties);
}

bool ArrowBatches::Have(const std::function<unique_ptr<DataChunk>()> &next)
{
    if (chunk && position == chunk->size()) {
        chunk.reset();
    }
    if (!chunk) {
        chunk = next();
        position = 0;
    }
    return chunk != nullptr;
}

bool ArrowBatches::Next(const std::function<unique_ptr<DataChunk>()> &next, ArrowArray *out)
{
    auto begin = std::chrono::steady_clock::now();
    unique_ptr<duckdb::ArrowAppender> batch;
    idx_t bytes = 0;
    bool goes_on = true;

    while (goes_on && Have(next)) {
        idx_t size = chunk->size();
        idx_t chunk_bytes = BytesOf(*chunk);
        idx_t end = size;
        if (chunk_bytes > BYTES_MAX) { // a part of it; Arrow's offsets end at 2 GB
            idx_t part = std::max<idx_t>(size * BYTES_MAX / chunk_bytes, 1);
            end = std::min(position + part, size);
        }
        if (!batch) { // with room for what is likely to come; more is made where it is wanted
            idx_t fitting = size * BYTES_MAX / std::max<idx_t>(chunk_bytes, 1) + size;
            idx_t room = size < STANDARD_VECTOR_SIZE ? size : std::min(rows_wanted, fitting);
            batch = make_uniq<duckdb::ArrowAppender>(types, room, properties, extensions);
        }
        batch->Append(*chunk, position, end, size);
        position = end;
        bytes += chunk_bytes;
        goes_on = size >= STANDARD_VECTOR_SIZE / 2 && batch->RowCount() + size <= rows_wanted &&
                  bytes < BYTES_MAX && std::chrono::steady_clock::now() - begin < LONG_MAX_MS;
    }
    if (!batch) {
        return false;
    }
    rows_wanted = std::min(std::max<idx_t>(batch->RowCount() * 2, STANDARD_VECTOR_SIZE), ROWS_MAX);
    *out = batch->Finalize();
    return true;
}

} // namespace arm
