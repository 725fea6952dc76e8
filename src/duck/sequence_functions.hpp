// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SEQUENCE_FUNCTIONS_HPP
#define ARM_DUCK_SEQUENCE_FUNCTIONS_HPP

// nextval and currval. DuckDB's are bound to its own sequences, whose counting cannot be
// overridden; ours stand in their place and hand a sequence that is not the repository's on to
// them.

#include "duck/core.hpp"

namespace arm
{

void RegisterSequenceFunctions(ClientContext &context);

} // namespace arm

#endif
