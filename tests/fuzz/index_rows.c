/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the index (index/rows.c), one kind after the other over the same bytes. I6: what does not
 * decode to the last byte is refused; what does is written again to the same bytes. */

#include "index/index_private.h"
#include "support/fuzz.h"

static const struct arm_table_id TABLE = {{7}};

static struct arm_buf again = ARM_BUF_INIT(1 << 20);
static struct arm_error err;

/* Whether the row was taken; `out` is as it was if not. */
static bool taken(arm_status st, const void *out, size_t out_size)
{
    bool is_taken = fuzz_judged(st, ARM_CORRUPT, ARM_CORRUPT, &err);

    assert(is_taken || fuzz_untouched(out, out_size));
    FUZZ_FILL(err);
    arm__buf_clear(&again);
    return is_taken;
}

static void same(arm_status st, struct arm_bytes row)
{
    assert(st == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&again), row));
}

static void check_records(struct arm_bytes row)
{
    struct arm_index_state state;
    struct arm_record_row record;
    struct arm_chunk_row chunk;
    struct arm_bytes statistics;

    FUZZ_FILL(state);
    if (taken(arm__row_take_state(row, &state, &err), &state, sizeof state)) {
        same(arm__row_put_state(&state, &again, NULL), row);
    }
    FUZZ_FILL(record);
    if (taken(arm__row_take_record(row, 9, &record, &err), &record, sizeof record)) {
        assert(record.tx == 9);
        same(arm__row_put_record(&record, &again, NULL), row);
    }
    FUZZ_FILL(chunk);
    if (taken(arm__row_take_chunk(row, &chunk, &statistics, &err), &chunk, sizeof chunk)) {
        same(arm__row_put_chunk(&chunk, statistics, &again, NULL), row);
    }
}

static void check_consumers(struct arm_bytes row)
{
    struct arm_consumer_row consumer;
    bool is_dropped = false;

    FUZZ_FILL(consumer);
    if (taken(arm__row_take_consumer(row, 1 << 20, &consumer, &is_dropped, &err), &consumer,
              sizeof consumer)) {
        for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
            assert(consumer.acked_tx[i] < 1 << 20);
        }
        same(arm__row_put_consumer(is_dropped ? NULL : &consumer, &again, NULL), row);
    }
}

static void check_refs(struct arm_bytes row)
{
    struct arm_ref_row ref;
    struct arm_branch_state branch;
    bool is_dropped = false;

    FUZZ_FILL(ref);
    if (taken(arm__row_take_ref(row, 9, &ref, &is_dropped, &err), &ref, sizeof ref)) {
        same(arm__row_put_ref(&ref, is_dropped, &again, NULL), row);
    }
    FUZZ_FILL(branch);
    if (taken(arm__row_take_branch(row, &branch, &err), &branch, sizeof branch)) {
        assert(memchr(branch.name, 0, sizeof branch.name) != NULL);
        same(arm__row_put_branch(&branch, &again, NULL), row);
    }
}

static void check_tables(struct arm_bytes row)
{
    struct arm_table_row table;
    struct arm_table_name name;
    struct arm_version_state version;
    struct arm_layout_row layout;
    bool is_dropped;

    FUZZ_FILL(table);
    FUZZ_FILL(is_dropped);
    if (taken(arm__row_take_table(row, 9, &table, &is_dropped, &err), &table, sizeof table)) {
        assert(!is_dropped || FUZZ_UNTOUCHED(table));
        same(arm__row_put_table(is_dropped ? NULL : &table, &again, NULL), row);
    } else {
        assert(FUZZ_UNTOUCHED(is_dropped));
    }
    FUZZ_FILL(name);
    if (taken(arm__row_take_name(row, &name, &err), &name, sizeof name)) {
        same(arm__row_put_name(&name, &again, NULL), row);
    }
    FUZZ_FILL(version);
    if (taken(arm__row_take_version(row, &TABLE, 9, &version, &err), &version, sizeof version)) {
        assert(version.row.last_position.size == 0 ||
               arm__position_check(arm__position_bytes(&version.row.last_position), NULL) ==
                   ARM_OK);
        same(arm__row_put_version(&version, &again, NULL), row);
    }
    FUZZ_FILL(layout);
    if (taken(arm__row_take_layout(row, 9, &layout, &err), &layout, sizeof layout)) {
        assert(layout.tx == 9);
        same(arm__row_put_layout(&layout, &again, NULL), row);
    }
}

static void check_txs(struct arm_bytes row)
{
    for (unsigned db = ARM_DB_TX; db < ARM_DB_COUNT; db++) {
        uint64_t tx;

        FUZZ_FILL(tx);
        (void)taken(arm__row_tx((enum arm_db)db, row, row, &tx, &err), &tx, sizeof tx);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_bytes row = arm__bytes(data, size);

    FUZZ_FILL(err);
    check_txs(row);
    check_records(row);
    check_refs(row);
    check_consumers(row);
    check_tables(row);
    arm__buf_release(&again);
    return 0;
}
