/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tables become versions, and versions what is known of them without reading rows. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_private.h"
#include "catalog/numbers.h"

enum { SCHEMA_KEY_BYTES = ARM_TABLE_ID_BYTES + 4 };

void arm__table_info_release(struct arm_table_info *info)
{
    arm__schema_free(info->schema);
    *info = (struct arm_table_info){0};
}

/* Fill version and schema of `out`, whose row is set. */
static arm_status load_version(struct arm_index_txn *txn, struct arm_table_info *out,
                               struct arm_error *err)
{
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_version(txn, &out->row.table_id, out->row.version, &out->version, NULL,
                               &found, err));
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT,
                       "the index has no version %llu of table \"%s\": delete index/ and reopen",
                       (unsigned long long)out->row.version, out->row.name);
        goto done;
    }
    ARM_TRY(arm__index_schema(txn, &out->row.table_id, out->version.schema_id, &out->schema, err));
done:
    return st;
}

arm_status arm__catalog_table(struct arm_catalog *catalog, const struct arm_snapshot *at,
                              const char *schema_name, const char *name, struct arm_table_info *out,
                              bool *out_found, struct arm_error *err)
{
    struct arm_table_info info = {0};
    struct arm_index_txn *txn = NULL;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(
        arm__index_table(txn, at->branch_id, at->tx, schema_name, name, &info.row, &found, err));
    if (found) {
        ARM_TRY(load_version(txn, &info, err));
        *out = info;
        info.schema = NULL;
    }
    *out_found = found;
done:
    arm__table_info_release(&info);
    arm__index_abort(txn);
    return st;
}

/* ---- All tables: collected first, so that no visitor runs inside a read transaction (C3) ---- */

static arm_status collect_table(void *context, const struct arm_table_row *row,
                                struct arm_error *err)
{
    struct arm_table_list *list = context;
    arm_status st = ARM_OK;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;

        ARM_TRY(arm__realloc(&list->rows, capacity, sizeof *list->rows, err));
        list->capacity = capacity;
    }
    list->rows[list->count++] = *row;
done:
    return st;
}

arm_status arm__catalog_list(struct arm_catalog *catalog, const struct arm_snapshot *at,
                             struct arm_table_list *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_tables(txn, at->branch_id, at->tx, collect_table, out, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_tables(struct arm_catalog *catalog, const struct arm_snapshot *at,
                               arm_visit_table *visit, void *context, struct arm_error *err)
{
    struct arm_table_list list = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_list(catalog, at, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        ARM_TRY(visit(context, &list.rows[i], err));
    }
done:
    arm__free(list.rows);
    return st;
}

/* ---- Versions by number ---- */

static arm_status fail_no_version(const char *name, uint64_t number, uint64_t last,
                                  struct arm_error *err)
{
    if (last == 0) {
        return arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", name);
    }
    return arm__fail(err, ARM_NOT_FOUND, "table \"%s\" has no version %llu; it has 1 to %llu", name,
                     (unsigned long long)number, (unsigned long long)last);
}

/* Which table a number of a name belongs to. A table that was renamed keeps its earlier versions:
 * their numbers are found under the new name too, where that has none of its own. */
static arm_status find_number(struct arm_index_txn *txn, const char *schema_name, const char *name,
                              uint64_t number, struct arm_table_id *out, bool *out_found,
                              struct arm_error *err)
{
    struct arm_version_row version;
    uint64_t last = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_number(txn, schema_name, name, number, out, out_found, err));
    if (*out_found) {
        goto done;
    }
    ARM_TRY(arm__index_last_number(txn, schema_name, name, &last, err));
    if (number == 0 || number > last) {
        goto done;
    }
    ARM_TRY(arm__index_number(txn, schema_name, name, last, out, out_found, err));
    if (*out_found) {
        ARM_TRY(arm__index_version(txn, out, number, &version, NULL, out_found, err));
    }
done:
    return st;
}

/* The row of a version as it was when it was made: names, kind. `*out_found` false: it is not
 * durable, and a reader sees no other (C1). */
static arm_status find_row(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                           uint64_t number, uint64_t durable, struct arm_table_row *out,
                           bool *out_found, struct arm_error *err)
{
    struct arm_version_row version;
    struct arm_record_row record;
    uint64_t dropped_tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_version(txn, table_id, number, &version, NULL, out_found, err));
    *out_found = *out_found && version.tx <= durable;
    if (*out_found) {
        ARM_TRY(arm__index_record(txn, version.tx, &record, out_found, err));
    }
    if (*out_found) {
        ARM_TRY(arm__index_table_by_id(txn, record.branch_id, version.tx, table_id, out,
                                       &dropped_tx, out_found, err));
    }
done:
    return st;
}

arm_status arm__catalog_table_version(struct arm_catalog *catalog, const char *schema_name,
                                      const char *name, uint64_t number, struct arm_table_info *out,
                                      struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_table_info info = {0};
    struct arm_index_txn *txn = NULL;
    struct arm_table_id table_id;
    uint64_t last = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(find_number(txn, schema_name, name, number, &table_id, &found, err));
    if (found) {
        ARM_TRY(find_row(txn, &table_id, number, durable, &info.row, &found, err));
    }
    if (!found) {
        ARM_TRY(arm__index_last_number(txn, schema_name, name, &last, err));
        st = fail_no_version(name, number, last, err);
        goto done;
    }
    ARM_TRY(load_version(txn, &info, err));
    *out = info;
    info.schema = NULL;
done:
    arm__table_info_release(&info);
    arm__index_abort(txn);
    return st;
}

/* `back` versions towards the first, along parents. */
static arm_status version_back(struct arm_catalog *catalog, const char *schema_name,
                               const char *name, uint64_t back, struct arm_table_info *info,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (uint64_t step = 0; step < back; step++) {
        uint64_t parent = info->version.parent_version;

        if (parent == 0) {
            st = arm__fail(err, ARM_NOT_FOUND, "version %llu of table \"%s\" has no parent",
                           (unsigned long long)info->row.version, name);
            goto done;
        }
        arm__table_info_release(info);
        ARM_TRY(arm__catalog_table_version(catalog, schema_name, name, parent, info, err));
    }
done:
    return st;
}

/* A bare number, as AT (VERSION => 3) gives it. */
static bool parse_number(const char *text, uint64_t *out)
{
    uint64_t number = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || at - text >= 18) {
            return false;
        }
        number = 10 * number + (uint64_t)(*at - '0');
    }
    *out = number;
    return text[0] != '\0';
}

arm_status arm__catalog_table_at(struct arm_catalog *catalog, const struct arm_snapshot *on,
                                 const char *schema_name, const char *name, const char *text,
                                 struct arm_table_info *out, struct arm_error *err)
{
    struct arm_table_info info = {0};
    struct arm_snapshot at;
    struct arm_ref ref = {.kind = ARM_REF_VERSION};
    bool found = false;
    arm_status st = ARM_OK;

    if (!parse_number(text, &ref.number)) {
        ARM_TRY(arm__ref_parse(text, &ref, err));
    }
    if (ref.kind == ARM_REF_VERSION) {
        ARM_TRY(arm__catalog_table_version(catalog, schema_name, name, ref.number, &info, err));
        ARM_TRY(version_back(catalog, schema_name, name, ref.back, &info, err));
        found = true;
    } else {
        ARM_TRY(arm__catalog_resolve(catalog, on, text, &at, err));
        ARM_TRY(arm__catalog_table(catalog, &at, schema_name, name, &info, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there was no table \"%s\" at \"%s\"", name, text);
        goto done;
    }
    *out = info;
    info.schema = NULL;
done:
    arm__table_info_release(&info);
    return st;
}

/* ---- From ids back to names ---- */

arm_status arm__catalog_table_name(struct arm_catalog *catalog, uint64_t branch_id, uint64_t tx,
                                   const struct arm_table_id *table_id, char schema_name[256],
                                   char name[256], struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_table_row row;
    uint64_t dropped_tx = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_table_by_id(txn, branch_id, tx, table_id, &row, &dropped_tx, &found, err));
    if (!found && dropped_tx == tx) { /* by the name that this commit dropped */
        ARM_TRY(arm__index_table_by_id(txn, branch_id, tx - 1, table_id, &row, &dropped_tx, &found,
                                       err));
    }
    if (!found) {
        st =
            arm__fail(err, ARM_NOT_FOUND, "no table of that id at tx %llu", (unsigned long long)tx);
        goto done;
    }
    memcpy(schema_name, row.schema_name, 256);
    memcpy(name, row.name, 256);
done:
    arm__index_abort(txn);
    return st;
}

/* ---- Schemas ---- */

arm_status arm__catalog_schema(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                               uint32_t schema_id, const Armpb__Schema **out, struct arm_error *err)
{
    uint8_t key[SCHEMA_KEY_BYTES];
    struct arm_index_txn *txn = NULL;
    Armpb__Schema *schema = NULL;
    const Armpb__Schema *cached;
    arm_status st = ARM_OK;

    memcpy(key, table_id->bytes, ARM_TABLE_ID_BYTES);
    arm__set_u32(key + ARM_TABLE_ID_BYTES, schema_id);
    arm__mutex_lock(&catalog->mutex);
    cached = arm__cache_get(&catalog->schemas, key);
    arm__mutex_unlock(&catalog->mutex);
    if (cached != NULL) {
        *out = cached;
        return ARM_OK;
    }
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_schema(txn, table_id, schema_id, &schema, err));
    arm__mutex_lock(&catalog->mutex);
    cached = arm__cache_get(&catalog->schemas, key); /* another thread may have been faster */
    if (cached == NULL) {
        st = arm__cache_put(&catalog->schemas, key, schema, err);
        if (st == ARM_OK) {
            cached = schema;
            schema = NULL;
        }
    }
    arm__mutex_unlock(&catalog->mutex);
    if (st == ARM_OK) {
        *out = cached;
    }
done:
    arm__schema_free(schema);
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_next_row_id(struct arm_catalog *catalog,
                                    const struct arm_table_id *table_id, uint64_t *out,
                                    struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_version_row newest;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_last_version(txn, table_id, &newest, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "index: a table has no version");
        goto done;
    }
    *out = newest.next_row_id;
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_last_field_id(struct arm_catalog *catalog,
                                      const struct arm_table_id *table_id, uint32_t *out,
                                      struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    Armpb__Schema *schema = NULL;
    uint32_t schema_id;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_last_schema(txn, table_id, &schema_id, err));
    ARM_TRY(arm__index_schema(txn, table_id, schema_id, &schema, err));
    *out = schema->last_field_id;
done:
    arm__schema_free(schema);
    arm__index_abort(txn);
    return st;
}
