// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SHORTEN_HPP
#define ARM_DUCK_SHORTEN_HPP

// Values in messages: a value may have megabytes, a message has 1,003 bytes, and what matters may
// stand behind the value.

#include "duck/core.hpp"

namespace arm
{

// `text`, with the middle left out of each line that is longer than both together; whole
// characters.
string Shortened(const string &text, idx_t head_bytes, idx_t tail_bytes);

// `column = value`, as SQL writes it, of a row; a long value is cut.
string ShownValue(const string &column, DataChunk &rows, idx_t index, idx_t row);

} // namespace arm

#endif
