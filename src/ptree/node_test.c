/* SPDX-License-Identifier: Apache-2.0 */
#include "ptree/ptree_private.h"

#include <stdlib.h>
#include <string.h>

#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

static struct arm_bytes text(const char *chars)
{
    return arm__bytes(chars, strlen(chars));
}

static void test_node_layout_of_a_leaf(void **state)
{
    static const uint8_t expected[] = {
        1, 0,                               /* version, level */
        0, 3, 'a', 'b', 'c', 2,   'x', 'y', /* "abc" */
        2, 1, 'd', 0,                       /* "abd", an empty value */
        3, 2, 'e', 'f', 1,   'z',           /* "abdef" */
    };
    struct arm_node_writer writer = ARM_NODE_WRITER_INIT;

    assert_int_equal(arm__node_begin(&writer, 0, NULL), ARM_OK);
    assert_int_equal(arm__node_add(&writer, text("abc"), text("xy"), NULL), ARM_OK);
    assert_int_equal(arm__node_add(&writer, text("abd"), text(""), NULL), ARM_OK);
    assert_int_equal(arm__node_add(&writer, text("abdef"), text("z"), NULL), ARM_OK);
    assert_int_equal(writer.bytes.size, sizeof expected);
    assert_memory_equal(writer.bytes.data, expected, sizeof expected);
    assert_int_equal(writer.count, 3);
    arm__node_writer_release(&writer);
}

static void test_node_layout_of_an_inner_node(void **state)
{
    struct arm_node_writer writer = ARM_NODE_WRITER_INIT;
    struct arm_buf value = ARM_BUF_INIT(ARM_NODE_REF_BYTES_MAX);
    struct arm_node_ref ref = {.hash = {{7, 8, 9}}, .count = 300};
    uint8_t expected[2 + 3 + 32 + 2] = {1, 5, 0, 1, 'k', 7, 8, 9};

    expected[37] = 0xAC;
    expected[38] = 0x02;
    assert_int_equal(arm__node_ref_encode(&ref, &value, NULL), ARM_OK);
    assert_int_equal(arm__node_begin(&writer, 5, NULL), ARM_OK);
    assert_int_equal(arm__node_add(&writer, text("k"), arm__buf_bytes(&value), NULL), ARM_OK);
    assert_int_equal(writer.bytes.size, sizeof expected);
    assert_memory_equal(writer.bytes.data, expected, sizeof expected);
    assert_int_equal(writer.count, 300);
    arm__buf_release(&value);
    arm__node_writer_release(&writer);
}

/* Fill a node with entries of the given sizes until it is cut; keys differ in their end. */
static void fill(struct arm_node_writer *writer, unsigned level, size_t key_bytes,
                 size_t value_bytes, uint64_t *random)
{
    struct arm_buf ref_bytes = ARM_BUF_INIT(ARM_NODE_REF_BYTES_MAX);
    uint8_t key[ARM_PTREE_KEY_BYTES_MAX] = {0};
    uint8_t value[ARM_PTREE_VALUE_BYTES_MAX] = {0};
    uint64_t number = test_random(random) >> 1;

    assert_int_equal(arm__node_begin(writer, level, NULL), ARM_OK);
    while (!writer->is_cut) {
        struct arm_bytes bytes = arm__bytes(value, value_bytes);
        struct arm_node_ref ref = {.count = 1 + test_random(random) % (UINT64_C(1) << 50)};

        /* Big-endian numbers in front: long keys share little, the worst case. */
        number += 1 + test_random(random) % (UINT64_C(1) << 56);
        arm__set_be64(key, number);
        if (level > 0) {
            arm__buf_clear(&ref_bytes);
            assert_int_equal(arm__node_ref_encode(&ref, &ref_bytes, NULL), ARM_OK);
            bytes = arm__buf_bytes(&ref_bytes);
        }
        assert_int_equal(arm__node_add(writer, arm__bytes(key, key_bytes), bytes, NULL), ARM_OK);
    }
    arm__buf_release(&ref_bytes);
}

static void test_node_T2_no_node_passes_the_maximum(void **state)
{
    struct arm_node_writer writer = ARM_NODE_WRITER_INIT;
    uint64_t random = 1;
    size_t size_max = 0;

    for (int i = 0; i < 20000; i++) {
        unsigned level = (unsigned)(test_random(&random) % 3);
        size_t key_bytes = 8 + test_random(&random) % 121;

        key_bytes = i % 3 == 0 ? ARM_PTREE_KEY_BYTES_MAX : key_bytes;
        fill(&writer, level, key_bytes, test_random(&random) % 513, &random);
        assert_true(writer.bytes.size <= ARM_NODE_BYTES_MAX);
        assert_true(level == 0 || writer.entry_count >= ARM_NODE_CHILDREN_MIN);
        size_max = writer.bytes.size > size_max ? writer.bytes.size : size_max;
    }
    assert_true(size_max > 1800); /* the maximum was put to the test */
    arm__node_writer_release(&writer);
}

/* Decode `node` as untrusted bytes; what is accepted must encode to the same bytes again. */
static bool decodes(struct arm_bytes node)
{
    struct arm_node_writer writer = ARM_NODE_WRITER_INIT;
    struct arm_node_cursor cursor;
    struct arm_error err = {.code = ARM_OK};
    arm_status st = arm__node_first(node, &cursor, &err);

    if (st == ARM_OK) {
        assert_int_equal(arm__node_begin(&writer, cursor.level, NULL), ARM_OK);
    }
    while (st == ARM_OK && !cursor.is_end) {
        writer.is_cut = false; /* where a node ends is not the decoder's to judge */
        st = arm__node_add(&writer, arm__ptree_key_bytes(&cursor.key), cursor.value, &err);
        if (st == ARM_OK) {
            st = arm__node_next(&cursor, &err);
        }
    }
    if (st == ARM_OK) {
        assert_int_equal(writer.bytes.size, node.size);
        assert_memory_equal(writer.bytes.data, node.data, node.size);
    } else {
        assert_int_equal(st, ARM_CORRUPT);
        assert_int_equal(err.code, ARM_CORRUPT);
    }
    arm__node_writer_release(&writer);
    return st == ARM_OK;
}

/* A copy of exactly the node's size, so that the sanitizer sees a read past its end. */
static bool decodes_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    bool ok;

    assert_non_null(copy);
    memcpy(copy, data, size);
    ok = decodes(arm__bytes(copy, size));
    free(copy);
    return ok;
}

static void test_node_T5_flipped_bytes_decode_to_themselves_or_not_at_all(void **state)
{
    struct arm_node_writer writer = ARM_NODE_WRITER_INIT;
    uint64_t random = 2;

    for (unsigned level = 0; level < 2; level++) {
        fill(&writer, level, 9, 120, &random);
        assert_true(decodes(arm__buf_bytes(&writer.bytes)));
        for (size_t i = 0; i < writer.bytes.size; i++) {
            uint8_t was = writer.bytes.data[i];

            for (unsigned mask = 1; mask < 256; mask += mask < 16 ? 1 : 16) {
                writer.bytes.data[i] = (uint8_t)(was ^ mask);
                (void)decodes_copy(writer.bytes.data, writer.bytes.size);
            }
            writer.bytes.data[i] = was;
            (void)decodes_copy(writer.bytes.data, i); /* cut short */
        }
    }
    arm__node_writer_release(&writer);
}

static void test_node_T5_random_bytes(void **state)
{
    uint64_t random = test_seed(3);
    uint8_t data[64];

    for (int i = 0; i < 200000; i++) {
        size_t size = test_random(&random) % sizeof data;

        for (size_t j = 0; j < sizeof data; j++) {
            uint64_t byte = test_random(&random);

            data[j] = (uint8_t)(byte % 4 == 0 ? byte >> 8 : (byte >> 8) % 6);
        }
        data[0] = 1;
        (void)decodes_copy(data, size);
    }
}

static void test_node_T5_refuses(void **state)
{
#define REFUSES(...)                                                                               \
    do {                                                                                           \
        const uint8_t bytes[] = {__VA_ARGS__};                                                     \
        assert_false(decodes_copy(bytes, sizeof bytes));                                           \
    } while (0)
    static const uint8_t good[] = {1, 0, 0, 1, 'b', 0, 0, 1, 'c', 0};
    static uint8_t large[ARM_NODE_BYTES_MAX + 1] = {1, 0};

    assert_true(decodes_copy(good, sizeof good));
    REFUSES(1);                  /* half a header */
    REFUSES(1, 0);               /* no entry */
    REFUSES(0, 0, 0, 1, 'b', 0); /* version */
    REFUSES(2, 0, 0, 1, 'b', 0);
    REFUSES(1, 32, 0, 1, 'b', 0);                       /* level */
    REFUSES(1, 0, 1, 1, 'b', 0);                        /* shared with nothing */
    REFUSES(1, 0, 0, 1, 'b', 0, 0, 1, 'b', 0);          /* the same key twice */
    REFUSES(1, 0, 0, 1, 'b', 0, 0, 1, 'a', 0);          /* out of order */
    REFUSES(1, 0, 0, 1, 'b', 0, 1, 0, 0);               /* the same key, shared */
    REFUSES(1, 0, 0, 1, 'b', 0, 0, 2, 'b', 'c', 0);     /* shares less than it could */
    REFUSES(1, 0, 0, 1, 'b', 0, 2, 1, 'c', 0);          /* shares more than there is */
    REFUSES(1, 0, 0, 2, 'b', 'c', 0, 1, 0, 0);          /* a prefix of the key before */
    REFUSES(1, 0, 0, 1, 'b', 0x80, 0);                  /* a varint longer than needed */
    REFUSES(1, 0, 0, 1, 'b', 2, 'x');                   /* value ends early */
    REFUSES(1, 0, 0, 129, 'b', 0);                      /* key ends early, and too long */
    REFUSES(1, 1, 0, 1, 'b', 0, 0, 0);                  /* hash ends early */
    for (size_t i = 2; i + 4 <= sizeof large; i += 3) { /* keys "", "\0", "\0\0" … */
        large[i] = (uint8_t)(i == 2 ? 0 : (i - 2) / 3 - 1);
        large[i + 1] = i == 2 ? 0 : 1;
    }
    assert_false(decodes_copy(large, sizeof large)); /* too long a node, and too long a key */
#undef REFUSES
}

static void test_node_T5_child_counts(void **state)
{
    uint8_t ref[ARM_NODE_REF_BYTES_MAX + 1] = {0};
    struct arm_node_ref out = {.count = 42};

    assert_int_equal(arm__node_ref_decode(arm__bytes(ref, 33), &out, NULL), ARM_CORRUPT); /* 0 */
    memset(ref + ARM_HASH_BYTES, 0xFF, 9);
    ref[ARM_HASH_BYTES + 8] = 0x7F; /* 2^63 - 1 */
    assert_int_equal(arm__node_ref_decode(arm__bytes(ref, 41), &out, NULL), ARM_CORRUPT);
    ref[ARM_HASH_BYTES] = 5;
    assert_int_equal(arm__node_ref_decode(arm__bytes(ref, 34), &out, NULL), ARM_CORRUPT); /* end */
    assert_int_equal(out.count, 42);
    assert_int_equal(arm__node_ref_decode(arm__bytes(ref, 33), &out, NULL), ARM_OK);
    assert_int_equal(out.count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_layout_of_a_leaf),
        cmocka_unit_test(test_node_layout_of_an_inner_node),
        cmocka_unit_test(test_node_T2_no_node_passes_the_maximum),
        cmocka_unit_test(test_node_T5_flipped_bytes_decode_to_themselves_or_not_at_all),
        cmocka_unit_test(test_node_T5_random_bytes),
        cmocka_unit_test(test_node_T5_refuses),
        cmocka_unit_test(test_node_T5_child_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
