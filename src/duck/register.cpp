// SPDX-License-Identifier: Apache-2.0
// Making an engine know repositories: the extension points, and the one attached catalog.

#include "duck/arrow_source.hpp"
#include "duck/branch_statement.hpp"
#include "duck/changes_functions.hpp"
#include "duck/conflict_function.hpp"
#include "duck/diff_functions.hpp"
#include "duck/error.hpp"
#include "duck/filters_above.hpp"
#include "duck/history_functions.hpp"
#include "duck/repeat.hpp"
#include "duck/repository_catalog.hpp"
#include "duck/scan.hpp"
#include "duck/sequence_functions.hpp"
#include "duck/settings.hpp"
#include "duck/transaction_manager.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/capi/capi_internal.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/storage/storage_extension.hpp"

namespace arm
{

namespace
{

// The catalog shows each session its own repository: there is nothing a second one could show.
unique_ptr<duckdb::Catalog> Attach(optional_ptr<duckdb::StorageExtensionInfo>, ClientContext &,
                                   duckdb::AttachedDatabase &db, const string &name,
                                   duckdb::AttachInfo &, duckdb::AttachOptions &)
{
    if (name != CATALOG) {
        Refuse("ATTACH of a repository");
    }
    return make_uniq<RepositoryCatalog>(db);
}

unique_ptr<duckdb::TransactionManager> MakeTransactionManager(
    optional_ptr<duckdb::StorageExtensionInfo>, duckdb::AttachedDatabase &db, duckdb::Catalog &)
{
    return make_uniq<TransactionManager>(db);
}

void RegisterStorage(duckdb::DBConfig &config)
{
    auto extension = make_shared_ptr<duckdb::StorageExtension>();

    extension->attach = Attach;
    extension->create_transaction_manager = MakeTransactionManager;
    duckdb::StorageExtension::Register(config, CATALOG, extension);
}

void Run(duckdb::Connection &connection, const string &sql)
{
    auto result = connection.Query(sql);

    if (result->HasError()) {
        result->ThrowError();
    }
}

} // namespace

} // namespace arm

arm_status arm__duck_register(struct arm_engine *engine, struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        auto wrapper = reinterpret_cast<duckdb::DatabaseWrapper *>(arm__engine_database(engine));
        auto &config = duckdb::DBConfig::GetConfig(*wrapper->database->instance);
        arm::RegisterStorage(config);
        arm::RegisterSettings(config);
        arm::RegisterRepeat(config);
        arm::RegisterBranchStatements(config);
        arm::RegisterArrowSource(config);
        duckdb::Connection connection(*wrapper->database);
        connection.context->RunFunctionInTransaction([&]() {
            arm::RegisterScan(*connection.context);
            arm::RegisterFiltersAbove(*connection.context);
            arm::RegisterHistoryFunctions(*connection.context);
            arm::RegisterDiffFunctions(*connection.context);
            arm::RegisterChangesFunctions(*connection.context);
            arm::RegisterConflictFunction(*connection.context);
            arm::RegisterSequenceFunctions(*connection.context);
        });
        arm::Run(connection, "ATTACH '' AS armillaria (TYPE armillaria)");
        // A chunk's footer is read once, not at every scan.
        arm::Run(connection, "SET GLOBAL parquet_metadata_cache = true");
        return ARM_OK;
    });
}
