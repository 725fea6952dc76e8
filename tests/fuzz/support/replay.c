/* SPDX-License-Identifier: Apache-2.0 */
/* The main of a fuzz target without libFuzzer: runs it over every file of the folders and files
 * that are named, and over the empty input. A corpus that is not there fails: it proves nothing. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/fuzz.h"

enum { INPUT_BYTES_MAX = 1 << 22, PATH_BYTES = 1024 };

/* Run one file; a name on stderr says later which one it was that ended the program. */
static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *room = malloc(INPUT_BYTES_MAX);
    uint8_t *data = NULL;
    size_t size = 0;

    if (file != NULL && room != NULL) {
        size = fread(room, 1, INPUT_BYTES_MAX, file);
        data = realloc(room, size + (size == 0)); /* what is read behind it is found out */
    }
    if (file == NULL || data == NULL || ferror(file) != 0) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        free(data == NULL ? room : data);
        if (file != NULL) {
            (void)fclose(file);
        }
        return false;
    }
    (void)fclose(file);
    (void)fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return true;
}

static bool run_folder(const char *path, size_t *count)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    char name[PATH_BYTES];
    bool good = folder != NULL;

    if (folder == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        return false;
    }
    while (good && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            good = run_file(name);
            *count += 1;
        }
    }
    (void)closedir(folder);
    return good;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    bool good = argc > 1;

    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc && good; i++) {
        struct stat found;

        if (stat(argv[i], &found) == 0 && !S_ISDIR(found.st_mode)) {
            good = run_file(argv[i]);
            count++;
        } else {
            good = run_folder(argv[i], &count);
        }
    }
    printf("%zu inputs\n", count);
    return good && count > 0 ? 0 : 1;
}
