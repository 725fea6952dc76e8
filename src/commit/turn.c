/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of the commit lock: the commits of threads that wait for it are made in one, with one
 * transaction of the index, one frame of the log and one sync. Each is validated against those
 * before it in the turn as against those in the log; one that is refused does not hinder others.
 *
 * Whoever finds nobody ahead of him leads: he takes the lock, then all who queued meanwhile and are
 * small, makes their commits with his own, hands the lead to the next who waits, syncs, and tells
 * his company. So nobody waits for company, and a crowd shares what one would pay. The scheme is
 * that of flat combining (Hendler, Incze, Shavit, Tzafrir, "Flat Combining and the
 * Synchronization-Parallelism Tradeoff", 2010), and of group commit in databases before it.
 *
 *   T1  What is not made durable for all of a turn is told to none: the leader tells the others
 *       after the wait. A process that dies takes all of them with it.
 *   T2  Something fails that is not one commit's own fault (memory, a full disk): the turn is
 *       given up before the log has anything of it, and each commit gets a turn of its own.
 *   T3  What a commit brings is read by the leader while its own thread waits: requests and
 *       judges are borrowed for so long. */

#include <assert.h>

#include "commit/commit_private.h"

enum {
    PAYLOAD_BYTES_MAX = ARM_FRAME_BYTES_MAX,
    SMALL_BYTES_MAX = 16 << 10, /* 64 of them stay a small frame */
    CHANGE_BYTES = 256,         /* reckoned for each change, entry and deletion */
};

void arm__turns_init(struct arm_turns *turns)
{
    arm__mutex_init(&turns->mutex);
}

void arm__turns_release(struct arm_turns *turns)
{
    arm__recent_release(&turns->recent);
    arm__mutex_release(&turns->mutex);
}

/* ---- One commit ---- */

void arm__plan_init(struct arm_commit_plan *plan, struct arm_repository *repository,
                    const struct arm_commit_request *request)
{
    *plan = (struct arm_commit_plan){.repository = repository,
                                     .request = request,
                                     .payload = ARM_BUF_INIT(PAYLOAD_BYTES_MAX),
                                     .commit = ARMPB__COMMIT__INIT};
}

void arm__plan_release(struct arm_commit_plan *plan)
{
    for (size_t i = 0; i < plan->commit.n_changes; i++) {
        arm__schema_free(plan->commit.changes[i]->schema);
    }
    arm__buf_release(&plan->payload);
    arm__arena_release(&plan->arena);
}

/* Before another try. */
static void reset(struct arm_commit_job *job)
{
    struct arm_id id = job->plan.commit_id;
    struct arm_repository *repository = job->plan.repository;
    const struct arm_commit_request *request = job->plan.request;

    arm__plan_release(&job->plan);
    arm__plan_init(&job->plan, repository, request);
    job->plan.commit_id = id;
    job->is_retry = false;
    job->tx = 0;
}

/* What one change weighs; SIZE_MAX: it is none of rows in the log alone. */
static size_t weigh(const struct arm_new_change *change)
{
    size_t bytes = CHANGE_BYTES;

    if (change->kind != ARMPB__CHANGE_KIND__WRITE || change->schema != NULL || change->truncated ||
        change->removed_count > 0 || change->metadata != NULL || change->use_count > 0) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < change->added_count; i++) {
        const struct arm_new_entry *entry = &change->added[i];

        if (!entry->is_hot || (change->judge != NULL && entry->key_count == 0)) {
            return SIZE_MAX;
        }
        bytes += CHANGE_BYTES + entry->hot.size + entry->dead.size;
    }
    for (size_t i = 0; i < change->deleted_count; i++) {
        bytes += CHANGE_BYTES + change->deleted[i].bits.size;
    }
    return bytes;
}

/* Few rows in the log: to make it costs less than the turn. A serializable one is judged by rows
 * that the log must have. */
static bool is_small(const struct arm_commit_request *request)
{
    size_t bytes = 0;

    if (request->read_count > 0 || request->reads_all) {
        return false;
    }
    for (size_t i = 0; i < request->change_count && bytes <= SMALL_BYTES_MAX; i++) {
        size_t weight = weigh(&request->changes[i]);

        bytes = weight == SIZE_MAX ? weight : bytes + weight;
    }
    return bytes <= SMALL_BYTES_MAX;
}

/* R1: what an older program would take for damage is told by FORMAT before it is written. */
static arm_status use_features(struct arm_commit_plan *plan, struct arm_error *err)
{
    uint64_t used = arm__plan_merges(plan) ? ARM_FEATURE_MERGE : 0;

    used |= plan->request->cursor != NULL ? ARM_FEATURE_CONSUMERS : 0;

    for (size_t i = 0; i < plan->commit.n_changes; i++) {
        const Armpb__TableChange *change = plan->commit.changes[i];

        if (change->kind == ARMPB__CHANGE_KIND__ADOPT) {
            used |= ARM_FEATURE_MERGE | (plan->commit.n_parents == 0 ? ARM_FEATURE_LOOSE : 0);
        }
        if (change->metadata != NULL || change->n_uses > 0) {
            used |= ARM_FEATURE_LOOSE;
        }
        if (change->object != ARMPB__OBJECT_KIND__TABLE) {
            used |= ARM_FEATURE_OBJECTS;
        }
        if (change->schema != NULL && change->schema->n_generated > 0) {
            used |= ARM_FEATURE_GENERATED;
        }
    }
    return arm__repository_use_feature(plan->repository, used, err);
}

/* Whether it may be made: its own affair, which leaves the turn as it was. */
static arm_status judge(struct arm_commit_job *job, struct arm_error *err)
{
    struct arm_commit_plan *plan = &job->plan;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_find_id(plan->txn, &plan->commit_id, &job->tx, &job->is_retry, err));
    if (job->is_retry) {
        goto done;
    }
    ARM_TRY(arm__commit_validate(plan, err));
    ARM_TRY(arm__commit_sift(plan, err));
done:
    return st;
}

/* The record of a plan: a commit that changes nothing is none (K4), but a consumer may have come
 * further all the same. */
static void describe(struct arm_commit_plan *plan, bool is_empty, Armpb__Record *out)
{
    if (plan->request->cursor != NULL) {
        arm__cursor_describe(plan->request->cursor, &plan->cursor);
    }
    if (is_empty) {
        armpb__consumer_change__init(&plan->consumer);
        plan->consumer.commit_id = plan->commit.commit_id;
        plan->consumer.time_us = plan->commit.time_us;
        plan->consumer.cursor = &plan->cursor;
        out->consumer = &plan->consumer;
    } else {
        plan->commit.cursor = plan->request->cursor != NULL ? &plan->cursor : NULL;
        out->commit = &plan->commit;
    }
}

/* Place it and fold it. */
static arm_status make(struct arm_turn *turn, struct arm_commit_job *job, struct arm_error *err)
{
    struct arm_commit_plan *plan = &job->plan;
    Armpb__Record record = ARMPB__RECORD__INIT;
    bool is_empty;
    arm_status st = ARM_OK;

    ARM_TRY(arm__commit_place(plan, err));
    is_empty = plan->commit.n_changes == 0 && !arm__plan_merges(plan);
    if (is_empty && plan->request->cursor == NULL) {
        goto done;
    }
    ARM_TRY(use_features(plan, err));
    describe(plan, is_empty, &record);
    ARM_TRY(
        arm__turn_add(plan->repository, turn, &record, arm__buf_bytes(&plan->payload), plan, err));
    turn->state.last_time_us = plan->commit.time_us;
    job->tx = arm__plan_now(plan);
done:
    return st;
}

/* ---- A turn ---- */

/* Jobs that share a turn; the first is the leader's own. */
struct crew {
    struct arm_repository *repository;
    size_t count;
    struct arm_commit_job *jobs[ARM_TURN_RECORDS_MAX];
};

/* False: the turn is spoilt, by a job whose status says why; or that cannot share it. */
static bool fill(struct arm_turn *turn, const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        struct arm_commit_job *job = crew->jobs[i];

        job->plan.turn = turn;
        job->plan.txn = turn->txn;
        job->status = judge(job, job->err);
        if (job->plan.needs_log) {
            return false;
        }
        if (job->status != ARM_OK || job->is_retry) {
            continue;
        }
        job->status = make(turn, job, job->err);
        if (job->status != ARM_OK) {
            return false;
        }
    }
    return true;
}

static bool is_appended(const struct arm_commit_job *job)
{
    return job->status == ARM_OK && !job->is_retry && job->tx != 0;
}

/* All that were made share a fate. */
static void tell_all(const struct crew *crew, bool unknown, const struct arm_error *why)
{
    for (size_t i = 0; i < crew->count; i++) {
        struct arm_commit_job *job = crew->jobs[i];

        if (!is_appended(job)) {
            continue;
        }
        if (job->err != NULL && job->err != why) {
            *job->err = *why;
        }
        job->status = unknown ? arm__commit_unknown(&job->plan.commit_id, job->err) : why->code;
    }
}

static void note_recent(struct arm_recent *recent, const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        const struct arm_commit_job *job = crew->jobs[i];

        for (size_t k = 0; is_appended(job) && job->is_small && k < job->plan.placed_count; k++) {
            arm__recent_note(recent, job->tx, &job->plan.placed[k]);
        }
    }
}

/* The crew's commits, appended; the lock is free afterwards. False: the turn is spoilt, and nothing
 * was appended. */
static bool turn_over(struct arm_turn *turn, const struct crew *crew)
{
    struct arm_repository *repository = crew->repository;
    struct arm_error why;
    bool appended = false;
    arm_status st;

    if (!fill(turn, crew)) {
        return false;
    }
    if (turn->count == 0) {
        arm__log_published(repository->log, &turn->state.folded); /* K7, whose process died */
        arm__index_abort(turn->txn);
        turn->txn = NULL;
        return true;
    }
    st = arm__turn_append(repository, turn, &appended, &why);
    if (st != ARM_OK) {
        tell_all(crew, appended, &why);
        return appended;
    }
    note_recent(&repository->turns.recent, crew);
    return true;
}

static bool has_conflict(const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        if (crew->jobs[i]->status == ARM_CONFLICT) {
            return true;
        }
    }
    return false;
}

/* Outside the lock: until all is durable that the crew made, and what it was refused for (K7), so
 * that who runs it again sees it. The other's process may have been killed before the sync, and
 * nobody else need come: then every transaction begins before that commit and meets it. */
static void settle(const struct arm_turn *turn, const struct crew *crew)
{
    struct arm_repository *repository = crew->repository;
    struct arm_error why;

    if (turn->count == 0 && !has_conflict(crew)) {
        return;
    }
    if (arm__log_wait_durable(repository->log, turn->state.folded.next_tx - 1, &why) != ARM_OK) {
        tell_all(crew, true, &why);
    } else if (turn->count > 0) {
        arm__checkpoint_consider(repository, &turn->start);
    }
}

/* T2: each by itself. */
static void turn_singly(struct arm_turn *turn, const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        struct crew alone = {.repository = crew->repository, .count = 1, .jobs = {crew->jobs[i]}};
        struct arm_commit_job *job = alone.jobs[0];

        arm__turn_release(crew->repository, turn);
        reset(job);
        job->status = arm__turn_begin(crew->repository, turn, job->err);
        if (job->status == ARM_OK && turn_over(turn, &alone)) {
            settle(turn, &alone);
        }
    }
}

/* ---- The queue ---- */

/* Who waits, from the front: the leader, and unless he or they are not small, with company as far
 * as one turn may hold it. */
static void muster(struct arm_turns *turns, struct crew *crew, bool with_company)
{
    arm__mutex_lock(&turns->mutex);
    with_company = with_company && turns->first->is_small;
    do {
        struct arm_commit_job *job = turns->first;

        turns->first = job->next;
        crew->jobs[crew->count++] = job;
    } while (with_company && turns->first != NULL && turns->first->is_small &&
             crew->count < ARM_TURN_RECORDS_MAX);
    arm__mutex_unlock(&turns->mutex);
}

static void tell(struct arm_commit_job *job, enum arm_job_stage stage)
{
    job->stage = stage;
    arm__cond_wake_all(&job->turned);
}

/* The next who waits leads. */
static void hand_on(struct arm_turns *turns)
{
    arm__mutex_lock(&turns->mutex);
    turns->is_led = turns->first != NULL;
    if (turns->is_led) {
        tell(turns->first, ARM_JOB_LEADS);
    }
    arm__mutex_unlock(&turns->mutex);
}

static void dismiss(struct arm_turns *turns, const struct crew *crew)
{
    arm__mutex_lock(&turns->mutex);
    for (size_t i = 1; i < crew->count; i++) {
        tell(crew->jobs[i], ARM_JOB_DONE);
    }
    arm__mutex_unlock(&turns->mutex);
}

static void lead(struct arm_repository *repository, struct arm_commit_job *own)
{
    struct arm_turns *turns = &repository->turns;
    struct crew crew = {.repository = repository};
    struct arm_turn turn;
    bool is_whole = false;

    own->status = arm__turn_begin(repository, &turn, own->err); /* meanwhile others queue */
    muster(turns, &crew, own->status == ARM_OK);
    assert(crew.jobs[0] == own);
    if (own->status == ARM_OK) {
        is_whole = turn_over(&turn, &crew);
        if (!is_whole && crew.count > 1) {
            turn_singly(&turn, &crew);
        }
    }
    hand_on(turns);
    if (is_whole) {
        settle(&turn, &crew);
    }
    arm__turn_release(repository, &turn);
    dismiss(turns, &crew);
}

/* Whether nobody leads: then this job does. */
static bool enqueue(struct arm_turns *turns, struct arm_commit_job *job)
{
    bool leads;

    arm__mutex_lock(&turns->mutex);
    if (turns->first == NULL) {
        turns->first = job;
    } else {
        turns->last->next = job;
    }
    turns->last = job;
    leads = !turns->is_led;
    turns->is_led = true;
    while (!leads && job->stage == ARM_JOB_WAITS) {
        arm__cond_wait(&job->turned, &turns->mutex);
    }
    leads = leads || job->stage == ARM_JOB_LEADS;
    arm__mutex_unlock(&turns->mutex);
    return leads;
}

void arm__turn_take(struct arm_repository *repository, struct arm_commit_job *job)
{
    job->is_small = is_small(job->plan.request);
    job->stage = ARM_JOB_WAITS;
    job->next = NULL;
    arm__cond_init(&job->turned);
    if (enqueue(&repository->turns, job)) {
        lead(repository, job);
    }
    arm__cond_release(&job->turned);
}
