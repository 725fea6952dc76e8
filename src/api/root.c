/* SPDX-License-Identifier: Apache-2.0 */
/* The roots this process has open: the library's only global state.
 *
 * A1  One directory (device, inode) has at most one root, so that LMDB never sees one
 *     environment twice in a process.
 * A2  The mutex is not held while a root is opened or closed: the root is `busy` meanwhile, and
 *     whoever wants it waits.
 * A3  A forked child begins with no roots and leaves its parent's alone: it neither uses nor
 *     releases what it inherited. */

#include <assert.h>
#include <pthread.h>
#include <unistd.h>

#include "api/api_private.h"
#include "base/alloc.h"
#include "base/thread.h"

struct arm_root {
    struct arm_root *next;
    uint64_t device;
    uint64_t inode;
    size_t count;
    pid_t pid;
    bool busy; /* A2: being opened or closed */
    bool read_only;
    struct arm_repository *repository;
    struct arm_host *host;
};

struct registry {
    pthread_once_t once;
    struct arm_mutex mutex;
    struct arm_cond changed;
    struct arm_root *roots;
};

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): LMDB wants it, A1 */
static struct registry registry = {.once = PTHREAD_ONCE_INIT};

static void begin_child(void) /* A3 */
{
    arm__mutex_init(&registry.mutex);
    arm__cond_init(&registry.changed);
    registry.roots = NULL;
}

static void init_registry(void)
{
    begin_child();
    (void)pthread_atfork(NULL, NULL, begin_child);
}

static void unlink_root(struct arm_root *root)
{
    struct arm_root **link = &registry.roots;

    while (*link != root) {
        link = &(*link)->next;
    }
    *link = root->next;
}

/* Lock, and give the root of this directory once it is not busy; NULL: there is none. */
static struct arm_root *lock_and_find(uint64_t device, uint64_t inode)
{
    struct arm_root *root = NULL;

    arm__mutex_lock(&registry.mutex);
    root = registry.roots;
    while (root != NULL) {
        if (root->device != device || root->inode != inode) {
            root = root->next;
        } else if (root->busy) {
            arm__cond_wait(&registry.changed, &registry.mutex);
            root = registry.roots; /* it may be gone */
        } else {
            break;
        }
    }
    return root;
}

static struct arm_epoch_config epoch_config(arm_epoch epoch)
{
    switch (epoch) {
    case ARM_EPOCH_LOW_LATENCY:
        return arm__epoch_low_latency();
    case ARM_EPOCH_HIGH_THROUGHPUT:
        return arm__epoch_high_throughput();
    case ARM_EPOCH_SINGLE_NODE:
        break;
    }
    return arm__epoch_single_node();
}

static arm_status fill_root(struct arm_root *root, const char *path,
                            const struct arm_repo_options *options, struct arm_error *err)
{
    struct arm_repository_options repository_options = {
        .read_only = options->read_only,
        .epoch = epoch_config(options->epoch),
    };
    struct arm_host_options host_options = {
        .engine = {.memory_limit_bytes = options->memory_limit_bytes,
                   .thread_count = options->thread_count,
                   .spill_directory = options->spill_directory},
        .read_only = options->read_only,
        .upkeep = !options->read_only && !options->no_upkeep,
    };
    struct arm_repository *repository = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_open(path, &repository_options, &repository, err));
    ARM_TRY(arm__host_new(repository, &host_options, &root->host, err)); /* takes it */
    root->repository = repository;
done:
    return st;
}

/* The root is ours alone (A2); tell how the opening or closing went. */
static void settle(struct arm_root *root, bool is_open)
{
    arm__mutex_lock(&registry.mutex);
    root->busy = false;
    if (!is_open) {
        unlink_root(root);
    }
    arm__cond_wake_all(&registry.changed);
    arm__mutex_unlock(&registry.mutex);
}

/* Share `root` (the registry is locked). */
static arm_status share_root(struct arm_root *root, const struct arm_repo_options *options,
                             struct arm_error *err)
{
    if (root->read_only && !options->read_only) {
        return arm__fail(err, ARM_BUSY,
                         "%s: this process has it open for reading only: close that handle first",
                         arm__repository_path(root->repository));
    }
    root->count++;
    return ARM_OK;
}

arm_status arm__root_open(const char *path, const struct arm_repo_options *options,
                          struct arm_root **out, struct arm_error *err)
{
    const struct arm_io *io = arm__io_system();
    struct arm_root *fresh = NULL;
    struct arm_root *found = NULL;
    struct arm_stat stat;
    arm_status st = ARM_OK;

    (void)pthread_once(&registry.once, init_registry);
    st = io->stat(io->self, path, &stat, err);
    if (st == ARM_NOT_FOUND) {
        return arm__fail(err, ARM_NOT_REPOSITORY, "%s: no such directory", path);
    }
    ARM_TRY(st);
    if (!stat.is_directory) {
        return arm__fail(err, ARM_NOT_REPOSITORY, "%s: not a directory", path);
    }
    ARM_TRY(arm__calloc(1, sizeof *fresh, &fresh, err));
    *fresh = (struct arm_root){.device = stat.device,
                               .inode = stat.inode,
                               .count = 1,
                               .pid = getpid(),
                               .busy = true,
                               .read_only = options->read_only};
    found = lock_and_find(stat.device, stat.inode);
    if (found != NULL) {
        st = share_root(found, options, err);
        arm__mutex_unlock(&registry.mutex);
        ARM_TRY(st);
        *out = found;
        goto done;
    }
    fresh->next = registry.roots;
    registry.roots = fresh;
    arm__mutex_unlock(&registry.mutex);

    st = fill_root(fresh, path, options, err);
    settle(fresh, st == ARM_OK);
    ARM_TRY(st);
    *out = fresh;
    fresh = NULL;
done:
    arm__free(fresh);
    return st;
}

struct arm_root *arm__root_retain(struct arm_root *root)
{
    arm__mutex_lock(&registry.mutex);
    assert(root->count > 0);
    root->count++;
    arm__mutex_unlock(&registry.mutex);
    return root;
}

void arm__root_drop(struct arm_root *root)
{
    bool is_last = false;

    if (root == NULL || arm__root_is_forked(root)) {
        return;
    }
    arm__mutex_lock(&registry.mutex);
    assert(root->count > 0);
    is_last = --root->count == 0;
    root->busy = is_last;
    arm__mutex_unlock(&registry.mutex);
    if (is_last) {
        arm__host_drop(root->host);
        settle(root, false);
        arm__free(root);
    }
}

bool arm__root_is_forked(const struct arm_root *root)
{
    return root->pid != getpid();
}

arm_status arm__root_check(const struct arm_root *root, struct arm_error *err)
{
    if (arm__root_is_forked(root)) {
        return arm__fail(err, ARM_FORKED,
                         "the handle belongs to process %ld, of which this one is a forked child: "
                         "open the repository anew",
                         (long)root->pid);
    }
    return ARM_OK;
}

bool arm__root_is_read_only(const struct arm_root *root)
{
    return root->read_only;
}

struct arm_host *arm__root_host(const struct arm_root *root)
{
    return root->host;
}

struct arm_repository *arm__root_repository(const struct arm_root *root)
{
    return root->repository;
}
