// SPDX-License-Identifier: Apache-2.0
#include "duck/view_definition.hpp"

#include "duck/error.hpp"

extern "C" {
#include "model/object.h"
}

namespace arm
{

shared_ptr<duckdb::ViewCatalogEntry> MakeView(duckdb::Catalog &catalog,
                                              duckdb::SchemaCatalogEntry &schema,
                                              const arm_view &view)
{
    const Armpb__Schema &ours = *view.schema;
    duckdb::CreateViewInfo info(schema, view.name);

    info.sql = ours.view_sql;
    info.query = duckdb::CreateViewInfo::ParseSelect(ours.view_sql);
    for (size_t i = 0; i < ours.n_view_aliases; i++) {
        info.aliases.push_back(ours.view_aliases[i]);
    }
    for (size_t i = 0; i < ours.n_columns; i++) {
        info.names.push_back(ours.columns[i]->field->name);
        info.types.push_back(TypeOf(*ours.columns[i]->field->type));
    }
    return make_shared_ptr<duckdb::ViewCatalogEntry>(catalog, schema, info);
}

namespace
{

OwnedSchema ColumnsOf(const duckdb::CreateViewInfo &info)
{
    vector<LogicalType> types = info.types;
    vector<duckdb_logical_type> handles;
    vector<const char *> names;
    Armpb__Schema *schema = nullptr;
    arm_error error;

    for (idx_t i = 0; i < types.size(); i++) {
        auto &name = i < info.aliases.size() ? info.aliases[i] : info.names[i];
        names.push_back(name.c_str());
        handles.push_back(reinterpret_cast<duckdb_logical_type>(&types[i]));
    }
    arm_status st =
        arm__schema_from_columns(names.size(), names.data(), handles.data(), &schema, &error);
    if (st == ARM_OK) {
        arm__schema_number_fields(schema);
    } else if (st == ARM_NO_MEMORY) {
        Throw(error);
    } else {
        Check(arm__schema_new(&schema, &error), error);
    }
    return OwnedSchema(schema);
}

} // namespace

OwnedSchema SchemaOfView(const duckdb::CreateViewInfo &info)
{
    vector<const char *> aliases;
    auto result = ColumnsOf(info);
    auto sql = info.query->ToString();
    arm_error error;

    for (auto &alias : info.aliases) {
        aliases.push_back(alias.c_str());
    }
    Check(arm__schema_set_view(result.get(), sql.c_str(), aliases.data(), aliases.size(), &error),
          error);
    return result;
}

} // namespace arm
