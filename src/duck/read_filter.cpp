// SPDX-License-Identifier: Apache-2.0
#include "duck/read_filter.hpp"

#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duck/prune_filter.hpp"
#include "duck/transaction.hpp"

namespace arm
{

namespace
{

// A batch with more rows is not looked at row by row.
constexpr uint32_t ROWS_MAX = 1024;

class ReadFilter
{
public:
    explicit ReadFilter(shared_ptr<View> view) : view(std::move(view)) {}

    void Add(duckdb::column_t column, const duckdb::TableFilter &filter)
    {
        columns.emplace_back(*view, StoredField(*view->Get().schema, column), filter);
        column_ids.push_back(columns.back().Field().id);
    }

    bool Keeps(const Armpb__ColumnStatistics *const *statistics, uint32_t rows) const
    {
        for (idx_t c = 0; c < columns.size(); c++) {
            if (!columns[c].KeepsStatistics(statistics[c], rows)) {
                return false;
            }
        }
        return true;
    }

    // A row must pass the filters of all columns.
    bool Meets(const arm_hot_batch *batch, const roaring_bitmap_t *rows) const
    {
        uint32_t count = arm__hot_row_count(batch);

        if (count > ROWS_MAX) {
            return true;
        }
        vector<bool> passes(count, true);
        for (uint32_t row = 0; row < count; row++) {
            passes[row] = rows == nullptr || roaring_bitmap_contains(rows, row);
        }
        for (auto &column : columns) {
            Sift(column, batch, passes);
        }
        return std::find(passes.begin(), passes.end(), true) != passes.end();
    }

    vector<uint32_t> column_ids;

private:
    static void Sift(const PruneFilter &column, const arm_hot_batch *batch, vector<bool> &passes)
    {
        arm_error error;

        if (!arm__hot_has(batch, &column.Field())) {
            return; // it had another type then: nothing is known
        }
        duckdb::Vector values(column.Type(), passes.size());
        Check(arm__hot_fill(batch, &column.Field(), 0, static_cast<uint32_t>(passes.size()),
                            reinterpret_cast<duckdb_vector>(&values), &error),
              error);
        for (idx_t row = 0; row < passes.size(); row++) {
            passes[row] = passes[row] && column.KeepsValue(values.GetValue(row));
        }
    }

    const shared_ptr<View> view; // whose schema the columns are of
    vector<PruneFilter> columns;
};

bool Keeps(void *self, const Armpb__ColumnStatistics *const *statistics, uint32_t rows)
{
    return static_cast<ReadFilter *>(self)->Keeps(statistics, rows);
}

arm_status Meets(void *self, const arm_hot_batch *batch, const roaring_bitmap_t *rows, bool *out,
                 arm_error *err)
{
    return Guard(err, [&]() {
        *out = static_cast<ReadFilter *>(self)->Meets(batch, rows);
        return ARM_OK;
    });
}

void Free(void *self)
{
    delete static_cast<ReadFilter *>(self);
}

} // namespace

void NoteRead(ClientContext &context, const ScanInfo &info,
              const vector<duckdb::ColumnIndex> &columns,
              optional_ptr<duckdb::TableFilterSet> filters)
{
    auto &transaction = Transaction::Get(context, info.table->ParentCatalog());
    arm_error error;

    if (!arm__txn_is_serializable(transaction.Txn())) {
        return;
    }
    auto filter = make_uniq<ReadFilter>(info.view);
    if (filters) {
        for (auto &entry : filters->filters) {
            auto column = columns[entry.first].GetPrimaryIndex();
            if (!duckdb::IsVirtualColumn(column)) {
                filter->Add(column, *entry.second);
            }
        }
    }
    if (filter->column_ids.empty()) {
        Check(arm__txn_note_read(transaction.Txn(), &info.view->Get(), nullptr, &error), error);
        return;
    }
    arm_read_filter told = {
        filter.get(), filter->column_ids.size(), filter->column_ids.data(), Keeps, Meets, Free};
    filter.release(); // taken
    Check(arm__txn_note_read(transaction.Txn(), &info.view->Get(), &told, &error), error);
}

} // namespace arm
