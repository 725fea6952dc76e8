/* SPDX-License-Identifier: Apache-2.0 */
/* Runs are gone through part by part, each the hashes between two bounds, so that the table of a
 * part's fresh rows stays in the processor's cache and memory stays bounded, however many rows. */

#include "keys/key_meet.h"

#include <string.h>

#include "base/alloc.h"

enum { PART_ROWS = 1 << 15, SLOTS_MIN = 64, SEEK_COST = 24 };

struct place {
    uint64_t hash; /* ARM_KEY_NONE: free */
    uint32_t run;
    uint32_t row;
};

struct meeting {
    struct arm_key_run *const *fresh;
    size_t fresh_count;
    struct arm_key_run *const *old;
    size_t old_count;
    arm_visit_pair *visit;
    void *context;
    struct place *slots; /* of the fresh rows of a part */
    size_t slot_count;   /* a power of two */
};

/* A part: hashes from `first` on, before `end` (0: to the last). */
struct part {
    uint64_t first;
    uint64_t end;
};

static size_t total(struct arm_key_run *const *runs, size_t count)
{
    size_t rows = 0;

    for (size_t i = 0; i < count; i++) {
        rows += arm__key_run_count(runs[i]);
    }
    return rows;
}

static void range_of(const struct arm_key_run *run, const struct part *part, size_t *first,
                     size_t *end)
{
    *first = part->first == 0 ? 0 : arm__key_run_seek(run, part->first);
    *end = part->end == 0 ? arm__key_run_count(run) : arm__key_run_seek(run, part->end);
}

static size_t home_of(const struct meeting *m, uint64_t hash)
{
    return (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 24) & (m->slot_count - 1);
}

/* Whom the row meets among those in the table. */
static arm_status meet(const struct meeting *m, uint64_t hash, struct arm_key_pair *pair,
                       size_t *out_free, struct arm_error *err)
{
    size_t at = home_of(m, hash);

    for (; m->slots[at].hash != ARM_KEY_NONE; at = (at + 1) & (m->slot_count - 1)) {
        if (m->slots[at].hash == hash) {
            struct arm_key_pair found = *pair;
            arm_status st;

            if (pair->is_fresh) { /* the row in hand is the later one */
                found.other = m->slots[at].run;
                found.other_row = m->slots[at].row;
            } else {
                found.run = m->slots[at].run;
                found.row = m->slots[at].row;
            }
            st = m->visit(m->context, &found, err);
            if (st != ARM_OK) {
                return st;
            }
        }
    }
    *out_free = at;
    return ARM_OK;
}

/* Hashes are spread evenly, but nothing holds equal ones apart: room for all of the part. */
static arm_status reserve(struct meeting *m, const struct part *part, struct arm_error *err)
{
    size_t slot_count = m->slot_count;
    size_t rows = 0;
    arm_status st = ARM_OK;

    for (size_t r = 0; r < m->fresh_count; r++) {
        size_t first;
        size_t end;

        range_of(m->fresh[r], part, &first, &end);
        rows += end - first;
    }
    while (slot_count < 2 * rows) {
        slot_count *= 2;
    }
    if (m->slots == NULL || slot_count > m->slot_count) {
        ARM_TRY(arm__realloc(&m->slots, slot_count, sizeof *m->slots, err));
        m->slot_count = slot_count;
    }
done:
    return st;
}

static arm_status put_fresh(struct meeting *m, const struct part *part, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(reserve(m, part, err));
    memset(m->slots, 0, m->slot_count * sizeof *m->slots);
    for (size_t r = 0; r < m->fresh_count; r++) {
        const uint64_t *hashes = arm__key_run_hashes(m->fresh[r]);
        const uint32_t *rows = arm__key_run_numbers(m->fresh[r]);
        size_t first;
        size_t end;

        range_of(m->fresh[r], part, &first, &end);
        for (size_t i = first; i < end; i++) {
            struct arm_key_pair pair = {.run = r, .row = rows[i], .is_fresh = true};
            size_t at;

            ARM_TRY(meet(m, hashes[i], &pair, &at, err));
            m->slots[at] = (struct place){hashes[i], (uint32_t)r, rows[i]};
        }
    }
done:
    return st;
}

static arm_status meet_old(struct meeting *m, const struct part *part, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t r = 0; r < m->old_count; r++) {
        const uint64_t *hashes = arm__key_run_hashes(m->old[r]);
        const uint32_t *rows = arm__key_run_numbers(m->old[r]);
        size_t first;
        size_t end;

        range_of(m->old[r], part, &first, &end);
        for (size_t i = first; i < end; i++) {
            struct arm_key_pair pair = {.other = r, .other_row = rows[i]};
            size_t at;

            ARM_TRY(meet(m, hashes[i], &pair, &at, err));
        }
    }
done:
    return st;
}

/* A few fresh rows, each looked up in the old runs. */
static arm_status seek_old(struct meeting *m, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t o = 0; o < m->old_count; o++) {
        const uint64_t *old = arm__key_run_hashes(m->old[o]);
        size_t old_rows = arm__key_run_count(m->old[o]);

        for (size_t r = 0; r < m->fresh_count; r++) {
            const uint64_t *hashes = arm__key_run_hashes(m->fresh[r]);

            for (size_t i = 0; i < arm__key_run_count(m->fresh[r]); i++) {
                size_t at = arm__key_run_seek(m->old[o], hashes[i]);

                for (; at < old_rows && old[at] == hashes[i]; at++) {
                    struct arm_key_pair pair = {
                        .run = r,
                        .row = arm__key_run_numbers(m->fresh[r])[i],
                        .other = o,
                        .other_row = arm__key_run_numbers(m->old[o])[at],
                    };

                    ARM_TRY(m->visit(m->context, &pair, err));
                }
            }
        }
    }
done:
    return st;
}

arm_status arm__keys_meet(struct arm_key_run *const *fresh, size_t fresh_count,
                          struct arm_key_run *const *old, size_t old_count, arm_visit_pair *visit,
                          void *context, struct arm_error *err)
{
    struct meeting m = {fresh, fresh_count, old, old_count, visit, context, NULL, SLOTS_MIN};
    size_t rows = total(fresh, fresh_count);
    bool seeks = rows * old_count * SEEK_COST < total(old, old_count);
    uint64_t parts = rows / PART_ROWS + 1;
    uint64_t step = parts == 1 ? 0 : UINT64_MAX / parts + 1;
    arm_status st = ARM_OK;

    if (rows == 0) {
        return ARM_OK;
    }
    for (uint64_t p = 0; p < parts; p++) {
        struct part part = {p * step, p + 1 == parts ? 0 : (p + 1) * step};

        ARM_TRY(put_fresh(&m, &part, err));
        if (!seeks) {
            ARM_TRY(meet_old(&m, &part, err));
        }
    }
    if (seeks) {
        ARM_TRY(seek_old(&m, err));
    }
done:
    arm__free(m.slots);
    return st;
}
