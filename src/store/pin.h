/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_STORE_PIN_H
#define ARM_STORE_PIN_H

/* Pins: from which tx on the readers of this machine need the history. A pin names a tx, and says
 * to whoever removes chunks, in whatever process: what was current then, or became so later, is
 * being read, in any layout that was in use then or came later.
 *
 * P1  A pin is seen by every arm__pins_oldest that begins after arm__pin_take returned, and by
 *     none once its owner has dropped it, or died.
 * P2  Taking and dropping one costs no system call, but for the first of a process.
 *
 * So a reader pins what is durable before it chooses a snapshot, and looks at the horizon after;
 * gc makes the horizon durable before it looks at the pins: one of the two sees the other. */

#include "store/chunk.h"

/* The caller's memory, zeroed before its first use. */
struct arm_pin {
    struct arm_pin *older;
    struct arm_pin *newer;
    uint64_t tx;
    bool is_held;
    bool is_blind; /* pin.c */
};

/* Hold `tx`; of a pin that is held: the earlier of the two. Errors: ARM_FORKED, ARM_IO. */
arm_status arm__pin_take(struct arm_store *store, uint64_t tx, struct arm_pin *pin,
                         struct arm_error *err);
void arm__pin_drop(struct arm_store *store, struct arm_pin *pin); /* one not held is accepted */

/* The oldest pin of all living processes; UINT64_MAX: there is none. */
arm_status arm__pins_oldest(struct arm_store *store, uint64_t *out, struct arm_error *err);

#endif
