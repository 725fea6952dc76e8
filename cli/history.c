/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's history file. */

#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "width.h"

enum {
    FILE_BYTES_MAX = 1 << 20,  /* a larger file is cut ... */
    FILE_BYTES_KEPT = 1 << 19, /* ... to its last entries */
    ENTRY_BYTES_MAX = 1 << 16, /* a longer entry is not written */
    LOCK_TRIES = 100,          /* of a millisecond each; then without the lock */
};

/* ---- Where ---- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* NULL: none is wanted, or there is no place for it. */
static char *find_path(void)
{
    const char *told = environment("ARMILLARIA_HISTORY");
    const char *state = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");

    if (told != NULL) {
        return strcmp(told, "off") == 0 ? NULL : cli_strdup(told);
    }
    if (state != NULL && state[0] == '/') { /* a relative one is to be ignored, says XDG */
        return cli_format("%s/armillaria/history", state);
    }
    return home == NULL ? NULL : cli_format("%s/.local/state/armillaria/history", home);
}

static void make_parents(const char *path)
{
    char *prefix = cli_strdup(path);

    for (char *slash = strchr(prefix + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(prefix, 0700); /* opening the file tells whether it worked */
        *slash = '/';
    }
    free(prefix);
}

/* ---- The file, locked ---- */

/* Whoever holds the lock for long is no shell of ours; the appending itself is atomic enough. */
static void lock(int fd)
{
    const struct timespec wait = {.tv_nsec = 1000000};

    for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        (void)nanosleep(&wait, NULL);
    }
}

/* -1: there is no such file to be had. Closing it releases the lock. */
static int open_locked(const struct cli_history *history, bool create)
{
    int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (create ? O_CREAT : 0);
    int fd = history->path == NULL ? -1 : open(history->path, flags, 0600);
    struct stat stat_of;

    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &stat_of) != 0 || !S_ISREG(stat_of.st_mode)) {
        (void)close(fd);
        return -1;
    }
    lock(fd);
    if ((stat_of.st_mode & 077) != 0) {
        (void)fchmod(fd, 0600); /* made by someone's editor, or a careless umask */
    }
    return fd;
}

/* The last `limit` bytes of the file, from the start of an entry. */
static void read_tail(int fd, size_t limit, struct cli_text *out)
{
    char bytes[1 << 14];
    off_t size = lseek(fd, 0, SEEK_END);
    off_t at = size > (off_t)limit ? size - (off_t)limit : 0;
    bool is_cut = at > 0;

    for (;;) {
        ssize_t got = pread(fd, bytes, sizeof bytes, at);
        const char *from = bytes;

        if (got <= 0) {
            return;
        }
        at += got;
        if (is_cut) {
            from = memchr(bytes, '\n', (size_t)got);
            is_cut = from == NULL;
            from = is_cut ? bytes + got : from + 1;
        }
        cli_text_append(out, from, (size_t)(bytes + got - from));
    }
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        data += written < 0 ? 0 : written;
        size -= written < 0 ? 0 : (size_t)written;
    }
    return true;
}

/* A kill in between leaves a shorter history. */
static void cut_file(int fd)
{
    struct cli_text text = {0};

    read_tail(fd, FILE_BYTES_KEPT, &text);
    if (ftruncate(fd, 0) == 0) {
        (void)write_all(fd, text.data, text.size);
    }
    cli_text_release(&text);
}

/* ---- Entries ---- */

static void encode(const char *entry, struct cli_text *out)
{
    for (const char *at = entry; *at != '\0'; at++) {
        if (*at == '\n') {
            cli_text_add(out, "\\n");
        } else if (*at == '\\') {
            cli_text_add(out, "\\\\");
        } else {
            cli_text_append(out, at, 1);
        }
    }
    cli_text_add(out, "\n");
}

/* In place. */
static void decode(char *line)
{
    char *to = line;

    for (const char *at = line; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
            *to++ = *at == 'n' ? '\n' : *at;
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
}

static bool is_utf8(const char *text)
{
    size_t size = strlen(text);
    size_t step = 0;

    for (size_t at = 0; at < size; at += step) {
        if (cli_utf8_next(text + at, size - at, &step) == UINT32_MAX) {
            return false;
        }
    }
    return true;
}

void cli_history_open(struct cli_history *history, void (*add)(void *context, const char *entry),
                      void *context)
{
    struct cli_text text = {0};
    char *rest = NULL;
    char *line = NULL;
    int fd = -1;

    history->path = find_path();
    fd = open_locked(history, false);
    if (fd < 0) {
        return;
    }
    read_tail(fd, FILE_BYTES_MAX, &text);
    (void)close(fd);
    for (line = text.data == NULL ? NULL : strtok_r(text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (is_utf8(line)) {
            decode(line);
            add(context, line);
        }
    }
    cli_text_release(&text);
}

void cli_history_add(const struct cli_history *history, const char *entry)
{
    struct cli_text line = {0};
    struct stat stat_of;
    int fd = -1;

    if (history->path == NULL || entry[0] == ' ' || strlen(entry) > ENTRY_BYTES_MAX) {
        return;
    }
    make_parents(history->path);
    fd = open_locked(history, true);
    if (fd < 0) {
        return;
    }
    encode(entry, &line);
    if (write_all(fd, line.data, line.size) && fstat(fd, &stat_of) == 0 &&
        stat_of.st_size > FILE_BYTES_MAX) {
        cut_file(fd);
    }
    (void)close(fd);
    cli_text_release(&line);
}

void cli_history_release(struct cli_history *history)
{
    free(history->path);
    history->path = NULL;
}
