// SPDX-License-Identifier: Apache-2.0
#include "duck/settings.hpp"

#include "duckdb/common/enums/set_scope.hpp"
#include "duckdb/main/client_context.hpp"

namespace arm
{

using duckdb::StringUtil;

namespace
{

constexpr const char *ISOLATION = "arm_isolation";
constexpr const char *GRAIN = "arm_conflict_grain";
constexpr const char *RETRIES = "arm_retries";
constexpr const char *FEW_ROWS = "arm_merge_few_rows";
constexpr uint64_t RETRIES_MAX = 1000;
constexpr uint64_t FEW_ROWS_DEFAULT = 256;
constexpr uint64_t FEW_ROWS_MAX = STANDARD_VECTOR_SIZE;

const vector<string> &Levels()
{
    static const vector<string> levels = {"snapshot", "serializable"};

    return levels;
}

// In the order of enum arm_grain.
const vector<string> &Grains()
{
    static const vector<string> grains = {"row", "chunk", "table"};

    return grains;
}

idx_t Place(const vector<string> &words, const string &word)
{
    idx_t place = 0;

    while (place < words.size() && !StringUtil::CIEquals(words[place], word)) {
        place++;
    }
    return place;
}

string Setting(ClientContext &context, const string &name)
{
    Value value;

    return context.TryGetCurrentSetting(name, value) && !value.IsNull() ? value.ToString()
                                                                        : string();
}

void OneOf(const char *name, const vector<string> &words, Value &value)
{
    auto word = value.IsNull() ? string() : value.ToString();
    auto place = Place(words, word);

    if (place == words.size()) {
        throw duckdb::InvalidInputException("%s is one of '%s', not '%s'", name,
                                            StringUtil::Join(words, "', '"), word);
    }
    value = Value(words[place]);
}

void SetIsolation(ClientContext &, duckdb::SetScope, Value &value)
{
    OneOf(ISOLATION, Levels(), value);
}

void SetGrain(ClientContext &, duckdb::SetScope, Value &value)
{
    OneOf(GRAIN, Grains(), value);
}

void AtMost(const char *name, uint64_t most, const Value &value)
{
    if (value.IsNull() || value.GetValue<uint64_t>() > most) {
        throw duckdb::InvalidInputException("%s is a number from 0 to %llu", name, most);
    }
}

void SetRetries(ClientContext &, duckdb::SetScope, Value &value)
{
    AtMost(RETRIES, RETRIES_MAX, value);
}

void SetFewRows(ClientContext &, duckdb::SetScope, Value &value)
{
    AtMost(FEW_ROWS, FEW_ROWS_MAX, value);
}

uint64_t Number(ClientContext &context, const char *name)
{
    Value value;

    return context.TryGetCurrentSetting(name, value) && !value.IsNull() ? value.GetValue<uint64_t>()
                                                                        : 0;
}

} // namespace

void RegisterSettings(duckdb::DBConfig &config)
{
    config.AddExtensionOption(ISOLATION,
                              "Isolation of the transactions of this session: snapshot, or "
                              "serializable, where reads are validated at commit too",
                              LogicalType::VARCHAR, Value(Levels()[0]), SetIsolation);
    config.AddExtensionOption(GRAIN, "How fine conflicts are told: by row, chunk or table",
                              LogicalType::VARCHAR, Value(Grains()[0]), SetGrain);
    config.AddExtensionOption(RETRIES,
                              "How often a statement outside BEGIN and COMMIT that met a conflict "
                              "is run again",
                              LogicalType::UBIGINT, Value::UBIGINT(0), SetRetries);
    config.AddExtensionOption(FEW_ROWS,
                              "Of how many rows at most a table is merged without a statement",
                              LogicalType::UBIGINT, Value::UBIGINT(FEW_ROWS_DEFAULT), SetFewRows);
}

arm_txn_settings TransactionSettings(ClientContext &context)
{
    auto grain = Place(Grains(), Setting(context, GRAIN));
    arm_txn_settings result = {};

    result.serializable = Setting(context, ISOLATION) == Levels()[1];
    result.grain = static_cast<arm_grain>(grain == Grains().size() ? 0 : grain);
    return result;
}

uint64_t Retries(ClientContext &context)
{
    return Number(context, RETRIES);
}

uint64_t FewRowsMax(ClientContext &context)
{
    return Number(context, FEW_ROWS);
}

} // namespace arm
