/* SPDX-License-Identifier: Apache-2.0 */
/* The file index/trust (commit/trust.c): what is believed of it is what would be written, or
 * nothing is. */

#include "commit/commit_private.h"
#include "support/fuzz.h"
#include "support/memory_io.h"

static bool read_trust(struct memory_io *memory, struct arm_trust *out)
{
    struct arm_error err;
    bool found = false;
    arm_status st;

    FUZZ_FILL(*out);
    FUZZ_FILL(err);
    st = arm__trust_read(&memory->io, "r", out, &found, &err);
    assert(st == ARM_OK); /* whatever is in it */
    assert(found || FUZZ_UNTOUCHED(*out));
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    struct arm_trust trust;
    struct arm_trust again;

    memory_io_init(&memory);
    (void)memory_io_put(&memory, "r/index/trust", arm__bytes(data, size));
    if (read_trust(&memory, &trust)) {
        assert(memchr(trust.boot_id, 0, sizeof trust.boot_id) != NULL);
        assert(arm__trust_write(&memory.io, "r", &trust, NULL) == ARM_OK);
        assert(read_trust(&memory, &again));
        assert(strcmp(trust.boot_id, again.boot_id) == 0);
        assert(trust.device == again.device);
        assert(trust.inode == again.inode);
        assert(trust.mount == again.mount);
        assert(trust.next_tx == again.next_tx);
        assert(trust.is_clean == again.is_clean);
        assert(!trust.is_clean || trust.size_bytes == again.size_bytes);
        assert(!trust.is_clean || trust.modified_us == again.modified_us);
        assert(arm__trust_holds(&trust, &again) || !trust.is_clean);
    }
    memory_io_release(&memory);
    return 0;
}
