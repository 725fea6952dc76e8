// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_UPDATE_HPP
#define ARM_DUCK_UPDATE_HPP

// UPDATE: rows of the scan below die, and whole new ones take their place at the end of the table,
// with the ids they had. A row that the statement names twice (by a join) is updated once, by the
// first match that comes along.

#include "duck/row_operator.hpp"
#include "duckdb/common/index_vector.hpp"

namespace arm
{

// Where the new row's columns come from: the input's columns, or a default. Behind the table's
// own columns stands the id that the row keeps.
struct NewRow {
    vector<duckdb::PhysicalIndex> columns;
    vector<unique_ptr<Expression>> expressions; // one for each of `columns`
    vector<unique_ptr<Expression>> defaults;    // one for each of the table's
};

class Update : public RowOperator
{
public:
    // `place`: where in the input the row's entry stands; its number follows.
    Update(duckdb::PhysicalPlan &plan, vector<LogicalType> types, RowTarget target, NewRow row,
           idx_t place, idx_t cardinality);

    string GetName() const override { return "ARMILLARIA_UPDATE"; }
    unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext &context) const override;
    duckdb::SinkResultType Sink(duckdb::ExecutionContext &context, DataChunk &chunk,
                                duckdb::OperatorSinkInput &input) const override;

private:
    const NewRow row;
    const idx_t place;
};

} // namespace arm

#endif
