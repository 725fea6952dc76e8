/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a directory, all of them before the first is acted on: a walk that removes or
 * adds files while it reads the directory may miss some. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_private.h"

static arm_status add_name(void *context, const char *name, struct arm_error *err)
{
    struct arm_names *names = context;
    arm_status st = ARM_OK;

    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;

        ARM_TRY(arm__realloc(&names->items, capacity, sizeof *names->items, err));
        names->capacity = capacity;
    }
    ARM_TRY(arm__strdup(name, &names->items[names->count], err));
    names->count++;
done:
    return st;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

arm_status arm__names_collect(const struct arm_io *io, const char *path, struct arm_names *out,
                              struct arm_error *err)
{
    arm_status st = io->list(io->self, path, add_name, out, err);

    if (st != ARM_OK) {
        arm__names_release(out);
    } else if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare_names);
    }
    return st;
}

void arm__names_release(struct arm_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        arm__free(names->items[i]);
    }
    arm__free(names->items);
    *names = (struct arm_names){0};
}
