/* SPDX-License-Identifier: Apache-2.0 */
/* The log as a whole: made, opened, closed, measured. */

#include "log/log.h"

#include <string.h>

#include "base/alloc.h"
#include "log/log_private.h"

static const char DIRECTORY_NAME[] = "log";
static const char PAGE_NAME[] = "shared";

/* Segment 0, synced. */
static arm_status create_first_segment(const struct arm_io *io, const char *directory,
                                       const struct arm_id *repository, struct arm_error *err)
{
    struct arm_segment_header header = {.repository = *repository, .first_tx = 1};
    struct arm_buf path = ARM_BUF_INIT(SIZE_MAX);
    struct arm_file *file = NULL;
    bool left = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__segment_path(directory, 0, &path, err));
    ARM_TRY(io->open(io->self, (const char *)path.data,
                     ARM_OPEN_WRITE | ARM_OPEN_CREATE | ARM_OPEN_EXCLUSIVE, &file, err));
    left = true;
    ARM_TRY(arm__segment_write_new(io, file, &header, ARM_SEGMENT_BYTES_MAX, err));
    ARM_TRY(io->sync(io->self, file, err));
    left = false;
done:
    if (file != NULL) {
        io->close(io->self, file);
    }
    if (left) {
        (void)io->remove(io->self, (const char *)path.data, NULL);
    }
    arm__buf_release(&path);
    return st;
}

arm_status arm__log_create(const struct arm_io *io, const char *root,
                           const struct arm_id *repository, struct arm_error *err)
{
    char *directory = NULL;
    char *page_path = NULL;
    struct arm_error why;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(root, DIRECTORY_NAME, &directory, err));
    ARM_TRY(arm__path_join(directory, PAGE_NAME, &page_path, err));
    st = io->make_directory(io->self, directory, &why);
    if (st != ARM_OK && st != ARM_EXISTS) {
        st = arm__fail_again(err, &why);
        goto done;
    }
    ARM_TRY(create_first_segment(io, directory, repository, err));
    ARM_TRY(arm__page_create(io, page_path, err));
    ARM_TRY(io->sync_directory(io->self, directory, err));
    ARM_TRY(io->sync_directory(io->self, root, err));
done:
    arm__free(page_path);
    arm__free(directory);
    return st;
}

/* Where the chain starts: behind the header of segment 0, whose hash the first frame names. */
static arm_status find_start(struct arm_log *log, struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    struct arm_segment_header header;
    struct arm_hash hash;
    arm_status st = ARM_OK;

    st = arm__segment_files_take(&log->files, 0, false, &file, err);
    if (st == ARM_NOT_FOUND) {
        st = arm__fail(err, ARM_CORRUPT, "%s: segment 0 is missing", log->directory);
    }
    ARM_TRY(st);
    st = arm__segment_read_header(log->io, file->file, &header, &hash, err);
    if (st != ARM_OK) {
        st = arm__fail_within(err, st, "%s, segment 0", log->directory);
        goto done;
    }
    if (header.number != 0 || !arm__id_equal(&header.repository, &log->repository)) {
        st = arm__fail(err, ARM_CORRUPT, "%s, segment 0: it is segment %llu of %s repository",
                       log->directory, (unsigned long long)header.number,
                       arm__id_equal(&header.repository, &log->repository) ? "this" : "another");
        goto done;
    }
    log->start = (struct arm_log_position){
        .segment = 0,
        .offset = ARM_SEGMENT_HEADER_BYTES,
        .next_tx = header.first_tx,
        .previous = hash,
    };
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

arm_status arm__log_open(const struct arm_io *io, const char *root, const struct arm_id *repository,
                         const struct arm_log_options *options, struct arm_log **out,
                         struct arm_error *err)
{
    struct arm_log *log = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *log, &log, err));
    log->io = io;
    log->repository = *repository;
    log->read_only = options->read_only;
    log->epoch = options->epoch;
    log->segment_bytes_max = ARM_SEGMENT_BYTES_MAX;
    log->frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    arm__segment_files_init(&log->files, io, options->read_only);
    ARM_TRY(arm__path_join(root, DIRECTORY_NAME, &log->directory, err));
    ARM_TRY(arm__path_join(log->directory, PAGE_NAME, &log->page_path, err));
    st = arm__segment_files_place(&log->files, log->directory, err);
    if (st == ARM_NOT_FOUND) {
        st = arm__fail(err, ARM_CORRUPT, "%s is missing", log->directory);
    }
    ARM_TRY(st);
    ARM_TRY(find_start(log, err));
    ARM_TRY(arm__page_open(log, err));
    *out = log;
    log = NULL;
done:
    arm__log_close(log);
    return st;
}

void arm__log_close(struct arm_log *log)
{
    if (log == NULL) {
        return;
    }
    arm__page_close(log);
    arm__segment_files_release(&log->files);
    arm__buf_release(&log->frame);
    arm__free(log->page_path);
    arm__free(log->directory);
    arm__free(log);
}

struct arm_log_position arm__log_start(const struct arm_log *log)
{
    return log->start;
}

uint64_t arm__log_position_bytes(const struct arm_log *log, const struct arm_log_position *at)
{
    return at->segment * log->segment_bytes_max + at->offset;
}

arm_status arm__log_size(struct arm_log *log, uint64_t *out_bytes, struct arm_error *err)
{
    struct arm_segment_list segments = {NULL, 0, 0};
    uint64_t bytes = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__segment_list_read(log->io, log->directory, &segments, err));
    for (size_t i = 0; i < segments.count; i++) {
        bytes += segments.items[i].size_bytes;
    }
    *out_bytes = bytes;
done:
    arm__segment_list_release(&segments);
    return st;
}
