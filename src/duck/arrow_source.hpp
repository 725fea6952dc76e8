// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ARROW_SOURCE_HPP
#define ARM_DUCK_ARROW_SOURCE_HPP

// Arrow streams offered to a session, read as tables by their names. Each can be read once.

#include "duckdb/main/config.hpp"

namespace arm
{

// A name that no catalog knows is looked for among the session's streams.
void RegisterArrowSource(duckdb::DBConfig &config);

} // namespace arm

#endif
