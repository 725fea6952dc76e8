// SPDX-License-Identifier: Apache-2.0
#include "duck/transaction.hpp"

#include <algorithm>
#include <atomic>

#include "duck/error.hpp"
#include "duck/repository_catalog.hpp"
#include "duck/schema_entry.hpp"
#include "duck/sequence_entry.hpp"
#include "duck/settings.hpp"
#include "duck/table_entry.hpp"
#include "duck/view_definition.hpp"

namespace arm
{

Transaction::Transaction(duckdb::TransactionManager &manager, ClientContext &context)
    : duckdb::Transaction(manager, context), session(SessionState::Get(context))
{
    const arm_duck_session &host = session.session;
    arm_error error;

    if (host.borrowed != nullptr) {
        txn = host.borrowed;
        is_borrowed = true;
        catalog_version = arm__txn_catalog_version(txn);
        return;
    }
    Check(arm__txn_open(host.repository, host.engine, host.snapshot, host.self, &txn, &error),
          error);
    arm_txn_settings settings = TransactionSettings(context);
    if (session.serializable != nullptr) {
        settings.serializable = *session.serializable;
    }
    arm__txn_configure(txn, &settings);
    catalog_version = arm__txn_catalog_version(txn);
}

Transaction::~Transaction()
{
    const arm_duck_session &host = session.session;

    if (is_borrowed) {
        return;
    }
    arm__txn_rollback(txn);
    if (host.ended != nullptr) {
        host.ended(host.self);
    }
}

Transaction &Transaction::Get(ClientContext &context, duckdb::Catalog &catalog)
{
    return duckdb::Transaction::Get(context, catalog).Cast<Transaction>();
}

arm_transaction *Transaction::Take()
{
    arm_transaction *taken = txn;

    txn = nullptr;
    return taken;
}

namespace
{

// No ref begins so: a name has no colon.
constexpr const char *SHOWN = "shown:";

} // namespace

string Transaction::Show(shared_ptr<View> view)
{
    static std::atomic<uint64_t> last{0}; // plans outlive transactions: no name means two views
    string at = SHOWN + std::to_string(++last);

    shown[at] = std::move(view);
    return at;
}

shared_ptr<View> Transaction::FindShown(const string &at)
{
    auto found = shown.find(at);

    if (found == shown.end()) {
        throw duckdb::CatalogException("\"%s\" is not a ref: it names rows of a statement that is "
                                       "over",
                                       at);
    }
    return found->second;
}

shared_ptr<View> Transaction::FindView(const string &schema_name, const string &name,
                                       const string &at, bool with_rows)
{
    const arm_view *view = nullptr;
    arm_status st = ARM_OK;
    arm_error error;

    if (duckdb::StringUtil::StartsWith(at, SHOWN)) {
        return FindShown(at);
    }
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

namespace
{

// A view is asked at a ref together with the tables below it: a number, which counts one object's
// versions, would mean something else to each.
void RefuseNumber(const string &name, const string &at)
{
    arm_ref ref;

    if (std::all_of(at.begin(), at.end(), duckdb::StringUtil::CharacterIsDigit) ||
        (arm__ref_parse(at.c_str(), &ref, nullptr) == ARM_OK && ref.kind == ARM_REF_VERSION)) {
        Refuse("AT with a version's number of view \"" + name +
               "\" (a branch, a tag, tx:N or a time names it and its tables alike)");
    }
}

} // namespace

shared_ptr<duckdb::CatalogEntry> Transaction::Make(SchemaEntry &schema, const View &view,
                                                   const string &at)
{
    switch (view.Get().object) {
    case ARMPB__OBJECT_KIND__VIEW:
        if (!at.empty()) {
            RefuseNumber(view.Get().name, at);
        }
        return MakeView(schema.catalog, schema, view.Get());
    case ARMPB__OBJECT_KIND__SEQUENCE:
        return SequenceEntry::Make(schema.catalog, schema, view.Get());
    default:
        if (duckdb::StringUtil::StartsWith(at, SHOWN)) { // its columns may be nobody else's
            return TableEntry::Make(schema.catalog, schema, view.Get(), at);
        }
        return schema.Repository().Entry(schema, view, at);
    }
}

// Names or columns changed: look again.
void Transaction::Refresh()
{
    uint64_t version = arm__txn_catalog_version(txn);

    if (version != catalog_version) {
        for (auto &entry : entries) {
            retired.push_back(std::move(entry.second));
        }
        entries.clear();
        schema_names.clear();
        catalog_version = version;
    }
}

optional_ptr<duckdb::CatalogEntry> Transaction::Find(SchemaEntry &schema, const string &name,
                                                     const string &at)
{
    std::lock_guard<std::mutex> guard(mutex);
    string key =
        duckdb::StringUtil::Lower(schema.name) + '\0' + duckdb::StringUtil::Lower(name) + '\0' + at;

    Refresh();
    auto known = entries.find(key);
    if (known != entries.end()) {
        return known->second.get();
    }
    auto view = FindView(schema.name, name, at, false);
    if (!view) {
        return nullptr;
    }
    auto entry = Make(schema, *view, at);
    entries[key] = entry;
    return entry.get();
}

optional_ptr<TableEntry> Transaction::Table(SchemaEntry &schema, const string &name,
                                            const string &at)
{
    auto entry = Find(schema, name, at);

    if (!entry || entry->type != duckdb::CatalogType::TABLE_ENTRY) {
        return nullptr;
    }
    return entry->Cast<TableEntry>();
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

struct InSchema {
    const string &schema_name;
    vector<string> &out;
};

arm_status VisitInSchema(void *context, Armpb__ObjectKind, const char *schema_name,
                         const char *name, arm_error *err)
{
    auto &walk = *static_cast<InSchema *>(context);

    return Guard(err, [&]() {
        if (duckdb::StringUtil::CIEquals(walk.schema_name, schema_name)) {
            walk.out.push_back(name);
        }
        return ARM_OK;
    });
}

struct Schemas {
    duckdb::case_insensitive_set_t seen;
    vector<string> &out;
};

// A schema is there if it was made, or if something is in it.
arm_status VisitSchema(void *context, Armpb__ObjectKind object, const char *schema_name,
                       const char *name, arm_error *err)
{
    auto &walk = *static_cast<Schemas *>(context);

    return Guard(err, [&]() {
        string found = object == ARMPB__OBJECT_KIND__SCHEMA ? name : schema_name;
        if (walk.seen.insert(found).second) {
            walk.out.push_back(found);
        }
        return ARM_OK;
    });
}

} // namespace

vector<string> Transaction::Names(const string &schema_name)
{
    vector<string> result;
    InSchema walk = {schema_name, result};
    arm_error error;

    arm__txn_note_all(txn);
    Check(arm__txn_objects(txn, VisitInSchema, &walk, &error), error);
    return result;
}

vector<string> Transaction::SchemaNames()
{
    std::lock_guard<std::mutex> guard(mutex);

    Refresh();
    if (schema_names.empty()) {
        vector<string> found = {DEFAULT_SCHEMA};
        Schemas walk = {{DEFAULT_SCHEMA}, found};
        arm_error error;
        Check(arm__txn_objects(txn, VisitSchema, &walk, &error), error);
        schema_names = found;
    }
    return schema_names;
}

string Transaction::SchemaName(const string &name)
{
    if (duckdb::StringUtil::CIEquals(name, DEFAULT_SCHEMA)) {
        return DEFAULT_SCHEMA;
    }
    for (auto &known : SchemaNames()) {
        if (duckdb::StringUtil::CIEquals(known, name)) {
            return known;
        }
    }
    return string();
}

} // namespace arm
