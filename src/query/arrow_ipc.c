/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow IPC files. Both forms are read: a stream, and a file, which is the magic "ARROW1", padding
 * to 8 bytes, a stream, and a footer that a reader from front to back does not need. Files are
 * written, which most readers expect behind the suffix.
 *
 * A file that is being written stands under another name until it is whole. */

#include "query/arrow_ipc.h"

#include <errno.h>
#include <nanoarrow/nanoarrow_ipc.h>
#include <stdio.h>
#include <string.h>

#include "query/beside.h"
#include "query/session.h"

enum { MAGIC_BYTES = 8 };

static const uint8_t file_magic[MAGIC_BYTES] = {'A', 'R', 'R', 'O', 'W', '1', 0, 0};
static const uint8_t stream_magic[4] = {0xff, 0xff, 0xff, 0xff}; /* a message's continuation */

/* ---- Reading ---- */

/* Open `path` behind the magic, if it has one. */
static arm_status open_for_reading(const char *path, FILE **out, struct arm_error *err)
{
    uint8_t head[MAGIC_BYTES] = {0};
    FILE *file = fopen(path, "rbe");
    size_t got;

    if (file == NULL) {
        return arm__fail_errno(err, errno, "open", path);
    }
    got = fread(head, 1, sizeof head, file);
    if (got == 0) {
        (void)fclose(file);
        return arm__fail(err, ARM_SCHEMA, "%s is empty: not an Arrow IPC file", path);
    }
    if ((got < sizeof head || memcmp(head, file_magic, sizeof head) != 0) &&
        fseek(file, 0, SEEK_SET) != 0) {
        int error = errno;

        (void)fclose(file);
        return arm__fail_errno(err, error, "read", path);
    }
    *out = file;
    return ARM_OK;
}

bool arm__arrow_ipc_detect(const char *path)
{
    uint8_t head[MAGIC_BYTES] = {0};
    FILE *file = fopen(path, "rbe");
    size_t got = 0;

    if (file != NULL) {
        got = fread(head, 1, sizeof head, file);
        (void)fclose(file);
    }
    return got == sizeof head && (memcmp(head, file_magic, sizeof head) == 0 ||
                                  memcmp(head, stream_magic, sizeof stream_magic) == 0);
}

arm_status arm__arrow_ipc_open(const char *path, struct ArrowArrayStream *out,
                               struct arm_error *err)
{
    struct ArrowIpcInputStream input = {.release = NULL};
    struct ArrowArrayStream stream = {.release = NULL};
    struct ArrowSchema schema = {.release = NULL};
    FILE *file = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(open_for_reading(path, &file, err));
    if (ArrowIpcInputStreamInitFile(&input, file, 1) != NANOARROW_OK) {
        (void)fclose(file);
        st = arm__fail(err, ARM_NO_MEMORY, "out of memory to read %s", path);
        goto done;
    }
    if (ArrowIpcArrayStreamReaderInit(&stream, &input, NULL) != NANOARROW_OK) {
        st = arm__fail(err, ARM_NO_MEMORY, "out of memory to read %s", path);
        goto done;
    }
    if (stream.get_schema(&stream, &schema) != 0) {
        const char *why = stream.get_last_error(&stream);

        st = arm__fail(err, ARM_SCHEMA, "%s cannot be read as Arrow IPC: %s", path,
                       why == NULL ? "its schema is damaged" : why);
        goto done;
    }
    *out = stream;
    stream.release = NULL;
done:
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    if (input.release != NULL) {
        input.release(&input);
    }
    return st;
}

/* ---- Writing ---- */

/* What is needed to write one stream; released by release_job. */
struct write_job {
    FILE *file;
    struct ArrowIpcWriter writer;
    struct ArrowSchema schema;
    struct ArrowArrayView view;
    struct ArrowArray array;
    uint64_t rows;
};

static void release_job(struct write_job *job)
{
    if (job->array.release != NULL) {
        job->array.release(&job->array);
    }
    ArrowArrayViewReset(&job->view);
    if (job->schema.release != NULL) {
        job->schema.release(&job->schema);
    }
    if (job->writer.private_data != NULL) {
        ArrowIpcWriterReset(&job->writer);
    }
    if (job->file != NULL) {
        (void)fclose(job->file);
    }
}

/* A failure of nanoarrow, whose code is an errno. */
static arm_status fail_write(const char *path, int code, const struct ArrowError *why,
                             struct arm_error *err)
{
    if (code == ENOSPC || code == EDQUOT) {
        return arm__fail_errno(err, code, "write", path);
    }
    return arm__fail(err, code == ENOTSUP ? ARM_UNSUPPORTED : ARM_IO, "cannot write %s: %s", path,
                     why->message[0] == '\0' ? strerror(code) : why->message);
}

static arm_status fail_stream(struct ArrowArrayStream *stream, int code, struct arm_error *err)
{
    const char *why = stream->get_last_error(stream);

    return arm__fail(err, code == ENOMEM ? ARM_NO_MEMORY : ARM_SQL, "%s",
                     why == NULL ? "the rows cannot be read" : why);
}

static arm_status start_job(struct write_job *job, const char *path,
                            struct ArrowArrayStream *stream, struct arm_error *err)
{
    struct ArrowIpcOutputStream output = {.release = NULL};
    struct ArrowError why = {.message = ""};
    int code;

    code = stream->get_schema(stream, &job->schema);
    if (code != 0) {
        return fail_stream(stream, code, err);
    }
    job->file = fopen(path, "wbe");
    if (job->file == NULL) {
        return arm__fail_errno(err, errno, "create", path);
    }
    code = ArrowIpcOutputStreamInitFile(&output, job->file, 0);
    if (code == NANOARROW_OK) {
        code = ArrowIpcWriterInit(&job->writer, &output);
    }
    if (code == NANOARROW_OK) {
        code = ArrowIpcWriterStartFile(&job->writer, &why);
    }
    if (code == NANOARROW_OK) {
        code = ArrowIpcWriterWriteSchema(&job->writer, &job->schema, &why);
    }
    if (code == NANOARROW_OK) {
        code = ArrowArrayViewInitFromSchema(&job->view, &job->schema, &why);
    }
    return code == NANOARROW_OK ? ARM_OK : fail_write(path, code, &why, err);
}

static arm_status write_batches(struct write_job *job, const char *path,
                                struct ArrowArrayStream *stream, struct arm_error *err)
{
    struct ArrowError why = {.message = ""};
    int code = NANOARROW_OK;

    while (code == NANOARROW_OK) {
        code = stream->get_next(stream, &job->array);
        if (code != 0) {
            return fail_stream(stream, code, err);
        }
        if (job->array.release == NULL) {
            break;
        }
        job->rows += (uint64_t)job->array.length;
        code = ArrowArrayViewSetArray(&job->view, &job->array, &why);
        if (code == NANOARROW_OK) {
            code = ArrowIpcWriterWriteArrayView(&job->writer, &job->view, &why);
        }
        job->array.release(&job->array);
    }
    if (code == NANOARROW_OK) { /* the end of the stream, then the footer */
        code = ArrowIpcWriterWriteArrayView(&job->writer, NULL, &why);
    }
    if (code == NANOARROW_OK) {
        code = ArrowIpcWriterFinalizeFile(&job->writer, &why);
    }
    return code == NANOARROW_OK ? ARM_OK : fail_write(path, code, &why, err);
}

/* Write to `path` itself; what stdio still holds is written, and its failure told. */
static arm_status write_to(const char *path, struct ArrowArrayStream *stream, uint64_t *out_rows,
                           struct arm_error *err)
{
    struct write_job job = {.rows = 0};
    arm_status st = ARM_OK;

    ARM_TRY(start_job(&job, path, stream, err));
    ARM_TRY(write_batches(&job, path, stream, err));
    if (fflush(job.file) != 0) {
        st = arm__fail_errno(err, errno, "write", path);
        goto done;
    }
    *out_rows = job.rows;
done:
    release_job(&job);
    return st;
}

arm_status arm__arrow_write_file(struct ArrowArrayStream *stream, const char *path,
                                 uint64_t *out_rows, struct arm_error *err)
{
    struct arm_beside file = {.path = NULL};
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__beside_open(path, &file, err));
    ARM_TRY(write_to(file.path, stream, &rows, err));
    ARM_TRY(arm__beside_commit(&file, err));
    if (out_rows != NULL) {
        *out_rows = rows;
    }
done:
    arm__beside_release(&file);
    stream->release(stream);
    return st;
}
