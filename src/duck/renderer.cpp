// SPDX-License-Identifier: Apache-2.0
#include "duck/renderer.hpp"

#include "duckdb/planner/expression/bound_cast_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace arm
{

namespace
{

// JSON has these itself; all other scalars are text there.
bool IsJsonScalar(const LogicalType &type)
{
    switch (type.id()) {
    case duckdb::LogicalTypeId::BOOLEAN:
    case duckdb::LogicalTypeId::TINYINT:
    case duckdb::LogicalTypeId::SMALLINT:
    case duckdb::LogicalTypeId::INTEGER:
    case duckdb::LogicalTypeId::BIGINT:
    case duckdb::LogicalTypeId::UTINYINT:
    case duckdb::LogicalTypeId::USMALLINT:
    case duckdb::LogicalTypeId::UINTEGER:
    case duckdb::LogicalTypeId::UBIGINT:
    case duckdb::LogicalTypeId::FLOAT:
    case duckdb::LogicalTypeId::DOUBLE:
        return true;
    default:
        return false;
    }
}

// Numbers of more digits than a double holds: JSON has them too, as the digits themselves.
bool IsJsonNumberText(const LogicalType &type)
{
    switch (type.id()) {
    case duckdb::LogicalTypeId::HUGEINT:
    case duckdb::LogicalTypeId::UHUGEINT:
    case duckdb::LogicalTypeId::BIGNUM:
    case duckdb::LogicalTypeId::DECIMAL:
        return true;
    default:
        return false;
    }
}

LogicalType Target(const LogicalType &type, arm_render render)
{
    if (render == ARM_RENDER_JSON && IsJsonScalar(type)) {
        return type;
    }
    if (render == ARM_RENDER_JSON && (type.IsNested() || type.IsJSONType())) {
        return LogicalType::JSON();
    }
    return LogicalType::VARCHAR;
}

} // namespace

Renderer::Renderer(shared_ptr<ClientContext> context_p, const vector<LogicalType> &from,
                   arm_render render)
    : context(std::move(context_p)), executor(*context)
{
    for (idx_t i = 0; i < from.size(); i++) {
        unique_ptr<Expression> cast = make_uniq<duckdb::BoundReferenceExpression>(from[i], i);
        auto target = Target(from[i], render);
        is_json.push_back(target.IsJSONType() ||
                          (render == ARM_RENDER_JSON && IsJsonNumberText(from[i])));
        if (from[i] != target) {
            cast = duckdb::BoundCastExpression::AddCastToType(*context, std::move(cast), target);
        }
        types.push_back(target);
        casts.push_back(std::move(cast));
    }
    for (auto &cast : casts) {
        executor.AddExpression(*cast);
    }
}

unique_ptr<DataChunk> Renderer::Render(DataChunk &chunk)
{
    auto result = make_uniq<DataChunk>();

    result->Initialize(duckdb::Allocator::DefaultAllocator(), types,
                       duckdb::MaxValue<idx_t>(chunk.size(), 1));
    executor.Execute(chunk, *result);
    return result;
}

} // namespace arm
