// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ADMIT_HPP
#define ARM_DUCK_ADMIT_HPP

// Statements that a session may not run: those that could let DuckDB fetch extensions from
// the network, take the repository's catalog away, or leave a session writing to DuckDB's own
// database in memory, which nobody keeps.

#include "duck/core.hpp"
#include "duckdb/parser/sql_statement.hpp"

namespace arm
{

// Throws where a statement is refused; puts another in its place where that is meant.
void Admit(ClientContext &context, unique_ptr<duckdb::SQLStatement> &statement);

} // namespace arm

#endif
