// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_VIEW_DEFINITION_HPP
#define ARM_DUCK_VIEW_DEFINITION_HPP

// A view's definition in both languages: ours (Armpb__Schema: its SELECT as SQL, and its columns
// as they were when it was made) and DuckDB's. What it shows is bound at each use, by DuckDB.

#include "duck/columns.hpp"
#include "duckdb/catalog/catalog_entry/view_catalog_entry.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"

namespace arm
{

shared_ptr<duckdb::ViewCatalogEntry> MakeView(duckdb::Catalog &catalog,
                                              duckdb::SchemaCatalogEntry &schema,
                                              const arm_view &view);

// Without columns where one of them cannot be written down: of a type that tables cannot have, or
// of another's name.
OwnedSchema SchemaOfView(const duckdb::CreateViewInfo &info);

} // namespace arm

#endif
