/* SPDX-License-Identifier: Apache-2.0 */
/* Filling an arm_error.
 *
 * E1  After a failure err->code is the returned status and never ARM_OK.
 * E2  The message ends with a NUL and is never cut inside a UTF-8 sequence.
 * E3  An argument of the message may point into the message being replaced. */

#include "base/status.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct arm_error) == 1024, "arm_error is 1,024 bytes for ever");

enum { MESSAGE_BYTES = sizeof(((struct arm_error *)0)->message) };

/* Copy `text` into the message, cut at the last whole character that fits (E2). */
static void set_message(struct arm_error *err, const char *text)
{
    size_t size = strlen(text);

    if (size >= MESSAGE_BYTES) {
        size = MESSAGE_BYTES - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80) {
            size--;
        }
    }
    memcpy(err->message, text, size);
    err->message[size] = '\0';
}

arm_status arm__fail(struct arm_error *err, arm_status code, const char *format, ...)
{
    assert(code != ARM_OK); /* E1 */
    if (err != NULL) {
        char text[2 * MESSAGE_BYTES]; /* E3: formatted apart */
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        memset(err->commit_id, 0, sizeof err->commit_id);
        err->code = code;
        set_message(err, text);
    }
    return code;
}

static arm_status status_of_errno(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        return ARM_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return ARM_PERMISSION;
    case ENOENT:
        return ARM_NOT_FOUND;
    case ENOMEM:
        return ARM_NO_MEMORY;
    case EEXIST:
        return ARM_EXISTS;
    default:
        return ARM_IO;
    }
}

arm_status arm__fail_errno(struct arm_error *err, int error_number, const char *verb,
                           const char *path)
{
    char room[128];

    return arm__fail(err, status_of_errno(error_number), "cannot %s %s: %s", verb, path,
                     strerror_r(error_number, room, sizeof room));
}

arm_status arm__fail_within(struct arm_error *err, arm_status code, const char *format, ...)
{
    char text[2 * MESSAGE_BYTES];
    va_list args;
    int size;

    assert(code != ARM_OK); /* E1 */
    if (err == NULL) {
        return code;
    }
    assert(err->code != ARM_OK); /* E1: there is something to put in context */
    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(size >= 0);
    if ((size_t)size < sizeof text) {
        (void)snprintf(text + size, sizeof text - (size_t)size, ": %s", err->message);
    }
    set_message(err, text);
    return err->code;
}
