// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_RETYPE_HPP
#define ARM_DUCK_RETYPE_HPP

// Another type for a column: where every old value is one of the new type by a cast that cannot
// fail, scans cast as they read; else the rows are written anew.

#include "duck/core.hpp"
#include "duck/view.hpp"
#include "duckdb/parser/parsed_expression.hpp"

namespace arm
{

class TableEntry;

bool Widens(const LogicalType &from, const LogicalType &to);
// Whether a USING is none: the column itself, cast.
bool IsPlainCast(const duckdb::ParsedExpression &expression, const string &column);

// All rows of `view` once more, with what `expression` makes of them in column `index`, as the rows
// of the table, which gets `schema`.
void Retype(ClientContext &context, TableEntry &table, const shared_ptr<View> &view,
            Armpb__Schema &schema, idx_t index, const duckdb::ParsedExpression &expression);

} // namespace arm

#endif
