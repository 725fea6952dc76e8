/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_OPTION_CALLS_H
#define ARM_ADBC_OPTION_CALLS_H

/* ADBC's eight calls for the options of each of its objects: named arm__adbc_<object>_set_bytes
 * and so on. */

#include "adbc/adbc_private.h"

#define ARM_ADBC_OPTION_CALLS(object, Type)                                                        \
    AdbcStatusCode arm__adbc_##object##_set_text(struct Type *handle, const char *key,             \
                                                 const char *value, struct AdbcError *error);      \
    AdbcStatusCode arm__adbc_##object##_set_bytes(struct Type *handle, const char *key,            \
                                                  const uint8_t *value, size_t length,             \
                                                  struct AdbcError *error);                        \
    AdbcStatusCode arm__adbc_##object##_set_int(struct Type *handle, const char *key,              \
                                                int64_t value, struct AdbcError *error);           \
    AdbcStatusCode arm__adbc_##object##_set_real(struct Type *handle, const char *key,             \
                                                 double value, struct AdbcError *error);           \
    AdbcStatusCode arm__adbc_##object##_get_text(struct Type *handle, const char *key,             \
                                                 char *value, size_t *length,                      \
                                                 struct AdbcError *error);                         \
    AdbcStatusCode arm__adbc_##object##_get_bytes(struct Type *handle, const char *key,            \
                                                  uint8_t *value, size_t *length,                  \
                                                  struct AdbcError *error);                        \
    AdbcStatusCode arm__adbc_##object##_get_int(struct Type *handle, const char *key,              \
                                                int64_t *value, struct AdbcError *error);          \
    AdbcStatusCode arm__adbc_##object##_get_real(struct Type *handle, const char *key,             \
                                                 double *value, struct AdbcError *error);

ARM_ADBC_OPTION_CALLS(database, AdbcDatabase)
ARM_ADBC_OPTION_CALLS(connection, AdbcConnection)
ARM_ADBC_OPTION_CALLS(statement, AdbcStatement)

#endif
