/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARMILLARIA_H
#define ARMILLARIA_H

/* One system in place of a transactional store, a warehouse and a change stream: a
 * repository of versioned tables. This is the only public header; link with
 * `pkg-config --libs armillaria`.
 *
 * A first program:
 *
 *     arm_repo *repo = NULL;
 *     arm_session *session = NULL;
 *     struct ArrowArrayStream rows;
 *     struct arm_error err;
 *     struct arm_repo_options options = {.size = sizeof options, .create = true};
 *     if (arm_repo_open("repo", &options, &repo, &err) != ARM_OK ||
 *         arm_session_open(repo, NULL, &session, &err) != ARM_OK ||
 *         arm_sql(session, "CREATE TABLE t AS SELECT 42 AS a", NULL, &rows, NULL, &err) != ARM_OK)
 *         fprintf(stderr, "%s\n", err.message);
 *
 * ERRORS. Every fallible call returns a status and takes a caller-owned arm_error last (NULL is
 * fine). A call that fails leaves its outputs untouched, nothing to release, and the repository
 * as it was.
 *
 * TABLES cross this boundary as Arrow C streams (ArrowArrayStream; Apache Arrow's C data and
 * stream interfaces). A stream that a call fills belongs to the caller, who calls its `release`;
 * a stream that a call takes is released by the call, whatever happens. A result stream may
 * outlive its session and its repository handle.
 *
 * THREADS. A repository handle may be shared by threads. A session, and a stream, serves one
 * thread at a time; arm_session_interrupt and arm_session_progress may be called from any.
 * Handles refuse a forked child (ARM_FORKED).
 *
 * STRINGS are UTF-8 and end with NUL; those passed in are borrowed for the call. Option structs
 * begin with their own size; all other fields may be zero, which means the default. */

/* arm-check: allow file-length: who embeds the library needs one header, with every call in it */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what the library exports. */
#define ARM_API __attribute__((visibility("default")))

/** X(code, number, text): the one table of codes, their names and their meaning. */
#define ARM_STATUS_MAP(X)                                                                          \
    X(ARM_OK, 0, "done")                                                                           \
    X(ARM_INVALID, 1, "the call is wrong: fix its arguments")                                      \
    X(ARM_NOT_FOUND, 2, "no such thing")                                                           \
    X(ARM_EXISTS, 3, "it exists already")                                                          \
    X(ARM_NO_MEMORY, 4, "out of memory")                                                           \
    X(ARM_IO, 5, "the system refused a read or a write")                                           \
    X(ARM_FULL, 6, "no space left: free some and call again")                                      \
    X(ARM_PERMISSION, 7, "no permission")                                                          \
    X(ARM_HASH_MISMATCH, 8, "the bytes do not have their hash: run verify")                        \
    X(ARM_INVALID_HASH, 9, "not a hash: 64 lower-case hexadecimal digits")                         \
    X(ARM_INVALID_NAME, 10, "not a valid name")                                                    \
    X(ARM_CORRUPT, 11, "damage found: run verify")                                                 \
    X(ARM_NEWER_FORMAT, 12, "made by a newer Armillaria: upgrade to read it")                      \
    X(ARM_NOT_REPOSITORY, 13, "not a repository: run init, or name another directory")             \
    X(ARM_READ_ONLY, 14, "opened for reading only")                                                \
    X(ARM_BUSY, 15, "in use by another copy of the library in this process")                       \
    X(ARM_FORKED, 16, "the handle belongs to the parent process: open anew")                       \
    X(ARM_CLOSED, 17, "the handle is closed")                                                      \
    X(ARM_REOPEN, 18, "a failed write stopped the repository: close and open it again")            \
    X(ARM_COMMIT_UNKNOWN, 19, "the outcome is unknown: reopen and ask by commit id")               \
    X(ARM_CONFLICT, 20, "another commit came first: run the transaction again")                    \
    X(ARM_VERSION_CONFLICT, 21, "the version is not the next one")                                 \
    X(ARM_MERGE_CONFLICT, 22, "both sides changed the same rows")                                  \
    X(ARM_CONSTRAINT, 23, "a constraint of the table refuses these rows")                          \
    X(ARM_SCHEMA, 24, "the columns do not fit the table")                                          \
    X(ARM_SQL, 25, "the statement is wrong")                                                       \
    X(ARM_INTERRUPTED, 26, "interrupted")                                                          \
    X(ARM_HISTORY_EXPIRED, 27, "that part of history has been collected")                          \
    X(ARM_UNSUPPORTED, 28, "not supported")

/** Outcome of a call; ARM_OK is 0. */
typedef enum arm_status {
#define ARM_STATUS_CODE(code, number, text) code = number,
    ARM_STATUS_MAP(ARM_STATUS_CODE)
#undef ARM_STATUS_CODE
} arm_status;

/** What went wrong, where, and what to do: filled by a call that fails, untouched by one
 * that succeeds. Owned by the caller; every call takes NULL for it. `code` repeats the
 * returned status; `message` is UTF-8 and always ends with a NUL. */
struct arm_error {
    arm_status code;       /**< as the call returned it */
    uint8_t commit_id[16]; /**< set with ARM_COMMIT_UNKNOWN, ARM_CONFLICT; else zero */
    char message[1004];    /**< what, where, and what to do */
};

/* ---- Apache Arrow's C data and stream interfaces (the published ABI) ---- */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1 /**< in ArrowSchema.flags: a dictionary's order counts */
#define ARROW_FLAG_NULLABLE 2           /**< in ArrowSchema.flags: there may be nulls */
#define ARROW_FLAG_MAP_KEYS_SORTED 4    /**< in ArrowSchema.flags: the keys of a map are sorted */

/** The type of a column, or, as a struct of columns, of a stream. */
struct ArrowSchema {
    const char *format;             /**< the type, as Arrow spells it: "l" for int64 */
    const char *name;               /**< of the column; may be NULL */
    const char *metadata;           /**< keys and values, in Arrow's encoding; may be NULL */
    int64_t flags;                  /**< ARROW_FLAG_NULLABLE and the like */
    int64_t n_children;             /**< how many there are in `children` */
    struct ArrowSchema **children;  /**< of a nested type */
    struct ArrowSchema *dictionary; /**< the type of the values, where these are indices; or NULL */
    void (*release)(struct ArrowSchema *); /**< frees it; NULL: that was done */
    void *private_data;                    /**< of who made it */
};

/** The values of a column, or, as a struct of columns, a batch of rows. */
struct ArrowArray {
    int64_t length;                       /**< how many values there are */
    int64_t null_count;                   /**< how many of them are null; -1: not counted */
    int64_t offset;                       /**< how many values of the buffers come before them */
    int64_t n_buffers;                    /**< how many there are in `buffers` */
    int64_t n_children;                   /**< how many there are in `children` */
    const void **buffers;                 /**< validity, offsets, values: as the type has them */
    struct ArrowArray **children;         /**< of a nested type */
    struct ArrowArray *dictionary;        /**< the values that these are indices of; or NULL */
    void (*release)(struct ArrowArray *); /**< frees it; NULL: that was done */
    void *private_data;                   /**< of who made it */
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

/** A table, given in batches. For one thread at a time. */
struct ArrowArrayStream {
    /** The columns, as a struct; the caller releases it. 0, or an errno code. */
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    /** The next batch, which the caller releases; at the end one whose `release` is NULL. 0, or an
     * errno code. */
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    /** What the last call that failed has to say, until the next one; NULL: nothing. */
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *); /**< frees it; NULL: that was done */
    void *private_data;                         /**< of who made it */
};

#endif

/* ---- The library ---- */

/** The version of the library, "major.minor.patch"; static. */
ARM_API const char *arm_version(void);

/** The name of a status, "ARM_NOT_FOUND"; static. */
ARM_API const char *arm_status_name(arm_status status);
/** The meaning of a status in words, "no such thing"; static. */
ARM_API const char *arm_status_text(arm_status status);

/* ---- Repositories ---- */

/** A repository opened by this process. Opening the same path twice gives two handles over one
 * shared state. */
typedef struct arm_repo arm_repo;

/** How acknowledgement and syncing go together; every mode acknowledges only what is synced. */
typedef enum arm_epoch {
    ARM_EPOCH_SINGLE_NODE = 0,     /**< sync at once, batch what queues meanwhile */
    ARM_EPOCH_LOW_LATENCY = 1,     /**< wait up to 200 us for company */
    ARM_EPOCH_HIGH_THROUGHPUT = 2, /**< wait up to 5 ms for company */
} arm_epoch;

/** How a repository is opened. */
struct arm_repo_options {
    size_t size;                 /**< sizeof(struct arm_repo_options) */
    bool create;                 /**< make it where there is none */
    bool read_only;              /**< writes answer ARM_READ_ONLY */
    arm_epoch epoch;             /**< what a commit waits for */
    uint64_t memory_limit_bytes; /**< of SQL; 0: half of the machine's */
    uint32_t thread_count;       /**< of SQL; 0: one per processor */
    const char *spill_directory; /**< NULL: staging/ of the repository */
    bool no_upkeep; /**< no thread flushes hot rows while the process goes on committing */
};

/** Make a repository in `path`: a directory that does not exist, or is empty. Errors:
 * ARM_EXISTS where there is something, ARM_PERMISSION, ARM_FULL, ARM_IO. Syncs. */
ARM_API arm_status arm_repo_create(const char *path, struct arm_error *err);

/** Open the repository in `path`. `options` may be NULL. The first process to open it recovers
 * it: see arm_recover. Errors: ARM_NOT_REPOSITORY, ARM_NEWER_FORMAT, ARM_CORRUPT, ARM_BUSY
 * (another copy of this library in the process has it open), ARM_PERMISSION. */
ARM_API arm_status arm_repo_open(const char *path, const struct arm_repo_options *options,
                                 arm_repo **out, struct arm_error *err);

/** Close the handle; NULL is accepted. Sessions and streams made from it stay usable until they
 * are closed themselves. */
ARM_API void arm_repo_close(arm_repo *repo);

/** The absolute path; valid as long as the handle. */
ARM_API const char *arm_repo_path(const arm_repo *repo);

/** The largest tx id that is durable (0: none). */
ARM_API arm_status arm_latest_tx(arm_repo *repo, uint64_t *out, struct arm_error *err);

/** Whether a commit happened: after ARM_COMMIT_UNKNOWN, with err.commit_id, on a handle opened
 * anew. `*out_tx` is its tx id. Errors: ARM_NOT_FOUND: it did not happen. */
ARM_API arm_status arm_commit_find(arm_repo *repo, const uint8_t commit_id[16], uint64_t *out_tx,
                                   struct arm_error *err);

/* ---- Sessions and SQL ---- */

/** One user's thread of work: a current branch, at most one open transaction. */
typedef struct arm_session arm_session;

/** `branch` NULL: main. Errors: ARM_NOT_FOUND. Cheap: SQL's engine starts with the first
 * statement. */
ARM_API arm_status arm_session_open(arm_repo *repo, const char *branch, arm_session **out,
                                    struct arm_error *err);
/** Rolls back what is open; NULL is accepted. */
ARM_API void arm_session_close(arm_session *session);
/** Name of the current branch, as of the session's last call; valid until its next one. A session
 * stands on a branch, not on its name: it follows when that is renamed, by whomever. */
ARM_API const char *arm_session_branch(const arm_session *session);
/** Go to another branch, as USE BRANCH does: what runs from now on reads and writes that. What
 * results are still to be read stay what they are. Errors, and the session then stays where it is:
 * ARM_NOT_FOUND, ARM_INVALID: a transaction is open. */
ARM_API arm_status arm_session_use(arm_session *session, const char *branch, struct arm_error *err);
/** Stop the running statement, which then fails with ARM_INTERRUPTED. From any thread or a
 * signal's helper thread; harmless when nothing runs. */
ARM_API void arm_session_interrupt(arm_session *session);
/** Progress of the running statement, 0 to 1, or -1 when it cannot be told. From any thread. It is
 * counted from the first call on: of a statement that ran before it nothing is known. */
ARM_API double arm_session_progress(arm_session *session);
/** Tx id of the session's last commit; 0: none yet. */
ARM_API uint64_t arm_session_last_tx(const arm_session *session);
/** Whether BEGIN opened a transaction that neither COMMIT nor ROLLBACK has ended; one that an
 * error spoilt counts until its ROLLBACK. */
ARM_API bool arm_session_in_transaction(arm_session *session);

/** In what form values leave a result stream. */
typedef enum arm_render {
    ARM_RENDER_ARROW = 0, /**< each column in its Arrow type */
    ARM_RENDER_TEXT = 1,  /**< each column as VARCHAR (Arrow utf8), as DuckDB prints it */
    ARM_RENDER_JSON = 2,  /**< booleans, integers up to 64 bits and floats in their Arrow type;
                           * larger integers, decimals and nested columns as JSON text, marked
                           * by field metadata "arm.json"="1"; all others as text */
} arm_render;

/** A table as it was at one of its versions. */
struct arm_table_version {
    const char *table; /**< named as in arm_write */
    uint64_t version;  /**< from 1 on */
};

/** Asked for rows by a name in FROM that the branch has no table or view of. Fills `*out`, which
 * is released when the statement needs it no more; left with `release` NULL: there are none, and
 * the statement fails with DuckDB's message. May be asked for one name several times, where it
 * stands several times: each stream is read once. Called on the thread of arm_sql, and not after
 * it; what is given may be read by other threads, one at a time, as long as the result stream
 * lives. An error is the statement's. */
typedef arm_status arm_find_rows(void *context, const char *name, struct ArrowArrayStream *out,
                                 struct arm_error *err);

/** How a statement is run. */
struct arm_sql_options {
    size_t size;         /**< sizeof(struct arm_sql_options) */
    const char *at;      /**< read every table as of this ref; such a session only reads */
    arm_render render;   /**< how values leave the stream */
    uint64_t timeout_us; /**< ARM_INTERRUPTED after so long; 0: no limit */
    const char *message; /**< of the commit the statement makes; NULL: the statement's text, cut */
    struct ArrowArrayStream *parameters;      /**< a row with the values of the statement's
                                               * parameters; taken, whatever happens. Columns "1",
                                               * "2" ... are those of ? and $1, "name" of $name */
    const struct arm_table_version *versions; /**< read these tables, where the statement names no
                                               * version, as of these; of a SELECT only */
    size_t version_count;                     /**< how many there are in `versions` */
    arm_find_rows *find_rows; /**< NULL: no rows but those of the repository and of files */
    void *find_context;       /**< handed to `find_rows` */
};

/** Run the first statement of `sql`: DuckDB's dialect, and what Armillaria adds to it. `options`
 * may be NULL. `*out_tail` (may be NULL, then `sql` must hold one statement only) points behind
 * it in `sql`, or is NULL when only blanks and comments are left. `out` gets the rows, streamed;
 * for a statement without rows a stream of the column `Count` (changed rows; marked by schema
 * metadata "arm.count"="1") or of no column.
 * A statement outside BEGIN and COMMIT is a transaction of its own, committed and durable when
 * this returns. An empty `sql` gives a stream of no column. Where an Arrow type does not tell the
 * SQL type of a column, or of what is in it, field metadata "arm.type" does: HUGEINT, UHUGEINT,
 * UUID, BIT, TIMETZ, BIGNUM, JSON. HUGEINT is a decimal128 of scale 0 (up to its 2^127); UHUGEINT,
 * BIT, TIMETZ and BIGNUM are text, and so are UUID and JSON: statements and arm_write that read
 * such a stream make of them what they were. VARIANT is given as JSON; half floats that are read
 * are FLOAT. Errors: ARM_SQL with DuckDB's message, ARM_CONSTRAINT, ARM_CONFLICT (safe to run
 * again), ARM_INTERRUPTED, ARM_UNSUPPORTED naming what is not supported, and those of a commit. */
ARM_API arm_status arm_sql(arm_session *session, const char *sql,
                           const struct arm_sql_options *options, struct ArrowArrayStream *out,
                           const char **out_tail, struct arm_error *err);

/* ---- Transactions and row calls: without SQL ---- */

/** A session's open transaction, as a handle: for programs that make many small ones. It is the one
 * that BEGIN would open: arm_sql and arm_write on the session work in it as well, and one that SQL
 * ends is over for the handle too (ARM_INVALID). Serves one thread at a time, with its session. */
typedef struct arm_txn arm_txn;

/** What a transaction notices of others. */
typedef enum arm_isolation {
    ARM_ISOLATION_DEFAULT = 0,  /**< as the session's setting arm_isolation, at first snapshot */
    ARM_ISOLATION_SNAPSHOT = 1, /**< reads one snapshot; two writers of one row or key conflict */
    ARM_ISOLATION_SERIALIZABLE = 2, /**< as if one after the other: what others changed of what it
                                     * read is a conflict too */
} arm_isolation;

/** How a transaction is opened. */
struct arm_txn_options {
    size_t size;             /**< sizeof(struct arm_txn_options) */
    arm_isolation isolation; /**< what it notices of others */
};

/** Open a transaction. Errors: ARM_INVALID: the session has one open. */
ARM_API arm_status arm_txn_begin(arm_session *session, const struct arm_txn_options *options,
                                 arm_txn **out, struct arm_error *err);
/** Commit it, durably, and free the handle, whatever happens. `*out_tx` (may be NULL) is its tx id,
 * 0 if nothing was changed. Errors: ARM_CONFLICT (nothing happened: safe to run again), ARM_SQL: an
 * earlier error aborted it; those of a commit, ARM_COMMIT_UNKNOWN with err.commit_id among them. */
ARM_API arm_status arm_txn_commit(arm_txn *txn, const char *message, uint64_t *out_tx,
                                  struct arm_error *err);
/** Give it up, and free the handle; NULL is accepted. */
ARM_API void arm_txn_rollback(arm_txn *txn);

/* Rows by primary key; arm_write is quicker for many. `table` as in arm_write. Streams passed in
 * are taken: released whatever happens. Columns match by name, and are cast where they differ in
 * type. Errors: ARM_NOT_FOUND: there is no such table; ARM_SCHEMA: it has no primary key, or a
 * column does not fit; ARM_INVALID: the transaction has ended. Other errors abort it. */

/** The rows that have `keys` (the columns of the primary key), as a stream of the table's columns
 * in no order; keys that nobody has give no row. Rows not yet flushed to chunks are read without
 * SQL; one in a chunk costs a SELECT. */
ARM_API arm_status arm_get(arm_txn *txn, const char *table, struct ArrowArrayStream *keys,
                           struct ArrowArrayStream *out, struct arm_error *err);
/** Put whole rows: each in the place of the one with its primary key, or new. A column that is not
 * given is its default, or NULL. `*out_rows` (may be NULL): how many were put. Errors besides:
 * ARM_CONSTRAINT: NOT NULL, UNIQUE, CHECK, or two of the rows have one key. */
ARM_API arm_status arm_put(arm_txn *txn, const char *table, struct ArrowArrayStream *rows,
                           uint64_t *out_rows, struct arm_error *err);
/** Delete the rows that have `keys`; those that nobody has are passed over. `*out_rows` (may be
 * NULL): how many were deleted. */
ARM_API arm_status arm_delete(arm_txn *txn, const char *table, struct ArrowArrayStream *keys,
                              uint64_t *out_rows, struct arm_error *err);

/* ---- Data in and out ---- */

/** What becomes of the rows that a table has when others are written to it. */
typedef enum arm_write_mode {
    ARM_WRITE_CREATE = 0,  /**< ARM_EXISTS if the table is there */
    ARM_WRITE_APPEND = 1,  /**< they stay */
    ARM_WRITE_REPLACE = 2, /**< all rows; may change the schema; identical rows: no new version */
    ARM_WRITE_UPSERT = 3,  /**< rows take the place of those with their primary key, or are new;
                            * ARM_SCHEMA if the table has none, ARM_CONSTRAINT if two rows have
                            * one key */
} arm_write_mode;

/** How rows are written to a table. */
struct arm_write_options {
    size_t size;            /**< sizeof(struct arm_write_options) */
    arm_write_mode mode;    /**< what becomes of the rows that are there */
    const char *message;    /**< of the commit */
    const char *const *key; /**< columns of the primary key: declared by create and replace; with
                             * append and upsert ARM_SCHEMA if the table's is another */
    size_t key_count;       /**< how many there are in `key` */
    const char *format;     /**< import: "parquet", "csv", "json", "arrow"; NULL: by content
                                 * and suffix */
    const char *const *columns; /**< import: reserved, 0 */
    size_t column_count;        /**< reserved, 0 */
    const char *null_text;      /**< import of CSV: what stands for NULL, besides nothing ("NA") */
    bool always;                /**< a version even if nothing changes */
    uint64_t version;           /**< that the write is to make; else ARM_VERSION_CONFLICT; 0: any */
    const char *metadata;       /**< kept with the version, for arm_version_show; NULL: none */
    const char *const *uses;    /**< hashes of chunks that the version needs besides those of its
                              * rows: there they are to be, and stay as long as it can be read */
    size_t use_count;           /**< how many there are in `uses` */
    uint32_t chunk_rows;        /**< rows go to chunks of so many, however few they are;
                              * ARM_CHUNK_ROWS_BEST: as is best; 0: few may stay in the log */
};

#define ARM_CHUNK_ROWS_BEST UINT32_MAX /**< of arm_write_options.chunk_rows: as many as is best */

/** What a write did. `tx` 0: nothing changed, nothing was committed. */
struct arm_write_result {
    uint64_t tx;           /**< of the commit */
    uint64_t version;      /**< of the table; 0: written, but there was no memory to read it back */
    uint64_t rows;         /**< rows written */
    uint64_t bytes_added;  /**< newly stored in chunks and log */
    uint64_t chunks_added; /**< new chunk files */
    uint64_t chunks_reused; /**< chunks that were there and have these rows */
};

/** Write the rows of `stream` (taken: released in any case) to `table` ("name" or
 * "schema.name", quoted as in SQL where odd) as one commit. Columns match by name. Errors:
 * ARM_EXISTS, ARM_NOT_FOUND, ARM_SCHEMA naming the column, ARM_CONSTRAINT, those of a commit.
 * Streams: needs no more memory for more rows. */
ARM_API arm_status arm_write(arm_session *session, const char *table,
                             struct ArrowArrayStream *stream,
                             const struct arm_write_options *options, struct arm_write_result *out,
                             struct arm_error *err);

/** As arm_write, from files: Parquet, CSV, JSON or JSON lines, Arrow IPC; globs are expanded;
 * all of them make one version. Errors name the file, and the line of ill-formed text. */
ARM_API arm_status arm_import(arm_session *session, const char *table, const char *const *paths,
                              size_t path_count, const struct arm_write_options *options,
                              struct arm_write_result *out, struct arm_error *err);

/** How a table is written to a file. */
struct arm_export_options {
    size_t size;        /**< sizeof(struct arm_export_options) */
    const char *at;     /**< a ref, "version:N" included; NULL: now */
    const char *format; /**< NULL: by suffix */
};
/** Write a table to a file, whole or not at all. `out_rows` may be NULL. */
ARM_API arm_status arm_export(arm_session *session, const char *table, const char *path,
                              const struct arm_export_options *options, uint64_t *out_rows,
                              struct arm_error *err);

/** Write the rows of `stream` (taken) as an Arrow IPC file, whole or not at all. */
ARM_API arm_status arm_arrow_write_file(struct ArrowArrayStream *stream, const char *path,
                                        uint64_t *out_rows, struct arm_error *err);

/* ---- Versions, and the chunks that they are made of ---- */

/** One version of a table, whatever branch made it, in one row: table [utf8], version, parent
 * [uint64, null: none], tx [uint64], branch [utf8], created_at [timestamp us UTC], rows, bytes
 * [uint64], author, message [utf8], metadata [utf8, null: none], chunks [list<utf8>: hashes of the
 * chunks that have its rows, in order; rows in the log are in none; upkeep may change them], uses
 * [list<utf8>: as given to the write that made it], expired [bool: its rows cannot be read any
 * more, and chunks is empty]. `table` as in arm_write. Reads no rows. Errors: ARM_NOT_FOUND. */
ARM_API arm_status arm_version_show(arm_session *session, const char *table, uint64_t version,
                                    struct ArrowArrayStream *out, struct arm_error *err);

/** How arm_move does it. NULL there, and all of it 0: the session's branch. */
struct arm_move_options {
    size_t size;              /**< sizeof(struct arm_move_options) */
    const char *into;         /**< a branch; NULL: the session's */
    const char *message;      /**< of the commit; NULL: "Move", with the first table's name */
    uint64_t unchanged_since; /**< ARM_CONFLICT if the branch has a commit later than this tx; 0:
                               * others may commit meanwhile, but for changes of these tables */
};
/** Have a branch stand at the given version of each table, whoever made it, on whatever branch: one
 * commit, which is made even if the branch stands there already. No row is copied and no version
 * is made; what the branch had stays in its history. `*out_tx` may be NULL. Errors: ARM_NOT_FOUND:
 * there is no such version, or branch; ARM_HISTORY_EXPIRED; ARM_INVALID: a table is named twice, or
 * the session has a transaction open; ARM_CONFLICT; those of a commit. */
ARM_API arm_status arm_move(arm_session *session, const struct arm_table_version *versions,
                            size_t count, const struct arm_move_options *options, uint64_t *out_tx,
                            struct arm_error *err);

/* Chunks are immutable bytes under the BLAKE3-256 of their content, as 64 lower-case hexadecimal
 * digits and a NUL. One content is one file, whoever needs it. A program may put some of its own:
 * loose ones, which arm_gc leaves until arm_chunk_delete, and which are proven, with all others, by
 * arm_verify. From any thread. Errors of all: ARM_INVALID_HASH. */

#define ARM_CHUNK_HASH_SIZE 65 /**< bytes of a hash's text, with the NUL */

/** Store bytes, durably, and keep them. Put again, they are found. Errors: ARM_READ_ONLY, ARM_FULL,
 * ARM_HASH_MISMATCH: they are there, damaged; those of a commit. Syncs. */
ARM_API arm_status arm_chunk_put(arm_repo *repo, const void *data, size_t size_bytes,
                                 char out_hash[ARM_CHUNK_HASH_SIZE], struct arm_error *err);
/** The whole chunk, into memory of the caller's, which has room for `capacity` bytes, as
 * arm_chunk_size says; `verify`: it is proven by its hash. Errors: ARM_NOT_FOUND; ARM_INVALID:
 * there is too little room; ARM_HASH_MISMATCH with the hash that the bytes have. */
ARM_API arm_status arm_chunk_get(arm_repo *repo, const char *hash, bool verify, void *data,
                                 size_t capacity, size_t *out_size, struct arm_error *err);
/** Whether there is such a chunk. */
ARM_API arm_status arm_chunk_exists(arm_repo *repo, const char *hash, bool *out,
                                    struct arm_error *err);
/** How many bytes it has. Errors: ARM_NOT_FOUND. */
ARM_API arm_status arm_chunk_size(arm_repo *repo, const char *hash, uint64_t *out,
                                  struct arm_error *err);
/** Remove a chunk that nothing needs which can be read. Reads the log, unless the chunk was put by
 * arm_chunk_put and is nobody else's. Errors: ARM_NOT_FOUND; ARM_INVALID: a table version uses it,
 * or the log does; ARM_BUSY: what runs now needs it; ARM_READ_ONLY, those of a commit. Syncs. */
ARM_API arm_status arm_chunk_delete(arm_repo *repo, const char *hash, struct arm_error *err);
/** hash [utf8], bytes [uint64], is_loose [bool]: every chunk that is there; by hash. */
ARM_API arm_status arm_chunks(arm_repo *repo, struct ArrowArrayStream *out, struct arm_error *err);

/* ---- Branches and tags: a movable, and a fixed, name of a commit ----
 *
 * Names follow git's rules for refs, and ':' is not allowed. A branch is a name and a commit:
 * making one costs a small record, whatever it holds. Main is always there: it is neither dropped
 * nor renamed. None of these calls is part of a transaction: each is durable when it returns, and
 * refused (ARM_INVALID) while the session has one open. They start no SQL engine. Errors of all
 * that change something besides: ARM_READ_ONLY, those of a commit. ---- */

/** Make branch `name`, which starts at `from`, a ref (NULL: the session's branch now), with
 * `description` (may be NULL). The session stays where it is. Errors: ARM_EXISTS, ARM_INVALID_NAME
 * with the reason, ARM_NOT_FOUND: `from` is not there, ARM_HISTORY_EXPIRED. */
ARM_API arm_status arm_branch_create(arm_session *session, const char *name, const char *from,
                                     const char *description, struct arm_error *err);
/** Drop a branch; its commits stay in the log, and can be named by tx:N. Errors: ARM_NOT_FOUND,
 * ARM_INVALID: it is main, or the session stands on it. */
ARM_API arm_status arm_branch_drop(arm_session *session, const char *name, struct arm_error *err);
/** Give a branch another name. Sessions that stand on it follow. Errors: ARM_NOT_FOUND, ARM_EXISTS,
 * ARM_INVALID_NAME, ARM_INVALID: it is main. */
ARM_API arm_status arm_branch_rename(arm_session *session, const char *name, const char *new_name,
                                     struct arm_error *err);
/** What a branch is called now that was called `name` last and has been renamed since, so that who
 * kept its name can follow it: copied to `out`, with a NUL. Errors: ARM_NOT_FOUND: there is none.
 */
ARM_API arm_status arm_branch_renamed(arm_repo *repo, const char *name, char out[256],
                                      struct arm_error *err);
/** Describe a branch; NULL: no more. Errors: ARM_NOT_FOUND. */
ARM_API arm_status arm_branch_describe(arm_session *session, const char *name,
                                       const char *description, struct arm_error *err);
/** The branches, as columns: name [utf8], head [map<utf8, uint64>: its tables ("name", or
 * "schema.name" outside of main) and their versions], created_at [timestamp us UTC],
 * parent_branch [utf8, null: none], description [utf8, null: none], tx [uint64, null: none]: of
 * its last commit, only_merges [bool], checks [list<struct<name, sql>>]: see arm_branch_protect;
 * ordered by name. `name` NULL: all of them; else that one alone. Errors: ARM_NOT_FOUND. */
ARM_API arm_status arm_branches(arm_session *session, const char *name,
                                struct ArrowArrayStream *out, struct arm_error *err);

/** A query that must give no row. */
struct arm_branch_check {
    const char *name; /**< for messages; NULL: none */
    const char *sql;  /**< one SELECT; it names tables as a session does that has just begun */
};
/** What is asked of commits onto a branch. */
struct arm_branch_protection {
    size_t size;                           /**< sizeof(struct arm_branch_protection) */
    bool only_merges;                      /**< no commit but a merge, or a fast-forward */
    const struct arm_branch_check *checks; /**< all must hold on what the branch becomes */
    size_t check_count;                    /**< how many there are in `checks` */
};
/** Protect a branch: what is asked of commits onto it from now on, in the place of what was asked
 * before; NULL: nothing. One that does not give it is refused with ARM_CONSTRAINT; where there are
 * checks, with ARM_CONFLICT if another came since its snapshot. Checks start the SQL engine, and
 * are run on the branch as it is. Errors: ARM_NOT_FOUND, ARM_INVALID, ARM_SQL: a check is no query,
 * ARM_CONSTRAINT: it does not hold now. */
ARM_API arm_status arm_branch_protect(arm_session *session, const char *name,
                                      const struct arm_branch_protection *protection,
                                      struct arm_error *err);

/** Make tag `name` for the commit that `ref` names (NULL: the last one of the session's branch),
 * with `description` (may be NULL). Errors: ARM_EXISTS, ARM_INVALID_NAME, ARM_NOT_FOUND: there is
 * no such ref, or no commit yet, ARM_HISTORY_EXPIRED. */
ARM_API arm_status arm_tag_create(arm_session *session, const char *name, const char *ref,
                                  const char *description, struct arm_error *err);
/** Drop a tag; the commit stays. Errors: ARM_NOT_FOUND. */
ARM_API arm_status arm_tag_drop(arm_session *session, const char *name, struct arm_error *err);
/** The tags, as columns: name [utf8], tx [uint64] and commit [hex utf8] that it names, branch
 * [utf8]: of that commit, created_at [timestamp us UTC] and author [utf8]: of the tag,
 * description [utf8, null: none]; ordered by name. */
ARM_API arm_status arm_tags(arm_session *session, struct ArrowArrayStream *out,
                            struct arm_error *err);

/* ---- Differences and merges ---- */

/** What differs between two refs, table by table: table [utf8], status [utf8: "added", "removed",
 * "modified" or "renamed"], old_version, new_version [uint64, null: it is not there], rows_added,
 * rows_removed, rows_changed [uint64], conflict [bool: a merge of `b` into `a` could not tell what
 * becomes of it; constraints are not looked at], bytes_added, bytes_removed [uint64: stored, of the
 * chunks and hot rows that only `b`, or only `a` has]; ordered by table. Those that are the same at
 * both are left out. Reads only rows in which the two may differ. Errors: ARM_NOT_FOUND: there is
 * no such ref. */
ARM_API arm_status arm_diff(arm_session *session, const char *a, const char *b,
                            struct ArrowArrayStream *out, struct arm_error *err);
/** The rows of one table that differ: its columns as they are at `b` (at `a`, where `b` has not the
 * table), _change [utf8: "insert", "delete", "update_before" or "update_after"], _tx, _version
 * [uint64]. Rows are the same by primary key, without one by their identity, which survives
 * updates; ordered by these, so that the row after an update follows the one before it. What `a`
 * has, changed so, is what `b` has. `table` as in arm_write; refs may be version:N, too. Streams.
 * Errors: ARM_NOT_FOUND: there is no such ref, or neither has the table. */
ARM_API arm_status arm_diff_rows(arm_session *session, const char *table, const char *a,
                                 const char *b, struct ArrowArrayStream *out,
                                 struct arm_error *err);

/** What differs of the columns, keys and CHECKs of a table, or (`table` NULL) of all tables that
 * both refs have: table [utf8], change [utf8: "added", "removed" or "changed"], column [utf8, as it
 * is called at `b`; null: a key or a CHECK], property [utf8: "column", all of one; "name", "type",
 * "nullable", "default", "comment", "generated"; "primary key", "unique", "check"], old, new [utf8,
 * as in SQL; null: none]. Columns are the same by identity, which survives renaming. Reads no rows.
 * Errors and `table` as in arm_diff_rows. */
ARM_API arm_status arm_diff_schemas(arm_session *session, const char *table, const char *a,
                                    const char *b, struct ArrowArrayStream *out,
                                    struct arm_error *err);

/** What becomes of cells and rows that both sides of a merge changed, each in its own way. */
typedef enum arm_merge_strategy {
    ARM_STRATEGY_FAIL = 0,   /**< nothing is merged, and they are told: ARM_MERGE_CONFLICT */
    ARM_STRATEGY_OURS = 1,   /**< they stay as the target has them */
    ARM_STRATEGY_THEIRS = 2, /**< they become as the source has them */
} arm_merge_strategy;

/** How a merge, a cherry-pick, a revert or a restore is done. */
struct arm_merge_options {
    size_t size;                 /**< sizeof(struct arm_merge_options) */
    const char *into;            /**< a branch, the target; NULL: the session's */
    arm_merge_strategy strategy; /**< of what both sides changed */
    bool dry_run;                /**< change nothing, tell what would be */
    const char *message; /**< of the commit; NULL: "Merge 'source' into 'target'", and the like */
};
/** What a merge did, or with `dry_run` would do. */
struct arm_merge_result {
    uint64_t tx; /**< of its commit; if there was nothing to merge, of the target's last; 0: none */
    bool fast_forward;  /**< the target had nothing that the source has not */
    bool up_to_date;    /**< the target has all of the source already: nothing was committed */
    uint64_t tables;    /**< that it changed */
    uint64_t conflicts; /**< rows, or tables, that both sides changed differently */
};

/** Merge what `source`, any ref, has and a branch has not into that branch, as one commit with two
 * parents, whole or not at all. What only one side changed since their common past is taken, cell
 * by cell; what both changed differently is a conflict. Others may commit to the target meanwhile.
 * `options` and `out` may be NULL; `out_report` as well, else it gets one row: tx [uint64, null:
 * none], fast_forward [bool], tables [list<utf8>: that it changed], conflicts [list<struct<table,
 * kind, columns, key, base, ours, theirs>>, utf8]: `columns`, `key` and the row on the three sides
 * are JSON, null where there is none; of a table as a whole `key` says in words what is wrong with
 * it, and the rest is null. `out` and `out_report` are set with ARM_MERGE_CONFLICT too: the report
 * is to be released after that as well. (A report whose `release` is NULL: there was no memory for
 * it; the merge is done.) Blocks and syncs. Errors: ARM_MERGE_CONFLICT, ARM_NOT_FOUND: there is no
 * such ref, or branch, ARM_INVALID: the session has a transaction open, those of a commit. */
ARM_API arm_status arm_merge(arm_session *session, const char *source,
                             const struct arm_merge_options *options, struct arm_merge_result *out,
                             struct ArrowArrayStream *out_report, struct arm_error *err);

/** Repeat on a branch what one commit did: what it changed since its first parent is merged into
 * what the branch has, as by arm_merge, as a commit with one parent; `options`, outputs and errors
 * as there. `ref` is any that names a commit; the message is, if none is given, "Cherry-pick of
 * 'ref'". A commit that did nothing the branch does not have already makes none (`up_to_date`). */
ARM_API arm_status arm_cherry_pick(arm_session *session, const char *ref,
                                   const struct arm_merge_options *options,
                                   struct arm_merge_result *out,
                                   struct ArrowArrayStream *out_report, struct arm_error *err);
/** Undo what one commit did, by another commit: what it changed is changed back where nothing else
 * has changed it since; what was changed again is a conflict. Otherwise as arm_cherry_pick. */
ARM_API arm_status arm_revert(arm_session *session, const char *ref,
                              const struct arm_merge_options *options, struct arm_merge_result *out,
                              struct ArrowArrayStream *out_report, struct arm_error *err);
/** Bring a table back as it was at a ref, columns and all, as its next version; one that was
 * dropped since is there again. Otherwise as arm_cherry_pick. Errors: ARM_NOT_FOUND: it was not
 * there. */
ARM_API arm_status arm_restore(arm_session *session, const char *table, const char *ref,
                               const struct arm_merge_options *options,
                               struct arm_merge_result *out, struct ArrowArrayStream *out_report,
                               struct arm_error *err);

/* ---- The changelog ----
 *
 * The commits of the log in order of their tx ids, as they come and as they came: batch and stream
 * read one thing. A commit is an event when it is durable, once, and in this order; nothing that
 * upkeep does is one, nor what is done to branches, tags and consumers. `tables` are names as in
 * arm_write, or patterns, in which `*` stands for any characters and `?` for one (`*` alone: every
 * table; a pattern without a dot: tables of main); then only these tables' changes are told, and
 * commits that changed none of them are left out. `branch` is that on which a commit was made: what
 * a branch had from its parent, or has by a merge, is told of the branches that made it, and as one
 * change by the merge. ---- */

/** Which part of the changelog is read. */
struct arm_changes_options {
    size_t size;      /**< sizeof(struct arm_changes_options) */
    uint64_t since;   /**< a tx id: what came behind it; 0: from the beginning */
    uint64_t until;   /**< a tx id: what came up to it; 0: up to now */
    int64_t since_us; /**< what came later than this time (microseconds since 1970, UTC), and ... */
    int64_t until_us; /**< ... no later than this; 0: no such bound */
    const char *branch;        /**< NULL: the session's; "*": every branch */
    const char *const *tables; /**< names, or patterns */
    size_t table_count;        /**< 0: every table */
    uint64_t limit;            /**< so many at most, the first ones; 0: all */
};
/** The commits, as columns: tx_id [uint64], timestamp [timestamp us UTC], branch [utf8: called so
 * now, "" if dropped], author, message [utf8], changes [list<struct<table_name, old_version
 * (null: none), new_version (null: dropped), is_new_table, rows_added, rows_removed,
 * bytes_added, bytes_removed>>]; by tx_id. Streams. `options` may be NULL. Found by index: what
 * it costs follows the answer. Errors: ARM_NOT_FOUND: there is no such branch; ARM_INVALID_NAME. */
ARM_API arm_status arm_changes(arm_session *session, const struct arm_changes_options *options,
                               struct ArrowArrayStream *out, struct arm_error *err);

/** Which changes of rows are read. */
struct arm_row_changes_options {
    size_t size;        /**< sizeof(struct arm_row_changes_options) */
    uint64_t since;     /**< as in arm_changes_options */
    uint64_t until;     /**< 0: up to now */
    const char *branch; /**< NULL: the session's */
};
/** What became of the rows of a table, commit by commit: its columns as they are at `until`,
 * _change [utf8: "insert", "delete", "update_before" or "update_after"], _tx, _version [uint64: of
 * the commit that did it, and the version that it made]; by _tx, and within one as in
 * arm_diff_rows. The table is followed along the branch's own line, its parent's before it began
 * included, and through renames; what a merge brought came with the merge. Done one after the other
 * to what there was at `since`, this gives what there is at `until`. Reads only rows that were
 * changed, and those that upkeep has moved together with them since. `table` as in arm_write;
 * `options` may be NULL. Streams. Errors: ARM_NOT_FOUND, ARM_HISTORY_EXPIRED: the versions that are
 * asked for are given up, with the tx from which on there is history. */
ARM_API arm_status arm_row_changes(arm_session *session, const char *table,
                                   const struct arm_row_changes_options *options,
                                   struct ArrowArrayStream *out, struct arm_error *err);

/** What an event did to a table. */
struct arm_change {
    /** "name", or "schema.name" outside of main, as of the commit: a table that was renamed is told
     * of under its new name */
    const char *table_name;
    uint64_t old_version;    /**< 0: it was not there */
    uint64_t new_version;    /**< 0: it is dropped */
    bool is_new_table;       /**< this commit made it */
    uint64_t rows_added;     /**< an updated row counts as removed and added */
    uint64_t rows_removed;   /**< as above */
    uint64_t bytes_added;    /**< newly stored */
    uint64_t bytes_removed;  /**< of chunks and hot rows that left the table */
    const char *schema_name; /**< the two parts of table_name, which do not tell a table "s.t" of */
    const char *name;        /**< main from a table "t" of a schema "s" */
};
/** A commit, as a subscriber gets it. */
struct arm_event {
    uint64_t tx;                      /**< its place in the log */
    int64_t time_us;                  /**< microseconds since 1970, UTC */
    uint8_t commit_id[16];            /**< as of arm_commit_find */
    const char *branch;               /**< that it was made on; "" if that was dropped */
    const char *author;               /**< who made it */
    const char *message;              /**< what was said of it */
    size_t change_count;              /**< how many there are in `changes` */
    const struct arm_change *changes; /**< what it did, table by table */
};

/** A subscription to the changelog. Serves one thread at a time, but for arm_feed_interrupt. It
 * reads the log from where it stands: however slow it is, nothing is dropped, no queue
 * grows. */
typedef struct arm_feed arm_feed;

/** Where a subscription begins. */
typedef enum arm_feed_from {
    ARM_FROM_DEFAULT = 0, /**< now; a consumer: where it stands, a new one from the beginning */
    ARM_FROM_NOW = 1,     /**< now; a consumer that is there already: where it stands */
    ARM_FROM_TX = 2,      /**< behind `since`; a consumer as before */
} arm_feed_from;

/** What is subscribed to. */
struct arm_feed_options {
    size_t size;        /**< sizeof(struct arm_feed_options) */
    const char *branch; /**< NULL: main; "*": every branch. A branch is followed when renamed */
    const char *const *tables; /**< names, or patterns */
    size_t table_count;        /**< 0: every table */
    arm_feed_from from;        /**< where it begins */
    uint64_t since;            /**< ARM_FROM_TX: a tx id; 0: from the beginning */
    /** A named consumer (named by the rules for branches), made if it is not there: its cursor is
     * kept in the repository, moved by arm_feed_ack. Several subscriptions of one name, in whatever
     * processes, are its members, and share its tables: the changes of a table go to one of them at
     * a time, in order; a table passes on when a member comes or goes, or its process dies. Members
     * should have the same branch and tables. */
    const char *consumer;
};

/** Subscribe. Errors: ARM_NOT_FOUND: there is no such branch; ARM_INVALID_NAME; with a consumer
 * ARM_READ_ONLY, ARM_FULL: 64 members are there, and those of a commit. */
ARM_API arm_status arm_feed_open(arm_repo *repo, const struct arm_feed_options *options,
                                 arm_feed **out, struct arm_error *err);
/** End it, and its thread; what a consumer was given and did not acknowledge will be given again.
 * NULL is accepted. Not from the feed's own callback. */
ARM_API void arm_feed_close(arm_feed *feed);

/** The next event, as soon as there is one: `*out` is NULL if there is none within `wait_us`
 * microseconds (0: look and return; UINT64_MAX: wait for it). It is valid until the feed's next
 * call. A commit by any process wakes it, when it is durable. Errors: ARM_INTERRUPTED: by
 * arm_feed_interrupt; ARM_NOT_FOUND: the branch was dropped, and all of it has been given;
 * ARM_REOPEN: nothing more will come until the repository is opened anew; ARM_CORRUPT. */
ARM_API arm_status arm_feed_next(arm_feed *feed, uint64_t wait_us, const struct arm_event **out,
                                 struct arm_error *err);
/** Make the feed's waiting call, or else its next one, return ARM_INTERRUPTED. From any thread, or
 * a signal handler. */
ARM_API void arm_feed_interrupt(arm_feed *feed);

/** A consumer is done with every event it was given up to `tx`: they are not given again. Durable
 * when it returns. One call may be for many events. Errors: ARM_INVALID: it has no consumer, or was
 * not given that much; ARM_CONFLICT: the consumer was moved by hand, or its work has passed to
 * another: arm_feed_rewind; those of a commit. */
ARM_API arm_status arm_feed_ack(arm_feed *feed, uint64_t tx, struct arm_error *err);
/** The same as a part of the session's open transaction, which acknowledges for one subscription:
 * what was made of the events and that they are done with is committed as one, or not at all, so
 * that each has its effect exactly once. After a transaction that failed, arm_feed_rewind gives its
 * events again. A consumer should not be subscribed to the tables that it writes to. Errors:
 * ARM_INVALID: there is no transaction, or it acknowledges for another subscription already. */
ARM_API arm_status arm_feed_ack_in(arm_feed *feed, arm_session *session, uint64_t tx,
                                   struct arm_error *err);
/** Go back to where the consumer stands: what was not acknowledged is given again. Errors:
 * ARM_INVALID: it has no consumer; ARM_NOT_FOUND: that was dropped. */
ARM_API arm_status arm_feed_rewind(arm_feed *feed, struct arm_error *err);

/** Who is called for the events of a subscription. */
struct arm_feed_callbacks {
    size_t size; /**< sizeof(struct arm_feed_callbacks) */
    /** Each event, on the feed's thread; valid for the call. True: it is done with (and
     * acknowledged, if there is a consumer), go on; false: it is not, end. Only arm_feed_interrupt
     * may be called with the feed here. */
    bool (*on_event)(void *context, const struct arm_event *event);
    /** The thread ends, for this reason: ARM_OK: on_event asked for it, or arm_feed_stop. May be
     * NULL. */
    void (*on_end)(void *context, arm_status why, const struct arm_error *err);
    void *context; /**< handed to both */
};
/** Have a thread of the library call for each event; of a consumer, beginning with what was given
 * and is not acknowledged. Until arm_feed_stop the feed is that thread's: what else it is asked for
 * is ARM_INVALID. An event of which on_event said that it is not done is the next one again.
 * Errors: ARM_INVALID: it has one already; ARM_NO_MEMORY: there is no thread to be had. */
ARM_API arm_status arm_feed_start(arm_feed *feed, const struct arm_feed_callbacks *callbacks,
                                  struct arm_error *err);
/** Wait for the running callback, end the thread, and return why it ended: ARM_OK unless it was an
 * error. Harmless without a thread. */
ARM_API arm_status arm_feed_stop(arm_feed *feed, struct arm_error *err);

/** The consumers, as columns: consumer [utf8], acked_tx [uint64: every event up to it is done
 * with, by all of its members], lag [uint64: commits behind it, of all branches and tables],
 * waiting_since [timestamp us UTC: of the first of them; null: there is none], members [uint64:
 * subscriptions now]; by name. */
ARM_API arm_status arm_consumers(arm_session *session, struct ArrowArrayStream *out,
                                 struct arm_error *err);
/** Have a consumer stand at `tx`, forward or back, made if it is not there: what comes behind it is
 * given next. Members that are subscribed get ARM_CONFLICT from their next arm_feed_ack. Durable.
 * Errors: ARM_INVALID: there is no such tx yet; ARM_INVALID_NAME; those of a commit. */
ARM_API arm_status arm_consumer_move(arm_session *session, const char *name, uint64_t tx,
                                     struct arm_error *err);
/** Forget a consumer. Errors: ARM_NOT_FOUND. */
ARM_API arm_status arm_consumer_drop(arm_session *session, const char *name, struct arm_error *err);

/* ---- The catalog. Each gives a stream of the columns named (Arrow types in brackets). They
 * start no SQL engine. `at` NULL: the session's branch now. ---- */

/** The tables: table [utf8], schema [utf8], version [uint64], rows [uint64], bytes [uint64],
 * key [list<utf8>]; ordered by schema and table. */
ARM_API arm_status arm_tables(arm_session *session, const char *at, struct ArrowArrayStream *out,
                              struct arm_error *err);
/** The versions of a table: table, version, parent [uint64, null: none], tx, branch, created_at
 * [timestamp us UTC], rows, bytes, message; newest first. `all`: of every branch. */
ARM_API arm_status arm_versions(arm_session *session, const char *table, bool all,
                                struct ArrowArrayStream *out, struct arm_error *err);
/** The columns of a table: column, type [SQL spelling], nullable [bool], key [bool], default
 * [utf8, null; of a generated column `GENERATED ALWAYS AS (…)`], id [uint32]. */
ARM_API arm_status arm_schema(arm_session *session, const char *table, const char *at,
                              struct ArrowArrayStream *out, struct arm_error *err);

/** Which commits are listed. */
struct arm_history_options {
    size_t size;       /**< sizeof(struct arm_history_options) */
    const char *at;    /**< the history of this ref; NULL: of the session's branch now */
    const char *table; /**< only commits that changed it */
    uint64_t limit;    /**< 0: all */
};
/** The commits of the branch's history, newest first; those that came with what was merged into it
 * are among them: tx, commit [hex utf8], parents [list<utf8>: the commit before it on its branch,
 * then the one that it merged], branch [that it was made on; "" if that was dropped], created_at,
 * author, message, changes [list<struct<table_name, old_version (null: none), new_version (null:
 * dropped), is_new_table, rows_added, rows_removed, bytes_added (newly stored), bytes_removed (of
 * chunks and hot rows that left the table)>>]. */
ARM_API arm_status arm_log(arm_session *session, const struct arm_history_options *options,
                           struct ArrowArrayStream *out, struct arm_error *err);
/** One row of the same columns: the commit that a ref names, with tx:N of any branch. Errors:
 * ARM_NOT_FOUND: there is no such ref, it names no commit, or there is none yet. */
ARM_API arm_status arm_show(arm_session *session, const char *ref, struct ArrowArrayStream *out,
                            struct arm_error *err);
/** Sizes: table, versions, rows, logical_bytes (of all its versions), stored_bytes (of its distinct
 * chunks and hot rows), dedup_ratio [double]; then one row with table null for the whole
 * repository: chunk files, log and index. */
ARM_API arm_status arm_stats(arm_session *session, struct ArrowArrayStream *out,
                             struct arm_error *err);

/* ---- Trust ---- */

/** One damage found. Borrowed for the call. */
struct arm_damage {
    const char *kind;    /**< "log", "index", "chunk", "stray" */
    const char *object;  /**< path, hash or position */
    const char *message; /**< what is wrong with it */
};
/** What a proof found. */
struct arm_verify_result {
    bool is_healthy;       /**< there is no damage */
    uint64_t frames;       /**< of the log: that were read */
    uint64_t records;      /**< in these */
    uint64_t chunks;       /**< that were looked for */
    uint64_t bytes_hashed; /**< of chunks; without `full`, of those that nothing names */
    uint64_t issues;       /**< how many damages there are */
};
/** How far a proof goes. */
struct arm_verify_options {
    size_t size; /**< sizeof(struct arm_verify_options) */
    bool full;   /**< hash every chunk, and count its rows */
    /** Each damage, as it is found. May be NULL. */
    void (*on_issue)(void *context, const struct arm_damage *issue);
    bool (*on_progress)(void *context, uint64_t done, uint64_t total); /**< false: stop */
    void *context; /**< handed to what is called */
};
/** Prove the repository: hash chain, index against a fresh fold, chunks present; `full`: every
 * byte. Damage is reported, not returned: the status is ARM_OK when the check could run. */
ARM_API arm_status arm_verify(arm_repo *repo, const struct arm_verify_options *options,
                              struct arm_verify_result *out, struct arm_error *err);

/** What was, or is, to be put in order. */
struct arm_recover_result {
    bool is_clean;        /**< nothing had to be done */
    uint64_t rolled_back; /**< staged pieces of unfinished work that were removed */
    uint64_t cut_bytes;   /**< unacknowledged log bytes removed */
    bool rebuilt;         /**< the index was made anew */
};
/** What opening this handle recovered, and what is found to do now. */
ARM_API arm_status arm_recover(arm_repo *repo, struct arm_recover_result *out,
                               struct arm_error *err);

/* ---- Upkeep ---- */

/** Who is told how far a compaction is. */
struct arm_compact_options {
    size_t size; /**< sizeof(struct arm_compact_options) */
    /** `done` of `total` rows that are to be written anew, as far as is known; false stops between
     * two steps, and what was done stays. May be NULL. */
    bool (*on_progress)(void *context, uint64_t done, uint64_t total);
    void *context; /**< handed to what is called */
};
/** What a compaction did. */
struct arm_compact_result {
    uint64_t tables;           /**< whose rows stand in other chunks now */
    uint64_t entries_removed;  /**< chunks and batches of hot rows that were joined, per table */
    uint64_t entries_added;    /**< chunks in their place */
    uint64_t hot_rows_flushed; /**< rows that stood in the log and now stand in a chunk as well */
    uint64_t dead_rows;        /**< deleted rows that were left out */
    uint64_t rows;             /**< rows that were written anew */
    uint64_t bytes_added;      /**< newly stored */
    uint64_t given_up; /**< joins that were given up since others changed the rows meanwhile;
                                * another run will find them */
};

/** Bring the rows of `table` ("name" or "schema.name"; NULL: all tables) into good chunks, on the
 * session's branch as it is now: hot rows are flushed, neighbouring small chunks joined, deleted
 * rows dropped where they are a quarter of a chunk. No version is made, rows keep their ids, every
 * version reads as before, and no commit of anybody fails because of it, nor waits for it longer
 * than for another commit. `options` and `out` may be NULL. Blocks and syncs; from one thread, as
 * all calls of a session, while others read and write. Errors: ARM_NOT_FOUND, ARM_READ_ONLY,
 * ARM_INVALID (a transaction is open), ARM_INTERRUPTED, ARM_FULL, those of a commit. */
ARM_API arm_status arm_compact(arm_session *session, const char *table,
                               const struct arm_compact_options *options,
                               struct arm_compact_result *out, struct arm_error *err);

/** What may be removed. */
struct arm_gc_options {
    size_t size;  /**< sizeof(struct arm_gc_options) */
    bool dry_run; /**< remove nothing, tell what would be */
    /** What was written so few seconds ago stays, needed or not. 0: an hour; negative: nothing
     * stays for its age. */
    int64_t grace_s;
    bool (*on_progress)(void *context, uint64_t done, uint64_t total); /**< false: stop */
    void *context; /**< handed to what is called */
    /** Give up history: table versions that were superseded, or dropped, so many days ago on every
     * branch that had them, and that no tag names, can no longer be read (ARM_HISTORY_EXPIRED).
     * 0: all of history is kept; negative: nothing but what is current on a branch, or tagged. */
    int64_t keep_days;
};
/** What was removed, or with `dry_run` would have been. */
struct arm_gc_result {
    uint64_t chunks;        /**< that nothing needs which can still be read */
    uint64_t chunk_bytes;   /**< of them */
    uint64_t key_runs;      /**< files of index/keys whose chunk is not there */
    uint64_t key_run_bytes; /**< of them */
    uint64_t young;         /**< chunks not needed, that stay for their age */
    uint64_t leased;        /**< chunks not needed yet, that a running process has just written */
    uint64_t pinned;        /**< chunks that only a running reader or transaction still needs */
    int64_t horizon_us;     /**< history is readable from here on, microseconds since 1970, UTC;
                             * 0: all of it */
};

/** Remove the chunks that no table version needs which can still be read: those of transactions
 * that were rolled back, of loads and compactions that were cut short, those whose rows a
 * compaction has put into others since, and, with `keep_days`, those of old versions. Without
 * `keep_days` every version stays readable that was so before; with it, what was given up stays so
 * for ever: the log says from when on there is history. Nothing goes that a running reader,
 * transaction or writer of any process is at work with. Others may read and write meanwhile.
 * `options` may be NULL. Reads the log where there may be something to remove. Errors:
 * ARM_READ_ONLY, ARM_INTERRUPTED (what is gone by then stays gone), ARM_CORRUPT (nothing is
 * removed from a repository whose log cannot be read whole), ARM_IO. */
ARM_API arm_status arm_gc(arm_repo *repo, const struct arm_gc_options *options,
                          struct arm_gc_result *out, struct arm_error *err);

#ifdef __cplusplus
}
#endif

#endif
