/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_GC_FIXTURE_H
#define ARM_COMMIT_GC_FIXTURE_H

/* For tests of gc. */

#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "commit/gc.h"
#include "support/kernel_fixture.h"

static inline struct arm_gc_report gc(struct kernel *k, bool dry_run, int64_t grace_us)
{
    struct arm_gc_request request = {.dry_run = dry_run, .grace_us = grace_us};
    struct arm_gc_report report;

    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    return report;
}

static inline bool is_there(struct kernel *k, const struct arm_hash *chunk)
{
    bool there = false;

    assert_ok(arm__store_exists(arm__repository_store(k->repository), chunk, &there, &k->err),
              k->err);
    return there;
}

static inline void assert_sound(struct kernel *k)
{
    struct arm_verify_report report;
    char problem[1024] = "";

    assert_ok(arm__repository_verify(k->repository, true, kernel_print_issue, NULL, problem,
                                     &report, &k->err),
              k->err);
    if (report.issues > 0) {
        fail_msg("%s", problem);
    }
}

/* A chunk that was never synced, which is faster. */
static inline void litter(struct kernel *k, unsigned number)
{
    struct arm_hash hash = arm__hash(arm__bytes(&number, sizeof number));
    char hex[ARM_HASH_HEX + 1];
    char path[TEMP_PATH_BYTES];
    char name[128];

    arm__hash_hex(&hash, hex);
    for (int depth = 1; depth <= 2; depth++) {
        (void)snprintf(name, sizeof name, "chunks/%.2s%s%.*s", hex, depth == 1 ? "" : "/",
                       depth == 1 ? 0 : 2, hex + 2);
        (void)mkdir(temp_path(&k->dir, name, path), 0755);
    }
    (void)snprintf(name, sizeof name, "chunks/%.2s/%.2s/%s", hex, hex + 2, hex);
    temp_write_file(&k->dir, name, &number, sizeof number);
}

static inline void remove_file(struct kernel *k, const char *name)
{
    char path[TEMP_PATH_BYTES];

    assert_int_equal(unlink(temp_path(&k->dir, name, path)), 0);
}

static inline void remove_chunk(struct kernel *k, const struct arm_hash *chunk)
{
    char *path = NULL;

    assert_ok(arm__store_path(arm__repository_store(k->repository), chunk, &path, &k->err), k->err);
    assert_int_equal(unlink(path), 0);
    arm__free(path);
}

#endif
