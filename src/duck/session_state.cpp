// SPDX-License-Identifier: Apache-2.0
#include "duck/session_state.hpp"

#include "duck/error.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/database_manager.hpp"

namespace arm
{

namespace
{

constexpr const char *KEY = "armillaria_session";

} // namespace

SessionState::SessionState(const arm_duck_session &session)
    : session(session), opened(make_shared_ptr<std::atomic<uint64_t>>(0)), commit_error()
{
}

optional_ptr<SessionState> SessionState::TryGet(ClientContext &context)
{
    return context.registered_state->Get<SessionState>(KEY).get();
}

SessionState &SessionState::Get(ClientContext &context)
{
    auto state = TryGet(context);

    if (!state) {
        throw duckdb::InvalidInputException("this connection belongs to no session");
    }
    return *state;
}

void SessionState::Register(ClientContext &context, const shared_ptr<SessionState> &state)
{
    context.registered_state->Insert(KEY, state);
}

static string SequenceKey(const string &schema_name, const string &name)
{
    return schema_name + '\0' + name;
}

void SessionState::SetSequenceValue(const string &schema_name, const string &name, int64_t value)
{
    std::lock_guard<std::mutex> guard(mutex);

    sequence_values[SequenceKey(schema_name, name)] = value;
}

bool SessionState::SequenceValue(const string &schema_name, const string &name, int64_t &out)
{
    std::lock_guard<std::mutex> guard(mutex);
    auto known = sequence_values.find(SequenceKey(schema_name, name));

    if (known == sequence_values.end()) {
        return false;
    }
    out = known->second;
    return true;
}

void SessionState::ForgetSequence(const string &schema_name, const string &name)
{
    std::lock_guard<std::mutex> guard(mutex);

    sequence_values.erase(SequenceKey(schema_name, name));
}

void SessionState::TransactionBegin(duckdb::MetaTransaction &transaction, ClientContext &context)
{
    auto database = duckdb::DatabaseManager::Get(context).GetDatabase(CATALOG);

    has_commit_error = false;
    if (database) {
        transaction.GetTransaction(*database);
    }
}

} // namespace arm
