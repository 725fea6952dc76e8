/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: no two live rows of a table have one. A statement's new rows are looked up by the hashes of
 * their keys; a commit's among what others put there since. Hashes only point: where two rows meet
 * whose keys must differ, the keys are read. At commit, where that would hold everybody up, equal
 * hashes are a conflict. */

#include "base/alloc.h"
#include "keys/key_meet.h"
#include "model/utf8.h"
#include "txn/key_search.h"

enum { TEXT_BYTES_MAX = 1 << 20, TEXT_SHOWN_MAX = 300 };

/* ---- In a statement ---- */

static arm_status fail(const struct arm_key_search *search, struct arm_bytes text,
                       struct arm_error *err)
{
    return arm__fail(err, ARM_CONSTRAINT,
                     "duplicate key \"%.*s\" violates %s constraint \"%s\" of table \"%s\"",
                     (int)arm__utf8_cut((const char *)text.data, text.size, TEXT_SHOWN_MAX),
                     (const char *)text.data, search->key->primary ? "primary key" : "unique",
                     search->key->name == NULL ? "" : search->key->name, search->table->name);
}

static arm_status text_of(const struct arm_key_search *search, const struct arm_key_place *place,
                          struct arm_buf *out, struct arm_error *err)
{
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    struct arm_key_source source;
    arm_status st = ARM_OK;

    ARM_TRY(arm__key_source_of(search, place, &bytes, &source, err));
    ARM_TRY(arm__key_text(search->txn->repository, search->txn->engine, search->schema, search->key,
                          &source, place->row, out, err));
done:
    arm__buf_release(&bytes);
    return st;
}

/* ARM_CONSTRAINT if the keys of the two rows are the same. */
static arm_status compare(const struct arm_key_search *search, const struct arm_key_place *fresh,
                          const struct arm_key_place *found, struct arm_error *err)
{
    struct arm_buf x = ARM_BUF_INIT(TEXT_BYTES_MAX);
    struct arm_buf y = ARM_BUF_INIT(TEXT_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(text_of(search, fresh, &x, err));
    ARM_TRY(text_of(search, found, &y, err));
    if (arm__bytes_compare(arm__buf_bytes(&x), arm__buf_bytes(&y)) == 0) {
        st = fail(search, arm__buf_bytes(&x), err);
    }
done:
    arm__buf_release(&y);
    arm__buf_release(&x);
    return st;
}

arm_status arm__txn_check_keys(struct arm_transaction *txn, struct arm_txn_table *table,
                               const struct arm_key_change *change, struct arm_error *err)
{
    const Armpb__Schema *schema =
        change->schema != NULL ? change->schema : arm__txn_table_schema(table);
    arm_status st = ARM_OK;

    for (size_t k = 0; k < schema->n_keys; k++) {
        if (change->kept_keys == NULL || !change->kept_keys[k]) {
            ARM_TRY(arm__key_search(txn, table, change, k, compare, NULL, err));
        }
    }
done:
    return st;
}

/* ---- At commit ---- */

/* One of ours that lives. */
static arm_status visit_theirs(void *context, const struct arm_key_pair *pair,
                               struct arm_error *err)
{
    struct arm_txn_judge *self = context;
    const struct arm_txn_dead *dead = self->table->own[pair->other].dead;

    (void)err;
    if (!pair->is_fresh && !(dead != NULL && roaring_bitmap_contains(dead->all, pair->other_row))) {
        self->meets = true;
    }
    return ARM_OK;
}

arm_status arm__txn_entry_keys(struct arm_transaction *txn, const Armpb__Schema *schema,
                               const Armpb__Key *key, const struct arm_state_entry *entry,
                               struct arm_key_run **out, struct arm_error *err)
{
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    arm_status st = ARM_OK;

    if (!entry->is_hot) {
        return arm__key_run_of_chunk(txn->repository, txn->engine, schema, key, &entry->chunk,
                                     entry->rows, out, err);
    }
    ARM_TRY(arm__catalog_hot_rows(arm__repository_catalog(txn->repository), entry, &bytes, err));
    ARM_TRY(arm__key_run_of_hot(schema, key, arm__buf_bytes(&bytes), out, err));
done:
    arm__buf_release(&bytes);
    return st;
}

/* `theirs` is the run of the entry by that key; NULL: it is to be made. */
static arm_status meets_key(struct arm_txn_judge *self, const struct arm_state_entry *entry,
                            struct arm_key_run *theirs, size_t key, struct arm_error *err)
{
    const Armpb__Schema *schema = arm__txn_table_schema(self->table);
    struct arm_key_run **ours = NULL;
    struct arm_key_run *made = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(self->table->own_count, sizeof(struct arm_key_run *), &ours, err));
    for (size_t i = 0; i < self->table->own_count; i++) {
        ours[i] = arm__txn_own_entry(&self->table->own[i])->keys[key];
    }
    if (theirs == NULL) {
        ARM_TRY(arm__txn_entry_keys(self->txn, schema, schema->keys[key], entry, &made, err));
        theirs = made;
    }
    ARM_TRY(arm__keys_meet(&theirs, 1, ours, self->table->own_count, visit_theirs, self, err));
done:
    arm__key_run_drop(made);
    arm__free(ours);
    return st;
}

static arm_status judge_meets(void *context, const struct arm_state_entry *entry,
                              struct arm_key_run *const *keys, bool *out_meets,
                              struct arm_error *err)
{
    struct arm_txn_judge *self = context;
    size_t count = arm__txn_table_schema(self->table)->n_keys;
    arm_status st = ARM_OK;

    self->meets = false;
    for (size_t k = 0; k < count && !self->meets; k++) {
        ARM_TRY(meets_key(self, entry, keys == NULL ? NULL : keys[k], k, err));
    }
    *out_meets = self->meets;
done:
    return st;
}

const struct arm_key_judge *arm__txn_judge(struct arm_transaction *txn, struct arm_txn_table *table,
                                           struct arm_txn_judge *out)
{
    if (table->own_count == 0 || arm__txn_table_schema(table)->n_keys == 0) {
        return NULL;
    }
    *out = (struct arm_txn_judge){
        .judge = {.self = out, .meets = judge_meets}, .txn = txn, .table = table};
    return &out->judge;
}
