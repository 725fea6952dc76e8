/* SPDX-License-Identifier: Apache-2.0 */
/* The fault double. It sees files by wrapping them, so that an operation on an open file is
 * written down with its path. */

#include "support/io_fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arm_file; /* here: a struct fault_file */

struct fault_file {
    struct arm_file *inner;
    char *path;
};

struct io_fault {
    struct arm_io io;
    const struct arm_io *inner;
    pthread_mutex_t mutex; /* guards all below */
    uint64_t until_fault;  /* 0: none */
    char verb[32];         /* counted verb, or "" for all */
    int error_number;
    enum io_fault_kind kind;
    bool happened;
    uint64_t count;
    uint64_t files_open;
    char *log;
    size_t log_size;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void log_line(struct io_fault *fault, const char *verb, const char *what, bool failed)
{
    size_t size = strlen(verb) + strlen(what) + 5;

    fault->log = must(realloc(fault->log, fault->log_size + size));
    fault->log_size += (size_t)snprintf(fault->log + fault->log_size, size, "%s %s%s\n", verb, what,
                                        failed ? " !" : "");
}

/* Count one operation; true if it must fail. */
static bool strike(struct io_fault *fault, const char *verb, const char *what)
{
    bool counted;
    bool failed;

    pthread_mutex_lock(&fault->mutex);
    counted = fault->verb[0] == '\0' || strcmp(fault->verb, verb) == 0;
    failed = fault->happened && fault->kind == IO_FAULT_AFTER;
    if (counted && fault->until_fault > 0) {
        fault->until_fault--;
        failed = failed || fault->until_fault == 0;
    }
    if (failed && fault->kind == IO_FAULT_KILL) {
        (void)raise(SIGKILL);
    }
    fault->happened = fault->happened || failed;
    fault->count++;
    log_line(fault, verb, what, failed);
    pthread_mutex_unlock(&fault->mutex);
    return failed;
}

static arm_status fail(struct io_fault *fault, const char *verb, const char *what,
                       struct arm_error *err)
{
    return arm__fail_errno(err, fault->error_number, verb, what);
}

static void note(struct io_fault *fault, const char *verb, const char *what, int files)
{
    pthread_mutex_lock(&fault->mutex);
    if (verb != NULL) {
        log_line(fault, verb, what, false);
    }
    fault->files_open += (uint64_t)(int64_t)files;
    pthread_mutex_unlock(&fault->mutex);
}

static struct fault_file *wrapped(struct arm_file *file)
{
    return (struct fault_file *)(void *)file;
}

static arm_status fault_open(void *self, const char *path, unsigned flags, struct arm_file **out,
                             struct arm_error *err)
{
    struct io_fault *fault = self;
    struct fault_file *file;
    struct arm_file *inner = NULL;
    arm_status st;

    if (strike(fault, "open", path)) {
        return fail(fault, "open", path, err);
    }
    st = fault->inner->open(fault->inner->self, path, flags, &inner, err);
    if (st == ARM_OK) {
        file = must(malloc(sizeof *file));
        file->inner = inner;
        file->path = must(strdup(path));
        *out = (struct arm_file *)(void *)file;
        note(fault, NULL, NULL, 1);
    }
    return st;
}

static void fault_close(void *self, struct arm_file *file)
{
    struct io_fault *fault = self;

    if (file != NULL) {
        note(fault, "close", wrapped(file)->path, -1);
        fault->inner->close(fault->inner->self, wrapped(file)->inner);
        free(wrapped(file)->path);
        free(wrapped(file));
    }
}

static arm_status fault_read(void *self, struct arm_file *file, uint64_t offset, void *data,
                             size_t size, size_t *out_size, struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "read", wrapped(file)->path)) {
        return fail(fault, "read", wrapped(file)->path, err);
    }
    return fault->inner->read(fault->inner->self, wrapped(file)->inner, offset, data, size,
                              out_size, err);
}

static arm_status fault_write(void *self, struct arm_file *file, uint64_t offset, const void *data,
                              size_t size, struct arm_error *err)
{
    struct io_fault *fault = self;
    bool failed = strike(fault, "write", wrapped(file)->path);
    arm_status st = fault->inner->write(fault->inner->self, wrapped(file)->inner, offset, data,
                                        failed ? size / 2 : size, err);

    return failed ? fail(fault, "write", wrapped(file)->path, err) : st;
}

static arm_status fault_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "sync", wrapped(file)->path)) {
        return fail(fault, "sync", wrapped(file)->path, err);
    }
    return fault->inner->sync(fault->inner->self, wrapped(file)->inner, err);
}

static arm_status fault_truncate(void *self, struct arm_file *file, uint64_t size,
                                 struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "truncate", wrapped(file)->path)) {
        return fail(fault, "truncate", wrapped(file)->path, err);
    }
    return fault->inner->truncate(fault->inner->self, wrapped(file)->inner, size, err);
}

static arm_status fault_stat(void *self, const char *path, struct arm_stat *out,
                             struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "stat", path)) {
        return fail(fault, "look at", path, err);
    }
    return fault->inner->stat(fault->inner->self, path, out, err);
}

static arm_status fault_size(void *self, struct arm_file *file, uint64_t *out,
                             struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "size", wrapped(file)->path)) {
        return fail(fault, "look at", wrapped(file)->path, err);
    }
    return fault->inner->size(fault->inner->self, wrapped(file)->inner, out, err);
}

static arm_status fault_lock(void *self, struct arm_file *file, struct arm_range range,
                             enum arm_lock_kind kind, bool wait, struct arm_error *err)
{
    struct io_fault *fault = self;

    if (kind == ARM_LOCK_NONE) {
        note(fault, "unlock", wrapped(file)->path, 0);
    } else if (strike(fault, "lock", wrapped(file)->path)) {
        return fail(fault, "lock", wrapped(file)->path, err);
    }
    return fault->inner->lock(fault->inner->self, wrapped(file)->inner, range, kind, wait, err);
}

static arm_status fault_map(void *self, struct arm_file *file, size_t size, void **out,
                            struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "map", wrapped(file)->path)) {
        return fail(fault, "map", wrapped(file)->path, err);
    }
    return fault->inner->map(fault->inner->self, wrapped(file)->inner, size, out, err);
}

static void fault_unmap(void *self, void *memory, size_t size)
{
    struct io_fault *fault = self;

    fault->inner->unmap(fault->inner->self, memory, size);
}

static arm_status fault_rename(void *self, const char *from, const char *to, struct arm_error *err)
{
    struct io_fault *fault = self;
    char *both = NULL;
    bool failed;

    if (asprintf(&both, "%s -> %s", from, to) < 0) {
        abort();
    }
    failed = strike(fault, "rename", both);
    free(both);
    return failed ? fail(fault, "rename", from, err)
                  : fault->inner->rename(fault->inner->self, from, to, err);
}

static arm_status fault_remove(void *self, const char *path, struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "remove", path)) {
        return fail(fault, "remove", path, err);
    }
    return fault->inner->remove(fault->inner->self, path, err);
}

static arm_status fault_make_directory(void *self, const char *path, struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "make_directory", path)) {
        return fail(fault, "make directory", path, err);
    }
    return fault->inner->make_directory(fault->inner->self, path, err);
}

static arm_status fault_sync_directory(void *self, const char *path, struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "sync_directory", path)) {
        return fail(fault, "sync directory", path, err);
    }
    return fault->inner->sync_directory(fault->inner->self, path, err);
}

static arm_status fault_list(void *self, const char *path, arm_visit_name *visit, void *context,
                             struct arm_error *err)
{
    struct io_fault *fault = self;

    if (strike(fault, "list", path)) {
        return fail(fault, "list", path, err);
    }
    return fault->inner->list(fault->inner->self, path, visit, context, err);
}

static int64_t fault_now_us(void *self)
{
    struct io_fault *fault = self;

    return fault->inner->now_us(fault->inner->self);
}

static bool fault_boot_id(void *self, struct arm_id *out)
{
    struct io_fault *fault = self;

    return fault->inner->boot_id(fault->inner->self, out);
}

struct io_fault *io_fault_new(const struct arm_io *inner)
{
    struct io_fault *fault = must(calloc(1, sizeof *fault));

    fault->inner = inner;
    fault->io = (struct arm_io){
        .self = fault,
        .open = fault_open,
        .close = fault_close,
        .read = fault_read,
        .write = fault_write,
        .sync = fault_sync,
        .truncate = fault_truncate,
        .stat = fault_stat,
        .size = fault_size,
        .lock = fault_lock,
        .map = fault_map,
        .unmap = fault_unmap,
        .rename = fault_rename,
        .remove = fault_remove,
        .make_directory = fault_make_directory,
        .sync_directory = fault_sync_directory,
        .list = fault_list,
        .now_us = fault_now_us,
        .boot_id = fault_boot_id,
    };
    fault->log = must(calloc(1, 1));
    (void)pthread_mutex_init(&fault->mutex, NULL);
    return fault;
}

void io_fault_free(struct io_fault *fault)
{
    if (fault->files_open != 0) {
        (void)fprintf(stderr, "io_fault: %llu files are still open; log:\n%s",
                      (unsigned long long)fault->files_open, fault->log);
        abort();
    }
    (void)pthread_mutex_destroy(&fault->mutex);
    free(fault->log);
    free(fault);
}

const struct arm_io *io_fault_io(struct io_fault *fault)
{
    return &fault->io;
}

void io_fault_at(struct io_fault *fault, uint64_t nth, int error_number, enum io_fault_kind kind)
{
    pthread_mutex_lock(&fault->mutex);
    fault->until_fault = nth;
    fault->verb[0] = '\0';
    fault->error_number = error_number;
    fault->kind = kind;
    fault->happened = false;
    fault->count = 0;
    fault->log_size = 0;
    fault->log[0] = '\0';
    pthread_mutex_unlock(&fault->mutex);
}

void io_fault_at_verb(struct io_fault *fault, const char *verb, uint64_t nth, int error_number)
{
    io_fault_at(fault, nth, error_number, IO_FAULT_ONCE);
    pthread_mutex_lock(&fault->mutex);
    (void)snprintf(fault->verb, sizeof fault->verb, "%s", verb);
    pthread_mutex_unlock(&fault->mutex);
}

bool io_fault_happened(const struct io_fault *fault)
{
    return fault->happened;
}

uint64_t io_fault_count(const struct io_fault *fault)
{
    return fault->count;
}

const char *io_fault_log(const struct io_fault *fault)
{
    return fault->log;
}

int io_fault_find(const struct io_fault *fault, int from, const char *verb, const char *part)
{
    const char *line = fault->log;
    size_t verb_size = strlen(verb);

    for (int number = 0; *line != '\0'; number++) {
        const char *end = strchr(line, '\n');
        const char *hit = strstr(line, part);

        if (number >= from && strncmp(line, verb, verb_size) == 0 && line[verb_size] == ' ' &&
            hit != NULL && hit < end) {
            return number;
        }
        line = end + 1;
    }
    return -1;
}
