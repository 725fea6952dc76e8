/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_KEYS_HOT_KEYS_H
#define ARM_KEYS_HOT_KEYS_H

/* The keys of a table's hot rows, those of all versions and branches that this process has met: a
 * map from hash to place. A hot entry never changes, so that what is here is never wrong; whether a
 * version still shows the row is for the caller to say. Not thread-safe: its owner locks. */

#include "catalog/catalog.h"
#include "keys/key_run.h"
#include "model/position.h"

/* A hot entry is known by whose payload it stands in, and where. */
struct arm_hot_name {
    uint64_t tx;
    uint64_t offset;
};

struct arm_hot_place {
    struct arm_hot_name entry;
    struct arm_bytes position; /* of the entry; borrowed until the next addition */
    uint32_t row;
};

struct arm_hot_keys;
arm_status arm__hot_keys_new(struct arm_hot_keys **out, struct arm_error *err);
void arm__hot_keys_free(struct arm_hot_keys *keys); /* NULL is accepted */

size_t arm__hot_keys_count(const struct arm_hot_keys *keys); /* rows */
bool arm__hot_keys_has(const struct arm_hot_keys *keys, struct arm_hot_name entry);
/* How many of the first entries of a state need no look: its hot ones are here. One version's
 * entries are mostly those of the version before and some more. */
size_t arm__hot_keys_seen(const struct arm_hot_keys *keys, const struct arm_table_state *state);
/* All hot entries of the state are here. Without memory to note it, they are looked at again. */
void arm__hot_keys_note_seen(struct arm_hot_keys *keys, const struct arm_table_state *state);
/* `run` is of the entry's rows. */
arm_status arm__hot_keys_add(struct arm_hot_keys *keys, struct arm_hot_name entry,
                             struct arm_bytes position, const struct arm_key_run *run,
                             struct arm_error *err);

/* Rows of that hash, one a call: `*cursor` is SIZE_MAX for the first. False: no more. */
bool arm__hot_keys_next(const struct arm_hot_keys *keys, uint64_t hash, size_t *cursor,
                        struct arm_hot_place *out);

#endif
