/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_FUZZ_SUPPORT_LOG_CHECK_H
#define ARM_TESTS_FUZZ_SUPPORT_LOG_CHECK_H

/* A log in memory whose segments come from anywhere, and what must hold of its recovery. */

#include "log/log_private.h"
#include "support/memory_io.h"

#define LOG_CHECK_ROOT "r"

extern const struct arm_id log_check_id;

/* Called with each record of the log that recovery kept, in order. */
typedef void log_check_record(void *context, uint64_t tx, const struct arm_record *record);

struct log_check {
    uint64_t known_durable;
    log_check_record *see; /* may be NULL */
    void *context;
    bool is_poisoned; /* the page says that a sync failed: durable frames alone are kept */
    struct arm_log_recovery found; /* out */
};

/* The header of segment `number`, as the log would write it. */
void log_check_header(uint64_t number, uint64_t first_tx, const struct arm_hash *previous,
                      uint8_t out[ARM_SEGMENT_HEADER_BYTES], struct arm_hash *out_hash);
/* Put segment `number` there. */
void log_check_put_segment(struct memory_io *memory, uint64_t number, struct arm_bytes bytes);

/* Open the log and recover it, for reading and for writing. False: it was refused (no segment 0 of
 * this repository). Else all of this holds, or the program stops: both judge alike; what is kept is
 * a chain of valid frames with dense tx ids, and is what is read; damage changes no byte and lets
 * nothing be appended; without damage nothing known durable is missing, a second recovery finds the
 * same and cuts nothing, all behind the tail is zero, and the log takes another record. */
bool log_check_recover(struct memory_io *memory, struct log_check *check);

#endif
