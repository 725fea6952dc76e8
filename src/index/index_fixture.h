/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_INDEX_INDEX_FIXTURE_H
#define ARM_INDEX_INDEX_FIXTURE_H

/* For tests of the fold: an empty index with a writing transaction open, which records go into. */

#include "index/index_private.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

static struct temp_dir dir;
static struct arm_index *the_index;
static struct arm_index_txn *txn;
static struct arm_error err;

static inline int setup(void **state)
{
    (void)state;
    dir = temp_dir_make();
    assert_ok(arm__index_open(dir.path, &the_index, &err), err);
    assert_ok(arm__index_write(the_index, &txn, &err), err);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arm__index_abort(txn);
    arm__index_close(the_index);
    temp_dir_remove(&dir);
    return 0;
}

static inline arm_status fold_at(uint64_t tx, const Armpb__Record *record)
{
    struct arm_fold_at at = {.tx = tx, .segment = 0, .offset = 1000 * tx};

    return arm__index_fold(txn, &at, record, &err);
}

#endif
