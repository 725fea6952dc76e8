// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_BRANCH_STATEMENT_HPP
#define ARM_DUCK_BRANCH_STATEMENT_HPP

// CREATE BRANCH and its like: statements DuckDB's own parser rejects come here, and the text goes
// to the session whole, which answers with one row.

#include "duckdb/main/config.hpp"

namespace arm
{

void RegisterBranchStatements(duckdb::DBConfig &config);

} // namespace arm

#endif
