/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the power disk: each operation is told to the hook, counted, written down, made to
 * fail if it is its turn, done to the real file and noted on the medium. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/power_medium.h"

struct disk_file {
    struct arm_file *real;
    struct power_inode *inode; /* NULL: not on this disk */
    char *path;
};

static struct disk_file *disk_file(struct arm_file *file)
{
    return (struct disk_file *)(void *)file;
}

/* ---- Every operation ---- */

static void write_down(struct power_disk *disk, const char *verb, const char *path, bool failed)
{
    size_t size = strlen(verb) + strlen(path) + 5;

    if (disk->log_size + size > disk->log_capacity) {
        disk->log_capacity = 2 * disk->log_capacity + size;
        disk->log = realloc(disk->log, disk->log_capacity);
        if (disk->log == NULL) {
            abort();
        }
    }
    disk->log_size += (size_t)snprintf(disk->log + disk->log_size, size, "%s %s%s\n", verb, path,
                                       failed ? " !" : "");
}

static bool asks_for_room(const char *verb)
{
    return strcmp(verb, "write") == 0 || strcmp(verb, "create") == 0 ||
           strcmp(verb, "rename") == 0 || strcmp(verb, "make_directory") == 0;
}

/* Whether this operation, which is told and counted, must fail. The mutex is held. */
bool power_strike(struct power_disk *disk, const char *verb, const char *path, bool changes)
{
    bool counted = disk->error_number != ENOSPC || asks_for_room(verb);
    bool failed = false;

    if (disk->hook != NULL) {
        struct power_operation operation = {disk->count + 1, verb, path, changes};

        disk->hook(disk->hook_context, &operation);
    }
    disk->count++;
    if (counted && disk->has_failed && disk->fault != POWER_ONCE) {
        failed = true;
    } else if (counted && disk->until_fault > 0) {
        disk->until_fault--;
        failed = disk->until_fault == 0;
    }
    if (failed && !disk->has_failed) {
        disk->has_failed = true;
        (void)snprintf(disk->failure, sizeof disk->failure, "%s %s", verb, path);
    }
    write_down(disk, verb, path, failed);
    return failed;
}

static arm_status fail(const struct power_disk *disk, const char *verb, const char *path,
                       struct arm_error *err)
{
    return arm__fail_errno(err, disk->error_number, verb, path);
}

static struct power_disk *enter(void *self)
{
    struct power_disk *disk = self;

    pthread_mutex_lock(&disk->mutex);
    return disk;
}

static void leave(struct power_disk *disk)
{
    pthread_mutex_unlock(&disk->mutex);
}

/* ---- Files ---- */

/* The file just opened, made (`created`) or there; NULL if it is not on this disk. */
static struct power_inode *note_open(struct power_disk *disk, const char *path, bool created)
{
    const char *name;
    struct power_inode *parent;
    struct power_inode *inode = power_find(disk, path, &parent, &name);

    if (parent != NULL && (inode == NULL || created)) {
        inode = power_inode_new(disk, false);
        inode->is_foreign = !created;
        power_link(parent, name, inode);
    }
    return inode;
}

static arm_status open_known(struct power_disk *disk, const char *path, unsigned flags,
                             struct arm_file **out, struct arm_error *err)
{
    bool creates = (flags & ARM_OPEN_CREATE) != 0 && access(path, F_OK) != 0;
    const char *verb = creates ? "create" : "open";
    struct arm_file *real = NULL;
    struct disk_file *file;
    arm_status st;

    if (power_strike(disk, verb, path, creates)) {
        return fail(disk, verb, path, err);
    }
    st = disk->real->open(disk->real->self, path, flags, &real, err);
    if (st == ARM_OK) {
        file = power_alloc(sizeof *file);
        file->real = real;
        file->path = power_text(path);
        file->inode = note_open(disk, path, creates);
        disk->files_open++;
        *out = (struct arm_file *)(void *)file;
    }
    return st;
}

static arm_status disk_open(void *self, const char *path, unsigned flags, struct arm_file **out,
                            struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    arm_status st = open_known(disk, path, flags, out, err);

    leave(disk);
    return st;
}

static void disk_close(void *self, struct arm_file *file)
{
    struct power_disk *disk;

    if (file != NULL) {
        disk = enter(self);
        disk->files_open--;
        disk->real->close(disk->real->self, disk_file(file)->real);
        leave(disk);
        free(disk_file(file)->path);
        free(disk_file(file));
    }
}

static arm_status disk_read(void *self, struct arm_file *file, uint64_t offset, void *data,
                            size_t size, size_t *out_size, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    const char *path = disk_file(file)->path;
    bool failed = power_strike(disk, "read", path, false);
    arm_status st = failed ? fail(disk, "read", path, err)
                           : disk->real->read(disk->real->self, disk_file(file)->real, offset, data,
                                              size, out_size, err);

    leave(disk);
    return st;
}

static arm_status disk_write(void *self, struct arm_file *file, uint64_t offset, const void *data,
                             size_t size, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    const char *path = disk_file(file)->path;
    bool failed = power_strike(disk, "write", path, true);
    size_t done = !failed ? size : disk->fault == POWER_GONE ? 0 : size / 2;
    arm_status st = ARM_OK;

    if (done > 0) {
        st = disk->real->write(disk->real->self, disk_file(file)->real, offset, data, done, err);
        if (disk_file(file)->inode != NULL) {
            power_note(disk_file(file)->inode, offset, data, done);
        }
    }
    st = failed ? fail(disk, "write", path, err) : st;
    leave(disk);
    return st;
}

static arm_status disk_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    struct disk_file *known = disk_file(file);
    bool failed = power_strike(disk, "sync", known->path, true);

    if (known->inode != NULL && !(failed && disk->fault == POWER_GONE)) {
        free(known->inode->path);
        known->inode->path = power_text(known->path);
        power_settle(known->inode, failed, &disk->random);
    }
    leave(disk);
    return failed ? fail(disk, "sync", known->path, err) : ARM_OK;
}

static arm_status disk_truncate(void *self, struct arm_file *file, uint64_t size,
                                struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    const char *path = disk_file(file)->path;
    arm_status st = ARM_OK;

    if (power_strike(disk, "truncate", path, true)) {
        st = fail(disk, "truncate", path, err);
    } else {
        st = disk->real->truncate(disk->real->self, disk_file(file)->real, size, err);
        if (disk_file(file)->inode != NULL) {
            power_note(disk_file(file)->inode, size, NULL, 0);
        }
    }
    leave(disk);
    return st;
}

static arm_status disk_stat(void *self, const char *path, struct arm_stat *out,
                            struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    const char *name;
    struct power_inode *parent;
    struct power_inode *inode;
    arm_status st = ARM_OK;

    if (power_strike(disk, "stat", path, false)) {
        st = fail(disk, "look at", path, err);
    } else {
        st = disk->real->stat(disk->real->self, path, out, err);
    }
    inode = st == ARM_OK ? power_find(disk, path, &parent, &name) : NULL;
    if (st == ARM_OK && inode == NULL && !out->is_directory) {
        inode = note_open(disk, path, false);
    }
    if (inode != NULL) {
        out->inode = inode->id;
        out->device = 1;
        out->mount = disk->mount;
    }
    leave(disk);
    return st;
}

static arm_status disk_size(void *self, struct arm_file *file, uint64_t *out, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    const char *path = disk_file(file)->path;
    bool failed = power_strike(disk, "size", path, false);
    arm_status st = failed ? fail(disk, "look at", path, err)
                           : disk->real->size(disk->real->self, disk_file(file)->real, out, err);

    leave(disk);
    return st;
}

/* Locks may wait for one that another operation gives up: not under the mutex. */
static arm_status disk_lock(void *self, struct arm_file *file, struct arm_range range,
                            enum arm_lock_kind kind, bool wait, struct arm_error *err)
{
    struct power_disk *disk = self;
    const char *path = disk_file(file)->path;

    if (kind != ARM_LOCK_NONE) {
        bool failed;

        (void)enter(self);
        failed = power_strike(disk, "lock", path, false);
        leave(disk);
        if (failed) {
            return fail(disk, "lock", path, err);
        }
    }
    return disk->real->lock(disk->real->self, disk_file(file)->real, range, kind, wait, err);
}

/* From here on the file is changed through memory. */
static arm_status disk_map(void *self, struct arm_file *file, size_t size, void **out,
                           struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    struct power_inode *inode = disk_file(file)->inode;
    const char *path = disk_file(file)->path;
    arm_status st = ARM_OK;

    if (power_strike(disk, "map", path, false)) {
        st = fail(disk, "map", path, err);
    } else {
        st = disk->real->map(disk->real->self, disk_file(file)->real, size, out, err);
    }
    if (st == ARM_OK && inode != NULL) {
        inode->is_foreign = true;
        inode->is_mapped = true;
        power_forget(inode);
    }
    leave(disk);
    return st;
}

static void disk_unmap(void *self, void *memory, size_t size)
{
    struct power_disk *disk = self;

    disk->real->unmap(disk->real->self, memory, size);
}

/* ---- Names ---- */

/* What others made (DuckDB a file) is known from here on. */
struct power_inode *power_known(struct power_disk *disk, const char *path,
                                struct power_inode **out_parent, const char **out_name)
{
    struct power_inode *inode = power_find(disk, path, out_parent, out_name);

    if (inode == NULL && *out_parent != NULL && access(path, F_OK) == 0) {
        inode = note_open(disk, path, false);
    }
    return inode;
}

static arm_status disk_rename(void *self, const char *from, const char *to, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    struct power_inode *old_parent;
    struct power_inode *new_parent;
    const char *old_name;
    const char *new_name;
    struct power_inode *inode = power_known(disk, from, &old_parent, &old_name);
    arm_status st = ARM_OK;

    (void)power_find(disk, to, &new_parent, &new_name);
    if (power_strike(disk, "rename", to, true)) {
        st = fail(disk, "rename", from, err);
    } else {
        st = disk->real->rename(disk->real->self, from, to, err);
        if (st == ARM_OK && inode != NULL && new_parent != NULL) {
            power_rename(old_parent, old_name, new_parent, new_name);
        }
    }
    leave(disk);
    return st;
}

static arm_status disk_remove(void *self, const char *path, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    struct power_inode *parent;
    const char *name;
    struct power_inode *inode = power_known(disk, path, &parent, &name);
    arm_status st = ARM_OK;

    if (power_strike(disk, "remove", path, true)) {
        st = fail(disk, "remove", path, err);
    } else {
        st = disk->real->remove(disk->real->self, path, err);
        if (st == ARM_OK && inode != NULL && parent != NULL) {
            power_unlink(parent, name);
        }
    }
    leave(disk);
    return st;
}

static arm_status disk_make_directory(void *self, const char *path, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    struct power_inode *parent;
    const char *name;
    arm_status st = ARM_OK;

    if (power_strike(disk, "make_directory", path, true)) {
        st = fail(disk, "make directory", path, err);
    } else {
        st = disk->real->make_directory(disk->real->self, path, err);
        (void)power_find(disk, path, &parent, &name);
        if (st == ARM_OK && parent != NULL) {
            power_link(parent, name, power_inode_new(disk, true));
        }
    }
    leave(disk);
    return st;
}

/* Names that others made count too. A sync of names that fails has made some of them durable;
 * the others stay pending, since names are not taken for clean. */
static arm_status disk_sync_directory(void *self, const char *path, struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    bool failed = power_strike(disk, "sync_directory", path, true);
    struct power_inode *parent;
    struct power_inode *inode;
    const char *name;

    if (!failed) {
        power_refresh(disk);
        inode = power_find(disk, path, &parent, &name);
        if (inode != NULL) {
            power_settle_names(inode);
        }
    }
    leave(disk);
    return failed ? fail(disk, "sync directory", path, err) : ARM_OK;
}

static arm_status disk_list(void *self, const char *path, arm_visit_name *visit, void *context,
                            struct arm_error *err)
{
    struct power_disk *disk = enter(self);
    bool failed = power_strike(disk, "list", path, false);

    leave(disk);
    return failed ? fail(disk, "list", path, err)
                  : disk->real->list(disk->real->self, path, visit, context, err);
}

static int64_t disk_now_us(void *self)
{
    const struct power_disk *disk = self;

    return disk->real->now_us(disk->real->self);
}

static bool disk_boot_id(void *self, struct arm_id *out)
{
    const struct power_disk *disk = self;

    *out = disk->boot;
    return true;
}

/* ---- The table ---- */

const struct arm_io power_door = {
    .open = disk_open,
    .close = disk_close,
    .read = disk_read,
    .write = disk_write,
    .sync = disk_sync,
    .truncate = disk_truncate,
    .stat = disk_stat,
    .size = disk_size,
    .lock = disk_lock,
    .map = disk_map,
    .unmap = disk_unmap,
    .rename = disk_rename,
    .remove = disk_remove,
    .make_directory = disk_make_directory,
    .sync_directory = disk_sync_directory,
    .list = disk_list,
    .now_us = disk_now_us,
    .boot_id = disk_boot_id,
};
