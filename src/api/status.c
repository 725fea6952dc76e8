/* SPDX-License-Identifier: Apache-2.0 */
/* The library's version, and its status codes in words. */

#include <armillaria.h>

/* As CMakeLists.txt has it, which tests/e2e/test_embed.py checks. */
#define VERSION "0.1.0"

const char *arm_version(void)
{
    return VERSION;
}

const char *arm_status_name(arm_status status)
{
    switch (status) {
#define STATUS_NAME(code, number, text)                                                            \
    case code:                                                                                     \
        return #code;
        ARM_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return "ARM_?";
}

const char *arm_status_text(arm_status status)
{
    switch (status) {
#define STATUS_TEXT(code, number, text)                                                            \
    case code:                                                                                     \
        return text;
        ARM_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "a status this library does not know";
}
