/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PTREE_PTREE_FIXTURE_H
#define ARM_PTREE_PTREE_FIXTURE_H

/* For tests: a node store in memory that counts its calls and can lie, and a random source.
 * Its own memory comes from malloc, so that failed allocations hit only the code under test. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptree/ptree.h"

struct test_node {
    struct arm_hash hash;
    uint8_t *data; /* NULL: free slot */
    size_t size;
    size_t serial; /* nodes stored before it */
};

struct test_nodes {
    struct test_node *slots; /* open addressing; capacity is a power of two */
    size_t capacity;
    size_t count;
    size_t gets;
    size_t puts;
    size_t put_bytes;
    size_t size_max;
    struct arm_node_store store;
};

static inline struct test_node *test_nodes_slot(const struct test_nodes *nodes,
                                                const struct arm_hash *hash)
{
    size_t i = (size_t)arm__get_u64(hash->bytes) & (nodes->capacity - 1);

    while (nodes->slots[i].data != NULL && !arm__hash_equal(&nodes->slots[i].hash, hash)) {
        i = (i + 1) & (nodes->capacity - 1);
    }
    return &nodes->slots[i];
}

static inline void *test_memory(size_t size)
{
    void *memory = calloc(size, 1);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

static inline void test_nodes_grow(struct test_nodes *nodes)
{
    struct test_nodes old = *nodes;

    nodes->capacity = old.capacity == 0 ? 1024 : 2 * old.capacity;
    nodes->slots = test_memory(nodes->capacity * sizeof *nodes->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].data != NULL) {
            *test_nodes_slot(nodes, &old.slots[i].hash) = old.slots[i];
        }
    }
    free(old.slots);
}

static inline arm_status test_nodes_get(void *self, const struct arm_hash *hash,
                                        struct arm_buf *out, struct arm_error *err)
{
    struct test_nodes *nodes = self;
    const struct test_node *node = test_nodes_slot(nodes, hash);

    nodes->gets++;
    arm__buf_clear(out);
    if (node->data == NULL) {
        return arm__fail(err, ARM_NOT_FOUND, "no such node");
    }
    return arm__buf_append(out, node->data, node->size, err);
}

/* Put `node` under any name: a liar's door. */
static inline void test_nodes_plant(struct test_nodes *nodes, const struct arm_hash *hash,
                                    struct arm_bytes node)
{
    struct test_node *slot;
    size_t serial = nodes->count;

    if (2 * nodes->count >= nodes->capacity) {
        test_nodes_grow(nodes);
    }
    slot = test_nodes_slot(nodes, hash);
    if (slot->data == NULL) {
        nodes->count++;
    } else {
        serial = slot->serial;
    }
    free(slot->data);
    *slot = (struct test_node){*hash, test_memory(node.size + 1), node.size, serial};
    if (node.size > 0) {
        memcpy(slot->data, node.data, node.size);
    }
}

static inline arm_status test_nodes_put(void *self, const struct arm_hash *hash,
                                        struct arm_bytes node, struct arm_error *err)
{
    struct test_nodes *nodes = self;
    struct arm_hash actual = arm__hash(node);

    if (!arm__hash_equal(&actual, hash) || node.size > ARM_NODE_BYTES_MAX) {
        return arm__fail(err, ARM_INVALID, "a node against T2");
    }
    nodes->puts++;
    nodes->put_bytes += node.size;
    nodes->size_max = node.size > nodes->size_max ? node.size : nodes->size_max;
    test_nodes_plant(nodes, hash, node);
    return ARM_OK;
}

static inline struct test_nodes *test_nodes_new(void)
{
    struct test_nodes *nodes = test_memory(sizeof *nodes);

    test_nodes_grow(nodes);
    nodes->store = (struct arm_node_store){nodes, test_nodes_get, test_nodes_put};
    return nodes;
}

static inline void test_nodes_free(struct test_nodes *nodes)
{
    for (size_t i = 0; i < nodes->capacity; i++) {
        free(nodes->slots[i].data);
    }
    free(nodes->slots);
    free(nodes);
}

static inline void test_nodes_reset_counts(struct test_nodes *nodes)
{
    nodes->gets = 0;
    nodes->puts = 0;
    nodes->put_bytes = 0;
    nodes->size_max = 0;
}

/* xorshift64*: the same numbers from the same seed, everywhere. `state` is never 0. */
static inline uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* ARM_SEED, else one of our own; printed, so that a failure can be replayed. */
static inline uint64_t test_seed(uint64_t fallback)
{
    const char *text = getenv("ARM_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : fallback;

    seed = seed == 0 ? 1 : seed;
    printf("ARM_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* A map of `count` entries as a manifest has them: keys of 9 bytes, values of 120. Entry i
 * has key 1000 x i, and a value made from `salt`. */
struct test_entry {
    uint8_t key[9];
    uint8_t value[120];
};

static inline void test_entry_make(uint64_t number, uint64_t salt, struct test_entry *out)
{
    uint64_t state = number * 31 + salt + 1;

    out->key[0] = 'k';
    arm__set_be64(out->key + 1, number * 1000);
    for (size_t i = 0; i < sizeof out->value; i += 8) {
        arm__set_u64(out->value + i, test_random(&state));
    }
}

static inline struct arm_ptree_edit test_entry_edit(const struct test_entry *entry)
{
    return (struct arm_ptree_edit){arm__bytes(entry->key, sizeof entry->key),
                                   arm__bytes(entry->value, sizeof entry->value)};
}

/* Entries 0 to count - 1 as one batch on the empty map. */
static inline arm_status test_build(struct test_nodes *nodes, size_t count, struct arm_hash *out,
                                    struct arm_error *err)
{
    struct test_entry *entries = test_memory((count + 1) * sizeof *entries);
    struct arm_ptree_edit *edits = test_memory((count + 1) * sizeof *edits);
    struct arm_hash empty = {{0}};
    arm_status st;

    for (size_t i = 0; i < count; i++) {
        test_entry_make(i, 0, &entries[i]);
        edits[i] = test_entry_edit(&entries[i]);
    }
    st = arm__ptree_edit(&nodes->store, &empty, edits, count, out, err);
    free(edits);
    free(entries);
    return st;
}

#endif
