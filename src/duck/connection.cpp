// SPDX-License-Identifier: Apache-2.0
#include "duck/connection.hpp"

#include <utility>

#include "duck/error.hpp"
#include "duck/split.h"
#include "duck/transaction.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/client_config.hpp"
#include "duckdb/main/database_manager.hpp"

namespace
{

void Run(const arm_duck_connection &connection, const char *sql)
{
    auto result = connection.Context().Query(sql, duckdb::QueryParameters());

    if (result->HasError()) {
        result->ThrowError();
    }
}

arm_status Open(arm_duck_connection &connection, const arm_duck_session &session, arm_error *err)
{
    if (duckdb_connect(arm__engine_database(session.engine), &connection.handle) == DuckDBError) {
        return arm__fail(err, ARM_NO_MEMORY, "the SQL engine gives no connection");
    }
    auto &context = connection.Context();
    connection.state = duckdb::make_shared_ptr<arm::SessionState>(session);
    arm::SessionState::Register(context, connection.state);
    context.config.print_progress_bar = false;
    Run(connection, "SET TimeZone = 'UTC'");
    Run(connection, "USE armillaria");
    return ARM_OK;
}

} // namespace

arm_status arm__duck_connect(const struct arm_duck_session *session,
                             struct arm_duck_connection **out, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto connection = std::make_unique<arm_duck_connection>();
        arm_status st = Open(*connection, *session, err);
        if (st == ARM_OK) {
            *out = connection.release();
        }
        return st;
    });
}

void arm__duck_disconnect(struct arm_duck_connection *connection)
{
    delete connection;
}

duckdb_connection arm__duck_handle(struct arm_duck_connection *connection)
{
    return connection->handle;
}

struct arm_transaction *arm__duck_transaction(struct arm_duck_connection *connection)
{
    auto &context = connection->Context();
    auto database = duckdb::DatabaseManager::Get(context).GetDatabase(arm::CATALOG);

    if (context.transaction.IsAutoCommit() || !context.transaction.HasActiveTransaction()) {
        return nullptr;
    }
    auto transaction = duckdb::Transaction::TryGet(context, *database);
    return transaction ? transaction->Cast<arm::Transaction>().Txn() : nullptr;
}

arm_status arm__duck_show(struct arm_duck_connection *connection, const struct arm_view *view,
                          char out_at[32], struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto &context = connection->Context();
        auto shown = duckdb::make_shared_ptr<arm::View>(view);
        auto database = duckdb::DatabaseManager::Get(context).GetDatabase(arm::CATALOG);
        auto transaction = duckdb::Transaction::TryGet(context, *database);
        if (!transaction) {
            return arm__fail(err, ARM_INVALID, "no transaction is open");
        }
        auto at = transaction->Cast<arm::Transaction>().Show(std::move(shown));
        std::snprintf(out_at, 32, "%s", at.c_str());
        return ARM_OK;
    });
}

arm_status arm__duck_offer(struct arm_duck_connection *connection, const char *name,
                           struct ArrowArrayStream *stream, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        if (stream == nullptr) {
            connection->state->streams.erase(name);
        } else {
            connection->state->streams[name] = stream;
        }
        return ARM_OK;
    });
}

arm_status arm__duck_split(struct arm_duck_connection *connection, const char *sql,
                           size_t *out_length, struct arm_error *err)
{
    (void)connection; // the rules are the same for all
    return arm__sql_split(sql, out_length, err);
}

bool arm__duck_optimize(struct arm_duck_connection *connection, bool optimizes)
{
    return std::exchange(duckdb::ClientConfig::GetConfig(connection->Context()).enable_optimizer,
                         optimizes);
}

void arm__duck_interrupt(struct arm_duck_connection *connection)
{
    connection->Context().Interrupt();
}

void arm__duck_count_progress(struct arm_duck_connection *connection)
{
    connection->counts_progress = true;
}

double arm__duck_progress(struct arm_duck_connection *connection)
{
    double percentage = connection->Context().GetQueryProgress().GetPercentage();

    return percentage < 0 ? -1 : percentage / 100;
}

uint64_t arm__duck_opened(struct arm_duck_connection *connection)
{
    return connection->state->opened->load();
}
