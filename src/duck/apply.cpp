// SPDX-License-Identifier: Apache-2.0
// Rows that a query gives, applied to a table as one statement's change: how a merge writes.

#include "duck/connection.hpp"
#include "duck/error.hpp"
#include "duck/few_rows.hpp"
#include "duck/result.hpp"
#include "duck/row_change.hpp"
#include "duck/schema_entry.hpp"
#include "duck/settings.hpp"
#include "duck/table_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression_binder/constant_binder.hpp"

namespace arm
{

namespace
{

using duckdb::SelectionVector;
using duckdb::Vector;

enum Column : idx_t { ENTRY, ROW, GOES, COMES, ID, KIND, COLUMNS, KEY, BASE, OURS, THEIRS, FIRST };

// The CHECK constraints of a table, bound as for an INSERT into it.
std::shared_ptr<const Checks> BindChecks(ClientContext &context, TableEntry &table)
{
    auto binder = duckdb::Binder::CreateBinder(context);
    auto bound = binder->BindConstraints(table);

    return std::make_shared<Checks>(table, bound);
}

class Application
{
public:
    Application(ClientContext &context, const arm_duck_application &application, RowTarget target)
        : application(application), target(std::move(target)), change(context, this->target)
    {
    }

    // False: there is a conflict, and nobody to be told of it.
    bool Add(DataChunk &chunk)
    {
        chunk.Flatten();
        SelectionVector selected(STANDARD_VECTOR_SIZE);

        if (application.visit == nullptr && HasConflict(chunk)) {
            return false;
        }

        Kill(chunk, selected);
        Tell(chunk);
        Come(chunk, selected);
        return true;
    }

    vector<LogicalType> Types() const { return target.table->GetTypes(); }

    uint64_t Finish()
    {
        change.Apply();
        return conflicts;
    }

private:
    static bool HasConflict(DataChunk &chunk)
    {
        for (idx_t i = 0; i < chunk.size(); i++) {
            if (!duckdb::FlatVector::IsNull(chunk.data[KIND], i)) {
                return true;
            }
        }
        return false;
    }

    void Kill(DataChunk &chunk, SelectionVector &selected)
    {
        auto goes = duckdb::FlatVector::GetData<bool>(chunk.data[GOES]);
        SelectionVector fresh(STANDARD_VECTOR_SIZE);
        idx_t count = 0;

        for (idx_t i = 0; i < chunk.size(); i++) {
            if (goes[i] && !duckdb::FlatVector::IsNull(chunk.data[ENTRY], i)) {
                selected.set_index(count++, i);
            }
        }
        if (count == 0) {
            return;
        }
        DataChunk dying;
        dying.InitializeEmpty({LogicalType::UBIGINT, LogicalType::BIGINT});
        dying.data[0].Slice(chunk.data[ENTRY], selected, count);
        dying.data[1].Slice(chunk.data[ROW], selected, count);
        dying.SetCardinality(count);
        dying.Flatten();
        change.Kill(dying, 0, fresh);
    }

    void Come(DataChunk &chunk, SelectionVector &selected)
    {
        auto types = target.table->GetTypes();
        auto comes = duckdb::FlatVector::GetData<bool>(chunk.data[COMES]);
        idx_t count = 0;
        DataChunk rows;

        for (idx_t i = 0; i < chunk.size(); i++) {
            if (comes[i]) {
                selected.set_index(count++, i);
            }
        }
        if (count == 0) {
            return;
        }
        rows.InitializeEmpty(types);
        for (idx_t i = 0; i < types.size(); i++) {
            rows.data[i].Slice(chunk.data[FIRST + i], selected, count);
        }
        rows.SetCardinality(count);
        Vector ids(LogicalType::BIGINT);
        for (idx_t i = 0; i < count; i++) { // a row without an id gets a new one
            auto from = selected.get_index(i);
            duckdb::FlatVector::GetData<int64_t>(ids)[i] =
                duckdb::FlatVector::IsNull(chunk.data[ID], from)
                    ? INT64_MAX
                    : duckdb::FlatVector::GetData<int64_t>(chunk.data[ID])[from];
        }
        change.Replace(rows, ids);
    }

    void Tell(DataChunk &chunk)
    {
        for (idx_t i = 0; i < chunk.size(); i++) {
            if (!duckdb::FlatVector::IsNull(chunk.data[KIND], i)) {
                TellRow(chunk, i);
                conflicts++;
            }
        }
    }

    void TellRow(DataChunk &chunk, idx_t row)
    {
        const arm_view &view = *application.view;
        string texts[FIRST];
        arm_duck_conflict conflict = {};
        arm_error error;
        auto text = [&](Column column) -> const char * {
            if (duckdb::FlatVector::IsNull(chunk.data[column], row)) {
                return nullptr;
            }
            texts[column] = chunk.data[column].GetValue(row).ToString();
            return texts[column].c_str();
        };

        conflict.schema_name = view.schema_name;
        conflict.name = view.name;
        conflict.kind = text(KIND);
        conflict.columns = text(COLUMNS);
        conflict.key = text(KEY);
        conflict.base = text(BASE);
        conflict.ours = text(OURS);
        conflict.theirs = text(THEIRS);
        conflict.stays = !duckdb::FlatVector::GetData<bool>(chunk.data[GOES])[row] &&
                         !duckdb::FlatVector::IsNull(chunk.data[ENTRY], row);
        if (conflict.stays) {
            conflict.entry = duckdb::FlatVector::GetData<uint64_t>(chunk.data[ENTRY])[row];
            conflict.row =
                static_cast<uint64_t>(duckdb::FlatVector::GetData<int64_t>(chunk.data[ROW])[row]);
        }
        Check(application.visit(application.context, &conflict, &error), error);
    }

    const arm_duck_application &application;
    const RowTarget target;
    RowChange change;
    uint64_t conflicts = 0;
};

// The table that `view` is of, to be changed.
RowTarget TargetOf(ClientContext &context, const arm_view &view)
{
    auto &schema =
        duckdb::Catalog::GetSchema(context, CATALOG, view.schema_name).Cast<SchemaEntry>();
    auto table = Transaction::Get(context, schema.catalog).Table(schema, view.name, "");
    RowTarget target = {};

    if (!table) {
        throw duckdb::CatalogException("Table with name %s does not exist!", view.name);
    }
    target.table = table->shared_from_this();
    target.view = Transaction::Get(context, schema.catalog).Look(*table);
    target.checks = BindChecks(context, *table);
    return target;
}

void Apply(ClientContext &context, const arm_duck_application &application, uint64_t *out_conflicts)
{
    Application run(context, application, TargetOf(context, *application.view));

    while (auto chunk = application.rows->Next()) {
        if (chunk->size() > 0 && !run.Add(*chunk)) {
            *out_conflicts = 1;
            return;
        }
    }
    *out_conflicts = run.Finish();
}

// The changes of few rows, as an application has them.
class FewChanges
{
public:
    FewChanges(ClientContext &context, const vector<LogicalType> &columns)
    {
        vector<LogicalType> types = {LogicalType::UBIGINT, LogicalType::BIGINT,
                                     LogicalType::BOOLEAN, LogicalType::BOOLEAN,
                                     LogicalType::BIGINT};

        types.resize(FIRST, LogicalType::VARCHAR); // of conflicts, which there are none of
        types.insert(types.end(), columns.begin(), columns.end());
        chunk.Initialize(context, types);
    }

    void Add(const FewRows &rows, const arm_few_change &change)
    {
        auto row = chunk.size();

        chunk.SetCardinality(row + 1);
        for (idx_t i = 0; i < chunk.ColumnCount(); i++) {
            duckdb::FlatVector::SetNull(chunk.data[i], row, true);
        }
        chunk.SetValue(GOES, row, Value::BOOLEAN(change.goes));
        chunk.SetValue(COMES, row, Value::BOOLEAN(change.comes));
        if (change.goes) {
            chunk.SetValue(ENTRY, row, Value::UBIGINT(rows.At(change.gone).entry));
            chunk.SetValue(ROW, row, Value::BIGINT(rows.At(change.gone).number));
        }
        if (change.comes) {
            chunk.SetValue(ID, row, Value::BIGINT(rows.At(change.id).id));
            for (idx_t i = 0; i + FIRST < chunk.ColumnCount(); i++) {
                chunk.SetValue(FIRST + i, row, rows.At(change.cells[i]).values[i]);
            }
        }
    }

    DataChunk chunk;
};

// False: there is a contradiction.
bool MergeFew(ClientContext &context, const arm_duck_few &few)
{
    arm_duck_application application = {};
    FewRows rows(context, few);
    application.view = few.view;
    Application run(context, application, TargetOf(context, *few.view));
    FewChanges changes(context, run.Types());
    auto add = [&](const arm_few_change &change) { changes.Add(rows, change); };

    if (!rows.Merge(add)) {
        return false;
    }
    if (changes.chunk.size() > 0) {
        run.Add(changes.chunk);
    }
    run.Finish();
    return true;
}

} // namespace

} // namespace arm

arm_status arm__duck_apply(struct arm_duck_connection *connection,
                           const struct arm_duck_application *application, uint64_t *out_conflicts,
                           struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        arm::Apply(connection->Context(), *application, out_conflicts);
        return ARM_OK;
    });
}

arm_status arm__duck_merge_few(struct arm_duck_connection *connection,
                               const struct arm_duck_few *few, bool *out_done,
                               struct arm_error *err)
{
    return arm::Guard(err, [&]() {
        *out_done = arm::MergeFew(connection->Context(), *few);
        return ARM_OK;
    });
}

uint64_t arm__duck_few_rows(struct arm_duck_connection *connection)
{
    return arm::FewRowsMax(connection->Context());
}
