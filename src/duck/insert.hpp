// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_INSERT_HPP
#define ARM_DUCK_INSERT_HPP

// INSERT: rows in the source's order, behind those of the table.

#include "duck/row_operator.hpp"

namespace arm
{

class Insert : public RowOperator
{
public:
    using RowOperator::RowOperator;

    string GetName() const override { return "ARMILLARIA_INSERT"; }
    // One thread: rows keep the order of the source. The writer's own threads do the encoding.
    bool ParallelSink() const override { return false; }
    bool SinkOrderDependent() const override { return true; }
    duckdb::SinkResultType Sink(duckdb::ExecutionContext &context, DataChunk &chunk,
                                duckdb::OperatorSinkInput &input) const override;
};

} // namespace arm

#endif
