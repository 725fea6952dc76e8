/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_STORE_FIXTURE_H
#define ARM_TESTS_SUPPORT_STORE_FIXTURE_H

/* A store in a directory of its own, over the fault double. */

#include <stdio.h>
#include <string.h>

#include "store/chunk.h"
#include "support/cmocka_all.h"
#include "support/io_fault.h"
#include "support/temp.h"

struct store_fixture {
    struct temp_dir dir;
    struct io_fault *fault;
    const struct arm_io *io;
    struct arm_store *store;
    struct arm_error err;
};

static inline int store_fixture_setup(void **state)
{
    static struct store_fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    fixture.dir = temp_dir_make();
    temp_make_subdirectory(&fixture.dir, "chunks");
    temp_make_subdirectory(&fixture.dir, "staging");
    fixture.fault = io_fault_new(arm__io_system());
    fixture.io = io_fault_io(fixture.fault);
    *state = &fixture;
    return arm__store_open(fixture.io, fixture.dir.path, &fixture.store, &fixture.err) == ARM_OK
               ? 0
               : -1;
}

static inline int store_fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;

    io_fault_at(fixture->fault, 0, 0, IO_FAULT_ONCE);
    arm__store_close(fixture->store);
    io_fault_free(fixture->fault);
    temp_dir_remove(&fixture->dir);
    return 0;
}

/* "chunks/ab/cd/<hash>" in `out`; returns `out`. */
static inline char *store_fixture_chunk(const struct arm_hash *hash, char out[TEMP_PATH_BYTES])
{
    char hex[ARM_HASH_HEX + 1];

    arm__hash_hex(hash, hex);
    (void)snprintf(out, TEMP_PATH_BYTES, "chunks/%.2s/%.2s/%s", hex, hex + 2, hex);
    return out;
}

/* Files in staging/ that are neither the lock nor a lease. */
static inline arm_status store_fixture_count_staged(void *count, const char *name,
                                                    struct arm_error *err)
{
    (void)err;
    if (strcmp(name, "lock") != 0 && strstr(name, ".lease") == NULL) {
        (*(size_t *)count)++;
    }
    return ARM_OK;
}

static inline size_t store_fixture_staged(const struct store_fixture *fixture)
{
    const struct arm_io *io = arm__io_system();
    char path[TEMP_PATH_BYTES];
    size_t count = 0;

    (void)io->list(io->self, temp_path(&fixture->dir, "staging", path), store_fixture_count_staged,
                   &count, NULL);
    return count;
}

static inline arm_status store_fixture_count_lease(void *count, const struct arm_hash *hash,
                                                   struct arm_error *err)
{
    (void)hash;
    (void)err;
    (*(size_t *)count)++;
    return ARM_OK;
}

/* Hashes leased by all living processes. */
static inline size_t store_fixture_leases(struct store_fixture *fixture)
{
    size_t count = 0;

    assert_ok(arm__store_leases(fixture->store, store_fixture_count_lease, &count, &fixture->err),
              fixture->err);
    return count;
}

#define store_test(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, store_fixture_setup, store_fixture_teardown)

#endif
