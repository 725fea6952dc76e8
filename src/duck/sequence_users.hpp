// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SEQUENCE_USERS_HPP
#define ARM_DUCK_SEQUENCE_USERS_HPP

// Tables whose defaults take values of a sequence. As in DuckDB, they keep it from being dropped,
// or go with it. A default is kept as SQL, so that they are found by reading it.

#include "duck/core.hpp"

namespace arm
{

class SchemaEntry;
class Transaction;

// Throws if there is one, unless `cascade`: then they are dropped.
void DropUsers(ClientContext &context, Transaction &ours, SchemaEntry &schema, const string &name,
               bool cascade);
// The same of every sequence in a schema that is about to be dropped with all that is in it.
void DropUsersOfSchema(ClientContext &context, Transaction &ours, const string &schema_name);

} // namespace arm

#endif
