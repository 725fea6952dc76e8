// SPDX-License-Identifier: Apache-2.0
#include "duck/transaction_manager.hpp"

#include "duck/error.hpp"
#include "duck/transaction.hpp"

namespace arm
{

TransactionManager::TransactionManager(duckdb::AttachedDatabase &db)
    : duckdb::TransactionManager(db)
{
}

duckdb::Transaction &TransactionManager::StartTransaction(ClientContext &context)
{
    unique_ptr<duckdb::Transaction> transaction = make_uniq<Transaction>(*this, context);
    auto &result = *transaction;
    std::lock_guard<std::mutex> guard(mutex);

    open[&result] = std::move(transaction);
    return result;
}

unique_ptr<duckdb::Transaction> TransactionManager::Remove(duckdb::Transaction &transaction)
{
    std::lock_guard<std::mutex> guard(mutex);
    auto found = open.find(&transaction);
    auto result = std::move(found->second);

    open.erase(found);
    return result;
}

// Must tell its error as a value; DuckDB does not roll back what failed to commit.
duckdb::ErrorData TransactionManager::CommitTransaction(ClientContext &,
                                                        duckdb::Transaction &transaction)
{
    auto owned = Remove(transaction);
    auto &ours = transaction.Cast<Transaction>();
    SessionState &session = ours.session;
    const arm_duck_session &host = session.session;
    arm_commit_result result;
    arm_error error;

    if (ours.IsBorrowed() || !arm__txn_has_changes(ours.Txn())) {
        return duckdb::ErrorData(); // nothing to commit: the destructor lets go
    }
    arm_status st = host.ready == nullptr ? ARM_OK : host.ready(host.self, ours.Txn(), &error);
    st = st != ARM_OK ? st : arm__txn_commit(ours.Take(), host.message(host.self), &result, &error);
    if (st != ARM_OK) {
        session.commit_error = error;
        session.has_commit_error = true;
        return AsErrorData(error);
    }
    host.committed(host.self, &result);
    return duckdb::ErrorData();
}

void TransactionManager::RollbackTransaction(duckdb::Transaction &transaction)
{
    Remove(transaction);
}

// Checkpoints of the log are made below, as it grows.
void TransactionManager::Checkpoint(ClientContext &, bool) {}

} // namespace arm
