/* SPDX-License-Identifier: Apache-2.0 */
#include "query/upkeep.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog.h"
#include "query/query_private.h"
#include "table/compact.h"

/* A table is worth a look once so many hot batches, or so many bytes of them, were committed. */
static const uint64_t FLUSH_BATCHES = 1000;
static const uint64_t FLUSH_BYTES = UINT64_C(4) << 20;
enum { FAILURES_MAX = 6 }; /* then 2^6 times as many commits pass between two tries */

/* A table of a branch, and what was committed to it since it was last looked at. */
struct grown {
    uint64_t branch_id;
    struct arm_table_id table_id;
    uint64_t last_tx;
    uint64_t batches;
    uint64_t bytes;
};

struct arm_upkeep {
    struct arm_host *host;
    atomic_uint_least64_t commits;
    atomic_bool is_stopped;
    struct arm_mutex mutex; /* guards these four */
    struct arm_cond woken;
    bool has_thread;
    bool is_due;
    pthread_t thread;
    /* The thread's own. */
    uint64_t seen_tx; /* records up to here were looked at */
    unsigned failures;
    struct grown *tables; /* by branch and table */
    size_t table_count;
    size_t table_capacity;
};

/* ---- What grew ---- */

static int compare(const struct grown *a, uint64_t branch_id, const struct arm_table_id *table_id)
{
    if (a->branch_id != branch_id) {
        return a->branch_id < branch_id ? -1 : 1;
    }
    return memcmp(a->table_id.bytes, table_id->bytes, sizeof table_id->bytes);
}

/* The first that does not come before it. */
static size_t find(const struct arm_upkeep *upkeep, uint64_t branch_id,
                   const struct arm_table_id *table_id)
{
    size_t low = 0;
    size_t high = upkeep->table_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&upkeep->tables[middle], branch_id, table_id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static arm_status add_change(struct arm_upkeep *upkeep, const Armpb__Commit *commit, uint64_t tx,
                             const Armpb__TableChange *change, struct arm_error *err)
{
    struct grown grown = {.branch_id = commit->branch_id, .last_tx = tx};
    size_t at;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->n_added; i++) {
        if (!change->added[i]->has_chunk) {
            grown.batches++;
            grown.bytes += change->added[i]->bytes;
        }
    }
    if (grown.batches == 0) {
        return ARM_OK;
    }
    memcpy(grown.table_id.bytes, change->table_id.data, sizeof grown.table_id.bytes);
    at = find(upkeep, grown.branch_id, &grown.table_id);
    if (at < upkeep->table_count &&
        compare(&upkeep->tables[at], grown.branch_id, &grown.table_id) == 0) {
        upkeep->tables[at].last_tx = tx;
        upkeep->tables[at].batches += grown.batches;
        upkeep->tables[at].bytes += grown.bytes;
        return ARM_OK;
    }
    if (upkeep->table_count == upkeep->table_capacity) {
        size_t capacity = 2 * upkeep->table_capacity + 16;

        ARM_TRY(arm__realloc(&upkeep->tables, capacity, sizeof *upkeep->tables, err));
        upkeep->table_capacity = capacity;
    }
    memmove(&upkeep->tables[at + 1], &upkeep->tables[at],
            (upkeep->table_count - at) * sizeof *upkeep->tables);
    upkeep->tables[at] = grown;
    upkeep->table_count++;
done:
    return st;
}

static arm_status read_records(struct arm_upkeep *upkeep, struct arm_catalog *catalog,
                               struct arm_error *err)
{
    uint64_t last = arm__log_durable_to(arm__repository_log(arm__host_repository(upkeep->host)));
    arm_status st = ARM_OK;

    while (upkeep->seen_tx < last && !atomic_load(&upkeep->is_stopped)) {
        Armpb__Record *record = NULL;

        ARM_TRY(arm__catalog_record(catalog, upkeep->seen_tx + 1, &record, NULL, err));
        for (size_t i = 0; record->commit != NULL && i < record->commit->n_changes; i++) {
            st = add_change(upkeep, record->commit, upkeep->seen_tx + 1, record->commit->changes[i],
                            err);
            if (st != ARM_OK) {
                arm__record_free(record);
                goto done;
            }
        }
        arm__record_free(record);
        upkeep->seen_tx++;
    }
done:
    return st;
}

/* ---- What is flushed ---- */

struct sought {
    uint64_t branch_id;
    char name[256]; /* empty: not found, it was dropped */
};

static arm_status look_for_branch(void *context, const struct arm_branch_info *info,
                                  struct arm_error *err)
{
    struct sought *sought = context;

    (void)err;
    if (info->branch_id == sought->branch_id) {
        memcpy(sought->name, info->name, sizeof sought->name);
    }
    return ARM_OK;
}

static bool goes_on(void *context, uint64_t done, uint64_t total)
{
    const struct arm_upkeep *upkeep = context;

    (void)done;
    (void)total;
    return !atomic_load(&upkeep->is_stopped);
}

static arm_status flush(struct arm_upkeep *upkeep, struct arm_catalog *catalog,
                        const struct grown *grown, struct arm_error *err)
{
    struct sought branch = {.branch_id = grown->branch_id};
    char schema_name[256];
    char name[256];
    struct arm_compact_job job = {.repository = arm__host_repository(upkeep->host),
                                  .branch = branch.name,
                                  .schema_name = schema_name,
                                  .name = name,
                                  .progress = goes_on,
                                  .context = upkeep};
    struct arm_compact_report report = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_branches(catalog, look_for_branch, &branch, err));
    if (branch.name[0] == '\0') {
        goto done;
    }
    ARM_TRY(arm__catalog_table_name(catalog, grown->branch_id, grown->last_tx, &grown->table_id,
                                    schema_name, name, err));
    ARM_TRY(arm__host_engine(upkeep->host, &job.engine, err));
    st = arm__compact(&job, &report, err);
    if (st == ARM_NOT_FOUND) { /* it was dropped, or has another name: the next commit tells */
        st = ARM_OK;
    }
done:
    return st;
}

/* One look: what is flushed counts from 0 again. */
static arm_status pass(struct arm_upkeep *upkeep, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(arm__host_repository(upkeep->host));
    size_t kept = 0;
    arm_status st = ARM_OK;

    ARM_TRY(read_records(upkeep, catalog, err));
    for (size_t i = 0; i < upkeep->table_count; i++) {
        struct grown grown = upkeep->tables[i];

        if (st == ARM_OK && (grown.batches >= FLUSH_BATCHES || grown.bytes >= FLUSH_BYTES)) {
            st = flush(upkeep, catalog, &grown, err);
            if (st == ARM_OK) {
                continue;
            }
        }
        upkeep->tables[kept++] = grown;
    }
    upkeep->table_count = kept;
done:
    return st;
}

/* ---- The thread ---- */

static void *run(void *self)
{
    struct arm_upkeep *upkeep = self;

    arm__mutex_lock(&upkeep->mutex);
    while (!atomic_load(&upkeep->is_stopped)) {
        arm_status st;

        if (!upkeep->is_due) {
            arm__cond_wait(&upkeep->woken, &upkeep->mutex);
            continue;
        }
        upkeep->is_due = false;
        arm__mutex_unlock(&upkeep->mutex);
        st = pass(upkeep, NULL);
        arm__mutex_lock(&upkeep->mutex);
        upkeep->failures = st == ARM_OK                      ? 0
                           : upkeep->failures < FAILURES_MAX ? upkeep->failures + 1
                                                             : FAILURES_MAX;
    }
    arm__mutex_unlock(&upkeep->mutex);
    return NULL;
}

static void wake(struct arm_upkeep *upkeep, uint64_t commits, uint64_t tx)
{
    arm__mutex_lock(&upkeep->mutex);
    if (!upkeep->has_thread && !atomic_load(&upkeep->is_stopped)) {
        upkeep->seen_tx = tx > ARM_UPKEEP_COMMITS ? tx - ARM_UPKEEP_COMMITS : 0;
        upkeep->has_thread = pthread_create(&upkeep->thread, NULL, run, upkeep) == 0;
    }
    if (commits / ARM_UPKEEP_COMMITS % (UINT64_C(1) << upkeep->failures) == 0) { /* U3 */
        upkeep->is_due = true;
        arm__cond_wake_all(&upkeep->woken);
    }
    arm__mutex_unlock(&upkeep->mutex);
}

void arm__upkeep_note(struct arm_upkeep *upkeep, uint64_t tx)
{
    uint64_t commits;

    if (upkeep == NULL) {
        return;
    }
    commits = atomic_fetch_add(&upkeep->commits, 1) + 1;
    if (commits % ARM_UPKEEP_COMMITS == 0) { /* U2 */
        wake(upkeep, commits, tx);
    }
}

/* ---- Life ---- */

arm_status arm__upkeep_new(struct arm_host *host, struct arm_upkeep **out, struct arm_error *err)
{
    struct arm_upkeep *upkeep = NULL;
    arm_status st = arm__calloc(1, sizeof *upkeep, &upkeep, err);

    if (st == ARM_OK) {
        upkeep->host = host;
        atomic_init(&upkeep->commits, 0);
        atomic_init(&upkeep->is_stopped, false);
        arm__mutex_init(&upkeep->mutex);
        arm__cond_init(&upkeep->woken);
        *out = upkeep;
    }
    return st;
}

void arm__upkeep_free(struct arm_upkeep *upkeep)
{
    bool has_thread;

    if (upkeep == NULL) {
        return;
    }
    arm__mutex_lock(&upkeep->mutex);
    atomic_store(&upkeep->is_stopped, true);
    has_thread = upkeep->has_thread;
    arm__cond_wake_all(&upkeep->woken);
    arm__mutex_unlock(&upkeep->mutex);
    if (has_thread) {
        (void)pthread_join(upkeep->thread, NULL);
    }
    arm__cond_release(&upkeep->woken);
    arm__mutex_release(&upkeep->mutex);
    arm__free(upkeep->tables);
    arm__free(upkeep);
}
