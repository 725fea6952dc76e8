/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts of tests/slt, each run side by side on a repository and on DuckDB's own tables in
 * the same engine: every statement must end the same way and every query give the same rows.
 * tests/slt/README.md says how a script is written.
 *
 * Each script runs twice: plainly, and with DuckDB's own plan verification switched on, unless its
 * first line says "plain only" (verification runs each statement many times). */

#include <dirent.h>
#include <stdlib.h>

#include "duck/duck_fixture.h"

enum { BLOCK_BYTES_MAX = 1 << 16, SCRIPTS_MAX = 64 };

/* A block of a script: its head line, and the statement below it. */
struct block {
    char head[128];
    char sql[BLOCK_BYTES_MAX];
    unsigned line;
};

static const char *source_directory(void)
{
    const char *directory = getenv("ARM_SOURCE_DIR");

    return directory != NULL ? directory : "../../..";
}

/* The next block; false at the end. Blank lines part blocks, `#` begins a comment line. */
static bool next_block(FILE *file, unsigned *line, struct block *out)
{
    char text[4096];

    out->head[0] = '\0';
    out->sql[0] = '\0';
    while (fgets(text, sizeof text, file) != NULL) {
        (*line)++;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '#') {
            continue;
        }
        if (text[0] == '\0') {
            if (out->head[0] != '\0') {
                return true;
            }
        } else if (out->head[0] == '\0') {
            (void)snprintf(out->head, sizeof out->head, "%.*s", (int)sizeof out->head - 1, text);
            out->line = *line;
        } else {
            size_t used = strlen(out->sql);

            (void)snprintf(out->sql + used, sizeof out->sql - used, "%s%s", used > 0 ? "\n" : "",
                           text);
        }
    }
    return out->head[0] != '\0';
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sort the rows of `text` ("…|…|") in place. */
static void sort_rows(char *text)
{
    size_t size = strlen(text);
    char *copy = strdup(text);
    char **rows = calloc(size + 1, sizeof *rows);
    char *rest = copy;
    size_t count = 0;

    assert_non_null(copy);
    assert_non_null(rows);
    for (char *row = strsep(&rest, "|"); rest != NULL; row = strsep(&rest, "|")) {
        rows[count++] = row;
    }
    qsort(rows, count, sizeof *rows, by_text);
    text[0] = '\0';
    for (size_t i = 0, used = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, size + 1 - used, "%s|", rows[i]);
    }
    free(rows);
    free(copy);
}

/* What a session answered to a block. */
struct answer {
    arm_status status;
    char message[1024];
    char *rows;
};

static struct answer ask(struct fixture_session *session, const struct block *block)
{
    struct answer answer = {.status = fixture_run(session, block->sql)};

    (void)snprintf(answer.message, sizeof answer.message, "%s",
                   answer.status == ARM_OK ? "" : session->fixture->err.message);
    answer.rows = strdup(session->fixture->text);
    assert_non_null(answer.rows);
    return answer;
}

/* `arm CODE`: ours alone refuses. */
static void check_arm(struct fixture *f, const struct block *block, const char *where)
{
    struct answer ours = ask(&f->a, block);

    if (strcmp(arm_status_name_(ours.status), block->head + strlen("arm ")) != 0) {
        fail_msg("%s:%u: %s\n  gave %s: %s", where, block->line, block->sql,
                 arm_status_name_(ours.status), ours.message);
    }
    free(ours.rows);
}

static void check_both(struct fixture *f, const struct block *block, const char *where)
{
    bool fails = strcmp(block->head, "error") == 0;
    struct answer ours = ask(&f->a, block);
    struct answer native = ask(&f->b, block);

    if ((native.status != ARM_OK) != fails) {
        fail_msg("%s:%u: %s\n  DuckDB itself: %s %s", where, block->line, block->sql,
                 arm_status_name_(native.status), native.message);
    }
    if ((ours.status != ARM_OK) != fails) {
        fail_msg("%s:%u: %s\n  gave %s: %s", where, block->line, block->sql,
                 arm_status_name_(ours.status), ours.message);
    }
    if (strcmp(block->head, "rowsort") == 0) {
        sort_rows(ours.rows);
        sort_rows(native.rows);
    }
    if (strcmp(ours.rows, native.rows) != 0) {
        fail_msg("%s:%u: %s\n  gave %.2000s\n  not  %.2000s", where, block->line, block->sql,
                 ours.rows, native.rows);
    }
    free(ours.rows);
    free(native.rows);
}

static void run_block(struct fixture *f, const struct block *block, const char *where)
{
    bool is_known = strcmp(block->head, "statement") == 0 || strcmp(block->head, "query") == 0 ||
                    strcmp(block->head, "rowsort") == 0 || strcmp(block->head, "error") == 0;

    if (strncmp(block->head, "arm ", 4) == 0) {
        check_arm(f, block, where);
    } else if (strcmp(block->head, "only") == 0) {
        assert_sql(&f->a, block->sql);
    } else if (is_known) {
        check_both(f, block, where);
    } else {
        fail_msg("%s:%u: what is \"%s\"?", where, block->line, block->head);
    }
}

static void run_script(const char *name, bool verifies)
{
    static struct block block;
    char path[4096];
    void *state = NULL;
    unsigned line = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/tests/slt/%s", source_directory(), name);
    file = fopen(path, "re");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    (void)fixture_setup(&state);
    struct fixture *f = state;

    assert_sql(&f->b, "ATTACH IF NOT EXISTS ':memory:' AS native");
    assert_sql(&f->b, "USE native");
    if (verifies) {
        assert_sql(&f->a, "PRAGMA enable_verification");
    }
    while (next_block(file, &line, &block)) {
        run_block(f, &block, name);
    }
    (void)fclose(file);
    (void)fixture_teardown(&state);
}

/* ---- Every file of tests/slt ---- */

static void test_slt_plain(void **state)
{
    run_script(*state, false);
}

static void test_slt_verified(void **state)
{
    run_script(*state, true);
}

static size_t find_scripts(char **out)
{
    char path[4096];
    struct dirent *entry;
    size_t count = 0;
    DIR *directory;

    (void)snprintf(path, sizeof path, "%s/tests/slt", source_directory());
    directory = opendir(path);
    if (directory == NULL) {
        return 0;
    }
    while ((entry = readdir(directory)) != NULL && count < SCRIPTS_MAX) {
        const char *suffix = strrchr(entry->d_name, '.');

        if (suffix != NULL && strcmp(suffix, ".slt") == 0) {
            out[count++] = strdup(entry->d_name);
        }
    }
    (void)closedir(directory);
    qsort(out, count, sizeof *out, by_text);
    return count;
}

static bool is_plain_only(const char *name)
{
    char path[4096];
    char line[4096] = "";
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/tests/slt/%s", source_directory(), name);
    file = fopen(path, "re");
    if (file != NULL) {
        (void)fgets(line, sizeof line, file);
        (void)fclose(file);
    }
    return strstr(line, "plain only") != NULL;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[2 * SCRIPTS_MAX];
    static char *scripts[SCRIPTS_MAX];
    static char names[2 * SCRIPTS_MAX][300];
    size_t count = find_scripts(scripts);
    size_t test_count = 0;
    int failed;

    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strstr(scripts[i], argv[1]) == NULL) {
            continue;
        }
        for (int verifies = 0; verifies < (is_plain_only(scripts[i]) ? 1 : 2); verifies++) {
            (void)snprintf(names[test_count], sizeof names[test_count], "%s%s", scripts[i],
                           verifies ? " (verified)" : "");
            tests[test_count] =
                (struct CMUnitTest){.name = names[test_count],
                                    .test_func = verifies ? test_slt_verified : test_slt_plain,
                                    .initial_state = scripts[i]};
            test_count++;
        }
    }
    if (test_count == 0) {
        (void)fprintf(stderr, "no scripts in %s/tests/slt\n", source_directory());
        return 1;
    }
    failed = _cmocka_run_group_tests("slt", tests, test_count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        free(scripts[i]);
    }
    return failed;
}
