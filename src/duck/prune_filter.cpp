// SPDX-License-Identifier: Apache-2.0
#include "duck/prune_filter.hpp"

#include <algorithm>

#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/constant_filter.hpp"
#include "duckdb/planner/filter/dynamic_filter.hpp"
#include "duckdb/planner/filter/in_filter.hpp"
#include "duckdb/planner/filter/optional_filter.hpp"

namespace arm
{

using duckdb::TableFilter;
using duckdb::TableFilterType;

namespace
{

arm_prune Unknown()
{
    return arm_prune{ARM_PRUNE_UNKNOWN, ARM_PRUNE_EQUAL, 0, nullptr, 0, nullptr};
}

bool OpOf(duckdb::ExpressionType type, arm_prune_op *out)
{
    switch (type) {
    case duckdb::ExpressionType::COMPARE_EQUAL:
        *out = ARM_PRUNE_EQUAL;
        return true;
    case duckdb::ExpressionType::COMPARE_LESSTHAN:
        *out = ARM_PRUNE_LESS;
        return true;
    case duckdb::ExpressionType::COMPARE_LESSTHANOREQUALTO:
        *out = ARM_PRUNE_LESS_EQUAL;
        return true;
    case duckdb::ExpressionType::COMPARE_GREATERTHAN:
        *out = ARM_PRUNE_GREATER;
        return true;
    case duckdb::ExpressionType::COMPARE_GREATERTHANOREQUALTO:
        *out = ARM_PRUNE_GREATER_EQUAL;
        return true;
    default:
        return false;
    }
}

bool IsNan(const Value &value)
{
    switch (value.type().id()) {
    case duckdb::LogicalTypeId::FLOAT:
        return Value::IsNan(duckdb::FloatValue::Get(value));
    case duckdb::LogicalTypeId::DOUBLE:
        return Value::IsNan(duckdb::DoubleValue::Get(value));
    default:
        return false;
    }
}

} // namespace

PruneFilter::PruneFilter(const View &view, const Armpb__Field &field, const TableFilter &filter)
    : view(view), statistics(view.Statistics(field.id)), field(&field), type(TypeOf(*field.type)),
      filter(Translate(filter))
{
}

bool PruneFilter::Keeps(idx_t entry) const
{
    return arm__prune_keeps(&filter, statistics[entry], view.Entry(entry).rows);
}

bool PruneFilter::KeepsStatistics(const Armpb__ColumnStatistics *found, uint32_t rows) const
{
    return arm__prune_keeps(&filter, found, rows);
}

bool PruneFilter::KeepsValue(const Value &value) const
{
    Armpb__ColumnStatistics one = ARMPB__COLUMN_STATISTICS__INIT;
    string encoded;

    if (value.IsNull()) {
        one.null_count = 1;
    } else if (Encode(value, encoded)) {
        auto data = reinterpret_cast<uint8_t *>(&encoded[0]);
        one.has_min = one.has_max = true;
        one.min = one.max = ProtobufCBinaryData{encoded.size(), data};
    } else if (filter.kind != ARM_PRUNE_NOT_NULL && filter.kind != ARM_PRUNE_IS_NULL) {
        return true; // a NaN, or of a type without bounds
    }
    return arm__prune_keeps(&filter, &one, 1);
}

// The bytes of a constant, whole: only bounds are ever cut (P2).
bool PruneFilter::Encode(const Value &value, string &out) const
{
    arm_buf encoded = ARM_BUF_INIT(1u << 16);
    bool is_known = false;
    arm_error error;

    if (!arm__value_has_bounds(field->type) || value.IsNull() || value.type() != type ||
        IsNan(value)) {
        return false;
    }
    if (type.InternalType() == duckdb::PhysicalType::VARCHAR) {
        out = duckdb::StringValue::Get(value);
        return true;
    }
    string text = value.ToString();
    arm_status st = arm__value_from_text(field->type, arm__bytes(text.data(), text.size()), false,
                                         &encoded, &is_known, &error);
    out = string(reinterpret_cast<const char *>(encoded.data), encoded.size);
    arm__buf_release(&encoded);
    Check(st, error);
    return is_known;
}

arm_prune PruneFilter::Compare(const TableFilter &source)
{
    auto &constant = source.Cast<duckdb::ConstantFilter>();
    arm_prune result = Unknown();
    string encoded;

    if (OpOf(constant.comparison_type, &result.op) && Encode(constant.constant, encoded)) {
        bytes.push_back(encoded);
        values.push_back({arm__bytes(bytes.back().data(), bytes.back().size())});
        result.kind = ARM_PRUNE_COMPARE;
        result.value_count = 1;
        result.values = values.back().data();
    }
    return result;
}

arm_prune PruneFilter::In(const TableFilter &source)
{
    std::vector<arm_bytes> all;
    arm_prune result = Unknown();
    string encoded;

    for (auto &value : source.Cast<duckdb::InFilter>().values) {
        if (!Encode(value, encoded)) {
            return result;
        }
        bytes.push_back(encoded);
        all.push_back(arm__bytes(bytes.back().data(), bytes.back().size()));
    }
    std::sort(all.begin(), all.end(),
              [](const arm_bytes &a, const arm_bytes &b) { return arm__bytes_compare(a, b) < 0; });
    values.push_back(std::move(all));
    result.kind = ARM_PRUNE_IN;
    result.value_count = values.back().size();
    result.values = values.back().data();
    return result;
}

template <class FILTER> arm_prune PruneFilter::Children(const FILTER &source, arm_prune_kind kind)
{
    std::vector<arm_prune> all;
    arm_prune result = Unknown();

    for (auto &child : source.child_filters) {
        all.push_back(Translate(*child));
    }
    children.push_back(std::move(all));
    result.kind = kind;
    result.child_count = children.back().size();
    result.children = children.back().data();
    return result;
}

arm_prune PruneFilter::Translate(const TableFilter &source)
{
    arm_prune result = Unknown();

    switch (source.filter_type) {
    case TableFilterType::CONSTANT_COMPARISON:
        return Compare(source);
    case TableFilterType::IN_FILTER:
        return In(source);
    case TableFilterType::IS_NULL:
        result.kind = ARM_PRUNE_IS_NULL;
        return result;
    case TableFilterType::IS_NOT_NULL:
        result.kind = ARM_PRUNE_NOT_NULL;
        return result;
    case TableFilterType::CONJUNCTION_AND:
        return Children(source.Cast<duckdb::ConjunctionAndFilter>(), ARM_PRUNE_AND);
    case TableFilterType::CONJUNCTION_OR:
        return Children(source.Cast<duckdb::ConjunctionOrFilter>(), ARM_PRUNE_OR);
    case TableFilterType::OPTIONAL_FILTER: {
        auto &child = source.Cast<duckdb::OptionalFilter>().child_filter;
        return child ? Translate(*child) : result;
    }
    default:
        return result;
    }
}

} // namespace arm
