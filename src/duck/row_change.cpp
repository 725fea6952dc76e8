// SPDX-License-Identifier: Apache-2.0
#include "duck/row_change.hpp"

#include "duck/error.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"

namespace arm
{

using duckdb::SelectionVector;
using duckdb::Vector;

RowChange::RowChange(ClientContext &context, const RowTarget &target)
    : context(context), table(target.table), view(target.view),
      columns(view ? view : Transaction::Get(context, table->catalog).LookAtColumns(*table)),
      assigned(target.assigned), checks(context, *table, *target.checks)
{
}

RowWriter &RowChange::Writer(Kind kind)
{
    if (!writers[kind]) {
        auto &session = Transaction::Get(context, table->catalog).session;
        writers[kind] =
            make_uniq<RowWriter>(session, *columns->Get().schema, table->name, kind == KEPT);
    }
    return *writers[kind];
}

void RowChange::Insert(DataChunk &rows)
{
    checks.Verify(rows);
    Writer(FRESH).Push(rows);
}

idx_t RowChange::Kill(DataChunk &chunk, idx_t place, SelectionVector &fresh)
{
    return dead.Add(chunk, place, &fresh);
}

void RowChange::Kill(RowSet &rows)
{
    dead.Join(rows);
}

// The rows `selected`, with the ids behind them where they keep them.
void RowChange::Write(Kind kind, DataChunk &rows, Vector &ids, const SelectionVector &selected,
                      idx_t count)
{
    auto types = table->GetTypes();
    DataChunk part;

    if (count == 0) {
        return;
    }
    if (kind == KEPT) {
        types.push_back(LogicalType::BIGINT);
    }
    part.InitializeEmpty(types);
    for (idx_t i = 0; i < rows.ColumnCount(); i++) {
        part.data[i].Slice(rows.data[i], selected, count);
    }
    if (kind == KEPT) {
        part.data[rows.ColumnCount()].Slice(ids, selected, count);
    }
    part.SetCardinality(count);
    Writer(kind).Push(part);
}

// Rows of this transaction have an id for the time being only: they get another one.
void RowChange::Replace(DataChunk &rows, Vector &ids)
{
    auto first_own = static_cast<int64_t>(view->Get().first_own_row_id);
    SelectionVector of_kind[KIND_COUNT] = {SelectionVector(STANDARD_VECTOR_SIZE),
                                           SelectionVector(STANDARD_VECTOR_SIZE)};
    idx_t counts[KIND_COUNT] = {0, 0};

    checks.Verify(rows);
    ids.Flatten(rows.size());
    for (idx_t i = 0; i < rows.size(); i++) {
        Kind kind = duckdb::FlatVector::GetData<int64_t>(ids)[i] < first_own ? KEPT : FRESH;
        of_kind[kind].set_index(counts[kind]++, i);
    }
    for (auto kind : {KEPT, FRESH}) {
        Write(kind, rows, ids, of_kind[kind], counts[kind]);
    }
}

namespace
{

// What is written, released whatever happens.
struct Written {
    Written() : parts() {}
    ~Written()
    {
        for (auto &part : parts) {
            arm__written_release(&part);
        }
    }

    arm_written parts[2];
};

} // namespace

vector<uint8_t> RowChange::KeptKeys() const
{
    auto &schema = *columns->Get().schema;
    vector<uint8_t> kept(schema.n_keys, !assigned.empty());

    for (idx_t k = 0; k < schema.n_keys; k++) {
        auto &key = *schema.keys[k];
        for (auto column : assigned) {
            auto id = schema.columns[column.index]->field->id;
            if (std::find(key.field_ids, key.field_ids + key.n_field_ids, id) !=
                key.field_ids + key.n_field_ids) {
                kept[k] = false;
            }
        }
    }
    return kept;
}

uint64_t RowChange::Apply()
{
    static_assert(sizeof(bool) == sizeof(uint8_t), "C's flags are bytes");
    arm_transaction *txn = Transaction::Get(context, table->catalog).Txn();
    Written written;
    uint64_t count = 0;
    arm_error error;

    for (auto kind : {KEPT, FRESH}) {
        if (writers[kind]) {
            written.parts[kind] = writers[kind]->Finish();
            writers[kind].reset();
        }
    }
    if (!view || (dead.IsEmpty() && written.parts[KEPT].rows == 0)) {
        // Only new rows: no need to look at what is there (X5).
        Check(arm__txn_append(txn, table->schema.name.c_str(), table->name.c_str(),
                              &written.parts[FRESH], &error),
              error);
        return 0;
    }
    auto rows = dead.ByEntry(*view);
    auto handles = const_cast<roaring_bitmap_t *const *>(rows.data());
    auto kept = KeptKeys();
    Check(arm__txn_update(txn, &view->Get(), handles, written.parts,
                          reinterpret_cast<const bool *>(kept.data()), &count, &error),
          error);
    return count;
}

} // namespace arm
