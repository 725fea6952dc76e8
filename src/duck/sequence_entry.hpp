// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SEQUENCE_ENTRY_HPP
#define ARM_DUCK_SEQUENCE_ENTRY_HPP

// A sequence of the repository, as DuckDB's catalog shows it. DuckDB's own nextval would count in
// the entry, in memory; ours (sequence_functions.hpp) asks the transaction.

#include "duck/columns.hpp"
#include "duckdb/catalog/catalog_entry/sequence_catalog_entry.hpp"
#include "duckdb/parser/parsed_data/create_sequence_info.hpp"

namespace arm
{

class SequenceEntry : public duckdb::SequenceCatalogEntry,
                      public duckdb::enable_shared_from_this<SequenceEntry>
{
public:
    SequenceEntry(duckdb::Catalog &catalog, duckdb::SchemaCatalogEntry &schema,
                  duckdb::CreateSequenceInfo &info, const Armpb__Sequence &definition);

    static shared_ptr<SequenceEntry> Make(duckdb::Catalog &catalog,
                                          duckdb::SchemaCatalogEntry &schema, const arm_view &view);

    const Armpb__Sequence definition;
};

OwnedSchema SchemaOfSequence(const duckdb::CreateSequenceInfo &info);

} // namespace arm

#endif
