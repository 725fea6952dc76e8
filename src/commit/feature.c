/* SPDX-License-Identifier: Apache-2.0 */
/* Feature bits taken into use: FORMAT says what a program must know before it may read (R1). A bit
 * is set, durably, before the first record that needs it, and never taken back. */

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { HEADER_BYTES_MAX = 1 << 16 };

static arm_status read_format(struct arm_repository *repository, char **out_path,
                              struct arm_header *out, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(HEADER_BYTES_MAX);
    bool read_only;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(repository->path, "FORMAT", out_path, err));
    ARM_TRY(arm__io_read_file(repository->io, *out_path, &text, err));
    ARM_TRY(arm__header_decode(arm__buf_bytes(&text), out, &read_only, err));
done:
    arm__buf_release(&text);
    return st;
}

arm_status arm__repository_has_feature(struct arm_repository *repository, uint64_t incompatible,
                                       bool *out, struct arm_error *err)
{
    struct arm_header header = {.incompatible = repository->header.incompatible};
    char *path = NULL;
    arm_status st = ARM_OK;

    if ((header.incompatible & incompatible) == 0) { /* another process may have set it since */
        ARM_TRY(read_format(repository, &path, &header, err));
    }
    *out = (header.incompatible & incompatible) != 0;
done:
    arm__free(path);
    return st;
}

arm_status arm__repository_use_feature(struct arm_repository *repository, uint64_t incompatible,
                                       struct arm_error *err)
{
    const struct arm_io *io = repository->io;
    struct arm_buf text = ARM_BUF_INIT(HEADER_BYTES_MAX);
    struct arm_header header;
    char *path = NULL;
    arm_status st = ARM_OK;

    if ((repository->header.incompatible & incompatible) == incompatible) {
        return ARM_OK;
    }
    /* Another process may have set bits since we read them: the file is asked, under the lock. */
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    ARM_TRY(read_format(repository, &path, &header, err));
    if ((header.incompatible & incompatible) != incompatible) {
        header.incompatible |= incompatible;
        ARM_TRY(arm__header_encode(&header, &text, err));
        ARM_TRY(arm__io_replace_file(io, path, arm__buf_bytes(&text), err));
    }
    repository->header.incompatible = header.incompatible;
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}
