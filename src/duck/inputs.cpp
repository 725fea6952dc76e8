// SPDX-License-Identifier: Apache-2.0
#include "duck/inputs.hpp"

#include <cerrno>

#include "duck/arrow_rows.hpp"
#include "duck/error.hpp"

extern "C" {
#include "model/table_name.h"
}

namespace arm
{

namespace
{

[[noreturn]] void Invalid(const string &message)
{
    arm_error error;

    arm__fail(&error, ARM_INVALID, "%s", message.c_str());
    Throw(error);
}

// What Arrow's structs hold, released.
struct Row {
    ArrowSchema schema{};
    ArrowArray array{};

    Row() = default;
    Row(const Row &) = delete;
    Row &operator=(const Row &) = delete;
    ~Row()
    {
        if (schema.release != nullptr) {
            schema.release(&schema);
        }
        if (array.release != nullptr) {
            array.release(&array);
        }
    }
};

void CheckStream(ArrowArrayStream &stream, int rc)
{
    if (rc == ENOMEM) {
        throw std::bad_alloc();
    }
    if (rc != 0) {
        const char *why = stream.get_last_error(&stream);
        Invalid(string("the parameters cannot be read: ") + (why == nullptr ? "no reason" : why));
    }
}

// Batches may be empty; one has the row.
void ReadRow(ArrowArrayStream &stream, Row &row)
{
    CheckStream(stream, stream.get_schema(&stream, &row.schema));
    for (;;) {
        ArrowArray batch{};
        CheckStream(stream, stream.get_next(&stream, &batch));
        if (batch.release == nullptr) {
            break;
        }
        if (batch.length == 0) {
            batch.release(&batch);
        } else if (batch.length > 1 || row.array.release != nullptr) {
            batch.release(&batch);
            Invalid("parameters: there is more than one row of them");
        } else {
            row.array = batch;
        }
    }
    // DuckDB passes over the offset of a struct: its columns take it on.
    for (int64_t i = 0; row.array.release != nullptr && i < row.array.n_children; i++) {
        auto &column = *row.array.children[i];
        column.offset += row.array.offset;
        column.length = row.array.length;
        column.null_count = column.null_count == 0 ? 0 : -1;
    }
    row.array.offset = 0;
}

void ReadParameters(const arm_duck_connection &connection, ArrowArrayStream &stream, Inputs &inputs)
{
    Row row;

    ReadRow(stream, row);
    if (row.schema.n_children == 0) {
        return;
    }
    if (row.array.release == nullptr) {
        Invalid("parameters: there is no row of them");
    }
    auto chunk = ChunkOf(connection.handle, &row.schema, &row.array);
    for (idx_t i = 0; i < chunk->ColumnCount(); i++) {
        const char *name = row.schema.children[i]->name;
        auto value = duckdb::BoundParameterData(chunk->GetValue(i, 0));
        if (!inputs.parameters.emplace(name == nullptr ? "" : name, std::move(value)).second) {
            Invalid(string("parameters: \"") + name + "\" is there twice");
        }
    }
}

void AddVersion(const arm_table_version &version, Inputs &inputs)
{
    char schema_name[256];
    char name[256];
    arm_error error;

    Check(arm__table_name_parse(version.table, schema_name, name, &error), error);
    auto ref = std::to_string(version.version);
    auto added = inputs.versions.emplace(Inputs::Key(schema_name, name), ref);
    if (!added.second && added.first->second != ref) {
        Invalid(string("versions: table ") + version.table + " is there twice");
    }
}

} // namespace

string Inputs::VersionOf(const string &schema_name, const string &name) const
{
    auto found = versions.empty() ? versions.end() : versions.find(Key(schema_name, name));

    return found == versions.end() ? string() : found->second;
}

Inputs InputsOf(const arm_duck_connection &connection, const arm_duck_inputs &given)
{
    Inputs inputs;

    inputs.find_rows = given.find_rows;
    inputs.find_context = given.find_context;
    for (size_t i = 0; i < given.version_count; i++) {
        AddVersion(given.versions[i], inputs);
    }
    if (given.parameters != nullptr) {
        ReadParameters(connection, *given.parameters, inputs);
    }
    return inputs;
}

} // namespace arm
