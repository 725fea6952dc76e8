// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ROW_WRITER_HPP
#define ARM_DUCK_ROW_WRITER_HPP

// An arm_writer fed with DuckDB's chunks, aborted unless it is finished.

#include "duck/core.hpp"
#include "duck/session_state.hpp"

namespace arm
{

class RowWriter
{
public:
    // `schema` is borrowed for as long as the writer lives.
    // `has_ids`: a row's id, a BIGINT, comes behind its columns.
    RowWriter(const SessionState &session, const Armpb__Schema &schema, const string &table,
              bool has_ids = false);
    ~RowWriter();
    RowWriter(const RowWriter &) = delete;
    RowWriter &operator=(const RowWriter &) = delete;

    void Push(DataChunk &chunk);
    // Released by the caller.
    arm_written Finish();

private:
    DataChunk &Flat(DataChunk &chunk);

    arm_writer *writer = nullptr;
    DataChunk copy; // of chunks with nested columns, whose insides are not flat otherwise
};

} // namespace arm

#endif
