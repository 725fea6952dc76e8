// SPDX-License-Identifier: Apache-2.0
#include "duck/arrow_rows.hpp"

#include "duckdb/common/exception.hpp"

namespace arm
{

namespace
{

void Check(duckdb_error_data error)
{
    if (error == nullptr) {
        return;
    }
    bool has_error = duckdb_error_data_has_error(error);
    string message = duckdb_error_data_message(error);
    duckdb_destroy_error_data(&error);
    if (has_error) {
        throw duckdb::InvalidInputException("%s", message);
    }
}

class ArrowTypes
{
public:
    ArrowTypes(duckdb_connection connection, ArrowSchema *schema)
    {
        Check(duckdb_schema_from_arrow(connection, schema, &types));
    }
    ~ArrowTypes() { duckdb_destroy_arrow_converted_schema(&types); }

    duckdb_arrow_converted_schema types = nullptr;
};

} // namespace

OwnedChunk ChunkOf(duckdb_connection connection, ArrowSchema *schema, ArrowArray *array)
{
    ArrowTypes types(connection, schema);
    duckdb_data_chunk chunk = nullptr;

    Check(duckdb_data_chunk_from_arrow(connection, array, types.types, &chunk));
    return OwnedChunk(reinterpret_cast<DataChunk *>(chunk));
}

} // namespace arm
