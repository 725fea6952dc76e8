/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_SCRIPTS_H
#define ARM_TESTS_SUPPORT_POWER_SCRIPTS_H

/* What the tests of crash/ do to a repository through the kernel. */

#include "support/power_play.h"

#define DO(op_) {.op = PLAY_##op_}
#define NAME(op_, name_) {.op = PLAY_##op_, .name = (name_)}
#define NAMES(op_, name_, other_) {.op = PLAY_##op_, .name = (name_), .other = (other_)}
#define ROWS(op_, name_, from_, to_)                                                               \
    {.op = PLAY_##op_, .name = (name_), .from = (from_), .to = (to_)}
#define BOTH(op_, name_, other_, from_, to_)                                                       \
    {.op = PLAY_##op_, .name = (name_), .from = (from_), .to = (to_), .other = (other_)}

static const struct power_script power_scripts[] = {
    {.name = "create", .steps = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), DO(CLOSE)}},
    {.name = "hot",
     .base = {DO(CREATE)},
     .steps = {DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 5), ROWS(INSERT, "t", 5, 9),
               ROWS(DELETE, "t", 0, 2), DO(CLOSE)}},
    {.name = "import",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(INSERT, "t", 0, 12000), ROWS(DELETE, "t", 10, 500),
               ROWS(CHUNK, "t", 0, 12000), /* its chunk is there already */
               ROWS(REPLACE, "t", 5, 12500), DO(CLOSE)}},
    {.name = "update", /* of rows that were hot, that were updated before, and of a chunk's */
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 9), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(UPDATE, "t", 1, 4), ROWS(UPDATE, "t", 2, 6),
               ROWS(CHUNK, "t", 9, 12009), ROWS(UPDATE, "t", 5, 11500), /* a chunk of ids */
               ROWS(UPDATE, "t", 2, 300), ROWS(DELETE, "t", 0, 100), DO(CLOSE)}},
    {.name = "several",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 9), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(SEVERAL, "t", 100, 120), NAME(DROP, "small"),
               ROWS(INSERT, "large", 300, 310), DO(CLOSE)}},
    {.name = "wide",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(WIDE, "t", 0, 5), ROWS(INSERT, "t", 5, 6), DO(CLOSE)}},
    {.name = "refs",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 9), DO(CLOSE)},
     .steps = {DO(OPEN), NAME(BRANCH, "b"), NAME(TAG, "v1"), NAME(ON_BRANCH, "b"),
               ROWS(INSERT, "t", 9, 12), NAMES(RENAME, "b", "c"), NAME(BRANCH, "d"),
               NAME(DROP_TAG, "v1"), NAME(DROP_BRANCH, "d"), DO(CLOSE)}},
    {.name = "merge", /* a table adopted, written to, and adopted back */
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 9), NAME(BRANCH, "b"),
              NAME(ON_BRANCH, "b"), ROWS(CHUNK, "t", 9, 300), NAME(ON_BRANCH, "main"), DO(CLOSE)},
     .steps = {DO(OPEN), NAMES(MERGE, "t", "b"), ROWS(INSERT, "t", 300, 305), DO(COMPACT),
               NAME(ON_BRANCH, "b"), NAMES(MERGE, "t", "main"), ROWS(DELETE, "t", 0, 2),
               NAME(ON_BRANCH, "main"), NAMES(MERGE, "t", "b"), NAME(DROP_BRANCH, "b"), DO(GIVE_UP),
               ROWS(INSERT, "t", 305, 306), DO(CLOSE)}},
    {.name = "roll",
     .segment_bytes_max = 16384,
     .chances = 12,
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(INSERT, "t", 0, 900),
               ROWS(INSERT, "t", 900, 1800), /* a new segment from here on */
               ROWS(INSERT, "t", 1800, 2700), ROWS(INSERT, "t", 2700, 3600), DO(CLOSE)}},
    {.name = "close",
     .base = {DO(CREATE)},
     .steps = {DO(OPEN), NAME(TABLE, "t"), DO(CLOSE),
               DO(OPEN), /* of what was closed clean, and left as it was */
               DO(CLOSE), DO(OPEN), ROWS(INSERT, "t", 0, 5), DO(CLOSE)}},
    {.name = "killed",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 5),
              ROWS(CHUNK, "t", 5, 300)}, /* and there it died */
     .steps = {DO(OPEN), ROWS(INSERT, "t", 300, 305), DO(ABANDON), DO(OPEN), DO(RECOVER),
               ROWS(INSERT, "t", 305, 306), DO(CLOSE)}},
    {.name = "rebuild",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 5),
              ROWS(CHUNK, "t", 5, 300), NAME(BRANCH, "b"), DO(CLOSE), DO(LOSE_INDEX)},
     .steps = {DO(OPEN), ROWS(INSERT, "t", 300, 305), DO(CLOSE)}},
    {.name = "checkpoint",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(CHUNK, "t", 5, 300), DO(CLOSE)},
     .steps = {DO(OPEN), DO(CHECKPOINT), ROWS(INSERT, "t", 300, 305), DO(CHECKPOINT), DO(ABANDON),
               DO(OPEN), ROWS(INSERT, "t", 305, 306), DO(CHECKPOINT), DO(CLOSE)}},
    {.name = "restore", /* the index is lost, and made anew from a checkpoint */
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 5), DO(CHECKPOINT),
              ROWS(CHUNK, "t", 5, 300), DO(CHECKPOINT), NAME(BRANCH, "b"), DO(CLOSE),
              DO(LOSE_INDEX)},
     .steps = {DO(OPEN), ROWS(INSERT, "t", 300, 305), DO(CHECKPOINT), DO(CLOSE)}},
    {.name = "compact",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 5),
              ROWS(INSERT, "t", 5, 9), ROWS(CHUNK, "t", 9, 40), DO(CLOSE)},
     .steps = {DO(OPEN), DO(COMPACT), ROWS(DELETE, "t", 0, 20), ROWS(INSERT, "t", 40, 45),
               DO(COMPACT), ROWS(DELETE, "t", 0, 1), DO(CLOSE)}},
    {.name = "gc", /* the base's process died with a chunk that nobody names */
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(CHUNK, "t", 0, 40), DO(LITTER)},
     .steps = {DO(OPEN), DO(GC), ROWS(CHUNK, "t", 40, 90), DO(LITTER), DO(GC), DO(LITTER),
               ROWS(INSERT, "t", 90, 95), DO(CLOSE), DO(OPEN), DO(GC), DO(CLOSE)}},
    {.name = "give up", /* versions, a layout, and runs of a checkpoint */
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(CHUNK, "t", 0, 40), DO(CHECKPOINT),
              ROWS(REPLACE, "t", 0, 12000), DO(CLOSE)},
     .steps = {DO(OPEN), DO(GIVE_UP), ROWS(REPLACE, "t", 20000, 32000), ROWS(CHUNK, "t", 0, 40),
               DO(COMPACT), DO(CHECKPOINT), DO(GC), DO(GIVE_UP), ROWS(INSERT, "t", 90, 95),
               DO(CLOSE), DO(OPEN), DO(GIVE_UP), DO(CLOSE)}},
    {.name = "consumers",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 5), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(CONSUMER, "c", -1, 0), ROWS(CONSUMER, "c", 1, 3),
               BOTH(CONSUMED, "t", "c", 0, 4), ROWS(CONSUMER, "d", -1, 2), DO(CHECKPOINT),
               ROWS(CONSUMER, "c", -1, 1), DO(LOSE_INDEX), DO(CLOSE), DO(OPEN),
               BOTH(CONSUMED, "t", "d", 0, 5), DO(CLOSE)}},
    {.name = "loose", /* kept, used, let go, met again, with gc between and the index lost */
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), NAME(KEEP, "one"), DO(CLOSE)},
     .steps = {DO(OPEN), NAME(KEEP, "two"), BOTH(USING, "t", "one", 0, 5), NAME(LET_GO, "two"),
               NAME(KEEP, "two"), DO(CHECKPOINT), DO(GC), BOTH(USING, "t", "two", 5, 300),
               DO(LOSE_INDEX), DO(CLOSE), DO(OPEN), NAME(KEEP, "three"), DO(GC),
               NAME(LET_GO, "three"), DO(CLOSE)}},
    {.name = "move",
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), ROWS(INSERT, "t", 0, 9), NAME(BRANCH, "b"),
              NAME(ON_BRANCH, "b"), ROWS(CHUNK, "t", 9, 300), NAME(ON_BRANCH, "main"), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(MOVE, "t", 3, 0), ROWS(MOVE, "t", 1, 0), ROWS(INSERT, "t", 300, 305),
               DO(CHECKPOINT), ROWS(MOVE, "t", 2, 0), DO(COMPACT), DO(ABANDON), DO(OPEN),
               ROWS(MOVE, "t", 4, 0), DO(CLOSE)}},
    {.name = "together",
     .chances = 25,
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), NAME(TABLE, "u"), ROWS(INSERT, "t", 0, 5),
              ROWS(INSERT, "u", 0, 5), DO(CLOSE)},
     .steps = {DO(OPEN_PAIRS), BOTH(TOGETHER, "t", "u", 5, 35), DO(CLOSE)}},
    {.name = "together-roll", /* the second frame does not fit behind the first */
     .segment_bytes_max = 16384,
     .base = {DO(CREATE), DO(OPEN), NAME(TABLE, "t"), NAME(TABLE, "u"), ROWS(INSERT, "t", 0, 5),
              ROWS(INSERT, "u", 0, 5), DO(CLOSE)},
     .steps = {DO(OPEN_PAIRS), BOTH(TOGETHER, "t", "u", 5, 905), DO(CLOSE)}},
};

#undef DO
#undef NAME
#undef NAMES
#undef ROWS
#undef BOTH

enum { POWER_SCRIPTS = sizeof power_scripts / sizeof *power_scripts };

#endif
