/* SPDX-License-Identifier: Apache-2.0 */
/* One commit from request to acknowledgement.
 *
 *   ensure     chunks that are not new are leased and made durable, before the lock
 *   turn       the commit lock, shared with those who wait for it (turn.c): validated, placed,
 *              folded, appended; outside the lock it waits until it is durable (K1)
 *   answer     to a commit id that was there already: nothing is applied twice
 */

#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

/* ---- Before the lock ---- */

/* Chunks that this commit leased, so that no gc takes them before it names them. */
struct leases {
    struct arm_store *store;
    size_t count;
    struct arm_hash *chunks;
};

static void leases_release(struct leases *leases)
{
    for (size_t i = 0; i < leases->count; i++) {
        arm__store_lease_drop(leases->store, &leases->chunks[i]);
    }
    arm__free(leases->chunks);
}

/* Whether a durable commit names the chunk: then it was synced. */
static arm_status is_durable(struct arm_repository *repository, const struct arm_hash *chunk,
                             bool *out, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(repository->log);
    struct arm_index_txn *txn = NULL;
    struct arm_chunk_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(repository->index, &txn, err));
    ARM_TRY(arm__index_chunk(txn, chunk, &row, NULL, &found, err));
    *out = found && row.tx <= durable;
done:
    arm__index_abort(txn);
    return st;
}

/* Lease a chunk that was there before; one that no durable commit names may be in nobody's sync
 * but ours. */
static arm_status ensure_chunk(struct arm_repository *repository, const struct arm_hash *chunk,
                               struct leases *leases, struct arm_error *err)
{
    char hex[ARM_HASH_HEX + 1];
    bool durable;
    bool there;
    arm_status st = ARM_OK;

    if (leases->count == 0) { /* R5: a lease is a file */
        ARM_TRY(arm__anchor_check(&repository->anchor, err));
    }
    ARM_TRY(is_durable(repository, chunk, &durable, err));
    if (!durable) {
        ARM_TRY(arm__store_ensure(repository->store, chunk, err));
        leases->chunks[leases->count++] = *chunk;
        goto done;
    }
    ARM_TRY(arm__store_lease(repository->store, chunk, err));
    leases->chunks[leases->count++] = *chunk;
    ARM_TRY(arm__store_exists(repository->store, chunk, &there, err));
    if (!there) {
        arm__hash_hex(chunk, hex);
        st = arm__fail(err, ARM_NOT_FOUND, "chunk %s is not there", hex);
    }
done:
    return st;
}

static arm_status ensure_chunks(struct arm_repository *repository,
                                const struct arm_commit_request *request, struct leases *leases,
                                struct arm_error *err)
{
    size_t count = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < request->change_count; i++) {
        count += request->changes[i].added_count + request->changes[i].use_count;
    }
    if (count > 0) {
        ARM_TRY(arm__calloc(count, sizeof *leases->chunks, &leases->chunks, err));
    }
    for (size_t i = 0; i < request->change_count; i++) {
        const struct arm_new_change *change = &request->changes[i];

        for (size_t k = 0; k < change->added_count; k++) {
            const struct arm_new_entry *entry = &change->added[k];

            if (!entry->is_hot && !entry->is_new) {
                ARM_TRY(ensure_chunk(repository, &entry->chunk, leases, err));
            }
        }
        for (size_t k = 0; k < change->use_count; k++) {
            ARM_TRY(ensure_chunk(repository, &change->uses[k], leases, err));
        }
    }
done:
    return st;
}

static arm_status choose_id(const struct arm_repository *repository,
                            const struct arm_commit_request *request, struct arm_id *out,
                            struct arm_error *err)
{
    static const struct arm_id none;

    if (!arm__id_equal(&request->commit_id, &none)) {
        *out = request->commit_id;
        return ARM_OK;
    }
    return arm__repository_new_id(repository, out, err);
}

/* ---- A retry ---- */

/* The change of `record` that an earlier try of request change `i` made. */
static uint64_t version_of(const Armpb__Commit *commit, const struct arm_commit_request *request,
                           const struct arm_id *commit_id, size_t i)
{
    struct arm_table_id id = request->changes[i].table_id;

    if (request->changes[i].kind == ARMPB__CHANGE_KIND__CREATE) {
        id = arm__table_id(commit_id, (uint32_t)i);
    }
    for (size_t k = 0; k < commit->n_changes; k++) {
        const Armpb__TableChange *change = commit->changes[k];

        if (change->table_id.len == ARM_TABLE_ID_BYTES && change->has_version &&
            memcmp(change->table_id.data, id.bytes, ARM_TABLE_ID_BYTES) == 0) {
            return change->version;
        }
    }
    return 0;
}

static arm_status answer_retry(struct arm_repository *repository,
                               const struct arm_commit_request *request,
                               const struct arm_id *commit_id, uint64_t tx,
                               struct arm_commit_result *out, uint64_t *out_versions,
                               struct arm_error *err)
{
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_record(repository->catalog, tx, &record, NULL, err));
    if (record->commit == NULL && record->consumer == NULL) {
        st = arm__fail(err, ARM_INVALID, "the commit id is that of a branch or tag");
        goto done;
    }
    ARM_TRY(arm__repository_wait(repository, tx, commit_id, err));
    *out = (struct arm_commit_result){tx, *commit_id,
                                      record->commit != NULL ? record->commit->time_us
                                                             : record->consumer->time_us};
    for (size_t i = 0; out_versions != NULL && i < request->change_count; i++) {
        out_versions[i] =
            record->commit == NULL ? 0 : version_of(record->commit, request, commit_id, i);
    }
done:
    arm__record_free(record);
    return st;
}

/* ---- All of it ---- */

static void tell_versions(const struct arm_commit_plan *plan, uint64_t *out_versions)
{
    for (size_t i = 0; out_versions != NULL && i < plan->change_count; i++) {
        out_versions[i] = plan->changes[i].version;
    }
}

arm_status arm__commit(struct arm_repository *repository, const struct arm_commit_request *request,
                       struct arm_commit_result *out, uint64_t *out_versions, struct arm_error *err)
{
    struct arm_commit_job job = {.err = err};
    struct leases leases = {.store = repository->store};
    arm_status st = ARM_OK;

    arm__plan_init(&job.plan, repository, request);
    ARM_TRY(arm__repository_check_handle(repository, true, err));
    ARM_TRY(choose_id(repository, request, &job.plan.commit_id, err));
    ARM_TRY(ensure_chunks(repository, request, &leases, err));
    arm__turn_take(repository, &job);
    ARM_TRY(job.status);
    if (job.is_retry || job.tx == 0) { /* else the append looks (R5) */
        ARM_TRY(arm__anchor_check(&repository->anchor, err));
    }
    if (job.is_retry) {
        st = answer_retry(repository, request, &job.plan.commit_id, job.tx, out, out_versions, err);
        goto done;
    }
    tell_versions(&job.plan, out_versions);
    *out = (struct arm_commit_result){job.tx, job.plan.commit_id, job.plan.commit.time_us};
done:
    arm__plan_release(&job.plan);
    leases_release(&leases);
    return st;
}

/* What is appended: in the index, or in the log alone, where its process was killed before it could
 * fold it. Whoever only reads is told what is folded. */
static arm_status find_appended(struct arm_repository *repository, const struct arm_id *commit_id,
                                uint64_t *out_tx, bool *out_found, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(repository->index, &txn, err));
    ARM_TRY(arm__index_find_id(txn, commit_id, out_tx, out_found, err));
    if (!*out_found && !repository->read_only && !repository->log_is_read_only) {
        arm__index_abort(txn);
        txn = NULL;
        ARM_TRY(arm__repository_check_handle(repository, true, err));
        ARM_TRY(arm__repository_begin(repository, &txn, &state, err)); /* folds all there is */
        ARM_TRY(arm__index_find_id(txn, commit_id, out_tx, out_found, err));
    }
    if (*out_found && *out_tx > arm__log_durable_to(repository->log)) {
        ARM_TRY(arm__index_state(txn, &state, err));
        arm__log_published(repository->log, &state.folded); /* it died before it could say so */
    }
done:
    arm__index_abort(txn);
    return st;
}

/* What was appended and not synced is made durable first, by whoever asks, since its own process
 * may be no more: so the answer is final. */
arm_status arm__commit_find(struct arm_repository *repository, const struct arm_id *commit_id,
                            uint64_t *out_tx, struct arm_error *err)
{
    uint64_t tx = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, false, err));
    ARM_TRY(find_appended(repository, commit_id, &tx, &found, err));
    if (found) {
        ARM_TRY(arm__repository_wait(repository, tx, commit_id, err));
    }
    *out_tx = found ? tx : 0;
done:
    return st;
}
