// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_DEFINITION_HPP
#define ARM_DUCK_DEFINITION_HPP

// A table's definition in both languages: ours (Armpb__Schema) and what DuckDB's CREATE TABLE says
// (columns, defaults, constraints). Expressions are kept as SQL.

#include "duck/columns.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"

namespace arm
{

// Columns and constraints of `schema`, added to `info`.
void Define(const Armpb__Schema &schema, duckdb::CreateTableInfo &info);

// Throws if a generated column is another one each time it is read.
void CheckGenerated(ClientContext &context, const duckdb::CreateTableInfo &info);

// A new table's schema, its fields numbered. What we would not enforce is refused by name.
OwnedSchema SchemaOf(duckdb::CreateTableInfo &info);

} // namespace arm

#endif
