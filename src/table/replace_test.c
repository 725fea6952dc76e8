/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"
#include "support/position.h"
#include "table/writer.h"

enum { ENTRIES_MAX = 400 };

/* Both sides are spelled as texts, one letter an entry; an upper-case letter of the old side has a
 * dead row. */
static struct arm_hash hash_of(char letter)
{
    struct arm_hash hash;

    memset(hash.bytes, letter | 0x20, sizeof hash.bytes);
    return hash;
}

static struct arm_table_state *old_of(const char *text)
{
    struct arm_table_state *state = calloc(1, sizeof *state);

    state->entry_count = strlen(text);
    state->entries = calloc(state->entry_count + 1, sizeof *state->entries);
    for (size_t i = 0; i < state->entry_count; i++) {
        state->entries[i].position =
            i == 0 ? arm__position_first()
                   : position_after(arm__position_bytes(&state->entries[i - 1].position));
        state->entries[i].rows = 10;
        state->entries[i].dead = text[i] < 'a';
        state->entries[i].rows_hash = hash_of(text[i]);
    }
    return state;
}

static struct arm_written new_of(const char *text)
{
    struct arm_written written = {.entry_count = strlen(text)};
    struct arm_error err = {0};

    assert_ok(arm__calloc(written.entry_count + 1, sizeof *written.entries, &written.entries, &err),
              err);
    for (size_t i = 0; i < written.entry_count; i++) {
        written.entries[i].rows = 10;
        written.entries[i].is_hot = true; /* no lease to give back */
        written.entries[i].rows_hash = hash_of(text[i]);
    }
    return written;
}

static void free_old(struct arm_table_state *state)
{
    free(state->entries);
    free(state);
}

/* What the table holds after the plan is carried out, as a text. */
static void carry_out(const struct arm_table_state *old, const struct arm_written *written,
                      const struct arm_replacement *plan, char *out)
{
    struct {
        struct arm_position position;
        char letter;
    } all[2 * ENTRIES_MAX];
    size_t count = 0;
    struct arm_position last = arm__position_first();

    for (size_t i = 0; i < old->entry_count; i++) {
        bool gone = plan->truncated;

        last = old->entries[i].position;
        for (size_t r = 0; r < plan->removed_count; r++) {
            gone = gone || memcmp(&plan->removed[r], &old->entries[i].position,
                                  sizeof plan->removed[r]) == 0;
        }
        if (!gone) {
            all[count].position = old->entries[i].position;
            all[count++].letter =
                (char)(old->entries[i].rows_hash.bytes[0] - 32 * old->entries[i].dead);
        }
    }
    for (size_t i = 0; i < written->entry_count; i++) {
        all[count].position = written->entries[i].position;
        if (written->entries[i].position.size == 0) {
            last = position_after(arm__position_bytes(&last));
            all[count].position = last;
        }
        all[count++].letter = (char)written->entries[i].rows_hash.bytes[0];
    }
    for (size_t i = 0; i < count; i++) { /* in order of position */
        for (size_t j = i + 1; j < count; j++) {
            if (arm__bytes_compare(arm__position_bytes(&all[j].position),
                                   arm__position_bytes(&all[i].position)) < 0) {
                struct arm_position position = all[i].position;
                char letter = all[i].letter;

                all[i] = all[j];
                all[j].position = position;
                all[j].letter = letter;
            }
        }
        out[i] = all[i].letter;
    }
    out[count] = '\0';
}

/* Plan `old` -> `new`; `*out_added` entries are written for it. */
static void expect(const char *old_text, const char *new_text, size_t most_added)
{
    struct arm_table_state *old = old_of(old_text);
    struct arm_written written = new_of(new_text);
    struct arm_replacement plan = {.truncated = false};
    char result[2 * ENTRIES_MAX + 1];
    struct arm_error err = {0};

    assert_ok(arm__replace_plan(old, &written, &plan, &err), err);
    carry_out(old, &written, &plan, result);
    assert_string_equal(result, new_text);
    if (written.entry_count > most_added) {
        fail_msg("%s -> %s adds %zu, not %zu", old_text, new_text, written.entry_count, most_added);
    }
    if (most_added == 0 && strlen(old_text) == strlen(new_text)) {
        assert_int_equal(plan.removed_count, 0);
        assert_false(plan.truncated);
    }
    arm__free(plan.removed);
    arm__written_release(&written);
    free_old(old);
}

static void test_replace_keeps_what_is_the_same(void **state)
{
    expect("", "", 0);
    expect("", "abc", 3);
    expect("abc", "", 0);
    expect("abc", "abc", 0);
    expect("abc", "xyz", 3);
    expect("abc", "axbc", 1);
    expect("abc", "xabc", 1);
    expect("abc", "abcx", 1);
    expect("abc", "ac", 0);
    expect("abc", "axc", 1);
    expect("abcdef", "abxyef", 2);
    expect("abcdef", "defabc", 3);
    expect("abcdef", "bcxdyef", 2);
    expect("aaaa", "aaa", 0);
    expect("aaaa", "aaaaaa", 2);
    expect("abab", "baba", 2);
    expect("aBc", "abc", 1); /* an entry with dead rows does not stay */
    expect("ABC", "abc", 3);
}

static void test_replace_random_plans_give_the_new_rows(void **state)
{
    for (unsigned seed = 0; seed < 2000; seed++) {
        char old_text[65] = "";
        char new_text[65] = "";
        size_t count;

        srand(seed);
        count = (size_t)rand() % 64;
        for (size_t i = 0; i < count; i++) {
            old_text[i] = (char)("aAbcdefghijklmnopqrstuvwxyz"[rand() % 27]);
        }
        count = (size_t)rand() % 64;
        for (size_t i = 0; i < count; i++) {
            bool is_kept = i < strlen(old_text) && rand() % 5 > 0;

            new_text[i] = (char)(is_kept ? old_text[i] | 0x20 : 'a' + rand() % 26);
        }
        expect(old_text, new_text, 64);
    }
}

/* Positions between two neighbours run out one day: then the table is numbered anew. */
static void test_replace_without_room_between_numbers_anew(void **state)
{
    struct arm_table_state *old = old_of("ab");
    struct arm_written written = new_of("axb");
    struct arm_replacement plan;
    struct arm_position *second = &old->entries[1].position;
    struct arm_error err = {0};

    *second = old->entries[0].position;
    while (second->size < ARM_POSITION_BYTES_MAX - 1) {
        second->bytes[second->size++] = 0;
    }
    second->bytes[second->size++] = 1;
    assert_ok(arm__replace_plan(old, &written, &plan, &err), err);
    assert_true(plan.truncated);
    assert_int_equal(plan.removed_count, 0);
    assert_int_equal(written.entry_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(written.entries[i].position.size, 0);
    }
    arm__written_release(&written);
    free_old(old);
}

static void test_replace_survives_every_failed_allocation(void **state)
{
    struct arm_table_state *old = old_of("abcdef");
    struct arm_replacement plan;
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;

    for (uint64_t n = 1; st != ARM_OK; n++) {
        struct arm_written written = new_of("abxcyf");

        arm__alloc_fail_at(n);
        st = arm__replace_plan(old, &written, &plan, &err);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || (st == ARM_NO_MEMORY && written.entry_count == 6));
        arm__written_release(&written);
    }
    arm__free(plan.removed);
    free_old(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_keeps_what_is_the_same),
        cmocka_unit_test(test_replace_random_plans_give_the_new_rows),
        cmocka_unit_test(test_replace_without_room_between_numbers_anew),
        cmocka_unit_test(test_replace_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
