/* SPDX-License-Identifier: Apache-2.0 */
/* Where statements end (duck/split.c, cli/statement.c): every byte belongs to one statement, and
 * the shell ends its statements where the library does. */

#include <stdlib.h>

#include "cli/statement.h"
#include "duck/split.h"
#include "support/fuzz.h"

/* Whether the shell, too, ends a statement behind `length` bytes of `sql`, and none before: but for
 * empty ones, which the library takes together with the next. */
static bool shell_ends_at(char *sql, size_t length)
{
    size_t at = cli_statement_end(sql);
    size_t more = at;

    while (more != 0 && at < length) {
        char behind = sql[at];

        sql[at] = '\0';
        assert(cli_statement_is_blank(sql));
        sql[at] = behind;
        more = cli_statement_end(sql + at);
        at += more;
    }
    return more != 0 && at == length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *text = fuzz_take_text(&in);
    char *sql = text;
    size_t length = 1;
    struct arm_error err;

    (void)arm__sql_begins(sql, "create", "branch");
    while (length > 0) {
        FUZZ_FILL(length);
        FUZZ_FILL(err);
        if (!fuzz_judged(arm__sql_split(sql, &length, &err), ARM_SQL, ARM_SQL, &err)) {
            assert(FUZZ_UNTOUCHED(length));
            break;
        }
        assert(length <= strlen(sql));
        assert(length > 0 || cli_statement_is_blank(sql));
        assert(length == 0 || sql[length] == '\0' || shell_ends_at(sql, length));
        sql += length;
    }
    (void)cli_statement_is_blank(text);
    free(text);
    return 0;
}
