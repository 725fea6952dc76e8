/* SPDX-License-Identifier: Apache-2.0 */
/* The medium: what is on it, what is pending, and what a cut makes of that. */

#include "support/power_medium.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512, PAGE_BYTES = 4096, WHOLE_WRITES = 1 << 30, PATH_BYTES_MAX = 4096 };

/* ---- Chance ---- */

uint64_t power_seed(uint64_t seed)
{
    return seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
}

uint64_t power_random(uint64_t *state, uint64_t limit)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % limit;
}

/* ---- Memory ---- */

static void require(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

void *power_alloc(size_t size_bytes)
{
    void *memory = calloc(1, size_bytes + 1);

    require(memory != NULL, "memory");
    return memory;
}

char *power_text(const char *text)
{
    char *copy = strdup(text);

    require(copy != NULL, "memory");
    return copy;
}

struct power_bytes power_copy(struct power_bytes bytes)
{
    struct power_bytes copy = {power_alloc(bytes.size), bytes.size};

    if (bytes.size > 0) {
        memcpy(copy.data, bytes.data, bytes.size);
    }
    return copy;
}

void power_resize(struct power_bytes *bytes, size_t size)
{
    if (size > bytes->size) {
        bytes->data = realloc(bytes->data, size);
        require(bytes->data != NULL, "memory");
        memset(bytes->data + bytes->size, 0, size - bytes->size);
    }
    bytes->size = size;
}

/* Others may be writing the file meanwhile: what is read is of some moment. */
struct power_bytes power_read(const char *path, struct timespec *out_modified)
{
    struct power_bytes bytes = {NULL, 0};
    struct stat found;
    size_t done = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    require(fd >= 0 && fstat(fd, &found) == 0, path);
    power_resize(&bytes, (size_t)found.st_size);
    while (done < bytes.size) {
        ssize_t got = pread(fd, bytes.data + done, bytes.size - done, (off_t)done);

        require(got >= 0, path);
        if (got == 0) {
            bytes.size = done;
        }
        done += (size_t)got;
    }
    *out_modified = found.st_mtim;
    (void)close(fd);
    return bytes;
}

/* ---- Files ---- */

struct power_inode *power_inode_new(struct power_disk *disk, bool is_directory)
{
    struct power_inode *inode = power_alloc(sizeof *inode);

    inode->id = disk->next_id++;
    inode->is_directory = is_directory;
    inode->last = &inode->first;
    inode->last_change = &inode->first_change;
    inode->next = disk->inodes;
    disk->inodes = inode;
    return inode;
}

void power_note(struct power_inode *inode, uint64_t offset, const void *data, size_t size)
{
    struct power_write *op = power_alloc(sizeof *op);

    op->offset = offset;
    op->size = size;
    if (data != NULL) {
        op->data = power_alloc(size);
        memcpy(op->data, data, size);
    }
    *inode->last = op;
    inode->last = &op->next;
}

void power_forget(struct power_inode *inode)
{
    while (inode->first != NULL) {
        struct power_write *op = inode->first;

        inode->first = op->next;
        free(op->data);
        free(op);
    }
    inode->last = &inode->first;
}

/* How chance treats the pieces of one file. */
struct dice {
    uint64_t *random;
    uint64_t grain;
    uint64_t keep; /* of 16 */
    bool garbles;
};

enum piece_fate { PIECE_KEPT, PIECE_DROPPED, PIECE_GARBLED };

static struct dice dice_of(uint64_t *random, bool garbles)
{
    static const uint64_t shares[] = {1, 8, 8, 15};
    static const uint64_t grains[] = {SECTOR_BYTES, PAGE_BYTES, WHOLE_WRITES};

    return (struct dice){.random = random,
                         .grain = grains[power_random(random, 3)],
                         .keep = shares[power_random(random, 4)],
                         .garbles = garbles};
}

static enum piece_fate piece_fate(const struct dice *dice)
{
    if (power_random(dice->random, 16) < dice->keep) {
        return PIECE_KEPT;
    }
    return dice->garbles && power_random(dice->random, 8) == 0 ? PIECE_GARBLED : PIECE_DROPPED;
}

/* One write, piece by piece. What the medium holds already is not garbled by being written once
 * more: a sector that is torn is torn between two equal bytes. */
static void apply_write(struct power_bytes *bytes, const struct power_write *op,
                        const struct dice *dice)
{
    for (uint64_t at = op->offset; at < op->offset + op->size;) {
        uint64_t end = (at / dice->grain + 1) * dice->grain;
        enum piece_fate fate = piece_fate(dice);

        end = end < op->offset + op->size ? end : op->offset + op->size;
        if (fate != PIECE_DROPPED && end > bytes->size) {
            power_resize(bytes, end);
        }
        for (; at < end; at++) {
            uint8_t wanted = op->data[at - op->offset];

            if (fate != PIECE_DROPPED && bytes->data[at] != wanted) {
                bytes->data[at] =
                    fate == PIECE_KEPT ? wanted : (uint8_t)power_random(dice->random, 256);
            }
        }
    }
}

static void apply_whole(struct power_bytes *bytes, const struct power_write *op)
{
    if (op->data == NULL) {
        power_resize(bytes, op->offset);
        return;
    }
    if (op->offset + op->size > bytes->size) {
        power_resize(bytes, op->offset + op->size);
    }
    if (op->size > 0) {
        memcpy(bytes->data + op->offset, op->data, op->size);
    }
}

/* Sizes come through, bytes do not. */
static void apply_size(struct power_bytes *bytes, const struct power_write *op)
{
    if (op->data == NULL || op->offset + op->size > bytes->size) {
        power_resize(bytes, op->offset + op->size);
    }
}

static void apply(struct power_bytes *bytes, const struct power_inode *inode, enum power_fate fate,
                  uint64_t *random)
{
    struct dice dice = {.random = NULL};

    if (fate == POWER_MIX) {
        dice = dice_of(random, true);
    }
    for (const struct power_write *op = inode->first; op != NULL; op = op->next) {
        if (fate == POWER_KEEP) {
            apply_whole(bytes, op);
        } else if (fate == POWER_ZEROS) {
            apply_size(bytes, op);
        } else if (fate == POWER_MIX && op->data != NULL) {
            apply_write(bytes, op, &dice);
        } else if (fate == POWER_MIX && power_random(random, 2) == 0) {
            power_resize(bytes, op->offset);
        }
    }
}

/* The pages of two states, and of none, in one file. */
static struct power_bytes mix_pages(const struct power_inode *inode, struct power_bytes now,
                                    uint64_t *random)
{
    struct power_bytes mixed = power_copy(inode->image);
    struct dice dice = dice_of(random, !inode->is_mapped);
    uint64_t size = power_random(random, 4);
    size_t most = now.size > mixed.size ? now.size : mixed.size;
    size_t least = now.size > mixed.size ? mixed.size : now.size;

    power_resize(&mixed, most);
    for (size_t at = 0; at < most; at += PAGE_BYTES) {
        enum piece_fate fate = piece_fate(&dice);
        size_t end = at + PAGE_BYTES < most ? at + PAGE_BYTES : most;

        for (size_t i = at; fate != PIECE_DROPPED && i < end; i++) {
            uint8_t wanted = i < now.size ? now.data[i] : 0;

            if (mixed.data[i] != wanted) {
                mixed.data[i] = fate == PIECE_KEPT ? wanted : (uint8_t)power_random(random, 256);
            }
        }
    }
    mixed.size = size == 0   ? least
                 : size == 1 ? least + power_random(random, most - least + 1)
                             : now.size;
    return mixed;
}

static struct power_bytes foreign_outcome(const struct power_inode *inode, enum power_fate fate,
                                          uint64_t *random)
{
    struct power_bytes result = power_copy(inode->image);
    struct timespec modified;
    struct power_bytes now;

    if (fate == POWER_LOSE || fate == POWER_NAMES || inode->path == NULL) {
        return result;
    }
    now = power_read(inode->path, &modified);
    if (fate == POWER_ZEROS) {
        power_resize(&result, now.size);
        free(now.data);
        return result;
    }
    free(result.data);
    if (fate == POWER_KEEP) {
        return now;
    }
    result = mix_pages(inode, now, random);
    free(now.data);
    return result;
}

struct power_bytes power_outcome(const struct power_inode *inode, enum power_fate fate,
                                 uint64_t *random)
{
    struct power_bytes result;

    if (inode->is_foreign) {
        return foreign_outcome(inode, fate, random);
    }
    result = power_copy(inode->image);
    apply(&result, inode, fate, random);
    return result;
}

void power_settle(struct power_inode *inode, bool fails, uint64_t *random)
{
    struct power_bytes settled = power_outcome(inode, fails ? POWER_MIX : POWER_KEEP, random);
    struct stat found;

    free(inode->image.data);
    inode->image = settled;
    power_forget(inode);
    if (inode->is_foreign && inode->path != NULL && stat(inode->path, &found) == 0) {
        inode->modified = found.st_mtim;
    }
}

/* ---- Names ---- */

static struct power_name *find_name(const struct power_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].name, name) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

static void set_name(struct power_names *names, const char *name, struct power_inode *inode)
{
    struct power_name *found = find_name(names, name);

    if (found == NULL) {
        names->items = realloc(names->items, (names->count + 1) * sizeof *names->items);
        require(names->items != NULL, "memory");
        found = &names->items[names->count++];
        found->name = power_text(name);
    }
    found->inode = inode;
}

static void drop_name(struct power_names *names, const char *name)
{
    struct power_name *found = find_name(names, name);

    if (found != NULL) {
        free(found->name);
        *found = names->items[--names->count];
    }
}

void power_names_free(struct power_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].name);
    }
    free(names->items);
    *names = (struct power_names){NULL, 0};
}

static void copy_names(struct power_names *to, const struct power_names *from)
{
    *to = (struct power_names){NULL, 0};
    for (size_t i = 0; i < from->count; i++) {
        set_name(to, from->items[i].name, from->items[i].inode);
    }
}

static void apply_change(struct power_names *names, const struct power_change *change)
{
    if (change->from != NULL) {
        drop_name(names, change->from);
    }
    if (change->to != NULL) {
        set_name(names, change->to, change->inode);
    }
}

static void add_change(struct power_inode *directory, const char *from, const char *to,
                       struct power_inode *inode)
{
    struct power_change *change = power_alloc(sizeof *change);

    change->from = from == NULL ? NULL : power_text(from);
    change->to = to == NULL ? NULL : power_text(to);
    change->inode = inode;
    *directory->last_change = change;
    directory->last_change = &change->next;
    apply_change(&directory->visible, change);
}

void power_link(struct power_inode *directory, const char *name, struct power_inode *inode)
{
    add_change(directory, NULL, name, inode);
}

void power_unlink(struct power_inode *directory, const char *name)
{
    add_change(directory, name, NULL, NULL);
}

void power_rename(struct power_inode *from, const char *from_name, struct power_inode *to,
                  const char *to_name)
{
    struct power_name *moved = find_name(&from->visible, from_name);
    struct power_inode *inode = moved == NULL ? NULL : moved->inode;

    require(inode != NULL, from_name);
    if (from == to) {
        add_change(from, from_name, to_name, inode);
    } else {
        power_link(to, to_name, inode);
        power_unlink(from, from_name);
    }
}

static void forget_changes(struct power_inode *directory)
{
    while (directory->first_change != NULL) {
        struct power_change *change = directory->first_change;

        directory->first_change = change->next;
        free(change->from);
        free(change->to);
        free(change);
    }
    directory->last_change = &directory->first_change;
}

void power_settle_names(struct power_inode *directory)
{
    power_names_free(&directory->durable);
    copy_names(&directory->durable, &directory->visible);
    forget_changes(directory);
}

struct power_names power_names_outcome(const struct power_inode *directory, enum power_fate fate,
                                       uint64_t *random)
{
    struct power_names names;

    if (fate == POWER_KEEP || fate == POWER_NAMES || fate == POWER_ZEROS) {
        copy_names(&names, &directory->visible);
        return names;
    }
    copy_names(&names, &directory->durable);
    for (const struct power_change *change = directory->first_change;
         fate == POWER_MIX && change != NULL; change = change->next) {
        if (power_random(random, 2) == 0) {
            apply_change(&names, change);
        }
    }
    return names;
}

struct power_inode *power_find(struct power_disk *disk, const char *path,
                               struct power_inode **out_parent, const char **out_name)
{
    size_t root_size = strlen(disk->path);
    struct power_inode *inode = disk->root;

    *out_parent = NULL;
    *out_name = path;
    if (strncmp(path, disk->path, root_size) != 0 ||
        (path[root_size] != '/' && path[root_size] != '\0')) {
        return NULL;
    }
    for (path += root_size; *path == '/';) {
        char part[256];
        size_t size = strcspn(++path, "/");
        struct power_name *found;

        if (inode == NULL || !inode->is_directory || size == 0 || size >= sizeof part) {
            *out_parent = NULL;
            return NULL;
        }
        memcpy(part, path, size);
        part[size] = '\0';
        *out_parent = inode;
        *out_name = path;
        found = find_name(&inode->visible, part);
        inode = found == NULL ? NULL : found->inode;
        path += size;
    }
    return inode;
}

/* ---- What others did ---- */

static void refresh_directory(struct power_disk *disk, struct power_inode *directory);

static void refresh_name(struct power_disk *disk, struct power_inode *directory, const char *name)
{
    struct power_name *known = find_name(&directory->visible, name);
    struct power_inode *inode = known == NULL ? NULL : known->inode;
    char path[PATH_BYTES_MAX];
    struct stat found;

    (void)snprintf(path, sizeof path, "%s/%s", directory->path, name);
    if (lstat(path, &found) != 0) { /* gone while we looked */
        return;
    }
    if (inode == NULL) {
        inode = power_inode_new(disk, S_ISDIR(found.st_mode));
        inode->is_foreign = !inode->is_directory;
        power_link(directory, name, inode);
    }
    inode->path = power_text(path);
    if (inode->is_directory) {
        refresh_directory(disk, inode);
    }
}

static void refresh_directory(struct power_disk *disk, struct power_inode *directory)
{
    DIR *listing = opendir(directory->path);
    struct dirent *entry;

    require(listing != NULL, directory->path);
    while ((entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            refresh_name(disk, directory, entry->d_name);
        }
    }
    (void)closedir(listing);
    for (size_t i = directory->visible.count; i > 0; i--) {
        char *name = directory->visible.items[i - 1].name;

        if (directory->visible.items[i - 1].inode->path == NULL) { /* removed by others */
            char *copy = power_text(name);

            power_unlink(directory, copy);
            free(copy);
        }
    }
}

void power_refresh(struct power_disk *disk)
{
    for (struct power_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        free(inode->path);
        inode->path = NULL;
    }
    disk->root->path = power_text(disk->path);
    refresh_directory(disk, disk->root);
}

void power_inode_free(struct power_inode *inode)
{
    power_forget(inode);
    forget_changes(inode);
    power_names_free(&inode->durable);
    power_names_free(&inode->visible);
    free(inode->image.data);
    free(inode->path);
    free(inode);
}
