// SPDX-License-Identifier: Apache-2.0
#include "duck/result.hpp"

#include "duck/error.hpp"
#include "duckdb/main/materialized_query_result.hpp"
#include "duckdb/main/stream_query_result.hpp"
#include "duckdb/storage/buffer_manager.hpp"

using duckdb::DataChunk;
using duckdb::idx_t;

namespace
{

bool HasRows(const duckdb::QueryResult &result)
{
    return result.properties.return_type == duckdb::StatementReturnType::QUERY_RESULT;
}

// DuckDB gives every statement a column. It means something where there are rows or a count;
// CREATE TABLE AS counts its rows without saying so.
bool HasColumns(duckdb::QueryResult &result)
{
    if (result.properties.return_type != duckdb::StatementReturnType::NOTHING) {
        return true;
    }
    return result.type == duckdb::QueryResultType::MATERIALIZED_RESULT &&
           result.names == duckdb::vector<duckdb::string>{"Count"} &&
           result.Cast<duckdb::MaterializedQueryResult>().RowCount() > 0;
}

} // namespace

arm_duck_result::arm_duck_result(arm_duck_connection &connection,
                                 duckdb::unique_ptr<duckdb::QueryResult> result_p)
    : context(connection.Context().shared_from_this()), session(connection.state),
      result(std::move(result_p)), has_rows(HasRows(*result))
{
    if (HasColumns(*result)) {
        types = result->types;
        sql_types = result->types;
        names = result->names;
    }
}

arm_duck_result::~arm_duck_result()
{
    try {
        Close();
    } catch (...) { // nothing to be done about it, and nobody to be told
    }
}

// A stream that is left before its end holds its transaction until the connection is used again:
// an empty statement makes it let go.
void arm_duck_result::Close()
{
    bool is_open = result && result->type == duckdb::QueryResultType::STREAM_RESULT &&
                   result->Cast<duckdb::StreamQueryResult>().IsOpen();

    result.reset();
    if (is_open) {
        context->Query("", duckdb::QueryParameters());
    }
}

duckdb::unique_ptr<DataChunk> arm_duck_result::Fetch()
{
    if (buffer) {
        auto chunk = duckdb::make_uniq<DataChunk>();
        buffer->InitializeScanChunk(*chunk);
        return buffer->Scan(buffer_scan, *chunk) ? std::move(chunk) : nullptr;
    }
    if (!result) {
        return nullptr;
    }
    auto chunk = result->Fetch();
    if (result->HasError()) {
        result->ThrowError();
    }
    if (!chunk || chunk->size() == 0) {
        result.reset(); // asked once more, DuckDB would fail
        return nullptr;
    }
    return chunk;
}

// A result without columns has no rows either, whatever DuckDB says of its success.
duckdb::unique_ptr<DataChunk> arm_duck_result::Next()
{
    auto chunk = types.empty() ? nullptr : Fetch();

    return chunk && renderer ? renderer->Render(*chunk) : std::move(chunk);
}

arm::ArrowBatches &arm_duck_result::Arrow()
{
    if (!batches) {
        batches = duckdb::make_uniq<arm::ArrowBatches>(*context, types);
    }
    return *batches;
}

// Within DuckDB's memory limit, and on its spill directory beyond.
void arm_duck_result::Buffer()
{
    if (buffer || !result) {
        return;
    }
    auto rest = duckdb::make_uniq<duckdb::ColumnDataCollection>(
        duckdb::BufferManager::GetBufferManager(*context), result->types);
    duckdb::ColumnDataAppendState append;
    rest->InitializeAppend(append);
    while (auto chunk = Fetch()) {
        rest->Append(append, *chunk);
    }
    result.reset();
    buffer = std::move(rest);
    buffer->InitializeScan(buffer_scan);
}

void arm_duck_result::Render(arm_render render)
{
    if (types.empty() || !arm::Renderer::IsNeeded(types, render)) {
        return;
    }
    renderer = duckdb::make_uniq<arm::Renderer>(context, types, render);
    types = renderer->Types();
    for (idx_t i = 0; i < types.size(); i++) {
        sql_types[i] =
            render == ARM_RENDER_ARROW ? arm::Renderer::ArrowType(sql_types[i]) : types[i];
    }
}

void arm__duck_result_free(struct arm_duck_result *result)
{
    delete result;
}

size_t arm__duck_column_count(const struct arm_duck_result *result)
{
    return result->types.size();
}

const char *arm__duck_column_name(const struct arm_duck_result *result, size_t column)
{
    return result->names[column].c_str();
}

duckdb_logical_type arm__duck_column_type(const struct arm_duck_result *result, size_t column)
{
    auto &type = const_cast<duckdb::LogicalType &>(result->types[column]);

    return reinterpret_cast<duckdb_logical_type>(&type);
}

duckdb_logical_type arm__duck_column_sql_type(const struct arm_duck_result *result, size_t column)
{
    auto &type = const_cast<duckdb::LogicalType &>(result->sql_types[column]);

    return reinterpret_cast<duckdb_logical_type>(&type);
}

bool arm__duck_has_rows(const struct arm_duck_result *result)
{
    return result->has_rows;
}

bool arm__duck_column_is_json(const struct arm_duck_result *result, size_t column)
{
    return result->renderer && result->renderer->IsJson(column);
}

arm_status arm__duck_render(struct arm_duck_result *result, arm_render render,
                            struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        result->Render(render);
        return ARM_OK;
    });
}

arm_status arm__duck_buffer(struct arm_duck_result *result, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        result->Buffer();
        return ARM_OK;
    });
}

arm_status arm__duck_next(struct arm_duck_result *result, duckdb_data_chunk *out,
                          struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        *out = reinterpret_cast<duckdb_data_chunk>(result->Next().release());
        return ARM_OK;
    });
}

arm_status arm__duck_arrow_schema(struct arm_duck_result *result, struct ArrowSchema *out,
                                  struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        result->Arrow().Schema(result->names, out);
        return ARM_OK;
    });
}

arm_status arm__duck_arrow_next(struct arm_duck_result *result, struct ArrowArray *out,
                                struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        if (!result->Arrow().Next([result]() { return result->Next(); }, out)) {
            out->release = nullptr;
        }
        return ARM_OK;
    });
}
