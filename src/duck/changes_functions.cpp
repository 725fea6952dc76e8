// SPDX-License-Identifier: Apache-2.0
#include "duck/changes_functions.hpp"

#include "duck/error.hpp"
#include "duck/event_value.hpp"
#include "duck/replaced.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"

extern "C" {
#include "feed/consumers.h"
#include "feed/row_changes.h"
}

namespace arm
{

namespace
{

Value Time(int64_t time_us)
{
    return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(time_us));
}

Transaction &Ours(ClientContext &context)
{
    return Transaction::Get(context, duckdb::Catalog::GetCatalog(context, CATALOG));
}

// ---- arm_changes(since_tx, until =>, since_time =>, until_time =>, branch =>, tables =>) ----

struct ChangesBindData : public duckdb::TableFunctionData {
    uint64_t since = 0;
    uint64_t until = UINT64_MAX;
    int64_t since_us = INT64_MIN; // none
    int64_t until_us = INT64_MAX;
    string branch; // empty: the session's
    vector<arm_table_pattern> tables;
};

struct ChangesState : public duckdb::GlobalTableFunctionState {
    ~ChangesState() override { arm__event_page_release(&page); }

    arm_catalog *catalog = nullptr;
    arm_event_filter filter = {};
    uint64_t position = 0;
    uint64_t until = 0;
    arm_event_page page = {};
};

// NULL: from the beginning.
uint64_t TxOf(const Value &value, const char *what)
{
    if (value.IsNull()) {
        return 0;
    }
    auto tx = value.GetValue<int64_t>();
    if (tx < 0) {
        throw duckdb::BinderException("%s is a tx id: it cannot be negative", what);
    }
    return static_cast<uint64_t>(tx);
}

arm_table_pattern PatternOf(const Value &value)
{
    arm_table_pattern pattern;
    arm_error error;

    if (value.IsNull()) {
        throw duckdb::BinderException("a table of arm_changes is NULL");
    }
    Check(arm__pattern_parse(value.ToString().c_str(), &pattern, &error), error);
    return pattern;
}

unique_ptr<duckdb::FunctionData> BindChanges(ClientContext &, duckdb::TableFunctionBindInput &input,
                                             vector<LogicalType> &types, vector<string> &names)
{
    auto result = make_uniq<ChangesBindData>();

    names = {"tx_id", "timestamp", "branch", "author", "message", "changes"};
    types = {LogicalType::UBIGINT, LogicalType::TIMESTAMP_TZ, LogicalType::VARCHAR,
             LogicalType::VARCHAR, LogicalType::VARCHAR,      ChangesType()};
    if (!input.inputs.empty()) {
        result->since = TxOf(input.inputs[0], "since_tx");
    }
    for (auto &named : input.named_parameters) {
        if (named.first == "until" && !named.second.IsNull()) {
            result->until = TxOf(named.second, "until");
        } else if (named.first == "branch" && !named.second.IsNull()) {
            result->branch = named.second.ToString();
        } else if (named.first == "since_time" && !named.second.IsNull()) {
            result->since_us = named.second.GetValue<duckdb::timestamp_tz_t>().value;
        } else if (named.first == "until_time" && !named.second.IsNull()) {
            result->until_us = named.second.GetValue<duckdb::timestamp_tz_t>().value;
        } else if (named.first == "tables" && !named.second.IsNull()) {
            for (auto &table : duckdb::ListValue::GetChildren(named.second)) {
                result->tables.push_back(PatternOf(table));
            }
        }
    }
    return std::move(result);
}

// Its bounds as times, made tighter bounds of tx.
void BoundByTime(const ChangesBindData &bind_data, ChangesState &state)
{
    uint64_t tx;
    arm_error error;

    if (bind_data.since_us != INT64_MIN) {
        Check(arm__events_at_time(state.catalog, bind_data.since_us, state.until, &tx, &error),
              error);
        state.position = duckdb::MaxValue<uint64_t>(state.position, tx);
    }
    if (bind_data.until_us != INT64_MAX) {
        Check(arm__events_at_time(state.catalog, bind_data.until_us, state.until, &tx, &error),
              error);
        state.until = duckdb::MinValue<uint64_t>(state.until, tx);
    }
}

uint64_t BranchOf(arm_catalog *catalog, const string &name, const arm_snapshot &at)
{
    arm_snapshot found;
    arm_error error;

    if (name == "*") {
        return 0;
    }
    if (name.empty()) {
        return at.branch_id;
    }
    Check(arm__catalog_snapshot(catalog, name.c_str(), &found, &error), error);
    return found.branch_id;
}

unique_ptr<duckdb::GlobalTableFunctionState> InitChanges(ClientContext &context,
                                                         duckdb::TableFunctionInitInput &input)
{
    auto &bind_data = input.bind_data->Cast<ChangesBindData>();
    auto &ours = Ours(context);
    auto result = make_uniq<ChangesState>();

    arm__txn_note_all(ours.Txn());
    const arm_snapshot &at = *arm__txn_snapshot(ours.Txn());
    result->catalog = arm__repository_catalog(ours.session.session.repository);
    result->filter.branch_id = BranchOf(result->catalog, bind_data.branch, at);
    result->filter.table_count = bind_data.tables.size();
    result->filter.tables = bind_data.tables.data();
    result->position = bind_data.since;
    result->until = duckdb::MinValue<uint64_t>(bind_data.until, at.tx);
    BoundByTime(bind_data, *result);
    return std::move(result);
}

void RunChanges(ClientContext &context, duckdb::TableFunctionInput &input, DataChunk &out)
{
    auto &state = input.global_state->Cast<ChangesState>();
    arm_error error;

    arm__event_page_release(&state.page);
    while (state.page.count == 0 && state.position < state.until) {
        if (context.IsInterrupted()) {
            throw duckdb::InterruptException();
        }
        Check(arm__events_read(state.catalog, &state.filter, state.position, state.until,
                               STANDARD_VECTOR_SIZE, &state.page, &error),
              error);
        state.position = state.page.scanned_to;
    }
    for (idx_t i = 0; i < state.page.count; i++) {
        const arm_event &event = state.page.events[i];

        out.SetValue(0, i, Value::UBIGINT(event.tx));
        out.SetValue(1, i, Time(event.time_us));
        out.SetValue(2, i, Value(event.branch));
        out.SetValue(3, i, Value(event.author));
        out.SetValue(4, i, Value(event.message));
        out.SetValue(5, i, ChangesOf(event));
    }
    out.SetCardinality(state.page.count);
}

// ---- arm_consumers() ----

struct ConsumersState : public duckdb::GlobalTableFunctionState {
    vector<vector<Value>> rows;
    idx_t next = 0;
};

unique_ptr<duckdb::FunctionData> BindConsumers(ClientContext &, duckdb::TableFunctionBindInput &,
                                               vector<LogicalType> &types, vector<string> &names)
{
    names = {"consumer", "acked_tx", "lag", "waiting_since", "members"};
    types = {LogicalType::VARCHAR, LogicalType::UBIGINT, LogicalType::UBIGINT,
             LogicalType::TIMESTAMP_TZ, LogicalType::UBIGINT};
    return make_uniq<duckdb::TableFunctionData>();
}

arm_status VisitConsumer(void *context, const arm_consumer_info *info, arm_error *err)
{
    return Guard(err, [&]() {
        static_cast<ConsumersState *>(context)->rows.push_back(
            {Value(info->name), Value::UBIGINT(info->acked_tx), Value::UBIGINT(info->lag),
             info->lag == 0 ? Value(LogicalType::TIMESTAMP_TZ) : Time(info->waiting_since_us),
             Value::UBIGINT(info->members)});
        return ARM_OK;
    });
}

unique_ptr<duckdb::GlobalTableFunctionState> InitConsumers(ClientContext &context,
                                                           duckdb::TableFunctionInitInput &)
{
    auto result = make_uniq<ConsumersState>();
    arm_error error;

    Check(arm__consumers_list(Ours(context).session.session.repository, VisitConsumer, result.get(),
                              &error),
          error);
    return std::move(result);
}

void RunConsumers(ClientContext &, duckdb::TableFunctionInput &input, DataChunk &out)
{
    auto &state = input.global_state->Cast<ConsumersState>();
    idx_t count = 0;

    for (; count < STANDARD_VECTOR_SIZE && state.next < state.rows.size(); count++, state.next++) {
        for (idx_t column = 0; column < out.ColumnCount(); column++) {
            out.SetValue(column, count, state.rows[state.next][column]);
        }
    }
    out.SetCardinality(count);
}

// ---- arm_row_changes('t', since_tx, until =>, branch =>) ----

unique_ptr<duckdb::TableRef> ReplaceRowChanges(ClientContext &context,
                                               duckdb::TableFunctionBindInput &input)
{
    TableName table(input, "the table of arm_row_changes");
    arm_row_changes_request request = {table.schema, table.name, 0, UINT64_MAX, nullptr};
    string ref;

    if (input.inputs.size() > 1) {
        request.since = TxOf(input.inputs[1], "since_tx");
    }
    for (auto &named : input.named_parameters) {
        if (named.first == "until" && !named.second.IsNull()) {
            request.until = TxOf(named.second, "until");
        } else if (named.first == "branch" && !named.second.IsNull()) {
            ref = named.second.ToString();
            request.ref = ref.c_str();
        }
    }
    return ReplaceBy(
        context, [&](arm_transaction *txn, const arm_shower &shower, arm_buf *sql, arm_error *err) {
            return arm__row_changes(txn, &shower, &request, sql, err);
        });
}

// ---- Registering ----

duckdb::TableFunction Changes(const vector<LogicalType> &arguments)
{
    duckdb::TableFunction function(arguments, RunChanges, BindChanges, InitChanges);

    function.named_parameters["until"] = LogicalType::BIGINT;
    function.named_parameters["branch"] = LogicalType::VARCHAR;
    function.named_parameters["since_time"] = LogicalType::TIMESTAMP_TZ;
    function.named_parameters["until_time"] = LogicalType::TIMESTAMP_TZ;
    function.named_parameters["tables"] = LogicalType::LIST(LogicalType::VARCHAR);
    return function;
}

duckdb::TableFunction RowChanges(const vector<LogicalType> &arguments)
{
    auto function = Replaced(arguments, ReplaceRowChanges);

    function.named_parameters["until"] = LogicalType::BIGINT;
    function.named_parameters["branch"] = LogicalType::VARCHAR;
    return function;
}

} // namespace

void RegisterChangesFunctions(ClientContext &context)
{
    auto &text = LogicalType::VARCHAR;
    auto &tx = LogicalType::BIGINT;

    RegisterFunctions(context, "arm_changes", {Changes({}), Changes({tx})});
    RegisterFunctions(context, "arm_row_changes", {RowChanges({text}), RowChanges({text, tx})});
    RegisterFunctions(context, "arm_consumers",
                      {duckdb::TableFunction({}, RunConsumers, BindConsumers, InitConsumers)});
}

} // namespace arm
