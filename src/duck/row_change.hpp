// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ROW_CHANGE_HPP
#define ARM_DUCK_ROW_CHANGE_HPP

// What one statement does to a table's rows: those that die, those that take their place, those
// that are new. Gathered while the statement runs and handed to the transaction whole, at its end
// (X3). One thread at a time.

#include "duck/checks.hpp"
#include "duck/core.hpp"
#include "duck/row_set.hpp"
#include "duck/row_writer.hpp"
#include "duck/view.hpp"

namespace arm
{

class TableEntry;

struct SharedChange;

// Which table a statement changes, and how it came to it.
struct RowTarget {
    shared_ptr<TableEntry> table;
    shared_ptr<View> view; // what was scanned; null: nothing was, for no row can match
    std::shared_ptr<const Checks> checks;
    std::shared_ptr<SharedChange> shared; // of a MERGE; null: the operator stands alone
    bool returns;                         // rows are wanted
    // Of an UPDATE: the columns that it sets, all others keeping their values; empty: not known.
    vector<duckdb::PhysicalIndex> assigned;
};

class RowChange
{
public:
    // `target` is borrowed.
    RowChange(ClientContext &context, const RowTarget &target);

    // New rows, in the table's columns.
    void Insert(DataChunk &rows);
    // The rows that `chunk` names at `place` (entry, then number) die. `fresh` gets those that no
    // call has named before: how many is returned.
    idx_t Kill(DataChunk &chunk, idx_t place, duckdb::SelectionVector &fresh);
    void Kill(RowSet &rows); // which is empty afterwards
    // Rows that died come back as `rows`, in the table's columns, with the `ids` they had.
    void Replace(DataChunk &rows, duckdb::Vector &ids);

    // How many rows died. The last call.
    uint64_t Apply();

private:
    // Rows that bring their id, and rows that have none yet.
    enum Kind { KEPT, FRESH, KIND_COUNT };

    RowWriter &Writer(Kind kind);
    // By key of the table: whether nothing that the statement sets is a part of it.
    vector<uint8_t> KeptKeys() const;
    void Write(Kind kind, DataChunk &rows, duckdb::Vector &ids,
               const duckdb::SelectionVector &selected, idx_t count);

    ClientContext &context;
    const shared_ptr<TableEntry> table;
    const shared_ptr<View> view;
    const shared_ptr<View> columns; // which the writers borrow
    RowSet dead;
    vector<duckdb::PhysicalIndex> assigned;
    CheckRun checks;
    unique_ptr<RowWriter> writers[KIND_COUNT];
};

// The change of a MERGE, which the operators of its actions share: made when an execution begins.
struct SharedChange {
    shared_ptr<RowChange> change;
};

} // namespace arm

#endif
