// SPDX-License-Identifier: Apache-2.0
#include "duck/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "duck/shorten.hpp"

namespace arm
{

using duckdb::ErrorData;
using duckdb::Exception;
using duckdb::ExceptionType;

namespace
{

constexpr const char *STATUS_KEY = "armillaria_status";
constexpr const char *COMMIT_KEY = "armillaria_commit";
constexpr idx_t LINE_HEAD = 300;
constexpr idx_t LINE_TAIL = 200;

// What DuckDB should take a code for: it decides whether an open transaction survives.
ExceptionType TypeOf(arm_status code)
{
    switch (code) {
    case ARM_NOT_FOUND:
    case ARM_EXISTS:
    case ARM_INVALID_NAME:
        return ExceptionType::CATALOG;
    case ARM_INVALID:
        return ExceptionType::BINDER;
    case ARM_NO_MEMORY:
        return ExceptionType::OUT_OF_MEMORY;
    case ARM_IO:
    case ARM_FULL:
    case ARM_CORRUPT:
    case ARM_HASH_MISMATCH:
        return ExceptionType::IO;
    case ARM_PERMISSION:
    case ARM_READ_ONLY:
        return ExceptionType::PERMISSION;
    case ARM_CONSTRAINT:
        return ExceptionType::CONSTRAINT;
    case ARM_CONFLICT:
        return ExceptionType::TRANSACTION;
    case ARM_INTERRUPTED:
        return ExceptionType::INTERRUPT;
    case ARM_UNSUPPORTED:
        return ExceptionType::NOT_IMPLEMENTED;
    default:
        return ExceptionType::INVALID_INPUT;
    }
}

Exception AsException(const arm_error &error)
{
    duckdb::unordered_map<string, string> extra;
    char hex[2 * ARM_ID_BYTES + 1];
    arm_id id;

    extra[STATUS_KEY] = std::to_string(static_cast<int>(error.code));
    std::memcpy(id.bytes, error.commit_id, sizeof id.bytes);
    arm__id_hex(&id, hex);
    extra[COMMIT_KEY] = hex;
    return Exception(extra, TypeOf(error.code), error.message);
}

// Errors of our own, recognised by their extra info.
bool TellOurs(const ErrorData &error, arm_error *out, arm_status *code)
{
    auto status = error.ExtraInfo().find(STATUS_KEY);
    auto commit = error.ExtraInfo().find(COMMIT_KEY);
    arm_id id;

    if (status == error.ExtraInfo().end()) {
        return false;
    }
    *code = static_cast<arm_status>(std::atoi(status->second.c_str()));
    arm__fail(out, *code, "%s", error.RawMessage().c_str());
    if (out != nullptr && commit != error.ExtraInfo().end() &&
        arm__id_parse(commit->second.c_str(), &id, nullptr) == ARM_OK) {
        std::memcpy(out->commit_id, id.bytes, sizeof out->commit_id);
    }
    return true;
}

// DuckDB gives the error number of a failed system call along.
arm_status CodeOfIo(const ErrorData &error)
{
    auto number = error.ExtraInfo().find("errno");

    if (number == error.ExtraInfo().end()) {
        return ARM_IO;
    }
    switch (std::atoi(number->second.c_str())) {
    case ENOSPC:
    case EDQUOT:
        return ARM_FULL;
    case ENOENT:
        return ARM_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ARM_PERMISSION;
    default:
        return ARM_IO;
    }
}

arm_status CodeOf(const ErrorData &error)
{
    switch (error.Type()) {
    case ExceptionType::CONSTRAINT:
        return ARM_CONSTRAINT;
    case ExceptionType::INTERRUPT:
        return ARM_INTERRUPTED;
    case ExceptionType::OUT_OF_MEMORY:
        return ARM_NO_MEMORY;
    case ExceptionType::IO:
        return CodeOfIo(error);
    case ExceptionType::PERMISSION:
        return ARM_PERMISSION;
    case ExceptionType::NOT_IMPLEMENTED:
        return ARM_UNSUPPORTED;
    default:
        return ARM_SQL;
    }
}

} // namespace

void Throw(const arm_error &error)
{
    throw AsException(error);
}

ErrorData AsErrorData(const arm_error &error)
{
    return ErrorData(AsException(error));
}

void Refuse(const string &what)
{
    arm_error error;

    arm__fail(&error, ARM_UNSUPPORTED, "%s is not supported yet", what.c_str());
    Throw(error);
}

arm_status Tell(const ErrorData &error, arm_error *out)
{
    arm_status code = ARM_OK;

    if (!TellOurs(error, out, &code)) {
        code = CodeOf(error);
        arm__fail(out, code, "%s", Shortened(error.Message(), LINE_HEAD, LINE_TAIL).c_str());
    }
    return code;
}

} // namespace arm
