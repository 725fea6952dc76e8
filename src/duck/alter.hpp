// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ALTER_HPP
#define ARM_DUCK_ALTER_HPP

// ALTER TABLE: a new schema over the rows that are there. Columns are known by their ids, so that
// adding, dropping, renaming and widening one touches no row; only a type that the old values do
// not have already is made by writing the rows anew.

#include "duck/core.hpp"
#include "duckdb/parser/parsed_data/alter_table_info.hpp"

namespace arm
{

class SchemaEntry;
class TableEntry;

void AlterTable(ClientContext &context, TableEntry &table, duckdb::AlterTableInfo &info);

} // namespace arm

#endif
