/* SPDX-License-Identifier: Apache-2.0 */
/* Making a repository: directories, an empty log, branch main as its first record, then FORMAT.
 *
 * FORMAT comes last and at once: a directory that has it is a whole repository. One in the making
 * has FORMAT.new instead; what a crash left of it may be made over, since nothing else ever
 * leaves that name beside no FORMAT. A log without either is never touched. Two who make the
 * same one at once exclude each other by byte 2 of index/lock. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

static const char *const directory_names[] = {"chunks", "staging", "log", "index", "cold"};
enum { DIRECTORY_COUNT = sizeof directory_names / sizeof *directory_names };

static const char marker_name[] = "FORMAT.new";
static const struct arm_range creation_byte = {2, 1};

/* What is in the making. */
struct creation {
    const struct arm_io *io;
    const char *root;
    bool is_begun;   /* it has our marker */
    bool is_strange; /* it has something that is not ours */
    struct arm_file *lock;
};

static bool exists_at(const struct creation *c, const char *name)
{
    char *path = NULL;
    bool there =
        arm__path_join(c->root, name, &path, NULL) == ARM_OK && arm__io_exists(c->io, path);

    arm__free(path);
    return there;
}

/* ---- Is there room for one? ---- */

static arm_status look_at_name(void *context, const char *name, struct arm_error *err)
{
    struct creation *c = context;
    bool is_known = strcmp(name, marker_name) == 0 || strcmp(name, "HEAD") == 0 ||
                    strcmp(name, "HEAD.new") == 0;

    (void)err;
    for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
        is_known = is_known || strcmp(name, directory_names[i]) == 0;
    }
    c->is_begun = c->is_begun || strcmp(name, marker_name) == 0;
    c->is_strange = c->is_strange || !is_known;
    return ARM_OK;
}

static arm_status check_room(struct creation *c, struct arm_error *err)
{
    bool has_log;
    arm_status st = ARM_OK;

    if (exists_at(c, "FORMAT")) {
        return arm__fail(err, ARM_EXISTS, "%s is a repository already", c->root);
    }
    c->is_begun = false;
    c->is_strange = false;
    ARM_TRY(c->io->list(c->io->self, c->root, look_at_name, c, err));
    has_log = exists_at(c, "log");
    if (c->is_strange || (has_log && !c->is_begun)) {
        st = arm__fail(err, ARM_EXISTS,
                       c->is_strange ? "%s is not empty"
                                     : "%s has a log but no FORMAT: it is not touched",
                       c->root);
    }
done:
    return st;
}

/* ---- Directories ---- */

/* A directory that may be there already; a new one is synced into its parent. */
static arm_status make_one(const struct arm_io *io, const char *path, struct arm_error *err)
{
    struct arm_error why;
    char *parent = NULL;
    char *slash;
    arm_status st = ARM_OK;

    if (arm__io_exists(io, path)) {
        return ARM_OK;
    }
    st = io->make_directory(io->self, path, &why);
    if (st == ARM_EXISTS) { /* somebody was faster */
        return ARM_OK;
    }
    if (st != ARM_OK) {
        return arm__fail(err, st, "%s", why.message);
    }
    ARM_TRY(arm__strdup(path, &parent, err));
    slash = strrchr(parent, '/');
    slash[slash == parent ? 1 : 0] = '\0';
    ARM_TRY(io->sync_directory(io->self, parent, err));
done:
    arm__free(parent);
    return st;
}

/* The directory (absolute) and those above it that are missing. */
static arm_status make_path(const struct arm_io *io, const char *path, struct arm_error *err)
{
    struct arm_stat stat;
    char *part = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__strdup(path, &part, err));
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ARM_TRY(make_one(io, part, err));
        *slash = '/';
    }
    ARM_TRY(make_one(io, path, err));
    ARM_TRY(io->stat(io->self, path, &stat, err));
    if (!stat.is_directory) {
        st = arm__fail(err, ARM_EXISTS, "%s is a file", path);
    }
done:
    arm__free(part);
    return st;
}

/* The name of the repository's own directory, durable also where the directory was there: its
 * maker may have died before he came to that. */
static arm_status sync_name(const struct creation *c, struct arm_error *err)
{
    struct arm_error why;
    char *parent = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_parent(c->root, &parent, err));
    st = c->io->sync_directory(c->io->self, parent, &why);
    if (st == ARM_PERMISSION) { /* a directory of somebody else's, in which we may only make ours */
        st = ARM_OK;
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
    }
done:
    arm__free(parent);
    return st;
}

static arm_status make_directory(const struct creation *c, const char *name, struct arm_error *err)
{
    struct arm_error why;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(c->root, name, &path, err));
    st = c->io->make_directory(c->io->self, path, &why);
    if (st == ARM_EXISTS) {
        st = ARM_OK;
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
    }
done:
    arm__free(path);
    return st;
}

static arm_status take_lock(struct creation *c, struct arm_error *err)
{
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(make_directory(c, "index", err));
    ARM_TRY(arm__path_join(c->root, "index/lock", &path, err));
    ARM_TRY(c->io->open(c->io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &c->lock, err));
    ARM_TRY(c->io->lock(c->io->self, c->lock, creation_byte, ARM_LOCK_EXCLUSIVE, true, err));
done:
    arm__free(path);
    return st;
}

/* ---- What an interrupted creation left ---- */

struct sweep {
    const struct arm_io *io;
    const char *directory;
};

static arm_status remove_name(void *context, const char *name, struct arm_error *err)
{
    const struct sweep *sweep = context;
    char *path = NULL;
    arm_status st = ARM_OK;

    if (strcmp(name, "lock") == 0) { /* we hold it */
        return ARM_OK;
    }
    ARM_TRY(arm__path_join(sweep->directory, name, &path, err));
    ARM_TRY(sweep->io->remove(sweep->io->self, path, err));
done:
    arm__free(path);
    return st;
}

static arm_status clear_directory(const struct creation *c, const char *name, struct arm_error *err)
{
    struct sweep sweep = {.io = c->io};
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(c->root, name, &path, err));
    sweep.directory = path;
    if (arm__io_exists(c->io, path)) {
        ARM_TRY(c->io->list(c->io->self, path, remove_name, &sweep, err));
    }
done:
    arm__free(path);
    return st;
}

static arm_status write_file(const struct creation *c, const char *name, struct arm_bytes bytes,
                             struct arm_error *err)
{
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(c->root, name, &path, err));
    ARM_TRY(arm__io_replace_file(c->io, path, bytes, err));
done:
    arm__free(path);
    return st;
}

/* Durable before anything else is written: from here on the directory is ours. */
static arm_status write_marker(const struct creation *c, struct arm_bytes text,
                               struct arm_error *err)
{
    struct arm_file *file = NULL;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(c->root, marker_name, &path, err));
    ARM_TRY(c->io->open(c->io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, err));
    ARM_TRY(c->io->truncate(c->io->self, file, 0, err));
    ARM_TRY(c->io->write(c->io->self, file, 0, text.data, text.size, err));
    ARM_TRY(c->io->sync(c->io->self, file, err));
    ARM_TRY(c->io->sync_directory(c->io->self, c->root, err));
done:
    if (file != NULL) {
        c->io->close(c->io->self, file);
    }
    arm__free(path);
    return st;
}

/* ---- The repository ---- */

static arm_status lay_out(const struct creation *c, const struct arm_header *header,
                          struct arm_error *err)
{
    static const char making[] = "a repository in the making\n";
    arm_status st = ARM_OK;

    ARM_TRY(write_marker(c, arm__bytes(making, sizeof making - 1), err));
    ARM_TRY(clear_directory(c, "log", err));
    ARM_TRY(clear_directory(c, "index", err));
    for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
        ARM_TRY(make_directory(c, directory_names[i], err));
    }
    ARM_TRY(c->io->sync_directory(c->io->self, c->root, err));
    ARM_TRY(arm__log_create(c->io, c->root, &header->id, err));
    ARM_TRY(write_file(c, "HEAD", arm__bytes("main\n", 5), err));
done:
    return st;
}

/* Branch main, by the way of all records; then a clean close. */
static arm_status make_main(const struct creation *c, const struct arm_header *header,
                            struct arm_error *err)
{
    static char name[] = "main";
    struct arm_repository_options options = {.io = c->io};
    struct arm_repository *repository = NULL;
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    struct arm_error why;
    uint64_t tx;
    arm_status st = ARM_OK;

    change.kind = ARMPB__REF_KIND__BRANCH;
    change.action = ARMPB__REF_ACTION__REF_CREATE;
    change.name = name;
    ARM_TRY(arm__repository_new(c->root, &options, &repository, err));
    repository->header = *header;
    st = arm__repository_attach(repository, &options, err);
    if (st != ARM_OK) {
        arm__repository_detach(repository);
        goto done;
    }
    st = arm__commit_ref(repository, &change, &tx, &why);
    arm__repository_close(repository);
    if (st == ARM_COMMIT_UNKNOWN) { /* there is nothing to ask: it is not made without FORMAT */
        st = arm__fail(err, ARM_IO, "it could not be made: %s", why.message);
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
    }
done:
    return st;
}

/* The marker becomes FORMAT. Not by arm__io_replace_file, which takes back what it wrote when it
 * fails: a log without its marker could never be made over. */
static arm_status write_header(const struct creation *c, const struct arm_header *header,
                               struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(4096);
    char *from = NULL;
    char *to = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__header_encode(header, &text, err));
    ARM_TRY(arm__path_join(c->root, marker_name, &from, err));
    ARM_TRY(arm__path_join(c->root, "FORMAT", &to, err));
    ARM_TRY(write_marker(c, arm__buf_bytes(&text), err));
    ARM_TRY(c->io->rename(c->io->self, from, to, err));
    ARM_TRY(c->io->sync_directory(c->io->self, c->root, err));
done:
    arm__buf_release(&text);
    arm__free(from);
    arm__free(to);
    return st;
}

arm_status arm__repository_create(const struct arm_io *io, const char *path, struct arm_error *err)
{
    struct arm_repository_options options = {.io = io};
    struct arm_repository *place = NULL; /* for its path */
    struct creation c = {.io = io != NULL ? io : arm__io_system()};
    struct arm_header header = {.compatible = 0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_new(path, &options, &place, err));
    c.root = place->path;
    ARM_TRY(make_path(c.io, c.root, err));
    ARM_TRY(check_room(&c, err));
    ARM_TRY(take_lock(&c, err));
    ARM_TRY(check_room(&c, err)); /* somebody may have been faster */
    ARM_TRY(sync_name(&c, err));
    header.created_us = c.io->now_us(c.io->self);
    ARM_TRY(arm__id_random(&header.id, err));
    ARM_TRY(lay_out(&c, &header, err));
    ARM_TRY(make_main(&c, &header, err));
    ARM_TRY(write_header(&c, &header, err));
done:
    if (c.lock != NULL) {
        c.io->close(c.io->self, c.lock);
    }
    if (place != NULL) {
        arm__repository_detach(place);
    }
    return st;
}
