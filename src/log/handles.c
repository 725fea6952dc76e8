/* SPDX-License-Identifier: Apache-2.0 */
/* The open segment files of one log, shared by its threads.
 *
 * H1  A file is closed only while nobody uses it.
 * H2  At most KEPT_MAX files stay open that nobody uses, however long the log is.
 * H3  A file is of the directory that was there when the log was opened, not of another that
 *     was put in its place: looked at behind each open.
 *
 * A file stays the same file as long as the log lives: segments are neither renamed nor
 * removed while any process has the log open. */

#include "log/log_private.h"

#include <assert.h>

#include "base/alloc.h"

enum { KEPT_MAX = 8 };

void arm__segment_files_init(struct arm_segment_files *files, const struct arm_io *io,
                             bool read_only)
{
    *files = (struct arm_segment_files){.io = io, .read_only = read_only};
    arm__mutex_init(&files->mutex);
}

arm_status arm__segment_files_place(struct arm_segment_files *files, const char *directory,
                                    struct arm_error *err)
{
    files->directory = directory;
    return arm__io_identify(files->io, directory, &files->identity, err);
}

static void close_file(struct arm_segment_files *files, struct arm_segment_file *file)
{
    assert(file->users == 0); /* H1 */
    files->io->close(files->io->self, file->file);
    arm__free(file);
}

void arm__segment_files_release(struct arm_segment_files *files)
{
    while (files->first != NULL) {
        struct arm_segment_file *file = files->first;

        files->first = file->next;
        close_file(files, file);
    }
    arm__mutex_release(&files->mutex);
}

/* Take the segment's entry out of the list; NULL if it is not there. */
static struct arm_segment_file *unlink_number(struct arm_segment_files *files, uint64_t number)
{
    for (struct arm_segment_file **at = &files->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->number == number) {
            struct arm_segment_file *file = *at;

            *at = file->next;
            return file;
        }
    }
    return NULL;
}

static arm_status open_number(struct arm_segment_files *files, uint64_t number, bool create,
                              struct arm_segment_file **out, struct arm_error *err)
{
    const struct arm_io *io = files->io;
    struct arm_buf path = ARM_BUF_INIT(SIZE_MAX);
    struct arm_segment_file *file = NULL;
    unsigned flags = files->read_only ? ARM_OPEN_READ : ARM_OPEN_WRITE;
    arm_status st = ARM_OK;

    flags |= create ? ARM_OPEN_CREATE : 0U;
    ARM_TRY(arm__segment_path(files->directory, number, &path, err));
    ARM_TRY(arm__calloc(1, sizeof *file, &file, err));
    file->number = number;
    ARM_TRY(io->open(io->self, (const char *)path.data, flags, &file->file, err));
    ARM_TRY(arm__io_check_identity(io, files->directory, &files->identity, err)); /* H3 */
    *out = file;
    file = NULL;
done:
    if (file != NULL && file->file != NULL) {
        io->close(io->self, file->file);
    }
    arm__free(file);
    arm__buf_release(&path);
    return st;
}

arm_status arm__segment_files_take(struct arm_segment_files *files, uint64_t number, bool create,
                                   struct arm_segment_file **out, struct arm_error *err)
{
    struct arm_segment_file *file;
    arm_status st = ARM_OK;

    arm__mutex_lock(&files->mutex);
    file = unlink_number(files, number);
    if (file == NULL) {
        ARM_TRY(open_number(files, number, create, &file, err));
    }
    file->next = files->first;
    files->first = file;
    file->users++;
    *out = file;
done:
    arm__mutex_unlock(&files->mutex);
    return st;
}

/* Close the unused files that were used longest ago (H2). */
static void trim(struct arm_segment_files *files)
{
    struct arm_segment_file **at = &files->first;
    size_t kept = 0;

    while (*at != NULL) {
        struct arm_segment_file *file = *at;

        if (file->users == 0 && kept >= KEPT_MAX) {
            *at = file->next;
            close_file(files, file);
        } else {
            kept += file->users == 0 ? 1 : 0;
            at = &file->next;
        }
    }
}

void arm__segment_files_put(struct arm_segment_files *files, struct arm_segment_file *file)
{
    if (file == NULL) {
        return;
    }
    arm__mutex_lock(&files->mutex);
    assert(file->users > 0); /* H1 */
    file->users--;
    trim(files);
    arm__mutex_unlock(&files->mutex);
}
