/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_KERNEL_FIXTURE_H
#define ARM_TESTS_SUPPORT_KERNEL_FIXTURE_H

/* A repository in a directory of its own, and short ways to commit: what the tests of index,
 * catalog and commit begin with. Table rows are made up: a "hot batch" of n rows is n bytes, a
 * chunk any bytes; nothing here reads rows. */

#include <stdio.h>
#include <string.h>

#include "commit/commit.h"
#include "support/cmocka_all.h"
#include "support/io_fault.h"
#include "support/temp.h"

struct kernel {
    struct temp_dir dir;
    struct io_fault *fault; /* NULL: the system's own door */
    struct arm_repository *repository;
    struct arm_error err;
    uint64_t made; /* so that no two hot batches are alike */
};

static inline void kernel_open_as(struct kernel *k, bool read_only)
{
    struct arm_repository_options options = {.read_only = read_only};

    options.io = k->fault != NULL ? io_fault_io(k->fault) : NULL;
    assert_ok(arm__repository_open(k->dir.path, &options, &k->repository, &k->err), k->err);
}

static inline void kernel_open(struct kernel *k)
{
    kernel_open_as(k, false);
}

static inline void kernel_close(struct kernel *k)
{
    arm__repository_close(k->repository);
    k->repository = NULL;
}

static inline void kernel_reopen(struct kernel *k)
{
    kernel_close(k);
    kernel_open(k);
}

static inline int kernel_setup(void **state)
{
    static struct kernel k;

    memset(&k, 0, sizeof k);
    k.dir = temp_dir_make();
    assert_ok(arm__repository_create(NULL, k.dir.path, &k.err), k.err);
    kernel_open(&k);
    *state = &k;
    return 0;
}

/* The same over the fault double. */
static inline int kernel_setup_fault(void **state)
{
    (void)kernel_setup(state);
    struct kernel *k = *state;

    kernel_close(k);
    k->fault = io_fault_new(arm__io_system());
    kernel_open(k);
    return 0;
}

static inline int kernel_teardown(void **state)
{
    struct kernel *k = *state;

    if (k->fault != NULL) {
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
    }
    kernel_close(k);
    if (k->fault != NULL) {
        io_fault_free(k->fault);
    }
    temp_dir_remove(&k->dir);
    return 0;
}

#define kernel_test(test) cmocka_unit_test_setup_teardown(test, kernel_setup, kernel_teardown)
#define kernel_fault_test(test)                                                                    \
    cmocka_unit_test_setup_teardown(test, kernel_setup_fault, kernel_teardown)

/* ---- Requests ---- */

/* A schema of one INTEGER column, or of two, the second without a field id yet. Static. */
static inline const Armpb__Schema *kernel_schema(size_t column_count)
{
    static Armpb__Type type = ARMPB__TYPE__INIT;
    static Armpb__Field fields[2] = {ARMPB__FIELD__INIT, ARMPB__FIELD__INIT};
    static Armpb__Column columns[2] = {ARMPB__COLUMN__INIT, ARMPB__COLUMN__INIT};
    static Armpb__Column *lists[2] = {&columns[0], &columns[1]};
    static Armpb__Schema schemas[2] = {ARMPB__SCHEMA__INIT, ARMPB__SCHEMA__INIT};
    static char names[2][2] = {"a", "b"};
    Armpb__Schema *schema = &schemas[column_count - 1];

    type.kind = ARMPB__TYPE_KIND__INTEGER;
    for (size_t i = 0; i < 2; i++) {
        fields[i].name = names[i];
        fields[i].type = &type;
        columns[i].field = &fields[i];
    }
    fields[0].id = 1;
    schema->schema_id = 1;
    schema->n_columns = column_count;
    schema->columns = lists;
    schema->last_field_id = 1;
    return schema;
}

static inline struct arm_snapshot kernel_snapshot(struct kernel *k, const char *branch)
{
    struct arm_snapshot at = {.tx = 0};

    assert_ok(arm__catalog_snapshot(arm__repository_catalog(k->repository), branch, &at, &k->err),
              k->err);
    return at;
}

/* The table at a snapshot; its schema is released: row and version are what tests look at. */
static inline bool kernel_find(struct kernel *k, const struct arm_snapshot *at, const char *name,
                               struct arm_table_info *out)
{
    struct arm_table_info info = {.schema = NULL};
    bool found = false;

    assert_ok(arm__catalog_table(arm__repository_catalog(k->repository), at, "main", name, &info,
                                 &found, &k->err),
              k->err);
    if (found) {
        *out = info;
        arm__schema_free(info.schema);
        out->schema = NULL;
    }
    return found;
}

static inline arm_status kernel_commit_one(struct kernel *k, const struct arm_snapshot *at,
                                           struct arm_new_change *change,
                                           struct arm_commit_result *out, uint64_t *out_version)
{
    struct arm_commit_request request = {
        .snapshot = *at, .author = "test", .message = "m", .change_count = 1, .changes = change};
    struct arm_commit_result result = {.tx = 0};
    uint64_t version = 0;
    arm_status st = arm__commit(k->repository, &request, &result, &version, &k->err);

    if (st == ARM_OK && out != NULL) {
        *out = result;
    }
    if (st == ARM_OK && out_version != NULL) {
        *out_version = version;
    }
    return st;
}

static inline struct arm_new_change kernel_create_change(const char *name)
{
    return (struct arm_new_change){.kind = ARMPB__CHANGE_KIND__CREATE,
                                   .schema_name = "main",
                                   .name = name,
                                   .schema = kernel_schema(1)};
}

/* A change of an existing table as seen at `at`. */
static inline struct arm_new_change kernel_change(struct kernel *k, const struct arm_snapshot *at,
                                                  const char *name, Armpb__ChangeKind kind)
{
    struct arm_table_info info = {.schema = NULL};

    assert_true(kernel_find(k, at, name, &info));
    return (struct arm_new_change){
        .kind = kind, .table_id = info.row.table_id, .base_version = info.row.version};
}

/* A hot batch of `rows` rows; `bytes` holds it and must outlive the commit. */
struct kernel_batch {
    uint8_t bytes[64];
    struct arm_new_entry entry;
};

static inline struct arm_new_entry *kernel_hot(struct kernel *k, uint32_t rows,
                                               struct kernel_batch *out)
{
    size_t size = rows < sizeof out->bytes ? rows : sizeof out->bytes;

    memset(out, 0, sizeof *out);
    k->made++;
    memcpy(out->bytes, &k->made, sizeof k->made < size ? sizeof k->made : size);
    out->entry = (struct arm_new_entry){.rows = rows,
                                        .is_hot = true,
                                        .hot = arm__bytes(out->bytes, size),
                                        .rows_hash = arm__hash(arm__bytes(&k->made, 8))};
    return &out->entry;
}

enum { KERNEL_CHUNK_BYTES = 100 };

/* A chunk of `rows` rows put into the store: as much of a Parquet file as verify looks at, a
 * footer whose only field is the row count. */
static inline struct arm_new_entry kernel_chunk(struct kernel *k, uint32_t rows)
{
    struct arm_new_entry entry = {.rows = rows, .bytes = KERNEL_CHUNK_BYTES};
    uint8_t bytes[KERNEL_CHUNK_BYTES] = {0};
    uint8_t *footer = bytes + KERNEL_CHUNK_BYTES - 16;

    k->made++;
    memcpy(bytes, &k->made, sizeof k->made);
    footer[0] = 0x36; /* field 3, i64: a zigzag varint of five bytes */
    for (int i = 0; i < 5; i++) {
        footer[1 + i] = (uint8_t)((2ull * rows >> 7 * i & 0x7f) | (i < 4 ? 0x80u : 0));
    }
    footer[8] = 8;
    memcpy(footer + 12, "PAR1", 4);
    assert_ok(arm__store_put(arm__repository_store(k->repository), arm__bytes(bytes, sizeof bytes),
                             &entry.chunk, &entry.is_new, &k->err),
              k->err);
    arm__store_lease_drop(arm__repository_store(k->repository), &entry.chunk);
    entry.rows_hash = arm__hash(arm__bytes(&k->made, 8));
    return entry;
}

/* ---- Whole commits on a branch's head ---- */

static inline uint64_t kernel_create_table(struct kernel *k, const char *branch, const char *name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_new_change change = kernel_create_change(name);
    uint64_t version = 0;

    assert_ok(kernel_commit_one(k, &at, &change, NULL, &version), k->err);
    return version;
}

static inline uint64_t kernel_append(struct kernel *k, const char *branch, const char *name,
                                     uint32_t rows)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_new_change change = kernel_change(k, &at, name, ARMPB__CHANGE_KIND__WRITE);
    struct kernel_batch batch;
    uint64_t version = 0;

    change.added = kernel_hot(k, rows, &batch);
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, &version), k->err);
    return version;
}

static inline uint64_t kernel_ref(struct kernel *k, Armpb__RefKind kind, Armpb__RefAction action,
                                  const char *name, const struct arm_snapshot *from)
{
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    uint64_t tx = 0;

    change.kind = kind;
    change.action = action;
    change.name = (char *)(uintptr_t)name;
    if (from != NULL) {
        change.has_from_branch_id = true;
        change.from_branch_id = from->branch_id;
        change.has_from_tx = true;
        change.from_tx = from->tx;
    }
    assert_ok(arm__commit_ref(k->repository, &change, &tx, &k->err), k->err);
    return tx;
}

static inline uint64_t kernel_branch(struct kernel *k, const char *name, const char *from)
{
    struct arm_snapshot at = kernel_snapshot(k, from);

    return kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_CREATE, name, &at);
}

/* The state of a table at a branch's head; to be dropped. */
static inline struct arm_table_state *kernel_state(struct kernel *k, const char *branch,
                                                   const char *name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_table_state *state = NULL;
    struct arm_table_info info = {.schema = NULL};

    assert_true(kernel_find(k, &at, name, &info));
    assert_ok(arm__catalog_state(arm__repository_catalog(k->repository), &info.row.table_id,
                                 info.row.version, &state, &k->err),
              k->err);
    return state;
}

/* ---- Reports ---- */

static inline arm_status kernel_print_issue(void *context, const struct arm_issue *issue,
                                            struct arm_error *err)
{
    (void)err;
    (void)snprintf(context, 1024, "%s %s: %s", issue->kind, issue->object, issue->message);
    return ARM_OK;
}

#endif
