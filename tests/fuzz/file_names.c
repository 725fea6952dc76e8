/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files in a repository, as a directory gives them: segments, chunks, key runs, hashes and
 * ids. LO1, H1: what is taken for one is exactly what is made of it. */

#include <stdlib.h>

#include "keys/key_sweep.h"
#include "log/log_private.h"
#include "store/store_private.h"
#include "support/fuzz.h"
#include "support/memory_io.h"

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

/* Of what lies among key runs only runs are swept away, and those in the making. */
static void check_run(const char *name)
{
    static struct memory_io memory;
    static const char suffix[] = ".new";
    struct arm_key_sweep *sweep = NULL;
    size_t size = strlen(name);
    char path[MEMORY_PATH_BYTES] = "keys/";
    char hex[ARM_HASH_HEX + 1] = "";
    struct arm_hash hash;
    uint64_t count = 0;
    uint64_t bytes = 0;
    bool is_run;
    arm_status st;

    if (size == 0 || size >= sizeof path - sizeof "keys/" || strchr(name, '/') != NULL) {
        return;
    }
    memcpy(path + 5, name, size + 1);
    memcpy(hex, name, size < ARM_HASH_HEX ? size : ARM_HASH_HEX);
    is_run = arm__hash_parse(hex, &hash, NULL) == ARM_OK &&
             (size == ARM_HASH_HEX ||
              (name[ARM_HASH_HEX] == '.' && size >= ARM_HASH_HEX + sizeof suffix - 1 &&
               strcmp(name + size - (sizeof suffix - 1), suffix) == 0));
    memory_io_init(&memory);
    (void)memory_io_put(&memory, path, arm__bytes("run", 3));
    st = arm__key_sweep_new(&memory.io, "keys", INT64_MAX, &sweep, NULL);
    assert(st == ARM_OK);
    assert(arm__key_sweep_count(sweep) == (is_run ? 1 : 0));
    st = arm__key_sweep_finish(sweep, false, &count, &bytes, NULL);
    assert(st == ARM_OK);
    assert(count == (is_run ? 1 : 0));
    assert(bytes == 3 * count);
    assert((memory_io_find(&memory, path) == NULL) == is_run);
    arm__key_sweep_free(sweep);
    memory_io_release(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *name = fuzz_take_text(&in);

    check_segment(name);
    check_chunk(name);
    check_run(name);
    check_hash(name);
    free(name);
    return 0;
}
