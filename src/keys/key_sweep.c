/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/key_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* "<64 digits>.<32 digits>.new" is a run in the making, or what a killed process left of one. */
static const char PASSING_SUFFIX[] = ".new";

struct listed {
    struct arm_hash name;
    uint64_t bytes;
    char *path;
    bool is_passing; /* no run yet, and no longer in the making */
    bool is_marked;
};

struct arm_key_sweep {
    const struct arm_io *io;
    const char *directory;
    int64_t before_us;
    struct listed *items; /* by name */
    size_t count;
    size_t capacity;
};

/* Whether `name` is that of a run, or of one in the making. Others are no business of ours. */
static bool parse_name(const char *name, struct arm_hash *out, bool *out_passing)
{
    char hex[ARM_HASH_HEX + 1];
    size_t size = strlen(name);

    if (size < ARM_HASH_HEX) {
        return false;
    }
    memcpy(hex, name, ARM_HASH_HEX);
    hex[ARM_HASH_HEX] = '\0';
    *out_passing = size > ARM_HASH_HEX;
    if (*out_passing && (name[ARM_HASH_HEX] != '.' ||
                         strcmp(name + size - (sizeof PASSING_SUFFIX - 1), PASSING_SUFFIX) != 0)) {
        return false;
    }
    return arm__hash_parse(hex, out, NULL) == ARM_OK;
}

static arm_status list_name(void *context, const char *name, struct arm_error *err)
{
    struct arm_key_sweep *sweep = context;
    const struct arm_io *io = sweep->io;
    struct listed item = {.path = NULL};
    struct arm_error local;
    struct arm_stat found;
    arm_status st = ARM_OK;

    if (!parse_name(name, &item.name, &item.is_passing)) {
        return ARM_OK;
    }
    ARM_TRY(arm__path_join(sweep->directory, name, &item.path, err));
    st = io->stat(io->self, item.path, &found, &local);
    if (st != ARM_OK || found.is_directory || found.modified_us > sweep->before_us) {
        st = ARM_OK; /* another time */
        goto done;
    }
    item.bytes = found.size_bytes;
    if (sweep->count == sweep->capacity) {
        size_t capacity = sweep->capacity == 0 ? 64 : 2 * sweep->capacity;

        ARM_TRY(arm__realloc(&sweep->items, capacity, sizeof *sweep->items, err));
        sweep->capacity = capacity;
    }
    sweep->items[sweep->count++] = item;
    item.path = NULL;
done:
    arm__free(item.path);
    return st;
}

static int compare_listed(const void *a, const void *b)
{
    const struct listed *x = a;
    const struct listed *y = b;
    int order = memcmp(x->name.bytes, y->name.bytes, sizeof x->name.bytes);

    return order != 0 ? order : (int)x->is_passing - (int)y->is_passing;
}

arm_status arm__key_sweep_new(const struct arm_io *io, const char *directory, int64_t before_us,
                              struct arm_key_sweep **out, struct arm_error *err)
{
    struct arm_key_sweep *sweep = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *sweep, &sweep, err));
    *sweep = (struct arm_key_sweep){.io = io, .directory = directory, .before_us = before_us};
    if (arm__io_exists(io, directory)) {
        ARM_TRY(io->list(io->self, directory, list_name, sweep, err));
    }
    if (sweep->count > 0) {
        qsort(sweep->items, sweep->count, sizeof *sweep->items, compare_listed);
    }
    *out = sweep;
    sweep = NULL;
done:
    arm__key_sweep_free(sweep);
    return st;
}

void arm__key_sweep_free(struct arm_key_sweep *sweep)
{
    if (sweep != NULL) {
        for (size_t i = 0; i < sweep->count; i++) {
            arm__free(sweep->items[i].path);
        }
        arm__free(sweep->items);
        arm__free(sweep);
    }
}

size_t arm__key_sweep_count(const struct arm_key_sweep *sweep)
{
    return sweep->count;
}

void arm__key_sweep_mark(struct arm_key_sweep *sweep, const struct arm_hash *chunk,
                         const struct arm_hash *digest)
{
    struct listed wanted = {.name = arm__key_run_name(chunk, digest)};
    struct listed *found = sweep->count == 0 ? NULL
                                             : bsearch(&wanted, sweep->items, sweep->count,
                                                       sizeof wanted, compare_listed);

    if (found != NULL) {
        found->is_marked = true;
    }
}

arm_status arm__key_sweep_finish(struct arm_key_sweep *sweep, bool dry, uint64_t *out_count,
                                 uint64_t *out_bytes, struct arm_error *err)
{
    const struct arm_io *io = sweep->io;
    uint64_t bytes = 0;
    uint64_t count = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < sweep->count; i++) {
        struct arm_error local = {.code = ARM_OK};

        if (sweep->items[i].is_marked) {
            continue;
        }
        st = dry ? ARM_OK : io->remove(io->self, sweep->items[i].path, &local);
        if (st == ARM_OK) {
            count++;
            bytes += sweep->items[i].bytes;
        } else if (st != ARM_NOT_FOUND) { /* else another gc was faster */
            return arm__fail(err, st, "%s", local.message);
        }
    }
    *out_count = count;
    *out_bytes = bytes;
    return ARM_OK;
}
