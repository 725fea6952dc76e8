/* SPDX-License-Identifier: Apache-2.0 */
/* The power disk: made, told to fail, freed; and the syncs that LMDB makes without the door. */

#include "support/power_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/power_medium.h"

/* LMDB's syncs are told to the disk that the file is on. */
static pthread_mutex_t living_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct power_disk *living;

/* ---- LMDB's syncs ---- */

static struct power_disk *disk_of(const char *path)
{
    struct power_disk *disk;

    pthread_mutex_lock(&living_mutex);
    for (disk = living; disk != NULL; disk = disk->next) {
        size_t size = strlen(disk->path);

        if (strncmp(path, disk->path, size) == 0 && path[size] == '/') {
            break;
        }
    }
    pthread_mutex_unlock(&living_mutex);
    return disk;
}

static int sync_foreign(struct power_disk *disk, const char *path)
{
    struct power_inode *parent;
    struct power_inode *inode;
    const char *name;
    bool failed;

    pthread_mutex_lock(&disk->mutex);
    failed = power_strike(disk, "sync", path, true);
    inode = power_known(disk, path, &parent, &name);
    if (inode != NULL && !(failed && disk->fault == POWER_GONE)) {
        free(inode->path);
        inode->path = power_text(path);
        power_settle(inode, failed, &disk->random);
    }
    pthread_mutex_unlock(&disk->mutex);
    if (failed) {
        errno = disk->error_number;
    }
    return failed ? -1 : 0;
}

/* Stands before libc's, for LMDB too. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    struct power_disk *disk = NULL;
    char link[64];
    char path[4096];
    ssize_t size;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, sizeof path - 1);
    if (size > 0) {
        path[size] = '\0';
        disk = disk_of(path);
    }
    return disk != NULL ? sync_foreign(disk, path) : (int)syscall(SYS_fdatasync, fd);
}

/* ---- The disk ---- */

/* What is there is on the medium. */
static void take_in(struct power_disk *disk)
{
    power_refresh(disk);
    for (struct power_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        if (inode->is_directory) {
            power_settle_names(inode);
        } else {
            power_settle(inode, false, &disk->random);
        }
    }
}

struct power_disk *power_disk_new(const char *root)
{
    static uint64_t mounts = 100;
    struct power_disk *disk = power_alloc(sizeof *disk);
    pthread_mutexattr_t recursive;

    (void)pthread_mutexattr_init(&recursive);
    (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&disk->mutex, &recursive);
    (void)pthread_mutexattr_destroy(&recursive);
    disk->real = arm__io_system();
    disk->io = power_door;
    disk->io.self = disk;
    disk->path = power_text(root);
    disk->log = power_text("");
    disk->next_id = 1;
    disk->random = power_seed(1);
    disk->root = power_inode_new(disk, true);
    if (arm__id_random(&disk->boot, NULL) != ARM_OK) {
        abort();
    }
    pthread_mutex_lock(&living_mutex);
    disk->mount = ++mounts;
    disk->next = living;
    living = disk;
    pthread_mutex_unlock(&living_mutex);
    take_in(disk);
    return disk;
}

void power_disk_free(struct power_disk *disk)
{
    struct power_disk **at = &living;

    if (disk->files_open != 0) {
        (void)fprintf(stderr, "power_disk: %llu files are still open; log:\n%s",
                      (unsigned long long)disk->files_open, disk->log);
        abort();
    }
    pthread_mutex_lock(&living_mutex);
    while (*at != disk) {
        at = &(*at)->next;
    }
    *at = disk->next;
    pthread_mutex_unlock(&living_mutex);
    while (disk->inodes != NULL) {
        struct power_inode *inode = disk->inodes;

        disk->inodes = inode->next;
        power_inode_free(inode);
    }
    (void)pthread_mutex_destroy(&disk->mutex);
    free(disk->log);
    free(disk->path);
    free(disk);
}

const struct arm_io *power_disk_io(struct power_disk *disk)
{
    return &disk->io;
}

void power_disk_hook(struct power_disk *disk, power_hook *hook, void *context)
{
    disk->hook = hook;
    disk->hook_context = context;
}

uint64_t power_disk_count(const struct power_disk *disk)
{
    return disk->count;
}

const char *power_disk_log(const struct power_disk *disk)
{
    return disk->log;
}

void power_disk_fail(struct power_disk *disk, uint64_t nth, int error_number, enum power_fault kind)
{
    pthread_mutex_lock(&disk->mutex);
    disk->until_fault = nth;
    disk->error_number = error_number;
    disk->fault = kind;
    disk->has_failed = false;
    disk->failure[0] = '\0';
    disk->count = 0;
    disk->log_size = 0;
    disk->log[0] = '\0';
    pthread_mutex_unlock(&disk->mutex);
}

bool power_disk_has_failed(const struct power_disk *disk)
{
    return disk->has_failed;
}

const char *power_disk_failure(const struct power_disk *disk)
{
    return disk->failure;
}
