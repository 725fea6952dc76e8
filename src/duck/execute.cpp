// SPDX-License-Identifier: Apache-2.0
// Running one statement of a session.

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "duck/admit.hpp"
#include "duck/connection.hpp"
#include "duck/error.hpp"
#include "duck/inputs.hpp"
#include "duck/result.hpp"
#include "duck/settings.hpp"
#include "duckdb/main/pending_query_result.hpp"
#include "duckdb/main/valid_checker.hpp"
#include "duckdb/parser/statement/create_statement.hpp"
#include "duckdb/parser/statement/explain_statement.hpp"
#include "duckdb/parser/statement/transaction_statement.hpp"
#include "duckdb/transaction/meta_transaction.hpp"

namespace
{

using duckdb::ErrorData;
using duckdb::QueryResult;
using duckdb::SQLStatement;
using duckdb::unique_ptr;

using Statements = duckdb::vector<unique_ptr<SQLStatement>>;

unique_ptr<QueryResult> RunOne(duckdb::ClientContext &context, unique_ptr<SQLStatement> statement,
                               arm::Inputs &inputs, bool may_stream)
{
    duckdb::QueryParameters parameters;
    bool takes_values = may_stream || !statement->named_param_map.empty();

    parameters.output_type = may_stream ? duckdb::QueryResultOutputType::ALLOW_STREAMING
                                        : duckdb::QueryResultOutputType::FORCE_MATERIALIZED;
    auto pending = takes_values && !inputs.parameters.empty()
                       ? context.PendingQuery(std::move(statement), inputs.parameters, parameters)
                       : context.PendingQuery(std::move(statement), parameters);
    if (pending->HasError()) {
        pending->ThrowError();
    }
    auto result = pending->Execute();
    if (result->HasError()) {
        result->ThrowError();
    }
    return result;
}

// Some statements are several to DuckDB: PIVOT makes a type first. The last one answers.
unique_ptr<QueryResult> RunAll(duckdb::ClientContext &context, Statements statements,
                               arm::Inputs &inputs)
{
    unique_ptr<QueryResult> result;

    for (auto &statement : statements) {
        bool is_last = &statement == &statements.back();
        result = RunOne(context, std::move(statement), inputs, is_last);
    }
    return result;
}

// DuckDB rolls an aborted transaction back on COMMIT and calls that success.
bool IsLostCommit(duckdb::ClientContext &context, const Statements &statements)
{
    auto &last = *statements.back();

    return last.type == duckdb::StatementType::TRANSACTION_STATEMENT &&
           last.Cast<duckdb::TransactionStatement>().info->type ==
               duckdb::TransactionType::COMMIT &&
           context.transaction.HasActiveTransaction() &&
           duckdb::ValidChecker::IsInvalidated(context.transaction.ActiveTransaction());
}

// A view is kept, and what it would be given is not.
bool MakesView(const SQLStatement &statement)
{
    return statement.type == duckdb::StatementType::CREATE_STATEMENT &&
           statement.Cast<duckdb::CreateStatement>().info->type == duckdb::CatalogType::VIEW_ENTRY;
}

bool OnlyReads(const SQLStatement &statement)
{
    if (statement.type == duckdb::StatementType::EXPLAIN_STATEMENT) {
        return OnlyReads(*statement.Cast<duckdb::ExplainStatement>().stmt);
    }
    return statement.type == duckdb::StatementType::SELECT_STATEMENT;
}

arm_status TellFailure(arm_duck_connection &connection, const ErrorData &error, arm_error *err)
{
    auto &state = *connection.state;

    if (state.has_commit_error) {
        state.has_commit_error = false;
        if (err != nullptr) {
            *err = state.commit_error;
        }
        return state.commit_error.code;
    }
    return arm::Tell(error, err);
}

// One try of the statement.
arm_status Execute(arm_duck_connection &connection, const char *sql, arm::Inputs &inputs,
                   arm_duck_result **out, arm_error *err)
{
    auto &context = connection.Context();

    connection.state->has_commit_error = false;
    connection.state->plans = connection.state->plans_to_repeat = 0;
    try {
        auto statements = context.ParseStatements(sql);
        if (statements.empty()) {
            return arm__fail(err, ARM_SQL, "there is no statement");
        }
        for (auto &statement : statements) {
            arm::Admit(context, statement);
        }
        if (!inputs.versions.empty() && !OnlyReads(*statements.back())) {
            return arm__fail(err, ARM_INVALID,
                             "versions are given for a statement that does not only read: name "
                             "them in it, with AT (VERSION => n)");
        }
        if (MakesView(*statements.back())) {
            inputs.find_rows = nullptr;
        }
        arm::Giving giving(*connection.state, inputs);
        bool is_lost = IsLostCommit(context, statements);
        auto result = RunAll(context, std::move(statements), inputs);
        if (is_lost) {
            return arm__fail(err, ARM_SQL,
                             "nothing was committed: an earlier error aborted "
                             "the transaction, which is now rolled back");
        }
        *out = new arm_duck_result(connection, std::move(result));
        return ARM_OK;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &ex) {
        return TellFailure(connection, ErrorData(ex), err);
    }
}

// A commit that met another one is as if it had never been: a statement that was all of it may run
// again, on what is there now, if it finds its own input there too. Its result was not handed out.
bool MayRunAgain(arm_duck_connection &connection, arm_status st, uint64_t tries)
{
    auto &context = connection.Context();
    auto &state = *connection.state;

    return st == ARM_CONFLICT && !context.transaction.HasActiveTransaction() && state.plans > 0 &&
           state.plans == state.plans_to_repeat && tries < arm::Retries(context);
}

// Longer each time, and for each writer another while, so that those who met part.
void Wait(uint64_t tries)
{
    static thread_local std::minstd_rand random{std::random_device{}()};
    auto longest = std::min<uint64_t>(uint64_t(100) << std::min<uint64_t>(tries, 10), 20000);

    std::this_thread::sleep_for(std::chrono::microseconds(random() % longest));
}

} // namespace

arm_status arm__duck_execute_with(struct arm_duck_connection *connection, const char *sql,
                                  const struct arm_duck_inputs *given, struct arm_duck_result **out,
                                  struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto &context = connection->Context();
        bool is_alone = !context.transaction.HasActiveTransaction();
        auto inputs = arm::InputsOf(*connection, *given);

        context.config.enable_progress_bar = connection->counts_progress; // never printed
        for (uint64_t tries = 0;; tries++) {
            arm_error error;
            arm_status st = Execute(*connection, sql, inputs, out, &error);
            if (st == ARM_OK || !is_alone || !MayRunAgain(*connection, st, tries)) {
                if (st != ARM_OK && err != nullptr) {
                    *err = error;
                }
                return st;
            }
            Wait(tries);
        }
    });
}

arm_status arm__duck_execute(struct arm_duck_connection *connection, const char *sql,
                             struct arm_duck_result **out, struct arm_error *err)
{
    const arm_duck_inputs none{};

    return arm__duck_execute_with(connection, sql, &none, out, err);
}
