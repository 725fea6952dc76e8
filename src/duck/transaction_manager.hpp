// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_TRANSACTION_MANAGER_HPP
#define ARM_DUCK_TRANSACTION_MANAGER_HPP

// Begin, commit and rollback of the transactions of all sessions of an engine.

#include <mutex>

#include "duck/core.hpp"
#include "duckdb/transaction/transaction_manager.hpp"

namespace arm
{

class TransactionManager : public duckdb::TransactionManager
{
public:
    explicit TransactionManager(duckdb::AttachedDatabase &db);

    duckdb::Transaction &StartTransaction(ClientContext &context) override;
    duckdb::ErrorData CommitTransaction(ClientContext &context,
                                        duckdb::Transaction &transaction) override;
    void RollbackTransaction(duckdb::Transaction &transaction) override;
    void Checkpoint(ClientContext &context, bool force) override;

private:
    unique_ptr<duckdb::Transaction> Remove(duckdb::Transaction &transaction);

    std::mutex mutex;
    duckdb::unordered_map<duckdb::Transaction *, unique_ptr<duckdb::Transaction>> open;
};

} // namespace arm

#endif
