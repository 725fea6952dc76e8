// SPDX-License-Identifier: Apache-2.0
#include "duck/arrow_source.hpp"

#include <set>
#include <utility>

#include "duck/error.hpp"
#include "duck/inputs.hpp"
#include "duckdb/common/arrow/arrow_wrapper.hpp"
#include "duckdb/common/arrow/schema_metadata.hpp"
#include "duckdb/function/replacement_scan.hpp"
#include "duckdb/function/table/arrow.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "duckdb/parser/tableref/table_function_ref.hpp"

extern "C" {
#include "duck/half_floats.h"
}

namespace arm
{

namespace
{

void GetSchema(ArrowArrayStream *stream, ArrowSchema &schema)
{
    if (stream->get_schema(stream, &schema) != 0) {
        const char *reason = stream->get_last_error(stream);
        throw duckdb::InvalidInputException("an Arrow stream gives no schema: %s",
                                            reason == nullptr ? "it does not say why" : reason);
    }
    if (arm__has_halves(&schema)) {
        ArrowSchema widened;
        arm_error error;
        auto st = arm__widen_schema(&schema, &widened, &error);
        schema.release(&schema);
        Check(st, error);
        schema = widened;
    }
}

void Widen(ArrowArrayStream &stream)
{
    arm_error error;

    Check(arm__widen_stream(&stream, &error), error);
}

void KeepStream(ArrowArrayStream *stream)
{
    stream->release = nullptr; // the offerer's
}

// The scan reads through a copy that leaves the stream to whom it belongs.
unique_ptr<duckdb::ArrowArrayStreamWrapper> Produce(uintptr_t stream,
                                                    duckdb::ArrowStreamParameters &)
{
    auto result = make_uniq<duckdb::ArrowArrayStreamWrapper>();

    result->arrow_array_stream = *reinterpret_cast<ArrowArrayStream *>(stream);
    result->arrow_array_stream.release = KeepStream;
    Widen(result->arrow_array_stream);
    result->number_of_rows = -1;
    return result;
}

unique_ptr<duckdb::ParsedExpression> Pointer(uintptr_t pointer)
{
    return make_uniq<duckdb::ConstantExpression>(Value::POINTER(pointer));
}

template <class GET_SCHEMA, class PRODUCE>
unique_ptr<duckdb::TableRef> Scan(uintptr_t stream, PRODUCE *produce, GET_SCHEMA *get_schema,
                                  const string &alias)
{
    vector<unique_ptr<duckdb::ParsedExpression>> arguments;
    auto result = make_uniq<duckdb::TableFunctionRef>();

    arguments.push_back(Pointer(stream));
    arguments.push_back(Pointer(reinterpret_cast<uintptr_t>(produce)));
    arguments.push_back(Pointer(reinterpret_cast<uintptr_t>(get_schema)));
    result->function =
        make_uniq<duckdb::FunctionExpression>("arrow_scan_dumb", std::move(arguments));
    result->alias = alias;
    return std::move(result);
}

// ---- Types that Arrow lacks: what their columns are marked with (arm_sql) ----

// Text, in whichever layout: others hand a column on in another one.
bool IsText(const string &format)
{
    return format == "u" || format == "U" || format == "vu";
}

// The SQL type that a column is cast to; empty: as it comes. Row calls tell of the types, too, but
// their values are not text (arm_get).
string MarkedType(const ArrowSchema &column)
{
    static const std::set<string> told_as_text{"UHUGEINT", "UUID",   "BIT",
                                               "TIMETZ",   "BIGNUM", "JSON"};
    duckdb::ArrowSchemaMetadata metadata(column.metadata);
    string type = metadata.GetOption("arm.type");
    bool is_cast = type == "HUGEINT" || (IsText(column.format) && told_as_text.count(type) != 0);

    return is_cast ? type : "";
}

// The scan, with casts where columns are marked.
unique_ptr<duckdb::TableRef> WithTypes(unique_ptr<duckdb::TableRef> scan, ArrowArrayStream *stream)
{
    duckdb::ArrowSchemaWrapper schema;
    string casts;

    GetSchema(stream, schema.arrow_schema);
    for (int64_t i = 0; i < schema.arrow_schema.n_children; i++) {
        auto &column = *schema.arrow_schema.children[i];
        string type = MarkedType(column);

        if (!type.empty()) {
            string name = duckdb::KeywordHelper::WriteQuoted(column.name, '"');
            casts +=
                (casts.empty() ? "" : ", ") + ("CAST(" + name + " AS " + type + ") AS ") + name;
        }
    }
    if (casts.empty()) {
        return scan;
    }
    duckdb::Parser parser;
    parser.ParseQuery("SELECT * REPLACE (" + casts + ") FROM t");
    auto select = duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
        std::move(parser.statements[0]));
    string alias = scan->alias;
    select->node->Cast<duckdb::SelectNode>().from_table = std::move(scan);
    return make_uniq<duckdb::SubqueryRef>(std::move(select), alias);
}

// ---- Rows that somebody is asked for by name ----

// Lives as long as the plan does; a stream that is scanned is the scan's.
struct Found : duckdb::DependencyItem {
    explicit Found(string name) : name(std::move(name)) {}
    Found(const Found &) = delete;
    Found &operator=(const Found &) = delete;
    ~Found() override
    {
        if (stream.release != nullptr) {
            stream.release(&stream);
        }
    }

    string name;
    ArrowArrayStream stream{};
};

void GetFoundSchema(ArrowArrayStream *self, ArrowSchema &schema)
{
    GetSchema(&reinterpret_cast<Found *>(self)->stream, schema);
}

unique_ptr<duckdb::ArrowArrayStreamWrapper> ProduceFound(uintptr_t self,
                                                         duckdb::ArrowStreamParameters &)
{
    auto &found = *reinterpret_cast<Found *>(self);
    auto result = make_uniq<duckdb::ArrowArrayStreamWrapper>();

    if (found.stream.release == nullptr) {
        throw duckdb::InvalidInputException(
            "the rows of \"%s\" are given once, and this statement reads them again and again: "
            "make a temporary table of them first",
            found.name);
    }
    result->arrow_array_stream = found.stream;
    found.stream.release = nullptr;
    result->number_of_rows = -1;
    return result;
}

unique_ptr<duckdb::TableRef> Find(const Inputs &inputs, const string &name)
{
    auto found = make_shared_ptr<Found>(name);
    arm_error error;

    Check(inputs.find_rows(inputs.find_context, name.c_str(), &found->stream, &error), error);
    if (found->stream.release == nullptr) {
        return nullptr;
    }
    Widen(found->stream);
    auto result =
        Scan(reinterpret_cast<uintptr_t>(found.get()), &ProduceFound, &GetFoundSchema, name);
    auto *stream = &found->stream;
    result->external_dependency = make_shared_ptr<duckdb::ExternalDependency>();
    result->external_dependency->AddDependency("replacement_cache", std::move(found));
    return WithTypes(std::move(result), stream);
}

unique_ptr<duckdb::TableRef> Replace(ClientContext &context, duckdb::ReplacementScanInput &input,
                                     optional_ptr<duckdb::ReplacementScanData>)
{
    auto session = SessionState::TryGet(context);

    if (!session || !input.schema_name.empty()) {
        return nullptr;
    }
    auto stream = session->streams.find(input.table_name);
    if (stream != session->streams.end()) {
        return WithTypes(Scan(reinterpret_cast<uintptr_t>(stream->second), &Produce, &GetSchema,
                              input.table_name),
                         stream->second);
    }
    if (session->inputs && session->inputs->find_rows != nullptr) {
        return Find(*session->inputs, input.table_name);
    }
    return nullptr;
}

} // namespace

void RegisterArrowSource(duckdb::DBConfig &config)
{
    config.replacement_scans.emplace_back(Replace);
}

} // namespace arm
