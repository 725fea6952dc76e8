// SPDX-License-Identifier: Apache-2.0
#include "duck/event_value.hpp"

namespace arm
{

namespace
{

LogicalType ChangeType()
{
    return LogicalType::STRUCT({{"table_name", LogicalType::VARCHAR},
                                {"old_version", LogicalType::UBIGINT},
                                {"new_version", LogicalType::UBIGINT},
                                {"is_new_table", LogicalType::BOOLEAN},
                                {"rows_added", LogicalType::UBIGINT},
                                {"rows_removed", LogicalType::UBIGINT},
                                {"bytes_added", LogicalType::UBIGINT},
                                {"bytes_removed", LogicalType::UBIGINT}});
}

} // namespace

Value NumberOrNull(uint64_t value)
{
    return value == 0 ? Value(LogicalType::UBIGINT) : Value::UBIGINT(value);
}

LogicalType ChangesType()
{
    return LogicalType::LIST(ChangeType());
}

Value ChangesOf(const arm_event &event)
{
    vector<Value> changes;

    for (size_t i = 0; i < event.change_count; i++) {
        const arm_change &change = event.changes[i];

        changes.push_back(Value::STRUCT(
            ChangeType(),
            {Value(change.table_name), NumberOrNull(change.old_version),
             NumberOrNull(change.new_version), Value::BOOLEAN(change.is_new_table),
             Value::UBIGINT(change.rows_added), Value::UBIGINT(change.rows_removed),
             Value::UBIGINT(change.bytes_added), Value::UBIGINT(change.bytes_removed)}));
    }
    return Value::LIST(ChangeType(), changes);
}

} // namespace arm
