/* SPDX-License-Identifier: Apache-2.0 */
/* What the first opener does before anybody reads, and the last one before it goes (R2, R3).
 *
 *   sweep    remove what dead processes staged
 *   trust    may the index be believed (trust.c), and does the log still hold what it folded?
 *            Else: what the last checkpoint has of it (restore.c)
 *   log      find the tail from there (or from the start), cut what nobody was promised
 *   fold     bring the index to the tail
 *
 * What a crash in between leaves: before the index is made anew its trust file is gone, so that
 * a half-folded one is not believed; all else is done again by the next one.
 *
 * Damage: the log is left alone, the index folded as far as the log is good, and the file
 * index/damage says what is wrong to those who open it while we live. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { PROBLEM_BYTES_MAX = 4096 };

/* ---- Sweeping ---- */

static const char scratch_prefix[] = "verify-";

struct scratch_search {
    struct arm_repository *repository;
    char *staging;
};

static arm_status remove_file(void *context, const char *name, struct arm_error *err)
{
    const struct scratch_search *search = context;
    const struct arm_io *io = search->repository->io;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(search->staging, name, &path, err));
    (void)io->remove(io->self, path, NULL);
done:
    arm__free(path);
    return st;
}

/* A scratch index that a dead verify left: <staging>/verify-…/index/…. */
static arm_status remove_scratch(void *context, const char *name, struct arm_error *err)
{
    const struct scratch_search *search = context;
    const struct arm_io *io = search->repository->io;
    struct scratch_search inner = *search;
    char *directory = NULL;
    arm_status st = ARM_OK;

    if (strncmp(name, scratch_prefix, sizeof scratch_prefix - 1) != 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__path_join(search->staging, name, &directory, err));
    inner.staging = NULL;
    ARM_TRY(arm__path_join(directory, "index", &inner.staging, err));
    (void)io->list(io->self, inner.staging, remove_file, &inner, NULL);
    (void)io->remove(io->self, inner.staging, NULL);
    (void)io->remove(io->self, directory, NULL);
done:
    arm__free(directory);
    arm__free(inner.staging == search->staging ? NULL : inner.staging);
    return st;
}

arm_status arm__recover_sweep(struct arm_repository *repository, uint64_t *out_removed,
                              struct arm_error *err)
{
    struct scratch_search search = {.repository = repository};
    arm_status st = ARM_OK;

    if (repository->report.was_first) { /* nobody else lives, so nobody verifies */
        ARM_TRY(arm__path_join(repository->path, "staging", &search.staging, err));
        ARM_TRY(repository->io->list(repository->io->self, search.staging, remove_scratch, &search,
                                     err));
    }
    ARM_TRY(arm__store_sweep(repository->store, NULL, NULL, out_removed, err));
done:
    arm__free(search.staging);
    return st;
}

/* ---- Damage ---- */

static arm_status damage_path(struct arm_repository *repository, char **out, struct arm_error *err)
{
    return arm__path_join(repository->path, "index/damage", out, err);
}

/* Tell those who come later, or that there is none any more. */
static arm_status note_damage(struct arm_repository *repository, struct arm_error *err)
{
    const struct arm_io *io = repository->io;
    const char *problem = repository->report.problem;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(damage_path(repository, &path, err));
    if (repository->is_damaged) {
        ARM_TRY(arm__io_replace_file(io, path, arm__bytes(problem, strlen(problem)), err));
    } else if (arm__io_exists(io, path)) {
        ARM_TRY(io->remove(io->self, path, err));
    }
done:
    arm__free(path);
    return st;
}

static arm_status read_damage(struct arm_repository *repository, struct arm_error *err)
{
    struct arm_recovery_report *report = &repository->report;
    struct arm_buf text = ARM_BUF_INIT(PROBLEM_BYTES_MAX);
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(damage_path(repository, &path, err));
    if (arm__io_exists(repository->io, path)) {
        ARM_TRY(arm__io_read_file(repository->io, path, &text, err));
        repository->is_damaged = true;
        report->damaged = true;
        (void)snprintf(report->problem, sizeof report->problem, "%.*s", (int)text.size,
                       text.size == 0 ? "" : (const char *)text.data);
    }
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}

static arm_status refuse_damaged(const struct arm_repository *repository, struct arm_error *err)
{
    if (!repository->is_damaged || repository->read_only) {
        return ARM_OK;
    }
    return arm__fail(err, ARM_CORRUPT,
                     "%s: %s. Nothing was changed. Open it read-only to read what is good, and "
                     "restore log/ from a copy (an older one on purpose: delete index/, "
                     "log/checkpoint and log/shared too)",
                     repository->path, repository->report.problem);
}

/* ---- Trust ---- */

/* Whether the log still holds the frames that the index folded last, so that its position is one
 * of the chain. `*out_closed`: the very last is a close frame. */
static arm_status confirm_position(struct arm_repository *repository,
                                   const struct arm_index_state *state, bool *out_holds,
                                   bool *out_closed, struct arm_error *err)
{
    struct arm_log_position at = arm__log_start(repository->log);
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_index_txn *txn = NULL;
    struct arm_frame_header header;
    struct arm_record_row row;
    bool found = true;
    arm_status st = ARM_OK;

    *out_holds = false;
    *out_closed = false;
    if (state->folded.next_tx > 1) {
        ARM_TRY(arm__index_read(repository->index, &txn, err));
        ARM_TRY(arm__index_record(txn, state->folded.next_tx - 1, &row, &found, err));
        if (!found || arm__log_read_at(repository->log, row.segment, row.offset, &frame, &header,
                                       NULL) != ARM_OK) {
            goto done;
        }
        at = (struct arm_log_position){row.segment, row.offset, header.first_tx, header.previous};
    }
    while (found && (at.segment != state->folded.segment || at.offset != state->folded.offset)) {
        ARM_TRY(arm__log_read(repository->log, &at, &frame, &header, &found, err));
        *out_closed = found && header.kind == ARM_FRAME_CLOSE;
    }
    *out_holds = found && at.next_tx == state->folded.next_tx &&
                 arm__hash_equal(&at.previous, &state->folded.previous);
done:
    arm__index_abort(txn);
    arm__buf_release(&frame);
    return st;
}

static arm_status read_state(struct arm_index *index, struct arm_index_state *out,
                             struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(index, &txn, err));
    ARM_TRY(arm__index_state(txn, out, err));
done:
    arm__index_abort(txn);
    return st;
}

/* The index as it lies there, if the marks vouch for it and the log holds what it folded.
 * Otherwise `repository->index` stays NULL. */
static arm_status open_trusted(struct arm_repository *repository, const struct arm_trust *mark,
                               struct arm_index_state *state, struct arm_error *err)
{
    struct arm_trust now;
    bool holds = false;
    bool closed;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__trust_look(repository->io, repository->path, &now, &found, err));
    if (!found || !arm__trust_holds(mark, &now)) {
        return ARM_OK;
    }
    st = mark->is_clean ? ARM_OK : arm__index_check_pages(repository->path, err); /* I6 */
    if (st == ARM_OK) {
        st = arm__index_open(repository->path, &repository->index, err);
    }
    if (st == ARM_OK) {
        st = read_state(repository->index, state, err);
    }
    if (st == ARM_OK && !state->is_empty) {
        st = confirm_position(repository, state, &holds, &closed, err);
    }
    if (st == ARM_CORRUPT) { /* I6: a rebuild mends it */
        st = ARM_OK;
        holds = false;
    }
    if (!holds) {
        arm__index_close(repository->index);
        repository->index = NULL;
    }
done:
    return st;
}

/* ---- The first one ---- */

/* Make the index anew, or go on from what was restored of it, to the tail. */
static arm_status fold_anew(struct arm_repository *repository, const struct arm_log_recovery *log,
                            uint64_t durable_next_tx, struct arm_error *err)
{
    struct arm_catch_up source = {
        .log = repository->log, .store = repository->store, .until = &log->tail};
    struct arm_trust now;
    bool found;
    arm_status st = ARM_OK;

    if (repository->index == NULL) {
        ARM_TRY(arm__trust_wipe(repository->io, repository->path, durable_next_tx, err));
        ARM_TRY(arm__index_open(repository->path, &repository->index, err));
    }
    ARM_TRY(arm__catch_up_all(&source, repository->index, &repository->report.folded, err));
    ARM_TRY(arm__trust_look(repository->io, repository->path, &now, &found, err));
    now.next_tx = durable_next_tx;
    ARM_TRY(arm__trust_write(repository->io, repository->path, &now, err));
    atomic_store(&repository->is_marked, true);
    repository->report.rebuilt = log->tail.next_tx > 1;
done:
    return st;
}

/* The index is trusted, and ends where the log does, or before. */
static arm_status fold_rest(struct arm_repository *repository, const struct arm_log_recovery *log,
                            struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(read_state(repository->index, &state, err));
    if (state.folded.segment == log->tail.segment && state.folded.offset == log->tail.offset) {
        goto done; /* what was closed clean stays unwritten */
    }
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(arm__index_commit(txn, err));
done:
    return st;
}

static void fill_report(struct arm_repository *repository, const struct arm_log_recovery *log)
{
    struct arm_recovery_report *report = &repository->report;

    repository->is_damaged = log->damaged;
    report->damaged = log->damaged;
    report->cut_bytes = log->cut_bytes;
    memcpy(report->problem, log->problem, sizeof report->problem);
}

arm_status arm__recover_first(struct arm_repository *repository, struct arm_error *err)
{
    struct arm_log_position from = arm__log_start(repository->log);
    struct arm_recovery_report *report = &repository->report;
    struct arm_index_state state = {.is_empty = true};
    struct arm_trust mark = {.is_clean = false};
    struct arm_log_recovery log;
    uint64_t known_durable = 0;
    uint64_t checkpoint_tx;
    bool is_trusted;
    bool found;
    arm_status st = ARM_OK;

    report->was_first = true;
    ARM_TRY(arm__recover_sweep(repository, &report->rolled_back, err));
    ARM_TRY(arm__trust_read(repository->io, repository->path, &mark, &found, err));
    if (found && mark.next_tx > 0) {
        known_durable = mark.next_tx - 1;
    }
    if (found && !arm__log_poisoned(repository->log)) { /* what was cut must not stay folded */
        ARM_TRY(open_trusted(repository, &mark, &state, err));
    }
    is_trusted = repository->index != NULL;
    if (!is_trusted) {
        ARM_TRY(arm__recover_restore(repository, known_durable + 1, &checkpoint_tx, err));
        known_durable = checkpoint_tx > known_durable ? checkpoint_tx : known_durable;
    }
    if (repository->index != NULL) {
        ARM_TRY(read_state(repository->index, &state, err));
        from = state.is_empty ? from : state.folded;
    }
    ARM_TRY(arm__log_recover(repository->log, &from, known_durable, &log, err));
    fill_report(repository, &log);
    ARM_TRY(note_damage(repository, err));
    ARM_TRY(refuse_damaged(repository, err));
    ARM_TRY(is_trusted ? fold_rest(repository, &log, err)
                       : fold_anew(repository, &log, known_durable + 1, err));
    report->is_clean =
        report->rolled_back == 0 && report->cut_bytes == 0 && !report->rebuilt && !report->damaged;
done:
    return st;
}

/* A log that may not be written has a page of its own, which nobody has filled in if the first
 * opener may not write either. */
static arm_status recover_privately(struct arm_repository *repository, struct arm_error *err)
{
    struct arm_index_state state;
    struct arm_log_recovery log;
    arm_status st = ARM_OK;

    ARM_TRY(read_state(repository->index, &state, err));
    ARM_TRY(arm__log_recover(repository->log, &state.folded, 0, &log, err));
done:
    return st;
}

arm_status arm__recover_join(struct arm_repository *repository, struct arm_error *err)
{
    arm_status st = ARM_OK;

    repository->report.is_clean = true;
    ARM_TRY(read_damage(repository, err));
    ARM_TRY(refuse_damaged(repository, err));
    if (!repository->log_is_read_only && !arm__log_is_joined(repository->log)) { /* R5 */
        st = arm__fail(err, ARM_REOPEN,
                       "%s/log/shared is not that of the processes which have it open: log/ was "
                       "replaced meanwhile; close them all, then open it again",
                       repository->path);
        goto done;
    }
    ARM_TRY(arm__index_open(repository->path, &repository->index, err));
    if (repository->log_is_read_only && arm__log_durable_to(repository->log) == 0) {
        ARM_TRY(recover_privately(repository, err));
    }
done:
    return st;
}

/* ---- The last one ---- */

/* A close frame behind the last record, and the index folded past it. */
static arm_status append_close(struct arm_repository *repository, struct arm_index_state *state,
                               struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool holds;
    bool is_closed;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_begin(repository, &txn, state, err));
    ARM_TRY(confirm_position(repository, state, &holds, &is_closed, err));
    if (!is_closed) {
        struct arm_log_position tail = state->folded;

        ARM_TRY(arm__log_append_close(repository->log, &tail, err));
        ARM_TRY(arm__index_folded(txn, &tail, err));
        ARM_TRY(arm__index_state(txn, state, err));
    }
    st = arm__index_commit(txn, err);
    txn = NULL;
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__recover_close(struct arm_repository *repository, struct arm_error *err)
{
    struct arm_index_state state;
    struct arm_trust mark;
    bool found;
    arm_status st = ARM_OK;

    if (repository->is_damaged || repository->log_is_read_only ||
        arm__log_poisoned(repository->log)) {
        return ARM_OK;
    }
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    ARM_TRY(arm__trust_read(repository->io, repository->path, &mark, &found, err));
    if (found && mark.is_clean) {
        goto done; /* nobody wrote */
    }
    ARM_TRY(append_close(repository, &state, err));
    ARM_TRY(arm__index_sync(repository->index, err));
    ARM_TRY(arm__trust_look(repository->io, repository->path, &mark, &found, err));
    mark.is_clean = true;
    mark.next_tx = state.folded.next_tx;
    ARM_TRY(arm__trust_write(repository->io, repository->path, &mark, err));
done:
    return st;
}
