// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_CORE_HPP
#define ARM_DUCK_CORE_HPP

// What every C++ file here begins with: DuckDB's classes, and our C below them. DuckDB's own
// declarations keep default visibility, so that its types are one type on both sides of the
// shared library's border.

#pragma GCC visibility push(default)
#include <blake3.h>
#include <duckdb.h>
#include <protobuf-c/protobuf-c.h>
#include <pthread.h>
#include <roaring/roaring.h>

#include "duckdb.hpp"
#include "duckdb/common/exception/binder_exception.hpp"
#include "duckdb/common/exception/catalog_exception.hpp"
#include "duckdb/common/exception/transaction_exception.hpp"
#include "duckdb/main/client_context.hpp"
#pragma GCC visibility pop

extern "C" {
#include "base/alloc.h"
#include "duck/duck.h"
#include "model/value.h"
#include "table/row_ids.h"
#include "table/types.h"
}

namespace arm
{

// DuckDB's vocabulary, so that a hook reads like the class it answers.
using duckdb::idx_t;
using duckdb::make_shared_ptr;
using duckdb::make_uniq;
using duckdb::optional_idx;
using duckdb::optional_ptr;
using duckdb::shared_ptr;
using duckdb::string;
using duckdb::unique_ptr;
using duckdb::vector;

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::Expression;
using duckdb::LogicalType;
using duckdb::Value;

// The name under which the repository is attached, and the type of its catalog.
constexpr const char *CATALOG = "armillaria";

} // namespace arm

#endif
