// SPDX-License-Identifier: Apache-2.0
#include "duck/arrow_rows.hpp"
#include "duck/connection.hpp"
#include "duck/error.hpp"
#include "duck/owned_chunk.hpp"
#include "duck/result.hpp"
#include "duck/settings.hpp"
#include "duck/transaction.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/database_manager.hpp"
#include "duckdb/main/valid_checker.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/transaction/meta_transaction.hpp"

extern "C" {
#include "duck/row_calls.h"
}

using arm::OwnedChunk;
using arm::Value;

namespace
{

bool IsOpen(duckdb::ClientContext &context)
{
    return !context.transaction.IsAutoCommit() && context.transaction.HasActiveTransaction();
}

bool IsSpoilt(duckdb::ClientContext &context)
{
    return duckdb::ValidChecker::IsInvalidated(context.transaction.ActiveTransaction());
}

arm_status NoneIsOpen(arm_error *err)
{
    return arm__fail(err, ARM_INVALID, "the transaction has ended");
}

// Commit errors wait in the session's state, since DuckDB keeps their text alone.
arm_status CommitOpen(arm_duck_connection &connection, arm_error *err)
{
    auto &state = *connection.state;

    state.has_commit_error = false;
    try {
        connection.Context().transaction.Commit();
        return ARM_OK;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &ex) {
        if (!state.has_commit_error) {
            return arm::Tell(duckdb::ErrorData(ex), err);
        }
        state.has_commit_error = false;
        if (err != nullptr) {
            *err = state.commit_error;
        }
        return state.commit_error.code;
    }
}

} // namespace

arm_status arm__duck_settings(struct arm_duck_connection *connection, struct arm_txn_settings *out,
                              struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        *out = arm::TransactionSettings(connection->Context());
        return ARM_OK;
    });
}

arm_status arm__duck_begin(struct arm_duck_connection *connection, const bool *serializable,
                           struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto &transaction = connection->Context().transaction;
        if (transaction.HasActiveTransaction()) {
            return arm__fail(err, ARM_INVALID,
                             "a transaction is open in this session: end it first");
        }
        connection->state->serializable = serializable;
        try {
            transaction.SetAutoCommit(false); // which begins one
        } catch (...) {
            connection->state->serializable = nullptr;
            transaction.ClearTransaction();
            throw;
        }
        connection->state->serializable = nullptr;
        return ARM_OK;
    });
}

arm_status arm__duck_commit(struct arm_duck_connection *connection, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto &context = connection->Context();
        if (!IsOpen(context)) {
            return NoneIsOpen(err);
        }
        if (IsSpoilt(context)) {
            context.transaction.Rollback(nullptr);
            return arm__fail(err, ARM_SQL,
                             "nothing was committed: an earlier error aborted the transaction, "
                             "which is now rolled back");
        }
        return CommitOpen(*connection, err);
    });
}

arm_status arm__duck_rollback(struct arm_duck_connection *connection, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto &context = connection->Context();
        if (!IsOpen(context)) {
            return NoneIsOpen(err);
        }
        context.transaction.Rollback(nullptr);
        return ARM_OK;
    });
}

uint64_t arm__duck_transaction_number(struct arm_duck_connection *connection)
{
    auto &context = connection->Context();

    return IsOpen(context) ? context.transaction.ActiveTransaction().global_transaction_id : 0;
}

arm_status arm__duck_usable(struct arm_duck_connection *connection, struct arm_transaction **out,
                            struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto &context = connection->Context();
        if (!IsOpen(context)) {
            return NoneIsOpen(err);
        }
        if (IsSpoilt(context)) {
            return arm__fail(err, ARM_SQL,
                             "an earlier error aborted the transaction: roll it back");
        }
        *out = arm__duck_transaction(connection);
        return ARM_OK;
    });
}

void arm__duck_spoil(struct arm_duck_connection *connection, const struct arm_error *why)
{
    (void)arm::Guard(nullptr, [&]() {
        auto &context = connection->Context();
        if (IsOpen(context)) {
            duckdb::ValidChecker::Invalidate(context.transaction.ActiveTransaction(), why->message);
        }
        return ARM_OK;
    });
}

/* ---- Rows out of Arrow ---- */

namespace
{

void FillColumn(duckdb::Vector &from, duckdb::Vector &to, idx_t count, const char *name)
{
    std::string why;

    if (from.GetType() == to.GetType()) {
        duckdb::VectorOperations::Copy(from, to, count, 0, 0);
    } else if (!duckdb::VectorOperations::DefaultTryCast(from, to, count, &why, true)) {
        arm_error error;
        arm__fail(&error, ARM_SCHEMA, "column %s: %.200s", name, why.c_str());
        arm::Throw(error);
    }
    to.Flatten(count);
}

} // namespace

arm_status arm__duck_rows(struct arm_duck_connection *connection, const struct arm_arrow_rows *rows,
                          duckdb_data_chunk *out, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto from = arm::ChunkOf(connection->handle, rows->schema, rows->array);
        auto types = const_cast<duckdb_logical_type *>(rows->types);
        OwnedChunk to(reinterpret_cast<duckdb::DataChunk *>(
            duckdb_create_data_chunk(types, rows->column_count)));
        if (!to) {
            throw std::bad_alloc();
        }
        for (idx_t i = 0; i < rows->column_count; i++) {
            auto &column = to->data[i];
            if (rows->children[i] == SIZE_MAX) {
                duckdb::FlatVector::Validity(column).SetAllInvalid(from->size());
            } else {
                FillColumn(from->data[rows->children[i]], column, from->size(), rows->names[i]);
            }
        }
        to->SetCardinality(from->size());
        *out = reinterpret_cast<duckdb_data_chunk>(to.release());
        return ARM_OK;
    });
}

arm_status arm__duck_select_key(struct arm_duck_connection *connection, const char *table,
                                duckdb_data_chunk keys, size_t row, const char *const *names,
                                struct arm_duck_result **out, struct arm_error *err)
{
    std::string sql = std::string("SELECT * FROM ") + table + " WHERE ";

    arm_status st = arm::Guard(err, [&]() {
        auto &chunk = *reinterpret_cast<duckdb::DataChunk *>(keys);
        for (idx_t i = 0; i < chunk.ColumnCount(); i++) {
            sql += (i == 0 ? "" : " AND ") +
                   duckdb::KeywordHelper::WriteOptionallyQuoted(names[i]) + " = " +
                   chunk.GetValue(i, row).ToSQLString();
        }
        return ARM_OK;
    });
    return st != ARM_OK ? st : arm__duck_execute(connection, sql.c_str(), out, err);
}
