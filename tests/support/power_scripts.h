/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_SCRIPTS_H
#define ARM_TESTS_SUPPORT_POWER_SCRIPTS_H

/* What the tests of crash/ do to a repository. The base is what was there before, undisturbed; if
 * it leaves the repository open, its process was killed there. Each list ends with PLAY_END. */

#include "support/power_play.h"

enum { POWER_STEPS_MAX = 16 };

struct power_script {
    const char *name;
    uint64_t segment_bytes_max; /* 0: as usual */
    uint64_t chances;           /* cuts of each chance before a sync; 0: as usual */
    struct play_step base[POWER_STEPS_MAX];
    struct play_step steps[POWER_STEPS_MAX];
};

static const struct power_script power_scripts[] = {
    {.name = "create", .steps = {{PLAY_CREATE}, {PLAY_OPEN}, {PLAY_TABLE, "t"}, {PLAY_CLOSE}}},
    {.name = "hot",
     .base = {{PLAY_CREATE}},
     .steps = {{PLAY_OPEN},
               {PLAY_TABLE, "t"},
               {PLAY_INSERT, "t", 0, 5},
               {PLAY_INSERT, "t", 5, 9},
               {PLAY_DELETE, "t", 0, 2},
               {PLAY_CLOSE}}},
    {.name = "import",
     .base = {{PLAY_CREATE}, {PLAY_OPEN}, {PLAY_TABLE, "t"}, {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN},
               {PLAY_INSERT, "t", 0, 12000},
               {PLAY_DELETE, "t", 10, 500},
               {PLAY_CHUNK, "t", 0, 12000}, /* its chunk is there already */
               {PLAY_REPLACE, "t", 5, 12500},
               {PLAY_CLOSE}}},
    {.name = "several",
     .base =
         {{PLAY_CREATE}, {PLAY_OPEN}, {PLAY_TABLE, "t"}, {PLAY_INSERT, "t", 0, 9}, {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN},
               {PLAY_SEVERAL, "t", 100, 120},
               {PLAY_DROP, "small"},
               {PLAY_INSERT, "large", 300, 310},
               {PLAY_CLOSE}}},
    {.name = "wide",
     .base = {{PLAY_CREATE}, {PLAY_OPEN}, {PLAY_TABLE, "t"}, {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN}, {PLAY_WIDE, "t", 0, 5}, {PLAY_INSERT, "t", 5, 6}, {PLAY_CLOSE}}},
    {.name = "refs",
     .base =
         {{PLAY_CREATE}, {PLAY_OPEN}, {PLAY_TABLE, "t"}, {PLAY_INSERT, "t", 0, 9}, {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN},
               {PLAY_BRANCH, "b"},
               {PLAY_TAG, "v1"},
               {PLAY_ON_BRANCH, "b"},
               {PLAY_INSERT, "t", 9, 12},
               {PLAY_RENAME, "b", .other = "c"},
               {PLAY_BRANCH, "d"},
               {PLAY_DROP_TAG, "v1"},
               {PLAY_DROP_BRANCH, "d"},
               {PLAY_CLOSE}}},
    {.name = "roll",
     .segment_bytes_max = 16384,
     .chances = 12,
     .base = {{PLAY_CREATE}, {PLAY_OPEN}, {PLAY_TABLE, "t"}, {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN},
               {PLAY_INSERT, "t", 0, 900},
               {PLAY_INSERT, "t", 900, 1800}, /* a new segment from here on */
               {PLAY_INSERT, "t", 1800, 2700},
               {PLAY_INSERT, "t", 2700, 3600},
               {PLAY_CLOSE}}},
    {.name = "close",
     .base = {{PLAY_CREATE}},
     .steps = {{PLAY_OPEN},
               {PLAY_TABLE, "t"},
               {PLAY_CLOSE},
               {PLAY_OPEN}, /* of what was closed clean, and left as it was */
               {PLAY_CLOSE},
               {PLAY_OPEN},
               {PLAY_INSERT, "t", 0, 5},
               {PLAY_CLOSE}}},
    {.name = "killed",
     .base = {{PLAY_CREATE},
              {PLAY_OPEN},
              {PLAY_TABLE, "t"},
              {PLAY_INSERT, "t", 0, 5},
              {PLAY_CHUNK, "t", 5, 300}}, /* and there it died */
     .steps = {{PLAY_OPEN},
               {PLAY_INSERT, "t", 300, 305},
               {PLAY_ABANDON},
               {PLAY_OPEN},
               {PLAY_RECOVER},
               {PLAY_INSERT, "t", 305, 306},
               {PLAY_CLOSE}}},
    {.name = "rebuild",
     .base = {{PLAY_CREATE},
              {PLAY_OPEN},
              {PLAY_TABLE, "t"},
              {PLAY_INSERT, "t", 0, 5},
              {PLAY_CHUNK, "t", 5, 300},
              {PLAY_BRANCH, "b"},
              {PLAY_CLOSE},
              {PLAY_LOSE_INDEX}},
     .steps = {{PLAY_OPEN}, {PLAY_INSERT, "t", 300, 305}, {PLAY_CLOSE}}},
    {.name = "together",
     .chances = 25,
     .base = {{PLAY_CREATE},
              {PLAY_OPEN},
              {PLAY_TABLE, "t"},
              {PLAY_TABLE, "u"},
              {PLAY_INSERT, "t", 0, 5},
              {PLAY_INSERT, "u", 0, 5},
              {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN_PAIRS}, {PLAY_TOGETHER, "t", 5, 35, .other = "u"}, {PLAY_CLOSE}}},
    {.name = "together-roll", /* the second frame does not fit behind the first */
     .segment_bytes_max = 16384,
     .base = {{PLAY_CREATE},
              {PLAY_OPEN},
              {PLAY_TABLE, "t"},
              {PLAY_TABLE, "u"},
              {PLAY_INSERT, "t", 0, 5},
              {PLAY_INSERT, "u", 0, 5},
              {PLAY_CLOSE}},
     .steps = {{PLAY_OPEN_PAIRS}, {PLAY_TOGETHER, "t", 5, 905, .other = "u"}, {PLAY_CLOSE}}},
};

enum { POWER_SCRIPTS = sizeof power_scripts / sizeof *power_scripts };

#endif
