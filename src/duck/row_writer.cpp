// SPDX-License-Identifier: Apache-2.0
#include "duck/row_writer.hpp"

#include "duck/error.hpp"

namespace arm
{

RowWriter::RowWriter(const SessionState &session, const Armpb__Schema &schema, const string &table,
                     bool has_ids)
{
    arm_writer_options options = {};
    arm_error error;

    options.repository = session.session.repository;
    options.engine = session.session.engine;
    options.schema = &schema;
    options.table = table.c_str();
    options.explicit_row_ids = has_ids;
    Check(arm__writer_new(&options, &writer, &error), error);
}

RowWriter::~RowWriter()
{
    arm__writer_abort(writer);
}

// The writer reads flat vectors, all the way down. Copying makes them so; where no column is
// nested, flattening in place is enough.
DataChunk &RowWriter::Flat(DataChunk &chunk)
{
    bool has_nested = false;

    for (auto &column : chunk.data) {
        has_nested = has_nested || column.GetType().IsNested();
    }
    if (!has_nested) {
        chunk.Flatten();
        return chunk;
    }
    copy.Destroy();
    copy.Initialize(duckdb::Allocator::DefaultAllocator(), chunk.GetTypes(),
                    duckdb::MaxValue<idx_t>(chunk.size(), STANDARD_VECTOR_SIZE));
    chunk.Copy(copy);
    return copy;
}

void RowWriter::Push(DataChunk &chunk)
{
    arm_error error;

    if (chunk.size() > 0) {
        auto handle = reinterpret_cast<duckdb_data_chunk>(&Flat(chunk));
        Check(arm__writer_push(writer, handle, &error), error);
    }
}

arm_written RowWriter::Finish()
{
    arm_writer *finished = writer;
    arm_written written;
    arm_error error;

    writer = nullptr;
    Check(arm__writer_finish(finished, &written, &error), error);
    return written;
}

} // namespace arm
