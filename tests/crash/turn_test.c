/* SPDX-License-Identifier: Apache-2.0 */
/* Shared turns under kills: two processes of six threads each commit rows to one table, so that
 * threads share turns of the commit lock, and are killed with SIGKILL at any moment. Whoever comes
 * after finds every row that was acknowledged, of each thread at most one more, and none twice; in
 * the end every byte is verified, and turns were shared indeed.
 *
 * Who comes asks for the last commit of each thread by its id: what was appended when its process
 * was killed is then durable, and stays.
 *
 * A row is its bytes: which thread wrote it, and its how manieth that is. ARM_KILLS says how many
 * kills, ROUND of them to a repository. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/children.h"
#include "support/kernel_fixture.h"

enum {
    KILLS_DEFAULT = 25,
    ROUND = 50, /* who comes reads all there is */
    PROCESSES = 2,
    THREADS = 6,
    SLOTS = PROCESSES * THREADS,
    LIFE_US_MAX = 60000,
    POLL_US = 200,
    POLLS_MAX = 100000,
};

struct row {
    uint64_t slot;
    uint64_t act;
};

struct farm {
    struct temp_dir dir;
    struct shared {
        atomic_bool stop;
        atomic_ullong begun[SLOTS];
        struct arm_id ids[SLOTS]; /* of the commit in flight, or of the last one */
        atomic_ullong done[SLOTS];
        atomic_ullong lives[PROCESSES]; /* how often a process came to its first act */
    } *shared;
};

static void must(arm_status st, const char *what, const struct arm_error *err)
{
    child_must(st == ARM_OK, what, err->message);
}

static struct arm_repository *open_repository(const struct farm *farm)
{
    struct arm_repository_options options = {.read_only = false};
    struct arm_repository *repository = NULL;
    struct arm_error err;

    must(arm__repository_open(farm->dir.path, &options, &repository, &err), "open", &err);
    return repository;
}

static void find_table(struct arm_repository *repository, struct arm_snapshot *at,
                       struct arm_table_row *out)
{
    struct arm_catalog *catalog = arm__repository_catalog(repository);
    struct arm_table_info info = {.schema = NULL};
    struct arm_error err;
    bool found = false;

    must(arm__catalog_snapshot(catalog, "main", at, &err), "snapshot", &err);
    must(arm__catalog_table(catalog, at, "main", "t", &info, &found, &err), "table", &err);
    child_must(found, "the table", "is not there");
    *out = info.row;
    arm__table_info_release(&info);
}

/* ---- What is there ---- */

/* How many rows each thread has: they are its first ones, each once. */
static void count_rows(const struct farm *farm, struct arm_repository *repository,
                       uint64_t counts[SLOTS])
{
    struct arm_catalog *catalog = arm__repository_catalog(repository);
    struct arm_buf bytes = ARM_BUF_INIT(sizeof(struct row));
    struct arm_table_state *state = NULL;
    struct arm_table_row table;
    struct arm_snapshot at;
    struct arm_error err;
    uint64_t done[SLOTS]; /* others go on */

    for (size_t slot = 0; slot < SLOTS; slot++) {
        done[slot] = atomic_load(&farm->shared->done[slot]);
    }
    memset(counts, 0, SLOTS * sizeof *counts);
    find_table(repository, &at, &table);
    must(arm__catalog_state(catalog, &table.table_id, table.version, &state, &err), "state", &err);
    for (size_t i = 0; i < state->entry_count; i++) {
        struct row row;

        must(arm__catalog_hot_rows(catalog, &state->entries[i], &bytes, &err), "rows", &err);
        child_must(bytes.size == sizeof row, "a row", "of another size");
        memcpy(&row, bytes.data, sizeof row);
        child_must(row.slot < SLOTS && row.act == ++counts[row.slot], "a row",
                   "is missing or there twice");
    }
    for (size_t slot = 0; slot < SLOTS; slot++) {
        child_must(counts[slot] >= done[slot], "an acknowledged row", "is lost");
        child_must(counts[slot] <= atomic_load(&farm->shared->begun[slot]), "a row",
                   "that nobody wrote");
    }
    arm__table_state_drop(state);
    arm__buf_release(&bytes);
}

/* ---- Who writes ---- */

struct writer {
    const struct farm *farm;
    struct arm_repository *repository;
    uint64_t slot;
    uint64_t act;
    pthread_t thread;
};

static void commit_row(struct writer *writer)
{
    struct row row = {writer->slot, writer->act};
    struct arm_new_entry entry = {.rows = 1, .is_hot = true};
    struct arm_commit_request request = {.author = "test", .change_count = 1};
    struct arm_new_change change = {.kind = ARMPB__CHANGE_KIND__WRITE};
    struct arm_commit_result result;
    struct arm_table_row table;
    struct arm_error err;

    entry.hot = arm__bytes(&row, sizeof row);
    entry.rows_hash = arm__hash(entry.hot);
    find_table(writer->repository, &request.snapshot, &table);
    change.table_id = table.table_id;
    change.base_version = table.version;
    change.added = &entry;
    change.added_count = 1;
    request.changes = &change;
    must(arm__id_timed(arm__repository_io(writer->repository)->now_us(NULL), &request.commit_id,
                       &err),
         "an id", &err);
    writer->farm->shared->ids[writer->slot] = request.commit_id;
    must(arm__commit(writer->repository, &request, &result, NULL, &err), "commit", &err);
}

static void *write_rows(void *context)
{
    struct writer *writer = context;
    struct shared *shared = writer->farm->shared;

    while (!atomic_load(&shared->stop)) {
        atomic_store(&shared->begun[writer->slot], ++writer->act);
        commit_row(writer);
        atomic_store(&shared->done[writer->slot], writer->act);
    }
    return NULL;
}

static void settle(const struct farm *farm, struct arm_repository *repository, unsigned process)
{
    for (size_t i = 0; i < THREADS; i++) {
        struct arm_error err;
        uint64_t tx;

        must(arm__commit_find(repository, &farm->shared->ids[process * THREADS + i], &tx, &err),
             "asking by id", &err);
    }
}

static int be_process(const void *context, unsigned process)
{
    const struct farm *farm = context;
    struct arm_repository *repository = open_repository(farm);
    struct writer writers[THREADS];
    uint64_t counts[SLOTS];

    settle(farm, repository, process);
    count_rows(farm, repository, counts);
    for (size_t i = 0; i < THREADS; i++) {
        uint64_t slot = process * THREADS + i;

        atomic_store(&farm->shared->done[slot], counts[slot]);
        writers[i] = (struct writer){
            .farm = farm, .repository = repository, .slot = slot, .act = counts[slot]};
        child_must(pthread_create(&writers[i].thread, NULL, write_rows, &writers[i]) == 0, "thread",
                   "could not begin");
    }
    (void)atomic_fetch_add(&farm->shared->lives[process], 1);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
    }
    arm__repository_close(repository);
    return 0;
}

static int be_founder(const void *context, unsigned unused)
{
    const struct farm *farm = context;
    struct arm_commit_request request = {.author = "test", .change_count = 1};
    struct arm_new_change change = kernel_create_change("t");
    struct arm_repository *repository;
    struct arm_commit_result result;
    struct arm_error err;

    (void)unused;
    must(arm__repository_create(NULL, farm->dir.path, &err), "create", &err);
    repository = open_repository(farm);
    must(
        arm__catalog_snapshot(arm__repository_catalog(repository), "main", &request.snapshot, &err),
        "snapshot", &err);
    request.changes = &change;
    must(arm__commit(repository, &request, &result, NULL, &err), "create table", &err);
    arm__repository_close(repository);
    return 0;
}

/* ---- In the end ---- */

static int be_judge(const void *context, unsigned unused)
{
    const struct farm *farm = context;
    struct arm_repository *repository = open_repository(farm);
    struct arm_log *log = arm__repository_log(repository);
    struct arm_log_position at = arm__log_start(log);
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_verify_report report;
    uint64_t counts[SLOTS];
    char issue[1024] = "";
    struct arm_error err;
    size_t rows = 0;
    unsigned shared = 0;
    unsigned frames = 0;
    bool found = true;

    (void)unused;
    count_rows(farm, repository, counts);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        rows += counts[slot];
        child_must(counts[slot] == atomic_load(&farm->shared->done[slot]), "rows", "are missing");
    }
    must(arm__repository_verify(repository, true, kernel_print_issue, NULL, issue, &report, &err),
         "verify", &err);
    child_must(issue[0] == '\0', "damage", issue);
    while (found) {
        struct arm_frame_header header = {.record_count = 0};

        must(arm__log_read(log, &at, &frame, &header, &found, &err), "log", &err);
        frames += found;
        shared += header.record_count > 1;
    }
    print_message("%zu rows, %u frames, %u of turns that were shared\n", rows, frames, shared);
    child_must(shared > 0, "turns", "were never shared");
    arm__buf_release(&frame);
    arm__repository_close(repository);
    return 0;
}

/* It has begun to write, and lives on for a while. */
static void let_live(const struct farm *farm, unsigned process, unsigned long long lives)
{
    for (unsigned i = 0; atomic_load(&farm->shared->lives[process]) < lives; i++) {
        assert_true(i < POLLS_MAX); /* or it has ended */
        nap_us(POLL_US);
    }
    nap_us(rand() % LIFE_US_MAX);
}

static void play_round(unsigned kills)
{
    struct farm farm = {.dir = temp_dir_make()};
    unsigned long long lives[PROCESSES] = {0};
    pid_t processes[PROCESSES];

    farm.shared = children_share(sizeof *farm.shared);
    child_wait(child_start(be_founder, &farm, 0));
    for (unsigned process = 0; process < PROCESSES; process++) {
        processes[process] = child_start(be_process, &farm, process);
        lives[process]++;
    }
    for (unsigned i = 0; i < kills; i++) {
        unsigned process = (unsigned)rand() % PROCESSES;

        let_live(&farm, process, lives[process]);
        child_kill(processes[process]);
        processes[process] = child_start(be_process, &farm, process);
        lives[process]++;
    }
    atomic_store(&farm.shared->stop, true);
    for (unsigned process = 0; process < PROCESSES; process++) {
        child_wait(processes[process]);
    }
    child_wait(child_start(be_judge, &farm, 0));
    children_unshare(farm.shared, sizeof *farm.shared);
    temp_dir_remove(&farm.dir);
}

static void test_turns_survive_kills(void **state)
{
    unsigned left = children_kills(KILLS_DEFAULT);
    unsigned seed = (unsigned)time(NULL);

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    while (left > 0) {
        unsigned kills = left < ROUND ? left : ROUND;

        play_round(kills);
        left -= kills;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_survive_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
