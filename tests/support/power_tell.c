/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_tell.h"

#include <stdio.h>

#include "support/power_rows.h"
#include "txn/txn_fixture.h"

struct telling {
    struct arm_repository *repository;
    struct arm_engine *engine;
    struct arm_transaction *txn;
    struct arm_buf *out;
};

static arm_status tell_table(void *context, const char *schema_name, const char *name,
                             struct arm_error *err)
{
    struct telling *telling = context;
    const struct arm_view *view = NULL;
    char hex[ARM_HASH_HEX + 1];
    struct arm_hash hash;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_view(telling->txn, schema_name, name, &view, err));
    hash = power_hash_rows(telling->repository, telling->engine, view);
    arm__hash_hex(&hash, hex);
    ARM_TRY(arm__buf_printf(telling->out, err, "  %s.%s version %llu, %llu rows, %.16s\n",
                            schema_name, name, (unsigned long long)view->version,
                            (unsigned long long)view->live_rows, hex));
done:
    arm__view_drop(view);
    return st;
}

struct ref_names {
    char names[16][256];
    size_t count;
};

static arm_status add_ref(void *context, const char *name, const struct arm_ref_row *row,
                          struct arm_error *err)
{
    struct ref_names *refs = context;

    (void)row;
    (void)err;
    assert_true(refs->count < sizeof refs->names / sizeof *refs->names);
    (void)snprintf(refs->names[refs->count++], sizeof refs->names[0], "%s", name);
    return ARM_OK;
}

static void tell_refs(struct arm_repository *repository, struct arm_engine *engine,
                      Armpb__RefKind kind, struct arm_buf *out)
{
    struct arm_catalog *catalog = arm__repository_catalog(repository);
    struct telling telling = {.repository = repository, .engine = engine, .out = out};
    struct arm_index_txn *txn = NULL;
    struct arm_snapshot main_now;
    struct ref_names refs = {.count = 0};
    struct arm_error err = {0};

    assert_ok(arm__catalog_snapshot(catalog, "main", &main_now, &err), err);
    assert_ok(arm__index_read(arm__repository_index(repository), &txn, &err), err);
    assert_ok(arm__index_refs(txn, kind, main_now.tx, add_ref, &refs, &err), err);
    arm__index_abort(txn);
    for (size_t i = 0; i < refs.count; i++) {
        struct arm_snapshot at;

        assert_ok(arm__catalog_resolve(catalog, &main_now, refs.names[i], &at, &err), err);
        assert_ok(arm__buf_printf(out, &err, "%s %s\n",
                                  kind == ARMPB__REF_KIND__TAG ? "tag" : "branch", refs.names[i]),
                  err);
        assert_ok(arm__txn_begin(repository, engine, &at, true, &telling.txn, &err), err);
        assert_ok(arm__txn_tables(telling.txn, tell_table, &telling, &err), err);
        arm__txn_rollback(telling.txn);
    }
}

static arm_status tell_consumer(void *context, const char *name, const struct arm_consumer_row *row,
                                struct arm_error *err)
{
    return arm__buf_printf(context, err, "consumer %s at %llu .. %llu\n", name,
                           (unsigned long long)row->acked_tx[0],
                           (unsigned long long)row->acked_tx[ARM_CONSUMER_SHARES - 1]);
}

/* That it is there as well, verify looks after. */
static arm_status tell_loose(void *context, const struct arm_hash *chunk,
                             const struct arm_loose_row *row, struct arm_error *err)
{
    char hex[ARM_HASH_HEX + 1];

    arm__hash_hex(chunk, hex);
    return !row->is_kept && !row->is_used
               ? ARM_OK
               : arm__buf_printf(context, err, "chunk %.16s%s%s\n", hex,
                                 row->is_kept ? " kept" : "", row->is_used ? " used" : "");
}

static void tell_others(struct arm_repository *repository, struct arm_buf *out)
{
    uint64_t durable = arm__log_durable_to(arm__repository_log(repository));
    struct arm_index_txn *txn = NULL;
    struct arm_error err = {0};

    assert_ok(arm__index_read(arm__repository_index(repository), &txn, &err), err);
    assert_ok(arm__index_consumers(txn, durable, tell_consumer, out, &err), err);
    assert_ok(arm__index_all_loose(txn, durable, tell_loose, out, &err), err);
    arm__index_abort(txn);
}

void power_tell(struct arm_repository *repository, struct arm_engine *engine, struct arm_buf *out)
{
    arm__buf_clear(out);
    tell_refs(repository, engine, ARMPB__REF_KIND__BRANCH, out);
    tell_refs(repository, engine, ARMPB__REF_KIND__TAG, out);
    tell_others(repository, out);
    assert_int_equal(arm__buf_u8(out, 0, NULL), ARM_OK);
}
