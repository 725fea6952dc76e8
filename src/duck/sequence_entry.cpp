// SPDX-License-Identifier: Apache-2.0
#include "duck/sequence_entry.hpp"

#include "duck/error.hpp"

extern "C" {
#include "model/object.h"
}

namespace arm
{

SequenceEntry::SequenceEntry(duckdb::Catalog &catalog, duckdb::SchemaCatalogEntry &schema,
                             duckdb::CreateSequenceInfo &info, const Armpb__Sequence &definition)
    : duckdb::SequenceCatalogEntry(catalog, schema, info), definition(definition)
{
}

shared_ptr<SequenceEntry> SequenceEntry::Make(duckdb::Catalog &catalog,
                                              duckdb::SchemaCatalogEntry &schema,
                                              const arm_view &view)
{
    const Armpb__Sequence &definition = *view.schema->sequence;
    duckdb::CreateSequenceInfo info;

    info.catalog = catalog.GetName();
    info.schema = schema.name;
    info.name = view.name;
    info.usage_count = 0; // where it stands is not the entry's to know
    info.start_value = definition.start;
    info.increment = definition.increment;
    info.min_value = definition.min_value;
    info.max_value = definition.max_value;
    info.cycle = definition.cycle != 0;
    return make_shared_ptr<SequenceEntry>(catalog, schema, info, definition);
}

OwnedSchema SchemaOfSequence(const duckdb::CreateSequenceInfo &info)
{
    Armpb__Sequence sequence = ARMPB__SEQUENCE__INIT;
    Armpb__Schema *schema = nullptr;
    arm_error error;

    sequence.start = info.start_value;
    sequence.increment = info.increment;
    sequence.min_value = info.min_value;
    sequence.max_value = info.max_value;
    sequence.has_cycle = sequence.cycle = info.cycle;
    Check(arm__schema_new(&schema, &error), error);
    OwnedSchema result(schema);
    Check(arm__schema_set_sequence(schema, &sequence, &error), error);
    return result;
}

} // namespace arm
