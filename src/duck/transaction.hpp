// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_TRANSACTION_HPP
#define ARM_DUCK_TRANSACTION_HPP

// A session's transaction inside DuckDB's (D2): an arm_transaction, and the catalog entries that
// were looked up in it.

#include <mutex>

#include "duck/session_state.hpp"
#include "duck/view.hpp"
#include "duckdb/transaction/transaction.hpp"

namespace arm
{

class SchemaEntry;
class TableEntry;

class Transaction : public duckdb::Transaction
{
public:
    Transaction(duckdb::TransactionManager &manager, ClientContext &context);
    ~Transaction() override;

    static Transaction &Get(ClientContext &context, duckdb::Catalog &catalog);

    arm_transaction *Txn() { return txn; }
    // Whether another connection's is read here: it is neither committed nor freed.
    bool IsBorrowed() const { return is_borrowed; }
    // Hand over what commit or rollback frees.
    arm_transaction *Take();

    // The table, view or sequence of that name, at a ref ("": now); null: there is none. Valid as
    // long as the transaction, or whoever shares it.
    optional_ptr<duckdb::CatalogEntry> Find(SchemaEntry &schema, const string &name,
                                            const string &at);
    // The same; null also if it is no table.
    optional_ptr<TableEntry> Table(SchemaEntry &schema, const string &name, const string &at);
    // The rows it has at this moment. Throws if there is no such table.
    shared_ptr<View> Look(const TableEntry &table);
    // Let a view be read as any table AT the answer, until the transaction ends.
    string Show(shared_ptr<View> view);
    // Its columns and how many rows it has, at a cost that does not grow with them (X5).
    shared_ptr<View> LookAtColumns(const TableEntry &table);
    // Names of all that is in a schema; of all schemas, main among them.
    vector<string> Names(const string &schema_name);
    vector<string> SchemaNames();
    // A schema's name as it was written; empty: there is none.
    string SchemaName(const string &name);

    SessionState &session;

private:
    shared_ptr<duckdb::CatalogEntry> Make(SchemaEntry &schema, const View &view, const string &at);
    void Refresh();
    shared_ptr<View> FindView(const string &schema_name, const string &name, const string &at,
                              bool with_rows);
    shared_ptr<View> FindTable(const TableEntry &table, bool with_rows);
    shared_ptr<View> FindShown(const string &at);

    arm_transaction *txn = nullptr;
    bool is_borrowed = false;
    std::mutex mutex;
    uint64_t catalog_version = 0; // that `entries` and `schema_names` are of
    duckdb::unordered_map<string, shared_ptr<duckdb::CatalogEntry>> entries;
    // Plans of this transaction may still point there.
    vector<shared_ptr<duckdb::CatalogEntry>> retired;
    vector<string> schema_names; // empty: not looked up yet
    duckdb::unordered_map<string, shared_ptr<View>> shown;
};

} // namespace arm

#endif
