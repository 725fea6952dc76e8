/* SPDX-License-Identifier: Apache-2.0 */
/* A library to be loaded before the command (LD_PRELOAD): it fails the n-th sync of the process,
 * whichever thread and whichever library makes it.
 *
 *   ARM_FAULT_SYNC   n, from 1: fdatasync and fsync are counted together
 *   ARM_FAULT_TOLD   a file that is made when it happened
 *
 * The sync is not done at all: what was written is where the kernel has it, as after an error of
 * the medium. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

typedef int sync_call(int fd);

static bool must_fail(void)
{
    static atomic_ulong count;
    const char *nth = getenv("ARM_FAULT_SYNC");
    const char *told = getenv("ARM_FAULT_TOLD");

    if (nth == NULL || atomic_fetch_add(&count, 1) + 1 != strtoul(nth, NULL, 10)) {
        return false;
    }
    if (told != NULL) {
        (void)close(open(told, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    }
    errno = EIO;
    return true;
}

static int pass_on(const char *name, int fd)
{
    union {
        void *address;
        sync_call *call;
    } next = {dlsym(RTLD_NEXT, name)};

    return next.call(fd);
}

SHOWN int fdatasync(int fd)
{
    return must_fail() ? -1 : pass_on("fdatasync", fd);
}

SHOWN int fsync(int fd)
{
    return must_fail() ? -1 : pass_on("fsync", fd);
}
