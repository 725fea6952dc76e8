// SPDX-License-Identifier: Apache-2.0
#include "duck/sequence_functions.hpp"

#include "duck/error.hpp"
#include "duck/sequence_entry.hpp"
#include "duck/transaction.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/scalar_function_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry_retriever.hpp"
#include "duckdb/common/exception/parser_exception.hpp"
#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/execution/expression_executor_state.hpp"
#include "duckdb/function/scalar_function.hpp"
#include "duckdb/parser/parsed_data/create_scalar_function_info.hpp"
#include "duckdb/parser/qualified_name.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"

namespace arm
{

using duckdb::FunctionData;
using duckdb::ScalarFunction;

namespace
{

// DuckDB's function, which ours stands for.
struct Original : public duckdb::ScalarFunctionInfo {
    explicit Original(ScalarFunction function) : function(std::move(function)) {}

    const ScalarFunction function;
};

struct SequenceBindData : public FunctionData {
    explicit SequenceBindData(shared_ptr<SequenceEntry> sequence) : sequence(std::move(sequence)) {}

    unique_ptr<FunctionData> Copy() const override { return make_uniq<SequenceBindData>(sequence); }
    bool Equals(const FunctionData &other) const override
    {
        return sequence == other.Cast<SequenceBindData>().sequence;
    }

    shared_ptr<SequenceEntry> sequence; // counted: a prepared plan outlives its transaction
};

// Whose sequence it is decides who goes on: DuckDB's function takes the place of ours for its own.
unique_ptr<FunctionData> Bind(duckdb::ScalarFunctionBindInput &input, ScalarFunction &bound,
                              vector<unique_ptr<Expression>> &arguments)
{
    const ScalarFunction original = bound.GetExtraFunctionInfo().Cast<Original>().function;
    auto &argument = *arguments[0];

    if (!argument.HasParameter() && argument.IsFoldable()) {
        auto text = duckdb::ExpressionExecutor::EvaluateScalar(input.binder.context, argument);
        if (!text.IsNull()) {
            auto name = duckdb::QualifiedName::Parse(text.ToString());
            duckdb::Binder::BindSchemaOrCatalog(input.binder.context, name.catalog, name.schema);
            duckdb::EntryLookupInfo lookup(duckdb::CatalogType::SEQUENCE_ENTRY, name.name);
            auto entry = input.binder.EntryRetriever().GetEntry(name.catalog, name.schema, lookup);
            if (entry->ParentCatalog().GetCatalogType() == CATALOG) {
                return make_uniq<SequenceBindData>(entry->Cast<SequenceEntry>().shared_from_this());
            }
        }
    }
    bound = original;
    return original.GetBindExtendedCallback()(input, bound, arguments);
}

struct SequenceLocalState : public duckdb::FunctionLocalState {
    SequenceLocalState(ClientContext &context, SequenceEntry &sequence)
        : ours(Transaction::Get(context, sequence.catalog)), sequence(sequence)
    {
    }

    Transaction &ours;
    SequenceEntry &sequence;
};

unique_ptr<duckdb::FunctionLocalState> Init(duckdb::ExpressionState &state,
                                            const duckdb::BoundFunctionExpression &,
                                            FunctionData *bind_data)
{
    auto &sequence = *bind_data->Cast<SequenceBindData>().sequence;

    return make_uniq<SequenceLocalState>(state.GetContext(), sequence);
}

void NextValues(DataChunk &arguments, duckdb::ExpressionState &state, duckdb::Vector &result)
{
    auto &local = duckdb::ExecuteFunctionState::GetFunctionState(state)->Cast<SequenceLocalState>();
    const string &schema_name = local.sequence.schema.name;
    const string &name = local.sequence.name;
    arm_places places = {0, 0};
    int64_t value = 0;
    arm_error error;

    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    auto values = duckdb::FlatVector::GetData<int64_t>(result);
    for (idx_t i = 0; i < arguments.size(); i++) {
        if (places.count == 0) {
            Check(arm__txn_sequence_take(local.ours.Txn(), schema_name.c_str(), name.c_str(),
                                         arguments.size() - i, &places, &error),
                  error);
        }
        Check(arm__sequence_value(&local.sequence.definition, name.c_str(), places.first, &value,
                                  &error),
              error);
        places.first++;
        places.count--;
        values[i] = value;
    }
    if (arguments.size() > 0) {
        local.ours.session.SetSequenceValue(schema_name, name, value);
    }
}

void CurrentValues(DataChunk &, duckdb::ExpressionState &state, duckdb::Vector &result)
{
    auto &local = duckdb::ExecuteFunctionState::GetFunctionState(state)->Cast<SequenceLocalState>();
    int64_t value = 0;

    if (!local.ours.session.SequenceValue(local.sequence.schema.name, local.sequence.name, value)) {
        throw duckdb::SequenceException("currval: sequence is not yet defined in this session");
    }
    result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
    duckdb::ConstantVector::GetData<int64_t>(result)[0] = value;
}

void Serialize(duckdb::Serializer &out, const optional_ptr<FunctionData> bind_data,
               const ScalarFunction &)
{
    auto &sequence = *bind_data->Cast<SequenceBindData>().sequence;

    out.WriteProperty(100, "schema", sequence.schema.name);
    out.WriteProperty(101, "sequence", sequence.name);
}

unique_ptr<FunctionData> Deserialize(duckdb::Deserializer &in, ScalarFunction &)
{
    auto &context = in.Get<ClientContext &>();
    auto schema_name = in.ReadProperty<string>(100, "schema");
    auto name = in.ReadProperty<string>(101, "sequence");
    auto &entry = duckdb::Catalog::GetEntry<duckdb::SequenceCatalogEntry>(context, CATALOG,
                                                                          schema_name, name);

    return make_uniq<SequenceBindData>(entry.Cast<SequenceEntry>().shared_from_this());
}

// So that a statement that takes values is not one that only reads, to be run again at will.
void TellModified(ClientContext &context, duckdb::FunctionModifiedDatabasesInput &input)
{
    auto &sequence = *input.bind_data->Cast<SequenceBindData>().sequence;

    input.properties.RegisterDBModify(sequence.ParentCatalog(), context,
                                      duckdb::DatabaseModificationType::SEQUENCE);
}

void Replace(ClientContext &context, const char *name, duckdb::scalar_function_t run)
{
    auto &system = duckdb::Catalog::GetSystemCatalog(context);
    auto &entry =
        system.GetEntry<duckdb::ScalarFunctionCatalogEntry>(context, DEFAULT_SCHEMA, name);
    const ScalarFunction original = entry.functions.GetFunctionByOffset(0);
    ScalarFunction ours = original;

    ours.SetExtraFunctionInfo(make_shared_ptr<Original>(original));
    ours.SetBindExtendedCallback(Bind);
    ours.SetInitStateCallback(Init);
    ours.SetFunctionCallback(std::move(run));
    ours.SetSerializeCallback(Serialize);
    ours.SetDeserializeCallback(Deserialize);
    if (original.HasModifiedDatabasesCallback()) {
        ours.SetModifiedDatabasesCallback(TellModified);
    }
    duckdb::CreateScalarFunctionInfo info(ours);
    info.on_conflict = duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    info.internal = true;
    system.CreateFunction(context, info);
}

} // namespace

void RegisterSequenceFunctions(ClientContext &context)
{
    Replace(context, "nextval", NextValues);
    Replace(context, "currval", CurrentValues);
}

} // namespace arm
