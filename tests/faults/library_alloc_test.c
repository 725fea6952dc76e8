/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted inside other libraries: in LMDB and CRoaring at the n-th of their own
 * allocations, for every n. This program's malloc stands in for the C library's and fails those
 * whose caller is code of the library in question, on a thread that armed it. (protobuf-c is given
 * our allocator: alloc_test.c fails that.) Of DuckDB, what it counts itself.
 *
 * LMDB: the call answers ARM_NO_MEMORY or does without; or ARM_COMMIT_UNKNOWN, if the record stood
 * in the log already: then the next one finds it there. The same handle goes on.
 *
 * CRoaring 0.2 looks at few of its allocations, and may end the process (docs/decisions.md): so a
 * process of its own is armed, and what it leaves must be what a kill leaves: all or nothing of
 * the statement, and a repository that is whole. */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

#include <stdio.h>

int main(void)
{
    (void)printf("skipped: the sanitizer's malloc cannot be stood in for\n");
    return 77;
}

#else

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/alloc_trials.h"
#include "support/power_play.h"

/* ---- The stand-in ---- */

enum library { LIBRARY_LMDB, LIBRARY_ROARING, LIBRARIES };
static const char *const library_names[LIBRARIES] = {"/liblmdb", "/libroaring"};

static struct {
    uintptr_t from;
    uintptr_t to;
} code[LIBRARIES];
static _Thread_local enum library armed = LIBRARIES; /* LIBRARIES: none */
static _Thread_local uint64_t made;
static _Thread_local uint64_t failing;

/* NOLINTBEGIN(bugprone-reserved-identifier): the C library's names of what is stood in for */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
/* NOLINTEND(bugprone-reserved-identifier) */

static int find_code(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (int i = 0; i < LIBRARIES; i++) {
        for (int p = 0; strstr(info->dlpi_name, library_names[i]) != NULL && p < info->dlpi_phnum;
             p++) {
            const ElfW(Phdr) *part = &info->dlpi_phdr[p];

            if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
                code[i].from = info->dlpi_addr + part->p_vaddr;
                code[i].to = code[i].from + part->p_memsz;
            }
        }
    }
    return 0;
}

static bool must_fail(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;

    if (armed == LIBRARIES || at < code[armed].from || at >= code[armed].to) {
        return false;
    }
    made++;
    if (made == failing) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

#define CALLER __builtin_return_address(0)

#pragma GCC visibility push(default) /* or the libraries would not find them */

void *malloc(size_t size)
{
    return must_fail(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return must_fail(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return must_fail(CALLER) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return must_fail(CALLER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = must_fail(CALLER) ? NULL : __libc_memalign(alignment, size);

    if (memory == NULL) {
        return ENOMEM;
    }
    *out = memory;
    return 0;
}

#pragma GCC visibility pop

static void arm(enum library library, uint64_t nth)
{
    made = 0;
    failing = nth;
    armed = library;
}

static uint64_t disarm(void)
{
    armed = LIBRARIES;
    return made;
}

/* ---- What is called ---- */

struct call {
    const char *sql; /* NULL: `run`, called `name` */
    const char *name;
    const char *undo;
    arm_status (*run)(struct scene *s, struct arm_error *err);
    bool alone;        /* nobody else has it open */
    const char *probe; /* a query: so many rows before, and after */
    int64_t before;
    int64_t after;
};

static arm_status run_open(struct scene *s, struct arm_error *err)
{
    arm_repo *repo = NULL;
    arm_status st = arm_repo_open(s->path, &options, &repo, err);

    if (st == ARM_OK) {
        arm_repo_close(repo);
    }
    return st;
}

/* The index is lost: it is made anew from the log. */
static arm_status run_rebuild(struct scene *s, struct arm_error *err)
{
    char path[TEMP_PATH_BYTES];

    (void)unlink(temp_path(&s->dir, "repo/index/data.mdb", path));
    return run_open(s, err);
}

static arm_status run_create(struct scene *s, struct arm_error *err)
{
    remove_out(s);
    return arm_repo_create(s->out, err);
}

static arm_status run_verify(struct scene *s, struct arm_error *err)
{
    struct arm_verify_options full = {.size = sizeof full, .full = true};
    struct arm_verify_result result = {.is_healthy = true};
    arm_status st = arm_verify(s->repo, &full, &result, err);

    assert_true(st != ARM_OK || result.is_healthy);
    return st;
}

static arm_status run_recover(struct scene *s, struct arm_error *err)
{
    struct arm_recover_result result;

    return arm_recover(s->repo, &result, err);
}

static arm_status run_log(struct scene *s, struct arm_error *err)
{
    struct ArrowArrayStream stream;
    arm_status st = arm_log(s->session, NULL, &stream, err);

    if (st == ARM_OK) {
        (void)drain(&stream);
    }
    return st;
}

static const struct call lmdb_calls[] = {
    {.sql = "SELECT a FROM h"},
    {.sql = "INSERT INTO h VALUES (50)", .undo = "DELETE FROM h WHERE a = 50"},
    {.sql = "INSERT INTO t SELECT -1 FROM range(11000)", .undo = "DELETE FROM t WHERE i < 0"},
    {.sql = "UPDATE h SET a = 8 WHERE a = 7", .undo = "UPDATE h SET a = 7 WHERE a = 8"},
    {.sql = "CREATE TABLE u AS SELECT 1 AS a", .undo = "DROP TABLE IF EXISTS u"},
    {.sql = "SELECT a FROM h AT (VERSION => 1)"},
    {.name = "arm_log", .run = run_log},
    {.name = "arm_verify", .run = run_verify},
    {.name = "arm_recover", .run = run_recover},
    {.name = "arm_repo_create", .run = run_create},
    {.name = "arm_repo_open, again", .run = run_open},
    {.name = "arm_repo_open", .run = run_open, .alone = true},
    {.name = "arm_repo_open, index lost", .run = run_rebuild, .alone = true},
};

/* Twice is once. */
static const struct call roaring_calls[] = {
    {.sql = "DELETE FROM t WHERE i % 3 = 0",
     .probe = "SELECT i FROM t",
     .before = 12000,
     .after = 8000},
    {.sql = "DELETE FROM t WHERE i > 11000",
     .probe = "SELECT i FROM t",
     .before = 12000,
     .after = 11001},
    {.sql = "UPDATE t SET i = i + 20000 WHERE i < 20000 AND i % 7 = 2",
     .probe = "SELECT i FROM t WHERE i >= 20000",
     .before = 0,
     .after = 1714},
    {.name = "arm_verify",
     .run = run_verify,
     .probe = "SELECT i FROM t",
     .before = 12000,
     .after = 12000},
};

static arm_status call_once(struct scene *s, const struct call *call, struct arm_error *err)
{
    struct ArrowArrayStream stream = {.release = NULL};
    arm_status st;

    if (call->sql == NULL) {
        return call->run(s, err);
    }
    st = arm_sql(s->session, call->sql, NULL, &stream, NULL, err);
    if (st == ARM_OK) {
        (void)drain(&stream);
    }
    return st;
}

static void fill_scene(struct scene *s)
{
    (void)temp_path(&s->dir, "repo", s->path);
    (void)temp_path(&s->dir, "out", s->out);
    open_scene(s);
    (void)must_run(s, "CREATE TABLE t AS SELECT range AS i FROM range(12000)");
    (void)must_run(s, "CREATE TABLE h AS SELECT range AS a FROM range(2)");
    (void)must_run(s, "INSERT INTO h VALUES (7)");
}

/* ---- LMDB ---- */

static bool is_honest(const struct call *call, arm_status st)
{
    return st == ARM_OK || st == ARM_NO_MEMORY ||
           (st == ARM_COMMIT_UNKNOWN && call->undo != NULL) ||
           (st == ARM_IO && call->run == run_create); /* of its own commit */
}

/* After a failure: what is unknown is there or not, and the handle goes on. */
static void settle_call(struct scene *s, const struct call *call, arm_status st,
                        const struct arm_error *err)
{
    struct arm_error why = {0};
    uint64_t tx = 0;

    if (st == ARM_COMMIT_UNKNOWN) { /* the next writer folds it, and syncs it */
        (void)must_run(s, "INSERT INTO h VALUES (60)");
        (void)must_run(s, "DELETE FROM h WHERE a = 60");
        assert_ok(arm_commit_find(s->repo, err->commit_id, &tx, &why), why);
        assert_true(tx > 0);
    }
    if (call->undo != NULL) {
        (void)must_run(s, call->undo);
    }
}

static uint64_t try_lmdb(struct scene *s, const struct call *call, uint64_t *out_unknown)
{
    const char *name = call->sql != NULL ? call->sql : call->name;
    uint64_t failures = 0;
    uint64_t count; /* in the last try, which met no failure */
    uint64_t n = 0;

    do {
        struct arm_error err = {0};
        arm_status st;

        if (s->repo != NULL) { /* or LMDB has pages at hand that earlier ones took */
            close_scene(s);
            open_scene(s);
        }
        arm(LIBRARY_LMDB, ++n);
        st = call_once(s, call, &err);
        count = disarm();
        if (!is_honest(call, st)) {
            fail_msg("%s, allocation %llu of LMDB: %s: %s", name, (unsigned long long)n,
                     arm_status_name(st), err.message);
        }
        failures += st != ARM_OK;
        *out_unknown += st == ARM_COMMIT_UNKNOWN;
        settle_call(s, call, st, &err);
    } while (count >= n);
    print_message("  %-45s %4llu allocations, %4llu failures\n", name, (unsigned long long)count,
                  (unsigned long long)failures);
    return failures;
}

static void test_library_alloc_lmdb(void **state)
{
    struct scene s = {.repo = NULL};
    uint64_t failures = 0;
    uint64_t unknown = 0;

    s.dir = temp_dir_make();
    fill_scene(&s);
    for (size_t i = 0; i < sizeof lmdb_calls / sizeof *lmdb_calls; i++) {
        if (lmdb_calls[i].alone && s.repo != NULL) {
            close_scene(&s);
        }
        failures += try_lmdb(&s, &lmdb_calls[i], &unknown);
    }
    open_scene(&s);
    check_scene(&s);
    close_scene(&s);
    print_message("  %llu failures, %llu of them of unknown outcome\n",
                  (unsigned long long)failures, (unsigned long long)unknown);
    assert_true(failures > 20);
    temp_dir_remove(&s.dir);
}

/* ---- CRoaring, in processes of their own ---- */

enum { EXIT_OK, EXIT_NO_MEMORY, EXIT_WRONG, EXIT_ALL = 100 /* it has not so many */ };

static int in_child(int (*run)(struct scene *s, const struct call *call, uint64_t n),
                    struct scene *s, const struct call *call, uint64_t n)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test */
        (void)signal(SIGABRT, SIG_DFL);
        _exit(run(s, call, n));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int child_fill(struct scene *s, const struct call *call, uint64_t n)
{
    (void)call;
    (void)n;
    fill_scene(s);
    close_scene(s);
    return EXIT_OK;
}

static int child_call(struct scene *s, const struct call *call, uint64_t n)
{
    struct arm_error err = {0};
    uint64_t count;
    arm_status st;

    open_scene(s);
    arm(LIBRARY_ROARING, n);
    st = call_once(s, call, &err);
    count = disarm();
    if (st != ARM_OK && st != ARM_NO_MEMORY) {
        (void)fprintf(stderr, "%s: %s\n", arm_status_name(st), err.message);
        return EXIT_WRONG;
    }
    if (st == ARM_OK && call->sql != NULL) {
        (void)must_run(s, call->sql); /* and goes on */
    }
    close_scene(s);
    return count < n ? EXIT_ALL : st == ARM_OK ? EXIT_OK : EXIT_NO_MEMORY;
}

static int child_judge(struct scene *s, const struct call *call, uint64_t n)
{
    int64_t rows;

    (void)n;
    open_scene(s);
    rows = must_run(s, call->probe);
    if ((rows != call->before && rows != call->after) || run_verify(s, NULL) != ARM_OK) {
        (void)fprintf(stderr, "%s: %lld rows\n", call->probe, (long long)rows);
        return EXIT_WRONG;
    }
    close_scene(s);
    return EXIT_OK;
}

static void test_library_alloc_roaring(void **state)
{
    unsigned ended = 0;
    unsigned told = 0;
    unsigned without = 0;

    for (size_t i = 0; i < sizeof roaring_calls / sizeof *roaring_calls; i++) {
        struct scene s = {.repo = NULL};
        int status = 0;

        s.dir = temp_dir_make();
        (void)temp_path(&s.dir, "repo", s.path);
        assert_int_equal(in_child(child_fill, &s, NULL, 0), 0);
        for (uint64_t n = 1; WEXITSTATUS(status) != EXIT_ALL || WIFSIGNALED(status); n++) {
            status = in_child(child_call, &s, &roaring_calls[i], n);
            assert_false(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WRONG);
            ended += WIFSIGNALED(status);
            told += WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_MEMORY;
            without += WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;
            assert_int_equal(in_child(child_judge, &s, &roaring_calls[i], 0), 0);
        }
        temp_dir_remove(&s.dir);
    }
    print_message("  %u times told, %u times done without, %u processes ended\n", told, without,
                  ended);
    assert_true(told + without + ended > 10);
}

/* ---- DuckDB: its memory limit ---- */

static void test_library_alloc_memory_limit(void **state)
{
    static const char *const hungry[] = {
        "CREATE TABLE u AS SELECT DISTINCT i, i::VARCHAR AS s FROM range(3000000) r(i)",
        "INSERT INTO t SELECT DISTINCT hash(i) % 1000000 FROM range(3000000) r(i)",
        "DELETE FROM t WHERE i > (SELECT count(DISTINCT j::VARCHAR) FROM range(3000000) r(j))",
        "UPDATE t SET i = (SELECT count(DISTINCT j::VARCHAR) FROM range(3000000) r(j))",
    };
    struct arm_repo_options small = options;
    struct scene s = {.repo = NULL};
    struct arm_error err = {0};

    s.dir = temp_dir_make();
    fill_scene(&s);
    close_scene(&s);
    small.memory_limit_bytes = (uint64_t)20 << 20;
    assert_ok(arm_repo_open(s.path, &small, &s.repo, &err), err);
    assert_ok(arm_session_open(s.repo, NULL, &s.session, &err), err);
    (void)must_run(&s, "SET temp_directory = ''"); /* nowhere to spill to */
    for (size_t i = 0; i < sizeof hungry / sizeof *hungry; i++) {
        for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
            const struct call call = {.sql = hungry[i]};
            uint64_t before = latest(&s);
            arm_status st;

            if (in_transaction != 0) {
                (void)must_run(&s, "BEGIN");
                (void)must_run(&s, "INSERT INTO h VALUES (50)");
            }
            st = call_once(&s, &call, &err);
            if (st != ARM_NO_MEMORY) {
                fail_msg("%s: %s: %s", hungry[i], arm_status_name(st), err.message);
            }
            if (in_transaction != 0) {
                (void)must_run(&s, "ROLLBACK");
            }
            assert_int_equal(latest(&s), before);
            (void)must_run(&s, "INSERT INTO h VALUES (60)"); /* and goes on */
            (void)must_run(&s, "DELETE FROM h WHERE a = 60");
        }
    }
    check_scene(&s);
    close_scene(&s);
    temp_dir_remove(&s.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library_alloc_roaring), /* first: it forks */
        cmocka_unit_test(test_library_alloc_lmdb),
        cmocka_unit_test(test_library_alloc_memory_limit),
    };

    temp_use_memory(); /* no power is cut here */
    (void)dl_iterate_phdr(find_code, NULL);
    for (int i = 0; i < LIBRARIES; i++) {
        if (code[i].from == 0) {
            print_message("skipped: %s is no shared library here\n", library_names[i] + 1);
            return 77;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
