// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_COLUMN_NAMES_HPP
#define ARM_DUCK_COLUMN_NAMES_HPP

// Names of columns in expressions that are kept as SQL.

#include "duck/core.hpp"
#include "duckdb/parser/parsed_expression.hpp"

namespace arm
{

bool NamesColumn(const duckdb::ParsedExpression &expression, const string &column);

// Whether it names any column but that one.
bool NamesOthers(const duckdb::ParsedExpression &expression, const string &column);

// `sql` with the column `from` as `to`.
string RenameIn(const string &sql, const string &from, const string &to);

} // namespace arm

#endif
