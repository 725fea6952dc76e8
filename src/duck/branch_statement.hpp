// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_BRANCH_STATEMENT_HPP
#define ARM_DUCK_BRANCH_STATEMENT_HPP

// CREATE BRANCH and its like: statements that DuckDB's own parser rejects come here, and go to
// the session taken apart (branch_parse.h). They give no rows.

#include "duckdb/main/config.hpp"

namespace arm
{

void RegisterBranchStatements(duckdb::DBConfig &config);

} // namespace arm

#endif
