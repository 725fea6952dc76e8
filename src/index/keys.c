/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the index. Integers are big-endian, so that they sort as numbers.
 *
 * A name of a table or namespace in a key is folded (ASCII letters lowered) and ends with a 0.
 * LMDB's keys end at 511 bytes, two names may have 510: of a folded name longer than NAME_WHOLE,
 * the key holds the first NAME_CUT bytes, a 1 and the BLAKE3 of all of it, then the 0. Names have
 * no control characters, so that neither mark can be part of one, and no name is the prefix of
 * another's key. Names of branches and tags stand as they are. */

#include <assert.h>
#include <string.h>

#include "index/index_private.h"

enum { NAME_WHOLE = 200, NAME_CUT = 167, MARK_END = 0, MARK_HASH = 1 };

_Static_assert(NAME_CUT + 1 + ARM_HASH_BYTES <= NAME_WHOLE, "the cut form is not the longer one");
_Static_assert(8 + 2 * (NAME_WHOLE + 1) + 8 <= ARM_KEY_BYTES_MAX, "table keys fit");
_Static_assert(1 + ARM_NAME_BYTES_MAX + 1 + 8 <= ARM_KEY_BYTES_MAX, "ref keys fit");

static void append(struct arm_key *key, const void *data, size_t size)
{
    assert(size <= sizeof key->bytes - key->size);
    memcpy(key->bytes + key->size, data, size);
    key->size += size;
}

static void append_u8(struct arm_key *key, uint8_t value)
{
    append(key, &value, 1);
}

static void append_u64(struct arm_key *key, uint64_t value)
{
    uint8_t bytes[8];

    arm__set_be64(bytes, value);
    append(key, bytes, sizeof bytes);
}

static uint8_t fold_byte(char c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static void append_folded(struct arm_key *key, const char *name)
{
    size_t size = strlen(name);
    size_t whole = size <= NAME_WHOLE ? size : NAME_CUT;

    for (size_t i = 0; i < whole; i++) {
        append_u8(key, fold_byte(name[i]));
    }
    if (whole < size) {
        struct arm_hasher hasher;
        struct arm_hash hash;

        arm__hasher_init(&hasher);
        for (size_t i = 0; i < size; i++) {
            uint8_t byte = fold_byte(name[i]);

            arm__hasher_update(&hasher, &byte, 1);
        }
        hash = arm__hasher_finish(&hasher);
        append_u8(key, MARK_HASH);
        append(key, hash.bytes, sizeof hash.bytes);
    }
    append_u8(key, MARK_END);
}

struct arm_key arm__key_tx(uint64_t tx)
{
    struct arm_key key = {.size = 0};

    append_u64(&key, tx);
    return key;
}

/* Its time first: those of new commits stand at the end, on pages that are written anyway. */
struct arm_key arm__key_id(const struct arm_id *id)
{
    struct arm_key key = {.size = 0};

    append(&key, id->bytes + ARM_ID_TIME_AT, sizeof id->bytes - ARM_ID_TIME_AT);
    append(&key, id->bytes, ARM_ID_TIME_AT);
    return key;
}

struct arm_key arm__key_hash(const struct arm_hash *hash)
{
    struct arm_key key = {.size = 0};

    append(&key, hash->bytes, sizeof hash->bytes);
    return key;
}

struct arm_key arm__key_pair(uint64_t a, uint64_t b)
{
    struct arm_key key = {.size = 0};

    append_u64(&key, a);
    append_u64(&key, b);
    return key;
}

struct arm_key arm__key_ref(Armpb__RefKind kind, const char *name, uint64_t tx)
{
    struct arm_key key = {.size = 0};
    size_t size = strnlen(name, ARM_NAME_BYTES_MAX);

    append_u8(&key, (uint8_t)kind);
    append(&key, name, size);
    append_u8(&key, MARK_END);
    append_u64(&key, tx);
    return key;
}

struct arm_key arm__key_table(uint64_t branch_id, const char *schema_name, const char *name,
                              uint64_t tx)
{
    struct arm_key key = {.size = 0};

    append_u64(&key, branch_id);
    append_folded(&key, schema_name);
    append_folded(&key, name);
    append_u64(&key, tx);
    return key;
}

struct arm_key arm__key_name(const struct arm_table_id *table_id, uint64_t branch_id, uint64_t tx)
{
    struct arm_key key = {.size = 0};

    append(&key, table_id->bytes, sizeof table_id->bytes);
    append_u64(&key, branch_id);
    append_u64(&key, tx);
    return key;
}

struct arm_key arm__key_number(const char *schema_name, const char *name, uint64_t version)
{
    struct arm_key key = {.size = 0};

    append_folded(&key, schema_name);
    append_folded(&key, name);
    append_u64(&key, version);
    return key;
}

struct arm_key arm__key_version(const struct arm_table_id *table_id, uint64_t version)
{
    struct arm_key key = {.size = 0};

    append(&key, table_id->bytes, sizeof table_id->bytes);
    append_u64(&key, version);
    return key;
}

struct arm_key arm__key_layout(const struct arm_table_id *table_id, uint64_t version, uint64_t tx)
{
    struct arm_key key = arm__key_version(table_id, version);

    append_u64(&key, tx);
    return key;
}

struct arm_key arm__key_sequence(const struct arm_table_id *table_id, uint64_t tx)
{
    struct arm_key key = {.size = 0};

    append(&key, table_id->bytes, sizeof table_id->bytes);
    append_u64(&key, tx);
    return key;
}

struct arm_key arm__key_loose(const struct arm_hash *chunk, uint64_t tx)
{
    struct arm_key key = arm__key_hash(chunk);

    append_u64(&key, tx);
    return key;
}

/* Two keys of one name differ in tx alone, and no name is the beginning of another's. */
struct arm_key arm__key_consumer(const char *name, uint64_t tx)
{
    struct arm_key key = {.size = 0};

    append(&key, name, strnlen(name, ARM_NAME_BYTES_MAX));
    append_u8(&key, MARK_END);
    append_u64(&key, tx);
    return key;
}

struct arm_key arm__key_schema(const struct arm_table_id *table_id, uint32_t schema_id)
{
    struct arm_key key = {.size = 0};

    append(&key, table_id->bytes, sizeof table_id->bytes);
    append_u64(&key, schema_id);
    return key;
}

arm_status arm__key_last_u64(struct arm_bytes key, uint64_t *out, struct arm_error *err)
{
    if (key.size < 8) {
        return arm__fail(err, ARM_CORRUPT, "index: a key of %zu bytes is too short", key.size);
    }
    *out = arm__get_be64(key.data + key.size - 8);
    return ARM_OK;
}
