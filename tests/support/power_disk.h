/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_DISK_H
#define ARM_TESTS_SUPPORT_POWER_DISK_H

/* A file door (base/io.h) onto a directory on a disk that keeps what was synced and nothing
 * else for certain. Everything is passed on to real files, which are what the kernel shows, so
 * that LMDB, DuckDB and mapped pages work in the same directory; beside them the double
 * remembers what the medium holds:
 *
 *   of a file       its bytes as last synced, and every write and truncation since
 *   of a directory  its names as last synced, and every change of a name since
 *
 * A file that others write behind the door's back (LMDB's, DuckDB's COPY, a mapped page) has no
 * list of writes: what was not synced is the difference to what the real file holds. LMDB syncs
 * behind the door's back too: fdatasync is defined here and noticed.
 *
 * The medium is only this model: nothing is really synced.
 *
 *     struct power_disk *disk = power_disk_new(directory);       // what is there is durable
 *     … work through power_disk_io(disk) …
 *     struct power_cut cut = {POWER_MIX, POWER_REBOOT, seed};
 *     struct power_disk *after = power_disk_cut(disk, &cut, other_directory);
 *     … what the cut left: recover it through power_disk_io(after) …
 *
 * A cut changes nothing for the disk it is made of: so a hook, which is called before each
 * operation, can cut there and the work goes on. Thread-safe; one operation at a time, but for
 * waiting locks. */

#include "base/io.h"

struct power_disk;

/* `root`: an existing directory, absolute. Boot and mounting are new ones. */
struct power_disk *power_disk_new(const char *root);
/* Stops the test if a file is still open. The real files stay. */
void power_disk_free(struct power_disk *disk);
const struct arm_io *power_disk_io(struct power_disk *disk);

/* ---- Cuts ---- */

/* What becomes of what was not synced. */
enum power_fate {
    POWER_LOSE,  /* all of it is lost */
    POWER_KEEP,  /* all of it has come through */
    POWER_MIX,   /* each sector or page, each name and each size as chance has it: there, not
                  * there, torn; in any order */
    POWER_NAMES, /* names have come through, bytes and sizes not */
    POWER_ZEROS, /* names and sizes have, bytes not: they read as zeros */
};

enum power_event {
    POWER_REBOOT,  /* the machine went down: another boot */
    POWER_REMOUNT, /* the file system did: the same boot, another mounting */
    POWER_KILL,    /* only the process: all is as it was shown, not synced as before; no fate */
};

struct power_cut {
    enum power_fate fate;
    enum power_event event;
    uint64_t seed;
};

/* Make `root`, an empty directory, what is left after the cut, and a disk of it. Files keep
 * their inode numbers, as the door tells them. */
struct power_disk *power_disk_cut(struct power_disk *disk, const struct power_cut *cut,
                                  const char *root);

/* ---- Operations ---- */

/* An operation about to be done. `changes`: it may change what a cut leaves; else it only
 * reads. Closing, unmapping, unlocking and the clock are none. */
struct power_operation {
    uint64_t number; /* from 1 */
    const char *verb;
    const char *path;
    bool changes;
};
typedef void power_hook(void *context, const struct power_operation *operation);
void power_disk_hook(struct power_disk *disk, power_hook *hook, void *context);

/* Operations since the disk was made or a fault was set. */
uint64_t power_disk_count(const struct power_disk *disk);
/* One line an operation, failed ones marked: "write /x/log/0.seg\n", "sync /x/log/0.seg !\n".
 * Valid until the next operation. */
const char *power_disk_log(const struct power_disk *disk);

/* ---- Faults ---- */

enum power_fault {
    POWER_ONCE,  /* the n-th operation fails, and none after it */
    POWER_AFTER, /* the n-th and every one after it */
    POWER_GONE,  /* likewise, and none of them does anything: the power is gone */
};

/* Fail the n-th operation from now on (1 is the next; 0: none). Counted are all operations; with
 * ENOSPC those only that ask for room. A write that fails has written its first half; a sync
 * that fails has made some of the bytes durable and no others ever: the kernel takes all for
 * clean, and a later sync succeeds. Anything else that fails has done nothing. */
void power_disk_fail(struct power_disk *disk, uint64_t nth, int error_number,
                     enum power_fault kind);
bool power_disk_has_failed(const struct power_disk *disk);
/* What failed first: "sync /x/log/0.seg"; "" if nothing did. */
const char *power_disk_failure(const struct power_disk *disk);

#endif
