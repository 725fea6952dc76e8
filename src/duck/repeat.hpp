// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_REPEAT_HPP
#define ARM_DUCK_REPEAT_HPP

// Which statements may be run again after a conflict, without anybody asking (arm_retries): those
// whose plan reads nothing but the repository's tables, temporary ones and what it makes itself.
// What comes from elsewhere, a file that may be a pipe, a stream, another database, may not be
// there a second time.

#include "duck/core.hpp"
#include "duckdb/main/config.hpp"

namespace arm
{

void RegisterRepeat(duckdb::DBConfig &config);

} // namespace arm

#endif
