// SPDX-License-Identifier: Apache-2.0
#ifndef ARM_DUCK_ERROR_HPP
#define ARM_DUCK_ERROR_HPP

// The one place where statuses become exceptions and exceptions become statuses (D1). A failed
// C call is thrown as a DuckDB exception that carries code and commit id in its extra info; what
// comes back out of DuckDB with that info is the same error again, word for word.

#include <new>

#include "duck/core.hpp"

namespace arm
{

// Throw `error`, as it came out of a C call.
[[noreturn]] void Throw(const arm_error &error);

inline void Check(arm_status st, const arm_error &error)
{
    if (st != ARM_OK) {
        Throw(error);
    }
}

// As a value, for hooks that return their error.
duckdb::ErrorData AsErrorData(const arm_error &error);

// "<what> is not supported yet", which comes out as ARM_UNSUPPORTED.
[[noreturn]] void Refuse(const string &what);

// Fill `out` (may be NULL) from what DuckDB caught; returns its code.
arm_status Tell(const duckdb::ErrorData &error, arm_error *out);

// Run `body`, which returns a status, and let no exception out.
template <class BODY> arm_status Guard(arm_error *err, BODY &&body)
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory");
    } catch (const std::exception &ex) {
        return Tell(duckdb::ErrorData(ex), err);
    } catch (...) {
        return arm__fail(err, ARM_SQL, "an unknown exception was thrown");
    }
}

} // namespace arm

#endif
