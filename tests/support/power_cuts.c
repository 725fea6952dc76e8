/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_cuts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"

enum { SECOND_SPREAD = 80, SECOND_EVERY = 101, SECOND_SAMPLE = 5, THIRD_EVERY = 4, CHANCES = 4 };
/* By SQL each cut takes ten times as long: one kind an operation, few of those that only read. */
enum { SQL_READS_EVERY = 12, SQL_SECOND_SAMPLE = 13, SQL_THIRD_EVERY = 12 };

/* With sanitizers all is several times slower: every third operation then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { THINNED = 3 };
#else
enum { THINNED = 1 };
#endif

/* Every kind of cut; the first ones are made at each operation that changes something. */
static const struct power_cut cuts[] = {
    {POWER_LOSE, POWER_REBOOT, 0},  {POWER_MIX, POWER_REBOOT, 0},    {POWER_KEEP, POWER_KILL, 0},
    {POWER_MIX, POWER_REMOUNT, 0},  {POWER_LOSE, POWER_REMOUNT, 0},  {POWER_KEEP, POWER_REBOOT, 0},
    {POWER_NAMES, POWER_REBOOT, 0}, {POWER_ZEROS, POWER_REMOUNT, 0},
};
enum { CUTS = sizeof cuts / sizeof *cuts, CUTS_ALWAYS = 3 };

static const char *const fate_names[] = {"lose", "keep", "mix", "names", "zeros"};
static const char *const event_names[] = {"reboot", "remount", "kill"};

/* What a script's repository may be found to hold. */
struct reference {
    char *after[POWER_STEPS_MAX + 1]; /* after so many steps; NULL: there is none yet */
    char *half[PLAY_BOTH];            /* with one half of PLAY_TOGETHER */
};

/* A script under way. */
struct run {
    const struct power_script *script;
    bool by_sql;
    struct reference reference;
    struct play *play;
    size_t done; /* steps acknowledged; the next is in flight */
    uint64_t campaign;
    uint64_t seed;
    uint64_t only_at;
    uint64_t operations;
    uint64_t points; /* first, second and third cuts tried */
    uint64_t seconds;
    uint64_t thirds;
    uint64_t believed; /* recoveries that kept the index */
    uint64_t rebuilt;  /* that made it anew */
    uint64_t torn;     /* that cut something off the log */
    uint64_t forward;  /* that found the commit in flight */
};

/* One cut of a run, for messages. */
struct point {
    struct run *run;
    struct power_operation operation;
    struct power_cut cut;
    bool is_second; /* of a recovery */
    const struct point *before;
};

static uint64_t setting(const char *name)
{
    const char *value = getenv(name);

    return value == NULL ? 0 : strtoull(value, NULL, 10);
}

/* A recovery in which the power is cut again. */
struct again {
    struct point *point;
    struct play *play;
    uint64_t at; /* at this operation only, or EVERYWHERE */
};

#define EVERYWHERE UINT64_MAX

static void say_point(const struct point *point)
{
    if (point->before != NULL) {
        say_point(point->before);
    }
    print_error("%s \"%s\": %s, %s, seed %llu, at operation %llu: %s %s\n",
                point->is_second ? "then in its recovery" : "script", point->run->script->name,
                fate_names[point->cut.fate], event_names[point->cut.event],
                (unsigned long long)point->cut.seed, (unsigned long long)point->operation.number,
                point->operation.verb, point->operation.path);
}

#define fail_at(point, ...)                                                                        \
    do {                                                                                           \
        say_point(point);                                                                          \
        fail_msg(__VA_ARGS__);                                                                     \
    } while (0)

/* ---- What is allowed ---- */

static bool is_half(const struct run *run, const char *text, int acknowledged)
{
    for (int half = PLAY_FIRST; half <= PLAY_SECOND; half++) {
        if ((acknowledged & ~half) == 0 && run->reference.half[half] != NULL &&
            strcmp(text, run->reference.half[half]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_allowed(const struct run *run, const char *text)
{
    const struct play_step *next = &run->script->steps[run->done];
    int halves = next->op == PLAY_TOGETHER ? atomic_load(&run->play->halves_done) : 0;
    const char *before = run->reference.after[run->done];

    if (halves == 0 && before != NULL && strcmp(text, before) == 0) {
        return true;
    }
    if (next->op == PLAY_END) {
        return false;
    }
    return strcmp(text, run->reference.after[run->done + 1]) == 0 ||
           (next->op == PLAY_TOGETHER && is_half(run, text, halves));
}

static void check_text(const struct point *point, const char *text)
{
    struct run *run = point->run;
    const char *before = run->reference.after[run->done];

    run->forward += before != NULL && strcmp(text, before) != 0;
    if (!is_allowed(run, text)) {
        say_point(point);
        print_error("found:\n%safter the %zu steps acknowledged there was:\n%s", text, run->done,
                    before == NULL ? "nothing\n" : before);
        fail();
    }
}

/* ---- Looking at what a cut left ---- */

static arm_status say_issue(void *context, const struct arm_issue *issue, struct arm_error *err)
{
    const struct point *point = context;

    (void)err;
    fail_at(point, "verify: %s %s: %s", issue->kind, issue->object, issue->message);
    return ARM_OK;
}

static void check_healthy(const struct point *point, struct play *play)
{
    struct arm_verify_report report;
    struct arm_error err = {0};
    union {
        const struct point *in;
        void *out;
    } context = {point};

    if (arm__repository_verify(play->repository, true, say_issue, NULL, context.out, &report,
                               &err) != ARM_OK) {
        fail_at(point, "verify: %s", err.message);
    }
}

/* Keys are enforced, and numbers of sequences given once. */
static void check_sql(const struct point *point, struct play *play)
{
    const struct run *run = point->run;
    const char *wrong = play->engine_after == NULL
                            ? NULL
                            : play_check_sql(play, run->script->numbers, run->play->handed);

    if (wrong != NULL) {
        fail_at(point, "%s", wrong);
    }
}

static bool may_be_missing(const struct run *run)
{
    return run->done == 0 && run->script->steps[0].op == PLAY_CREATE;
}

/* Open; make it anew if it was not made. `*out_made`: so. */
static void open_after(const struct point *point, struct play *play)
{
    static const struct play_step creation = {.op = PLAY_CREATE};
    static const struct play_step opening = {.op = PLAY_OPEN};
    struct arm_error err = {0};
    arm_status st = play_step(play, &opening, &err);

    if (st == ARM_NOT_REPOSITORY && may_be_missing(point->run)) {
        power_disk_hook(play->disk, NULL, NULL);
        st = play_step(play, &creation, &err);
        if (st != ARM_OK) {
            fail_at(point, "making it anew: %s", err.message);
        }
        st = play_step(play, &opening, &err);
    }
    if (st != ARM_OK) {
        fail_at(point, "opening: %s", err.message);
    }
}

static void count_recovery(struct run *run, const struct play *play)
{
    struct arm_recovery_report report;

    arm__repository_recovery(play->repository, &report);
    run->rebuilt += report.rebuilt;
    run->believed += !report.rebuilt;
    run->torn += report.cut_bytes > 0;
}

/* What a recovery showed, and what was committed after it, is not lost in a cut either. */
static void check_third(const struct point *point, struct play *play, const char *text)
{
    struct power_cut cut = {POWER_LOSE, POWER_REBOOT, 1};
    struct play third = play_after(play, &cut);
    struct arm_buf found = ARM_BUF_INIT(PLAY_TEXT_BYTES_MAX);

    open_after(point, &third);
    play_tell(&third, &found);
    if (strcmp(text, (const char *)found.data) != 0) {
        say_point(point);
        fail_msg("shown after recovery:\n%sfound after another cut:\n%s", text,
                 (const char *)found.data);
    }
    check_healthy(point, &third);
    arm__buf_release(&found);
    play_free(&third);
    point->run->thirds++;
}

/* What is to be done once more where `text` was found, and what is there then; NULL: nothing. Of
 * two commits of which neither came through, only one is: where its frame ends, the other's may
 * still stand. */
static const char *to_repeat(const struct run *run, const char *text, int *out_halves)
{
    const struct play_step *step = &run->script->steps[run->done];
    const char *whole = step->op == PLAY_END ? NULL : run->reference.after[run->done + 1];

    *out_halves = PLAY_BOTH;
    if (step->op < PLAY_TABLE || step->op == PLAY_ON_BRANCH || strcmp(text, whole) == 0) {
        return NULL;
    }
    if (step->op != PLAY_TOGETHER) {
        return whole;
    }
    for (int half = PLAY_FIRST; half <= PLAY_SECOND; half++) {
        if (strcmp(text, run->reference.half[half]) == 0) {
            *out_halves = PLAY_BOTH - half;
            return whole;
        }
    }
    *out_halves = PLAY_FIRST;
    return run->reference.half[PLAY_FIRST];
}

/* Go on: what was in flight is done once more if it is not there, or else a table is made. */
static void go_on(const struct point *point, struct play *play, struct arm_buf *text)
{
    static const struct play_step table = {.op = PLAY_TABLE, .name = "afterwards"};
    const struct run *run = point->run;
    const char *wanted = to_repeat(run, (const char *)text->data, &play->halves);
    struct arm_error err = {0};

    if (wanted != NULL) {
        play->branch = run->play->branch;
    }
    if (play_step(play, wanted != NULL ? &run->script->steps[run->done] : &table, &err) != ARM_OK) {
        fail_at(point, "a commit after recovery: %s", err.message);
    }
    play_tell(play, text);
    if (wanted != NULL && strcmp((const char *)text->data, wanted) != 0) {
        say_point(point);
        fail_msg("done once more, it gave:\n%s", (const char *)text->data);
    }
}

static void second_cut(void *context, const struct power_operation *operation);

/* After each recovery or commit out of so many the power is cut once more. */
static uint64_t third_every(const struct run *run)
{
    return run->campaign > 0 ? 2 : run->by_sql ? SQL_THIRD_EVERY : THIRD_EVERY;
}

/* Recover what a cut left, and hold it to what was promised. */
static void check_after(struct point *point, struct play *play, uint64_t cut_again)
{
    static const struct play_step closing = {.op = PLAY_CLOSE};
    struct run *run = point->run;
    uint64_t turn = run->points % third_every(run);
    struct arm_buf text = ARM_BUF_INIT(PLAY_TEXT_BYTES_MAX);
    struct point second = {.run = run, .is_second = true, .before = point};
    struct again again = {&second, play, cut_again};
    struct arm_error err = {0};

    if (cut_again != 0) {
        power_disk_hook(play->disk, second_cut, &again);
    }
    open_after(point, play);
    power_disk_hook(play->disk, NULL, NULL);
    count_recovery(run, play);
    play_tell(play, &text);
    check_text(point, (const char *)text.data);
    check_healthy(point, play);
    if (turn == 1) {
        check_third(point, play, (const char *)text.data);
    }
    check_sql(point, play);
    go_on(point, play, &text);
    if (turn == 0 || (point->cut.event == POWER_KILL && !run->by_sql) ||
        run->script->steps[run->done].op == PLAY_TOGETHER) {
        check_third(point, play, (const char *)text.data);
    }
    (void)play_step(play, &closing, &err);
    arm__buf_release(&text);
    run->points++;
}

static void cut_here(struct point *point, struct play *play, uint64_t cut_again)
{
    struct play after = play_after(play, &point->cut);

    check_after(point, &after, cut_again);
    play_free(&after);
}

/* ---- Where to cut ---- */

/* In a recovery: one cut an operation, of each kind in turn. */
static void second_cut(void *context, const struct power_operation *operation)
{
    struct again *again = context;
    struct run *run = again->point->run;
    uint64_t at = operation->number + run->points;

    if (again->at != EVERYWHERE && again->at != operation->number) {
        return;
    }
    again->point->operation = *operation;
    again->point->cut = cuts[at % CUTS];
    again->point->cut.seed = run->seed + at;
    cut_here(again->point, again->play, 0);
    run->seconds++;
}

/* How often cut `i` is tried at an operation. Before a sync there is most to lose. */
static uint64_t how_often(const struct run *run, const struct power_operation *operation,
                          uint64_t i)
{
    bool is_chance = cuts[i].fate == POWER_MIX;
    bool always = operation->changes && i < CUTS_ALWAYS;

    if (run->campaign > 0) {
        return is_chance ? run->campaign : 1;
    }
    if (run->by_sql) {
        uint64_t turn = operation->changes ? 1 : SQL_READS_EVERY;

        return operation->number % turn == 0 && operation->number / turn % CUTS == i ? 1 : 0;
    }
    if (is_chance && strncmp(operation->verb, "sync", 4) == 0) {
        return run->script->chances > 0 ? run->script->chances : CHANCES;
    }
    return always || operation->number % (CUTS - CUTS_ALWAYS) == i - CUTS_ALWAYS ? 1 : 0;
}

/* Where the power is cut again in the recovery from the `number`-th cut. */
static uint64_t how_again(const struct run *run, uint64_t number)
{
    uint64_t random = (run->seed + number) * UINT64_C(0x9E3779B97F4A7C15) >> 32;

    if (!run->by_sql && (run->campaign > 0 || number % SECOND_EVERY == 0)) {
        return EVERYWHERE;
    }
    return run->campaign > 0 || number % (run->by_sql ? SQL_SECOND_SAMPLE : SECOND_SAMPLE) == 0
               ? 1 + random % SECOND_SPREAD
               : 0;
}

static void first_cut(void *context, const struct power_operation *operation)
{
    struct run *run = context;
    uint64_t at = operation->number;
    struct point point = {.run = run, .operation = *operation};

    run->operations++;
    if (run->only_at != 0 ? run->only_at != at : at % THINNED != 0) {
        return;
    }
    for (uint64_t i = 0; i < CUTS; i++) {
        uint64_t times = how_often(run, operation, i);

        for (uint64_t n = 0; n < times; n++) {
            point.cut = cuts[i];
            point.cut.seed = run->seed + at * 1000 + n;
            cut_here(&point, run->play, n == 0 ? how_again(run, at * CUTS + i) : 0);
        }
    }
}

/* ---- Running a script ---- */

static void run_steps(struct play *play, const struct play_step *steps, struct run *run)
{
    for (size_t i = 0; steps[i].op != PLAY_END; i++) {
        struct arm_error err = {0};

        if (play_step(play, &steps[i], &err) != ARM_OK) {
            fail_msg("step %zu: %s", i, err.message);
        }
        if (run != NULL) {
            run->done = i + 1;
        }
    }
}

/* With one half of the step that two threads do. */
static char *tell_half(const struct power_script *script, struct play *base, int half)
{
    struct play play = play_clone(base);
    char *text = NULL;

    play.halves = half;
    for (size_t i = 0; text == NULL; i++) {
        struct arm_error err = {0};

        assert_ok(play_step(&play, &script->steps[i], &err), err);
        text = script->steps[i].op == PLAY_TOGETHER ? play_told(&play) : NULL;
    }
    play_free(&play);
    return text;
}

/* The states without a cut: each step's, by doing it. */
static void make_reference(const struct power_script *script, struct play *base,
                           struct reference *out)
{
    struct play play = play_clone(base);
    size_t count = 0;

    memset(out, 0, sizeof *out);
    for (; script->steps[count].op != PLAY_END; count++) {
        struct arm_error err = {0};

        assert_ok(play_step(&play, &script->steps[count], &err), err);
        if (play.repository != NULL) {
            out->after[count + 1] = play_told(&play);
        } else if (out->after[count] != NULL) { /* closing changes nothing */
            out->after[count + 1] = strdup(out->after[count]);
        }
        for (int half = PLAY_FIRST; script->steps[count].op == PLAY_TOGETHER && half < PLAY_BOTH;
             half++) {
            out->half[half] = tell_half(script, base, half);
        }
    }
    play_free(&play);
    for (size_t i = count; i > 0; i--) { /* what is there is seen when it is opened */
        if (out->after[i - 1] == NULL && script->steps[i - 1].op != PLAY_CREATE) {
            out->after[i - 1] = strdup(out->after[i]);
        }
    }
}

static void free_reference(struct reference *reference)
{
    for (size_t i = 0; i <= POWER_STEPS_MAX; i++) {
        free(reference->after[i]);
    }
    free(reference->half[PLAY_FIRST]);
    free(reference->half[PLAY_SECOND]);
}

static void run_script(const struct power_script *script, const struct play_engines *engines,
                       struct run *totals)
{
    struct run run = *totals;
    struct play base = play_new(engines);
    struct power_operation end = {.verb = "end", .path = "", .changes = true};
    struct play play;

    run.script = script;
    base.segment_bytes_max = script->segment_bytes_max;
    run_steps(&base, script->base, NULL);
    make_reference(script, &base, &run.reference);
    play = play_clone(&base);
    run.play = &play;
    power_disk_hook(play.disk, first_cut, &run);
    run_steps(&play, script->steps, &run);
    end.number = power_disk_count(play.disk) + 1;
    first_cut(&run, &end);
    print_message("%-10s %4llu operations, %6llu cuts, %6llu of them in recoveries, and %llu "
                  "more after them\n",
                  script->name, (unsigned long long)run.operations - 1,
                  (unsigned long long)run.points, (unsigned long long)run.seconds,
                  (unsigned long long)run.thirds);
    *totals = run;
    free_reference(&run.reference);
    play_free(&play);
    play_free(&base);
}

void power_cut_scripts(const struct power_script *scripts, size_t count, bool by_sql)
{
    struct play_engines engines = play_engines_open(by_sql);
    const char *only = getenv("ARM_POWER_SCRIPT");
    struct run totals = {.by_sql = by_sql,
                         .campaign = setting("ARM_POWER_CAMPAIGN"),
                         .seed = setting("ARM_POWER_SEED") * 1000003,
                         .only_at = setting("ARM_POWER_AT")};
    struct run all = totals;

    for (size_t i = 0; i < count; i++) {
        if (only == NULL || strcmp(only, scripts[i].name) == 0) {
            struct run one = totals;

            run_script(&scripts[i], &engines, &one);
            all.operations += one.operations - 1;
            all.points += one.points + one.thirds;
            all.believed += one.believed;
            all.rebuilt += one.rebuilt;
            all.torn += one.torn;
            all.forward += one.forward;
        }
    }
    play_engines_close(&engines);
    print_message(
        "%llu operations, %llu crash points tried: %llu found the commit in flight, %llu a "
        "torn log, %llu made the index anew, %llu believed it\n",
        (unsigned long long)all.operations, (unsigned long long)all.points,
        (unsigned long long)all.forward, (unsigned long long)all.torn,
        (unsigned long long)all.rebuilt, (unsigned long long)all.believed);
    if (only == NULL) { /* or it would not have tried much */
        assert_true(all.forward > (by_sql ? all.points / 150 : 40));
        assert_true(all.torn > (by_sql ? 0 : 10));
        assert_true(all.rebuilt > 100);
        assert_true(all.believed > (by_sql ? 30 : 100));
    }
}
