// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_CONFLICT_FUNCTION_HPP
#define ARM_DUCK_CONFLICT_FUNCTION_HPP

// arm_conflicts(): what the merge that is open in the transaction cannot decide.

#include "duck/core.hpp"

namespace arm
{

void RegisterConflictFunction(ClientContext &context);

} // namespace arm

#endif
