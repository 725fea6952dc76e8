/* SPDX-License-Identifier: Apache-2.0 */
/* A log of one to three segments whose bytes come from anywhere: recovery refuses, finds damage, or
 * gives a chain (support/log_check.h). The input is flags (1: hashes of frames are put right and
 * chained; 2: headers come from the input too; 4, 8: more segments), what is known to be durable,
 * and the segments, each behind two bytes of its size. */

#include <stdlib.h>

#include "support/fuzz.h"
#include "support/log_check.h"
#include "support/mend.h"

enum { FLAG_MEND = 1, FLAG_HEADERS = 2, FLAG_MORE = 4, FLAG_FIELDS = 80 };

struct builder {
    struct memory_io *memory;
    uint8_t flags;
    uint64_t next_tx;
    struct arm_hash previous;
};

/* The tx behind the frames, as far as they are some. */
static uint64_t count_txs(struct arm_bytes frames, uint64_t next_tx)
{
    struct arm_frame_header header;

    while (arm__frame_decode_header(frames, &header, NULL) == ARM_OK &&
           header.size_bytes <= frames.size) {
        next_tx = header.first_tx + header.record_count;
        frames = arm__bytes(frames.data + header.size_bytes, frames.size - header.size_bytes);
    }
    return next_tx;
}

static void add_segment(struct builder *builder, uint64_t number, struct fuzz_input *in)
{
    static const struct arm_hash none = {{0}};
    uint8_t *bytes = calloc(1, ARM_SEGMENT_HEADER_BYTES + UINT16_MAX + 1);
    size_t size = fuzz_take_u8(in);
    struct arm_bytes given;
    struct arm_hash hash;

    assert(bytes != NULL);
    size |= (size_t)fuzz_take_u8(in) << 8;
    log_check_header(number, builder->next_tx, number == 0 ? &none : &builder->previous, bytes,
                     &hash);
    if ((builder->flags & FLAG_HEADERS) != 0) {
        given = fuzz_take(in, FLAG_FIELDS);
        memcpy(bytes, given.data, given.size);
        free((void *)(uintptr_t)given.data);
        mend_segment(bytes, &hash);
    }
    if (number == 0) {
        builder->previous = hash;
    }
    given = fuzz_take(in, size);
    if (given.size > 0) {
        memcpy(bytes + ARM_SEGMENT_HEADER_BYTES, given.data, given.size);
    }
    if ((builder->flags & FLAG_MEND) != 0) {
        mend_chain(bytes + ARM_SEGMENT_HEADER_BYTES, given.size, &builder->previous);
    }
    builder->next_tx =
        count_txs(arm__bytes(bytes + ARM_SEGMENT_HEADER_BYTES, given.size), builder->next_tx);
    log_check_put_segment(builder->memory, number,
                          arm__bytes(bytes, ARM_SEGMENT_HEADER_BYTES + given.size));
    free((void *)(uintptr_t)given.data);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    struct fuzz_input in = {data, size};
    struct builder builder = {&memory, fuzz_take_u8(&in), 1, {{0}}};
    struct log_check check = {.known_durable = fuzz_take_u8(&in)};
    unsigned more = builder.flags / FLAG_MORE % 4;

    memory_io_init(&memory);
    for (unsigned number = 0; number <= more && number < 3; number++) {
        add_segment(&builder, number, &in);
    }
    (void)log_check_recover(&memory, &check);
    memory_io_release(&memory);
    return 0;
}
