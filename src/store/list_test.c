/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "store/chunk.h"
#include "store/store_private.h"
#include "support/store_fixture.h"

struct listing {
    size_t chunks;
    size_t strangers;
    uint64_t bytes;
    char last[TEMP_PATH_BYTES];
    size_t stop_after;
};

static arm_status note(void *context, const struct arm_hash *hash, const char *path,
                       uint64_t size_bytes, struct arm_error *err)
{
    struct listing *listing = context;

    assert_int_equal(path[0], '/');
    if (hash == NULL) {
        listing->strangers++;
        return ARM_OK;
    }
    assert_true(strcmp(listing->last, path) < 0); /* in order of name */
    (void)snprintf(listing->last, sizeof listing->last, "%s", path);
    listing->chunks++;
    listing->bytes += size_bytes;
    return listing->chunks == listing->stop_after ? arm__fail(err, ARM_INTERRUPTED, "enough")
                                                  : ARM_OK;
}

static void test_store_list_sees_every_file_and_knows_strangers(void **state)
{
    struct store_fixture *f = *state;
    struct listing listing = {0};
    struct arm_hash hash;
    char path[TEMP_PATH_BYTES];
    char name[2 * TEMP_PATH_BYTES];

    assert_ok(arm__store_list(f->store, note, &listing, &f->err), f->err);
    assert_int_equal(listing.chunks + listing.strangers, 0);
    for (uint32_t i = 0; i < 300; i++) {
        assert_ok(arm__store_put(f->store, arm__bytes(&i, sizeof i), &hash, NULL, &f->err), f->err);
    }
    assert_ok(arm__store_list(f->store, note, &listing, &f->err), f->err);
    assert_int_equal(listing.chunks, 300);
    assert_int_equal(listing.strangers, 0);
    assert_int_equal(listing.bytes, 300 * sizeof(uint32_t));

    store_fixture_chunk(&hash, path);
    temp_write_file(&f->dir, "chunks/readme", "", 0);
    temp_make_subdirectory(&f->dir, "chunks/zz");
    temp_make_subdirectory(&f->dir, "chunks/zz/yy");
    (void)snprintf(name, sizeof name, "chunks/zz/yy/%s", strrchr(path, '/') + 1);
    temp_write_file(&f->dir, name, "", 0); /* a hash in the wrong folder */
    (void)snprintf(name, sizeof name, "%s.tmp", path);
    temp_write_file(&f->dir, name, "", 0);
    (void)snprintf(name, sizeof name, "chunks/%s", strrchr(path, '/') + 1);
    temp_write_file(&f->dir, name, "", 0);
    listing = (struct listing){0};
    assert_ok(arm__store_list(f->store, note, &listing, &f->err), f->err);
    assert_int_equal(listing.chunks, 300);
    assert_int_equal(listing.strangers, 4);

    listing = (struct listing){.stop_after = 5};
    assert_fails(ARM_INTERRUPTED, arm__store_list(f->store, note, &listing, &f->err), f->err);
    assert_int_equal(listing.chunks, 5);
}

static void test_store_S4_only_a_name_at_its_place_is_a_chunk(void **state)
{
    static const char *const bad[] = {
        "",
        "af",
        "af/13/",
        "/af/13/af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "af/14/af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "ae/13/af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "AF/13/AF1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "af/13/../af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "af/13/af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262/",
        "af/13/af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f326",
    };
    struct arm_hash hash = {{0}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(arm__layout_parse(bad[i], &hash));
    }
    assert_true(arm__hash_is_zero(&hash));
    assert_true(arm__layout_parse(
        "af/13/af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", &hash));
    assert_false(arm__hash_is_zero(&hash));
}

static void test_store_list_survives_allocation_failure(void **state)
{
    struct store_fixture *f = *state;
    arm_status st = ARM_NO_MEMORY;
    struct arm_hash hash;
    uint64_t n = 0;

    assert_ok(arm__store_put(f->store, arm__bytes("x", 1), &hash, NULL, &f->err), f->err);
    while (st != ARM_OK) {
        struct listing listing = {0};

        arm__alloc_fail_at(++n);
        st = arm__store_list(f->store, note, &listing, &f->err);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
    }
    assert_true(n > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_list_sees_every_file_and_knows_strangers),
        store_test(test_store_S4_only_a_name_at_its_place_is_a_chunk),
        store_test(test_store_list_survives_allocation_failure),
    };

    return cmocka_run_group_tests_name("store/list", tests, NULL, NULL);
}
