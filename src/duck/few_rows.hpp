// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_FEW_ROWS_HPP
#define ARM_DUCK_FEW_ROWS_HPP

// The rows of a merge's sides, where they are few: read without a statement, as values, for
// merge/few.h to decide.

#include "duck/core.hpp"

extern "C" {
#include "merge/few.h"
}

namespace arm
{

// Values of the stored columns, and where the row stands.
struct FewRow {
    vector<Value> values;
    int64_t id;
    uint64_t entry;
    int64_t number;
};

class FewRows
{
public:
    // Reads all sides. `few` is borrowed.
    FewRows(ClientContext &context, const arm_duck_few &few);

    // False: two sides contradict each other. `visit` gets each row that changes.
    bool Merge(const std::function<void(const arm_few_change &)> &visit);
    const FewRow &At(const arm_few_row &row) const { return sides[row.side][row.index]; }

private:
    static int Order(void *self, arm_few_row a, arm_few_row b);
    static bool Same(void *self, arm_few_row a, arm_few_row b, size_t column);
    static arm_status Visit(void *self, const arm_few_change *change, arm_error *err);
    // What fails inside a callback of C is thrown when that is through.
    template <class Run> void Keep(const Run &run);

    const arm_duck_few &few;
    vector<FewRow> sides[ARM_FEW_SIDES];
    std::exception_ptr failure;
    const std::function<void(const arm_few_change &)> *visitor = nullptr;
};

} // namespace arm

#endif
