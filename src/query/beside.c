/* SPDX-License-Identifier: Apache-2.0 */
#include "query/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { PATH_BYTES_MAX = 1 << 16, TRIES = 1000, FILE_MODE = 0666 };

/* `path` where links lead; a link to nothing yet is taken as it is. */
static arm_status resolve(const char *path, char **out, struct arm_error *err)
{
    char *real = realpath(path, NULL);
    arm_status st = arm__strdup(real == NULL ? path : real, out, err);

    free(real);
    return st;
}

/* An empty file `<place>.part-<pid>-<n>` that was not there. */
static arm_status make_part(const char *place, const char *path, char **out, struct arm_error *err)
{
    struct arm_buf name = ARM_BUF_INIT(PATH_BYTES_MAX);
    int fd = -1;
    arm_status st = ARM_OK;

    for (int i = 0; i < TRIES; i++) {
        arm__buf_clear(&name);
        ARM_TRY(arm__buf_printf(&name, err, "%s.part-%ld-%d", place, (long)getpid(), i));
        ARM_TRY(arm__buf_u8(&name, 0, err));
        fd = open((const char *)name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (fd < 0) {
        st = arm__fail_errno(err, errno, "create", path);
        goto done;
    }
    (void)close(fd);
    st = arm__strdup((const char *)name.data, out, err);
    if (st != ARM_OK) {
        (void)unlink((const char *)name.data);
    }
done:
    arm__buf_release(&name);
    return st;
}

arm_status arm__beside_open(const char *path, struct arm_beside *out, struct arm_error *err)
{
    struct arm_beside beside = {.path = NULL};
    struct stat found;
    arm_status st = ARM_OK;

    ARM_TRY(resolve(path, &beside.place, err));
    if (stat(beside.place, &found) == 0 && S_ISDIR(found.st_mode)) {
        st = arm__fail(err, ARM_INVALID, "%s is a directory: name a file in it", path);
        goto done;
    }
    if (stat(beside.place, &found) == 0 && !S_ISREG(found.st_mode)) {
        beside.path = beside.place;
        beside.place = NULL;
    } else {
        ARM_TRY(make_part(beside.place, path, &beside.path, err));
    }
    *out = beside;
    beside = (struct arm_beside){.path = NULL};
done:
    arm__free(beside.place);
    return st;
}

arm_status arm__beside_commit(struct arm_beside *beside, struct arm_error *err)
{
    if (beside->place != NULL && rename(beside->path, beside->place) != 0) {
        return arm__fail_errno(err, errno, "create", beside->place);
    }
    arm__free(beside->place);
    beside->place = NULL;
    return ARM_OK;
}

void arm__beside_release(struct arm_beside *beside)
{
    if (beside->place != NULL && beside->path != NULL) {
        (void)unlink(beside->path);
    }
    arm__free(beside->path);
    arm__free(beside->place);
    *beside = (struct arm_beside){.path = NULL};
}
