/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PTREE_PTREE_H
#define ARM_PTREE_PTREE_H

/* A persistent ordered map from byte strings to byte strings, kept as content-addressed nodes
 * whose boundaries depend on content alone (as in Dolt's prolly trees).
 *
 * T1  The same content has the same root, whatever the history of edits.
 * T2  A node is named by the BLAKE3 of its bytes and is at most ARM_NODE_BYTES_MAX long.
 * T3  Old roots stay valid: an edit adds nodes and changes none.
 * T4  Diff reads O(changes x log n) nodes: equal hashes are skipped unread.
 * T5  Node bytes are untrusted: decoding judges them (ARM_CORRUPT) and never trusts them.
 *
 * The root of the empty map is the zero hash. Not thread-safe per iterator; the functions are
 * otherwise pure over the node store. */

#include "base/hash.h"

#define ARM_NODE_BYTES_MAX 1900u
#define ARM_PTREE_KEY_BYTES_MAX 128u
#define ARM_PTREE_VALUE_BYTES_MAX 512u

/* Where nodes live. `get` fills `out` (cleared first) or fails ARM_NOT_FOUND / ARM_CORRUPT;
 * `put` may be NULL in a read-only use. */
struct arm_node_store {
    void *self;
    arm_status (*get)(void *self, const struct arm_hash *hash, struct arm_buf *out,
                      struct arm_error *err);
    arm_status (*put)(void *self, const struct arm_hash *hash, struct arm_bytes node,
                      struct arm_error *err);
};

/* One edit: `value.data` NULL removes the key (absent is fine). */
struct arm_ptree_edit {
    struct arm_bytes key;
    struct arm_bytes value;
};

/* `*out_found` false: no such key, `out` untouched. */
arm_status arm__ptree_get(const struct arm_node_store *nodes, const struct arm_hash *root,
                          struct arm_bytes key, struct arm_buf *out, bool *out_found,
                          struct arm_error *err);

/* Apply `count` edits, sorted by key, no key twice (ARM_INVALID otherwise). */
arm_status arm__ptree_edit(const struct arm_node_store *nodes, const struct arm_hash *root,
                           const struct arm_ptree_edit *edits, size_t count,
                           struct arm_hash *out_root, struct arm_error *err);

/* Iterate in key order from the first key >= `from` (empty: all). Keys and values are
 * borrowed until the next call. At the end `*out_key.data` is NULL. */
struct arm_ptree_iter;
arm_status arm__ptree_iter_new(const struct arm_node_store *nodes, const struct arm_hash *root,
                               struct arm_bytes from, struct arm_ptree_iter **out,
                               struct arm_error *err);
arm_status arm__ptree_iter_next(struct arm_ptree_iter *iter, struct arm_bytes *out_key,
                                struct arm_bytes *out_value, struct arm_error *err);
void arm__ptree_iter_free(struct arm_ptree_iter *iter); /* NULL is accepted */

/* Every key whose value differs between the two maps, in order; the absent side's `data` is
 * NULL. A status other than ARM_OK from `visit` ends the walk and is returned. */
typedef arm_status arm_visit_difference(void *context, struct arm_bytes key, struct arm_bytes a,
                                        struct arm_bytes b, struct arm_error *err);
arm_status arm__ptree_diff(const struct arm_node_store *nodes, const struct arm_hash *a,
                           const struct arm_hash *b, arm_visit_difference *visit, void *context,
                           struct arm_error *err);

/* Walk every node reachable from `root` once, children after parents (for gc and verify).
 * `*descend` false skips what is below. */
typedef arm_status arm_visit_node(void *context, const struct arm_hash *hash, struct arm_bytes node,
                                  bool *descend, struct arm_error *err);
arm_status arm__ptree_walk(const struct arm_node_store *nodes, const struct arm_hash *root,
                           arm_visit_node *visit, void *context, struct arm_error *err);

#endif
