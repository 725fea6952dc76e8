/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer of the changelog that commits what it made of its events and its cursor as one. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "txn/txn_private.h"

arm_status arm__txn_acknowledge(struct arm_transaction *txn, struct arm_new_cursor *cursor,
                                struct arm_error *err)
{
    struct arm_txn_cursor *own = txn->cursor;
    arm_status st = ARM_OK;

    if (txn->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "a transaction that only reads acknowledges nothing");
    }
    if (own != NULL && strcmp(own->name, cursor->name) != 0) {
        return arm__fail(err, ARM_INVALID,
                         "the transaction acknowledges for consumer \"%s\" already: one has a "
                         "transaction of its own",
                         own->name);
    }
    if (own != NULL && own->cursor.member != cursor->member) {
        return arm__fail(err, ARM_INVALID,
                         "the transaction acknowledges for another member of consumer \"%s\" "
                         "already: each has transactions of its own",
                         own->name);
    }
    if (own == NULL) {
        ARM_TRY(arm__calloc(1, sizeof *own, &own, err));
        (void)snprintf(own->name, sizeof own->name, "%s", cursor->name);
        own->seen = *cursor->seen;
        txn->cursor = own;
    }
    if (cursor->acked_tx >= own->cursor.acked_tx) { /* then its shares are all that were said */
        own->cursor = (struct arm_new_cursor){.name = own->name,
                                              .shares = own->cursor.shares | cursor->shares,
                                              .acked_tx = cursor->acked_tx,
                                              .seen = &own->seen,
                                              .member = cursor->member};
    }
    cursor->shares = own->cursor.shares;
    cursor->acked_tx = own->cursor.acked_tx;
done:
    return st;
}
