// SPDX-License-Identifier: Apache-2.0
#include "duck/history_functions.hpp"

#include <cstring>

#include "duck/error.hpp"
#include "duck/event_value.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/parser/parsed_data/create_table_function_info.hpp"

extern "C" {
#include "model/table_name.h"
}

namespace arm
{

namespace
{

using Row = vector<Value>;

// Where a function looks, and the rows it found: a catalog's worth, made when the scan begins.
struct History {
    arm_catalog *catalog;
    arm_snapshot at;
    vector<Row> rows;
};

using Fill = void (*)(History &history, const string &table);

struct HistoryBindData : public duckdb::TableFunctionData {
    Fill fill;
    string table; // of arm_versions
};

struct HistoryState : public duckdb::GlobalTableFunctionState {
    History history;
    idx_t next = 0;
};

Value Number(uint64_t value)
{
    return Value::UBIGINT(value);
}

Value Time(int64_t time_us)
{
    return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(time_us));
}

// As users name it: the namespace only where it is not the usual one.
string ShownName(const char *schema_name, const char *name)
{
    return std::strcmp(schema_name, DEFAULT_SCHEMA) == 0 ? string(name)
                                                         : string(schema_name) + "." + name;
}

// ---- arm_tables() ----

Value KeyOf(const Armpb__Schema &schema)
{
    vector<Value> names;

    if (schema.n_keys > 0 && schema.keys[0]->primary) {
        const Armpb__Key &key = *schema.keys[0];
        for (size_t i = 0; i < key.n_field_ids; i++) {
            for (size_t k = 0; k < schema.n_columns; k++) {
                if (schema.columns[k]->field->id == key.field_ids[i]) {
                    names.push_back(Value(schema.columns[k]->field->name));
                }
            }
        }
    }
    return Value::LIST(LogicalType::VARCHAR, names);
}

void AddTable(History &history, const arm_table_row &row)
{
    arm_table_info info = {};
    bool found = false;
    arm_error error;

    Check(arm__catalog_table(history.catalog, &history.at, row.schema_name, row.name, &info, &found,
                             &error),
          error);
    if (found) {
        history.rows.push_back({Value(row.name), Value(row.schema_name), Number(row.version),
                                Number(info.version.row_count), Number(info.version.data_bytes),
                                KeyOf(*info.schema)});
    }
    arm__table_info_release(&info);
}

arm_status VisitTable(void *context, const arm_table_row *row, arm_error *err)
{
    return Guard(err, [&]() {
        if (row->object == ARMPB__OBJECT_KIND__TABLE) {
            AddTable(*static_cast<History *>(context), *row);
        }
        return ARM_OK;
    });
}

void FillTables(History &history, const string &)
{
    arm_error error;

    Check(arm__catalog_tables(history.catalog, &history.at, VisitTable, &history, &error), error);
}

// ---- arm_versions('t') ----

struct VersionsWalk {
    History &history;
    const string shown_name;
};

arm_status VisitVersion(void *context, const arm_version_info *info, arm_error *err)
{
    auto &walk = *static_cast<VersionsWalk *>(context);
    const arm_version_row &version = info->version;

    return Guard(err, [&]() {
        walk.history.rows.push_back(
            {Value(walk.shown_name), Number(version.version), NumberOrNull(version.parent_version),
             Number(version.tx), Value(info->branch), Time(info->record.time_us),
             Number(version.row_count), Number(version.data_bytes), Value(info->message)});
        return ARM_OK;
    });
}

void FillVersions(History &history, const string &table)
{
    char schema_name[256];
    char name[256];
    arm_error error;

    Check(arm__table_name_parse(table.c_str(), schema_name, name, &error), error);
    VersionsWalk walk = {history, ShownName(schema_name, name)};
    Check(arm__catalog_versions(history.catalog, &history.at, schema_name, name, false,
                                VisitVersion, &walk, &error),
          error);
}

// ---- arm_log() ----

Value IdOf(const uint8_t *bytes)
{
    char hex[2 * ARM_ID_BYTES + 1];
    arm_id id;

    std::memcpy(id.bytes, bytes, sizeof id.bytes);
    arm__id_hex(&id, hex);
    return Value(string(hex));
}

// What an event consists of, freed with it.
struct Arena : public arm_arena {
    Arena() : arm_arena() {}
    ~Arena() { arm__arena_release(this); }
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
};

void AddCommit(History &history, const arm_commit_info &info)
{
    const Armpb__Commit &commit = *info.commit;
    vector<Value> parents;
    Arena arena;
    arm_event event;
    arm_error error;

    for (size_t i = 0; i < commit.n_parents; i++) {
        parents.push_back(IdOf(commit.parents[i].data));
    }
    Check(arm__event_of(history.catalog, &info, &arena, &event, &error), error);
    history.rows.push_back({Number(info.row.tx), IdOf(info.row.commit_id.bytes),
                            Value::LIST(LogicalType::VARCHAR, parents), Value(info.branch),
                            Time(info.row.time_us), Value(commit.author), Value(commit.message),
                            ChangesOf(event)});
}

arm_status VisitCommit(void *context, const arm_commit_info *info, arm_error *err)
{
    return Guard(err, [&]() {
        AddCommit(*static_cast<History *>(context), *info);
        return ARM_OK;
    });
}

void FillLog(History &history, const string &)
{
    arm_error error;

    Check(arm__catalog_log(history.catalog, &history.at, 0, VisitCommit, &history, &error), error);
}

// ---- What the three have in common ----

unique_ptr<duckdb::FunctionData> BindTo(Fill fill, const string &table)
{
    auto result = make_uniq<HistoryBindData>();

    result->fill = fill;
    result->table = table;
    return std::move(result);
}

unique_ptr<duckdb::FunctionData> BindTables(ClientContext &, duckdb::TableFunctionBindInput &,
                                            vector<LogicalType> &types, vector<string> &names)
{
    names = {"table", "schema", "version", "rows", "bytes", "key"};
    types = {LogicalType::VARCHAR, LogicalType::VARCHAR, LogicalType::UBIGINT,
             LogicalType::UBIGINT, LogicalType::UBIGINT, LogicalType::LIST(LogicalType::VARCHAR)};
    return BindTo(FillTables, string());
}

unique_ptr<duckdb::FunctionData> BindVersions(ClientContext &,
                                              duckdb::TableFunctionBindInput &input,
                                              vector<LogicalType> &types, vector<string> &names)
{
    names = {"table",      "version", "parent", "tx",     "branch",
             "created_at", "rows",    "bytes",  "message"};
    types = {LogicalType::VARCHAR, LogicalType::UBIGINT, LogicalType::UBIGINT,
             LogicalType::UBIGINT, LogicalType::VARCHAR, LogicalType::TIMESTAMP_TZ,
             LogicalType::UBIGINT, LogicalType::UBIGINT, LogicalType::VARCHAR};
    if (input.inputs[0].IsNull()) {
        throw duckdb::BinderException("arm_versions needs the name of a table, not NULL");
    }
    return BindTo(FillVersions, input.inputs[0].ToString());
}

unique_ptr<duckdb::FunctionData> BindLog(ClientContext &, duckdb::TableFunctionBindInput &,
                                         vector<LogicalType> &types, vector<string> &names)
{
    names = {"tx", "commit", "parents", "branch", "created_at", "author", "message", "changes"};
    types = {LogicalType::UBIGINT,
             LogicalType::VARCHAR,
             LogicalType::LIST(LogicalType::VARCHAR),
             LogicalType::VARCHAR,
             LogicalType::TIMESTAMP_TZ,
             LogicalType::VARCHAR,
             LogicalType::VARCHAR,
             ChangesType()};
    return BindTo(FillLog, string());
}

// ---- arm_branches(), arm_tags() ----

LogicalType CheckType()
{
    return LogicalType::STRUCT({{"name", LogicalType::VARCHAR}, {"sql", LogicalType::VARCHAR}});
}

Value TextOrNull(const char *text)
{
    return text == nullptr ? Value(LogicalType::VARCHAR) : Value(text);
}

struct Heads {
    vector<Value> tables;
    vector<Value> versions;
};

arm_status VisitHead(void *context, const arm_table_row *row, arm_error *err)
{
    auto &heads = *static_cast<Heads *>(context);

    return Guard(err, [&]() {
        if (row->object == ARMPB__OBJECT_KIND__TABLE) {
            heads.tables.push_back(Value(ShownName(row->schema_name, row->name)));
            heads.versions.push_back(Number(row->version));
        }
        return ARM_OK;
    });
}

Value ChecksOf(const Armpb__Protection *protection)
{
    vector<Value> checks;

    for (size_t i = 0; protection != nullptr && i < protection->n_checks; i++) {
        checks.push_back(Value::STRUCT({{"name", TextOrNull(protection->checks[i]->name)},
                                        {"sql", Value(protection->checks[i]->sql)}}));
    }
    return Value::LIST(CheckType(), std::move(checks));
}

void AddBranch(History &history, const arm_branch_info &info)
{
    arm_snapshot at = history.at;
    Heads heads;
    arm_error error;

    at.branch_id = info.branch_id;
    at.tx = info.head_tx;
    Check(arm__catalog_tables(history.catalog, &at, VisitHead, &heads, &error), error);
    history.rows.push_back(
        {Value(info.name),
         Value::MAP(LogicalType::VARCHAR, LogicalType::UBIGINT, std::move(heads.tables),
                    std::move(heads.versions)),
         Time(info.created_us), TextOrNull(info.parent[0] == '\0' ? nullptr : info.parent),
         TextOrNull(info.description), NumberOrNull(info.head_tx),
         Value::BOOLEAN(info.protection != nullptr && info.protection->only_merges),
         ChecksOf(info.protection)});
}

arm_status VisitBranch(void *context, const arm_branch_info *info, arm_error *err)
{
    return Guard(err, [&]() {
        AddBranch(*static_cast<History *>(context), *info);
        return ARM_OK;
    });
}

// What there is now: branches and tags are no part of a transaction.
void FillBranches(History &history, const string &)
{
    arm_error error;

    Check(arm__catalog_branches(history.catalog, VisitBranch, &history, &error), error);
}

unique_ptr<duckdb::FunctionData> BindBranches(ClientContext &, duckdb::TableFunctionBindInput &,
                                              vector<LogicalType> &types, vector<string> &names)
{
    names = {"name",        "head", "created_at",  "parent_branch",
             "description", "tx",   "only_merges", "checks"};
    types = {
        LogicalType::VARCHAR,      LogicalType::MAP(LogicalType::VARCHAR, LogicalType::UBIGINT),
        LogicalType::TIMESTAMP_TZ, LogicalType::VARCHAR,
        LogicalType::VARCHAR,      LogicalType::UBIGINT,
        LogicalType::BOOLEAN,      LogicalType::LIST(CheckType())};
    return BindTo(FillBranches, string());
}

arm_status VisitTag(void *context, const arm_tag_info *info, arm_error *err)
{
    auto &history = *static_cast<History *>(context);

    return Guard(err, [&]() {
        char hex[2 * ARM_ID_BYTES + 1];
        arm__id_hex(&info->commit.commit_id, hex);
        history.rows.push_back({Value(info->name), Number(info->commit.tx), Value(hex),
                                Value(info->branch), Time(info->created_us), Value(info->author),
                                TextOrNull(info->description)});
        return ARM_OK;
    });
}

void FillTags(History &history, const string &)
{
    arm_error error;

    Check(arm__catalog_tags(history.catalog, VisitTag, &history, &error), error);
}

unique_ptr<duckdb::FunctionData> BindTags(ClientContext &, duckdb::TableFunctionBindInput &,
                                          vector<LogicalType> &types, vector<string> &names)
{
    names = {"name", "tx", "commit", "branch", "created_at", "author", "description"};
    types = {LogicalType::VARCHAR, LogicalType::UBIGINT,      LogicalType::VARCHAR,
             LogicalType::VARCHAR, LogicalType::TIMESTAMP_TZ, LogicalType::VARCHAR,
             LogicalType::VARCHAR};
    return BindTo(FillTags, string());
}

unique_ptr<duckdb::GlobalTableFunctionState> Init(ClientContext &context,
                                                  duckdb::TableFunctionInitInput &input)
{
    auto &bind_data = input.bind_data->Cast<HistoryBindData>();
    auto &ours = Transaction::Get(context, duckdb::Catalog::GetCatalog(context, CATALOG));
    auto result = make_uniq<HistoryState>();

    result->history.catalog = arm__repository_catalog(ours.session.session.repository);
    arm__txn_note_all(ours.Txn());
    result->history.at = *arm__txn_snapshot(ours.Txn());
    bind_data.fill(result->history, bind_data.table);
    return std::move(result);
}

void Run(ClientContext &, duckdb::TableFunctionInput &input, DataChunk &out)
{
    auto &state = input.global_state->Cast<HistoryState>();
    auto &rows = state.history.rows;
    idx_t count = 0;

    for (; count < STANDARD_VECTOR_SIZE && state.next < rows.size(); count++, state.next++) {
        for (idx_t column = 0; column < out.ColumnCount(); column++) {
            out.SetValue(column, count, rows[state.next][column]);
        }
    }
    out.SetCardinality(count);
}

void Register(ClientContext &context, const string &name, const vector<LogicalType> &arguments,
              duckdb::table_function_bind_t bind)
{
    duckdb::CreateTableFunctionInfo info(duckdb::TableFunction(name, arguments, Run, bind, Init));

    info.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
    info.internal = true;
    duckdb::Catalog::GetSystemCatalog(context).CreateTableFunction(context, info);
}

} // namespace

void RegisterHistoryFunctions(ClientContext &context)
{
    Register(context, "arm_tables", {}, BindTables);
    Register(context, "arm_versions", {LogicalType::VARCHAR}, BindVersions);
    Register(context, "arm_log", {}, BindLog);
    Register(context, "arm_branches", {}, BindBranches);
    Register(context, "arm_tags", {}, BindTags);
}

} // namespace arm
