// SPDX-License-Identifier: Apache-2.0
#include "duck/transaction.hpp"

#include "duck/error.hpp"
#include "duck/repository_catalog.hpp"
#include "duck/schema_entry.hpp"
#include "duck/table_entry.hpp"

namespace arm
{

Transaction::Transaction(duckdb::TransactionManager &manager, ClientContext &context)
    : duckdb::Transaction(manager, context), session(SessionState::Get(context))
{
    const arm_duck_session &host = session.session;
    arm_snapshot snapshot;
    bool read_only = false;
    arm_error error;

    Check(host.snapshot(host.self, &snapshot, &read_only, &error), error);
    Check(arm__txn_begin(host.repository, host.engine, &snapshot, read_only, &txn, &error), error);
    catalog_version = arm__txn_catalog_version(txn);
}

Transaction::~Transaction()
{
    arm__txn_rollback(txn);
}

Transaction &Transaction::Get(ClientContext &context, duckdb::Catalog &catalog)
{
    return duckdb::Transaction::Get(context, catalog).Cast<Transaction>();
}

arm_txn *Transaction::Take()
{
    arm_txn *taken = txn;

    txn = nullptr;
    return taken;
}

shared_ptr<View> Transaction::FindView(const string &schema_name, const string &name,
                                       const string &at, bool with_rows)
{
    const arm_view *view = nullptr;
    arm_status st = ARM_OK;
    arm_error error;

    if (!at.empty()) {
        st = arm__txn_view_at(txn, schema_name.c_str(), name.c_str(), at.c_str(), &view, &error);
    } else if (with_rows) {
        st = arm__txn_view(txn, schema_name.c_str(), name.c_str(), &view, &error);
    } else {
        st = arm__txn_look(txn, schema_name.c_str(), name.c_str(), &view, &error);
    }
    Check(st, error);
    return view == nullptr ? nullptr : make_shared_ptr<View>(view);
}

optional_ptr<TableEntry> Transaction::Table(SchemaEntry &schema, const string &name,
                                            const string &at)
{
    std::lock_guard<std::mutex> guard(mutex);
    uint64_t version = arm__txn_catalog_version(txn);
    string key =
        duckdb::StringUtil::Lower(schema.name) + '\0' + duckdb::StringUtil::Lower(name) + '\0' + at;

    if (version != catalog_version) { // names or columns changed: look again
        for (auto &table : tables) {
            retired.push_back(std::move(table.second));
        }
        tables.clear();
        catalog_version = version;
    }
    auto known = tables.find(key);
    if (known != tables.end()) {
        return known->second.get();
    }
    auto view = FindView(schema.name, name, at, false);
    if (!view) {
        return nullptr;
    }
    auto entry = schema.Repository().Entry(schema, *view, at);
    tables[key] = entry;
    return entry.get();
}

shared_ptr<View> Transaction::FindTable(const TableEntry &table, bool with_rows)
{
    auto view = FindView(table.schema.name, table.name, table.at, with_rows);

    if (!view) {
        throw duckdb::CatalogException("Table with name %s does not exist!", table.name);
    }
    return view;
}

shared_ptr<View> Transaction::Look(const TableEntry &table)
{
    return FindTable(table, true);
}

shared_ptr<View> Transaction::LookAtColumns(const TableEntry &table)
{
    return FindTable(table, false);
}

namespace
{

struct Names {
    const string *schema_name; // of this schema only; null: the schemas' names
    vector<string> *out;
};

arm_status VisitName(void *context, const char *schema_name, const char *name, arm_error *err)
{
    auto &names = *static_cast<Names *>(context);

    return Guard(err, [&]() {
        if (names.schema_name == nullptr) {
            if (names.out->empty() || names.out->back() != schema_name) {
                names.out->push_back(schema_name);
            }
        } else if (duckdb::StringUtil::CIEquals(*names.schema_name, schema_name)) {
            names.out->push_back(name);
        }
        return ARM_OK;
    });
}

} // namespace

vector<string> Transaction::TableNames(const string &schema_name)
{
    vector<string> result;
    Names names = {&schema_name, &result};
    arm_error error;

    Check(arm__txn_tables(txn, VisitName, &names, &error), error);
    return result;
}

vector<string> Transaction::SchemaNames()
{
    vector<string> result;
    Names names = {nullptr, &result};
    arm_error error;

    Check(arm__txn_tables(txn, VisitName, &names, &error), error);
    return result;
}

} // namespace arm
