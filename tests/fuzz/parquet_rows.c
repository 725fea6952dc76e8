/* SPDX-License-Identifier: Apache-2.0 */
/* The footer of a Parquet file (commit/parquet_rows.c): a row count that is one, the same when only
 * the end of the file is there; or damage. */

#include "commit/commit_private.h"
#include "support/fuzz.h"

enum { TRAILER_BYTES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_bytes file = arm__bytes(data, size);
    uint64_t rows;
    uint64_t rows_of_end = 0;
    size_t end;
    struct arm_error err;

    FUZZ_FILL(rows);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__parquet_rows(file, &rows, &err), ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(FUZZ_UNTOUCHED(rows));
        return 0;
    }
    assert(rows <= INT64_MAX);
    end = arm__get_u32(data + size - TRAILER_BYTES) + (size_t)TRAILER_BYTES;
    assert(end <= size);
    assert(arm__parquet_rows(arm__bytes(data + size - end, end), &rows_of_end, NULL) == ARM_OK);
    assert(rows == rows_of_end);
    return 0;
}
