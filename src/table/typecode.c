/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of types.
 *
 *   u8      kind (record.proto's TypeKind), + 128 if an alias follows at the end
 *   DECIMAL u8 width (1..38), u8 scale (<= width)
 *   ENUM    varint labels, each a blob
 *   ARRAY   varint size (1..100000), child
 *   LIST    child
 *   MAP     child (key), child (value)
 *   STRUCT  varint members (at least 1), each a child
 *   blob    alias (128)
 *
 *   child = varint field id, blob name, code
 *
 * Valid iff it is well-formed, nests at most ARM_TYPECODE_DEPTH_MAX deep, names no kind that we
 * do not keep, and no name or label holds a NUL. Without names, blobs of names and aliases are
 * left out and the bit 128 is not set. */

#include "table/typecode.h"

#include <assert.h>
#include <string.h>

enum {
    HAS_ALIAS = 0x80,
    DECIMAL_DIGITS_MAX = 38,
    ARRAY_SIZE_MAX = 100000,
};

/* ---- Encoding ---- */

static struct arm_bytes text_bytes(const char *text)
{
    return arm__bytes(text, strlen(text));
}

static arm_status append_fields(const Armpb__Type *type, bool names, struct arm_buf *out,
                                struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < type->n_fields; i++) {
        ARM_TRY(arm__buf_varint(out, type->fields[i]->id, err));
        if (names) {
            ARM_TRY(arm__buf_blob(out, text_bytes(type->fields[i]->name), err));
        }
        ARM_TRY(arm__typecode_append(type->fields[i]->type, names, out, err));
    }
done:
    return st;
}

static arm_status append_parameters(const Armpb__Type *type, struct arm_buf *out,
                                    struct arm_error *err)
{
    arm_status st = ARM_OK;

    switch (type->kind) {
    case ARMPB__TYPE_KIND__DECIMAL:
        ARM_TRY(arm__buf_u8(out, (uint8_t)type->width, err));
        ARM_TRY(arm__buf_u8(out, (uint8_t)type->scale, err));
        break;
    case ARMPB__TYPE_KIND__ENUM:
        ARM_TRY(arm__buf_varint(out, type->n_labels, err));
        for (size_t i = 0; i < type->n_labels; i++) {
            ARM_TRY(arm__buf_blob(out, text_bytes(type->labels[i]), err));
        }
        break;
    case ARMPB__TYPE_KIND__ARRAY:
        ARM_TRY(arm__buf_varint(out, type->array_size, err));
        break;
    case ARMPB__TYPE_KIND__STRUCT:
        ARM_TRY(arm__buf_varint(out, type->n_fields, err));
        break;
    default:
        break;
    }
done:
    return st;
}

arm_status arm__typecode_append(const Armpb__Type *type, bool names, struct arm_buf *out,
                                struct arm_error *err)
{
    bool alias = names && type->alias != NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, (uint8_t)(type->kind | (alias ? HAS_ALIAS : 0)), err));
    ARM_TRY(append_parameters(type, out, err));
    ARM_TRY(append_fields(type, names, out, err));
    if (alias) {
        ARM_TRY(arm__buf_blob(out, text_bytes(type->alias), err));
    }
done:
    return st;
}

/* ---- Judging ---- */

static arm_status check_code(struct arm_reader *r, unsigned depth, struct arm_typecode_need *need,
                             struct arm_error *err);

static arm_status check_text(struct arm_reader *r, struct arm_typecode_need *need,
                             struct arm_error *err)
{
    struct arm_bytes text;
    arm_status st = arm__take_blob(r, &text, err);

    if (st != ARM_OK) {
        return st;
    }
    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL) {
        return arm__fail(err, ARM_CORRUPT, "%s: a name with a NUL", r->what);
    }
    need->bytes += arm__arena_round(text.size + 1);
    return ARM_OK;
}

static arm_status check_fields(struct arm_reader *r, size_t count, unsigned depth,
                               struct arm_typecode_need *need, struct arm_error *err)
{
    arm_status st = ARM_OK;

    need->bytes += arm__arena_round(count * sizeof(Armpb__Field *));
    for (size_t i = 0; i < count; i++) {
        uint64_t id;

        ARM_TRY(arm__take_varint(r, &id, err));
        if (id > UINT32_MAX) {
            return arm__fail(err, ARM_CORRUPT, "%s: a field id over 32 bits", r->what);
        }
        need->bytes += arm__arena_round(sizeof(Armpb__Field));
        ARM_TRY(check_text(r, need, err));
        ARM_TRY(check_code(r, depth + 1, need, err));
    }
done:
    return st;
}

/* Each item takes at least `item_bytes` bytes: so many as are left can be. */
static arm_status check_count(const struct arm_reader *r, uint64_t count, uint64_t least,
                              size_t item_bytes, struct arm_error *err)
{
    if (count < least || count > r->rest.size / item_bytes) {
        return arm__fail(err, ARM_CORRUPT, "%s: a type of %llu parts", r->what,
                         (unsigned long long)count);
    }
    return ARM_OK;
}

static arm_status check_decimal(struct arm_reader *r, struct arm_error *err)
{
    uint8_t width = 0;
    uint8_t scale = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &width, err));
    ARM_TRY(arm__take_u8(r, &scale, err));
    if (width < 1 || width > DECIMAL_DIGITS_MAX || scale > width) {
        st = arm__fail(err, ARM_CORRUPT, "%s: DECIMAL(%u,%u)", r->what, width, scale);
    }
done:
    return st;
}

static arm_status check_enum(struct arm_reader *r, struct arm_typecode_need *need,
                             struct arm_error *err)
{
    uint64_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(r, &count, err));
    ARM_TRY(check_count(r, count, 0, 1, err));
    need->bytes += arm__arena_round((size_t)count * sizeof(char *));
    for (uint64_t i = 0; i < count; i++) {
        ARM_TRY(check_text(r, need, err));
    }
done:
    return st;
}

/* What follows the kind, but for the alias. */
static arm_status check_kind(struct arm_reader *r, unsigned kind, unsigned depth,
                             struct arm_typecode_need *need, struct arm_error *err)
{
    uint64_t number = 0;
    arm_status st = ARM_OK;

    switch (kind) {
    case ARMPB__TYPE_KIND__DECIMAL:
        return check_decimal(r, err);
    case ARMPB__TYPE_KIND__ENUM:
        return check_enum(r, need, err);
    case ARMPB__TYPE_KIND__LIST:
        return check_fields(r, 1, depth, need, err);
    case ARMPB__TYPE_KIND__MAP:
        return check_fields(r, 2, depth, need, err);
    case ARMPB__TYPE_KIND__ARRAY:
        ARM_TRY(arm__take_varint(r, &number, err));
        if (number < 1 || number > ARRAY_SIZE_MAX) {
            return arm__fail(err, ARM_CORRUPT, "%s: an array of %llu", r->what,
                             (unsigned long long)number);
        }
        return check_fields(r, 1, depth, need, err);
    case ARMPB__TYPE_KIND__STRUCT:
        ARM_TRY(arm__take_varint(r, &number, err));
        ARM_TRY(check_count(r, number, 1, 3, err));
        return check_fields(r, (size_t)number, depth, need, err);
    case ARMPB__TYPE_KIND__UNION:
    case ARMPB__TYPE_KIND__GEOMETRY:
    case ARMPB__TYPE_KIND__VARIANT:
        break;
    default:
        if (kind >= ARMPB__TYPE_KIND__BOOLEAN && kind <= ARMPB__TYPE_KIND__VARIANT) {
            return ARM_OK;
        }
        break;
    }
    return arm__fail(err, ARM_CORRUPT, "%s: no type has the number %u", r->what, kind);
done:
    return st;
}

static arm_status check_code(struct arm_reader *r, unsigned depth, struct arm_typecode_need *need,
                             struct arm_error *err)
{
    uint8_t head = 0;
    arm_status st = ARM_OK;

    if (depth >= ARM_TYPECODE_DEPTH_MAX) {
        return arm__fail(err, ARM_CORRUPT, "%s: a type nested too deep", r->what);
    }
    ARM_TRY(arm__take_u8(r, &head, err));
    need->bytes += arm__arena_round(sizeof(Armpb__Type));
    need->types++;
    ARM_TRY(check_kind(r, head & ~(unsigned)HAS_ALIAS, depth, need, err));
    if ((head & HAS_ALIAS) != 0) {
        ARM_TRY(check_text(r, need, err));
    }
done:
    return st;
}

arm_status arm__typecode_check(struct arm_reader *reader, struct arm_typecode_need *need,
                               struct arm_error *err)
{
    return check_code(reader, 0, need, err);
}

/* ---- Building, of what was judged good ---- */

void *arm__arena_take(struct arm_arena *arena, size_t bytes)
{
    void *at = arena->data + arena->used;

    arena->used += arm__arena_round(bytes);
    assert(arena->used <= arena->size);
    return at;
}

static uint64_t take_number(struct arm_reader *r)
{
    uint64_t number = 0;
    arm_status st = arm__take_varint(r, &number, NULL);

    assert(st == ARM_OK);
    return st == ARM_OK ? number : 0;
}

static uint8_t take_byte(struct arm_reader *r)
{
    uint8_t byte = 0;
    arm_status st = arm__take_u8(r, &byte, NULL);

    assert(st == ARM_OK);
    return st == ARM_OK ? byte : 0;
}

static char *build_text(struct arm_reader *r, struct arm_arena *arena)
{
    struct arm_bytes text = {NULL, 0};
    arm_status st = arm__take_blob(r, &text, NULL);
    char *copy;

    assert(st == ARM_OK);
    copy = arm__arena_take(arena, text.size + 1);
    if (st == ARM_OK && text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    return copy;
}

static void build_fields(struct arm_reader *r, size_t count, struct arm_arena *arena,
                         Armpb__Type *type)
{
    type->n_fields = count;
    type->fields = arm__arena_take(arena, count * sizeof *type->fields);
    for (size_t i = 0; i < count; i++) {
        Armpb__Field *field = arm__arena_take(arena, sizeof *field);

        armpb__field__init(field);
        field->id = (uint32_t)take_number(r);
        field->name = build_text(r, arena);
        field->type = arm__typecode_build(r, arena);
        type->fields[i] = field;
    }
}

static void build_enum(struct arm_reader *r, struct arm_arena *arena, Armpb__Type *type)
{
    type->n_labels = (size_t)take_number(r);
    type->labels = arm__arena_take(arena, type->n_labels * sizeof *type->labels);
    for (size_t i = 0; i < type->n_labels; i++) {
        type->labels[i] = build_text(r, arena);
    }
}

Armpb__Type *arm__typecode_build(struct arm_reader *reader, struct arm_arena *arena)
{
    Armpb__Type *type = arm__arena_take(arena, sizeof *type);
    uint8_t head = take_byte(reader);

    armpb__type__init(type);
    type->kind = (Armpb__TypeKind)(head & ~(unsigned)HAS_ALIAS);
    switch (type->kind) {
    case ARMPB__TYPE_KIND__DECIMAL:
        type->has_width = type->has_scale = true;
        type->width = take_byte(reader);
        type->scale = take_byte(reader);
        break;
    case ARMPB__TYPE_KIND__ENUM:
        build_enum(reader, arena, type);
        break;
    case ARMPB__TYPE_KIND__LIST:
        build_fields(reader, 1, arena, type);
        break;
    case ARMPB__TYPE_KIND__MAP:
        build_fields(reader, 2, arena, type);
        break;
    case ARMPB__TYPE_KIND__ARRAY:
        type->has_array_size = true;
        type->array_size = (uint32_t)take_number(reader);
        build_fields(reader, 1, arena, type);
        break;
    case ARMPB__TYPE_KIND__STRUCT:
        build_fields(reader, (size_t)take_number(reader), arena, type);
        break;
    default:
        break;
    }
    if ((head & HAS_ALIAS) != 0) {
        type->alias = build_text(reader, arena);
    }
    return type;
}
