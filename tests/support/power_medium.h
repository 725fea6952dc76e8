/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_MEDIUM_H
#define ARM_TESTS_SUPPORT_POWER_MEDIUM_H

/* What the files of the power disk share: the medium's files and directories, what is pending on
 * each, and how chance decides over it. */

#include <pthread.h>
#include <time.h>

#include "support/power_disk.h"

struct power_bytes {
    uint8_t *data;
    size_t size;
};

struct power_write { /* a write, or (data NULL) a truncation to `offset` */
    struct power_write *next;
    uint64_t offset;
    size_t size;
    uint8_t *data;
};

struct power_inode;

struct power_name {
    char *name;
    struct power_inode *inode;
};

struct power_names {
    struct power_name *items;
    size_t count;
};

struct power_change { /* of names in one directory: `from` is gone, `to` is the inode; or NULL */
    struct power_change *next;
    char *from;
    char *to;
    struct power_inode *inode;
};

struct power_inode {
    struct power_inode *next; /* all of a disk, until it is freed */
    struct power_inode *twin; /* in the copy under way */
    uint64_t id;
    bool is_directory;
    bool is_foreign; /* others write it: pending is the difference to the real file */
    bool is_mapped;
    char *path; /* of the real file, as of the last power_refresh; NULL: it has no name */
    /* files */
    struct power_bytes image; /* what the medium holds */
    struct timespec modified; /* when it was synced last */
    struct power_write *first;
    struct power_write **last;
    /* directories */
    struct power_names durable;
    struct power_names visible;
    struct power_change *first_change;
    struct power_change **last_change;
};

struct power_disk {
    struct arm_io io;
    const struct arm_io *real;
    char *path;
    struct power_disk *next; /* in the list of those that live */
    pthread_mutex_t mutex;   /* recursive: a hook may cut; guards all below */
    struct power_inode *inodes;
    struct power_inode *root;
    uint64_t next_id;
    struct arm_id boot;
    uint64_t mount;
    power_hook *hook;
    void *hook_context;
    uint64_t count;
    uint64_t files_open;
    char *log;
    size_t log_size;
    size_t log_capacity;
    uint64_t random; /* for syncs that fail */
    uint64_t until_fault;
    int error_number;
    enum power_fault fault;
    bool has_failed;
    char failure[512];
};

/* ---- The door (power_door.c) ---- */

extern const struct arm_io power_door;
/* Tell the hook, count, write down; whether the operation must fail. The mutex is held. */
bool power_strike(struct power_disk *disk, const char *verb, const char *path, bool changes);
/* As power_find; what others made is known from here on. */
struct power_inode *power_known(struct power_disk *disk, const char *path,
                                struct power_inode **out_parent, const char **out_name);

/* ---- Chance ---- */

uint64_t power_seed(uint64_t seed); /* a state to start from */
uint64_t power_random(uint64_t *state, uint64_t limit);

/* ---- Memory: a test that has none stops ---- */

void *power_alloc(size_t size_bytes); /* zero */
char *power_text(const char *text);
struct power_bytes power_copy(struct power_bytes bytes);
struct power_bytes power_read(const char *path, struct timespec *out_modified);
void power_resize(struct power_bytes *bytes, size_t size);

/* ---- Files ---- */

struct power_inode *power_inode_new(struct power_disk *disk, bool is_directory);
void power_inode_free(struct power_inode *inode);
/* What was done through the door. `data` NULL: a truncation to `offset`. */
void power_note(struct power_inode *inode, uint64_t offset, const void *data, size_t size);
void power_forget(struct power_inode *inode);
/* A sync: everything pending is on the medium, or (`fails`) some of it, and none is pending. */
void power_settle(struct power_inode *inode, bool fails, uint64_t *random);
/* What a file would be with some of what is pending. */
struct power_bytes power_outcome(const struct power_inode *inode, enum power_fate fate,
                                 uint64_t *random);

/* ---- Directories ---- */

/* The directory of `path` and its last part; `*out_parent` NULL: the path is not on this disk,
 * or not known. The file itself, or NULL. */
struct power_inode *power_find(struct power_disk *disk, const char *path,
                               struct power_inode **out_parent, const char **out_name);
void power_link(struct power_inode *directory, const char *name, struct power_inode *inode);
void power_unlink(struct power_inode *directory, const char *name);
/* Within one directory a rename is one step; between two, each is told of its half. */
void power_rename(struct power_inode *from, const char *from_name, struct power_inode *to,
                  const char *to_name);
void power_settle_names(struct power_inode *directory);
/* The names a directory would have; to be freed. */
struct power_names power_names_outcome(const struct power_inode *directory, enum power_fate fate,
                                       uint64_t *random);
void power_names_free(struct power_names *names);
/* Take in what others did to the real directories, and find each inode's path. */
void power_refresh(struct power_disk *disk);

#endif
