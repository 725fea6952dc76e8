/* SPDX-License-Identifier: Apache-2.0 */
/* What a CSV file's first line says (query/csv.c): one of four delimiters and two columns or more,
 * or nothing; and nothing behind the first line changes that. */

#include <stdlib.h>

#include "query/csv.h"
#include "support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_csv_head head = arm__csv_look(fuzz_file(data, size));
    struct arm_csv_head again;
    const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);

    if (head.delimiter == '\0') {
        assert(head.column_count == 0);
        return 0;
    }
    assert(strchr(",;\t|", head.delimiter) != NULL);
    assert(head.column_count >= 2);
    assert(head.column_count <= size + 1);
    if (line_end != NULL && memchr(data, '"', (size_t)(line_end - data)) == NULL) {
        again = arm__csv_look(fuzz_file(data, (size_t)(line_end - data)));
        assert(again.delimiter == head.delimiter);
        assert(again.column_count == head.column_count);
    }
    return 0;
}
