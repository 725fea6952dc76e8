// SPDX-License-Identifier: Apache-2.0
#include "duck/arrow_source.hpp"

#include "duck/error.hpp"
#include "duck/session_state.hpp"
#include "duckdb/common/arrow/arrow_wrapper.hpp"
#include "duckdb/function/replacement_scan.hpp"
#include "duckdb/function/table/arrow.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/tableref/table_function_ref.hpp"

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
    result->number_of_rows = -1;
    return result;
}

unique_ptr<duckdb::ParsedExpression> Pointer(uintptr_t pointer)
{
    return make_uniq<duckdb::ConstantExpression>(Value::POINTER(pointer));
}

unique_ptr<duckdb::TableRef> Replace(ClientContext &context, duckdb::ReplacementScanInput &input,
                                     optional_ptr<duckdb::ReplacementScanData>)
{
    auto session = SessionState::TryGet(context);
    vector<unique_ptr<duckdb::ParsedExpression>> arguments;
    auto result = make_uniq<duckdb::TableFunctionRef>();

    if (!session || !input.schema_name.empty()) {
        return nullptr;
    }
    auto stream = session->streams.find(input.table_name);
    if (stream == session->streams.end()) {
        return nullptr;
    }
    arguments.push_back(Pointer(reinterpret_cast<uintptr_t>(stream->second)));
    arguments.push_back(Pointer(reinterpret_cast<uintptr_t>(&Produce)));
    arguments.push_back(Pointer(reinterpret_cast<uintptr_t>(&GetSchema)));
    result->function =
        make_uniq<duckdb::FunctionExpression>("arrow_scan_dumb", std::move(arguments));
    result->alias = input.table_name;
    return std::move(result);
}

} // namespace

void RegisterArrowSource(duckdb::DBConfig &config)
{
    config.replacement_scans.emplace_back(Replace);
}

} // namespace arm
