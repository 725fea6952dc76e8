/* SPDX-License-Identifier: Apache-2.0 */
#include "support/memory_io.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arm_file {
    struct memory_file *file;
};

struct memory_file *memory_io_find(struct memory_io *memory, const char *path)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (strcmp(memory->files[i].path, path) == 0) {
            return &memory->files[i];
        }
    }
    return NULL;
}

static struct memory_file *add(struct memory_io *memory, const char *path)
{
    struct memory_file *file = &memory->files[memory->count];

    assert(memory->count < MEMORY_FILES_MAX);
    assert(strlen(path) < sizeof file->path);
    memory->count++;
    *file = (struct memory_file){.data = NULL};
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    return file;
}

static arm_status resize(struct memory_file *file, uint64_t size, struct arm_error *err)
{
    if (size > MEMORY_FILE_BYTES_MAX) {
        return arm__fail(err, ARM_FULL, "%s is too large", file->path);
    }
    if (size > file->capacity) {
        size_t capacity = file->capacity < 8192 ? 8192 : file->capacity;
        uint8_t *data;

        while (capacity < size) {
            capacity *= 2;
        }
        assert(file->mapped == 0);
        data = realloc(file->data, capacity);
        assert(data != NULL);
        file->data = data;
        file->capacity = capacity;
    }
    if (size > file->size) {
        memset(file->data + file->size, 0, (size_t)size - file->size);
    }
    file->size = (size_t)size;
    return ARM_OK;
}

static arm_status missing(const char *path, struct arm_error *err)
{
    return arm__fail(err, ARM_NOT_FOUND, "%s is not there", path);
}

static arm_status open_file(void *self, const char *path, unsigned flags, struct arm_file **out,
                            struct arm_error *err)
{
    struct memory_io *memory = self;
    struct memory_file *file = memory_io_find(memory, path);
    struct arm_file *handle;

    if (file != NULL && (flags & ARM_OPEN_EXCLUSIVE) != 0) {
        return arm__fail(err, ARM_EXISTS, "%s is there", path);
    }
    if (file == NULL) {
        if ((flags & ARM_OPEN_CREATE) == 0) {
            return missing(path, err);
        }
        file = add(memory, path);
    }
    handle = calloc(1, sizeof *handle);
    assert(handle != NULL);
    handle->file = file;
    memory->open++;
    *out = handle;
    return ARM_OK;
}

static void close_file(void *self, struct arm_file *file)
{
    struct memory_io *memory = self;

    if (file != NULL) {
        memory->open--;
        free(file);
    }
}

static arm_status read_file(void *self, struct arm_file *file, uint64_t offset, void *data,
                            size_t size, size_t *out_size, struct arm_error *err)
{
    const struct memory_file *from = file->file;
    size_t there = offset < from->size ? from->size - (size_t)offset : 0;

    (void)self;
    (void)err;
    *out_size = size < there ? size : there;
    if (*out_size > 0) {
        memcpy(data, from->data + offset, *out_size);
    }
    return ARM_OK;
}

static arm_status write_file(void *self, struct arm_file *file, uint64_t offset, const void *data,
                             size_t size, struct arm_error *err)
{
    struct memory_file *to = file->file;
    arm_status st = ARM_OK;

    (void)self;
    if (offset > MEMORY_FILE_BYTES_MAX || offset + size > to->size) {
        st = resize(to, offset + size, err);
    }
    if (st == ARM_OK && size > 0) {
        memcpy(to->data + offset, data, size);
    }
    return st;
}

static arm_status sync_file(void *self, struct arm_file *file, struct arm_error *err)
{
    (void)self;
    (void)file;
    (void)err;
    return ARM_OK;
}

static arm_status truncate_file(void *self, struct arm_file *file, uint64_t size,
                                struct arm_error *err)
{
    (void)self;
    return resize(file->file, size, err);
}

/* Whether `path` lies below `directory`; its name there in `*out`. */
static bool is_below(const char *directory, const char *path, const char **out)
{
    size_t size = strlen(directory);

    if (strncmp(path, directory, size) != 0 || path[size] != '/') {
        return false;
    }
    *out = path + size + 1;
    return true;
}

static arm_status stat_path(void *self, const char *path, struct arm_stat *out,
                            struct arm_error *err)
{
    struct memory_io *memory = self;
    const struct memory_file *file = memory_io_find(memory, path);
    const char *name;

    if (file != NULL) {
        *out = (struct arm_stat){.size_bytes = file->size, .device = 1, .inode = 1};
        return ARM_OK;
    }
    for (size_t i = 0; i < memory->count; i++) {
        if (is_below(path, memory->files[i].path, &name)) {
            *out = (struct arm_stat){.device = 1, .inode = 2, .is_directory = true};
            return ARM_OK;
        }
    }
    return missing(path, err);
}

static arm_status size_of(void *self, struct arm_file *file, uint64_t *out, struct arm_error *err)
{
    (void)self;
    (void)err;
    *out = file->file->size;
    return ARM_OK;
}

static arm_status lock_file(void *self, struct arm_file *file, struct arm_range range,
                            enum arm_lock_kind kind, bool wait, struct arm_error *err)
{
    (void)self;
    (void)range;
    if (kind != ARM_LOCK_NONE && file->file->locked_elsewhere) {
        assert(!wait); /* it would be for ever */
        return arm__fail(err, ARM_BUSY, "%s is locked", file->file->path);
    }
    return ARM_OK;
}

static arm_status map_file(void *self, struct arm_file *file, size_t size, void **out,
                           struct arm_error *err)
{
    (void)self;
    (void)err;
    assert(size <= file->file->size);
    file->file->mapped++;
    *out = file->file->data;
    return ARM_OK;
}

static void unmap_file(void *self, void *mapped, size_t size)
{
    struct memory_io *memory = self;

    (void)size;
    for (size_t i = 0; mapped != NULL && i < memory->count; i++) {
        if (memory->files[i].data == mapped) {
            memory->files[i].mapped--;
        }
    }
}

static arm_status remove_path(void *self, const char *path, struct arm_error *err)
{
    struct memory_file *file = memory_io_find(self, path);

    if (file == NULL) {
        return missing(path, err);
    }
    file->path[0] = '\0';
    return ARM_OK;
}

static arm_status rename_path(void *self, const char *from, const char *to, struct arm_error *err)
{
    struct memory_file *file = memory_io_find(self, from);

    if (file == NULL) {
        return missing(from, err);
    }
    (void)remove_path(self, to, NULL);
    (void)snprintf(file->path, sizeof file->path, "%s", to);
    return ARM_OK;
}

static arm_status accept_path(void *self, const char *path, struct arm_error *err)
{
    (void)self;
    (void)path;
    (void)err;
    return ARM_OK;
}

static arm_status list_names(void *self, const char *path, arm_visit_name *visit, void *context,
                             struct arm_error *err)
{
    struct memory_io *memory = self;
    const char *name;
    arm_status st = ARM_OK;

    for (size_t i = 0; st == ARM_OK && i < memory->count; i++) {
        if (is_below(path, memory->files[i].path, &name) && strchr(name, '/') == NULL) {
            st = visit(context, name, err);
        }
    }
    return st;
}

static bool boot_id(void *self, struct arm_id *out)
{
    (void)self;
    memset(out->bytes, 7, sizeof out->bytes);
    return true;
}

static int64_t now_us(void *self)
{
    (void)self;
    return 1000000;
}

void memory_io_init(struct memory_io *memory)
{
    *memory = (struct memory_io){.count = 0};
    memory->io = (struct arm_io){
        .self = memory,
        .open = open_file,
        .close = close_file,
        .read = read_file,
        .write = write_file,
        .sync = sync_file,
        .truncate = truncate_file,
        .stat = stat_path,
        .size = size_of,
        .lock = lock_file,
        .map = map_file,
        .unmap = unmap_file,
        .rename = rename_path,
        .remove = remove_path,
        .make_directory = accept_path,
        .sync_directory = accept_path,
        .list = list_names,
        .now_us = now_us,
        .boot_id = boot_id,
    };
}

void memory_io_release(struct memory_io *memory)
{
    assert(memory->open == 0);
    for (size_t i = 0; i < memory->count; i++) {
        assert(memory->files[i].mapped == 0);
        free(memory->files[i].data);
    }
    memory->count = 0;
}

struct memory_file *memory_io_put(struct memory_io *memory, const char *path, struct arm_bytes data)
{
    struct memory_file *file = memory_io_find(memory, path);

    if (file == NULL) {
        file = add(memory, path);
    }
    assert(resize(file, data.size, NULL) == ARM_OK);
    if (data.size > 0) {
        memcpy(file->data, data.data, data.size);
    }
    return file;
}
