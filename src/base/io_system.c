/* SPDX-License-Identifier: Apache-2.0 */
/* The file door onto Linux.
 *
 * O1  A call that a signal interrupts is begun anew, and a short transfer is continued. Not so
 *     a sync: one that fails for any reason has failed, since the kernel may have marked the
 *     pages clean.
 * O2  No descriptor survives exec.
 * O3  Locks belong to the open file description: closing another descriptor of the same file
 *     does not drop them, and two opens of one process exclude each other.
 * O5  No file of ours is standard input, output or error, where a program that was started
 *     without them would write its messages: /dev/null takes such a place, and stays there.
 * O6  A mounting is known by the kernel's unique id (Linux 6.8): the older, short one is given
 *     again to the next file system that is mounted. */

#include "base/io.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif

_Static_assert(sizeof(off_t) == 8, "files pass 2 GiB");

static const char BOOT_ID_PATH[] = "/proc/sys/kernel/random/boot_id";

enum { US_PER_SECOND = 1000000, NS_PER_US = 1000 };

struct arm_file {
    int fd;
    char *path; /* for messages */
};

/* O2, O5 */
static int open_above_standard(const char *path, int mode)
{
    for (;;) {
        int fd = open(path, mode | O_CLOEXEC | O_NOCTTY, 0666);

        if (fd > STDERR_FILENO || (fd < 0 && errno != EINTR)) {
            return fd;
        }
        if (fd >= 0) {
            (void)close(fd);
            if (open("/dev/null", O_RDWR) < 0) { /* takes the same, lowest number */
                return -1;
            }
            mode &= ~O_EXCL; /* it is there now, and ours */
        }
    }
}

static arm_status system_open(void *self, const char *path, unsigned flags, struct arm_file **out,
                              struct arm_error *err)
{
    struct arm_file *file = NULL;
    int mode = flags & ARM_OPEN_WRITE ? O_RDWR : O_RDONLY;
    arm_status st = ARM_OK;

    (void)self;
    mode |= flags & ARM_OPEN_CREATE ? O_CREAT : 0;
    mode |= flags & ARM_OPEN_EXCLUSIVE ? O_EXCL : 0;
    ARM_TRY(arm__calloc(1, sizeof *file, &file, err));
    file->fd = -1;
    ARM_TRY(arm__strdup(path, &file->path, err));
    file->fd = open_above_standard(path, mode);
    if (file->fd < 0) {
        st = arm__fail_errno(err, errno, "open", path);
        goto done;
    }
    *out = file;
    file = NULL;
done:
    if (file != NULL) {
        arm__free(file->path);
        arm__free(file);
    }
    return st;
}

static void system_close(void *self, struct arm_file *file)
{
    (void)self;
    if (file != NULL) {
        (void)close(file->fd); /* what had to be durable was synced before */
        arm__free(file->path);
        arm__free(file);
    }
}

static arm_status system_read(void *self, struct arm_file *file, uint64_t offset, void *data,
                              size_t size, size_t *out_size, struct arm_error *err)
{
    size_t done = 0;

    (void)self;
    while (done < size) {
        ssize_t n = pread(file->fd, (char *)data + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno != EINTR) {
            return arm__fail_errno(err, errno, "read", file->path);
        }
        if (n == 0) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    *out_size = done;
    return ARM_OK;
}

static arm_status system_write(void *self, struct arm_file *file, uint64_t offset, const void *data,
                               size_t size, struct arm_error *err)
{
    size_t done = 0;

    (void)self;
    while (done < size) {
        ssize_t n =
            pwrite(file->fd, (const char *)data + done, size - done, (off_t)(offset + done));

        if (n == 0) {
            return arm__fail_errno(err, ENOSPC, "write", file->path);
        }
        if (n < 0 && errno != EINTR) {
            return arm__fail_errno(err, errno, "write", file->path);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return ARM_OK;
}

static arm_status system_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    (void)self;
    if (fdatasync(file->fd) != 0) { /* O1 */
        return arm__fail_errno(err, errno, "sync", file->path);
    }
    return ARM_OK;
}

static void system_hasten(void *self, struct arm_file *file, uint64_t offset, uint64_t size)
{
    (void)self;
    /* Without its waiting flags it takes no error that fdatasync is to tell. */
    (void)sync_file_range(file->fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
}

static arm_status system_truncate(void *self, struct arm_file *file, uint64_t size,
                                  struct arm_error *err)
{
    int rc;

    (void)self;
    do {
        rc = ftruncate(file->fd, (off_t)size);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? ARM_OK : arm__fail_errno(err, errno, "truncate", file->path);
}

static arm_status system_stat(void *self, const char *path, struct arm_stat *out,
                              struct arm_error *err)
{
    struct statx found;

    (void)self;
    memset(&found, 0, sizeof found);
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID_UNIQUE, &found) != 0) {
        return arm__fail_errno(err, errno, "look at", path);
    }
    *out = (struct arm_stat){
        .size_bytes = found.stx_size,
        .modified_us = found.stx_mtime.tv_sec * US_PER_SECOND + found.stx_mtime.tv_nsec / NS_PER_US,
        .changed_us = found.stx_ctime.tv_sec * US_PER_SECOND + found.stx_ctime.tv_nsec / NS_PER_US,
        .device = makedev(found.stx_dev_major, found.stx_dev_minor),
        .inode = found.stx_ino,
        .mount = (found.stx_mask & STATX_MNT_ID_UNIQUE) != 0 ? found.stx_mnt_id : 0, /* O6 */
        .is_directory = S_ISDIR(found.stx_mode),
    };
    return ARM_OK;
}

static arm_status system_size(void *self, struct arm_file *file, uint64_t *out,
                              struct arm_error *err)
{
    struct stat found;

    (void)self;
    if (fstat(file->fd, &found) != 0) {
        return arm__fail_errno(err, errno, "look at", file->path);
    }
    *out = (uint64_t)found.st_size;
    return ARM_OK;
}

static arm_status system_lock(void *self, struct arm_file *file, struct arm_range range,
                              enum arm_lock_kind kind, bool wait, struct arm_error *err)
{
    struct flock lock = {
        .l_type = kind == ARM_LOCK_NONE     ? F_UNLCK
                  : kind == ARM_LOCK_SHARED ? F_RDLCK
                                            : F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t)range.offset,
        .l_len = (off_t)range.length,
    };
    int rc;

    (void)self;
    do {
        rc = fcntl(file->fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock); /* O3 */
    } while (rc != 0 && errno == EINTR);
    if (rc != 0 && !wait && (errno == EAGAIN || errno == EACCES)) {
        return arm__fail(err, ARM_BUSY, "cannot lock %s: another holds it", file->path);
    }
    return rc == 0 ? ARM_OK : arm__fail_errno(err, errno, "lock", file->path);
}

static arm_status system_map(void *self, struct arm_file *file, size_t size, void **out,
                             struct arm_error *err)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);

    (void)self;
    if (memory == MAP_FAILED) {
        return arm__fail_errno(err, errno, "map", file->path);
    }
    *out = memory;
    return ARM_OK;
}

static void system_unmap(void *self, void *memory, size_t size)
{
    (void)self;
    if (memory != NULL) {
        int rc = munmap(memory, size);

        assert(rc == 0);
        (void)rc;
    }
}

static arm_status system_rename(void *self, const char *from, const char *to, struct arm_error *err)
{
    (void)self;
    if (rename(from, to) != 0) {
        arm_status st = arm__fail_errno(err, errno, "rename", from);

        return arm__fail_within(err, st, "making %s", to);
    }
    return ARM_OK;
}

static arm_status system_remove(void *self, const char *path, struct arm_error *err)
{
    (void)self;
    return remove(path) == 0 ? ARM_OK : arm__fail_errno(err, errno, "remove", path);
}

static arm_status system_make_directory(void *self, const char *path, struct arm_error *err)
{
    (void)self;
    return mkdir(path, 0777) == 0 ? ARM_OK : arm__fail_errno(err, errno, "make directory", path);
}

static arm_status system_sync_directory(void *self, const char *path, struct arm_error *err)
{
    arm_status st = ARM_OK;
    int fd;

    (void)self;
    do {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return arm__fail_errno(err, errno, "open directory", path);
    }
    if (fsync(fd) != 0) { /* O1 */
        st = arm__fail_errno(err, errno, "sync directory", path);
    }
    (void)close(fd);
    return st;
}

static arm_status system_list(void *self, const char *path, arm_visit_name *visit, void *context,
                              struct arm_error *err)
{
    DIR *directory = opendir(path);
    arm_status st = ARM_OK;

    (void)self;
    if (directory == NULL) {
        return arm__fail_errno(err, errno, "list", path);
    }
    while (st == ARM_OK) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(directory);
        if (entry == NULL) {
            st = errno == 0 ? ARM_OK : arm__fail_errno(err, errno, "list", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            st = visit(context, entry->d_name, err);
        }
    }
    (void)closedir(directory);
    return st;
}

static int64_t system_now_us(void *self)
{
    struct timespec now = {0};
    int rc = clock_gettime(CLOCK_REALTIME, &now);

    (void)self;
    assert(rc == 0);
    (void)rc;
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / NS_PER_US;
}

static bool system_boot_id(void *self, struct arm_id *out)
{
    struct arm_file *file = NULL;
    char text[64] = "";
    char digits[2 * ARM_ID_BYTES + 1] = "";
    size_t got = 0;
    size_t count = 0;

    if (system_open(self, BOOT_ID_PATH, ARM_OPEN_READ, &file, NULL) != ARM_OK) {
        return false;
    }
    if (system_read(self, file, 0, text, sizeof text, &got, NULL) != ARM_OK) {
        got = 0;
    }
    system_close(self, file);
    for (size_t i = 0; i < got && count < sizeof digits - 1; i++) {
        if (text[i] != '-') {
            digits[count++] = text[i];
        }
    }
    return arm__id_parse(digits, out, NULL) == ARM_OK;
}

const struct arm_io *arm__io_system(void)
{
    static const struct arm_io system = {
        .open = system_open,
        .close = system_close,
        .read = system_read,
        .write = system_write,
        .sync = system_sync,
        .hasten = system_hasten,
        .truncate = system_truncate,
        .stat = system_stat,
        .size = system_size,
        .lock = system_lock,
        .map = system_map,
        .unmap = system_unmap,
        .rename = system_rename,
        .remove = system_remove,
        .make_directory = system_make_directory,
        .sync_directory = system_sync_directory,
        .list = system_list,
        .now_us = system_now_us,
        .boot_id = system_boot_id,
    };

    return &system;
}
