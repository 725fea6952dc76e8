/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_RETAINED_PRIVATE_H
#define ARM_COMMIT_RETAINED_PRIVATE_H

/* What the files of the mark share: what is kept of the log (retained_log.c), from which
 * retained.c counts. Everything is named by its place in an array, in the log's order. */

#include "commit/retained.h"

#define ARM_NOWHERE UINT32_MAX

enum arm_chunk_flag {
    ARM_CHUNK_NAMED = 1,
    ARM_CHUNK_HOLDS_RECORD = 2,
    ARM_CHUNK_RETAINED = 4, /* from here on by the last mark */
    ARM_CHUNK_PINNED = 8,
    ARM_CHUNK_LOOSE = 16, /* a user keeps it */
};

/* A layout of a version. Its entries are a change of its parent's; ARM_NOWHERE: it has none. */
struct arm_retained_node {
    uint64_t tx;
    uint64_t until; /* tx of the version's next layout; UINT64_MAX: it is the newest */
    uint32_t parent;
    uint32_t jump; /* some ancestor, so that any is found in few steps */
    uint32_t depth;
    uint32_t version;
    uint32_t before; /* the version's layout before */
};

struct arm_retained_version {
    uint32_t table;
    uint32_t newest; /* node */
};

/* A version on a branch: that which made it, or one that adopted it. */
struct arm_retained_stay {
    uint64_t tx;
    uint64_t end; /* superseded or dropped there; UINT64_MAX: it was not */
    uint32_t branch;
    uint32_t version;
};

struct arm_retained_entry {
    uint32_t node;
    uint32_t chunk; /* ARM_NOWHERE: hot rows, or none that is asked about */
    uint32_t older; /* entry of the same position */
};

struct arm_retained_removal {
    uint32_t entry;
    uint32_t node;
};

struct arm_retained_branch {
    uint64_t id;
    uint64_t end;     /* tx that dropped it */
    size_t first_ref; /* of those that start from it: mark only */
    size_t ref_count;
};

/* A branch or a tag that begins at a tx of another branch. */
struct arm_retained_ref {
    uint64_t from_tx;
    uint64_t end;    /* of a tag: tx that dropped it */
    uint32_t from;   /* branch */
    uint32_t branch; /* ARM_NOWHERE: a tag */
};

/* A table on a branch: its first change there, and its last stay; ARM_NOWHERE: it was dropped. */
struct arm_retained_place {
    uint64_t first_tx;
    uint32_t stay;
};

/* Commits from `tx` on were made on the branch, up to the next such. */
struct arm_retained_stretch {
    uint64_t tx;
    uint32_t branch;
};

struct arm_retained_horizon {
    uint64_t tx;
    uint64_t horizon_tx;
};

struct arm_retained_run {
    uint64_t tx; /* of the checkpoint */
    uint32_t chunk;
};

/* A user keeps a chunk from here on, or lets it go. */
struct arm_retained_loose {
    uint64_t tx;
    uint32_t chunk;
    bool is_kept;
};

/* A chunk that a version needs besides its entries. */
struct arm_retained_use {
    uint32_t version;
    uint32_t chunk;
};

struct arm_retained_slot {
    uint8_t key[16];
    uint32_t value; /* ARM_NOWHERE: the slot is free */
};

#define ARM_RETAINED_LIST(type)                                                                    \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

struct arm_retained {
    const struct arm_hash *chunks;
    size_t chunk_count;
    uint8_t *flags; /* of each chunk */
    ARM_RETAINED_LIST(struct arm_retained_node) nodes;
    ARM_RETAINED_LIST(struct arm_retained_version) versions;
    ARM_RETAINED_LIST(struct arm_retained_stay) stays;
    ARM_RETAINED_LIST(struct arm_retained_entry) entries;
    ARM_RETAINED_LIST(struct arm_retained_removal) removals;
    ARM_RETAINED_LIST(struct arm_retained_branch) branches;
    ARM_RETAINED_LIST(struct arm_retained_ref) refs;
    ARM_RETAINED_LIST(struct arm_retained_place) places;
    ARM_RETAINED_LIST(struct arm_retained_stretch) stretches;
    ARM_RETAINED_LIST(struct arm_retained_horizon) horizons;
    ARM_RETAINED_LIST(struct arm_retained_run) runs;
    ARM_RETAINED_LIST(uint64_t) checkpoints; /* their txs */
    ARM_RETAINED_LIST(struct arm_retained_loose) loose;
    ARM_RETAINED_LIST(struct arm_retained_use) uses;
    ARM_RETAINED_LIST(struct arm_table_id) tables;
    struct arm_retained_slot *slots; /* of the map, a power of two of them */
    size_t slot_count;
    size_t slots_used;
    /* Of the last mark: */
    bool is_marked;
    bool is_stale;
    size_t kept_count; /* nodes that there were */
    uint8_t *kept;     /* whether a node is in a layout that is kept */
};

/* The map: what stands at a name. Names of one kind are apart from those of another. */
enum arm_retained_kind {
    ARM_RETAINED_TABLE = 1, /* table id */
    ARM_RETAINED_VERSION,   /* table, version */
    ARM_RETAINED_POSITION,  /* table, position: the entry that was put there last */
    ARM_RETAINED_PLACE,     /* branch, table */
    ARM_RETAINED_BRANCH,    /* branch id */
    ARM_RETAINED_TAG,       /* name */
};

struct arm_retained_name {
    enum arm_retained_kind kind;
    uint64_t number;
    struct arm_bytes bytes;
};
/* ARM_NOWHERE: nothing does. */
uint32_t arm__retained_find(const struct arm_retained *r, const struct arm_retained_name *name);
arm_status arm__retained_put(struct arm_retained *r, const struct arm_retained_name *name,
                             uint32_t value, struct arm_error *err);
/* The place of a table on a branch; ARM_NOWHERE: it was never changed there. */
uint32_t arm__retained_place(const struct arm_retained *r, uint32_t branch, uint32_t table);

/* Whether `ancestor` is `node` or above it. */
bool arm__retained_is_above(const struct arm_retained *r, uint32_t ancestor, uint32_t node);

#endif
