/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_FAULTS_ALLOC_TRIALS_H
#define ARM_TESTS_FAULTS_ALLOC_TRIALS_H

/* Memory exhausted at the n-th allocation, for every n, of every public call: it answers
 * ARM_NO_MEMORY (or does without), leaves its outputs and the repository as they were, leaks
 * nothing (the sanitizer's build sees to that), and the same handle goes on.
 *
 * What fails are the allocations of our C code (base/alloc.h). SQL runs on one thread, so that
 * those under it are counted too. DuckDB's own and the other libraries' are not failed here.
 *
 * The suite tries every n of short calls and a sample of long ones; ARM_FAULTS_ALL=1 all. */

#include <armillaria.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"
#include "support/streams.h"
#include "support/temp.h"

enum { FIRST_ALL = 50, SAMPLES = 60, UNTOUCHED = 0xAB };

struct scene {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    char csv[TEMP_PATH_BYTES];
    char parquet[TEMP_PATH_BYTES];
    char out[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
    struct ArrowArrayStream stream; /* what a trial takes */
    const char *sql;
    const char *undo;
    uint8_t commit_id[16];
    uint64_t failures;
    bool commits_parts; /* what a call that failed had committed stays */
};

/* One call. `before` gets ready, `run` calls, `after` undoes what a success did. */
struct trial {
    const char *name;
    void (*before)(struct scene *s);
    arm_status (*run)(struct scene *s, struct arm_error *err);
    void (*after)(struct scene *s);
};

static const struct arm_repo_options options = {.size = sizeof options,
                                                .create = true,
                                                .thread_count = 1,
                                                .memory_limit_bytes = (uint64_t)512 << 20};

/* ---- Short ways ---- */

static inline int64_t must_run(struct scene *s, const char *sql)
{
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    assert_ok(arm_sql(s->session, sql, NULL, &stream, NULL, &err), err);
    return drain(&stream);
}

static inline void open_scene(struct scene *s)
{
    struct arm_error err = {0};

    assert_ok(arm_repo_open(s->path, &options, &s->repo, &err), err);
    assert_ok(arm_session_open(s->repo, NULL, &s->session, &err), err);
}

static inline void close_scene(struct scene *s)
{
    arm_session_close(s->session);
    arm_repo_close(s->repo);
    s->session = NULL;
    s->repo = NULL;
}

static inline uint64_t latest(struct scene *s)
{
    struct arm_error err = {0};
    uint64_t tx = 0;

    if (s->repo != NULL) {
        assert_ok(arm_latest_tx(s->repo, &tx, &err), err);
    }
    return tx;
}

static inline void set_untouched(void *out, size_t size)
{
    memset(out, UNTOUCHED, size);
}

static inline void check_untouched(const void *out, size_t size)
{
    const uint8_t *bytes = out;

    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], UNTOUCHED);
    }
}

/* Take what a call gave, or see that it gave nothing. */
static inline arm_status settle(arm_status st, struct ArrowArrayStream *stream)
{
    if (st == ARM_OK) {
        (void)drain(stream);
    } else {
        check_untouched(stream, sizeof *stream);
    }
    return st;
}

/* ---- The loop ---- */

/* How far to go from the n-th: every one at first, then so that SAMPLES are tried. */
static inline uint64_t step(uint64_t n, uint64_t total)
{
    if (getenv("ARM_FAULTS_ALL") != NULL || n < FIRST_ALL || total < FIRST_ALL + SAMPLES) {
        return 1;
    }
    return 1 + (total - FIRST_ALL) / SAMPLES;
}

static uint64_t counted;   /* allocations of the last attempt */
static uint64_t tx_before; /* the last tx when it began */
static bool has_ended;

/* Right behind the call: what `run` does with its outputs is not counted, nor made to fail. */
static inline void end_fault(void)
{
    if (!has_ended) {
        counted = arm__alloc_fail_at(0);
        has_ended = true;
    }
}

static inline arm_status attempt(struct scene *s, const struct trial *trial, uint64_t n,
                                 struct arm_error *err)
{
    arm_status st;

    if (trial->before != NULL) {
        trial->before(s);
    }
    tx_before = latest(s);
    has_ended = false;
    (void)arm__alloc_fail_at(n);
    st = trial->run(s, err);
    end_fault();
    if (st == ARM_OK && trial->after != NULL) {
        trial->after(s);
    }
    return st;
}

static inline void try_all(struct scene *s, const struct trial *trial)
{
    struct arm_error err = {0};
    uint64_t failures = 0;
    uint64_t total;
    uint64_t n = 1;

    assert_ok(attempt(s, trial, 0, &err), err);
    total = counted;
    for (;;) {
        arm_status st = attempt(s, trial, n, &err);

        if (st != ARM_OK) {
            if (st != ARM_NO_MEMORY) {
                fail_msg("%s, allocation %llu: %s: %s", trial->name, (unsigned long long)n,
                         arm_status_name(st), err.message);
            }
            if (latest(s) != tx_before && !s->commits_parts) {
                fail_msg("%s, allocation %llu failed, but it is committed: %s", trial->name,
                         (unsigned long long)n, err.message);
            }
            failures++;
        }
        if (counted < n) {
            assert_int_equal(st, ARM_OK);
            break;
        }
        n += step(n, total);
    }
    print_message("  %-28s %6llu allocations, %4llu failures\n", trial->name,
                  (unsigned long long)total, (unsigned long long)failures);
    s->failures += failures;
}

/* After all of it the same handle works, and the repository is whole. */
static inline void check_scene(struct scene *s)
{
    struct arm_verify_options full = {.size = sizeof full, .full = true};
    struct arm_verify_result verified = {.is_healthy = false};
    struct arm_error err = {0};

    assert_int_equal(must_run(s, "SELECT i FROM t"), 12000);
    assert_int_equal(must_run(s, "SELECT a FROM h"), 3);
    assert_ok(arm_verify(s->repo, &full, &verified, &err), err);
    assert_true(verified.is_healthy);
    assert_int_equal(verified.issues, 0);
}

static inline void run_trials(const struct trial *trials, size_t count,
                              void (*arrange)(struct scene *s))
{
    struct scene s = {.repo = NULL};

    s.dir = temp_dir_make();
    (void)temp_path(&s.dir, "repo", s.path);
    (void)temp_path(&s.dir, "in.csv", s.csv);
    (void)temp_path(&s.dir, "in.parquet", s.parquet);
    (void)temp_path(&s.dir, "out", s.out);
    temp_write_file(&s.dir, "in.csv", "a,b\n1,x\n2,y\n", 12);
    open_scene(&s);
    (void)must_run(&s, "CREATE TABLE t AS SELECT range AS i FROM range(12000)");
    (void)must_run(&s, "CREATE TABLE h AS SELECT range AS a FROM range(2)");
    (void)must_run(&s, "INSERT INTO h VALUES (7)");
    if (arrange != NULL) {
        arrange(&s);
    }
    for (size_t i = 0; i < count; i++) {
        try_all(&s, &trials[i]);
    }
    if (s.repo == NULL) {
        open_scene(&s);
    }
    check_scene(&s);
    close_scene(&s);
    open_scene(&s);
    check_scene(&s);
    close_scene(&s);
    assert_true(s.failures > count);
    temp_dir_remove(&s.dir);
}

#define RUN_TRIALS(trials, arrange) run_trials(trials, sizeof(trials) / sizeof *(trials), arrange)

static inline void remove_out(struct scene *s)
{
    char command[TEMP_PATH_BYTES + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->out);
    assert_int_equal(system(command), 0);
}

/* A trial `run_<name>` of a call that gives a stream. */
#define STREAM_TRIAL(name, call)                                                                   \
    static arm_status run_##name(struct scene *s, struct arm_error *err)                           \
    {                                                                                              \
        struct ArrowArrayStream stream;                                                            \
        arm_status st;                                                                             \
                                                                                                   \
        set_untouched(&stream, sizeof stream);                                                     \
        st = call;                                                                                 \
        end_fault();                                                                               \
        return settle(st, &stream);                                                                \
    }

#endif
