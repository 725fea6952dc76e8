/* SPDX-License-Identifier: Apache-2.0 */
/* The last checkpoint, found and used: what the first opener does when the index is lost or may
 * not be believed.
 *
 * log/checkpoint is a hint, one line of text: "tx <n> segment <n> offset <n>". It is written when
 * the record it names is durable; so a log that no longer holds that record has lost what was
 * durable. Without it, or when anything about the checkpoint is not as it should be, the log is
 * folded from its start: slower, and no less right. What was of no use is forgotten (the hint is
 * removed), so that the next checkpoint is made of the whole index.
 *
 * A checkpoint is believed because the chain goes on from it: recovery reads the log from the
 * position it names, the first frame there must name the hash it names, and its own record comes
 * behind. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { HINT_BYTES_MAX = 4096 };

/* ---- The hint ---- */

static arm_status hint_path(const struct arm_repository *repository, char **out,
                            struct arm_error *err)
{
    return arm__path_join(repository->path, "log/checkpoint", out, err);
}

arm_status arm__checkpoint_hint_read(struct arm_repository *repository,
                                     struct arm_checkpoint_hint *out, bool *out_found,
                                     struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(HINT_BYTES_MAX);
    struct arm_checkpoint_hint hint;
    struct arm_error why;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(hint_path(repository, &path, err));
    st = arm__io_read_file(repository->io, path, &text, &why);
    if (st == ARM_NO_MEMORY) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    *out_found =
        st == ARM_OK && arm__buf_u8(&text, 0, NULL) == ARM_OK &&
        sscanf((const char *)text.data, "tx %" SCNu64 " segment %" SCNu64 " offset %" SCNu64,
               &hint.tx, &hint.segment, &hint.offset) == 3;
    if (*out_found) {
        *out = hint;
    }
    st = ARM_OK;
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}

arm_status arm__checkpoint_hint_write(struct arm_repository *repository,
                                      const struct arm_checkpoint_hint *hint, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(HINT_BYTES_MAX);
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(hint_path(repository, &path, err));
    ARM_TRY(arm__buf_printf(&text, err, "tx %" PRIu64 " segment %" PRIu64 " offset %" PRIu64 "\n",
                            hint->tx, hint->segment, hint->offset));
    ARM_TRY(arm__io_replace_file(repository->io, path, arm__buf_bytes(&text), err));
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}

static void forget_hint(struct arm_repository *repository)
{
    char *path = NULL;

    if (!repository->log_is_read_only && hint_path(repository, &path, NULL) == ARM_OK) {
        (void)repository->io->remove(repository->io->self, path, NULL);
    }
    arm__free(path);
}

/* ---- The record ---- */

static bool is_no_use(arm_status st)
{
    return st == ARM_CORRUPT || st == ARM_NOT_FOUND || st == ARM_HASH_MISMATCH || st == ARM_IO ||
           st == ARM_INVALID;
}

/* `*out` NULL: there is no such record where the hint says. */
static arm_status read_record(struct arm_repository *repository,
                              const struct arm_checkpoint_hint *hint, Armpb__Record **out,
                              struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_frame_header header;
    Armpb__Record *record = NULL;
    struct arm_record bytes;
    arm_status st = ARM_OK;

    ARM_TRY(arm__log_read_at(repository->log, hint->segment, hint->offset, &frame, &header, err));
    if (hint->tx < header.first_tx || hint->tx - header.first_tx >= header.record_count) {
        st = arm__fail(err, ARM_CORRUPT, "the frame does not hold the checkpoint");
        goto done;
    }
    bytes = arm__frame_record(arm__buf_bytes(&frame), (uint32_t)(hint->tx - header.first_tx));
    ARM_TRY(arm__record_resolve(repository->store, &bytes, &record, err));
    if (record->checkpoint == NULL) {
        st = arm__fail(err, ARM_CORRUPT, "the record is not a checkpoint");
        goto done;
    }
    *out = record;
    record = NULL;
done:
    arm__record_free(record);
    arm__buf_release(&frame);
    return st;
}

/* ---- Restoring ---- */

static arm_status restore(struct arm_repository *repository, const Armpb__Checkpoint *checkpoint,
                          uint64_t durable_next_tx, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__trust_wipe(repository->io, repository->path, durable_next_tx, err));
    ARM_TRY(arm__index_open(repository->path, &repository->index, err));
    ARM_TRY(arm__index_restore(repository->index, repository->store, checkpoint, err));
    repository->report.restored_tx = checkpoint->next_tx - 1;
done:
    if (st != ARM_OK) {
        arm__index_close(repository->index);
        repository->index = NULL;
    }
    return st;
}

arm_status arm__recover_restore(struct arm_repository *repository, uint64_t durable_next_tx,
                                uint64_t *out_tx, struct arm_error *err)
{
    struct arm_checkpoint_hint hint;
    Armpb__Record *record = NULL;
    struct arm_error why;
    bool found;
    arm_status st = ARM_OK;

    *out_tx = 0;
    ARM_TRY(arm__checkpoint_hint_read(repository, &hint, &found, err));
    if (!found) {
        goto done;
    }
    st = read_record(repository, &hint, &record, &why);
    if (st == ARM_OK) {
        st = restore(repository, record->checkpoint,
                     hint.tx + 1 > durable_next_tx ? hint.tx + 1 : durable_next_tx, &why);
        if (is_no_use(st)) {
            forget_hint(repository);
        }
    }
    if (st != ARM_OK && !is_no_use(st)) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    *out_tx = hint.tx;
    st = ARM_OK;
done:
    arm__record_free(record);
    return st;
}
