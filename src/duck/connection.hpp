// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_CONNECTION_HPP
#define ARM_DUCK_CONNECTION_HPP

#include <atomic>

#include "duck/core.hpp"
#include "duck/session_state.hpp"
#include "duckdb/main/connection.hpp"

// A session's connection. `handle` is DuckDB's C handle of the same connection.
struct arm_duck_connection {
    ~arm_duck_connection() { duckdb_disconnect(&handle); }

    duckdb::ClientContext &Context() const
    {
        return *reinterpret_cast<duckdb::Connection *>(handle)->context;
    }

    duckdb_connection handle = nullptr;
    // Whether statements that begin now count their progress, which takes a part of their time.
    std::atomic<bool> counts_progress{false};
    duckdb::shared_ptr<arm::SessionState> state;
};

#endif
