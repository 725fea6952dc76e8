/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas, and the SQL that is made of them. M2: decoded, they are encoded again to the same bytes;
 * numbering finds nothing to number; a copy has the same columns; every type is spelled, or refused
 * by name. */

#include "model/type.h"
#include "support/fuzz.h"

enum { SQL_BYTES_MAX = 1 << 20 };

typedef arm_status spell(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err);

static arm_status store_sql(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err)
{
    return arm__type_store_sql(type, "x", out, err);
}

static void check_type(const Armpb__Type *type)
{
    static spell *const SPELLINGS[] = {arm__type_sql, arm__type_physical_sql, store_sql};

    assert(arm__type_equal(type, type));
    (void)arm__type_is_physical(type);
    for (size_t i = 0; i < sizeof SPELLINGS / sizeof *SPELLINGS; i++) {
        struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
        struct arm_error err;

        FUZZ_FILL(err);
        if (fuzz_judged(SPELLINGS[i](type, &sql, &err), ARM_UNSUPPORTED, ARM_INVALID, &err)) {
            assert(sql.size > 0);
            assert(memchr(sql.data, 0, sql.size) == NULL);
        } else {
            assert(sql.size == 0);
        }
        arm__buf_release(&sql);
    }
}

static void check_copy(const Armpb__Schema *schema, struct arm_bytes bytes)
{
    struct arm_buf again = ARM_BUF_INIT(1 << 24);
    Armpb__Schema *copy = NULL;
    arm_status st = arm__schema_clone(schema, &copy, NULL);

    assert(st == ARM_OK);
    assert(arm__schema_same_columns(schema, copy));
    arm__schema_number_fields(copy); /* every field has its number */
    st = arm__schema_encode(copy, &again, NULL);
    assert(st == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&again), bytes));
    arm__buf_release(&again);
    arm__schema_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arm_buf ids = ARM_BUF_INIT(SQL_BYTES_MAX);
    Armpb__Schema *schema;
    struct arm_error err;
    arm_status st;

    FUZZ_FILL(schema);
    FUZZ_FILL(err);
    st = arm__schema_decode(arm__bytes(data, size), &schema, &err);
    if (!fuzz_judged(st, ARM_CORRUPT, ARM_CORRUPT, &err)) {
        assert(FUZZ_UNTOUCHED(schema));
        return 0;
    }
    check_copy(schema, arm__bytes(data, size));
    for (size_t i = 0; i < schema->n_columns; i++) {
        check_type(schema->columns[i]->field->type);
    }
    FUZZ_FILL(err);
    (void)fuzz_judged(arm__schema_check(schema, &err), ARM_SCHEMA, ARM_UNSUPPORTED, &err);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__schema_field_ids_sql(schema, &ids, &err), ARM_INVALID, ARM_INVALID,
                     &err)) {
        assert(ids.size == 0);
    }
    arm__buf_release(&ids);
    arm__schema_free(schema);
    return 0;
}
