// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ROW_FETCH_HPP
#define ARM_DUCK_ROW_FETCH_HPP

// Rows by their places in a view: what a DELETE returns is read when it is known which rows died,
// for the plan below it names no column but their places.

#include <functional>

#include "duck/row_set.hpp"
#include "duck/view.hpp"

namespace arm
{

class TableEntry;

// `take` gets the rows of `view` that are in `rows`, whole, in the table's columns; the others'
// chunks are not opened.
void FetchRows(ClientContext &context, const shared_ptr<TableEntry> &table,
               const shared_ptr<View> &view, const RowSet &rows,
               const std::function<void(DataChunk &)> &take);

// `take` gets all rows of `view`, of them the stored columns `columns`, block by block, in order.
void ScanColumns(ClientContext &context, const shared_ptr<TableEntry> &table,
                 const shared_ptr<View> &view, const vector<idx_t> &columns,
                 const std::function<void(DataChunk &)> &take);

// `take` gets all rows of `view`, whole, and behind their columns their ids (BIGINT) and places
// (entry UBIGINT, row BIGINT).
void ScanPlaced(ClientContext &context, const shared_ptr<TableEntry> &table,
                const shared_ptr<View> &view, const std::function<void(DataChunk &)> &take);

} // namespace arm

#endif
