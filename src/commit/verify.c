/* SPDX-License-Identifier: Apache-2.0 */
/* verify: is everything what the log says it is?
 *
 *   log     every frame from the first on, its hash and its place in the chain
 *   index   every record folded anew into a scratch index in staging/, which must come out as
 *           the live one, sub-database by sub-database
 *   chunk   every chunk that the log names, but for those that gc was free to take: there, of its
 *           size; full: of its hash and row count
 *           Those that users keep, or versions use besides: there; full: of their hash
 *   stray   full: every other file in chunks/ has the hash that is its name
 *
 * Nothing is repaired and nothing written but the scratch index. Others may go on committing: the
 * live index is looked at as of one moment, for which the log is folded exactly so far. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "commit/missing.h"
#include "model/message.h"

enum { RECORDS_PER_STEP = 2048, FOOTER_BYTES_MAX = 64 << 20, FOOTER_TRAILER = 8 };
enum { DIFFERENCES_MAX = 1000, OBJECT_BYTES = 2100, MESSAGE_BYTES = 1500 };

struct verification {
    struct arm_repository *repository;
    bool full;
    arm_visit_issue *visit;
    arm_progress *progress;
    void *context;
    struct arm_verify_report report;
    uint64_t done;
    uint64_t total;
    char *scratch; /* its root */
    struct arm_index *index;
    Armpb__Checkpoint *checkpoint; /* the last one; NULL: none */
    struct arm_missing missing;    /* chunks that the log names */
    struct arm_pin pin;            /* nothing goes meanwhile that is there now */
    bool log_is_good;
};

static arm_status tell(struct verification *v, const char *kind, const char *object,
                       const char *message, struct arm_error *err)
{
    struct arm_issue issue = {kind, object, message};

    v->report.issues++;
    return v->visit == NULL ? ARM_OK : v->visit(v->context, &issue, err);
}

static bool is_damage(arm_status st)
{
    return st == ARM_CORRUPT || st == ARM_NOT_FOUND || st == ARM_HASH_MISMATCH;
}

/* What a look at something came to: damage is told, anything else fails. */
static arm_status tell_of(struct verification *v, arm_status st, const char *kind,
                          const char *object, const struct arm_error *why, struct arm_error *err)
{
    if (is_damage(st)) {
        return tell(v, kind, object, why->message, err);
    }
    return st == ARM_OK ? ARM_OK : arm__fail(err, st, "%s", why->message);
}

/* One unit more is done. */
static arm_status advance(struct verification *v, uint64_t units, struct arm_error *err)
{
    v->done += units;
    if (v->total < v->done) {
        v->total = v->done;
    }
    if (v->progress != NULL && !v->progress(v->context, v->done, v->total)) {
        return arm__fail(err, ARM_INTERRUPTED, "verify was interrupted");
    }
    return ARM_OK;
}

/* ---- The scratch index ---- */

static arm_status make_scratch(struct verification *v, struct arm_error *err)
{
    const struct arm_io *io = v->repository->io;
    char name[16 + 2 * ARM_ID_BYTES];
    char hex[2 * ARM_ID_BYTES + 1];
    char *staging = NULL;
    char *path = NULL;
    struct arm_id id;
    arm_status st = ARM_OK;

    ARM_TRY(arm__id_random(&id, err));
    arm__id_hex(&id, hex);
    (void)snprintf(name, sizeof name, "verify-%s", hex);
    ARM_TRY(arm__path_join(v->repository->path, "staging", &staging, err));
    ARM_TRY(arm__path_join(staging, name, &path, err));
    ARM_TRY(io->make_directory(io->self, path, err));
    v->scratch = path;
    path = NULL;
    ARM_TRY(arm__index_open(v->scratch, &v->index, err));
done:
    arm__free(path);
    arm__free(staging);
    return st;
}

static void remove_scratch(struct verification *v)
{
    static const char *const names[] = {"index/data.mdb", "index/lock.mdb", "index", "."};
    const struct arm_io *io = v->repository->io;

    arm__index_close(v->index);
    for (size_t i = 0; v->scratch != NULL && i < sizeof names / sizeof *names; i++) {
        char *path = NULL;

        if (strcmp(names[i], ".") == 0) {
            (void)io->remove(io->self, v->scratch, NULL);
        } else if (arm__path_join(v->scratch, names[i], &path, NULL) == ARM_OK) {
            (void)io->remove(io->self, path, NULL);
        }
        arm__free(path);
    }
    arm__free(v->scratch);
}

/* ---- The log ---- */

static arm_status state_of(struct arm_index *index, struct arm_index_state *out,
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

/* Fold a piece of the log into the scratch index; a piece that cannot be folded is folded up to
 * its last good frame. */
static arm_status fold_piece(struct verification *v, const struct arm_log_position *until,
                             struct arm_index_state *state, bool *out_more, struct arm_error *err)
{
    struct arm_catch_up source = {.log = v->repository->log,
                                  .store = v->repository->store,
                                  .until = until,
                                  .record_limit = RECORDS_PER_STEP,
                                  .frame_count = &v->report.frames};
    struct arm_index_txn *txn = NULL;
    uint64_t folded = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_write(v->index, &txn, err));
    ARM_TRY(arm__index_state(txn, state, err));
    ARM_TRY(arm__catch_up(&source, txn, state, &folded, out_more, err));
    st = arm__index_commit(txn, err);
    txn = NULL;
    ARM_TRY(st);
    v->report.records += folded;
    ARM_TRY(advance(v, folded, err));
done:
    arm__index_abort(txn);
    return st;
}

static void describe_position(const struct arm_log_position *at, char out[64])
{
    (void)snprintf(out, 64, "segment %" PRIu64 ", byte %" PRIu64, at->segment, at->offset);
}

/* The log ends before the index does: say why. */
static arm_status tell_end(struct verification *v, const struct arm_log_position *at,
                           struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_frame_header header;
    struct arm_error why;
    char object[64];
    arm_status st;

    st = arm__log_read_at(v->repository->log, at->segment, at->offset, &frame, &header, &why);
    describe_position(at, object);
    v->log_is_good = false;
    st = tell(v, "log", object,
              st == ARM_OK ? "the frame does not continue the one before it" : why.message, err);
    arm__buf_release(&frame);
    return st;
}

/* Fold until the position; damage is told. */
static arm_status fold_until(struct verification *v, const struct arm_log_position *until,
                             struct arm_error *err)
{
    struct arm_index_state state;
    struct arm_error why;
    bool more = true;
    arm_status st = ARM_OK;

    while (more && st == ARM_OK) {
        st = fold_piece(v, until, &state, &more, &why);
    }
    if (st != ARM_OK) {
        v->log_is_good = v->log_is_good && !is_damage(st);
        return tell_of(v, st, "log", "record", &why, err);
    }
    if (state.folded.segment != until->segment || state.folded.offset != until->offset) {
        return tell_end(v, &state.folded, err);
    }
    return ARM_OK;
}

/* ---- The index ---- */

/* Differences are collected and told afterwards: no reader pins the live index meanwhile. */
struct differences {
    size_t count;
    struct {
        char object[OBJECT_BYTES];
        const char *what;
    } *items;
};

static arm_status collect_difference(void *context, const char *db, struct arm_bytes key,
                                     const char *what, struct arm_error *err)
{
    struct differences *all = context;
    char *object;
    int at;
    arm_status st = ARM_OK;

    if (all->count == DIFFERENCES_MAX) {
        return ARM_OK;
    }
    ARM_TRY(arm__realloc(&all->items, all->count + 1, sizeof *all->items, err));
    object = all->items[all->count].object;
    at = snprintf(object, OBJECT_BYTES, "%s ", db);
    for (size_t i = 0; i < key.size && at + 3 < OBJECT_BYTES; i++) {
        at += snprintf(object + at, OBJECT_BYTES - (size_t)at, "%02x", key.data[i]);
    }
    all->items[all->count].what = what;
    all->count++;
done:
    return st;
}

/* The live index as of one moment, beside the scratch one folded to the same. */
static arm_status compare(struct verification *v, struct differences *all, struct arm_error *err)
{
    struct arm_index_txn *live = NULL;
    struct arm_index_txn *fresh = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(v->repository->index, &live, err));
    ARM_TRY(arm__index_state(live, &state, err));
    ARM_TRY(fold_until(v, &state.folded, err));
    if (v->log_is_good) {
        ARM_TRY(arm__index_read(v->index, &fresh, err));
        ARM_TRY(arm__index_compare(live, fresh, collect_difference, all, err));
    }
done:
    arm__index_abort(fresh);
    arm__index_abort(live);
    return st;
}

static arm_status check_index(struct verification *v, struct arm_error *err)
{
    struct differences all = {.count = 0};
    struct arm_error why;
    char message[128];
    arm_status st = compare(v, &all, &why);

    st = tell_of(v, st, "index", "index", &why, err);
    for (size_t i = 0; st == ARM_OK && i < all.count; i++) {
        (void)snprintf(message, sizeof message,
                       "the key %s: close the repository and delete index/, it will be made anew",
                       all.items[i].what);
        st = tell(v, "index", all.items[i].object, message, err);
    }
    arm__free(all.items);
    return st;
}

/* ---- Chunks ---- */

/* The row count in a chunk's footer. */
static arm_status footer_rows(struct verification *v, const char *path, uint64_t size,
                              uint64_t *out, struct arm_error *err)
{
    const struct arm_io *io = v->repository->io;
    struct arm_buf footer = ARM_BUF_INIT(FOOTER_BYTES_MAX);
    uint8_t trailer[FOOTER_TRAILER];
    struct arm_file *file = NULL;
    uint64_t footer_size = size;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_READ, &file, err));
    if (size >= FOOTER_TRAILER) {
        ARM_TRY(arm__io_read_exact(io, file, size - FOOTER_TRAILER, trailer, sizeof trailer, err));
        footer_size = (uint64_t)arm__get_u32(trailer) + FOOTER_TRAILER;
    }
    if (footer_size > size || footer_size > FOOTER_BYTES_MAX) {
        st = arm__fail(err, ARM_CORRUPT, "Parquet footer: it is longer than it can be");
        goto done;
    }
    ARM_TRY(arm__buf_reserve(&footer, (size_t)footer_size, err));
    ARM_TRY(
        arm__io_read_exact(io, file, size - footer_size, footer.data, (size_t)footer_size, err));
    footer.size = (size_t)footer_size;
    ARM_TRY(arm__parquet_rows(arm__buf_bytes(&footer), out, err));
done:
    if (file != NULL) {
        io->close(io->self, file);
    }
    arm__buf_release(&footer);
    return st;
}

/* Size, and if `full` hash and rows; what is wrong is the failure. */
static arm_status examine_chunk(struct verification *v, const struct arm_hash *chunk,
                                const struct arm_chunk_row *row, struct arm_error *err)
{
    char *path = NULL;
    uint64_t size;
    uint64_t rows;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_size(v->repository->store, chunk, &size, err));
    if (size != row->bytes) {
        st =
            arm__fail(err, ARM_CORRUPT, "it has %" PRIu64 " bytes, not %" PRIu64, size, row->bytes);
        goto done;
    }
    if (v->full) {
        ARM_TRY(arm__store_check(v->repository->store, chunk, err));
        v->report.bytes_hashed += size;
        ARM_TRY(arm__store_path(v->repository->store, chunk, &path, err));
        ARM_TRY(footer_rows(v, path, size, &rows, err));
        if (rows != row->rows) {
            st = arm__fail(err, ARM_CORRUPT, "it has %" PRIu64 " rows, not %" PRIu32, rows,
                           row->rows);
        }
    }
done:
    arm__free(path);
    return st;
}

static arm_status check_chunk(void *context, const struct arm_hash *chunk,
                              const struct arm_chunk_row *row, struct arm_error *err)
{
    struct verification *v = context;
    char hex[ARM_HASH_HEX + 1];
    struct arm_error why;
    arm_status st = examine_chunk(v, chunk, row, &why);

    arm__hash_hex(chunk, hex);
    v->report.chunks += st != ARM_NOT_FOUND;
    if (st == ARM_NOT_FOUND) { /* whether that is damage is judged for all together */
        st = arm__missing_add(&v->missing, chunk, err);
    } else
        st = tell_of(v, st, "chunk", hex, &why, err);
    return st == ARM_OK ? advance(v, 1, err) : st;
}

/* What a user keeps, or a version uses. */
static arm_status check_loose(void *context, const struct arm_hash *chunk,
                              const struct arm_loose_row *row, struct arm_error *err)
{
    struct verification *v = context;
    struct arm_store *store = v->repository->store;
    char hex[ARM_HASH_HEX + 1];
    struct arm_error why;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    if (!row->is_kept && !row->is_used) {
        return ARM_OK;
    }
    arm__hash_hex(chunk, hex);
    st = arm__store_size(store, chunk, &size, &why);
    if (st == ARM_NOT_FOUND && !row->is_kept) { /* of a version that may have expired */
        return arm__missing_add(&v->missing, chunk, err);
    }
    v->report.chunks++;
    if (st == ARM_OK && row->is_kept && size != row->bytes) {
        st = arm__fail(&why, ARM_CORRUPT, "it has %" PRIu64 " bytes, not %" PRIu64, size,
                       row->bytes);
    }
    if (st == ARM_OK && v->full) {
        st = arm__store_check(store, chunk, &why);
        v->report.bytes_hashed += size;
    }
    st = tell_of(v, st, "chunk", hex, &why, err);
    return st == ARM_OK ? advance(v, 1, err) : st;
}

/* Those that gc was not free to take. One may have been written anew since. */
static arm_status tell_missing(struct verification *v, struct arm_index_txn *txn,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__missing_judge(&v->missing, v->repository, err));
    for (size_t i = 0; i < v->missing.count; i++) {
        const struct arm_hash *chunk = &v->missing.chunks[i];
        char hex[ARM_HASH_HEX + 1];
        struct arm_chunk_row row;
        struct arm_error why;
        bool found;

        arm__hash_hex(chunk, hex);
        ARM_TRY(arm__index_chunk(txn, chunk, &row, NULL, &found, err));
        st = found ? examine_chunk(v, chunk, &row, &why)
                   : arm__store_check(v->repository->store, chunk, &why);
        v->report.chunks++;
        st = tell_of(v, st, "chunk", hex, &why, err);
        ARM_TRY(st);
    }
done:
    return st;
}

/* A chunk of the last checkpoint: its size, and if `full` its hash. */
static arm_status check_run(struct verification *v, const Armpb__CheckpointRun *run,
                            struct arm_error *err)
{
    struct arm_store *store = v->repository->store;
    char message[MESSAGE_BYTES];
    char hex[ARM_HASH_HEX + 1];
    struct arm_hash chunk;
    struct arm_error why;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    memcpy(chunk.bytes, run->chunk.data, sizeof chunk.bytes);
    arm__hash_hex(&chunk, hex);
    st = arm__store_size(store, &chunk, &size, &why);
    if (st == ARM_OK && size != run->bytes) {
        st = arm__fail(&why, ARM_CORRUPT, "it has %" PRIu64 " bytes, not %" PRIu64, size,
                       run->bytes);
    }
    if (st == ARM_OK && v->full) {
        st = arm__store_check(store, &chunk, &why);
        v->report.bytes_hashed += size;
    }
    v->report.chunks++;
    if (is_damage(st)) {
        (void)snprintf(message, sizeof message,
                       "%s. It is of a checkpoint of the index: no data is lost, remove "
                       "log/checkpoint and the next one will be made without it",
                       why.message);
        (void)arm__fail(&why, st, "%s", message);
    }
    st = tell_of(v, st, "chunk", hex, &why, err);
    return st == ARM_OK ? advance(v, 1, err) : st;
}

static arm_status check_checkpoint(struct verification *v, struct arm_index_txn *txn,
                                   struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_checkpoint(txn, &v->checkpoint, err));
    for (size_t i = 0; v->checkpoint != NULL && i < v->checkpoint->n_runs; i++) {
        ARM_TRY(check_run(v, v->checkpoint->runs[i], err));
    }
done:
    return st;
}

static bool is_run(const struct verification *v, const struct arm_hash *chunk)
{
    for (size_t i = 0; v->checkpoint != NULL && i < v->checkpoint->n_runs; i++) {
        if (memcmp(v->checkpoint->runs[i]->chunk.data, chunk->bytes, sizeof chunk->bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* The scratch index names them: it is ours alone, and may be read for as long as it takes. */
static arm_status check_chunks(struct verification *v, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(v->index, &txn, err));
    ARM_TRY(arm__index_chunks(txn, check_chunk, v, err));
    ARM_TRY(arm__index_all_loose(txn, UINT64_MAX, check_loose, v, err));
    ARM_TRY(tell_missing(v, txn, err));
    ARM_TRY(check_checkpoint(v, txn, err));
done:
    arm__index_abort(txn);
    return st;
}

struct stray_search {
    struct verification *v;
    struct arm_index_txn *txn;
};

static arm_status check_stray(void *context, const struct arm_hash *hash, const char *path,
                              uint64_t size_bytes, struct arm_error *err)
{
    struct stray_search *search = context;
    struct verification *v = search->v;
    struct arm_loose_row loose;
    struct arm_chunk_row row;
    struct arm_error why;
    bool is_named;
    bool is_loose;
    arm_status st = ARM_OK;

    if (hash == NULL) {
        return tell(v, "stray", path, "no chunk has this name or stands in this folder", err);
    }
    ARM_TRY(arm__index_chunk(search->txn, hash, &row, NULL, &is_named, err));
    ARM_TRY(arm__index_loose(search->txn, hash, UINT64_MAX, &loose, &is_loose, err));
    is_named = is_named || (is_loose && (loose.is_kept || loose.is_used));
    if (!is_named && !is_run(v, hash)) {
        st = arm__store_check(v->repository->store, hash, &why);
        v->report.bytes_hashed += size_bytes;
        if (st == ARM_NOT_FOUND) { /* gc took it meanwhile */
            st = ARM_OK;
        } else
            st = tell_of(v, st, "stray", path, &why, err);
        ARM_TRY(st);
        ARM_TRY(advance(v, 1, err));
    }
done:
    return st;
}

static arm_status check_strays(struct verification *v, struct arm_error *err)
{
    struct stray_search search = {.v = v};
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(v->index, &search.txn, err));
    ARM_TRY(arm__store_list(v->repository->store, check_stray, &search, err));
done:
    arm__index_abort(search.txn);
    return st;
}

/* ---- All of it ---- */

static arm_status run(struct verification *v, struct arm_error *err)
{
    struct arm_index_state live;
    arm_status st = ARM_OK;

    if (v->repository->is_damaged) {
        ARM_TRY(tell(v, "log", "log", v->repository->report.problem, err));
    }
    ARM_TRY(make_scratch(v, err));
    ARM_TRY(state_of(v->repository->index, &live, err));
    v->total = live.folded.next_tx - 1;
    ARM_TRY(fold_until(v, &live.folded, err));
    if (v->log_is_good) {
        ARM_TRY(check_index(v, err));
    }
    ARM_TRY(check_chunks(v, err));
    if (v->full) {
        ARM_TRY(check_strays(v, err));
    }
done:
    return st;
}

arm_status arm__repository_verify(struct arm_repository *repository, bool full,
                                  arm_visit_issue *visit, arm_progress *progress, void *context,
                                  struct arm_verify_report *out, struct arm_error *err)
{
    struct verification v = {.repository = repository,
                             .full = full,
                             .visit = visit,
                             .progress = progress,
                             .context = context,
                             .log_is_good = true};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, false, err));
    ARM_TRY(arm__pin_take(repository->store, 0, &v.pin, err));
    ARM_TRY(run(&v, err));
    *out = v.report;
done:
    remove_scratch(&v);
    arm__missing_release(&v.missing);
    arm__pin_drop(repository->store, &v.pin);
    arm__message_free(v.checkpoint == NULL ? NULL : &v.checkpoint->base);
    return st;
}
