// SPDX-License-Identifier: Apache-2.0
#include "duck/few_rows.hpp"

#include "duck/columns.hpp"
#include "duck/error.hpp"
#include "duck/owned_chunk.hpp"
#include "duck/row_fetch.hpp"
#include "duck/schema_entry.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/common/value_operations/value_operations.hpp"

extern "C" {
#include "txn/row_read.h"
}

namespace arm
{

using duckdb::ValueOperations;

namespace
{

struct BitmapDropper {
    void operator()(roaring_bitmap_t *bitmap) const { roaring_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<roaring_bitmap_t, BitmapDropper>;

void AddRow(DataChunk &chunk, idx_t row, idx_t width, FewRow &&place, vector<FewRow> &out)
{
    for (idx_t i = 0; i < width; i++) {
        place.values.push_back(chunk.GetValue(i, row));
    }
    out.push_back(std::move(place));
}

Bitmap Living(const arm_state_entry &entry)
{
    Bitmap living(entry.vector == nullptr ? roaring_bitmap_from_range(0, entry.rows, 1)
                                          : roaring_bitmap_flip(entry.vector, 0, entry.rows));

    if (!living) {
        throw std::bad_alloc();
    }
    return living;
}

// One row after the other, where none takes a statement; false: one does.
bool ReadEach(Transaction &transaction, const arm_view &view, vector<FewRow> &out)
{
    vector<LogicalType> types;
    std::vector<duckdb_logical_type> handles;

    for (size_t i = 0; i < view.schema->n_columns; i++) {
        types.push_back(TypeOf(*view.schema->columns[i]->field->type));
    }
    for (auto &type : types) {
        handles.push_back(reinterpret_cast<duckdb_logical_type>(&type));
    }
    for (size_t i = 0; i < view.entry_count; i++) {
        if (view.entries[i].dead == view.entries[i].rows) {
            continue;
        }
        auto living = Living(view.entries[i]);
        roaring_uint32_iterator_t at;
        for (roaring_init_iterator(living.get(), &at); at.has_value;
             roaring_advance_uint32_iterator(&at)) {
            arm_key_match place = {};
            duckdb_data_chunk chunk = nullptr;
            FewRow row = {};
            arm_error error;

            place.entry = i;
            place.row = at.current_value;
            Check(arm__txn_read_row(transaction.Txn(), &view, &place, handles.data(), &chunk,
                                    &row.id, &error),
                  error);
            OwnedChunk owned(reinterpret_cast<DataChunk *>(chunk));
            if (!owned) {
                return false;
            }
            row.entry = i;
            row.number = at.current_value;
            AddRow(*owned, 0, types.size(), std::move(row), out);
        }
    }
    return true;
}

// All of them, by a scan.
void ReadAll(ClientContext &context, Transaction &transaction, const arm_view &view,
             vector<FewRow> &out)
{
    auto &schema = duckdb::Catalog::GetSchema(context, CATALOG, DEFAULT_SCHEMA).Cast<SchemaEntry>();
    auto shown = make_shared_ptr<View>(arm__view_retain(&view));
    auto table = transaction.Table(schema, view.name, transaction.Show(shown));
    auto width = view.schema->n_columns;

    out.clear();
    ScanPlaced(context, table->shared_from_this(), shown, [&](DataChunk &chunk) {
        for (idx_t i = 0; i < chunk.size(); i++) {
            FewRow row = {};

            row.id = chunk.GetValue(width, i).GetValue<int64_t>();
            row.entry = chunk.GetValue(width + 1, i).GetValue<uint64_t>();
            row.number = chunk.GetValue(width + 2, i).GetValue<int64_t>();
            AddRow(chunk, i, width, std::move(row), out);
        }
    });
}

int Compare(const Value &a, const Value &b)
{
    return ValueOperations::Equals(a, b) ? 0 : ValueOperations::LessThan(a, b) ? -1 : 1;
}

} // namespace

FewRows::FewRows(ClientContext &context, const arm_duck_few &few) : few(few)
{
    auto &transaction = Transaction::Get(context, duckdb::Catalog::GetCatalog(context, CATALOG));

    for (idx_t i = 0; i < ARM_FEW_SIDES; i++) {
        if (!ReadEach(transaction, *few.sides[i], sides[i])) {
            ReadAll(context, transaction, *few.sides[i], sides[i]);
        }
    }
}

template <class Run> void FewRows::Keep(const Run &run)
{
    if (failure) {
        return;
    }
    try {
        run();
    } catch (...) {
        failure = std::current_exception();
    }
}

int FewRows::Order(void *self, arm_few_row a, arm_few_row b)
{
    auto &rows = *static_cast<FewRows *>(self);
    auto &left = rows.At(a);
    auto &right = rows.At(b);
    int order = 0;

    if (rows.few.key_count == 0) {
        return left.id < right.id ? -1 : left.id > right.id;
    }
    rows.Keep([&]() {
        for (size_t i = 0; i < rows.few.key_count && order == 0; i++) {
            auto column = rows.few.key[i];
            order = Compare(left.values[column], right.values[column]);
        }
    });
    return order;
}

bool FewRows::Same(void *self, arm_few_row a, arm_few_row b, size_t column)
{
    auto &rows = *static_cast<FewRows *>(self);
    bool same = true;

    rows.Keep([&]() {
        same =
            ValueOperations::NotDistinctFrom(rows.At(a).values[column], rows.At(b).values[column]);
    });
    return same;
}

arm_status FewRows::Visit(void *self, const arm_few_change *change, arm_error *)
{
    auto &rows = *static_cast<FewRows *>(self);

    rows.Keep([&]() { (*rows.visitor)(*change); });
    return ARM_OK;
}

bool FewRows::Merge(const std::function<void(const arm_few_change &)> &visit)
{
    arm_few asked = {};
    bool is_clear = false;
    arm_error error;

    visitor = &visit;
    asked.context = this;
    asked.width = few.sides[ARM_FEW_OURS]->schema->n_columns;
    asked.order = Order;
    asked.same = Same;
    for (idx_t i = 0; i < ARM_FEW_SIDES; i++) {
        asked.counts[i] = sides[i].size();
    }
    Check(arm__few_merge(&asked, Visit, &is_clear, &error), error);
    if (failure) {
        std::rethrow_exception(failure);
    }
    return is_clear;
}

} // namespace arm
