/* SPDX-License-Identifier: Apache-2.0 */
/* The locks of index/lock: open-file-description locks, which die with their process.
 *
 * The byte of a process is 2^32 + (inode of its pid namespace << 22) + pid: pids are below 2^22,
 * and the same pid in another container is another process. */

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { PID_BITS = 22 };

static const struct arm_range gate = {0, 1};
static const struct arm_range living = {1, 1};

static struct arm_range process_byte(void)
{
    struct stat namespace;
    uint64_t inode = stat("/proc/self/ns/pid", &namespace) == 0 ? namespace.st_ino : 0;
    uint64_t mixed = (inode & UINT32_MAX) << PID_BITS | (uint64_t)getpid();

    return (struct arm_range){(UINT64_C(1) << 32) + mixed, 1};
}

static arm_status lock(const struct arm_locks *locks, struct arm_range range,
                       enum arm_lock_kind kind, bool wait, struct arm_error *err)
{
    return locks->io->lock(locks->io->self, locks->file, range, kind, wait, err);
}

static arm_status open_file(const struct arm_io *io, const char *root, struct arm_file **out,
                            struct arm_error *err)
{
    char *directory = NULL;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(root, "index", &directory, err));
    ARM_TRY(arm__path_join(directory, "lock", &path, err));
    st = io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, out, err);
    if (st == ARM_PERMISSION) {
        st =
            arm__fail_within(err, st,
                             "who reads a repository takes locks in its index/, log/ and staging/, "
                             "and must be allowed to write there");
    }
done:
    arm__free(path);
    arm__free(directory);
    return st;
}

arm_status arm__locks_enter(const struct arm_io *io, const char *root, struct arm_locks *out,
                            bool *out_first, struct arm_error *err)
{
    struct arm_locks locks = {.io = io};
    struct arm_error why;
    arm_status st = ARM_OK;

    ARM_TRY(open_file(io, root, &locks.file, err));
    ARM_TRY(lock(&locks, gate, ARM_LOCK_EXCLUSIVE, true, err));
    st = lock(&locks, process_byte(), ARM_LOCK_EXCLUSIVE, false, &why);
    if (st == ARM_BUSY) {
        st = arm__fail(err, st,
                       "%s is open in this process already, by another copy of the "
                       "library or another handle",
                       root);
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
    }
    ARM_TRY(st);
    locks.has_process = true;
    st = lock(&locks, living, ARM_LOCK_EXCLUSIVE, false, &why);
    *out_first = st == ARM_OK;
    if (st == ARM_BUSY) {
        st = lock(&locks, living, ARM_LOCK_SHARED, true, err);
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
    }
    ARM_TRY(st);
    locks.has_living = true;
    *out = locks;
    locks = (struct arm_locks){.file = NULL};
done:
    arm__locks_release(&locks);
    return st;
}

arm_status arm__locks_share(struct arm_locks *locks, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(lock(locks, living, ARM_LOCK_SHARED, true, err));
    ARM_TRY(lock(locks, gate, ARM_LOCK_NONE, true, err));
done:
    return st;
}

arm_status arm__locks_leave(struct arm_locks *locks, bool *out_last, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(lock(locks, gate, ARM_LOCK_EXCLUSIVE, true, err));
    *out_last = lock(locks, living, ARM_LOCK_EXCLUSIVE, false, NULL) == ARM_OK;
done:
    return st;
}

void arm__locks_release(struct arm_locks *locks)
{
    if (locks->file == NULL) {
        return;
    }
    /* Unlocked by name, since a forked child may hold the description open. */
    if (locks->has_living) {
        (void)lock(locks, living, ARM_LOCK_NONE, true, NULL);
    }
    if (locks->has_process) {
        (void)lock(locks, process_byte(), ARM_LOCK_NONE, true, NULL);
    }
    (void)lock(locks, gate, ARM_LOCK_NONE, true, NULL);
    locks->io->close(locks->io->self, locks->file);
    locks->file = NULL;
}
