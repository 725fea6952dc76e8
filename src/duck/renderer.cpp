// SPDX-License-Identifier: Apache-2.0
#include "duck/renderer.hpp"

#include "duckdb/common/type_visitor.hpp"
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

// What DuckDB writes and JSON does not have: NaN and the infinities inside lists and structs, which
// become text, NULL in a list of JSON, and a number that begins with its point. Outside strings
// nothing else holds an N or an I, or a point without a digit before it.
string MendJson(const string &text)
{
    string mended;
    bool in_string = false;

    for (idx_t i = 0; i < text.size(); i++) {
        idx_t sign = text[i] == '-' ? 1 : 0;

        if (in_string && text[i] == '\\') {
            mended += text[i++];
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && text.compare(i, 3, "NaN") == 0) {
            mended += "\"NaN\"";
            i += 2;
            continue;
        } else if (!in_string && text.compare(i, 4, "NULL") == 0) {
            mended += "null";
            i += 3;
            continue;
        } else if (!in_string && text.compare(i + sign, 8, "Infinity") == 0) {
            mended += sign == 1 ? "\"-Infinity\"" : "\"Infinity\"";
            i += 7 + sign;
            continue;
        } else if (!in_string && text[i] == '.' &&
                   (mended.empty() || mended.back() < '0' || mended.back() > '9')) {
            mended += '0';
        }
        if (i < text.size()) {
            mended += text[i];
        }
    }
    return mended;
}

void MendColumn(duckdb::Vector &column, idx_t count)
{
    column.Flatten(count);
    auto *texts = duckdb::FlatVector::GetData<duckdb::string_t>(column);

    for (idx_t row = 0; row < count; row++) {
        if (!duckdb::FlatVector::IsNull(column, row)) {
            string text = texts[row].GetString();
            string mended = MendJson(text);

            if (mended != text) {
                texts[row] = duckdb::StringVector::AddString(column, mended);
            }
        }
    }
}

// DuckDB's cast makes the text "null" of NULL.
void KeepNulls(duckdb::Vector &from, duckdb::Vector &column, idx_t count)
{
    duckdb::UnifiedVectorFormat format;

    from.ToUnifiedFormat(count, format);
    for (idx_t row = 0; row < count; row++) {
        if (!format.validity.RowIsValid(format.sel->get_index(row))) {
            duckdb::FlatVector::SetNull(column, row, true);
        }
    }
}

// What Arrow's types would not hold as it is: offsets, bits, numbers of more digits than theirs.
bool IsExactTextOnly(const LogicalType &type)
{
    switch (type.id()) {
    case duckdb::LogicalTypeId::TIME_TZ:
    case duckdb::LogicalTypeId::BIT:
    case duckdb::LogicalTypeId::UHUGEINT:
    case duckdb::LogicalTypeId::BIGNUM:
        return true;
    default:
        return false;
    }
}

// What neither Arrow nor tables of ours have a type for is JSON.
bool IsJsonOnly(const LogicalType &type)
{
    return type.id() == duckdb::LogicalTypeId::VARIANT;
}

bool HasToBeText(const LogicalType &type)
{
    return IsExactTextOnly(type) || IsJsonOnly(type);
}

// The type with text in the place of what is exact only so.
LogicalType ArrowTarget(const LogicalType &type)
{
    if (!duckdb::TypeVisitor::Contains(type, HasToBeText)) {
        return type;
    }
    return duckdb::TypeVisitor::VisitReplace(
        Renderer::ArrowType(type), [](const LogicalType &part) {
            return IsExactTextOnly(part) ? LogicalType::VARCHAR : part;
        });
}

LogicalType Target(const LogicalType &type, arm_render render)
{
    if (render == ARM_RENDER_ARROW) {
        return ArrowTarget(type);
    }
    if (render == ARM_RENDER_JSON && IsJsonScalar(type)) {
        return type;
    }
    if (render == ARM_RENDER_JSON && (type.IsNested() || type.IsJSONType())) {
        return LogicalType::JSON();
    }
    return LogicalType::VARCHAR;
}

} // namespace

bool Renderer::IsNeeded(const vector<LogicalType> &types, arm_render render)
{
    if (render != ARM_RENDER_ARROW) {
        return true;
    }
    for (auto &type : types) {
        if (duckdb::TypeVisitor::Contains(type, HasToBeText)) {
            return true;
        }
    }
    return false;
}

Renderer::Renderer(shared_ptr<ClientContext> context_p, const vector<LogicalType> &from,
                   arm_render render)
    : context(std::move(context_p)), executor(*context)
{
    for (idx_t i = 0; i < from.size(); i++) {
        unique_ptr<Expression> cast = make_uniq<duckdb::BoundReferenceExpression>(from[i], i);
        auto target = Target(from[i], render);
        is_json.push_back(render == ARM_RENDER_JSON &&
                          (target.IsJSONType() || IsJsonNumberText(from[i])));
        is_mended.push_back(is_json.back() || IsJsonOnly(from[i]));
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

LogicalType Renderer::ArrowType(const LogicalType &type)
{
    if (!duckdb::TypeVisitor::Contains(type, IsJsonOnly)) {
        return type;
    }
    return duckdb::TypeVisitor::VisitReplace(type, [](const LogicalType &part) {
        return IsJsonOnly(part) ? LogicalType::JSON() : part;
    });
}

unique_ptr<DataChunk> Renderer::Render(DataChunk &chunk)
{
    auto result = make_uniq<DataChunk>();

    result->Initialize(duckdb::Allocator::DefaultAllocator(), types,
                       duckdb::MaxValue<idx_t>(chunk.size(), 1));
    executor.Execute(chunk, *result);
    for (idx_t i = 0; i < is_mended.size(); i++) {
        if (is_mended[i]) {
            MendColumn(result->data[i], chunk.size());
            KeepNulls(chunk.data[i], result->data[i], chunk.size());
        }
    }
    return result;
}

} // namespace arm
