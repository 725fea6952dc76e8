// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_INPUTS_HPP
#define ARM_DUCK_INPUTS_HPP

// What a statement is given beside its text: values of its parameters, versions at which tables
// are read, and somebody who is asked for rows by name.

#include "duck/connection.hpp"
#include "duckdb/planner/expression/bound_parameter_data.hpp"

namespace arm
{

struct Inputs {
    // By name; of ? and $1 by number.
    duckdb::case_insensitive_map_t<duckdb::BoundParameterData> parameters;
    // By schema, NUL and name.
    duckdb::case_insensitive_map_t<string> versions;
    arm_find_rows *find_rows = nullptr;
    void *find_context = nullptr;

    static string Key(const string &schema_name, const string &name)
    {
        return schema_name + '\0' + name;
    }
    // The ref at which a table is read that a statement names without one; empty: now.
    string VersionOf(const string &schema_name, const string &name) const;
};

// The stream with the parameters is read. Throws ARM_INVALID, ARM_INVALID_NAME.
Inputs InputsOf(const arm_duck_connection &connection, const arm_duck_inputs &given);

// The inputs are those of the connection's statements for as long as this lives.
class Giving
{
public:
    Giving(SessionState &state, const Inputs &inputs) : state(state) { state.inputs = inputs; }
    ~Giving() { state.inputs = nullptr; }
    Giving(const Giving &) = delete;
    Giving &operator=(const Giving &) = delete;

private:
    SessionState &state;
};

} // namespace arm

#endif
