/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PTREE_PTREE_PRIVATE_H
#define ARM_PTREE_PTREE_PRIVATE_H

/* What the files of ptree/ share. In reading order: the codec and the cut rule (node.c),
 * nodes read from the store and judged (read.c), a path from the root to one node (path.c). */

#include "ptree/ptree.h"

enum {
    /* Levels 0 to 31. An inner node that is not the last of its level has at least
     * ARM_NODE_CHILDREN_MIN children, so 4^30 = ARM_PTREE_ENTRIES_MAX entries need no more. */
    ARM_PTREE_LEVELS_MAX = 32,
    ARM_NODE_CHILDREN_MIN = 4,
    /* A child's hash, and its entry count as a varint below 2^63. */
    ARM_NODE_REF_BYTES_MAX = ARM_HASH_BYTES + 9,
};

/* A bound on counts read from untrusted nodes: far beyond any map, far from overflow. */
#define ARM_PTREE_ENTRIES_MAX (UINT64_C(1) << 60)

/* A key, copied. */
struct arm_ptree_key {
    uint8_t bytes[ARM_PTREE_KEY_BYTES_MAX];
    size_t size;
};

static inline struct arm_bytes arm__ptree_key_bytes(const struct arm_ptree_key *key)
{
    return arm__bytes(key->bytes, key->size);
}

/* -- node.c: the bytes of one node ------------------------------------------------------------ */

/* What an inner entry's value says of a child. */
struct arm_node_ref {
    struct arm_hash hash;
    uint64_t count; /* entries of the map below it */
};

/* Builds one node. Between calls: the bytes so far are a valid node, or the bare header. */
struct arm_node_writer {
    struct arm_buf bytes;
    unsigned level;
    size_t entry_count;        /* in this node */
    uint64_t count;            /* entries of the map in and below this node */
    struct arm_ptree_key last; /* of the last entry */
    bool is_cut;               /* the node ends here: begin the next one */
};

#define ARM_NODE_WRITER_INIT ((struct arm_node_writer){.bytes = ARM_BUF_INIT(ARM_NODE_BYTES_MAX)})

/* Begin an empty node, keeping the memory of the one before. Errors: ARM_NO_MEMORY. */
arm_status arm__node_begin(struct arm_node_writer *writer, unsigned level, struct arm_error *err);
/* Append an entry above the last one and decide whether the node ends with it (T1, T2). At
 * inner levels the value is an encoded arm_node_ref. Asserts sizes and order: the caller has
 * judged its input. Errors: ARM_NO_MEMORY, ARM_CORRUPT for a value that is no reference. */
arm_status arm__node_add(struct arm_node_writer *writer, struct arm_bytes key,
                         struct arm_bytes value, struct arm_error *err);
void arm__node_writer_release(struct arm_node_writer *writer);

/* Append the value of an inner entry to `out`: at most ARM_NODE_REF_BYTES_MAX. Errors: those of
 * arm__buf_append. */
arm_status arm__node_ref_encode(const struct arm_node_ref *ref, struct arm_buf *out,
                                struct arm_error *err);
/* Errors: ARM_CORRUPT. */
arm_status arm__node_ref_decode(struct arm_bytes value, struct arm_node_ref *out,
                                struct arm_error *err);

/* The entries of a node one after the other, judged as they are met (T5). After a failure a
 * cursor means nothing. */
struct arm_node_cursor {
    struct arm_reader rest; /* the entries after this one */
    unsigned level;
    bool is_end;              /* no entry: key and value mean nothing */
    struct arm_ptree_key key; /* of the current entry */
    struct arm_bytes value;   /* borrowed from the node's bytes; never NULL on an entry */
};

/* Stand on the first entry; a node without one is refused. Errors: ARM_CORRUPT. */
arm_status arm__node_first(struct arm_bytes node, struct arm_node_cursor *out,
                           struct arm_error *err);
/* Step to the next entry, or to the end. Errors: ARM_CORRUPT. */
arm_status arm__node_next(struct arm_node_cursor *cursor, struct arm_error *err);

static inline bool arm__node_is_last(const struct arm_node_cursor *cursor)
{
    return cursor->rest.rest.size == 0;
}

/* -- read.c: nodes from the store ------------------------------------------------------------- */

/* What is known of a node before it is read: its parent's entry, and the key before it. */
struct arm_node_link {
    struct arm_hash hash;
    bool is_root;   /* then of the rest only the hash is known */
    bool has_floor; /* false: the leftmost node of its level */
    unsigned level;
    uint64_t count;
    struct arm_ptree_key last;  /* its last key */
    struct arm_ptree_key floor; /* every key is above this one */
};

/* A node that has been read and found to be what its link says, with a cursor in it. */
struct arm_node {
    struct arm_buf bytes;
    struct arm_node_link link;
    unsigned level;
    uint64_t count;
    bool is_loaded;
    bool has_floor; /* the keys below the current entry are above `floor` */
    struct arm_ptree_key floor;
    struct arm_node_cursor cursor;
};

#define ARM_NODE_INIT ((struct arm_node){.bytes = ARM_BUF_INIT(ARM_NODE_BYTES_MAX)})

void arm__node_link_root(const struct arm_hash *root, struct arm_node_link *out);
/* The child at the cursor of an inner node. Errors: ARM_CORRUPT. */
arm_status arm__node_link_child(const struct arm_node *node, struct arm_node_link *out,
                                struct arm_error *err);
/* Read the node `link` names into `node`, judge it, and stand on its first entry; a node that
 * holds it already is not read again. On failure `node` holds nothing. Errors: ARM_CORRUPT,
 * ARM_NO_MEMORY, and the store's. */
arm_status arm__node_load(const struct arm_node_store *nodes, const struct arm_node_link *link,
                          struct arm_node *node, struct arm_error *err);
/* Step forward; step forward to the first entry >= key (the end if there is none). */
arm_status arm__node_step(struct arm_node *node, struct arm_error *err);
arm_status arm__node_seek(struct arm_node *node, struct arm_bytes key, struct arm_error *err);
void arm__node_release(struct arm_node *node);

/* -- path.c: a place in the tree -------------------------------------------------------------- */

/* The nodes from the root down to one node, each with its cursor on the entry taken. Moves
 * forward only. The current node is at `level`; what is below it is stale.
 *
 * P1  level <= top, or is_end.
 * P2  For every level above `level` the cursor is on the entry of the node below. */
struct arm_ptree_path {
    struct arm_node_store nodes;
    struct arm_node *at; /* by level, 0 to top */
    unsigned top;        /* the root's level */
    unsigned level;
    bool is_end;
};

#define ARM_PTREE_PATH_INIT ((struct arm_ptree_path){.is_end = true})

static inline struct arm_node *arm__path_node(const struct arm_ptree_path *path)
{
    return &path->at[path->level];
}

/* Stand on the first entry of the root; is_end for the empty map. */
arm_status arm__path_open(const struct arm_node_store *nodes, const struct arm_hash *root,
                          struct arm_ptree_path *out, struct arm_error *err);
/* Back to the first entry of the root; reads nothing. */
arm_status arm__path_rewind(struct arm_ptree_path *path, struct arm_error *err);
/* To the first entry of the child at the cursor. Precondition: level > 0. */
arm_status arm__path_descend(struct arm_ptree_path *path, struct arm_error *err);
/* To the next entry: of this node, or of the nearest above that has one; else is_end. */
arm_status arm__path_advance(struct arm_ptree_path *path, struct arm_error *err);
/* The same, past the entries left in this node. */
arm_status arm__path_leave(struct arm_ptree_path *path, struct arm_error *err);
/* Forward to the node of `level` where `key` belongs: the first whose last key is >= key, or
 * the last of the level. Precondition: that node is not behind, and `level` not
 * above the path's. */
arm_status arm__path_seek(struct arm_ptree_path *path, unsigned level, struct arm_bytes key,
                          struct arm_error *err);
/* No node follows the current one at its level. */
bool arm__path_is_last(const struct arm_ptree_path *path);
void arm__path_release(struct arm_ptree_path *path);

#endif
