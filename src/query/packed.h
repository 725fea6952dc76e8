/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_PACKED_H
#define ARM_QUERY_PACKED_H

/* Packed text: gzip and zstd, told by their first bytes. DuckDB unpacks them while it reads, but
 * takes the end of the file for the end of the data, and looks at no checksum: a file that was
 * cut or damaged on its way would be half a table without a word. So it is unpacked once before,
 * for its checksums and its end alone. */

#include "base/status.h"

/* Errors: ARM_SCHEMA where the file is packed and damaged or cut short, or something stands behind
 * it; ARM_IO. ARM_OK where it is not packed. */
arm_status arm__packed_check(const char *path, struct arm_error *err);

#endif
