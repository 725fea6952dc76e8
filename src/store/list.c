/* SPDX-License-Identifier: Apache-2.0 */
/* Every file below chunks/, those too that have no business there: verify must see them. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_private.h"

/* chunks/, ab, cd, and strangers' directories below them; a loop of links ends here. */
enum { DEPTH_MAX = 16 };

struct walk {
    struct arm_store *store;
    arm_visit_chunk *visit;
    void *context;
};

static arm_status walk_directory(const struct walk *walk, const char *path, unsigned depth,
                                 struct arm_error *err);

/* One name of a directory. */
static arm_status walk_entry(const struct walk *walk, const char *directory, const char *name,
                             unsigned depth, struct arm_error *err)
{
    const struct arm_io *io = walk->store->io;
    struct arm_error local;
    struct arm_stat found;
    struct arm_hash hash;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(directory, name, &path, err));
    st = io->stat(io->self, path, &found, &local);
    if (st == ARM_NOT_FOUND) { /* deleted since the directory was read */
        st = ARM_OK;
    } else if (st != ARM_OK) {
        if (err != NULL) {
            *err = local;
        }
    } else if (found.is_directory && depth < DEPTH_MAX) {
        st = walk_directory(walk, path, depth + 1, err);
    } else {
        const char *below = path + strlen(walk->store->chunks) + 1;
        bool is_chunk = !found.is_directory && arm__layout_parse(below, &hash);

        st = walk->visit(walk->context, is_chunk ? &hash : NULL, path, found.size_bytes, err);
    }
done:
    arm__free(path);
    return st;
}

static arm_status walk_directory(const struct walk *walk, const char *path, unsigned depth,
                                 struct arm_error *err)
{
    struct arm_names names = {0};
    arm_status st = arm__names_collect(walk->store->io, path, &names, err);

    for (size_t i = 0; st == ARM_OK && i < names.count; i++) {
        st = walk_entry(walk, path, names.items[i], depth, err);
    }
    arm__names_release(&names);
    return st;
}

arm_status arm__store_list(struct arm_store *store, arm_visit_chunk *visit, void *context,
                           struct arm_error *err)
{
    const struct walk walk = {store, visit, context};

    assert(visit != NULL);
    return walk_directory(&walk, store->chunks, 0, err);
}
