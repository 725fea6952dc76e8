/* SPDX-License-Identifier: Apache-2.0 */
/* One commit from request to acknowledgement.
 *
 *   ensure     chunks that are not new are leased and made durable, before the lock
 *   begin      the commit lock; frames of killed processes folded
 *   find       a commit id that is there already: nothing is applied twice
 *   validate   against everything appended (validate.c)
 *   sift       what changes nothing goes (K4)
 *   place      numbers, positions, ids (place.c)
 *   append     encode, fold, append, commit the index, publish (append.c)
 *   wait       outside the lock, until it is durable (K1)
 */

#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { PAYLOAD_BYTES_MAX = ARM_FRAME_BYTES_MAX };

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
        count += request->changes[i].added_count;
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
    if (record->commit == NULL) {
        st = arm__fail(err, ARM_INVALID, "the commit id is that of a branch or tag");
        goto done;
    }
    ARM_TRY(arm__repository_wait(repository, tx, commit_id, err));
    *out = (struct arm_commit_result){tx, *commit_id, record->commit->time_us};
    for (size_t i = 0; out_versions != NULL && i < request->change_count; i++) {
        out_versions[i] = version_of(record->commit, request, commit_id, i);
    }
done:
    arm__record_free(record);
    return st;
}

/* ---- Under the lock ---- */

static void plan_release(struct arm_commit_plan *plan)
{
    for (size_t i = 0; i < plan->commit.n_changes; i++) {
        arm__schema_free(plan->commit.changes[i]->schema);
    }
    arm__index_abort(plan->txn);
    arm__buf_release(&plan->payload);
    arm__arena_release(&plan->arena);
}

/* R1: what an older program would take for damage is told by FORMAT before it is written. */
static arm_status use_features(struct arm_commit_plan *plan, struct arm_error *err)
{
    uint64_t used = 0;

    for (size_t i = 0; i < plan->commit.n_changes; i++) {
        const Armpb__TableChange *change = plan->commit.changes[i];

        if (change->object != ARMPB__OBJECT_KIND__TABLE) {
            used |= ARM_FEATURE_OBJECTS;
        }
        if (change->schema != NULL && change->schema->n_generated > 0) {
            used |= ARM_FEATURE_GENERATED;
        }
    }
    return arm__repository_use_feature(plan->repository, used, err);
}

/* Everything between lock and append. `*out_retried`: the id is there, with tx `*out_tx`. */
static arm_status prepare(struct arm_commit_plan *plan, uint64_t *out_tx, bool *out_retried,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_begin(plan->repository, &plan->txn, &plan->state, err));
    ARM_TRY(arm__index_find_id(plan->txn, &plan->commit_id, out_tx, out_retried, err));
    if (*out_retried) {
        goto done;
    }
    ARM_TRY(arm__commit_validate(plan, err));
    ARM_TRY(arm__commit_sift(plan, err));
    ARM_TRY(arm__commit_place(plan, err));
    ARM_TRY(use_features(plan, err));
done:
    return st;
}

/* K7: what a request was refused for is made durable, so that who runs it again sees it. Its
 * own process may have been killed before the sync, and nobody else need come: then every
 * transaction begins before that commit and meets it. */
static void settle_others(struct arm_commit_plan *plan)
{
    struct arm_log *log = plan->repository->log;
    struct arm_error ignored; /* that it was refused stays true */

    arm__log_published(log, &plan->state.folded); /* it died before it could say so */
    arm__index_abort(plan->txn);                  /* the lock is not held while one waits */
    plan->txn = NULL;
    (void)arm__log_wait_durable(log, plan->state.folded.next_tx - 1, &ignored);
}

static arm_status append(struct arm_commit_plan *plan, struct arm_error *err)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append how = {.txn = plan->txn,
                             .state = &plan->state,
                             .record = &record,
                             .payload = arm__buf_bytes(&plan->payload),
                             .commit_id = plan->commit_id};

    record.commit = &plan->commit;
    plan->txn = NULL; /* taken */
    return arm__repository_append(plan->repository, &how, err);
}

static void tell_versions(const struct arm_commit_plan *plan, uint64_t *out_versions)
{
    for (size_t i = 0; out_versions != NULL && i < plan->change_count; i++) {
        out_versions[i] = plan->changes[i].version;
    }
}

arm_status arm__commit(struct arm_repository *repository, const struct arm_commit_request *request,
                       struct arm_commit_result *out, uint64_t *out_versions, struct arm_error *err)
{
    struct arm_commit_plan plan = {.repository = repository,
                                   .request = request,
                                   .payload = ARM_BUF_INIT(PAYLOAD_BYTES_MAX),
                                   .commit = ARMPB__COMMIT__INIT};
    struct leases leases = {.store = repository->store};
    bool is_retry = false;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check_handle(repository, true, err));
    ARM_TRY(choose_id(repository, request, &plan.commit_id, err));
    ARM_TRY(ensure_chunks(repository, request, &leases, err));
    st = prepare(&plan, &tx, &is_retry, err);
    if (st == ARM_CONFLICT) {
        settle_others(&plan);
    }
    ARM_TRY(st);
    if (is_retry || plan.commit.n_changes == 0) { /* else the append looks (R5) */
        ARM_TRY(arm__anchor_check(&repository->anchor, err));
    }
    if (is_retry) {
        arm__index_abort(plan.txn);
        plan.txn = NULL;
        st = answer_retry(repository, request, &plan.commit_id, tx, out, out_versions, err);
        goto done;
    }
    if (plan.commit.n_changes > 0) {
        tx = plan.state.folded.next_tx;
        ARM_TRY(append(&plan, err));
        ARM_TRY(arm__repository_wait(repository, tx, &plan.commit_id, err));
        arm__checkpoint_consider(repository, &plan.state.folded);
    }
    tell_versions(&plan, out_versions);
    *out = (struct arm_commit_result){tx, plan.commit_id, plan.commit.time_us};
done:
    plan_release(&plan);
    leases_release(&leases);
    return st;
}

/* What was appended and not synced is made durable first, by whoever asks, since its own process
 * may be no more: so the answer is final. */
arm_status arm__commit_find(struct arm_repository *repository, const struct arm_id *commit_id,
                            uint64_t *out_tx, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, false, err));
    ARM_TRY(arm__index_read(repository->index, &txn, err));
    ARM_TRY(arm__index_find_id(txn, commit_id, &tx, &found, err));
    if (found && tx > arm__log_durable_to(repository->log)) { /* its process may be no more */
        ARM_TRY(arm__index_state(txn, &state, err));
        arm__log_published(repository->log, &state.folded);
        arm__index_abort(txn);
        txn = NULL;
        ARM_TRY(arm__repository_wait(repository, tx, commit_id, err));
    }
    *out_tx = found ? tx : 0;
done:
    arm__index_abort(txn);
    return st;
}
