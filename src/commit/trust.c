/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the index that lies there may be believed (R2).
 *
 * LMDB is not synced per commit: after a power cut its file may be of any moment, or of several.
 * The file index/trust says when it is right all the same:
 *
 *   boot <kernel's boot id>       the machine has not gone down since, so that the page cache
 *   device, inode, mount <n>      still has what was written, and this is the same file
 *   durable <tx>                  at the last clean close, everything before it was durable
 *   clean <size> <modified us> <changed us>
 *                                 or it was synced, and not written since
 *
 * The clean line is removed, durably, before the first write after it; the directory above is
 * synced then, too, since who made the repository may have been killed before he did that. The
 * file's size and its times of modification and of change stand in it so that one that somebody
 * else wrote to, or a copy of it, perhaps made while we wrote, is not believed: the time of change
 * cannot be set. What was durable stays known until index/ is deleted: a log that has lost it is
 * damaged.
 *
 * A file system that was shut down and mounted again in the same boot has another mount. Where
 * the kernel has no ids for mountings that are never given again (before Linux 6.8), the index of
 * who did not close is made anew. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { FILE_BYTES_MAX = 4096 };

static arm_status index_path(const char *root, const char *name, char **out, struct arm_error *err)
{
    char *directory = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(root, "index", &directory, err));
    ARM_TRY(arm__path_join(directory, name, out, err));
done:
    arm__free(directory);
    return st;
}

static bool parse(struct arm_buf *text, struct arm_trust *out)
{
    struct arm_trust trust = {.is_clean = false};
    int seen;

    if (arm__buf_u8(text, 0, NULL) != ARM_OK) {
        return false;
    }
    seen = sscanf((const char *)text->data,
                  "boot %63[0-9a-f-]\ndevice %" SCNu64 "\ninode %" SCNu64 "\nmount %" SCNu64
                  "\ndurable %" SCNu64 "\nclean %" SCNu64 " %" SCNd64 " %" SCNd64,
                  trust.boot_id, &trust.device, &trust.inode, &trust.mount, &trust.next_tx,
                  &trust.size_bytes, &trust.modified_us, &trust.changed_us);
    trust.is_clean = seen == 8;
    if (seen < 5) {
        return false;
    }
    *out = trust;
    return true;
}

arm_status arm__trust_read(const struct arm_io *io, const char *root, struct arm_trust *out,
                           bool *out_found, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(FILE_BYTES_MAX);
    struct arm_error why;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(index_path(root, "trust", &path, err));
    st = arm__io_read_file(io, path, &text, &why);
    if (st == ARM_NO_MEMORY || st == ARM_PERMISSION) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    *out_found = st == ARM_OK && parse(&text, out);
    st = ARM_OK;
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}

arm_status arm__trust_write(const struct arm_io *io, const char *root,
                            const struct arm_trust *trust, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(FILE_BYTES_MAX);
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(index_path(root, "trust", &path, err));
    ARM_TRY(arm__buf_printf(&text, err,
                            "boot %s\ndevice %" PRIu64 "\ninode %" PRIu64 "\nmount %" PRIu64
                            "\ndurable %" PRIu64 "\n",
                            trust->boot_id[0] == '\0' ? "-" : trust->boot_id, trust->device,
                            trust->inode, trust->mount, trust->next_tx));
    if (trust->is_clean) {
        ARM_TRY(arm__buf_printf(&text, err, "clean %" PRIu64 " %" PRId64 " %" PRId64 "\n",
                                trust->size_bytes, trust->modified_us, trust->changed_us));
    }
    if (!trust->is_clean) { /* somebody is about to write: that FORMAT is there must be durable */
        ARM_TRY(io->sync_directory(io->self, root, err));
    }
    ARM_TRY(arm__io_replace_file(io, path, arm__buf_bytes(&text), err));
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}

arm_status arm__trust_look(const struct arm_io *io, const char *root, struct arm_trust *out,
                           bool *out_found, struct arm_error *err)
{
    struct arm_stat stat;
    struct arm_error why;
    struct arm_id boot;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(index_path(root, "data.mdb", &path, err));
    st = io->stat(io->self, path, &stat, &why);
    *out_found = st == ARM_OK;
    if (st == ARM_NOT_FOUND) {
        st = ARM_OK;
        goto done;
    }
    if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    *out = (struct arm_trust){.device = stat.device,
                              .inode = stat.inode,
                              .mount = stat.mount,
                              .size_bytes = stat.size_bytes,
                              .modified_us = stat.modified_us,
                              .changed_us = stat.changed_us};
    if (io->boot_id(io->self, &boot)) {
        arm__id_hex(&boot, out->boot_id);
    }
done:
    arm__free(path);
    return st;
}

bool arm__trust_holds(const struct arm_trust *mark, const struct arm_trust *now)
{
    if (mark->is_clean) {
        return mark->size_bytes == now->size_bytes && mark->modified_us == now->modified_us &&
               mark->changed_us == now->changed_us;
    }
    return now->boot_id[0] != '\0' && strcmp(mark->boot_id, now->boot_id) == 0 && now->mount != 0 &&
           mark->mount == now->mount && mark->device == now->device && mark->inode == now->inode;
}

arm_status arm__trust_wipe(const struct arm_io *io, const char *root, uint64_t next_tx,
                           struct arm_error *err)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    struct arm_trust nothing = {.next_tx = next_tx};
    struct arm_error why;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__trust_write(io, root, &nothing, err)); /* what comes next is not believed */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        arm__free(path);
        path = NULL;
        ARM_TRY(index_path(root, names[i], &path, err));
        st = io->remove(io->self, path, &why);
        if (st != ARM_OK && st != ARM_NOT_FOUND) {
            st = arm__fail(err, st, "%s", why.message);
            goto done;
        }
        st = ARM_OK;
    }
done:
    arm__free(path);
    return st;
}
