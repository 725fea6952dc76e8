/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, meetings and hot keys against the plainest way to do the same. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/key_meet.h"
#include "keys/key_store.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

enum { ROWS_MAX = 5000 };

static uint64_t seed = 1;

static uint64_t random_u64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545F4914F6CDD1D);
}

/* Hashes spread evenly, or among few values, or at the ends; some rows have none. */
static void fill(uint64_t *hashes, uint32_t rows, unsigned kind)
{
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t value = random_u64();

        hashes[i] = kind == 0   ? value
                    : kind == 1 ? value % 50 << 58 | value % 7
                    : kind == 2 ? UINT64_MAX - value % 100
                                : value % (4 * (uint64_t)rows);
        if (value % 11 == 0) {
            hashes[i] = ARM_KEY_NONE;
        }
    }
}

static struct arm_key_run *make(const uint64_t *hashes, uint32_t rows)
{
    struct arm_key_run *run = NULL;

    assert_int_equal(arm__key_run_new(hashes, rows, &run, NULL), ARM_OK);
    return run;
}

static void assert_holds(const struct arm_key_run *run, const uint64_t *hashes, uint32_t rows)
{
    size_t count = 0;

    for (uint32_t i = 0; i < rows; i++) {
        count += hashes[i] != ARM_KEY_NONE;
    }
    assert_int_equal(arm__key_run_count(run), count);
    assert_int_equal(arm__key_run_rows(run), rows);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = arm__key_run_numbers(run)[i];

        assert_true(arm__key_run_hashes(run)[i] == hashes[row]);
        assert_true(i == 0 || arm__key_run_hashes(run)[i - 1] < hashes[row] ||
                    (arm__key_run_hashes(run)[i - 1] == hashes[row] &&
                     arm__key_run_numbers(run)[i - 1] < row));
    }
}

static void assert_seeks(const struct arm_key_run *run, uint64_t hash)
{
    size_t at = arm__key_run_seek(run, hash);

    assert_true(at <= arm__key_run_count(run));
    assert_true(at == 0 || arm__key_run_hashes(run)[at - 1] < hash);
    assert_true(at == arm__key_run_count(run) || arm__key_run_hashes(run)[at] >= hash);
}

static void test_run_sorts_and_seeks(void **state)
{
    uint64_t *hashes = malloc(ROWS_MAX * sizeof *hashes);

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        uint32_t rows = (uint32_t)(random_u64() % (round < 100 ? 100 : ROWS_MAX));
        struct arm_key_run *run;

        fill(hashes, rows, round % 4);
        run = make(hashes, rows);
        assert_holds(run, hashes, rows);
        for (uint32_t i = 0; i < rows; i++) {
            assert_seeks(run, hashes[i]);
            assert_seeks(run, hashes[i] + 1);
            assert_seeks(run, random_u64());
        }
        assert_seeks(run, 0);
        assert_seeks(run, UINT64_MAX);
        arm__key_run_drop(run);
    }
    free(hashes);
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    int byte;

    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 4, file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void test_run_files_come_back_or_are_refused(void **state)
{
    const struct arm_io *io = arm__io_system();
    struct temp_dir directory = temp_dir_make();
    char path[TEMP_PATH_BYTES];
    struct arm_hash id = arm__hash(arm__bytes("id", 2));
    struct arm_hash other = arm__hash(arm__bytes("other", 5));
    struct arm_key_run *back = NULL;
    struct arm_key_run *run;
    uint64_t hashes[40];
    struct arm_stat stat;

    (void)state;
    fill(hashes, 40, 0);
    run = make(hashes, 40);
    (void)temp_path(&directory, "run", path);
    assert_int_equal(arm__key_run_read(io, path, &id, 40, &back, NULL), ARM_OK);
    assert_null(back);
    assert_int_equal(arm__key_run_write(run, io, path, &id, NULL), ARM_OK);
    assert_int_equal(arm__key_run_read(io, path, &id, 40, &back, NULL), ARM_OK);
    assert_holds(back, hashes, 40);
    assert_int_equal(arm__key_run_write(back, io, path, &id, NULL), ARM_OK); /* from its mapping */
    arm__key_run_drop(back);
    assert_int_equal(arm__key_run_read(io, path, &other, 40, &back, NULL), ARM_OK);
    assert_null(back);
    assert_int_equal(io->stat(io->self, path, &stat, NULL), ARM_OK);
    for (long at = 0; at < (long)stat.size_bytes; at++) {
        flip(path, at);
        assert_int_equal(arm__key_run_read(io, path, &id, 40, &back, NULL), ARM_OK);
        assert_null(back);
        flip(path, at);
    }
    assert_int_equal(truncate(path, (off_t)stat.size_bytes - 1), 0);
    assert_int_equal(arm__key_run_read(io, path, &id, 40, &back, NULL), ARM_OK);
    assert_null(back);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(arm__key_run_read(io, path, &id, 40, &back, NULL), ARM_OK);
    assert_null(back);
    arm__key_run_drop(run);
    temp_dir_remove(&directory);
}

/* A file of these items whose own hash is right. */
static void craft(const char *path, const struct arm_hash *id, uint32_t rows,
                  const uint64_t *hashes, const uint32_t *numbers, uint32_t count)
{
    static const uint8_t magic[8] = "ARMKEYS1";
    uint8_t header[48];
    struct arm_hasher hasher;
    struct arm_hash hash;
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    memcpy(header, magic, sizeof magic);
    memcpy(header + 8, &rows, sizeof rows);
    memcpy(header + 12, &count, sizeof count);
    memcpy(header + 16, id->bytes, sizeof id->bytes);
    arm__hasher_init(&hasher);
    arm__hasher_update(&hasher, header, sizeof header);
    arm__hasher_update(&hasher, hashes, count * sizeof *hashes);
    arm__hasher_update(&hasher, numbers, count * sizeof *numbers);
    hash = arm__hasher_finish(&hasher);
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    assert_int_equal(fwrite(hash.bytes, 1, sizeof hash.bytes, file), sizeof hash.bytes);
    assert_int_equal(fwrite(hashes, sizeof *hashes, count, file), count);
    assert_int_equal(fwrite(numbers, sizeof *numbers, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* Its hash says only that the bytes are those that somebody wrote: who looks keys up in rows that
 * are not there reads behind the chunk's. */
static void test_run_files_are_not_believed_for_their_hash(void **state)
{
    enum { ROWS = 4, COUNT = 3 };
    static const struct {
        uint32_t rows;
        uint64_t hashes[COUNT];
        uint32_t numbers[COUNT];
        bool is_good;
    } files[] = {
        {ROWS, {5, 9, 9}, {3, 0, 2}, true},   {ROWS, {5, 9, 9}, {4, 0, 2}, false},
        {ROWS, {5, 9, 9}, {3, 2, 0}, false},  {ROWS, {5, 9, 9}, {3, 2, 2}, false},
        {ROWS, {9, 5, 10}, {3, 0, 2}, false}, {ROWS, {0, 5, 9}, {3, 0, 2}, false},
        {5, {5, 9, 9}, {3, 0, 2}, false},     {3, {5, 9, 9}, {1, 0, 2}, false},
    };
    const struct arm_io *io = arm__io_system();
    struct temp_dir directory = temp_dir_make();
    char path[TEMP_PATH_BYTES];
    struct arm_hash id = arm__hash(arm__bytes("id", 2));

    (void)state;
    (void)temp_path(&directory, "run", path);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct arm_key_run *run = NULL;

        craft(path, &id, files[i].rows, files[i].hashes, files[i].numbers, COUNT);
        assert_int_equal(arm__key_run_read(io, path, &id, ROWS, &run, NULL), ARM_OK);
        assert_int_equal(run != NULL, files[i].is_good);
        arm__key_run_drop(run);
    }
    temp_dir_remove(&directory);
}

/* ---- Meetings ---- */

struct pairs {
    size_t count;
    uint64_t sum; /* of what each pair is, so that order says nothing */
};

static uint64_t mark(size_t run, uint32_t row, size_t other, uint32_t other_row, bool is_fresh)
{
    uint64_t a = run << 20 | row;
    uint64_t b = other << 20 | other_row;

    if (is_fresh && a < b) { /* either may be the later one */
        uint64_t swap = a;

        a = b;
        b = swap;
    }
    return (a * UINT64_C(0x9E3779B97F4A7C15) ^ b) * UINT64_C(0xFF51AFD7ED558CCD) + is_fresh;
}

static arm_status note(void *context, const struct arm_key_pair *pair, struct arm_error *err)
{
    struct pairs *pairs = context;

    (void)err;
    pairs->count++;
    pairs->sum += mark(pair->run, pair->row, pair->other, pair->other_row, pair->is_fresh);
    return ARM_OK;
}

enum { RUNS = 6 };

struct rows {
    uint32_t rows;
    uint64_t hashes[1000];
};

static void brute(const struct rows *fresh, const struct rows *old, struct pairs *out)
{
    for (size_t a = 0; a < RUNS; a++) {
        for (uint32_t i = 0; i < fresh[a].rows; i++) {
            uint64_t hash = fresh[a].hashes[i];

            for (size_t b = 0; b < RUNS && hash != ARM_KEY_NONE; b++) {
                for (uint32_t k = 0; k < fresh[b].rows; k++) {
                    if (fresh[b].hashes[k] == hash && (b < a || (b == a && k < i))) {
                        out->count++;
                        out->sum += mark(a, i, b, k, true);
                    }
                }
                for (uint32_t k = 0; k < old[b].rows; k++) {
                    if (old[b].hashes[k] == hash) {
                        out->count++;
                        out->sum += mark(a, i, b, k, false);
                    }
                }
            }
        }
    }
}

static void test_meet_finds_each_pair_once(void **state)
{
    struct rows *fresh = calloc(RUNS, sizeof *fresh);
    struct rows *old = calloc(RUNS, sizeof *old);

    (void)state;
    for (unsigned round = 0; round < 120; round++) {
        struct arm_key_run *fresh_runs[RUNS];
        struct arm_key_run *old_runs[RUNS];
        struct pairs expected = {0, 0};
        struct pairs found = {0, 0};

        for (size_t r = 0; r < RUNS; r++) {
            fresh[r].rows = (uint32_t)(random_u64() % (round % 3 == 0 ? 3 : 120));
            old[r].rows = (uint32_t)(random_u64() % (round % 3 == 1 ? 20 : 1000));
            fill(fresh[r].hashes, fresh[r].rows, round % 2 == 0 ? 1 : 3);
            fill(old[r].hashes, old[r].rows, round % 2 == 0 ? 1 : 3);
            fresh_runs[r] = make(fresh[r].hashes, fresh[r].rows);
            old_runs[r] = make(old[r].hashes, old[r].rows);
        }
        brute(fresh, old, &expected);
        assert_int_equal(arm__keys_meet(fresh_runs, RUNS, old_runs, RUNS, note, &found, NULL),
                         ARM_OK);
        assert_int_equal(found.count, expected.count);
        assert_true(found.sum == expected.sum);
        for (size_t r = 0; r < RUNS; r++) {
            arm__key_run_drop(fresh_runs[r]);
            arm__key_run_drop(old_runs[r]);
        }
    }
    free(old);
    free(fresh);
}

/* More rows than a part takes, and more of one hash. */
static void test_meet_goes_through_many_parts(void **state)
{
    enum { MANY = 200000 };
    uint64_t *hashes = malloc(MANY * sizeof *hashes);
    struct arm_key_run *fresh;
    struct arm_key_run *old;
    struct pairs found = {0, 0};

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        hashes[i] = random_u64() | 1;
    }
    fresh = make(hashes, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        hashes[i] = i % 10 == 0 ? hashes[i] : random_u64() & ~UINT64_C(1);
    }
    old = make(hashes, MANY);
    assert_int_equal(arm__keys_meet(&fresh, 1, &old, 1, note, &found, NULL), ARM_OK);
    assert_int_equal(found.count, MANY / 10);
    arm__key_run_drop(old);
    arm__key_run_drop(fresh);
    free(hashes);
}

/* ---- Hot keys ---- */

static void test_hot_keys_give_all_rows_of_a_hash(void **state)
{
    enum { ENTRIES = 300 };
    struct rows *entries = calloc(ENTRIES, sizeof *entries);
    struct arm_hot_keys *keys = NULL;
    uint64_t sum = 0;
    uint64_t found = 0;

    (void)state;
    assert_int_equal(arm__hot_keys_new(&keys, NULL), ARM_OK);
    for (uint32_t e = 0; e < ENTRIES; e++) {
        struct arm_hot_name name = {e, 2 * e};
        struct arm_key_run *run;

        entries[e].rows = (uint32_t)(random_u64() % 30);
        fill(entries[e].hashes, entries[e].rows, 1);
        run = make(entries[e].hashes, entries[e].rows);
        assert_false(arm__hot_keys_has(keys, name));
        assert_int_equal(arm__hot_keys_add(keys, name, arm__bytes(&e, sizeof e), run, NULL),
                         ARM_OK);
        assert_true(arm__hot_keys_has(keys, name));
        arm__key_run_drop(run);
    }
    for (uint64_t hash = 1; hash < 100; hash++) {
        uint64_t wanted = hash % 50 << 58 | hash % 7;
        struct arm_hot_place place;
        size_t cursor = SIZE_MAX;

        for (uint32_t e = 0; wanted != ARM_KEY_NONE && e < ENTRIES; e++) {
            for (uint32_t i = 0; i < entries[e].rows; i++) {
                sum += entries[e].hashes[i] == wanted ? e * 1000 + i + 1 : 0;
            }
        }
        while (wanted != ARM_KEY_NONE && arm__hot_keys_next(keys, wanted, &cursor, &place)) {
            assert_int_equal(place.entry.offset, 2 * place.entry.tx);
            assert_memory_equal(place.position.data, &place.entry.tx, sizeof(uint32_t));
            found += place.entry.tx * 1000 + place.row + 1;
        }
    }
    assert_true(sum > 0);
    assert_int_equal(found, sum);
    arm__hot_keys_free(keys);
    free(entries);
}

/* A state that goes on from what was noted needs a look at the rest only; one of another lineage a
 * look at everything. */
static void test_hot_keys_note_what_was_seen(void **state)
{
    enum { ENTRIES = 1000, PARTED = 600 };
    struct arm_state_entry *entries = calloc(ENTRIES, sizeof *entries);
    struct arm_state_entry *parted = calloc(ENTRIES, sizeof *parted);
    struct arm_table_state long_state = {.entries = entries, .entry_count = 0};
    struct arm_table_state short_state = {.entries = entries, .entry_count = PARTED};
    struct arm_table_state other = {.entries = parted, .entry_count = ENTRIES};
    struct arm_hot_keys *keys = NULL;

    (void)state;
    for (size_t i = 0; i < ENTRIES; i++) {
        entries[i].lineage = 1 + i;
        parted[i].lineage = i < PARTED ? 1 + i : 5000 + i;
    }
    assert_int_equal(arm__hot_keys_new(&keys, NULL), ARM_OK);
    assert_int_equal(arm__hot_keys_seen(keys, &long_state), 0);
    while (long_state.entry_count < ENTRIES) {
        size_t before = long_state.entry_count;

        long_state.entry_count += 1 + random_u64() % 100;
        long_state.entry_count =
            long_state.entry_count > ENTRIES ? ENTRIES : long_state.entry_count;
        assert_int_equal(arm__hot_keys_seen(keys, &long_state), before);
        arm__hot_keys_note_seen(keys, &long_state);
        assert_int_equal(arm__hot_keys_seen(keys, &long_state), long_state.entry_count);
    }
    assert_int_equal(arm__hot_keys_seen(keys, &short_state), PARTED);
    arm__hot_keys_note_seen(keys, &short_state); /* a reader of an older version */
    assert_int_equal(arm__hot_keys_seen(keys, &long_state), ENTRIES);
    assert_int_equal(arm__hot_keys_seen(keys, &other), 0);
    arm__hot_keys_note_seen(keys, &other);
    assert_int_equal(arm__hot_keys_seen(keys, &other), ENTRIES);
    assert_int_equal(arm__hot_keys_seen(keys, &short_state),
                     PARTED); /* where they had not parted */
    assert_int_equal(arm__hot_keys_seen(keys, &long_state), 0);
    arm__hot_keys_free(keys);
    free(parted);
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_sorts_and_seeks),
        cmocka_unit_test(test_run_files_come_back_or_are_refused),
        cmocka_unit_test(test_run_files_are_not_believed_for_their_hash),
        cmocka_unit_test(test_meet_finds_each_pair_once),
        cmocka_unit_test(test_meet_goes_through_many_parts),
        cmocka_unit_test(test_hot_keys_give_all_rows_of_a_hash),
        cmocka_unit_test(test_hot_keys_note_what_was_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
