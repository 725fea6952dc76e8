/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/key_store.h"

#include "base/alloc.h"
#include "base/thread.h"
#include "catalog/cache.h"

enum {
    RUNS_MAX = 16384, /* kept open: each is a mapping, of which the system allows some 65,000 */
    HOT_ROWS_FORGET = 4 << 20,
};

struct arm_key_store {
    const struct arm_io *io;
    char *directory;
    struct arm_mutex mutex; /* guards `runs` */
    struct arm_cache runs;  /* by file id */
    struct arm_mutex hot_mutex;
    struct arm_cache hot; /* by table and key */
};

arm_status arm__key_store_new(const struct arm_io *io, const char *directory,
                              struct arm_key_store **out, struct arm_error *err)
{
    struct arm_key_store *store = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *store, &store, err));
    store->io = io;
    arm__mutex_init(&store->mutex);
    arm__mutex_init(&store->hot_mutex);
    arm__cache_init(&store->runs, ARM_HASH_BYTES);
    arm__cache_init(&store->hot, ARM_HASH_BYTES);
    ARM_TRY(arm__strdup(directory, &store->directory, err));
    *out = store;
    store = NULL;
done:
    arm__key_store_free(store);
    return st;
}

static void drop_run(void *value)
{
    arm__key_run_drop(value);
}

static void free_hot(void *value)
{
    arm__hot_keys_free(value);
}

void arm__key_store_free(struct arm_key_store *store)
{
    if (store != NULL) {
        arm__cache_release(&store->runs, drop_run);
        arm__cache_release(&store->hot, free_hot);
        arm__mutex_release(&store->mutex);
        arm__mutex_release(&store->hot_mutex);
        arm__free(store->directory);
        arm__free(store);
    }
}

/* ---- Names ---- */

static void update_u32(struct arm_hasher *hasher, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};

    arm__hasher_update(hasher, bytes, sizeof bytes);
}

struct arm_hash arm__key_digest(const Armpb__Schema *schema, const Armpb__Key *key)
{
    struct arm_hasher hasher;

    arm__hasher_init(&hasher);
    for (size_t i = 0; i < key->n_field_ids; i++) {
        const Armpb__Type *type = arm__schema_column(schema, key->field_ids[i])->field->type;

        update_u32(&hasher, key->field_ids[i]);
        update_u32(&hasher, (uint32_t)type->kind);
        update_u32(&hasher, type->width);
        update_u32(&hasher, type->scale);
    }
    return arm__hasher_finish(&hasher);
}

/* Two names as one. */
static struct arm_hash join(const void *a, size_t a_bytes, const struct arm_hash *b)
{
    struct arm_hasher hasher;

    arm__hasher_init(&hasher);
    arm__hasher_update(&hasher, a, a_bytes);
    arm__hasher_update(&hasher, b->bytes, sizeof b->bytes);
    return arm__hasher_finish(&hasher);
}

struct arm_hash arm__key_run_name(const struct arm_hash *chunk, const struct arm_hash *digest)
{
    return join(chunk->bytes, sizeof chunk->bytes, digest);
}

static arm_status path_of(const struct arm_key_store *store, const struct arm_hash *id, char **out,
                          struct arm_error *err)
{
    char hex[ARM_HASH_HEX + 1];

    arm__hash_hex(id, hex);
    return arm__path_join(store->directory, hex, out, err);
}

/* ---- Runs ---- */

static struct arm_key_run *recall(struct arm_key_store *store, const struct arm_hash *id,
                                  uint32_t rows)
{
    struct arm_key_run *run;

    arm__mutex_lock(&store->mutex);
    run = arm__cache_get(&store->runs, id->bytes);
    run = run == NULL || arm__key_run_rows(run) != rows ? NULL : arm__key_run_retain(run);
    arm__mutex_unlock(&store->mutex);
    return run;
}

/* Remembering is no duty. */
static void remember(struct arm_key_store *store, const struct arm_hash *id,
                     struct arm_key_run *run)
{
    arm__mutex_lock(&store->mutex);
    if (store->runs.count >= RUNS_MAX) {
        arm__cache_release(&store->runs, drop_run);
    }
    if (arm__cache_get(&store->runs, id->bytes) == NULL &&
        arm__cache_put(&store->runs, id->bytes, run, NULL) == ARM_OK) {
        (void)arm__key_run_retain(run);
    }
    arm__mutex_unlock(&store->mutex);
}

arm_status arm__key_store_find(struct arm_key_store *store, const struct arm_hash *chunk,
                               uint32_t rows, const struct arm_hash *digest,
                               struct arm_key_run **out, struct arm_error *err)
{
    struct arm_hash id = arm__key_run_name(chunk, digest);
    struct arm_key_run *run = recall(store, &id, rows);
    char *path = NULL;
    arm_status st = ARM_OK;

    if (run == NULL) {
        ARM_TRY(path_of(store, &id, &path, err));
        if (arm__key_run_read(store->io, path, &id, rows, &run, NULL) != ARM_OK) {
            run = NULL; /* it is made anew */
        }
        if (run != NULL) {
            remember(store, &id, run);
        }
    }
    *out = run;
done:
    arm__free(path);
    return st;
}

arm_status arm__key_store_keep(struct arm_key_store *store, const struct arm_hash *chunk,
                               const struct arm_hash *digest, struct arm_key_run *run,
                               struct arm_error *err)
{
    struct arm_hash id = arm__key_run_name(chunk, digest);
    char *path = NULL;
    arm_status st = ARM_OK;

    remember(store, &id, run);
    ARM_TRY(path_of(store, &id, &path, err));
    (void)store->io->make_directory(store->io->self, store->directory, NULL);
    (void)arm__key_run_write(run, store->io, path, &id, NULL);
done:
    arm__free(path);
    return st;
}

/* ---- Hot rows ---- */

arm_status arm__key_store_lock_hot(struct arm_key_store *store, const struct arm_table_id *table_id,
                                   const struct arm_hash *digest, struct arm_hot_keys **out,
                                   struct arm_error *err)
{
    struct arm_hash id = join(table_id->bytes, sizeof table_id->bytes, digest);
    struct arm_hot_keys *keys;
    arm_status st = ARM_OK;

    arm__mutex_lock(&store->hot_mutex);
    keys = arm__cache_get(&store->hot, id.bytes);
    if (keys != NULL && arm__hot_keys_count(keys) > HOT_ROWS_FORGET) {
        arm__cache_release(&store->hot, free_hot);
        keys = NULL;
    }
    if (keys == NULL) {
        ARM_TRY(arm__hot_keys_new(&keys, err));
        st = arm__cache_put(&store->hot, id.bytes, keys, err);
        if (st != ARM_OK) {
            arm__hot_keys_free(keys);
            goto done;
        }
    }
    *out = keys;
done:
    if (st != ARM_OK) {
        arm__mutex_unlock(&store->hot_mutex);
    }
    return st;
}

void arm__key_store_unlock_hot(struct arm_key_store *store)
{
    arm__mutex_unlock(&store->hot_mutex);
}
