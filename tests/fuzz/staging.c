/* SPDX-License-Identifier: Apache-2.0 */
/* The folder staging/ (store/sweep.c, store/lease.c), with files of any name and content. SW1: a
 * sweep removes what the dead named after themselves, all of it; SW2: and nothing else. Leases
 * and pins of the living are told as they stand in their files. The input is files: a line of
 * name, a byte of flags (1: its owner lives), a byte of size, the content. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store_private.h"
#include "support/fuzz.h"
#include "support/memory_io.h"

enum { FILES_MAX = 12, NAME_BYTES_MAX = 255, HEADER_BYTES = 64 };

/* Whether `name` begins with the id of an owner. */
static bool has_id(const char *name)
{
    for (size_t i = 0; i < ARM_LEASE_ID_HEX; i++) {
        if (!isdigit((unsigned char)name[i]) && (name[i] < 'a' || name[i] > 'f')) {
            return false;
        }
    }
    return true;
}

static bool is_lease(const char *name)
{
    return has_id(name) && strcmp(name + ARM_LEASE_ID_HEX, ".lease") == 0;
}

static bool is_staged(const char *name)
{
    const char *begin = strncmp(name, "tmp_", 4) == 0 ? name + 4 : name;

    return has_id(begin) && begin[ARM_LEASE_ID_HEX] == '-';
}

static bool owner_lives(struct memory_io *memory, const char *name)
{
    const char *begin = strncmp(name, "tmp_", 4) == 0 ? name + 4 : name;
    char path[MEMORY_PATH_BYTES];
    const struct memory_file *lease;

    (void)snprintf(path, sizeof path, "/r/staging/%.*s.lease", (int)ARM_LEASE_ID_HEX, begin);
    lease = memory_io_find(memory, path);
    return lease != NULL && lease->locked_elsewhere;
}

static size_t put_files(struct memory_io *memory, struct fuzz_input *in,
                        char names[FILES_MAX][NAME_BYTES_MAX + 1])
{
    size_t count = 0;

    while (in->size > 0 && count < FILES_MAX) {
        char *name = fuzz_take_line(in);
        uint8_t flags = fuzz_take_u8(in);
        struct arm_bytes content = fuzz_take(in, fuzz_take_u8(in));
        char path[MEMORY_PATH_BYTES];

        (void)snprintf(path, sizeof path, "/r/staging/%s", name);
        if (name[0] != '\0' && strlen(name) <= NAME_BYTES_MAX && strchr(name, '/') == NULL &&
            strcmp(name, "lock") != 0 && memory_io_find(memory, path) == NULL) {
            struct memory_file *file = memory_io_put(memory, path, content);

            file->locked_elsewhere = is_lease(name) && flags % 2 == 1;
            (void)snprintf(names[count++], NAME_BYTES_MAX + 1, "%s", name);
        }
        free((void *)(uintptr_t)content.data);
        free(name);
    }
    return count;
}

static arm_status see_hash(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    size_t *count = context;

    (void)err;
    assert(!arm__hash_is_zero(hash));
    ++*count;
    return ARM_OK;
}

static arm_status see_removed(void *context, const char *name, struct arm_error *err)
{
    size_t *count = context;

    (void)err;
    assert(is_staged(name));
    ++*count;
    return ARM_OK;
}

static size_t leased_in(struct memory_io *memory)
{
    static const uint8_t none[ARM_HASH_BYTES];
    size_t count = 0;

    for (size_t i = 0; i < memory->count; i++) {
        const struct memory_file *file = &memory->files[i];

        for (size_t at = HEADER_BYTES; file->locked_elsewhere && at + ARM_HASH_BYTES <= file->size;
             at += ARM_HASH_BYTES) {
            count += memcmp(file->data + at, none, sizeof none) != 0;
        }
    }
    return count;
}

/* By the headers of those that live; what is shorter than a number has none. */
static uint64_t pinned_in(const struct memory_io *memory)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < memory->count; i++) {
        const struct memory_file *file = &memory->files[i];
        uint64_t header = 0;

        if (file->locked_elsewhere && file->size >= sizeof header) {
            memcpy(&header, file->data, sizeof header);
        }
        oldest = header != 0 && header - 1 < oldest ? header - 1 : oldest;
    }
    return oldest;
}

static void check(struct memory_io *memory, size_t count, char names[FILES_MAX][NAME_BYTES_MAX + 1])
{
    struct arm_store *store = NULL;
    uint64_t removed = 0;
    uint64_t gone = 0;
    size_t seen = 0;
    size_t leased = 0;
    uint64_t pinned = 0;

    assert(arm__store_open(&memory->io, "/r", &store, NULL) == ARM_OK);
    assert(arm__store_leases(store, see_hash, &leased, NULL) == ARM_OK);
    assert(leased == leased_in(memory));
    assert(arm__pins_oldest(store, &pinned, NULL) == ARM_OK);
    assert(pinned == pinned_in(memory));
    assert(arm__store_sweep(store, see_removed, &seen, &removed, NULL) == ARM_OK);
    for (size_t i = 0; i < count; i++) {
        char path[MEMORY_PATH_BYTES];
        bool dead = (is_staged(names[i]) || is_lease(names[i])) && !owner_lives(memory, names[i]);

        (void)snprintf(path, sizeof path, "/r/staging/%s", names[i]);
        assert((memory_io_find(memory, path) == NULL) == dead); /* SW1, SW2 */
        gone += dead && is_staged(names[i]);
    }
    assert(removed == gone);
    assert(seen == gone);
    arm__store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    char names[FILES_MAX][NAME_BYTES_MAX + 1];
    struct fuzz_input in = {data, size};
    size_t count;

    memory_io_init(&memory);
    (void)memory_io_put(&memory, "/r/chunks/x", (struct arm_bytes){NULL, 0});
    (void)memory_io_put(&memory, "/r/staging/lock", (struct arm_bytes){NULL, 0});
    count = put_files(&memory, &in, names);
    check(&memory, count, names);
    memory_io_release(&memory);
    return 0;
}
