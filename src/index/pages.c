/* SPDX-License-Identifier: Apache-2.0 */
/* Whether LMDB may be let loose on a file that nobody vouches for (I6).
 *
 * LMDB maps its file and believes every number in it: a page of noise makes it read and write
 * anywhere, and the process dies. So a file that was not closed clean is walked here first, page
 * by page through the file door, and refused unless it hangs together: every page in the file,
 * none used twice, nodes within their pages, keys in order and within what the page above says,
 * counts as stated, and free pages that nothing else uses. What the values mean is judged when
 * they are read. A refused file is made anew from the log.
 *
 * The format, LMDB 0.9's, in the host's order; a page number is 8 bytes:
 *
 *   page    0 number · 10 flags · 12 lower · 14 upper · 16 offsets of nodes, to `lower`;
 *           nodes from `upper` on. An overflow page: 12 its count of pages (u32), 16 data
 *   node    0 size low · 2 size high · 4 flags · 6 key size · 8 key, value. In a branch page, the
 *           child's number is in the first three fields. A big value is the number of its
 *           overflow page
 *   meta    16 magic · 20 version · 40 and 88 the trees of free pages and of names · 136 last
 *           page · 144 txn; on pages 0 and 1, the newer one counts
 *   tree    0 page size (of free pages only) · 4 flags · 6 depth · 8 branch, 16 leaf, 24 overflow
 *           pages · 32 entries · 40 root, or all ones */

#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "index/index.h"

enum {
    PAGE_HEADER = 16,
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    PAGE_BYTES_LEAST = 512,
    PAGE_BYTES_MOST = 32768,
    META_BYTES = 152,
    META_MAGIC = (int)0xBEEFC0DE,
    META_VERSION = 1,
    NODE_HEADER = 8,
    NODE_BIG = 0x01,
    NODE_TREE = 0x02,
    TREE_BYTES = 48,
    TREE_INTEGER_KEYS = 0x08,
    KEY_BYTES_MAX = 511,
    DEPTH_MAX = 32,
    NUMBER_BYTES = 8,
};

/* The file under examination. */
struct pages {
    const struct arm_io *io;
    struct arm_file *file;
    const char *path;
    uint64_t page_bytes;
    uint64_t last;
    uint8_t *seen; /* a bit a page */
};

enum tree_kind { TREE_FREE, TREE_NAMES, TREE_VALUES };

/* A tree as it says it is, and as it was found. */
struct tree {
    enum tree_kind kind;
    uint64_t depth;
    uint64_t branches;
    uint64_t leaves;
    uint64_t overflows;
    uint64_t entries;
    uint64_t root;
};
struct tree_walk {
    struct pages *pages;
    const struct tree *stated;
    struct tree found;
};

struct node {
    struct arm_bytes key;
    uint64_t child; /* of a branch */
    uint32_t size;  /* of a leaf's value */
    uint16_t flags;
    const uint8_t *data;
};

/* Between which keys those of a page lie: low <= key < high; NULL data: no bound. */
struct bounds {
    struct arm_bytes low;
    struct arm_bytes high;
};

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint16_t get_u16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static arm_status bad(const struct pages *pages, uint64_t number, const char *what,
                      struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "%s, page %llu: %s", pages->path, (unsigned long long)number,
                     what);
}

/* `count` pages from `number` on are used, now and nowhere else. */
static arm_status use_pages(struct pages *pages, uint64_t number, uint64_t count,
                            struct arm_error *err)
{
    if (number < 2 || number > pages->last || count > pages->last - number + 1) {
        return bad(pages, number, "it is not in the file", err);
    }
    for (uint64_t i = number; i < number + count; i++) {
        uint8_t mask = (uint8_t)(1U << (i % 8));

        if ((pages->seen[i / 8] & mask) != 0) {
            return bad(pages, i, "it is used twice", err);
        }
        pages->seen[i / 8] = (uint8_t)(pages->seen[i / 8] | mask);
    }
    return ARM_OK;
}

static arm_status read_pages(const struct pages *pages, uint64_t number, uint64_t count,
                             uint8_t *out, struct arm_error *err)
{
    return arm__io_read_exact(pages->io, pages->file, number * pages->page_bytes, out,
                              (size_t)(count * pages->page_bytes), err);
}

/* ---- Nodes ---- */

static size_t node_count(const uint8_t *page)
{
    return (size_t)(get_u16(page + 12) - PAGE_HEADER) / 2;
}

/* The fields of a page other than its nodes. */
static arm_status check_page(const struct pages *pages, const uint8_t *page, uint64_t number,
                             unsigned flags, struct arm_error *err)
{
    uint16_t lower = get_u16(page + 12);
    uint16_t upper = get_u16(page + 14);

    if (get_u64(page) != number) {
        return bad(pages, number, "it says it is another", err);
    }
    if (get_u16(page + 10) != flags) {
        return bad(pages, number, "it is of the wrong kind", err);
    }
    if (lower < PAGE_HEADER + 2 || lower % 2 != 0 || upper < lower || upper > pages->page_bytes) {
        return bad(pages, number, "its bounds are impossible", err);
    }
    return ARM_OK;
}

/* False: it is not within its page. */
static bool read_node(const struct pages *pages, const uint8_t *page, size_t i, bool is_branch,
                      struct node *out)
{
    size_t at = get_u16(page + PAGE_HEADER + 2 * i);
    const uint8_t *node = page + at;
    uint64_t room;
    uint64_t value_size = 0;

    if (at % 2 != 0 || at < get_u16(page + 14) || at + NODE_HEADER > pages->page_bytes) {
        return false;
    }
    room = pages->page_bytes - at - NODE_HEADER;
    out->flags = get_u16(node + 4);
    out->key = arm__bytes(node + NODE_HEADER, get_u16(node + 6));
    out->size = get_u16(node) | (uint32_t)get_u16(node + 2) << 16;
    out->child = out->size | (uint64_t)out->flags << 32;
    out->data = node + NODE_HEADER + out->key.size;
    if (!is_branch) {
        value_size = (out->flags & NODE_BIG) != 0 ? NUMBER_BYTES : out->size;
    }
    return out->key.size <= KEY_BYTES_MAX && out->key.size + value_size <= room;
}

/* ---- Trees ---- */

static int compare_keys(const struct tree_walk *walk, struct arm_bytes a, struct arm_bytes b)
{
    if (walk->stated->kind == TREE_FREE) {
        uint64_t left = get_u64(a.data);
        uint64_t right = get_u64(b.data);

        return (left > right) - (left < right);
    }
    return arm__bytes_compare(a, b);
}

/* A key of the right form, above the one before it (if any) and within the bounds. */
static arm_status check_key(const struct tree_walk *walk, uint64_t number, struct arm_bytes key,
                            const struct arm_bytes *before, const struct bounds *bounds,
                            struct arm_error *err)
{
    if (walk->stated->kind == TREE_FREE ? key.size != NUMBER_BYTES : key.size == 0) {
        return bad(walk->pages, number, "a key has an impossible size", err);
    }
    if ((before != NULL && compare_keys(walk, *before, key) >= 0) ||
        (bounds->low.data != NULL && compare_keys(walk, bounds->low, key) > 0) ||
        (bounds->high.data != NULL && compare_keys(walk, bounds->high, key) <= 0)) {
        return bad(walk->pages, number, "its keys are out of order", err);
    }
    return ARM_OK;
}

static arm_status check_tree(struct pages *pages, const struct tree *stated, struct arm_error *err);

/* A list of free pages: their count, then their numbers, falling. */
static arm_status check_free_list(struct pages *pages, uint64_t number, const uint8_t *data,
                                  uint64_t size, struct arm_error *err)
{
    uint64_t count = size < NUMBER_BYTES ? UINT64_MAX : get_u64(data);
    arm_status st = ARM_OK;

    if (size % NUMBER_BYTES != 0 || count >= size / NUMBER_BYTES) {
        return bad(pages, number, "a list of free pages has an impossible size", err);
    }
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t page = get_u64(data + i * NUMBER_BYTES);

        if (i > 1 && page >= get_u64(data + (i - 1) * NUMBER_BYTES)) {
            return bad(pages, number, "a list of free pages is out of order", err);
        }
        ARM_TRY(use_pages(pages, page, 1, err));
    }
done:
    return st;
}

static struct tree decode_tree(const uint8_t *at, enum tree_kind kind)
{
    return (struct tree){
        .kind = kind,
        .depth = get_u16(at + 6),
        .branches = get_u64(at + 8),
        .leaves = get_u64(at + 16),
        .overflows = get_u64(at + 24),
        .entries = get_u64(at + 32),
        .root = get_u64(at + 40),
    };
}

static arm_status check_value(struct tree_walk *walk, uint64_t number, const struct node *node,
                              const uint8_t *data, struct arm_error *err)
{
    struct tree tree;

    switch (walk->stated->kind) {
    case TREE_FREE:
        return check_free_list(walk->pages, number, data, node->size, err);
    case TREE_NAMES:
        if (node->flags != NODE_TREE || node->size != TREE_BYTES || get_u16(data + 4) != 0) {
            return bad(walk->pages, number, "a sub-database is of the wrong kind", err);
        }
        tree = decode_tree(data, TREE_VALUES);
        return check_tree(walk->pages, &tree, err);
    case TREE_VALUES:
        break;
    }
    return ARM_OK;
}

/* A value on pages of its own. */
static arm_status check_big_value(struct tree_walk *walk, uint64_t number, const struct node *node,
                                  struct arm_error *err)
{
    struct pages *pages = walk->pages;
    uint64_t first = get_u64(node->data);
    uint64_t count = (PAGE_HEADER - 1 + (uint64_t)node->size) / pages->page_bytes + 1;
    bool is_read = walk->stated->kind == TREE_FREE; /* of others the header is enough */
    uint8_t *value = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(use_pages(pages, first, count, err));
    ARM_TRY(arm__calloc((size_t)(is_read ? count : 1), (size_t)pages->page_bytes, &value, err));
    ARM_TRY(read_pages(pages, first, is_read ? count : 1, value, err));
    if (get_u64(value) != first || get_u16(value + 10) != PAGE_OVERFLOW ||
        get_u32(value + 12) != count) {
        st = bad(pages, first, "it is not the overflow page it should be", err);
        goto done;
    }
    walk->found.overflows += count;
    if (is_read) {
        ARM_TRY(check_value(walk, number, node, value + PAGE_HEADER, err));
    }
done:
    arm__free(value);
    return st;
}

static arm_status check_leaf(struct tree_walk *walk, uint64_t number, const uint8_t *page,
                             const struct bounds *bounds, struct arm_error *err)
{
    struct arm_bytes before = {NULL, 0};
    arm_status st = ARM_OK;

    walk->found.leaves++;
    for (size_t i = 0; i < node_count(page); i++) {
        uint16_t allowed = walk->stated->kind == TREE_NAMES ? NODE_TREE : NODE_BIG;
        struct node node;

        if (!read_node(walk->pages, page, i, false, &node) || (node.flags & ~allowed) != 0) {
            return bad(walk->pages, number, "a node is not within it", err);
        }
        ARM_TRY(check_key(walk, number, node.key, i == 0 ? NULL : &before, bounds, err));
        ARM_TRY((node.flags & NODE_BIG) != 0 ? check_big_value(walk, number, &node, err)
                                             : check_value(walk, number, &node, node.data, err));
        walk->found.entries++;
        before = node.key;
    }
done:
    return st;
}

static arm_status check_node_page(struct tree_walk *walk, uint64_t number, uint64_t depth,
                                  const struct bounds *bounds, struct arm_error *err);

/* The first key of a branch page means nothing: what is less than the second goes there. */
static arm_status check_branch(struct tree_walk *walk, uint64_t number, const uint8_t *page,
                               uint64_t depth, const struct bounds *bounds, struct arm_error *err)
{
    struct bounds inner = {.low = bounds->low};
    size_t count = node_count(page);
    struct node node;
    struct node next = {.child = 0};
    arm_status st = ARM_OK;

    walk->found.branches++;
    if (count < 2 || !read_node(walk->pages, page, 0, true, &node)) {
        return bad(walk->pages, number, "a branch has too few nodes", err);
    }
    for (size_t i = 0; i < count; i++) {
        inner.high = bounds->high;
        if (i + 1 < count) {
            if (!read_node(walk->pages, page, i + 1, true, &next)) {
                return bad(walk->pages, number, "a node is not within it", err);
            }
            ARM_TRY(check_key(walk, number, next.key, i == 0 ? NULL : &node.key, bounds, err));
            inner.high = next.key;
        }
        ARM_TRY(check_node_page(walk, node.child, depth - 1, &inner, err));
        inner.low = next.key;
        node = next;
    }
done:
    return st;
}

/* `depth` 1: a leaf. */
static arm_status check_node_page(struct tree_walk *walk, uint64_t number, uint64_t depth,
                                  const struct bounds *bounds, struct arm_error *err)
{
    struct pages *pages = walk->pages;
    uint8_t *page = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(use_pages(pages, number, 1, err));
    ARM_TRY(arm__calloc(1, (size_t)pages->page_bytes, &page, err));
    ARM_TRY(read_pages(pages, number, 1, page, err));
    ARM_TRY(check_page(pages, page, number, depth == 1 ? PAGE_LEAF : PAGE_BRANCH, err));
    ARM_TRY(depth == 1 ? check_leaf(walk, number, page, bounds, err)
                       : check_branch(walk, number, page, depth, bounds, err));
done:
    arm__free(page);
    return st;
}

static arm_status check_tree(struct pages *pages, const struct tree *stated, struct arm_error *err)
{
    struct tree_walk walk = {.pages = pages, .stated = stated};
    struct bounds none = {.low = {NULL, 0}};
    arm_status st = ARM_OK;

    if (stated->root == UINT64_MAX && stated->depth == 0) {
        return stated->entries == 0 ? ARM_OK : bad(pages, 0, "an empty tree has entries", err);
    }
    if (stated->depth == 0 || stated->depth > DEPTH_MAX) {
        return bad(pages, stated->root, "its tree has an impossible depth", err);
    }
    ARM_TRY(check_node_page(&walk, stated->root, stated->depth, &none, err));
    if (walk.found.branches != stated->branches || walk.found.leaves != stated->leaves ||
        walk.found.overflows != stated->overflows || walk.found.entries != stated->entries) {
        st = bad(pages, stated->root, "its tree has other counts than it says", err);
    }
done:
    return st;
}

/* ---- The file ---- */

/* Read meta page `number`; false: it is none. */
static bool read_meta(const struct pages *pages, uint64_t number, uint8_t out[META_BYTES])
{
    uint64_t offset = number * pages->page_bytes;

    return arm__io_read_exact(pages->io, pages->file, offset, out, META_BYTES, NULL) == ARM_OK &&
           get_u16(out + 10) == PAGE_META && get_u32(out + 16) == (uint32_t)META_MAGIC &&
           get_u32(out + 20) == META_VERSION;
}

/* The newer of the two metas; the page size and the last page are set from it. */
static arm_status find_meta(struct pages *pages, uint8_t out[META_BYTES], struct arm_error *err)
{
    uint8_t other[META_BYTES];
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(pages->io->size(pages->io->self, pages->file, &size, err));
    if (!read_meta(pages, 0, out)) {
        return bad(pages, 0, "it is no meta page", err);
    }
    pages->page_bytes = get_u32(out + 40);
    if (pages->page_bytes < PAGE_BYTES_LEAST || pages->page_bytes > PAGE_BYTES_MOST ||
        (pages->page_bytes & (pages->page_bytes - 1)) != 0) {
        return bad(pages, 0, "its page size is impossible", err);
    }
    if (!read_meta(pages, 1, other) || get_u32(other + 40) != pages->page_bytes) {
        return bad(pages, 1, "it is no meta page of this file", err);
    }
    if (get_u64(other + 144) > get_u64(out + 144)) {
        memcpy(out, other, META_BYTES);
    }
    pages->last = get_u64(out + 136);
    if (pages->last < 1 || pages->last >= size / pages->page_bytes) {
        return bad(pages, pages->last, "the file ends before it", err);
    }
    if (get_u16(out + 40 + 4) != TREE_INTEGER_KEYS || get_u16(out + 88 + 4) != 0) {
        return bad(pages, 0, "its trees are of the wrong kind", err);
    }
done:
    return st;
}

arm_status arm__index_check_pages(const char *root, struct arm_error *err)
{
    struct pages pages = {.io = arm__io_system()};
    uint8_t meta[META_BYTES];
    struct tree tree;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(root, "index/data.mdb", &path, err));
    pages.path = path;
    ARM_TRY(pages.io->open(pages.io->self, path, ARM_OPEN_READ, &pages.file, err));
    ARM_TRY(find_meta(&pages, meta, err));
    ARM_TRY(arm__calloc((size_t)(pages.last / 8 + 1), 1, &pages.seen, err));
    tree = decode_tree(meta + 40, TREE_FREE);
    ARM_TRY(check_tree(&pages, &tree, err));
    tree = decode_tree(meta + 88, TREE_NAMES);
    ARM_TRY(check_tree(&pages, &tree, err));
done:
    if (pages.file != NULL) {
        pages.io->close(pages.io->self, pages.file);
    }
    arm__free(pages.seen);
    arm__free(path);
    return st;
}
