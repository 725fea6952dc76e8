/* SPDX-License-Identifier: Apache-2.0 */
#include "adbc/uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Undo %xx in place; false: ill-formed, or a NUL. */
static bool decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        char c = *from;

        if (c == '%') {
            if (!isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2])) {
                return false;
            }
            c = (char)(digit_of(from[1]) * 16 + digit_of(from[2]));
            from += 2;
            if (c == '\0') {
                return false;
            }
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

AdbcStatusCode arm__adbc_uri_path(const char *uri, char **out, struct AdbcError *error)
{
    static const char scheme[] = "file:";
    bool is_uri = strncasecmp(uri, scheme, sizeof scheme - 1) == 0;
    const char *path = uri;
    char *copy = NULL;

    if (is_uri) {
        path += sizeof scheme - 1;
        if (strncmp(path, "//localhost/", 12) == 0) {
            path += 11;
        } else if (strncmp(path, "///", 3) == 0) {
            path += 2;
        }
        if (path[0] == '/' && path[1] == '/') {
            return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                                  "uri %s names a host: a repository is a local directory", uri);
        }
        if (strpbrk(path, "?#") != NULL) {
            return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                                  "uri %s has a query or a fragment: set options instead", uri);
        }
    } else if (strstr(uri, "://") != NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "uri %s is neither a path nor of the scheme file", uri);
    }
    copy = strdup(path);
    if (copy == NULL) {
        return arm__adbc_fail_memory(error);
    }
    if (is_uri && !decode(copy)) {
        free(copy);
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "uri %s is not a well-formed URI", uri);
    }
    *out = copy;
    return ADBC_STATUS_OK;
}
