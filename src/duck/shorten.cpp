// SPDX-License-Identifier: Apache-2.0
#include "duck/shorten.hpp"

#include <algorithm>

extern "C" {
#include "model/utf8.h"
}

namespace arm
{

namespace
{

constexpr idx_t VALUE_HEAD = 60;
constexpr idx_t VALUE_TAIL = 10;

// The last bytes of `text`, at most `max`: whole characters.
string Tail(const string &text, idx_t max)
{
    idx_t at = text.size() - max;

    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) {
        at++;
    }
    return text.substr(at);
}

} // namespace

string Shortened(const string &text, idx_t head_bytes, idx_t tail_bytes)
{
    string result;

    for (idx_t at = 0; at < text.size();) {
        idx_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        string line = text.substr(at, end - at);
        if (line.size() > head_bytes + tail_bytes) {
            auto head = arm__utf8_cut(line.data(), line.size(), head_bytes);
            line = line.substr(0, head) + "..." + Tail(line, tail_bytes);
        }
        result += line;
        at = end;
    }
    return result;
}

string ShownValue(const string &column, DataChunk &rows, idx_t index, idx_t row)
{
    return column + " = " +
           Shortened(rows.GetValue(index, row).ToSQLString(), VALUE_HEAD, VALUE_TAIL);
}

} // namespace arm
