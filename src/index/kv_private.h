/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_INDEX_KV_PRIVATE_H
#define ARM_INDEX_KV_PRIVATE_H

/* What the two files over LMDB share: kv.c (the environment and its transactions) and kv_items.c
 * (keys and values). */

#include <lmdb.h>
#include <sys/types.h>

#include "base/thread.h"
#include "index/index_private.h"

struct arm_index_txn {
    struct arm_index *index;
    MDB_txn *handle;
    bool is_writing;
    uint64_t tx;                /* for which nodes and vectors are put */
    struct arm_index_txn *next; /* in the pool */
};

struct arm_index {
    MDB_env *env;
    MDB_dbi dbs[ARM_DB_COUNT];
    pid_t pid;
    struct arm_mutex mutex; /* guards the pool; a leaf */
    struct arm_index_txn *pool;
    size_t pool_count;
    struct arm_buf scratch; /* the writer's */
    uint64_t room_to;       /* the writer's: the file has room up to this byte */
    uint64_t write_count;   /* the writer's too */
};

/* `err` filled for what LMDB returned. */
arm_status arm__kv_fail(int rc, const char *what, struct arm_error *err);

#endif
