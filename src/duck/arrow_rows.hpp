// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ARROW_ROWS_HPP
#define ARM_DUCK_ARROW_ROWS_HPP

// A batch of Arrow as a chunk of DuckDB.

#include "duck/owned_chunk.hpp"

namespace arm
{

// `array` is taken. Throws what DuckDB finds wrong with it.
OwnedChunk ChunkOf(duckdb_connection connection, ArrowSchema *schema, ArrowArray *array);

} // namespace arm

#endif
