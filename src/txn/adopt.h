/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_ADOPT_H
#define ARM_TXN_ADOPT_H

/* A table that goes back to what a version of it was. */

#include "txn/txn.h"

/* arm__txn_adopt, and a next version is made of it though nothing else is changed. */
arm_status arm__txn_adopt_next(struct arm_transaction *txn, struct arm_adoption *adoption,
                               struct arm_error *err);

#endif
