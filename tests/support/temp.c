/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary directories for tests. */

#include "support/temp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void require(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

void temp_use_memory(void)
{
    if (access("/dev/shm", W_OK | X_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 0);
    }
}

struct temp_dir temp_dir_make(void)
{
    const char *parent = getenv("TMPDIR");
    struct temp_dir dir;
    int size = snprintf(dir.path, sizeof dir.path, "%s/armillaria-XXXXXX",
                        parent != NULL && parent[0] != '\0' ? parent : "/tmp");

    require(size > 0 && (size_t)size < sizeof dir.path, "TMPDIR is too long");
    require(mkdtemp(dir.path) != NULL, dir.path);
    return dir;
}

/* Remove everything below `path` if `remove_all`; returns how many files there are. */
static size_t walk(const char *path, bool remove_all)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    size_t count = 0;

    require(directory != NULL, path);
    while ((entry = readdir(directory)) != NULL) {
        char inner[4096];
        struct stat found;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        require(lstat(inner, &found) == 0, inner);
        if (S_ISDIR(found.st_mode)) {
            count += walk(inner, remove_all);
        } else {
            count++;
        }
        if (remove_all) {
            require(remove(inner) == 0, inner);
        }
    }
    (void)closedir(directory);
    return count;
}

void temp_dir_remove(const struct temp_dir *dir)
{
    (void)walk(dir->path, true);
    require(rmdir(dir->path) == 0, dir->path);
}

char *temp_path(const struct temp_dir *dir, const char *name, char out[TEMP_PATH_BYTES])
{
    int size = snprintf(out, TEMP_PATH_BYTES, "%s/%s", dir->path, name);

    require(size > 0 && size < TEMP_PATH_BYTES, "the path is too long");
    return out;
}

void temp_make_subdirectory(const struct temp_dir *dir, const char *name)
{
    char path[TEMP_PATH_BYTES];

    require(mkdir(temp_path(dir, name, path), 0777) == 0, path);
}

size_t temp_count_files(const struct temp_dir *dir, const char *name)
{
    char path[TEMP_PATH_BYTES];

    return walk(temp_path(dir, name, path), false);
}

bool temp_exists(const struct temp_dir *dir, const char *name)
{
    char path[TEMP_PATH_BYTES];

    return access(temp_path(dir, name, path), F_OK) == 0;
}

void temp_write_file(const struct temp_dir *dir, const char *name, const void *data,
                     size_t size_bytes)
{
    char path[TEMP_PATH_BYTES];
    FILE *file = fopen(temp_path(dir, name, path), "wb");

    require(file != NULL, path);
    require(fwrite(data, 1, size_bytes, file) == size_bytes, path);
    require(fclose(file) == 0, path);
}
