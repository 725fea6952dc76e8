// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_HISTORY_FUNCTIONS_HPP
#define ARM_DUCK_HISTORY_FUNCTIONS_HPP

// arm_tables(), arm_versions('t') and arm_log(): what the catalog knows, as the session's
// snapshot shows it, for SQL to query.

#include "duck/core.hpp"

namespace arm
{

// Once, in the system catalog.
void RegisterHistoryFunctions(ClientContext &context);

} // namespace arm

#endif
