// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_CHANGES_FUNCTIONS_HPP
#define ARM_DUCK_CHANGES_FUNCTIONS_HPP

// arm_changes(since_tx), the changelog as the session's snapshot shows it, read page by page;
// arm_consumers(), who follows it, as they stand now; arm_row_changes('t', since_tx).

#include "duck/core.hpp"

namespace arm
{

// Once, in the system catalog.
void RegisterChangesFunctions(ClientContext &context);

} // namespace arm

#endif
