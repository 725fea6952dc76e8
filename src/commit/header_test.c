/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "commit/commit_private.h"
#include "support/cmocka_all.h"

static struct arm_header example(void)
{
    struct arm_header header = {.compatible = 4, .created_us = 1795384200000000};

    memset(header.id.bytes, 0xa5, sizeof header.id.bytes);
    return header;
}

static char *text_of(const struct arm_header *header)
{
    struct arm_buf buf = ARM_BUF_INIT(4096);
    struct arm_error err = {0};
    char *text;

    assert_ok(arm__header_encode(header, &buf, &err), err);
    text = calloc(1, buf.size + 1);
    memcpy(text, buf.data, buf.size);
    arm__buf_release(&buf);
    return text;
}

/* Put the right closing line behind a text that was changed. */
static char *closed(const char *text, const char *from, const char *to)
{
    char *out = calloc(1, 4096);
    const char *at = strstr(text, from);
    struct arm_hash hash;
    char hex[ARM_HASH_HEX + 1];
    size_t size;

    assert_non_null(at);
    (void)snprintf(out, 4096, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    size = (size_t)(strstr(out, "blake3 ") - out);
    hash = arm__hash(arm__bytes(out, size));
    arm__hash_hex(&hash, hex);
    (void)snprintf(out + size, 4096 - size, "blake3 %s\n", hex);
    return out;
}

static arm_status decode(const char *text, struct arm_header *out, bool *out_read_only,
                         struct arm_error *err)
{
    return arm__header_decode(arm__bytes(text, strlen(text)), out, out_read_only, err);
}

/* The format, as it stands on disks. */
static const char golden[] =
    "armillaria repository\n"
    "format 1\n"
    "id a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\n"
    "compatible 0000000000000004\n"
    "read-only-compatible 0000000000000000\n"
    "incompatible 0000000000000000\n"
    "reads-with 0.1.0\n"
    "created 2026-11-22T21:50:00.000000Z\n"
    "blake3 70dbdc938e24aca46fd681ce4263a50d4ca3b140bb037129ed6bf0b8ec795d04\n";

static void test_header_is_read_back(void **state)
{
    struct arm_header header = example();
    struct arm_header read = {.compatible = 0};
    struct arm_error err = {0};
    char *text = text_of(&header);
    bool read_only = true;

    assert_ok(decode(text, &read, &read_only, &err), err);
    assert_false(read_only);
    assert_true(arm__id_equal(&read.id, &header.id));
    assert_int_equal(read.compatible, 4);
    assert_int_equal(read.created_us, header.created_us);
    assert_string_equal(text, golden);
    free(text);
}

static void test_header_R1_newer_format_names_its_reader(void **state)
{
    struct arm_header header = example();
    struct arm_header read;
    struct arm_error err = {0};
    char *text = text_of(&header);
    char *newer = closed(text, "format 1", "format 2");
    char *reader = closed(newer, "reads-with 0.1.0", "reads-with 7.8.9");
    bool read_only;

    assert_fails(ARM_NEWER_FORMAT, decode(reader, &read, &read_only, &err), err);
    assert_non_null(strstr(err.message, "7.8.9"));
    *strstr(reader, "blake3") = '\0'; /* whatever the newer format does with its end */
    assert_fails(ARM_NEWER_FORMAT, decode(reader, &read, &read_only, &err), err);
    free(reader);
    free(newer);
    free(text);
}

static void test_header_R1_unknown_features(void **state)
{
    static const char none[] = "compatible 0000000000000000";
    struct arm_header header = example();
    struct arm_header read;
    struct arm_error err = {0};
    char *text = text_of(&header);
    char *strict =
        closed(text, "\nincompatible 0000000000000000", "\nincompatible 8000000000000000");
    char *lax = closed(text, "read-only-compatible 0000000000000000",
                       "read-only-compatible 8000000000000000");
    char *line = closed(text, "reads-with", "something new\nreads-with");
    bool read_only = false;

    assert_non_null(strstr(text, none));
    assert_fails(ARM_NEWER_FORMAT, decode(strict, &read, &read_only, &err), err);
    assert_ok(decode(line, &read, &read_only, &err), err);
    assert_false(read_only);
    assert_ok(decode(lax, &read, &read_only, &err), err);
    assert_true(read_only);
    free(line);
    free(lax);
    free(strict);
    free(text);
}

static void test_header_damage_is_told(void **state)
{
    struct arm_header header = example();
    struct arm_header read;
    struct arm_error err = {0};
    char *text = text_of(&header);
    bool read_only;

    assert_fails(ARM_NOT_REPOSITORY, decode("", &read, &read_only, &err), err);
    assert_fails(ARM_NOT_REPOSITORY, decode("armillaria", &read, &read_only, &err), err);
    for (size_t size = strlen("armillaria repository\n"); size < strlen(text); size++) {
        assert_fails(ARM_CORRUPT,
                     arm__header_decode(arm__bytes(text, size), &read, &read_only, &err), err);
    }
    for (size_t i = strlen("armillaria repository\nformat 1\n"); i < strlen(text); i++) {
        text[i] ^= 1;
        assert_fails(ARM_CORRUPT, decode(text, &read, &read_only, &err), err);
        text[i] ^= 1;
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_is_read_back),
        cmocka_unit_test(test_header_R1_newer_format_names_its_reader),
        cmocka_unit_test(test_header_R1_unknown_features),
        cmocka_unit_test(test_header_damage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
