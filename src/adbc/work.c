/* SPDX-License-Identifier: Apache-2.0 */
/* Work that may be cancelled: see adbc_private.h. A connection's own work counts that of its
 * statements, too, so that cancelling the connection cancels whatever runs. */

#include <stdlib.h>

#include "adbc/adbc_private.h"

struct arm_adbc_work *arm__adbc_work_new(void)
{
    struct arm_adbc_work *work = calloc(1, sizeof *work);

    if (work != NULL) {
        atomic_init(&work->owners, 1);
    }
    return work;
}

struct arm_adbc_work *arm__adbc_work_retain(struct arm_adbc_work *work)
{
    (void)atomic_fetch_add(&work->owners, 1);
    return work;
}

void arm__adbc_work_drop(struct arm_adbc_work *work)
{
    if (work != NULL && atomic_fetch_sub(&work->owners, 1) == 1) {
        free(work);
    }
}

void arm__adbc_begin_work(struct arm_adbc_connection *connection, struct arm_adbc_work *work,
                          struct arm_adbc_token *out)
{
    out->work = atomic_load(&work->cancels);
    out->connection = atomic_load(&connection->work->cancels);
    (void)atomic_fetch_add(&work->running, 1);
    if (work != connection->work) {
        (void)atomic_fetch_add(&connection->work->running, 1);
    }
}

void arm__adbc_end_work(struct arm_adbc_connection *connection, struct arm_adbc_work *work)
{
    (void)atomic_fetch_sub(&work->running, 1);
    if (work != connection->work) {
        (void)atomic_fetch_sub(&connection->work->running, 1);
    }
}

void arm__adbc_begin_call(struct arm_adbc_connection *connection, struct arm_adbc_work *work)
{
    (void)atomic_fetch_add(&work->calling, 1);
    if (work != connection->work) {
        (void)atomic_fetch_add(&connection->work->calling, 1);
    }
}

void arm__adbc_end_call(struct arm_adbc_connection *connection, struct arm_adbc_work *work)
{
    (void)atomic_fetch_sub(&work->calling, 1);
    if (work != connection->work) {
        (void)atomic_fetch_sub(&connection->work->calling, 1);
    }
}

bool arm__adbc_is_cancelled(const struct arm_adbc_connection *connection,
                            const struct arm_adbc_work *work, const struct arm_adbc_token *token)
{
    return atomic_load(&work->cancels) != token->work ||
           atomic_load(&connection->work->cancels) != token->connection;
}
