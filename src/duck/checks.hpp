// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_CHECKS_HPP
#define ARM_DUCK_CHECKS_HPP

// CHECK constraints: bound when a statement is planned, judged on each row that comes in. (NOT NULL
// is the writer's to judge, keys are the transaction's.)

#include "duck/core.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/bound_constraint.hpp"

namespace arm
{

class TableEntry;

// Shared by the executions of a plan.
class Checks
{
public:
    Checks(const TableEntry &table, const vector<unique_ptr<duckdb::BoundConstraint>> &bound);

    struct Item {
        unique_ptr<Expression> expression;
        string sql;
        vector<idx_t> columns; // that it reads
    };
    vector<Item> items;
};

class CheckRun
{
public:
    // `table` and `checks` are borrowed.
    CheckRun(ClientContext &context, const TableEntry &table, const Checks &checks);

    // Throws ARM_CONSTRAINT, naming the check and the values of a row that it refuses.
    void Verify(DataChunk &rows);

private:
    void Judge(const Checks::Item &check, duckdb::Vector &verdicts, DataChunk &rows);

    const TableEntry &table;
    const Checks &checks;
    vector<unique_ptr<duckdb::ExpressionExecutor>> executors; // one a check
};

} // namespace arm

#endif
