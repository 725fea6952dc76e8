/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_MISSING_H
#define ARM_COMMIT_MISSING_H

/* Chunks that the log names and that are not there: gc may have taken them. */

#include "commit/repository.h"

struct arm_missing {
    struct arm_hash *chunks;
    size_t count;
    size_t capacity;
};

arm_status arm__missing_add(struct arm_missing *missing, const struct arm_hash *chunk,
                            struct arm_error *err);
/* Keep only those that anything needs which can still be read (retained.h), in order; of a log that
 * is damaged, by what comes before the damage, which makes it more. */
arm_status arm__missing_judge(struct arm_missing *missing, struct arm_repository *repository,
                              struct arm_error *err);
void arm__missing_release(struct arm_missing *missing);

#endif
