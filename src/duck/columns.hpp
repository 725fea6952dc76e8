// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_COLUMNS_HPP
#define ARM_DUCK_COLUMNS_HPP

// Columns in both languages: ours (Armpb__Schema) and DuckDB's (types, values, the definitions by
// which a multi-file scan maps columns to files).

#include "duck/core.hpp"
#include "duckdb/common/multi_file/multi_file_data.hpp"

namespace arm
{

// A schema of ours that nobody else frees.
struct SchemaDeleter {
    void operator()(Armpb__Schema *schema) const { arm__schema_free(schema); }
};
using OwnedSchema = std::unique_ptr<Armpb__Schema, SchemaDeleter>;

LogicalType TypeOf(const Armpb__Type &type);

// The value a column has in rows written before it was added; NULL of its type where none.
Value InitialValue(const Armpb__Column &column);

// The field of a stored column, by its place among all of the table's: DuckDB's LogicalIndex.
const Armpb__Field &StoredField(const Armpb__Schema &schema, duckdb::column_t column);

// How a scan finds each column in a file: by field id, nested fields too. Generated
// columns have their places among them, so that those are the table's.
vector<duckdb::MultiFileColumnDefinition> ScanColumns(const Armpb__Schema &schema);

} // namespace arm

#endif
