/* SPDX-License-Identifier: Apache-2.0 */
/* A repository opened, used, closed; and made. The order of opening is that of the locks:
 *
 *   FORMAT      is it a repository, and one that we know?
 *   gate        nobody else opens or closes meanwhile
 *   living      first of all (then recover) or one more (then join)
 *   store, log, index, catalog
 *
 * A forked child shares the parent's locks and mappings: it may do nothing with them, not even
 * close (R4); its memory goes with it. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "commit/commit_private.h"

enum { HEADER_BYTES_MAX = 65536 };

/* ---- Paths and the header ---- */

/* Absolute, and without slashes at its end. */
static arm_status absolute_path(const char *path, char **out, struct arm_error *err)
{
    char *directory = NULL;
    size_t size;
    arm_status st = ARM_OK;

    if (path[0] == '/') {
        ARM_TRY(arm__strdup(path, out, err));
    } else {
        directory = getcwd(NULL, 0);
        if (directory == NULL) {
            return arm__fail_errno(err, errno, "find the working directory for", path);
        }
        ARM_TRY(path[0] == '\0' || strcmp(path, ".") == 0
                    ? arm__strdup(directory, out, err)
                    : arm__path_join(directory, path, out, err));
    }
    size = strlen(*out);
    while (size > 1 && (*out)[size - 1] == '/') {
        (*out)[--size] = '\0';
    }
done:
    free(directory);
    return st;
}

/* Say what stands at the path instead of a repository. */
static arm_status no_repository(const struct arm_io *io, const char *path, struct arm_error *err)
{
    struct arm_stat stat;
    arm_status st = io->stat(io->self, path, &stat, err);

    if (st == ARM_NOT_FOUND) {
        return arm__fail(err, ARM_NOT_REPOSITORY, "there is nothing at %s", path);
    }
    if (st != ARM_OK) {
        return st;
    }
    return arm__fail(err, ARM_NOT_REPOSITORY,
                     stat.is_directory ? "%s is not a repository: it has no FORMAT"
                                       : "%s is a file, not a repository",
                     path);
}

static arm_status read_header(struct arm_repository *repository, struct arm_error *err)
{
    const struct arm_io *io = repository->io;
    struct arm_buf text = ARM_BUF_INIT(HEADER_BYTES_MAX);
    struct arm_error why;
    bool format_is_read_only = false;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(repository->path, "FORMAT", &path, err));
    st = arm__io_read_file(io, path, &text, &why);
    if (st == ARM_NOT_FOUND || (st == ARM_IO && !arm__io_exists(io, path))) {
        st = no_repository(io, repository->path, err);
        goto done;
    }
    if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    st = arm__header_decode(arm__buf_bytes(&text), &repository->header, &format_is_read_only, err);
    if (st != ARM_OK) {
        st = arm__fail_within(err, st, "%s", repository->path);
        goto done;
    }
    if (format_is_read_only) { /* R1 */
        repository->read_only = true;
        repository->log_is_read_only = true;
    }
done:
    arm__free(path);
    arm__buf_release(&text);
    return st;
}

/* ---- Opening ---- */

/* Derived or scratch: whoever finds them missing makes them. */
static arm_status make_missing(const struct arm_repository *repository, struct arm_error *err)
{
    /* chunks/ too: what does not need it stays readable, and each chunk is missed by name. */
    static const char *const names[] = {"index", "staging", "chunks"};
    const struct arm_io *io = repository->io;
    char *path = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        arm__free(path);
        path = NULL;
        ARM_TRY(arm__path_join(repository->path, names[i], &path, err));
        if (!arm__io_exists(io, path)) {
            struct arm_error why;

            st = io->make_directory(io->self, path, &why);
            if (st != ARM_OK && st != ARM_EXISTS) { /* somebody else was faster */
                st = arm__fail(err, st, "%s", why.message);
                goto done;
            }
            ARM_TRY(io->sync_directory(io->self, repository->path, err));
        }
    }
done:
    arm__free(path);
    return st;
}

static arm_status open_log(struct arm_repository *repository,
                           const struct arm_repository_options *options, struct arm_error *err)
{
    struct arm_log_options how = {.read_only = repository->log_is_read_only,
                                  .epoch = options->epoch};

    /* Also for reading only: the first one repairs, unless it may not. */
    return arm__log_open(repository->io, repository->path, &repository->header.id, &how,
                         &repository->log, err);
}

static arm_status open_keys(struct arm_repository *repository, struct arm_error *err)
{
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(repository->path, "index/keys", &path, err));
    ARM_TRY(arm__key_store_new(repository->io, path, &repository->keys, err));
done:
    arm__free(path);
    return st;
}

arm_status arm__repository_attach(struct arm_repository *repository,
                                  const struct arm_repository_options *options,
                                  struct arm_error *err)
{
    bool is_first = false;
    arm_status st = ARM_OK;

    ARM_TRY(make_missing(repository, err));
    ARM_TRY(arm__locks_enter(repository->io, repository->path, &repository->locks, &is_first, err));
    ARM_TRY(arm__store_open(repository->io, repository->path, &repository->store, err));
    ARM_TRY(open_log(repository, options, err));
    ARM_TRY(is_first ? arm__recover_first(repository, err) : arm__recover_join(repository, err));
    ARM_TRY(arm__anchor_take(repository->io, repository->path, &repository->anchor, err));
    ARM_TRY(arm__catalog_new(repository->index, repository->log, repository->store,
                             &repository->catalog, err));
    ARM_TRY(open_keys(repository, err));
    ARM_TRY(arm__locks_share(&repository->locks, err));
done:
    return st;
}

void arm__repository_detach(struct arm_repository *repository)
{
    arm__key_store_free(repository->keys);
    arm__catalog_free(repository->catalog);
    arm__index_close(repository->index);
    arm__log_close(repository->log);
    if (repository->store != NULL) {
        arm__store_close(repository->store);
    }
    arm__locks_release(&repository->locks);
    arm__turns_release(&repository->turns);
    arm__sequences_release(&repository->sequences);
    arm__mutex_release(&repository->checkpointer.mutex);
    arm__anchor_release(&repository->anchor);
    arm__free(repository->path);
    arm__free(repository);
}

arm_status arm__repository_new(const char *path, const struct arm_repository_options *options,
                               struct arm_repository **out, struct arm_error *err)
{
    struct arm_repository *repository = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *repository, &repository, err));
    repository->io = options->io != NULL ? options->io : arm__io_system();
    repository->read_only = options->read_only;
    repository->pid = getpid();
    atomic_init(&repository->is_marked, false);
    arm__checkpoint_init(repository, options->checkpoint_growth_bytes);
    arm__sequences_init(&repository->sequences);
    arm__turns_init(&repository->turns);
    ARM_TRY(absolute_path(path, &repository->path, err));
    *out = repository;
    repository = NULL;
done:
    arm__free(repository);
    return st;
}

arm_status arm__repository_open(const char *path, const struct arm_repository_options *options,
                                struct arm_repository **out, struct arm_error *err)
{
    struct arm_repository *repository = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_new(path, options, &repository, err));
    ARM_TRY(read_header(repository, err));
    ARM_TRY(arm__repository_attach(repository, options, err));
    *out = repository;
    repository = NULL;
done:
    if (repository != NULL) {
        arm__repository_detach(repository);
    }
    return st;
}

void arm__repository_close(struct arm_repository *repository)
{
    bool is_last = false;

    if (repository == NULL || repository->pid != getpid()) { /* R4 */
        return;
    }
    arm__checkpoint_end(repository);
    /* R3; what fails here only makes the next opening slower. */
    if (arm__locks_leave(&repository->locks, &is_last, NULL) == ARM_OK && is_last) {
        (void)arm__recover_close(repository, NULL);
    }
    arm__repository_detach(repository);
}

/* ---- Use ---- */

arm_status arm__repository_check_handle(struct arm_repository *repository, bool writing,
                                        struct arm_error *err)
{
    if (repository->pid != getpid()) { /* R4 */
        return arm__fail(err, ARM_FORKED, "%s was opened by process %d, not by its child %d",
                         repository->path, repository->pid, (int)getpid());
    }
    if (!writing) {
        return ARM_OK;
    }
    if (repository->is_damaged) {
        return arm__fail(err, ARM_CORRUPT, "%s is damaged: %s", repository->path,
                         repository->report.problem);
    }
    if (repository->log_is_read_only) { /* R1 */
        return arm__fail(err, ARM_READ_ONLY,
                         "%s uses a feature that this program does not know, and can only be "
                         "read: Armillaria %s writes it",
                         repository->path, repository->header.reads_with);
    }
    if (repository->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "%s is open for reading only", repository->path);
    }
    if (arm__log_poisoned(repository->log)) {
        return arm__fail(err, ARM_REOPEN,
                         "%s: an earlier write to disk failed; close it everywhere and open it "
                         "again",
                         repository->path);
    }
    return ARM_OK;
}

arm_status arm__repository_check(struct arm_repository *repository, bool writing,
                                 struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check_handle(repository, writing, err));
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
done:
    return st;
}

/* The clean mark goes, durably, before the first write (R2). Under the commit lock. */
static arm_status unmark(struct arm_repository *repository, struct arm_error *err)
{
    struct arm_trust mark;
    struct arm_trust now;
    bool found;
    arm_status st = ARM_OK;

    if (atomic_load(&repository->is_marked)) {
        return ARM_OK;
    }
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    ARM_TRY(arm__trust_read(repository->io, repository->path, &mark, &found, err));
    if (!found || mark.is_clean) {
        uint64_t next_tx = found ? mark.next_tx : 0;

        ARM_TRY(arm__trust_look(repository->io, repository->path, &now, &found, err));
        now.next_tx = next_tx;
        ARM_TRY(arm__trust_write(repository->io, repository->path, &now, err));
    }
    atomic_store(&repository->is_marked, true);
done:
    return st;
}

/* Under the commit lock: fold what killed processes appended, and let everybody see it. */
static arm_status fold_foreign(struct arm_repository *repository, struct arm_index_txn *txn,
                               struct arm_index_state *state, bool *out_folded,
                               struct arm_error *err)
{
    struct arm_catch_up source = {.log = repository->log, .store = repository->store};
    uint64_t folded = 0;
    bool more;
    arm_status st = ARM_OK;

    *out_folded = false;
    if (!state->is_empty && arm__log_ends_at(repository->log, &state->folded)) {
        return ARM_OK; /* as nearly always, without a look into the log */
    }
    ARM_TRY(arm__catch_up(&source, txn, state, &folded, &more, err));
    repository->report.folded += folded;
    *out_folded = folded > 0;
done:
    return st;
}

arm_status arm__repository_begin(struct arm_repository *repository, struct arm_index_txn **out,
                                 struct arm_index_state *out_state, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool folded = true;
    arm_status st = ARM_OK;

    while (folded) { /* until the lock was had with nothing to fold */
        ARM_TRY(arm__index_write(repository->index, &txn, err));
        ARM_TRY(unmark(repository, err));
        ARM_TRY(arm__index_state(txn, out_state, err));
        ARM_TRY(fold_foreign(repository, txn, out_state, &folded, err));
        if (folded) {
            st = arm__index_commit(txn, err);
            txn = NULL;
            ARM_TRY(st);
            arm__log_published(repository->log, &out_state->folded);
        }
    }
    *out = txn;
    txn = NULL;
done:
    arm__index_abort(txn);
    return st;
}

void arm__error_set_commit(struct arm_error *err, const struct arm_id *commit_id)
{
    if (err != NULL) {
        _Static_assert(sizeof err->commit_id == sizeof commit_id->bytes, "one size of ids");
        memcpy(err->commit_id, commit_id->bytes, sizeof err->commit_id);
    }
}

const char *arm__repository_path(const struct arm_repository *repository)
{
    return repository->path;
}

const struct arm_io *arm__repository_io(struct arm_repository *repository)
{
    return repository->io;
}

struct arm_store *arm__repository_store(struct arm_repository *repository)
{
    return repository->store;
}

struct arm_log *arm__repository_log(struct arm_repository *repository)
{
    return repository->log;
}

struct arm_index *arm__repository_index(struct arm_repository *repository)
{
    return repository->index;
}

struct arm_catalog *arm__repository_catalog(struct arm_repository *repository)
{
    return repository->catalog;
}

struct arm_key_store *arm__repository_keys(struct arm_repository *repository)
{
    return repository->keys;
}

void arm__repository_recovery(const struct arm_repository *repository,
                              struct arm_recovery_report *out)
{
    *out = repository->report;
}

arm_status arm__repository_recover(struct arm_repository *repository,
                                   struct arm_recovery_report *out, struct arm_error *err)
{
    struct arm_recovery_report report = {.was_first = repository->report.was_first};
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    uint64_t before;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__store_sweep(repository->store, NULL, NULL, &report.rolled_back, err));
    before = repository->report.folded;
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    report.folded = repository->report.folded - before;
    if (report.folded > 0) {
        ARM_TRY(arm__log_wait_durable(repository->log, state.folded.next_tx - 1, err));
    }
    report.is_clean = report.rolled_back == 0 && report.folded == 0;
    *out = report;
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__repository_pin(struct arm_repository *repository, struct arm_pin *pin,
                               struct arm_error *err)
{
    return arm__pin_take(repository->store, arm__log_durable_to(repository->log), pin, err);
}

void arm__repository_unpin(struct arm_repository *repository, struct arm_pin *pin)
{
    arm__pin_drop(repository->store, pin);
}

static arm_status add_chunk_size(void *context, const struct arm_hash *hash, const char *path,
                                 uint64_t size_bytes, struct arm_error *err)
{
    struct arm_size_report *sizes = context;

    (void)hash;
    (void)path;
    (void)err;
    sizes->chunk_files++;
    sizes->chunk_bytes += size_bytes;
    return ARM_OK;
}

arm_status arm__repository_sizes(struct arm_repository *repository, struct arm_size_report *out,
                                 struct arm_error *err)
{
    struct arm_size_report sizes = {.chunk_files = 0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_list(repository->store, add_chunk_size, &sizes, err));
    ARM_TRY(arm__log_size(repository->log, &sizes.log_bytes, err));
    ARM_TRY(arm__index_size(repository->index, &sizes.index_bytes, err));
    *out = sizes;
done:
    return st;
}
