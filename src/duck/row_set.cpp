// SPDX-License-Identifier: Apache-2.0
#include "duck/row_set.hpp"

#include <new>

namespace arm
{

RowSet::~RowSet()
{
    for (auto &entry : rows) {
        if (entry.second != nullptr) {
            roaring_bitmap_free(entry.second);
        }
    }
}

roaring_bitmap_t *RowSet::Rows(uint64_t entry)
{
    if (entry != last_entry) {
        auto &bitmap = rows[entry];
        if (bitmap == nullptr) {
            bitmap = roaring_bitmap_create();
        }
        if (bitmap == nullptr) {
            throw std::bad_alloc();
        }
        last = bitmap;
        last_entry = entry;
    }
    return last;
}

bool RowSet::Add(uint64_t entry, uint32_t row)
{
    return roaring_bitmap_add_checked(Rows(entry), row);
}

idx_t RowSet::Add(DataChunk &chunk, idx_t place, duckdb::SelectionVector *fresh)
{
    duckdb::UnifiedVectorFormat entries;
    duckdb::UnifiedVectorFormat numbers;
    idx_t count = 0;

    chunk.data[place].ToUnifiedFormat(chunk.size(), entries);
    chunk.data[place + 1].ToUnifiedFormat(chunk.size(), numbers);
    auto entry = duckdb::UnifiedVectorFormat::GetData<uint64_t>(entries);
    auto number = duckdb::UnifiedVectorFormat::GetData<int64_t>(numbers);
    for (idx_t i = 0; i < chunk.size(); i++) {
        auto row = static_cast<uint32_t>(number[numbers.sel->get_index(i)]);
        if (!Add(entry[entries.sel->get_index(i)], row)) {
            continue;
        }
        if (fresh != nullptr) {
            fresh->set_index(count, i);
        }
        count++;
    }
    return count;
}

bool RowSet::Has(uint64_t entry, uint32_t row) const
{
    auto found = rows.find(entry);

    return found != rows.end() && roaring_bitmap_contains(found->second, row);
}

void RowSet::Join(RowSet &other)
{
    for (auto &entry : other.rows) {
        roaring_bitmap_or_inplace(Rows(entry.first), entry.second);
        roaring_bitmap_free(entry.second);
    }
    other.rows.clear();
    other.last_entry = UINT64_MAX;
    other.last = nullptr;
}

// The row of a hot run counts through its entries: give each its own.
void RowSet::Spread(const View &view, uint64_t first_entry)
{
    roaring_bitmap_t *run = rows[first_entry];
    roaring_uint32_iterator_t row;
    uint64_t entry = first_entry;
    uint64_t base = 0;

    rows[first_entry] = nullptr;
    last_entry = UINT64_MAX;
    for (roaring_init_iterator(run, &row); row.has_value; roaring_advance_uint32_iterator(&row)) {
        while (row.current_value >= base + view.Entry(entry).rows) {
            base += view.Entry(entry).rows;
            entry++;
        }
        Add(entry, static_cast<uint32_t>(row.current_value - base));
    }
    roaring_bitmap_free(run);
}

vector<const roaring_bitmap_t *> RowSet::ByEntry(const View &view)
{
    vector<const roaring_bitmap_t *> result(view.Get().entry_count, nullptr);
    vector<uint64_t> runs;

    for (auto &entry : rows) {
        if (view.Entry(entry.first).is_hot) {
            runs.push_back(entry.first);
        }
    }
    for (auto first_entry : runs) {
        Spread(view, first_entry);
    }
    for (auto &entry : rows) {
        result[entry.first] = entry.second;
    }
    return result;
}

} // namespace arm
