/* SPDX-License-Identifier: Apache-2.0 */
#include "table/compact_plan.h"

#include "base/alloc.h"
#include "table/cut.h"

enum {
    DEAD_DIVISOR = 4,    /* so large a part of a chunk is worth its rewriting */
    TIER = 4,            /* a chunk so many times the rows beside it waits for more */
    SPAN_CHUNKS = 16,    /* a span makes so many chunks at most, about */
    SOURCES_MAX = 8192,  /* what one record lists, well below a second under the lock */
    FIRST_GROWTH = 1024, /* chunks of a table before they become larger */
};

struct arm_compact_limits arm__compact_limits(uint64_t live_rows)
{
    uint64_t chunks = live_rows / ARM_CUT_TARGET;
    uint32_t factor = 1;

    for (uint64_t bound = FIRST_GROWTH; chunks >= bound && factor < ARM_CUT_FACTOR_MAX;
         bound *= 4) {
        factor *= 2;
    }
    return (struct arm_compact_limits){
        .chunk_factor = factor,
        .sources_max = SOURCES_MAX,
        .chunk_rows = factor * ARM_CUT_MIN,
        .chunk_bytes = ARM_CUT_BYTES_MIN / 4,
        .span_rows_max = (uint64_t)SPAN_CHUNKS * factor * ARM_CUT_TARGET,
    };
}

static uint64_t live(const struct arm_state_entry *entry)
{
    return entry->rows - entry->dead;
}

/* To be written anew whatever stands beside it. */
static bool is_urgent(const struct arm_state_entry *entry)
{
    return entry->is_hot || entry->dead >= (entry->rows + DEAD_DIVISOR - 1) / DEAD_DIVISOR;
}

static bool is_wanting(const struct arm_state_entry *entry, const struct arm_compact_limits *limits)
{
    return is_urgent(entry) ||
           (entry->rows < limits->chunk_rows && entry->bytes < limits->chunk_bytes);
}

/* The span that begins at `first`, as long as it may be. */
static struct arm_compact_span take_span(const struct arm_table_state *state,
                                         const struct arm_compact_limits *limits, size_t first)
{
    struct arm_compact_span span = {.first = first};
    uint32_t schema_id = state->entries[first].schema_id;

    while (first + span.count < state->entry_count && span.count < limits->sources_max &&
           span.rows < limits->span_rows_max) {
        const struct arm_state_entry *entry = &state->entries[first + span.count];

        if (entry->schema_id != schema_id || !is_wanting(entry, limits)) {
            break;
        }
        span.rows += live(entry);
        span.count++;
    }
    return span;
}

/* Whether an entry at the span's edge is so large that the others are not worth its rewriting. */
static bool outweighs(const struct arm_compact_span *span, const struct arm_state_entry *entry)
{
    return !is_urgent(entry) && live(entry) > TIER * (span->rows - live(entry));
}

static void trim(const struct arm_table_state *state, struct arm_compact_span *span)
{
    while (span->count > 0 && outweighs(span, &state->entries[span->first])) {
        span->rows -= live(&state->entries[span->first]);
        span->first++;
        span->count--;
    }
    while (span->count > 0 && outweighs(span, &state->entries[span->first + span->count - 1])) {
        span->rows -= live(&state->entries[span->first + span->count - 1]);
        span->count--;
    }
}

arm_status arm__compact_plan(const struct arm_table_state *state,
                             const struct arm_compact_limits *limits, struct arm_compact_span **out,
                             size_t *out_count, struct arm_error *err)
{
    struct arm_compact_span *spans = NULL;
    size_t capacity = 0;
    size_t count = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < state->entry_count;) {
        struct arm_compact_span span = take_span(state, limits, i);

        i += span.count == 0 ? 1 : span.count;
        trim(state, &span);
        if (span.count == 0) {
            continue;
        }
        if (count == capacity) {
            capacity = capacity == 0 ? 16 : 2 * capacity;
            ARM_TRY(arm__realloc(&spans, capacity, sizeof *spans, err));
        }
        spans[count++] = span;
    }
    *out = spans;
    *out_count = count;
    spans = NULL;
done:
    arm__free(spans);
    return st;
}
