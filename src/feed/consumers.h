/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_CONSUMERS_H
#define ARM_FEED_CONSUMERS_H

/* Named consumers, seen from outside: how far each has come, and how far it is behind. */

#include "commit/commit.h"

struct arm_consumer_info {
    const char *name;         /* borrowed for the visit */
    uint64_t acked_tx;        /* of the share that is furthest behind */
    uint64_t lag;             /* commits behind that */
    int64_t waiting_since_us; /* time of the first of them; if lag is not 0 */
    uint32_t members;         /* subscriptions there are now */
};
typedef arm_status arm_visit_consumer_info(void *context, const struct arm_consumer_info *info,
                                           struct arm_error *err);
/* In order of name. Counting the lag looks at each commit behind the cursor, in the index. */
arm_status arm__consumers_list(struct arm_repository *repository, arm_visit_consumer_info *visit,
                               void *context, struct arm_error *err);

/* Have one stand at `tx` in all shares, made if it is not there. */
arm_status arm__consumers_move(struct arm_repository *repository, const char *name, uint64_t tx,
                               struct arm_error *err);

#endif
