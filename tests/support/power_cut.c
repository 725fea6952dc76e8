/* SPDX-License-Identifier: Apache-2.0 */
/* What is left after a cut, made real in another directory. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/power_medium.h"

enum { PATH_BYTES_MAX = 4096 };

static void require(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static void write_real(const char *path, struct power_bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t done = 0;

    require(fd >= 0, path);
    while (done < bytes.size) {
        ssize_t n = pwrite(fd, bytes.data + done, bytes.size - done, (off_t)done);

        require(n > 0, path);
        done += (size_t)n;
    }
    (void)close(fd);
}

/* The index's mark names the time its file was modified. */
static void set_modified(const char *path, struct timespec modified)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, modified};

    require(utimensat(AT_FDCWD, path, times, 0) == 0, path);
}

/* ---- Power: what the medium holds is all there is, and all of it durable ---- */

struct cutting {
    struct power_disk *to;
    enum power_fate fate;
    uint64_t random;
};

static void cut_file(struct cutting *c, const struct power_inode *from, struct power_inode *to,
                     const char *path)
{
    bool keeps_time = c->fate == POWER_LOSE || c->fate == POWER_NAMES ||
                      (c->fate == POWER_MIX && power_random(&c->random, 2) == 0);
    struct stat found;

    to->image = power_outcome(from, c->fate, &c->random);
    to->is_foreign = from->is_foreign;
    to->is_mapped = from->is_mapped;
    write_real(path, to->image);
    if (from->is_foreign && keeps_time) {
        set_modified(path, from->modified);
    } else if (from->is_foreign && from->path != NULL && stat(from->path, &found) == 0) {
        set_modified(path, found.st_mtim);
    }
    require(stat(path, &found) == 0, path);
    to->modified = found.st_mtim;
}

static void cut_directory(struct cutting *c, const struct power_inode *from, struct power_inode *to,
                          const char *path)
{
    struct power_names names = power_names_outcome(from, c->fate, &c->random);

    for (size_t i = 0; i < names.count; i++) {
        const struct power_inode *old = names.items[i].inode;
        struct power_inode *made = power_inode_new(c->to, old->is_directory);
        char inner[PATH_BYTES_MAX];

        made->id = old->id;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, names.items[i].name);
        if (old->is_directory) {
            require(mkdir(inner, 0777) == 0, inner);
            cut_directory(c, old, made, inner);
        } else {
            cut_file(c, old, made, inner);
        }
        power_link(to, names.items[i].name, made);
    }
    power_names_free(&names);
    power_settle_names(to);
}

/* ---- A kill: the medium as it was, and all that is pending ---- */

static void copy_pending(struct power_inode *to, const struct power_inode *from)
{
    for (const struct power_write *op = from->first; op != NULL; op = op->next) {
        power_note(to, op->offset, op->data, op->size);
    }
}

static void copy_names(struct power_inode *to, const struct power_inode *from)
{
    for (size_t i = 0; i < from->durable.count; i++) {
        power_link(to, from->durable.items[i].name, from->durable.items[i].inode->twin);
    }
    power_settle_names(to);
    for (const struct power_change *change = from->first_change; change != NULL;
         change = change->next) {
        if (change->from != NULL && change->to != NULL) {
            power_rename(to, change->from, to, change->to);
        } else if (change->to != NULL) {
            power_link(to, change->to, change->inode->twin);
        } else {
            power_unlink(to, change->from);
        }
    }
}

static void show(const struct power_inode *inode, const char *from, const char *to)
{
    struct timespec modified;
    struct power_bytes bytes = power_read(from, &modified);

    write_real(to, bytes);
    if (inode->is_foreign) {
        set_modified(to, modified);
    }
    free(bytes.data);
}

static void show_directory(const struct power_inode *directory, const char *to)
{
    for (size_t i = 0; i < directory->visible.count; i++) {
        const struct power_inode *inode = directory->visible.items[i].inode;
        char inner[PATH_BYTES_MAX];

        (void)snprintf(inner, sizeof inner, "%s/%s", to, directory->visible.items[i].name);
        if (inode->is_directory) {
            require(mkdir(inner, 0777) == 0, inner);
            show_directory(inode, inner);
        } else {
            show(inode, inode->path, inner);
        }
    }
}

static void copy_disk(struct power_disk *to, struct power_disk *from)
{
    for (struct power_inode *inode = from->inodes; inode != NULL; inode = inode->next) {
        struct power_inode *twin =
            inode == from->root ? to->root : power_inode_new(to, inode->is_directory);

        twin->id = inode->id;
        twin->is_foreign = inode->is_foreign;
        twin->is_mapped = inode->is_mapped;
        twin->image = power_copy(inode->image);
        twin->modified = inode->modified;
        copy_pending(twin, inode);
        inode->twin = twin;
    }
    for (struct power_inode *inode = from->inodes; inode != NULL; inode = inode->next) {
        copy_names(inode->twin, inode);
    }
    show_directory(from->root, to->path);
}

struct power_disk *power_disk_cut(struct power_disk *disk, const struct power_cut *cut,
                                  const char *root)
{
    struct power_disk *after = power_disk_new(root);
    struct cutting c = {.to = after, .fate = cut->fate, .random = power_seed(cut->seed)};

    pthread_mutex_lock(&disk->mutex);
    power_refresh(disk);
    if (cut->event == POWER_KILL) {
        copy_disk(after, disk);
        after->mount = disk->mount;
    } else {
        cut_directory(&c, disk->root, after->root, root);
        after->root->id = disk->root->id;
    }
    if (cut->event == POWER_REBOOT) {
        after->mount = disk->mount; /* numbers begin anew */
    } else {
        after->boot = disk->boot;
    }
    after->next_id = disk->next_id + after->next_id;
    pthread_mutex_unlock(&disk->mutex);
    return after;
}
