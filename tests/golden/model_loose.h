/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_GOLDEN_MODEL_LOOSE_H
#define ARM_TESTS_GOLDEN_MODEL_LOOSE_H

/* Examples of records: chunks that users keep, and what is said of a version. */

#include "golden/model_example.h"

static inline Armpb__Record *example_loose(struct example *e)
{
    armpb__loose_chunk__init(&e->loose);
    e->loose.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->loose.time_us = 1795383000123456;
    e->loose.chunk = EXAMPLE_BYTES(EXAMPLE_HASH);
    e->loose.bytes = 5;
    e->loose.is_kept = true;
    e->loose.has_was_there = true;
    e->loose.was_there = true;
    armpb__record__init(&e->record);
    e->record.loose = &e->loose;
    return &e->record;
}

/* A version of which its maker says something, and which uses chunks. */
static inline Armpb__Record *example_words(struct example *e)
{
    Armpb__TableChange *change = &e->changes[0];

    armpb__table_change__init(change);
    change->table_id = EXAMPLE_BYTES(EXAMPLE_ID "\x01\x00\x00\x00");
    change->kind = ARMPB__CHANGE_KIND__WRITE;
    change->has_version = true;
    change->version = 2;
    change->has_parent_version = true;
    change->parent_version = 1;
    change->schema_id = 1;
    change->metadata = (char *)"{\"by\":\"ada\"}";
    e->uses[0] = EXAMPLE_BYTES(EXAMPLE_HASH);
    e->uses[1] = EXAMPLE_BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345");
    change->n_uses = 2;
    change->uses = e->uses;
    e->change_list[0] = change;
    armpb__commit__init(&e->commit);
    e->commit.commit_id = EXAMPLE_BYTES(EXAMPLE_ID);
    e->commit.time_us = 1795383000123456;
    e->commit.branch_id = 1;
    e->commit.generation = 1;
    e->commit.author = (char *)"ada";
    e->commit.message = (char *)"";
    e->commit.n_changes = 1;
    e->commit.changes = e->change_list;
    armpb__record__init(&e->record);
    e->record.commit = &e->commit;
    return &e->record;
}

#endif
