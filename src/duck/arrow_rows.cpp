// SPDX-License-Identifier: Apache-2.0
#include "duck/arrow_rows.hpp"

#include "duck/error.hpp"
#include "duckdb/common/arrow/arrow_wrapper.hpp"
#include "duckdb/common/exception.hpp"

extern "C" {
#include "duck/half_floats.h"
}

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
    duckdb::ArrowSchemaWrapper widened;
    duckdb_data_chunk chunk = nullptr;

    if (arm__has_halves(schema)) {
        arm_error error;
        Check(arm__widen_schema(schema, &widened.arrow_schema, &error), error);
        Check(arm__widen_array(schema, array, &error), error);
        schema = &widened.arrow_schema;
    }
    ArrowTypes types(connection, schema);

    Check(duckdb_data_chunk_from_arrow(connection, array, types.types, &chunk));
    return OwnedChunk(reinterpret_cast<DataChunk *>(chunk));
}

} // namespace arm
