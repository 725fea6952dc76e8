/* SPDX-License-Identifier: Apache-2.0 */
/* Where a chunk stands: chunks/ab/cd/<64 digits>, ab and cd being the first four of them. Two
 * levels of 256, so that ten million chunks make directories of 150 names.
 *
 * LO1  A path is made from a hash's bytes, never from text (S4), and parse accepts exactly
 *      what path makes.
 * LO2  A set bit in durable_ab or durable_cd means: the directory was made, by whomever, and
 *      the one above it synced since, by this process. Directories are never removed by us. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_private.h"

enum { BELOW_BYTES = 2 + 1 + 2 + 1 + ARM_HASH_HEX + 1 }; /* "ab/cd/<hash>" and the NUL */

static void below_chunks(const struct arm_hash *hash, char below[BELOW_BYTES])
{
    char hex[ARM_HASH_HEX + 1];

    arm__hash_hex(hash, hex);
    (void)snprintf(below, BELOW_BYTES, "%.2s/%.2s/%s", hex, hex + 2, hex);
}

arm_status arm__layout_path(const struct arm_store *store, const struct arm_hash *hash,
                            enum arm_layout_depth depth, char **out, struct arm_error *err)
{
    char below[BELOW_BYTES];

    below_chunks(hash, below);
    if (depth != ARM_LAYOUT_FILE) {
        below[depth == ARM_LAYOUT_AB ? 2 : 5] = '\0';
    }
    return arm__path_join(store->chunks, below, out, err);
}

bool arm__layout_parse(const char *below, struct arm_hash *out)
{
    const char *name = strrchr(below, '/');
    char want[BELOW_BYTES];
    struct arm_hash hash;

    if (name == NULL || arm__hash_parse(name + 1, &hash, NULL) != ARM_OK) {
        return false;
    }
    below_chunks(&hash, want);
    if (strcmp(below, want) != 0) { /* LO1 */
        return false;
    }
    *out = hash;
    return true;
}

static unsigned cd_of(const struct arm_hash *hash)
{
    return (unsigned)hash->bytes[0] << 8 | hash->bytes[1];
}

static bool bit(const uint8_t *bits, unsigned at)
{
    return (bits[at / 8] >> (at % 8) & 1) != 0;
}

static void set_bit(uint8_t *bits, unsigned at, bool value)
{
    uint8_t mask = (uint8_t)(1U << (at % 8));

    bits[at / 8] = (uint8_t)(value ? bits[at / 8] | mask : bits[at / 8] & ~mask);
}

/* Make `path`, which may be there already, and sync `parent`, which holds its name. */
static arm_status make_durable(const struct arm_io *io, const char *path, const char *parent,
                               struct arm_error *err)
{
    struct arm_error local;
    arm_status st = io->make_directory(io->self, path, &local);

    if (st != ARM_OK && st != ARM_EXISTS) {
        if (err != NULL) {
            *err = local;
        }
        return st;
    }
    /* Synced also if it was there: its maker may not have come so far. */
    return io->sync_directory(io->self, parent, err);
}

arm_status arm__layout_make(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err)
{
    char *ab = NULL;
    char *cd = NULL;
    bool has_ab;
    bool has_cd;
    arm_status st = ARM_OK;

    arm__mutex_lock(&store->mutex);
    has_ab = bit(store->durable_ab, hash->bytes[0]);
    has_cd = bit(store->durable_cd, cd_of(hash));
    arm__mutex_unlock(&store->mutex);
    if (has_cd) {
        return ARM_OK;
    }
    ARM_TRY(arm__layout_path(store, hash, ARM_LAYOUT_AB, &ab, err));
    ARM_TRY(arm__layout_path(store, hash, ARM_LAYOUT_CD, &cd, err));
    if (!has_ab) {
        ARM_TRY(make_durable(store->io, ab, store->chunks, err));
    }
    ARM_TRY(make_durable(store->io, cd, ab, err));
    arm__mutex_lock(&store->mutex);
    set_bit(store->durable_ab, hash->bytes[0], true); /* LO2 */
    set_bit(store->durable_cd, cd_of(hash), true);
    arm__mutex_unlock(&store->mutex);
done:
    arm__free(cd);
    arm__free(ab);
    return st;
}

void arm__layout_forget(struct arm_store *store, const struct arm_hash *hash)
{
    arm__mutex_lock(&store->mutex);
    set_bit(store->durable_ab, hash->bytes[0], false);
    set_bit(store->durable_cd, cd_of(hash), false);
    arm__mutex_unlock(&store->mutex);
}

arm_status arm__layout_sync(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err)
{
    char *cd = NULL;
    arm_status st = arm__layout_path(store, hash, ARM_LAYOUT_CD, &cd, err);

    if (st == ARM_OK) {
        st = store->io->sync_directory(store->io->self, cd, err);
    }
    arm__free(cd);
    return st;
}
