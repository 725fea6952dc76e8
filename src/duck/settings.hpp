// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SETTINGS_HPP
#define ARM_DUCK_SETTINGS_HPP

// Settings of a session, as SQL has them: SET arm_isolation = 'serializable'. They hold for the
// transactions that begin after them.

#include "duck/core.hpp"
#include "duckdb/main/config.hpp"

namespace arm
{

void RegisterSettings(duckdb::DBConfig &config);

// What a transaction that begins now is to be.
arm_txn_settings TransactionSettings(ClientContext &context);
// How often a single statement that met a conflict is run again by itself.
uint64_t Retries(ClientContext &context);
// Of how many rows at most a merge of a table does without statements.
uint64_t FewRowsMax(ClientContext &context);

} // namespace arm

#endif
