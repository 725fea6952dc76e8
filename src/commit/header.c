/* SPDX-License-Identifier: Apache-2.0 */
/* The file FORMAT: what a repository is, for people and programs.
 *
 *   armillaria repository
 *   format 1
 *   id <32 hex digits>
 *   compatible <16 hex digits>
 *   read-only-compatible <16 hex digits>
 *   incompatible <16 hex digits>
 *   reads-with <version of the program that reads it>
 *   created <RFC 3339>
 *   blake3 <64 hex digits, of all bytes before this line>
 *
 * Lines end with a line feed; a keyword, a space, a value. The first two lines keep their form
 * in every format to come, and a line "reads-with" is in each: an older program can say by which
 * version a newer repository is read. Unknown lines of format 1 are passed over: what must not
 * be passed over has a feature bit. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit/commit_private.h"
#include "model/utf8.h"

static const char magic_line[] = "armillaria repository";
static const char reads_with[] = "0.1.0";

/* Features that this program knows. */
static const uint64_t known_read_only_compatible = 0;
static const uint64_t known_incompatible =
    ARM_FEATURE_COMPACTION | ARM_FEATURE_OBJECTS | ARM_FEATURE_GENERATED | ARM_FEATURE_RETENTION |
    ARM_FEATURE_MERGE | ARM_FEATURE_PROTECTION | ARM_FEATURE_CONSUMERS | ARM_FEATURE_LOOSE;

arm_status arm__header_encode(const struct arm_header *header, struct arm_buf *out,
                              struct arm_error *err)
{
    size_t start = out->size;
    char id[2 * ARM_ID_BYTES + 1];
    char hash_hex[ARM_HASH_HEX + 1];
    char created[ARM_TIME_TEXT];
    struct arm_hash hash;
    arm_status st = ARM_OK;

    arm__id_hex(&header->id, id);
    arm__time_format(header->created_us, created);
    ARM_TRY(arm__buf_printf(
        out, err,
        "%s\nformat %u\nid %s\ncompatible %016" PRIx64 "\nread-only-compatible %016" PRIx64
        "\nincompatible %016" PRIx64 "\nreads-with %s\ncreated %s\n",
        magic_line, ARM_FORMAT_VERSION, id, header->compatible, header->read_only_compatible,
        header->incompatible, reads_with, created));
    hash = arm__hash(arm__bytes(out->data + start, out->size - start));
    arm__hash_hex(&hash, hash_hex);
    ARM_TRY(arm__buf_printf(out, err, "blake3 %s\n", hash_hex));
done:
    return st;
}

/* The value of the line that begins with `keyword` and a space, NUL-terminated in `value`;
 * `*out_offset` (may be NULL) is where the line begins. False: there is none, or too long. */
static bool find_line(struct arm_bytes text, const char *keyword, char *value, size_t value_size,
                      size_t *out_offset)
{
    size_t keyword_size = strlen(keyword);
    size_t at = 0;

    while (at < text.size) {
        const uint8_t *line = text.data + at;
        const uint8_t *end = memchr(line, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - line);

        if (end != NULL && size > keyword_size && memcmp(line, keyword, keyword_size) == 0 &&
            line[keyword_size] == ' ') {
            size -= keyword_size + 1;
            if (size >= value_size || memchr(line, 0, size + keyword_size + 1) != NULL) {
                return false;
            }
            memcpy(value, line + keyword_size + 1, size);
            value[size] = '\0';
            if (out_offset != NULL) {
                *out_offset = at;
            }
            return true;
        }
        at += size + 1;
    }
    return false;
}

static bool parse_hex(struct arm_bytes text, const char *keyword, uint64_t *out)
{
    char value[32];
    char *end = NULL;

    if (!find_line(text, keyword, value, sizeof value, NULL) || strlen(value) != 16 ||
        strspn(value, "0123456789abcdef") != 16) {
        return false;
    }
    *out = strtoull(value, &end, 16);
    return *end == '\0';
}

static arm_status damaged(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "FORMAT: %s", what);
}

static arm_status newer(struct arm_bytes text, const char *what, struct arm_error *err)
{
    char version[64];

    if (!find_line(text, "reads-with", version, sizeof version, NULL) ||
        !arm__utf8_valid(arm__bytes(version, strlen(version)))) {
        (void)snprintf(version, sizeof version, "a newer version");
    }
    return arm__fail(err, ARM_NEWER_FORMAT,
                     "the repository %s that this program (%s) does not know: Armillaria %s "
                     "reads it",
                     what, reads_with, version);
}

/* Is it ours, and of a format that we know? */
static arm_status check_format(struct arm_bytes text, struct arm_error *err)
{
    size_t size = sizeof magic_line - 1;
    char value[32];
    char *end = NULL;
    unsigned long format;

    if (text.size <= size || memcmp(text.data, magic_line, size) != 0 || text.data[size] != '\n') {
        return arm__fail(err, ARM_NOT_REPOSITORY, "FORMAT is not that of a repository");
    }
    if (!find_line(text, "format", value, sizeof value, NULL)) {
        return damaged("it has no format version", err);
    }
    format = strtoul(value, &end, 10);
    if (*end != '\0' || value[0] < '1' || value[0] > '9') {
        return damaged("its format version is not a number", err);
    }
    return format > ARM_FORMAT_VERSION ? newer(text, "has a format", err) : ARM_OK;
}

static arm_status check_hash(struct arm_bytes text, struct arm_error *err)
{
    char value[ARM_HASH_HEX + 1];
    struct arm_hash stated;
    struct arm_hash hash;
    size_t offset;

    if (!find_line(text, "blake3", value, sizeof value, &offset) ||
        arm__hash_parse(value, &stated, NULL) != ARM_OK ||
        offset + strlen("blake3 ") + ARM_HASH_HEX + 1 != text.size) {
        return damaged("its closing line is missing", err);
    }
    hash = arm__hash(arm__bytes(text.data, offset));
    return arm__hash_equal(&hash, &stated) ? ARM_OK : damaged("it does not have its hash", err);
}

arm_status arm__header_decode(struct arm_bytes text, struct arm_header *out, bool *out_read_only,
                              struct arm_error *err)
{
    struct arm_header header = {.compatible = 0};
    char value[64];
    arm_status st = ARM_OK;

    ARM_TRY(check_format(text, err));
    ARM_TRY(check_hash(text, err));
    if (!find_line(text, "id", value, sizeof value, NULL) ||
        arm__id_parse(value, &header.id, NULL) != ARM_OK) {
        st = damaged("it has no id", err);
        goto done;
    }
    if (!parse_hex(text, "compatible", &header.compatible) ||
        !parse_hex(text, "read-only-compatible", &header.read_only_compatible) ||
        !parse_hex(text, "incompatible", &header.incompatible)) {
        st = damaged("its feature bits are missing", err);
        goto done;
    }
    if (!find_line(text, "created", value, sizeof value, NULL) ||
        arm__time_parse(value, &header.created_us, NULL) != ARM_OK) {
        st = damaged("it has no time of creation", err);
        goto done;
    }
    if ((header.incompatible & ~known_incompatible) != 0) {
        st = newer(text, "uses a feature", err);
        goto done;
    }
    (void)snprintf(header.reads_with, sizeof header.reads_with, "a newer version");
    (void)find_line(text, "reads-with", header.reads_with, sizeof header.reads_with, NULL);
    *out_read_only = (header.read_only_compatible & ~known_read_only_compatible) != 0;
    *out = header;
done:
    return st;
}
