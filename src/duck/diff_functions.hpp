// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_DIFF_FUNCTIONS_HPP
#define ARM_DUCK_DIFF_FUNCTIONS_HPP

// arm_diff(a, b), arm_row_diff(t, a, b), arm_schema_diff([t,] a, b): each becomes a query, the
// first two over those rows in which the refs may differ (merge/diff.h), planned like any other.

#include "duck/core.hpp"

namespace arm
{

void RegisterDiffFunctions(ClientContext &context);

} // namespace arm

#endif
