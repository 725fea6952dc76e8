// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_RENDERER_HPP
#define ARM_DUCK_RENDERER_HPP

// Casts the columns of a result for reading by people or as JSON (arm_render), and for Arrow what
// its types would not hold.

#include "duck/core.hpp"
#include "duckdb/execution/expression_executor.hpp"

namespace arm
{

class Renderer
{
public:
    // Whether a result of such columns has anything to cast.
    static bool IsNeeded(const vector<LogicalType> &types, arm_render render);

    // What a column of Arrow stands for (arm_sql's marks), where it is cast.
    static LogicalType ArrowType(const LogicalType &type);

    Renderer(shared_ptr<ClientContext> context, const vector<LogicalType> &types,
             arm_render render);

    const vector<LogicalType> &Types() const { return types; }
    bool IsJson(idx_t column) const { return is_json[column]; }
    unique_ptr<DataChunk> Render(DataChunk &chunk);

private:
    const shared_ptr<ClientContext> context;
    vector<LogicalType> types;
    vector<bool> is_json;   // texts of JSON, for a reader of JSON
    vector<bool> is_mended; // what DuckDB writes and JSON does not have
    vector<unique_ptr<Expression>> casts;
    duckdb::ExpressionExecutor executor;
};

} // namespace arm

#endif
