// SPDX-License-Identifier: Apache-2.0
#include "duck/repeat.hpp"

#include "duck/scan.hpp"
#include "duck/session_state.hpp"
#include "duckdb/optimizer/optimizer_extension.hpp"
#include "duckdb/planner/operator/logical_get.hpp"

namespace arm
{

namespace
{

bool MakesItsRows(const duckdb::TableFunction &function)
{
    static const char *const names[] = {
        "generate_series", "range", "repeat", "repeat_row", "seq_scan", "unnest",
    };

    if (IsScan(function) || duckdb::StringUtil::StartsWith(function.name, "arm_")) {
        return true;
    }
    for (auto name : names) {
        if (function.name == name) {
            return true;
        }
    }
    return false;
}

bool ReadsOnlyOwn(const duckdb::LogicalOperator &op)
{
    if (op.type == duckdb::LogicalOperatorType::LOGICAL_GET &&
        !MakesItsRows(op.Cast<duckdb::LogicalGet>().function)) {
        return false;
    }
    for (auto &child : op.children) {
        if (!ReadsOnlyOwn(*child)) {
            return false;
        }
    }
    return true;
}

void Look(duckdb::OptimizerExtensionInput &input, unique_ptr<duckdb::LogicalOperator> &plan)
{
    auto state = SessionState::TryGet(input.context);

    if (state) {
        state->plans++;
        state->plans_to_repeat += ReadsOnlyOwn(*plan);
    }
}

} // namespace

void RegisterRepeat(duckdb::DBConfig &config)
{
    duckdb::OptimizerExtension extension;

    extension.pre_optimize_function = Look;
    duckdb::OptimizerExtension::Register(config, extension);
}

} // namespace arm
