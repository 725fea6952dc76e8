/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that turn cut runs into entries. Jobs are numbered when they are given, and entries
 * stand under those numbers (W1). A failure stops all work behind it: what is queued is dropped,
 * and the giver hears of it with its next call. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/rows_hash.h"
#include "table/writer_private.h"

void arm__new_entry_release(struct arm_repository *repository, struct arm_new_entry *entry)
{
    if (entry->rows > 0 && !entry->is_hot) {
        arm__store_lease_drop(arm__repository_store(repository), &entry->chunk);
    }
    arm__free((void *)(uintptr_t)entry->hot.data);
    arm__statistics_free(entry->statistics, entry->statistics_count);
    for (size_t k = 0; entry->keys != NULL && k < entry->key_count; k++) {
        arm__key_run_drop(entry->keys[k]);
    }
    arm__free(entry->keys);
    *entry = (struct arm_new_entry){.rows = 0};
}

void arm__workers_init(struct arm_workers *workers, const struct arm_chunk_plan *plan)
{
    memset(workers, 0, sizeof *workers);
    workers->plan = plan;
    arm__mutex_init(&workers->mutex);
    arm__cond_init(&workers->changed);
}

/* ---- A thread's work ---- */

/* An entry of this writer with the same rows, filled already. The mutex is held. */
static bool find_own(const struct arm_workers *workers, struct arm_new_entry *entry)
{
    for (size_t i = 0; i < workers->entry_count; i++) {
        const struct arm_new_entry *other = &workers->entries[i];

        if (workers->done[i] && arm__hash_equal(&other->rows_hash, &entry->rows_hash)) {
            entry->rows = other->rows;
            entry->bytes = other->bytes;
            entry->chunk = other->chunk;
            entry->is_new = false;
            return true;
        }
    }
    return false;
}

static arm_status make_entry(struct arm_workers *workers, duckdb_connection connection,
                             const struct arm_run *run, struct arm_new_entry *entry,
                             struct arm_error *err)
{
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_hash(run->schema, run->blocks, run->block_count, &entry->rows_hash, err));
    arm__mutex_lock(&workers->mutex);
    found = find_own(workers, entry);
    arm__mutex_unlock(&workers->mutex);
    if (found) {
        st = arm__store_lease(arm__repository_store(workers->plan->repository), &entry->chunk, err);
        entry->rows = st == ARM_OK ? entry->rows : 0; /* without a lease there is nothing to give */
        ARM_TRY(st);
    } else {
        ARM_TRY(arm__chunk_find(workers->plan, entry, &found, err));
    }
    if (!found) {
        ARM_TRY(arm__chunk_write(workers->plan, connection, run, entry, err));
    }
    entry->explicit_row_ids = workers->plan->explicit_row_ids;
    assert(entry->rows == run->rows); /* W2: equal rows hashes are equal rows */
    ARM_TRY(arm__entry_keys(workers->plan, run, entry, err));
done:
    return st;
}

/* The next job, or false when no more come. The mutex is held. */
static bool take_job(struct arm_workers *workers, struct arm_job *out)
{
    while (workers->queued == 0 && !workers->closing) {
        arm__cond_wait(&workers->changed, &workers->mutex);
    }
    if (workers->queued == 0) {
        return false;
    }
    *out = workers->queue[0];
    workers->queued--;
    memmove(workers->queue, workers->queue + 1, workers->queued * sizeof *workers->queue);
    return true;
}

static void finish_job(struct arm_workers *workers, const struct arm_job *job,
                       const struct arm_new_entry *entry, arm_status st,
                       const struct arm_error *error)
{
    if (st == ARM_OK) {
        workers->entries[job->index] = *entry;
        workers->done[job->index] = true;
    } else if (workers->status == ARM_OK) {
        workers->status = st;
        workers->error = *error;
    }
    workers->held--;
    arm__cond_wake_all(&workers->changed);
}

struct thread_start {
    struct arm_workers *workers;
    duckdb_connection connection;
};

static void *run_thread(void *argument)
{
    struct thread_start *start = argument;
    struct arm_workers *workers = start->workers;
    duckdb_connection connection = start->connection;
    struct arm_job job;

    arm__free(start);
    arm__mutex_lock(&workers->mutex);
    while (take_job(workers, &job)) {
        struct arm_new_entry entry = {.rows = 0};
        struct arm_error error = {.code = ARM_OK};
        arm_status st = workers->status; /* after a failure nothing is worth doing */

        arm__mutex_unlock(&workers->mutex);
        if (st == ARM_OK) {
            st = make_entry(workers, connection, &job.run, &entry, &error);
        }
        if (st != ARM_OK) {
            arm__new_entry_release(workers->plan->repository, &entry);
        }
        arm__run_release(&job.run);
        arm__mutex_lock(&workers->mutex);
        finish_job(workers, &job, &entry, st, &error);
    }
    arm__mutex_unlock(&workers->mutex);
    return NULL;
}

/* ---- The giver's side ---- */

static arm_status start_thread(struct arm_workers *workers, struct arm_error *err)
{
    size_t i = workers->thread_count;
    struct thread_start *start = NULL;
    int failure;
    arm_status st = ARM_OK;

    ARM_TRY(arm__engine_connect(workers->plan->engine, &workers->connections[i], err));
    ARM_TRY(arm__calloc(1, sizeof *start, &start, err));
    *start = (struct thread_start){workers, workers->connections[i]};
    failure = pthread_create(&workers->threads[i], NULL, run_thread, start);
    if (failure != 0) {
        st = arm__fail_errno(err, failure, "start", "a thread that writes chunks");
        goto done;
    }
    start = NULL;
    workers->thread_count++;
done:
    if (st != ARM_OK) {
        arm__free(start);
        arm__engine_disconnect(workers->plan->engine, workers->connections[i]);
        workers->connections[i] = NULL;
    }
    return st;
}

static size_t threads_wanted(const struct arm_workers *workers)
{
    uint32_t count = arm__engine_thread_count(workers->plan->engine);

    return count < ARM_WRITER_WORKERS_MAX ? count : ARM_WRITER_WORKERS_MAX;
}

/* Room for one more entry. The mutex is held: threads look at the others. */
static arm_status grow(struct arm_workers *workers, struct arm_error *err)
{
    size_t capacity = workers->entry_capacity == 0 ? 16 : 2 * workers->entry_capacity;
    arm_status st = ARM_OK;

    if (workers->entry_count < workers->entry_capacity) {
        return ARM_OK;
    }
    ARM_TRY(arm__realloc(&workers->entries, capacity, sizeof *workers->entries, err));
    ARM_TRY(arm__realloc(&workers->done, capacity, sizeof *workers->done, err));
    workers->entry_capacity = capacity;
done:
    return st;
}

/* Wait for a free place, and take it. */
static arm_status enqueue(struct arm_workers *workers, struct arm_run *run, struct arm_error *err)
{
    size_t limit = workers->thread_count + 1;
    arm_status st = ARM_OK;

    arm__mutex_lock(&workers->mutex);
    while (workers->held >= limit && workers->status == ARM_OK) {
        arm__cond_wait(&workers->changed, &workers->mutex);
    }
    if (workers->status != ARM_OK) {
        st = workers->status;
        if (err != NULL) {
            *err = workers->error;
        }
    } else {
        st = grow(workers, err);
    }
    if (st == ARM_OK) {
        size_t index = workers->entry_count++;

        workers->entries[index] = (struct arm_new_entry){.rows = 0};
        workers->done[index] = false;
        workers->queue[workers->queued++] = (struct arm_job){*run, index};
        workers->held++;
        assert(workers->held <= ARM_WRITER_QUEUE); /* W4 */
        *run = (struct arm_run){.schema = run->schema, .types = run->types};
        arm__cond_wake_all(&workers->changed);
    }
    arm__mutex_unlock(&workers->mutex);
    return st;
}

arm_status arm__workers_give(struct arm_workers *workers, struct arm_run *run,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    /* One more with each run, until there are enough: a single run needs a single thread. */
    if (workers->thread_count < threads_wanted(workers)) {
        st = start_thread(workers, err);
        if (st != ARM_OK && workers->thread_count > 0) {
            st = ARM_OK; /* fewer do it too */
        }
    }
    if (st == ARM_OK) {
        st = enqueue(workers, run, err);
    }
    if (st != ARM_OK) {
        arm__run_release(run);
    }
    return st;
}

static void join(struct arm_workers *workers)
{
    arm__mutex_lock(&workers->mutex);
    workers->closing = true;
    arm__cond_wake_all(&workers->changed);
    arm__mutex_unlock(&workers->mutex);
    while (workers->thread_count > 0) {
        size_t i = --workers->thread_count;
        int failure = pthread_join(workers->threads[i], NULL);

        assert(failure == 0);
        (void)failure;
        arm__engine_disconnect(workers->plan->engine, workers->connections[i]);
        workers->connections[i] = NULL;
    }
}

arm_status arm__workers_finish(struct arm_workers *workers, struct arm_error *err)
{
    join(workers);
    assert(workers->held == 0 && workers->queued == 0);
    if (workers->status != ARM_OK && err != NULL) {
        *err = workers->error;
    }
    return workers->status;
}

void arm__workers_release(struct arm_workers *workers)
{
    arm__mutex_lock(&workers->mutex);
    if (workers->status == ARM_OK) {
        workers->status = ARM_INTERRUPTED; /* queued jobs are not begun */
    }
    for (size_t i = 0; i < workers->thread_count; i++) {
        duckdb_interrupt(workers->connections[i]);
    }
    arm__mutex_unlock(&workers->mutex);
    join(workers);
    for (size_t i = 0; i < workers->entry_count; i++) {
        if (workers->done[i]) {
            arm__new_entry_release(workers->plan->repository, &workers->entries[i]);
        }
    }
    arm__free(workers->entries);
    arm__free(workers->done);
    arm__cond_release(&workers->changed);
    arm__mutex_release(&workers->mutex);
}
