/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas, views and sequences in transactions: names, versions, conflicts, what a rollback
 * takes. */

#include "model/object.h"

#include "base/alloc.h"
#include "txn/txn_fixture.h"

enum { NAMES_BYTES = 400 };

static Armpb__Schema *view_schema(struct desk *desk, const char *sql)
{
    Armpb__Schema *schema = table_schema(desk);
    struct arm_error err = {0};

    assert_ok(arm__schema_set_view(schema, sql, NULL, 0, &err), err);
    return schema;
}

static arm_status create_view(struct desk *desk, struct arm_transaction *txn, const char *name,
                              const char *sql, bool or_replace, struct arm_error *err)
{
    Armpb__Schema *schema = view_schema(desk, sql);
    arm_status st = arm__txn_create_view(txn, "main", name, schema, or_replace, err);

    arm__schema_free(schema);
    return st;
}

static arm_status create_sequence(struct arm_transaction *txn, const char *name, bool or_replace,
                                  struct arm_error *err)
{
    Armpb__Sequence sequence = ARMPB__SEQUENCE__INIT;
    Armpb__Schema *schema = NULL;
    arm_status st;

    sequence.start = sequence.increment = sequence.min_value = 1;
    sequence.max_value = INT64_MAX;
    assert_ok(arm__schema_new(&schema, err), *err);
    assert_ok(arm__schema_set_sequence(schema, &sequence, err), *err);
    st = arm__txn_create_sequence(txn, "main", name, schema, or_replace, err);
    arm__schema_free(schema);
    return st;
}

static arm_status note_object(void *context, Armpb__ObjectKind object, const char *schema_name,
                              const char *name, struct arm_error *err)
{
    char *out = context;
    size_t used = strlen(out);

    (void)err;
    (void)snprintf(out + used, NAMES_BYTES - used, "%s %s.%s, ", arm__object_word(object),
                   schema_name, name);
    return ARM_OK;
}

static void assert_objects(struct arm_transaction *txn, const char *expected)
{
    char names[NAMES_BYTES] = "";
    struct arm_error err = {0};

    assert_ok(arm__txn_objects(txn, note_object, names, &err), err);
    assert_string_equal(names, expected);
}

static bool has_schema(struct arm_transaction *txn, const char *name)
{
    struct arm_error err = {0};
    bool exists = false;

    assert_ok(arm__txn_schema_exists(txn, name, &exists, &err), err);
    return exists;
}

/* What a name is now: its version, 0 if there is none. */
static struct arm_table_info info_of(struct desk *desk, const char *name)
{
    struct arm_snapshot at = kernel_snapshot(desk->kernel, "main");
    struct arm_table_info info = {.schema = NULL};

    (void)kernel_find(desk->kernel, &at, name, &info);
    return info;
}

/* ---- Schemas ---- */

static void test_object_schema_is_there_when_made_or_filled(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    Armpb__Schema *columns = table_schema(desk);
    struct arm_error err = {0};

    assert_true(has_schema(txn, "MAIN"));
    assert_false(has_schema(txn, ""));
    assert_false(has_schema(txn, "s"));
    assert_ok(arm__txn_create_schema(txn, "s", false, &err), err);
    assert_ok(arm__txn_create_table(txn, "filled", "t", columns, false, &err), err);
    assert_true(has_schema(txn, "S"));
    assert_true(has_schema(txn, "Filled"));
    (void)txn_commit(desk, txn);

    txn = txn_begin(desk, "main");
    assert_objects(txn, "schema .s, table filled.t, ");
    assert_fails(ARM_EXISTS, arm__txn_create_schema(txn, "S", false, &err), err);
    assert_fails(ARM_EXISTS, arm__txn_create_schema(txn, "filled", false, &err), err);
    assert_ok(arm__txn_create_schema(txn, "S", true, &err), err);
    assert_false(arm__txn_has_changes(txn));
    assert_ok(arm__txn_create_schema(txn, "filled", true, &err), err); /* and is kept from now on */
    assert_ok(arm__txn_drop_table(txn, "filled", "t", &err), err);
    (void)txn_commit(desk, txn);

    txn = txn_begin(desk, "main");
    assert_objects(txn, "schema .filled, schema .s, ");
    arm__txn_rollback(txn);
    arm__schema_free(columns);
}

static void test_object_schema_drops_alone_or_with_all(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    Armpb__Schema *columns = table_schema(desk);
    Armpb__Schema *view = view_schema(desk, "SELECT 1");
    struct arm_error err = {0};

    assert_ok(arm__txn_create_schema(txn, "s", false, &err), err);
    assert_ok(arm__txn_create_table(txn, "s", "t", columns, false, &err), err);
    assert_ok(arm__txn_create_view(txn, "S", "v", view, false, &err), err);
    (void)txn_commit(desk, txn);

    txn = txn_begin(desk, "main");
    assert_fails(ARM_INVALID, arm__txn_drop_schema(txn, "main", true, &err), err);
    assert_fails(ARM_NOT_FOUND, arm__txn_drop_schema(txn, "u", true, &err), err);
    assert_fails(ARM_INVALID, arm__txn_drop_schema(txn, "s", false, &err), err);
    assert_non_null(strstr(err.message, "CASCADE"));
    assert_false(arm__txn_has_changes(txn));
    assert_ok(arm__txn_drop_schema(txn, "S", true, &err), err);
    assert_objects(txn, "");
    assert_false(has_schema(txn, "s"));
    assert_ok(arm__txn_create_schema(txn, "s", false, &err), err);
    assert_ok(arm__txn_drop_schema(txn, "s", false, &err), err);
    (void)txn_commit(desk, txn);

    txn = txn_begin(desk, "main");
    assert_objects(txn, "");
    arm__txn_rollback(txn);
    arm__schema_free(view);
    arm__schema_free(columns);
}

static void test_object_schema_of_sqls_own_name_is_refused(void **state)
{
    static const char *const OWN[] = {
        "information_schema", "PG_CATALOG", "temp", "system", "armillaria", ""};
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        assert_fails(ARM_INVALID_NAME, arm__txn_create_schema(txn, OWN[i], true, &err), err);
    }
    arm__txn_rollback(txn);
}

static void test_object_two_creations_of_one_schema_conflict(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *a = txn_begin(desk, "main");
    struct arm_transaction *b = txn_begin(desk, "main");
    struct arm_commit_result result;
    struct arm_error err = {0};

    assert_ok(arm__txn_create_schema(a, "s", false, &err), err);
    assert_ok(arm__txn_create_schema(b, "S", false, &err), err);
    (void)txn_commit(desk, a);
    assert_fails(ARM_CONFLICT, arm__txn_commit(b, "", &result, &err), err);
    assert_non_null(strstr(err.message, "schema \"s\": it was created"));
}

/* ---- Views ---- */

static void test_object_view_versions_follow_its_definitions(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_error err = {0};
    struct arm_table_info first;
    struct arm_table_info second;

    assert_ok(create_view(desk, txn, "v", "SELECT 1", false, &err), err);
    assert_ok(create_view(desk, txn, "v", "SELECT 2", true, &err), err); /* one version still */
    (void)txn_commit(desk, txn);
    first = info_of(desk, "v");
    assert_int_equal(first.row.version, 1);
    assert_int_equal(first.row.object, ARMPB__OBJECT_KIND__VIEW);

    txn = txn_begin(desk, "main");
    assert_ok(create_view(desk, txn, "V", "SELECT 3", true, &err), err);
    (void)txn_commit(desk, txn);
    second = info_of(desk, "v");
    assert_int_equal(second.row.version, 2);
    assert_int_equal(second.version.parent_version, 1);
    assert_memory_equal(&first.row.table_id, &second.row.table_id, sizeof first.row.table_id);

    txn = txn_begin(desk, "main");
    assert_ok(create_view(desk, txn, "v", "SELECT 3", true, &err), err);
    assert_int_equal(txn_commit(desk, txn).tx, 0); /* the same: nothing changed */
    txn = txn_begin(desk, "main");
    assert_ok(arm__txn_drop(txn, ARMPB__OBJECT_KIND__VIEW, "main", "v", &err), err);
    assert_ok(create_view(desk, txn, "v", "SELECT 4", false, &err), err);
    (void)txn_commit(desk, txn);
    second = info_of(desk, "v");
    assert_int_equal(second.row.version, 3);
    assert_int_equal(second.version.parent_version, 0);
}

static void test_object_view_is_no_table_and_shares_its_names(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    struct arm_written written;
    struct rows rows;
    struct arm_error err = {0};
    uint64_t replaced;

    make_table(desk, "t", 0, 2);
    txn = txn_begin(desk, "main");
    rows = number_rows(desk, 0, 3);
    written = (struct arm_written){.rows = 0};
    assert_ok(create_view(desk, txn, "v", "SELECT 1", false, &err), err);
    assert_fails(ARM_EXISTS, create_view(desk, txn, "v", "SELECT 1", false, &err), err);
    assert_fails(ARM_EXISTS, create_view(desk, txn, "t", "SELECT 1", false, &err), err);
    assert_fails(ARM_EXISTS, create_view(desk, txn, "t", "SELECT 1", true, &err), err);
    assert_non_null(strstr(err.message, "\"t\" is a table"));
    assert_fails(ARM_EXISTS, arm__txn_create_table(txn, "main", "v", rows.schema, true, &err), err);
    assert_fails(ARM_INVALID, arm__txn_append(txn, "main", "v", &written, &err), err);
    assert_non_null(strstr(err.message, "\"v\" is a view, not a table"));
    assert_fails(ARM_INVALID, arm__txn_replace(txn, "main", "v", NULL, &written, &err), err);
    assert_int_not_equal(arm__txn_upsert(txn, "main", "v", &written, &replaced, &err), ARM_OK);
    assert_fails(ARM_INVALID, arm__txn_drop_table(txn, "main", "v", &err), err);
    assert_fails(ARM_INVALID, arm__txn_drop(txn, ARMPB__OBJECT_KIND__VIEW, "main", "t", &err), err);
    assert_fails(ARM_INVALID, arm__txn_drop(txn, ARMPB__OBJECT_KIND__SEQUENCE, "main", "t", &err),
                 err);
    rows_free(&rows);
    arm__txn_rollback(txn);
    assert_int_equal(info_of(desk, "v").row.version, 0);
}

static void test_object_view_replaced_twice_conflicts(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_transaction *other;
    struct arm_commit_result result;
    struct arm_error err = {0};

    assert_ok(create_view(desk, txn, "v", "SELECT 1", false, &err), err);
    (void)txn_commit(desk, txn);
    txn = txn_begin(desk, "main");
    other = txn_begin(desk, "main");
    assert_ok(create_view(desk, txn, "v", "SELECT 2", true, &err), err);
    assert_ok(create_view(desk, other, "v", "SELECT 3", true, &err), err);
    (void)txn_commit(desk, txn);
    assert_fails(ARM_CONFLICT, arm__txn_commit(other, "", &result, &err), err);
    assert_non_null(strstr(err.message, "view \"main\".\"v\""));
}

/* Each branch goes on by itself; a replacement never meets the other's columns. */
static void test_object_view_is_replaced_on_two_branches(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    const struct arm_view *view = NULL;
    struct arm_error err = {0};

    assert_ok(create_view(desk, txn, "v", "SELECT 1", false, &err), err);
    (void)txn_commit(desk, txn);
    (void)kernel_branch(desk->kernel, "other", "main");
    for (int i = 0; i < 4; i++) {
        const char *branch = i % 2 == 0 ? "main" : "other";
        char sql[20];

        (void)snprintf(sql, sizeof sql, "SELECT %d", 10 + i);
        txn = txn_begin(desk, branch);
        assert_ok(create_view(desk, txn, "v", sql, true, &err), err);
        (void)txn_commit(desk, txn);
        txn = txn_begin(desk, branch);
        assert_ok(arm__txn_look(txn, "main", "v", &view, &err), err);
        assert_int_equal(view->object, ARMPB__OBJECT_KIND__VIEW);
        assert_string_equal(view->schema->view_sql, sql);
        assert_int_equal(view->version, 2 + i);
        arm__view_drop(view);
        arm__txn_rollback(txn);
    }
}

/* ---- Sequences ---- */

static uint64_t place(struct arm_transaction *txn, const char *name)
{
    struct arm_places places = {0, 0};
    struct arm_error err = {0};

    assert_ok(arm__txn_sequence_take(txn, "main", name, 1, &places, &err), err);
    return places.first;
}

static void test_object_sequence_values_survive_a_rollback_and_it_does_not(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_places places;
    struct arm_error err = {0};

    assert_ok(create_sequence(txn, "gone", false, &err), err);
    assert_int_equal(place(txn, "gone"), 0);
    arm__txn_rollback(txn);
    txn = txn_begin(desk, "main");
    assert_fails(ARM_NOT_FOUND, arm__txn_sequence_take(txn, "main", "gone", 1, &places, &err), err);
    assert_ok(create_sequence(txn, "q", false, &err), err);
    assert_int_equal(place(txn, "q"), 0);
    assert_int_equal(place(txn, "Q"), 1);
    (void)txn_commit(desk, txn);

    txn = txn_begin(desk, "main");
    assert_int_equal(place(txn, "q"), 2);
    assert_false(arm__txn_has_changes(txn));
    arm__txn_rollback(txn);
    kernel_reopen(desk->kernel);
    txn = txn_begin(desk, "main");
    assert_int_equal(place(txn, "q"), 3);
    arm__txn_rollback(txn);
}

static void test_object_sequence_replaced_begins_anew(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_places places;
    struct arm_error err = {0};

    assert_ok(create_sequence(txn, "q", false, &err), err);
    (void)txn_commit(desk, txn);
    txn = txn_begin(desk, "main");
    assert_int_equal(place(txn, "q"), 0);
    assert_fails(ARM_EXISTS, create_sequence(txn, "q", false, &err), err);
    assert_ok(create_sequence(txn, "q", true, &err), err);
    assert_int_equal(place(txn, "q"), 0);
    (void)txn_commit(desk, txn);
    make_table(desk, "t", 0, 1);
    txn = txn_begin(desk, "main");
    assert_int_equal(place(txn, "q"), 1);
    assert_fails(ARM_INVALID, arm__txn_sequence_take(txn, "main", "t", 1, &places, &err), err);
    assert_fails(ARM_EXISTS, create_sequence(txn, "t", true, &err), err);
    arm__txn_rollback(txn);
}

/* ---- Reading only, and memory ---- */

static void test_object_read_only_changes_nothing(void **state)
{
    struct desk *desk = *state;
    struct arm_snapshot at;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_places places;
    struct arm_error err = {0};

    assert_ok(create_sequence(txn, "q", false, &err), err);
    assert_ok(arm__txn_create_schema(txn, "s", false, &err), err);
    (void)txn_commit(desk, txn);
    at = kernel_snapshot(desk->kernel, "main");
    assert_ok(arm__txn_begin(desk->kernel->repository, desk->engine, &at, true, &txn, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_create_schema(txn, "u", false, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_drop_schema(txn, "s", false, &err), err);
    assert_fails(ARM_READ_ONLY, create_view(desk, txn, "v", "SELECT 1", false, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_sequence_take(txn, "main", "q", 1, &places, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_drop(txn, ARMPB__OBJECT_KIND__SEQUENCE, "main", "q", &err),
                 err);
    arm__txn_rollback(txn);
}

static void test_object_out_of_memory_leaves_it_as_it_was(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    Armpb__Schema *columns = table_schema(desk);
    Armpb__Schema *view = view_schema(desk, "SELECT 5");
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;

    assert_ok(arm__txn_create_schema(txn, "s", false, &err), err);
    assert_ok(arm__txn_create_table(txn, "s", "t", columns, false, &err), err);
    assert_ok(arm__txn_create_view(txn, "s", "v", view, false, &err), err);
    (void)txn_commit(desk, txn);
    txn = txn_begin(desk, "main");
    for (uint64_t n = 1; st != ARM_OK; n++) {
        (void)arm__alloc_fail_at(n);
        st = arm__txn_drop_schema(txn, "s", true, &err);
        (void)arm__alloc_fail_at(0);
        if (st != ARM_OK) {
            assert_int_equal(st, ARM_NO_MEMORY);
            assert_false(arm__txn_has_changes(txn));
        }
    }
    assert_objects(txn, "");
    st = ARM_NO_MEMORY;
    for (uint64_t n = 1; st != ARM_OK; n++) {
        (void)arm__alloc_fail_at(n);
        st = arm__txn_create_view(txn, "main", "w", view, true, &err);
        (void)arm__alloc_fail_at(0);
        if (st != ARM_OK) {
            assert_int_equal(st, ARM_NO_MEMORY);
            assert_objects(txn, "");
        }
    }
    assert_objects(txn, "view main.w, ");
    arm__txn_rollback(txn);
    arm__schema_free(view);
    arm__schema_free(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_object_schema_is_there_when_made_or_filled),
        desk_test(test_object_schema_drops_alone_or_with_all),
        desk_test(test_object_schema_of_sqls_own_name_is_refused),
        desk_test(test_object_two_creations_of_one_schema_conflict),
        desk_test(test_object_view_versions_follow_its_definitions),
        desk_test(test_object_view_is_no_table_and_shares_its_names),
        desk_test(test_object_view_replaced_twice_conflicts),
        desk_test(test_object_view_is_replaced_on_two_branches),
        desk_test(test_object_sequence_values_survive_a_rollback_and_it_does_not),
        desk_test(test_object_sequence_replaced_begins_anew),
        desk_test(test_object_read_only_changes_nothing),
        desk_test(test_object_out_of_memory_leaves_it_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
