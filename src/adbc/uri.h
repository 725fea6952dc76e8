/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_URI_H
#define ARM_ADBC_URI_H

/* The option `uri`: a path, or a URI of the scheme file without a host. */

#include "adbc/adbc_private.h"

/* `*out` is the path, on the heap. Errors: INVALID_ARGUMENT. */
AdbcStatusCode arm__adbc_uri_path(const char *uri, char **out, struct AdbcError *error);

#endif
