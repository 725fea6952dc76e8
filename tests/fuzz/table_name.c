/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tables as users type them (query/table_name.c): both parts are names, and quoted they
 * are the same two. */

#include <stdlib.h>

#include "model/name.h"
#include "query/session.h"
#include "support/fuzz.h"

static void put_quoted(struct arm_buf *out, const char *part)
{
    assert(arm__buf_u8(out, '"', NULL) == ARM_OK);
    for (; *part != '\0'; part++) {
        assert(arm__buf_printf(out, NULL, *part == '"' ? "\"\"" : "%c", *part) == ARM_OK);
    }
    assert(arm__buf_u8(out, '"', NULL) == ARM_OK);
}

static void check(const char *schema_name, const char *name)
{
    struct arm_buf quoted = ARM_BUF_INIT(1 << 16);
    char schema_again[256];
    char name_again[256];

    assert(arm__name_check(schema_name, "schema", NULL) == ARM_OK);
    assert(arm__name_check(name, "table", NULL) == ARM_OK);
    put_quoted(&quoted, schema_name);
    assert(arm__buf_u8(&quoted, '.', NULL) == ARM_OK);
    put_quoted(&quoted, name);
    assert(arm__buf_u8(&quoted, 0, NULL) == ARM_OK);
    assert(arm__table_name_parse((const char *)quoted.data, schema_again, name_again, NULL) ==
           ARM_OK);
    assert(strcmp(schema_name, schema_again) == 0);
    assert(strcmp(name, name_again) == 0);
    arm__buf_release(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *text = fuzz_take_text(&in);
    char schema_name[256];
    char name[256];
    struct arm_error err;

    FUZZ_FILL(schema_name);
    FUZZ_FILL(name);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__table_name_parse(text, schema_name, name, &err), ARM_INVALID_NAME,
                    ARM_INVALID_NAME, &err)) {
        check(schema_name, name);
    } else {
        assert(FUZZ_UNTOUCHED(schema_name));
        assert(FUZZ_UNTOUCHED(name));
    }
    free(text);
    return 0;
}
