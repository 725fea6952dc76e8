// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_SESSION_STATE_HPP
#define ARM_DUCK_SESSION_STATE_HPP

// What DuckDB keeps for us on a session's connection: whose session it is. One catalog serves
// all sessions of an engine; this is how it tells them apart.

#include <atomic>
#include <mutex>

#include "duck/core.hpp"
#include "duckdb/common/case_insensitive_map.hpp"
#include "duckdb/main/client_context_state.hpp"

namespace arm
{

struct Inputs;

class SessionState : public duckdb::ClientContextState
{
public:
    explicit SessionState(const arm_duck_session &session);

    // Throws where a connection is not a session's.
    static SessionState &Get(ClientContext &context);
    static optional_ptr<SessionState> TryGet(ClientContext &context);
    static void Register(ClientContext &context, const shared_ptr<SessionState> &state);

    // D2: the snapshot is taken when DuckDB's transaction begins, not at the first touch.
    void TransactionBegin(duckdb::MetaTransaction &transaction, ClientContext &context) override;

    // What nextval gave last in this session (currval); false: nothing yet. Any thread.
    void SetSequenceValue(const string &schema_name, const string &name, int64_t value);
    bool SequenceValue(const string &schema_name, const string &name, int64_t &out);
    void ForgetSequence(const string &schema_name, const string &name);

    const arm_duck_session &session;
    // Chunks opened so far by this session's scans.
    shared_ptr<std::atomic<uint64_t>> opened;
    // DuckDB tells of a failed commit by its message alone: the error itself waits here.
    bool has_commit_error = false;
    arm_error commit_error;
    // What the transaction that begins now is to be; null: as the settings say.
    const bool *serializable = nullptr;
    // Plans that were made for the running statement, and those of them that may run twice
    // (repeat.hpp).
    idx_t plans = 0;
    idx_t plans_to_repeat = 0;
    // Of the running statement; null: none.
    optional_ptr<const Inputs> inputs;
    // Streams that statements may read as tables, by name; borrowed.
    duckdb::case_insensitive_map_t<ArrowArrayStream *> streams;

private:
    std::mutex mutex;
    duckdb::case_insensitive_map_t<int64_t> sequence_values; // by schema, NUL and name
};

} // namespace arm

#endif
