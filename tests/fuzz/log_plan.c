/* SPDX-License-Identifier: Apache-2.0 */
/* A good log of several segments, then spoiled: recovery finds damage, or gives the records that
 * were appended, up to at least what is known to be durable, and no other (support/log_check.h).
 * The input is what is known to be durable and a row of steps, each a byte and what it needs. */

#include <stdio.h>
#include <stdlib.h>

#include "support/fuzz.h"
#include "support/log_check.h"

enum { SEGMENTS_MAX = 5, STEPS_MAX = 40, RECORDS_MAX = 3, PAYLOAD_MAX = 300 };

/* A frame that was appended, and says what was durable then. */
struct witness {
    uint64_t segment;
    size_t offset;
    size_t size;
    uint64_t durable_to;
    struct arm_hash bytes;
};

struct plan {
    struct arm_buf segments[SEGMENTS_MAX];
    struct witness witnesses[STEPS_MAX];
    size_t witness_count;
    uint64_t segment; /* the last one begun */
    uint64_t next_tx;
    uint64_t durable_to; /* as the next frame says it */
    struct arm_hash previous;
};

static size_t spine_of(uint64_t tx, bool is_ours, char out[32])
{
    return (size_t)snprintf(out, 32, "%s %llu", is_ours ? "record" : "forged",
                            (unsigned long long)tx);
}

static void begin_segment(struct plan *plan)
{
    static const struct arm_hash none = {{0}};
    struct arm_buf *segment = &plan->segments[plan->segment];
    uint8_t header[ARM_SEGMENT_HEADER_BYTES];
    struct arm_hash hash;

    log_check_header(plan->segment, plan->next_tx, plan->segment == 0 ? &none : &plan->previous,
                     header, &hash);
    if (plan->segment == 0) {
        plan->previous = hash;
    }
    *segment = ARM_BUF_INIT(1 << 20);
    assert(arm__buf_append(segment, header, sizeof header, NULL) == ARM_OK);
}

/* A frame of `count` records (0: a close frame). Not ours: a whole one that is no part of the
 * log. */
static void append_frame(struct plan *plan, uint32_t count, size_t payload, bool is_ours)
{
    static const uint8_t bytes[PAYLOAD_MAX];
    char spines[RECORDS_MAX][32];
    struct arm_record records[RECORDS_MAX];
    struct arm_hash hash = plan->previous;
    struct arm_frame_header header = {
        .kind = count == 0 ? ARM_FRAME_CLOSE : ARM_FRAME_RECORDS,
        .record_count = count,
        .first_tx = plan->next_tx,
        .durable_to = plan->durable_to < plan->next_tx ? plan->durable_to : plan->next_tx - 1,
    };

    size_t offset = plan->segments[plan->segment].size;
    struct arm_bytes frame;

    hash.bytes[0] ^= is_ours ? 0 : 1;
    header.previous = hash;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = spine_of(plan->next_tx + i, is_ours, spines[i]);

        records[i] = (struct arm_record){arm__bytes(spines[i], size), arm__bytes(bytes, payload)};
    }
    assert(arm__frame_encode(&header, records, &plan->segments[plan->segment], &hash, NULL) ==
           ARM_OK);
    if (is_ours) {
        frame = arm__bytes(plan->segments[plan->segment].data + offset,
                           plan->segments[plan->segment].size - offset);
        plan->witnesses[plan->witness_count++] = (struct witness){
            plan->segment, offset, frame.size, header.durable_to, arm__hash(frame)};
        plan->previous = hash;
        plan->next_tx += count;
    }
}

/* The largest tx that a frame which is still whole calls durable. */
static uint64_t find_durable(const struct plan *plan)
{
    uint64_t durable_to = 0;

    for (size_t i = 0; i < plan->witness_count; i++) {
        const struct witness *witness = &plan->witnesses[i];
        const struct arm_buf *segment = &plan->segments[witness->segment];

        if (witness->durable_to > durable_to && witness->offset + witness->size <= segment->size) {
            struct arm_hash now =
                arm__hash(arm__bytes(segment->data + witness->offset, witness->size));

            durable_to = arm__hash_equal(&now, &witness->bytes) ? witness->durable_to : durable_to;
        }
    }
    return durable_to;
}

static struct arm_buf *some_segment(struct plan *plan, struct fuzz_input *in)
{
    return &plan->segments[fuzz_take_u8(in) % (plan->segment + 1)];
}

/* A place in the segment, the header too. */
static size_t some_place(const struct arm_buf *segment, struct fuzz_input *in)
{
    size_t place = fuzz_take_u8(in);

    place |= (size_t)fuzz_take_u8(in) << 8;
    return segment->size == 0 ? 0 : place % segment->size;
}

static void spoil(struct plan *plan, uint8_t step, struct fuzz_input *in)
{
    struct arm_buf *segment = some_segment(plan, in);
    struct arm_buf *other = some_segment(plan, in);
    size_t place = some_place(segment, in);
    struct arm_buf swapped = *segment;

    switch (step % 4) {
    case 0:
        if (segment->size > 0) {
            segment->data[place] ^= (uint8_t)(1u << fuzz_take_u8(in) % 8);
        }
        break;
    case 1:
        segment->size = place;
        break;
    case 2:
        if (segment->size > 0) {
            memset(segment->data + place, 0, segment->size - place);
        }
        break;
    default:
        *segment = *other;
        *other = swapped;
        break;
    }
}

static void do_step(struct plan *plan, uint8_t step, struct fuzz_input *in)
{
    switch (step % 8) {
    case 0:
    case 1:
        append_frame(plan, 1 + fuzz_take_u8(in) % RECORDS_MAX, fuzz_take_u8(in), true);
        break;
    case 2:
        plan->durable_to = plan->next_tx - 1;
        break;
    case 3:
        if (plan->segment + 1 < SEGMENTS_MAX) {
            plan->segment++;
            begin_segment(plan);
        }
        break;
    case 4:
        append_frame(plan, fuzz_take_u8(in) % 2, 0, false);
        break;
    case 5:
        append_frame(plan, 0, 0, true);
        break;
    case 6:
        (void)arm__buf_zeros(&plan->segments[plan->segment], fuzz_take_u8(in), NULL);
        break;
    default:
        spoil(plan, step / 8, in);
        break;
    }
}

static void see_record(void *context, uint64_t tx, const struct arm_record *record)
{
    char spine[32];
    size_t size = spine_of(tx, true, spine);

    (void)context;
    assert(fuzz_same(record->spine, arm__bytes(spine, size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    struct fuzz_input in = {data, size};
    struct plan plan = {.witness_count = 0, .next_tx = 1};
    struct log_check check = {.see = see_record, .known_durable = fuzz_take_u8(&in)};
    uint64_t durable_to;

    memory_io_init(&memory);
    begin_segment(&plan);
    for (unsigned i = 0; i < STEPS_MAX && in.size > 0; i++) {
        do_step(&plan, fuzz_take_u8(&in), &in);
    }
    check.known_durable %= plan.next_tx; /* no more than was appended */
    durable_to = find_durable(&plan);
    for (uint64_t number = 0; number <= plan.segment; number++) {
        log_check_put_segment(&memory, number, arm__buf_bytes(&plan.segments[number]));
        arm__buf_release(&plan.segments[number]);
    }
    if (log_check_recover(&memory, &check)) {
        assert(check.found.damaged || check.found.tail.next_tx > durable_to);
    }
    memory_io_release(&memory);
    return 0;
}
