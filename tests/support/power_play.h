/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_PLAY_H
#define ARM_TESTS_SUPPORT_POWER_PLAY_H

/* A repository on a power disk, and scripts of what is done to it. A step is acknowledged when it
 * returns ARM_OK; what the repository holds is told as text, so that two states are compared
 * by their texts.
 *
 * Tables have one column, id BIGINT, and lie in schema main; those of plays by SQL are as the
 * statements make them (support/power_sql.h). A new kind of step is one more
 * value of enum play_op and one more case in power_play.c; a new script one more table in
 * power_scripts.h. */

#include <stdatomic.h>

#include "commit/commit.h"
#include "support/power_disk.h"
#include "support/power_sql.h"
#include "support/temp.h"
#include "table/engine.h"

enum play_op {
    PLAY_END,
    PLAY_CREATE,     /* the repository itself */
    PLAY_OPEN,       /* recovers, if nobody closed it */
    PLAY_OPEN_PAIRS, /* likewise; a sync waits until two commits do (for PLAY_TOGETHER) */
    PLAY_CLOSE,      /* clean, if it can be */
    PLAY_ABANDON,    /* as when the process is killed */
    PLAY_LOSE_INDEX, /* index/ is deleted, by others */
    PLAY_RECOVER,    /* arm__repository_recover */
    PLAY_CHECKPOINT, /* arm__repository_checkpoint */
    PLAY_COMPACT,    /* every table of main */
    PLAY_LITTER,     /* a chunk that no commit will name */
    PLAY_GC,         /* without grace */
    PLAY_GIVE_UP,    /* the same, and of history what is not current */
    PLAY_TABLE,      /* `name` is made */
    PLAY_INSERT,     /* `from` .. `to` - 1 into `name`: hot rows, or a chunk if they are many */
    PLAY_CHUNK,      /* likewise, always a chunk */
    PLAY_REPLACE,    /* all rows by these */
    PLAY_DELETE,     /* rows number `from` .. `to` - 1 of every entry */
    PLAY_UPDATE,     /* likewise: they die, and come in anew with other values and their ids */
    PLAY_DROP,       /* the table */
    PLAY_SEVERAL,    /* one commit: `name` gets rows as by INSERT and loses some, and two new
                       * tables are made and filled, one of them with a chunk */
    PLAY_WIDE,       /* INSERT with a message over 1 MiB: a record in a chunk of its own */
    PLAY_TOGETHER,   /* two threads: `from` .. `to` - 1 into `name`, and into `other` */
    PLAY_BRANCH,     /* `name` from main */
    PLAY_ON_BRANCH,  /* later steps write there; no change itself */
    PLAY_RENAME,     /* branch `name` becomes `other` */
    PLAY_DROP_BRANCH,
    PLAY_TAG,
    PLAY_DROP_TAG,
    PLAY_MERGE,    /* branch `other`, whose table `name` is adopted */
    PLAY_CONSUMER, /* `name` is made, or stands at tx `to` from then on in shares that `from` has */
    PLAY_CONSUMED, /* INSERT, with the cursor of consumer `other`, which then stands at tx `to` */
    PLAY_KEEP,     /* bytes that `name` is, as a loose chunk */
    PLAY_LET_GO,   /* which is kept no longer */
    PLAY_USING,    /* INSERT of a version that uses the loose chunk of `other`, with metadata */
    PLAY_MOVE,     /* table `name` to its version `from`, of whichever branch */
    /* Of plays by SQL: */
    PLAY_SQL,       /* `name` is what is run: one commit, or none */
    PLAY_IMPORT,    /* `name`, with a key, is made of `from` .. `to` - 1 by arm_write */
    PLAY_UPSERT,    /* likewise, into the table */
    PLAY_ROW_CALLS, /* power_sql_row_calls */
    PLAY_NEXTVAL,   /* of sequence `name` */
};

struct play_step {
    enum play_op op;
    const char *name;
    int64_t from;
    int64_t to;
    const char *other;
};

/* The base is what was there before, undisturbed; if it leaves the repository open, its process was
 * killed there. Each list ends with PLAY_END. */
enum { POWER_STEPS_MAX = 16 };

struct power_script {
    const char *name;
    uint64_t segment_bytes_max; /* 0: as usual */
    uint64_t chances;           /* cuts of each chance before a sync; 0: as usual */
    bool numbers;               /* by SQL: table q has numbers of sequence s, in column serial */
    struct play_step base[POWER_STEPS_MAX];
    struct play_step steps[POWER_STEPS_MAX];
};

/* The halves of PLAY_TOGETHER. */
enum { PLAY_FIRST = 1, PLAY_SECOND = 2, PLAY_BOTH = 3 };

struct play {
    struct temp_dir dir;        /* of the disk */
    char path[TEMP_PATH_BYTES]; /* of the repository: a directory on it, made by PLAY_CREATE */
    struct power_disk *disk;
    struct arm_engine *engine; /* borrowed */
    /* By SQL, on engines that know repositories: what a cut leaves is looked at by another one,
     * since this one may be in the middle of a statement. NULL: not by SQL. */
    struct arm_engine *engine_after;
    struct power_sql *sql; /* of the open repository, once it is asked for */
    int64_t handed;        /* the highest number that PLAY_NEXTVAL gave and acknowledged */
    struct arm_repository *repository;
    const char *branch;
    uint64_t segment_bytes_max; /* 0: as usual */
    int halves;                 /* of PLAY_TOGETHER that are done: PLAY_BOTH */
    atomic_int halves_done;     /* and acknowledged */
    struct arm_id commit_id;    /* of the last commit whose outcome is unknown */
};

/* The engines of all plays of a program. */
struct play_engines {
    struct arm_engine *engine;
    struct arm_engine *after; /* NULL: not by SQL */
};
struct play_engines play_engines_open(bool by_sql);
void play_engines_close(struct play_engines *engines);

/* An empty disk in a directory of its own; or what a cut of another's disk left. */
struct play play_new(const struct play_engines *engines);
struct play play_after(struct play *play, const struct power_cut *cut);
/* The same as it is, to go on with as with the first. */
struct play play_clone(struct play *play);
void play_free(struct play *play); /* closes what is open, without ceremony */

arm_status play_step(struct play *play, const struct play_step *step, struct arm_error *err);

/* Of a play by SQL: NULL, or what is wrong with its keys (power_sql_check_keys); or, if it has
 * `numbers`, with those: one that was given, up to `handed`, is given again. */
const char *play_check_sql(struct play *play, bool numbers, int64_t handed);

/* Every branch and tag, every table of each, its version, and its rows whatever their order.
 * Stops the test if something cannot be read. */
void play_tell(struct play *play, struct arm_buf *out);
/* The same as a text, to be freed. */
char *play_told(struct play *play);

#define PLAY_TEXT_BYTES_MAX (1 << 20)

#endif
