// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_OWNED_CHUNK_HPP
#define ARM_DUCK_OWNED_CHUNK_HPP

// A data chunk that C made, as DuckDB's class: freed as C frees it.

#include "duck/core.hpp"

namespace arm
{

struct ChunkDropper {
    void operator()(DataChunk *chunk) const
    {
        auto handle = reinterpret_cast<duckdb_data_chunk>(chunk);
        duckdb_destroy_data_chunk(&handle);
    }
};
using OwnedChunk = std::unique_ptr<DataChunk, ChunkDropper>;

} // namespace arm

#endif
