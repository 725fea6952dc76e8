/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered map under the index: one LMDB environment with the sub-databases of index.h.
 *
 * Not synced per commit (what it holds is in the log), no write map. Read transactions are kept
 * reset and used again: renewing one costs no lock and no system call.
 *
 *   V1  One writer at a time among all processes: LMDB's robust mutex, our commit lock.
 *   V2  A transaction begun in another process than the handle's is refused (ARM_FORKED).
 *   V3  The map is reserved once, as large as the address space allows, and never resized.
 *   V4  Readers that were killed hold nothing for long: their slots, and the old pages that these
 *       keep from being used again, are taken back as the table fills and as writers go on. LMDB
 *       tells the living by a lock on the byte of their process id, so that a process id of
 *       another container is never taken for one of ours; two living processes of one id cannot
 *       both read, and the second is refused. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/thread.h"
#include "index/kv_private.h"

enum {
    READERS_MAX = 4096,
    LOCKS_BYTES = (READERS_MAX + 64) * 64, /* a cache line a reader, and LMDB's own */
    POOL_MAX = 64,
    SWEEP_WRITES = 1024, /* of a handle, between two looks for dead readers: some microseconds */
    SCRATCH_BYTES_MAX = 64 << 20,
    ROOM_PAGES = 64,         /* what a small commit may touch, with room to spare */
    ROOM_PAGES_ANOTHER = 16, /* another commit of the same turn, mostly of the same pages */
    ROOM_BYTES_A_PAGE = 12,  /* of a record: at most so many pages does it touch */
    FILE_MODE = 0644,
};
static const size_t map_bytes_most = (size_t)256 << 30;
static const size_t map_bytes_least = (size_t)256 << 20;

const char *arm__db_name(enum arm_db db)
{
    static const char *const names[ARM_DB_COUNT] = {
        "meta",   "tx",       "id",        "head",  "ref",      "branch", "table",  "name",
        "number", "version",  "schema",    "chunk", "rows",     "node",   "vector", "checkpoint",
        "layout", "sequence", "retention", "merge", "consumer", "loose",
    };

    return names[db];
}

arm_status arm__kv_fail(int rc, const char *what, struct arm_error *err)
{
    switch (rc) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return arm__fail(err, ARM_CORRUPT, "index: %s: %s", what, mdb_strerror(rc));
    case MDB_PANIC: /* LMDB could not write its meta page, and does nothing more */
        return arm__fail(err, ARM_REOPEN, "index: %s: an earlier write to it failed", what);
    case MDB_MAP_FULL:
    case MDB_MAP_RESIZED:
    case MDB_TXN_FULL:
        return arm__fail(err, ARM_FULL, "index: %s: %s", what, mdb_strerror(rc));
    case EAGAIN: /* V4: of a lock on our process id, the only one that is not waited for */
        return arm__fail(err, ARM_BUSY,
                         "index: %s: a process with the id of this one (%d) has the repository "
                         "open, in another container perhaps: run one of them under another id",
                         what, (int)getpid());
    case MDB_READERS_FULL:
        return arm__fail(err, ARM_FULL, "index: %s: more than %d readers at once", what,
                         READERS_MAX);
    default:
        return rc > 0 ? arm__fail_errno(err, rc, what, "the index (index/data.mdb)")
                      : arm__fail(err, ARM_IO, "index: %s: %s", what, mdb_strerror(rc));
    }
}

/* ---- Environment ---- */

/* LMDB maps its file of locks and writes through the map: where the disk has no room for it, the
 * process would die of a signal. So the room is taken first. */
static arm_status reserve_locks(const char *directory, struct arm_error *err)
{
    char *path = NULL;
    int fd = -1;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(directory, "lock.mdb", &path, err));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        st = arm__fail_errno(err, errno, "open", path);
        goto done;
    }
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOCKS_BYTES) != 0 && errno != EOPNOTSUPP) {
        st = arm__fail_errno(err, errno, "make room for", path);
    }
    (void)close(fd);
done:
    arm__free(path);
    return st;
}

static arm_status open_environment(const char *path, size_t map_bytes, MDB_env **out,
                                   struct arm_error *err)
{
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);

    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_mapsize(env, map_bytes);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxdbs(env, ARM_DB_COUNT);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxreaders(env, READERS_MAX);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_open(env, path, MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD, FILE_MODE);
    }
    if (rc != MDB_SUCCESS) {
        if (env != NULL) {
            mdb_env_close(env);
        }
        return rc > 0 ? arm__fail_errno(err, rc, "open", path)
                      : arm__kv_fail(rc, "opening the environment", err);
    }
    *out = env;
    return ARM_OK;
}

/* V3: the largest map that the address space allows. */
static arm_status reserve_environment(const char *path, MDB_env **out, struct arm_error *err)
{
    arm_status st = ARM_NO_MEMORY;

    for (size_t size = map_bytes_most; st == ARM_NO_MEMORY && size >= map_bytes_least; size /= 4) {
        st = open_environment(path, size, out, err);
    }
    return st;
}

/* I6: LMDB maps the file and would read past its end. */
static arm_status check_file_size(MDB_env *env, const char *directory, struct arm_error *err)
{
    const struct arm_io *io = arm__io_system();
    char *path = NULL;
    struct arm_stat file;
    MDB_envinfo info;
    MDB_stat stat;
    arm_status st = ARM_OK;

    (void)mdb_env_info(env, &info);
    (void)mdb_env_stat(env, &stat);
    ARM_TRY(arm__path_join(directory, "data.mdb", &path, err));
    ARM_TRY(io->stat(io->self, path, &file, err));
    if ((uint64_t)(info.me_last_pgno + 1) * stat.ms_psize > file.size_bytes) {
        st = arm__fail(err, ARM_CORRUPT, "index: %s ends early", path);
    }
done:
    arm__free(path);
    return st;
}

static int open_databases(struct arm_index *index, unsigned txn_flags, unsigned db_flags)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(index->env, NULL, txn_flags, &txn);

    for (int db = 0; rc == MDB_SUCCESS && db < ARM_DB_COUNT; db++) {
        rc = mdb_dbi_open(txn, arm__db_name((enum arm_db)db), db_flags, &index->dbs[db]);
    }
    if (rc != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

static arm_status make_directory(const char *path, struct arm_error *err)
{
    const struct arm_io *io = arm__io_system();

    return arm__io_exists(io, path) ? ARM_OK : io->make_directory(io->self, path, err);
}

arm_status arm__index_open(const char *root, struct arm_index **out, struct arm_error *err)
{
    struct arm_index *index = NULL;
    char *path = NULL;
    int rc;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(root, "index", &path, err));
    ARM_TRY(arm__calloc(1, sizeof *index, &index, err));
    arm__mutex_init(&index->mutex);
    index->scratch = ARM_BUF_INIT(SCRATCH_BYTES_MAX);
    index->pid = getpid();
    ARM_TRY(make_directory(path, err));
    ARM_TRY(reserve_locks(path, err));
    ARM_TRY(reserve_environment(path, &index->env, err));
    ARM_TRY(check_file_size(index->env, path, err));
    rc = open_databases(index, MDB_RDONLY, 0); /* a clean index stays unwritten */
    if (rc == MDB_NOTFOUND) {
        rc = open_databases(index, 0, MDB_CREATE);
    }
    if (rc != MDB_SUCCESS) {
        st = arm__kv_fail(rc, "opening the sub-databases", err);
        goto done;
    }
    *out = index;
    index = NULL;
done:
    arm__index_close(index);
    arm__free(path);
    return st;
}

void arm__index_close(struct arm_index *index)
{
    if (index == NULL) {
        return;
    }
    while (index->pool != NULL) {
        struct arm_index_txn *txn = index->pool;

        index->pool = txn->next;
        mdb_txn_abort(txn->handle);
        arm__free(txn);
    }
    if (index->env != NULL) {
        mdb_env_close(index->env);
    }
    arm__buf_release(&index->scratch);
    arm__mutex_release(&index->mutex);
    arm__free(index);
}

arm_status arm__index_sync(struct arm_index *index, struct arm_error *err)
{
    int rc = mdb_env_sync(index->env, 1);

    return rc == MDB_SUCCESS ? ARM_OK : arm__kv_fail(rc, "sync", err);
}

arm_status arm__index_size(struct arm_index *index, uint64_t *out_bytes, struct arm_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    int rc = mdb_env_info(index->env, &info);

    if (rc == MDB_SUCCESS) {
        rc = mdb_env_stat(index->env, &stat);
    }
    if (rc != MDB_SUCCESS) {
        return arm__kv_fail(rc, "size", err);
    }
    *out_bytes = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
    return ARM_OK;
}

/* ---- Transactions ---- */

static arm_status check_process(const struct arm_index *index, struct arm_error *err)
{
    if (index->pid != getpid()) { /* V2 */
        return arm__fail(err, ARM_FORKED,
                         "the repository was opened by process %d, not by its child %d: open anew",
                         (int)index->pid, (int)getpid());
    }
    return ARM_OK;
}

static struct arm_index_txn *pool_take(struct arm_index *index)
{
    struct arm_index_txn *txn;

    arm__mutex_lock(&index->mutex);
    txn = index->pool;
    if (txn != NULL) {
        index->pool = txn->next;
        index->pool_count--;
        txn->next = NULL;
    }
    arm__mutex_unlock(&index->mutex);
    return txn;
}

static bool pool_give(struct arm_index *index, struct arm_index_txn *txn)
{
    bool is_taken;

    arm__mutex_lock(&index->mutex);
    is_taken = index->pool_count < POOL_MAX;
    if (is_taken) {
        txn->next = index->pool;
        index->pool = txn;
        index->pool_count++;
    }
    arm__mutex_unlock(&index->mutex);
    return is_taken;
}

static int begin_reading(struct arm_index *index, MDB_txn **out)
{
    int dead = 0;
    int rc = mdb_txn_begin(index->env, NULL, MDB_RDONLY, out);

    if (rc == MDB_READERS_FULL && mdb_reader_check(index->env, &dead) == MDB_SUCCESS && dead > 0) {
        rc = mdb_txn_begin(index->env, NULL, MDB_RDONLY, out);
    }
    return rc;
}

arm_status arm__index_read(struct arm_index *index, struct arm_index_txn **out,
                           struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    int rc;
    arm_status st = ARM_OK;

    ARM_TRY(check_process(index, err));
    txn = pool_take(index);
    if (txn != NULL) {
        rc = mdb_txn_renew(txn->handle);
    } else {
        ARM_TRY(arm__calloc(1, sizeof *txn, &txn, err));
        txn->index = index;
        rc = begin_reading(index, &txn->handle);
    }
    if (rc != MDB_SUCCESS) {
        st = arm__kv_fail(rc, "beginning to read", err);
        if (txn->handle != NULL) {
            mdb_txn_abort(txn->handle);
        }
        goto done;
    }
    *out = txn;
    txn = NULL;
done:
    arm__free(txn);
    return st;
}

arm_status arm__index_write(struct arm_index *index, struct arm_index_txn **out,
                            struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    int rc;
    arm_status st = ARM_OK;

    ARM_TRY(check_process(index, err));
    ARM_TRY(arm__calloc(1, sizeof *txn, &txn, err));
    txn->index = index;
    txn->is_writing = true;
    rc = mdb_txn_begin(index->env, NULL, 0, &txn->handle); /* V1 */
    if (rc != MDB_SUCCESS) {
        st = arm__kv_fail(rc, "taking the commit lock", err);
        goto done;
    }
    if (index->write_count++ % SWEEP_WRITES == 0) { /* V4; guarded by the commit lock */
        (void)mdb_reader_check(index->env, NULL);
    }
    *out = txn;
    txn = NULL;
done:
    arm__free(txn);
    return st;
}

/* The file, for messages: cut if its path is very long. */
static void name_file(const struct arm_index *index, char out[512])
{
    const char *directory = "index";

    (void)mdb_env_get_path(index->env, &directory);
    (void)snprintf(out, 512, "%s/data.mdb", directory);
}

arm_status arm__index_make_room(struct arm_index_txn *txn, uint32_t record_count,
                                uint64_t record_bytes, struct arm_error *err)
{
    struct arm_index *index = txn->index;
    mdb_filehandle_t fd = -1;
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t pages;
    uint64_t used;
    uint64_t wanted;

    assert(txn->is_writing); /* V1 */
    (void)mdb_env_info(index->env, &info);
    (void)mdb_env_stat(index->env, &stat);
    used = info.me_last_pgno + 1;
    pages = record_bytes / ROOM_BYTES_A_PAGE;
    if (pages > used + record_bytes / stat.ms_psize) { /* every page anew, and what is added */
        pages = used + record_bytes / stat.ms_psize;
    }
    pages += ROOM_PAGES + (uint64_t)(record_count - 1) * ROOM_PAGES_ANOTHER;
    wanted = (used + pages) * stat.ms_psize;
    if (wanted <= index->room_to) {
        return ARM_OK;
    }
    wanted += (uint64_t)ROOM_PAGES * stat.ms_psize; /* so that the next ones need not ask */
    if (mdb_env_get_fd(index->env, &fd) != MDB_SUCCESS) {
        return arm__fail(err, ARM_IO, "index: it has no file");
    }
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)wanted) != 0 && errno != EOPNOTSUPP) {
        int why = errno;
        char path[512];

        name_file(index, path);
        return arm__fail_errno(err, why, "make room in", path);
    }
    index->room_to = wanted;
    return ARM_OK;
}

/* LMDB calls a write that was cut short an I/O error; mostly there is no room. */
static arm_status fail_commit(const struct arm_index *index, int rc, struct arm_error *err)
{
    struct statvfs disk;
    mdb_filehandle_t fd = -1;

    if (rc == EIO && mdb_env_get_fd(index->env, &fd) == MDB_SUCCESS && fstatvfs(fd, &disk) == 0 &&
        disk.f_bavail == 0) {
        rc = ENOSPC;
    }
    if (rc > 0) {
        char path[512];

        name_file(index, path);
        return arm__fail_errno(err, rc, "write", path);
    }
    return arm__kv_fail(rc, "commit", err);
}

arm_status arm__index_commit(struct arm_index_txn *txn, struct arm_error *err)
{
    const struct arm_index *index = txn->index;
    int rc;

    assert(txn->is_writing); /* V1 */
    rc = mdb_txn_commit(txn->handle);
    arm__free(txn);
    return rc == MDB_SUCCESS ? ARM_OK : fail_commit(index, rc, err);
}

void arm__index_abort(struct arm_index_txn *txn)
{
    if (txn == NULL) {
        return;
    }
    if (!txn->is_writing) {
        mdb_txn_reset(txn->handle);
        if (pool_give(txn->index, txn)) {
            return;
        }
    }
    mdb_txn_abort(txn->handle);
    arm__free(txn);
}

struct arm_buf *arm__kv_scratch(struct arm_index_txn *txn)
{
    assert(txn->is_writing); /* V1: so there is one user */
    arm__buf_clear(&txn->index->scratch);
    return &txn->index->scratch;
}
