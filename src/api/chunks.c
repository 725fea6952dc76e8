/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks as a program's own, and what a table version is made of. */

#include <string.h>

#include "api/api_private.h"
#include "api/rows.h"
#include "model/table_name.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static struct arm_repository *repository_of(const arm_repo *repo)
{
    return arm__root_repository(repo->root);
}

static struct arm_store *store_of(const arm_repo *repo)
{
    return arm__repository_store(repository_of(repo));
}

/* A call about one chunk. */
static arm_status enter(const arm_repo *repo, const char *hash, struct arm_hash *out,
                        struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(hash, "hash", err));
    ARM_TRY(arm__hash_parse(hash, out, err));
    ARM_TRY(arm__repository_check(repository_of(repo), false, err));
done:
    return st;
}

static arm_status check_writing(const arm_repo *repo, struct arm_error *err)
{
    return repo->read_only ? arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                                       arm_repo_path(repo))
                           : ARM_OK;
}

/* The store speaks of files. */
static arm_status tell_missing(arm_status st, const char *hash, const struct arm_error *why,
                               struct arm_error *err)
{
    if (st == ARM_NOT_FOUND) {
        return arm__fail(err, st, "there is no chunk %s", hash);
    }
    if (st != ARM_OK && err != NULL) {
        *err = *why;
    }
    return st;
}

/* ---- One chunk ---- */

arm_status arm_chunk_put(arm_repo *repo, const void *data, size_t size_bytes,
                         char out_hash[ARM_CHUNK_HASH_SIZE], struct arm_error *err)
{
    struct arm_hash hash;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(size_bytes == 0 ? ARM_OK : arm__require(data, "data", err));
    ARM_TRY(arm__require(out_hash, "out_hash", err));
    ARM_TRY(check_writing(repo, err));
    ARM_TRY(arm__loose_put(repository_of(repo), arm__bytes(data, size_bytes), &hash, err));
    arm__hash_hex(&hash, out_hash);
done:
    return st;
}

arm_status arm_chunk_get(arm_repo *repo, const char *hash, bool verify, void *data, size_t capacity,
                         size_t *out_size, struct arm_error *err)
{
    struct arm_hash chunk;
    struct arm_error why;
    arm_status st = ARM_OK;

    ARM_TRY(enter(repo, hash, &chunk, err));
    ARM_TRY(capacity == 0 ? ARM_OK : arm__require(data, "data", err));
    ARM_TRY(arm__require(out_size, "out_size", err));
    st = arm__store_read(store_of(repo), &chunk, verify, data, capacity, out_size, &why);
    st = tell_missing(st, hash, &why, err);
done:
    return st;
}

arm_status arm_chunk_exists(arm_repo *repo, const char *hash, bool *out, struct arm_error *err)
{
    struct arm_hash chunk;
    arm_status st = ARM_OK;

    ARM_TRY(enter(repo, hash, &chunk, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__store_exists(store_of(repo), &chunk, out, err));
done:
    return st;
}

arm_status arm_chunk_size(arm_repo *repo, const char *hash, uint64_t *out, struct arm_error *err)
{
    struct arm_hash chunk;
    struct arm_error why;
    arm_status st = ARM_OK;

    ARM_TRY(enter(repo, hash, &chunk, err));
    ARM_TRY(arm__require(out, "out", err));
    st = tell_missing(arm__store_size(store_of(repo), &chunk, out, &why), hash, &why, err);
done:
    return st;
}

arm_status arm_chunk_delete(arm_repo *repo, const char *hash, struct arm_error *err)
{
    struct arm_hash chunk;
    struct arm_error why;
    arm_status st = ARM_OK;

    ARM_TRY(enter(repo, hash, &chunk, err));
    ARM_TRY(check_writing(repo, err));
    st = tell_missing(arm__loose_drop(repository_of(repo), &chunk, &why), hash, &why, err);
done:
    return st;
}

/* ---- All of them ---- */

enum { CHUNKS_HASH, CHUNKS_BYTES, CHUNKS_IS_LOOSE };

static const struct arm_rows_field chunks_fields[] = {
    [CHUNKS_HASH] = {.name = "hash", .format = "u"},
    [CHUNKS_BYTES] = {.name = "bytes", .format = "L"},
    [CHUNKS_IS_LOOSE] = {.name = "is_loose", .format = "b"},
};

struct chunks_walk {
    struct arm_index *index;
    struct arm_rows *rows;
};

/* In a transaction of its own: the walk may take long. */
static arm_status is_loose(struct arm_index *index, const struct arm_hash *hash, bool *out,
                           struct arm_error *err)
{
    struct arm_loose_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(index, &txn, err));
    ARM_TRY(arm__index_loose(txn, hash, UINT64_MAX, &row, &found, err));
    *out = row.is_kept;
done:
    arm__index_abort(txn);
    return st;
}

static arm_status push_chunk(void *context, const struct arm_hash *hash, const char *path,
                             uint64_t size_bytes, struct arm_error *err)
{
    struct chunks_walk *walk = context;
    char hex[ARM_HASH_HEX + 1];
    bool loose = false;
    arm_status st = ARM_OK;

    (void)path;
    if (hash == NULL) { /* a stranger: verify tells of it */
        return ARM_OK;
    }
    arm__hash_hex(hash, hex);
    ARM_TRY(is_loose(walk->index, hash, &loose, err));
    ARM_TRY(arm__rows_text(arm__rows_column(walk->rows, CHUNKS_HASH), hex, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(walk->rows, CHUNKS_BYTES), size_bytes, err));
    ARM_TRY(arm__rows_bool(arm__rows_column(walk->rows, CHUNKS_IS_LOOSE), loose, err));
    arm__rows_end_row(walk->rows);
done:
    return st;
}

arm_status arm_chunks(arm_repo *repo, struct ArrowArrayStream *out, struct arm_error *err)
{
    struct chunks_walk walk = {.rows = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__repository_check(repository_of(repo), false, err));
    ARM_TRY(arm__rows_new(chunks_fields, COUNT_OF(chunks_fields), &walk.rows, err));
    walk.index = arm__repository_index(repository_of(repo));
    ARM_TRY(arm__store_list(store_of(repo), push_chunk, &walk, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__rows_free(walk.rows);
    return st;
}

/* ---- A version ---- */

enum {
    VERSION_TABLE,
    VERSION_VERSION,
    VERSION_PARENT,
    VERSION_TX,
    VERSION_BRANCH,
    VERSION_CREATED_AT,
    VERSION_ROWS,
    VERSION_BYTES,
    VERSION_AUTHOR,
    VERSION_MESSAGE,
    VERSION_METADATA,
    VERSION_CHUNKS,
    VERSION_USES,
    VERSION_EXPIRED
};

static const struct arm_rows_field list_of_text = {.name = "item", .format = "u"};

static const struct arm_rows_field version_fields[] = {
    [VERSION_TABLE] = {.name = "table", .format = "u"},
    [VERSION_VERSION] = {.name = "version", .format = "L"},
    [VERSION_PARENT] = {.name = "parent", .format = "L", .nullable = true},
    [VERSION_TX] = {.name = "tx", .format = "L"},
    [VERSION_BRANCH] = {.name = "branch", .format = "u"},
    [VERSION_CREATED_AT] = {.name = "created_at", .format = "tsu:UTC"},
    [VERSION_ROWS] = {.name = "rows", .format = "L"},
    [VERSION_BYTES] = {.name = "bytes", .format = "L"},
    [VERSION_AUTHOR] = {.name = "author", .format = "u"},
    [VERSION_MESSAGE] = {.name = "message", .format = "u"},
    [VERSION_METADATA] = {.name = "metadata", .format = "u", .nullable = true},
    [VERSION_CHUNKS] = {.name = "chunks",
                        .format = "+l",
                        .child_count = 1,
                        .children = &list_of_text},
    [VERSION_USES] = {.name = "uses", .format = "+l", .child_count = 1, .children = &list_of_text},
    [VERSION_EXPIRED] = {.name = "expired", .format = "b"},
};

struct version_page {
    struct arm_catalog *catalog;
    struct arm_rows *rows;
    struct arm_table_info info;
    const char *shown_name;
};

static arm_status push_hash(struct arm_rows_column *list, const uint8_t *bytes,
                            struct arm_error *err)
{
    char hex[ARM_HASH_HEX + 1];
    struct arm_hash hash;

    memcpy(hash.bytes, bytes, sizeof hash.bytes);
    arm__hash_hex(&hash, hex);
    return arm__rows_text(arm__rows_child(list, 0), hex, err);
}

static arm_status push_entries(const struct version_page *page, struct arm_error *err)
{
    struct arm_rows_column *list = arm__rows_column(page->rows, VERSION_CHUNKS);
    struct arm_table_state *state = NULL;
    struct arm_error why;
    bool is_table = page->info.row.object == ARMPB__OBJECT_KIND__TABLE;
    arm_status st = is_table ? arm__catalog_state(page->catalog, &page->info.row.table_id,
                                                  page->info.version.version, &state, &why)
                             : ARM_OK;
    bool is_expired = st == ARM_HISTORY_EXPIRED;

    if (st != ARM_OK && !is_expired) {
        if (err != NULL) {
            *err = why;
        }
        return st;
    }
    st = ARM_OK;
    for (size_t i = 0; state != NULL && i < state->entry_count; i++) {
        if (!state->entries[i].is_hot) {
            ARM_TRY(push_hash(list, state->entries[i].chunk.bytes, err));
        }
    }
    ARM_TRY(arm__rows_end(list, err));
    ARM_TRY(arm__rows_bool(arm__rows_column(page->rows, VERSION_EXPIRED), is_expired, err));
done:
    arm__table_state_drop(state);
    return st;
}

/* The change of the commit that made it. */
static const Armpb__TableChange *change_of(const struct version_page *page,
                                           const Armpb__Commit *commit)
{
    for (size_t i = 0; i < commit->n_changes; i++) {
        const Armpb__TableChange *change = commit->changes[i];

        if (change->has_version && change->version == page->info.version.version &&
            memcmp(change->table_id.data, page->info.row.table_id.bytes, ARM_TABLE_ID_BYTES) == 0) {
            return change;
        }
    }
    return NULL;
}

static arm_status push_commit(void *context, const struct arm_commit_info *info,
                              struct arm_error *err)
{
    struct version_page *page = context;
    struct arm_rows *rows = page->rows;
    struct arm_rows_column *uses = arm__rows_column(rows, VERSION_USES);
    const Armpb__TableChange *change = change_of(page, info->commit);
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSION_TX), info->row.tx, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSION_BRANCH), info->branch, err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, VERSION_CREATED_AT), info->row.time_us, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSION_AUTHOR), info->commit->author, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSION_MESSAGE), info->commit->message, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSION_METADATA),
                           change == NULL ? NULL : change->metadata, err));
    for (size_t i = 0; change != NULL && i < change->n_uses; i++) {
        ARM_TRY(push_hash(uses, change->uses[i].data, err));
    }
    ARM_TRY(arm__rows_end(uses, err));
done:
    return st;
}

static arm_status push_version(struct version_page *page, struct arm_error *err)
{
    struct arm_rows *rows = page->rows;
    const struct arm_version_row *version = &page->info.version;
    struct arm_rows_column *parent = arm__rows_column(rows, VERSION_PARENT);
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_text(arm__rows_column(rows, VERSION_TABLE), page->shown_name, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSION_VERSION), version->version, err));
    ARM_TRY(version->parent_version == 0 ? arm__rows_null(parent, err)
                                         : arm__rows_u64(parent, version->parent_version, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSION_ROWS), version->row_count, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, VERSION_BYTES), version->data_bytes, err));
    ARM_TRY(push_entries(page, err));
    ARM_TRY(arm__catalog_commit(page->catalog, version->tx, push_commit, page, err));
    arm__rows_end_row(rows);
done:
    return st;
}

arm_status arm_version_show(arm_session *session, const char *table, uint64_t version,
                            struct ArrowArrayStream *out, struct arm_error *err)
{
    struct version_page page = {.rows = NULL};
    struct arm_pin pin = {.tx = 0};
    struct arm_repository *repository = NULL;
    char shown[ARM_SHOWN_NAME_BYTES];
    char schema_name[256];
    char name[256];
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__table_name_parse(table, schema_name, name, err));
    repository = arm__root_repository(session->root);
    page.catalog = arm__session_catalog(session);
    ARM_TRY(arm__repository_check(repository, false, err));
    ARM_TRY(arm__repository_pin(repository, &pin, err));
    ARM_TRY(arm__catalog_table_version(page.catalog, schema_name, name, version, &page.info, err));
    arm__shown_name(page.info.row.schema_name, page.info.row.name, shown);
    page.shown_name = shown;
    ARM_TRY(arm__rows_new(version_fields, COUNT_OF(version_fields), &page.rows, err));
    ARM_TRY(push_version(&page, err));
    st = arm__rows_stream(page.rows, out, err);
    page.rows = NULL;
done:
    if (repository != NULL) {
        arm__repository_unpin(repository, &pin);
    }
    arm__rows_free(page.rows);
    arm__table_info_release(&page.info);
    return st;
}
