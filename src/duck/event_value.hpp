// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_EVENT_VALUE_HPP
#define ARM_DUCK_EVENT_VALUE_HPP

// What a commit did to tables, as SQL sees it: a list of structs, of arm_log and of arm_changes.

#include "duck/core.hpp"

extern "C" {
#include "feed/events.h"
}

namespace arm
{

// The list's type.
LogicalType ChangesType();
Value ChangesOf(const arm_event &event);

// A number that is 0 where there is none.
Value NumberOrNull(uint64_t value);

} // namespace arm

#endif
