/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_trials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"

enum { STEP_NONE = POWER_STEPS_MAX };

/* With sanitizers all is several times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SPREAD = 4 };
#else
enum { SPREAD = 2 };
#endif
/* By SQL all takes ten times as long: few operations, and few steps after the disk is mended. */
enum { SQL_SPREAD = 16 * SPREAD, SQL_STEPS_AFTER = 2 };

struct fault {
    int error_number;
    enum power_fault kind;
};

static const struct fault faults[] = {
    {EIO, POWER_ONCE}, {ENOSPC, POWER_ONCE}, {EIO, POWER_AFTER}, {ENOSPC, POWER_AFTER}};
enum { FAULTS = sizeof faults / sizeof *faults };

/* What the failed process leaves behind, and how. The page of a log is what a remount may show
 * as it was when it was poisoned. */
static const struct power_cut ends[] = {{POWER_KEEP, POWER_KILL, 0},
                                        {POWER_LOSE, POWER_REBOOT, 0},
                                        {POWER_MIX, POWER_REBOOT, 0},
                                        {POWER_KEEP, POWER_REMOUNT, 0},
                                        {POWER_MIX, POWER_REMOUNT, 0}};
enum { ENDS = sizeof ends / sizeof *ends };

/* One script with one fault. */
struct trial {
    const struct power_script *script;
    struct fault fault;
    uint64_t nth;
    struct play play;
    char **after;  /* the script's states: [n] after n steps, NULL if there is none yet */
    size_t done;   /* steps that succeeded before the fault was met */
    size_t failed; /* the step that failed; STEP_NONE */
    arm_status st; /* its status */
};

static uint64_t trials;
static uint64_t failures;
static uint64_t unknowns;
static uint64_t recoveries;

static void say_trial(const struct trial *trial)
{
    print_error("script \"%s\", %s %s at operation %llu (%s); step %zu gave %d\n",
                trial->script->name, strerror(trial->fault.error_number),
                trial->fault.kind == POWER_ONCE ? "once" : "from then on",
                (unsigned long long)trial->nth, power_disk_failure(trial->play.disk), trial->failed,
                (int)trial->st);
}

#define fail_at(trial, ...)                                                                        \
    do {                                                                                           \
        say_trial(trial);                                                                          \
        fail_msg(__VA_ARGS__);                                                                     \
    } while (0)

static bool is_commit(const struct play_step *step)
{
    return step->op >= PLAY_TABLE && step->op != PLAY_ON_BRANCH;
}

/* ---- States ---- */

static void do_steps(struct play *play, const struct play_step *steps)
{
    for (size_t i = 0; steps[i].op != PLAY_END; i++) {
        struct arm_error err = {0};

        assert_ok(play_step(play, &steps[i], &err), err);
    }
}

/* The states of a script that nothing disturbs. */
static void make_states(const struct power_script *script, struct play *base,
                        char *after[POWER_STEPS_MAX + 1])
{
    struct play play = play_clone(base);
    size_t count = 0;

    memset(after, 0, (POWER_STEPS_MAX + 1) * sizeof *after);
    for (; script->steps[count].op != PLAY_END; count++) {
        struct arm_error err = {0};

        assert_ok(play_step(&play, &script->steps[count], &err), err);
        if (play.repository != NULL) {
            after[count + 1] = play_told(&play);
        } else if (after[count] != NULL) {
            after[count + 1] = strdup(after[count]);
        }
    }
    play_free(&play);
    for (size_t i = count; i > 0; i--) {
        if (after[i - 1] == NULL && script->steps[i - 1].op != PLAY_CREATE) {
            after[i - 1] = strdup(after[i]);
        }
    }
}

/* ---- The fault ---- */

/* What a step may answer when the disk fails it. */
static bool is_honest(const struct fault *fault, arm_status st)
{
    return st == (fault->error_number == ENOSPC ? ARM_FULL : ARM_IO) || st == ARM_REOPEN ||
           st == ARM_COMMIT_UNKNOWN;
}

/* The sync that failed was of the log, in the middle of a commit: poison, and "unknown". */
static void check_poison(struct trial *trial)
{
    static const struct play_step more = {.op = PLAY_TABLE, .name = "more"};
    const char *what = power_disk_failure(trial->play.disk);
    struct arm_error err = {0};
    arm_status st;

    if (trial->play.repository == NULL || strncmp(what, "sync ", 5) != 0 ||
        strstr(what, ".seg") == NULL || !is_commit(&trial->script->steps[trial->failed])) {
        return;
    }
    if (trial->script->segment_bytes_max == 0 && trial->st != ARM_COMMIT_UNKNOWN) {
        fail_at(trial, "not told as unknown");
    }
    st = play_step(&trial->play, &more, &err);
    if (st != ARM_REOPEN) {
        fail_at(trial, "a commit after the failed sync gave %d: %s", (int)st, err.message);
    }
}

/* Do the script until a step fails. False: it needed fewer operations. */
static bool meet_fault(struct trial *trial)
{
    const struct play_step *steps = trial->script->steps;

    power_disk_fail(trial->play.disk, trial->nth, trial->fault.error_number, trial->fault.kind);
    for (; steps[trial->done].op != PLAY_END; trial->done++) {
        struct arm_error err = {0};

        trial->st = play_step(&trial->play, &steps[trial->done], &err);
        if (trial->st != ARM_OK) {
            trial->failed = trial->done;
            if (!power_disk_has_failed(trial->play.disk) || !is_honest(&trial->fault, trial->st) ||
                err.code != trial->st || err.message[0] == '\0') {
                fail_at(trial, "step %zu: %d, %s", trial->failed, (int)trial->st, err.message);
            }
            check_poison(trial);
            break;
        }
    }
    return power_disk_has_failed(trial->play.disk);
}

/* ---- Afterwards ---- */

static arm_status say_issue(void *context, const struct arm_issue *issue, struct arm_error *err)
{
    (void)err;
    fail_at((struct trial *)context, "verify: %s %s: %s", issue->kind, issue->object,
            issue->message);
    return ARM_OK;
}

/* Open what was left; `*out_missing`: it was not made yet, and could be. */
static void open_left(struct trial *trial, struct play *left)
{
    static const struct play_step creation = {.op = PLAY_CREATE};
    static const struct play_step opening = {.op = PLAY_OPEN};
    struct arm_error err = {0};
    arm_status st = play_step(left, &opening, &err);

    if (st == ARM_NOT_REPOSITORY && trial->done == 0 && trial->script->steps[0].op == PLAY_CREATE) {
        st = play_step(left, &creation, &err);
        if (st == ARM_OK) {
            st = play_step(left, &opening, &err);
        }
    }
    if (st != ARM_OK) {
        fail_at(trial, "opened again: %s", err.message);
    }
}

/* Nothing but the steps done, and the failed one where it may have happened. */
static bool holds_step(struct trial *trial, struct play *left)
{
    char *text = play_told(left);
    const char *before = trial->after[trial->done];
    bool is_before = before != NULL && strcmp(text, before) == 0;
    bool is_after = trial->failed != STEP_NONE && trial->after[trial->done + 1] != NULL &&
                    strcmp(text, trial->after[trial->done + 1]) == 0;
    bool may_be_after = trial->st == ARM_COMMIT_UNKNOWN || before == NULL;

    if (!is_before && !(is_after && may_be_after)) {
        say_trial(trial);
        fail_msg("%s:\n%safter the steps done there was:\n%s",
                 is_after ? "it failed, and is there" : "found", text,
                 before == NULL ? "nothing\n" : before);
    }
    free(text);
    return !is_before;
}

/* What was acknowledged after a recovery, in the boot in which the disk failed, stays so when the
 * file system is lost again: no page of before comes back with it. */
static void check_lost_again(struct trial *trial, struct play *left)
{
    struct power_cut cut = {POWER_LOSE, POWER_REMOUNT, 1};
    struct play again = play_after(left, &cut);
    char *shown = play_told(left);
    char *found;

    open_left(trial, &again);
    found = play_told(&again);
    if (strcmp(shown, found) != 0) {
        fail_at(trial, "acknowledged after recovery:\n%sfound after a remount:\n%s", shown, found);
    }
    free(shown);
    free(found);
    play_free(&again);
}

/* The rest of the script, from the state found. */
static void finish(struct trial *trial, struct play *left, size_t from)
{
    const struct play_step *steps = trial->script->steps;
    bool few = left->engine_after != NULL && getenv("ARM_POWER_CAMPAIGN") == NULL;
    size_t done = 0;

    for (size_t i = from; steps[i].op != PLAY_END && !(few && done == SQL_STEPS_AFTER); i++) {
        struct arm_error err = {0};
        char *text;

        if (steps[i].op == PLAY_CREATE || (left->repository != NULL && steps[i].op == PLAY_OPEN) ||
            (left->repository == NULL && steps[i].op != PLAY_OPEN)) {
            continue; /* what the recovery did, or what the failure did */
        }
        if (play_step(left, &steps[i], &err) != ARM_OK) {
            fail_at(trial, "afterwards, step %zu: %s", i, err.message);
        }
        if (left->repository != NULL && is_commit(&steps[i])) {
            text = play_told(left);
            if (strcmp(text, trial->after[i + 1]) != 0) {
                fail_at(trial, "afterwards, step %zu gave:\n%s", i, text);
            }
            free(text);
            if (done++ == 0) {
                check_lost_again(trial, left);
            }
        }
    }
}

/* Branches that steps before the failure were to write on. */
static void set_branch(const struct trial *trial, struct play *left)
{
    for (size_t i = 0; i < trial->done; i++) {
        if (trial->script->steps[i].op == PLAY_ON_BRANCH) {
            left->branch = trial->script->steps[i].name;
        }
    }
}

/* Keys are enforced, and numbers of sequences given once. */
static void check_sql(const struct trial *trial, struct play *left)
{
    const char *wrong = left->engine_after == NULL
                            ? NULL
                            : play_check_sql(left, trial->script->numbers, trial->play.handed);

    if (wrong != NULL) {
        fail_at(trial, "%s", wrong);
    }
}

static void check_left(struct trial *trial, const struct power_cut *end)
{
    struct play left = play_after(&trial->play, end);
    struct arm_verify_report report;
    struct arm_error err = {0};
    bool holds;

    open_left(trial, &left);
    set_branch(trial, &left);
    holds = holds_step(trial, &left);
    if (arm__repository_verify(left.repository, true, say_issue, NULL, trial, &report, &err) !=
        ARM_OK) {
        fail_at(trial, "verify: %s", err.message);
    }
    check_sql(trial, &left);
    finish(trial, &left, trial->done + (holds ? 1 : 0));
    play_free(&left);
    recoveries++;
}

/* False: the script has fewer operations than that. */
static bool try_one(const struct power_script *script, struct play *base, char **after,
                    const struct fault *fault, uint64_t nth)
{
    struct trial trial = {.script = script,
                          .fault = *fault,
                          .nth = nth,
                          .play = play_clone(base),
                          .after = after,
                          .failed = STEP_NONE};
    bool all = getenv("ARM_POWER_CAMPAIGN") != NULL;
    bool happened = meet_fault(&trial);

    for (uint64_t i = 0; happened && i < ENDS; i++) {
        struct power_cut end = ends[i];

        end.seed = nth * ENDS + i;
        if (all || i == nth % ENDS || (i == 0 && trial.failed != STEP_NONE)) {
            check_left(&trial, &end);
        }
    }
    trials += happened;
    failures += happened && trial.failed != STEP_NONE;
    unknowns += trial.st == ARM_COMMIT_UNKNOWN;
    play_free(&trial.play);
    return happened;
}

static void try_script(const struct power_script *script, const struct play_engines *engines)
{
    const char *only_at = getenv("ARM_POWER_AT");
    bool all = getenv("ARM_POWER_CAMPAIGN") != NULL || only_at != NULL;
    uint64_t spread = engines->after != NULL ? SQL_SPREAD : SPREAD;
    uint64_t turn = spread < FAULTS ? 1 : spread / FAULTS;
    struct play base = play_new(engines);
    char *after[POWER_STEPS_MAX + 1];

    base.segment_bytes_max = script->segment_bytes_max;
    do_steps(&base, script->base);
    make_states(script, &base, after);
    for (uint64_t i = 0; i < FAULTS; i++) {
        bool happened = true;

        for (uint64_t n = only_at == NULL ? 1 : strtoull(only_at, NULL, 10); happened; n++) {
            if (all || (n + i * turn) % (i == 0 ? spread / 2 : spread) == 0) {
                happened = try_one(script, &base, after, &faults[i], n);
            }
            happened = happened && only_at == NULL;
        }
    }
    for (size_t i = 0; i <= POWER_STEPS_MAX; i++) {
        free(after[i]);
    }
    play_free(&base);
}

void power_fail_scripts(const struct power_script *scripts, size_t count, bool by_sql)
{
    struct play_engines engines = play_engines_open(by_sql);
    const char *only = getenv("ARM_POWER_SCRIPT");

    for (size_t i = 0; i < count; i++) {
        uint64_t before = trials;
        bool is_together = scripts[i].steps[1].op == PLAY_TOGETHER; /* waits for a partner */

        if (!is_together && (only == NULL || strcmp(only, scripts[i].name) == 0)) {
            try_script(&scripts[i], &engines);
            print_message("%-10s %llu faults\n", scripts[i].name,
                          (unsigned long long)(trials - before));
        }
    }
    play_engines_close(&engines);
    print_message("%llu faults met, %llu steps failed, %llu unknown, %llu recoveries\n",
                  (unsigned long long)trials, (unsigned long long)failures,
                  (unsigned long long)unknowns, (unsigned long long)recoveries);
    assert_true(failures > 0 && unknowns > 0);
}
