/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow IPC files that users import (query/arrow_ipc.c): batches of the columns that the schema
 * says, or a refusal with a reason; nothing is left behind. nanoarrow, which reads them, is not
 * instrumented: what it does to memory is seen where it allocates and copies. */

#include "query/arrow_ipc.h"
#include "query/session.h"
#include "support/fuzz.h"

enum { BATCHES_MAX = 1000 };

static void read_all(struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema = {.release = NULL};
    bool more = stream->get_schema(stream, &schema) == 0;

    assert(more); /* it was read before */
    for (size_t i = 0; i < BATCHES_MAX && more; i++) {
        struct ArrowArray array = {.release = NULL};

        more = stream->get_next(stream, &array) == 0 && array.release != NULL;
        if (more) {
            assert(array.n_children == schema.n_children);
            assert(array.length >= 0);
        }
        if (array.release != NULL) {
            array.release(&array);
        }
    }
    schema.release(&schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct ArrowArrayStream stream;
    struct arm_error err;

    (void)arm__arrow_ipc_detect(path);
    FUZZ_FILL(stream);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__arrow_ipc_open(path, &stream, &err), ARM_SCHEMA, ARM_NO_MEMORY, &err)) {
        read_all(&stream);
        stream.release(&stream);
    } else {
        assert(FUZZ_UNTOUCHED(stream));
    }
    return 0;
}
