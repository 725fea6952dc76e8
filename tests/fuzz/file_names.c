/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files in a repository, as a directory gives them: segments, chunks, hashes and ids. LO1,
 * H1: what is taken for one is exactly what is made of it. */

#include <stdlib.h>

#include "log/log_private.h"
#include "store/store_private.h"
#include "support/fuzz.h"

static void check_segment(const char *name)
{
    struct arm_buf path = ARM_BUF_INIT(1 << 16);
    uint64_t number = 0;

    if (arm__segment_number(name, &number)) {
        assert(arm__segment_path("log", number, &path, NULL) == ARM_OK);
        assert(strcmp((const char *)path.data + strlen("log/"), name) == 0);
        arm__buf_release(&path);
    }
}

static void check_chunk(const char *name)
{
    struct arm_store store = {.chunks = (char *)(uintptr_t)"chunks"};
    struct arm_hash hash;
    char *path = NULL;

    FUZZ_FILL(hash);
    if (arm__layout_parse(name, &hash)) {
        assert(arm__layout_path(&store, &hash, ARM_LAYOUT_FILE, &path, NULL) == ARM_OK);
        assert(strcmp(path + strlen("chunks/"), name) == 0);
        free(path);
    } else {
        assert(FUZZ_UNTOUCHED(hash));
    }
}

static void check_hash(const char *name)
{
    struct arm_hash hash;
    struct arm_id id;
    char hex[ARM_HASH_HEX + 1];
    struct arm_error err;

    FUZZ_FILL(hash);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__hash_parse(name, &hash, &err), ARM_INVALID_HASH, ARM_INVALID_HASH, &err)) {
        arm__hash_hex(&hash, hex);
        assert(strcmp(hex, name) == 0);
    } else {
        assert(FUZZ_UNTOUCHED(hash));
    }
    FUZZ_FILL(id);
    FUZZ_FILL(err);
    if (fuzz_judged(arm__id_parse(name, &id, &err), ARM_INVALID, ARM_INVALID, &err)) {
        arm__id_hex(&id, hex);
        assert(strcmp(hex, name) == 0);
    } else {
        assert(FUZZ_UNTOUCHED(id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *name = fuzz_take_text(&in);

    check_segment(name);
    check_chunk(name);
    check_hash(name);
    free(name);
    return 0;
}
