// SPDX-License-Identifier: Apache-2.0
#include "duck/statistics.hpp"

#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duck/prune.h"
#include "duckdb/common/table_column.hpp"
#include "duckdb/storage/statistics/numeric_stats.hpp"
#include "duckdb/storage/storage_index.hpp"

namespace arm
{

using duckdb::BaseStatistics;

namespace
{

// A table of more entries is not asked at every planning: it would cost more than it saves.
constexpr idx_t ENTRIES_MAX = 2048;

// Types whose bounds DuckDB keeps as numbers. Floats are left out: their NaN is no bound.
bool HasNumericBounds(const LogicalType &type)
{
    return BaseStatistics::GetStatsType(type) == duckdb::StatisticsType::NUMERIC_STATS &&
           type.id() != duckdb::LogicalTypeId::FLOAT && type.id() != duckdb::LogicalTypeId::DOUBLE;
}

bool Decode(const Armpb__Field &field, arm_bytes bytes, const LogicalType &type, Value &out)
{
    arm_buf text = ARM_BUF_INIT(1u << 16);
    arm_error error;
    string message;

    arm_status st = arm__value_to_text(field.type, bytes, &text, &error);
    Value spelling(string(reinterpret_cast<const char *>(text.data), text.size));
    arm__buf_release(&text);
    Check(st, error);
    return spelling.DefaultTryCastAs(type, out, &message, true);
}

unique_ptr<BaseStatistics> AsStatistics(const arm_bounds &bounds, const Armpb__Field &field,
                                        const LogicalType &type)
{
    auto result = BaseStatistics::CreateUnknown(type);
    Value min;
    Value max;

    if (!bounds.has_null) {
        result.Set(duckdb::StatsInfo::CANNOT_HAVE_NULL_VALUES);
    }
    if (bounds.is_known && HasNumericBounds(type) && Decode(field, bounds.min, type, min) &&
        Decode(field, bounds.max, type, max)) {
        duckdb::NumericStats::SetMin(result, min);
        duckdb::NumericStats::SetMax(result, max);
    }
    return result.ToUnique();
}

const Armpb__Field &FieldOf(const View &view, duckdb::column_t column)
{
    return StoredField(*view.Get().schema, column);
}

void BoundsOf(const View &view, const Armpb__Field &field, arm_bounds &out)
{
    arm__view_bounds(&view.Get(), &field, view.Statistics(field.id).data(), &out);
}

class TablePartition : public duckdb::PartitionRowGroup
{
public:
    explicit TablePartition(shared_ptr<ScanInfo> info) : info(std::move(info)) {}

    unique_ptr<BaseStatistics> GetColumnStatistics(const duckdb::StorageIndex &index) override
    {
        if (index.HasChildren()) {
            return nullptr;
        }
        return ColumnBounds(*info->view, *info->table, index.GetPrimaryIndex());
    }

    bool MinMaxIsExact(const BaseStatistics &, const duckdb::StorageIndex &index) override
    {
        arm_bounds bounds;

        BoundsOf(*info->view, FieldOf(*info->view, index.GetPrimaryIndex()), bounds);
        return bounds.is_known && bounds.is_exact;
    }

private:
    const shared_ptr<ScanInfo> info;
};

} // namespace

unique_ptr<BaseStatistics> ColumnBounds(const View &view, const TableEntry &table,
                                        duckdb::column_t column)
{
    arm_bounds bounds;

    if (duckdb::IsVirtualColumn(column) || view.HasHot() || view.Get().entry_count == 0 ||
        view.Get().entry_count > ENTRIES_MAX) {
        return nullptr;
    }
    const Armpb__Field &field = FieldOf(view, column);
    BoundsOf(view, field, bounds);
    if (!bounds.is_known && bounds.has_null) {
        return nullptr;
    }
    return AsStatistics(bounds, field, table.scan_columns[column].type);
}

duckdb::PartitionStatistics WholeTable(const shared_ptr<ScanInfo> &info)
{
    duckdb::PartitionStatistics result;

    result.row_start = 0;
    result.count = info->view->Get().live_rows;
    result.count_type = duckdb::CountType::COUNT_EXACT;
    result.partition_row_group = make_shared_ptr<TablePartition>(info);
    return result;
}

} // namespace arm
