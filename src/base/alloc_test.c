/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <pthread.h>
#include <string.h>

#include "support/cmocka_all.h"

static void test_alloc_calloc_is_zeroed_and_never_null(void **state)
{
    struct arm_error err = {0};
    uint8_t *memory = NULL;

    assert_ok(arm__calloc(1000, 3, &memory, &err), err);
    for (size_t i = 0; i < 3000; i++) {
        assert_int_equal(memory[i], 0);
    }
    arm__free(memory);
    memory = NULL;
    assert_ok(arm__calloc(0, 8, &memory, &err), err);
    assert_non_null(memory);
    arm__free(memory);
    arm__free(NULL);
}

static void test_alloc_overflow_is_no_memory(void **state)
{
    struct arm_error err = {0};
    char *memory = (char *)"untouched";

    assert_fails(ARM_NO_MEMORY, arm__calloc(SIZE_MAX / 2, 4, &memory, &err), err);
    assert_fails(ARM_NO_MEMORY, arm__realloc(&memory, SIZE_MAX / 2, 4, &err), err);
    assert_string_equal(memory, "untouched");
}

static void test_alloc_realloc_keeps_content(void **state)
{
    struct arm_error err = {0};
    char *memory = NULL;

    assert_ok(arm__realloc(&memory, 4, 1, &err), err);
    memcpy(memory, "abc", 4);
    assert_ok(arm__realloc(&memory, 100000, 1, &err), err);
    assert_string_equal(memory, "abc");
    arm__alloc_fail_at(1);
    assert_fails(ARM_NO_MEMORY, arm__realloc(&memory, 200000, 1, &err), err);
    assert_string_equal(memory, "abc");
    arm__free(memory);
}

static void test_alloc_strdup(void **state)
{
    struct arm_error err = {0};
    char *copy = (char *)"old";

    assert_ok(arm__strdup(NULL, &copy, &err), err);
    assert_null(copy);
    assert_ok(arm__strdup("text", &copy, &err), err);
    assert_string_equal(copy, "text");
    arm__free(copy);
}

static void *allocate_elsewhere(void *result)
{
    char *copy = NULL;

    *(arm_status *)result = arm__strdup("x", &copy, NULL);
    arm__free(copy);
    return NULL;
}

static void test_alloc_fail_at_hits_the_nth_of_this_thread_only(void **state)
{
    char *copy = NULL;
    arm_status elsewhere = ARM_IO;
    pthread_t thread;

    arm__alloc_fail_at(2);
    assert_int_equal(pthread_create(&thread, NULL, allocate_elsewhere, &elsewhere), 0);
    pthread_join(thread, NULL);
    assert_int_equal(elsewhere, ARM_OK);
    assert_int_equal(arm__strdup("1", &copy, NULL), ARM_OK);
    arm__free(copy);
    assert_int_equal(arm__strdup("2", &copy, NULL), ARM_NO_MEMORY);
    assert_int_equal(arm__strdup("3", &copy, NULL), ARM_OK);
    arm__free(copy);
    assert_int_equal(arm__alloc_fail_at(0), 3);
    assert_int_equal(arm__alloc_fail_at(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_calloc_is_zeroed_and_never_null),
        cmocka_unit_test(test_alloc_overflow_is_no_memory),
        cmocka_unit_test(test_alloc_realloc_keeps_content),
        cmocka_unit_test(test_alloc_strdup),
        cmocka_unit_test(test_alloc_fail_at_hits_the_nth_of_this_thread_only),
    };

    return cmocka_run_group_tests_name("base/alloc", tests, NULL, NULL);
}
