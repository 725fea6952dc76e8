/* SPDX-License-Identifier: Apache-2.0 */
#include "duck/half_floats.h"

#include <errno.h>
#include <string.h>

#include <nanoarrow/nanoarrow.h>

#include "base/alloc.h"

static const char half[] = "e";

static bool is_half(const struct ArrowSchema *schema)
{
    return schema->format != NULL && strcmp(schema->format, half) == 0;
}

bool arm__has_halves(const struct ArrowSchema *schema)
{
    if (is_half(schema) || (schema->dictionary != NULL && arm__has_halves(schema->dictionary))) {
        return true;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (arm__has_halves(schema->children[i])) {
            return true;
        }
    }
    return false;
}

/* ---- Schemas ---- */

static int widen_copy(struct ArrowSchema *schema)
{
    int rc = is_half(schema) ? ArrowSchemaSetFormat(schema, "f") : 0;

    if (rc == 0 && schema->dictionary != NULL) {
        rc = widen_copy(schema->dictionary);
    }
    for (int64_t i = 0; rc == 0 && i < schema->n_children; i++) {
        rc = widen_copy(schema->children[i]);
    }
    return rc;
}

arm_status arm__widen_schema(const struct ArrowSchema *schema, struct ArrowSchema *out,
                             struct arm_error *err)
{
    int rc = ArrowSchemaDeepCopy(schema, out);

    if (rc == 0) {
        rc = widen_copy(out);
        if (rc != 0) {
            ArrowSchemaRelease(out);
        }
    }
    return rc == 0 ? ARM_OK : arm__fail(err, ARM_NO_MEMORY, "no memory for an Arrow schema");
}

/* ---- Arrays ---- */

/* IEEE 754: five bits of exponent and ten of fraction become eight and 23. (nanoarrow's own
 * conversion takes the subnormal ones for others.) */
static float single_of(uint16_t from)
{
    enum { EXPONENT_MAX = 31, BIAS_GAIN = 127 - 15, FRACTION_GAIN = 23 - 10 };
    uint32_t sign = (uint32_t)(from & 0x8000U) << 16;
    uint32_t exponent = (from >> 10) & EXPONENT_MAX;
    uint32_t fraction = from & 0x3ffU;
    uint32_t bits = sign | fraction << FRACTION_GAIN;
    float single;

    if (exponent == 0) {
        single = (float)fraction * 0x1p-24F;
        return sign == 0 ? single : -single;
    }
    bits |= (exponent == EXPONENT_MAX ? 0xffU : exponent + BIAS_GAIN) << 23;
    memcpy(&single, &bits, sizeof single);
    return single;
}

/* In place of an array of half floats. */
struct widened {
    struct ArrowArray from; /* whose validity it has */
    const void *buffers[2];
    float values[];
};

static void release_widened(struct ArrowArray *array)
{
    struct widened *widened = array->private_data;

    ArrowArrayRelease(&widened->from);
    arm__free(widened);
    array->release = NULL;
}

/* A slice of a large array costs what the slice does: what is before it is left out, but for the
 * bits of validity that share a byte with it. */
static arm_status widen_values(struct ArrowArray *array, struct arm_error *err)
{
    int64_t skipped = array->offset / 8 * 8;
    size_t count = (size_t)(array->offset - skipped + array->length);
    const uint8_t *validity;
    const uint16_t *halves;
    struct widened *widened = NULL;
    arm_status st;

    if (array->n_buffers != 2 || array->length < 0 || array->offset < 0) {
        return arm__fail(err, ARM_SCHEMA, "an Arrow array of half floats is ill-formed");
    }
    st = arm__calloc(1, sizeof *widened + count * sizeof(float), &widened, err);
    if (st != ARM_OK) {
        return st;
    }
    validity = array->buffers[0];
    halves = array->buffers[1];
    for (size_t i = 0; halves != NULL && i < count; i++) {
        widened->values[i] = single_of(halves[(size_t)skipped + i]);
    }
    widened->buffers[0] = validity == NULL ? NULL : validity + skipped / 8;
    widened->buffers[1] = widened->values;
    ArrowArrayMove(array, &widened->from);
    *array = (struct ArrowArray){
        .length = widened->from.length,
        .null_count = widened->from.null_count,
        .offset = widened->from.offset - skipped,
        .n_buffers = 2,
        .buffers = widened->buffers,
        .release = release_widened,
        .private_data = widened,
    };
    return ARM_OK;
}

arm_status arm__widen_array(const struct ArrowSchema *schema, struct ArrowArray *array,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (array->n_children != schema->n_children ||
        (array->dictionary == NULL) != (schema->dictionary == NULL)) {
        return arm__fail(err, ARM_SCHEMA, "an Arrow array is not of its schema");
    }
    if (is_half(schema)) {
        return widen_values(array, err);
    }
    if (schema->dictionary != NULL) {
        st = arm__widen_array(schema->dictionary, array->dictionary, err);
    }
    for (int64_t i = 0; st == ARM_OK && i < schema->n_children; i++) {
        st = arm__widen_array(schema->children[i], array->children[i], err);
    }
    return st;
}

/* ---- Streams ---- */

struct widening {
    struct ArrowArrayStream from;
    struct ArrowSchema schema; /* as it comes */
    struct arm_error error;    /* ours; its message empty: the stream's */
};

static int errno_of(arm_status st)
{
    return st == ARM_OK ? 0 : st == ARM_NO_MEMORY ? ENOMEM : EINVAL;
}

static int give_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct widening *widening = self->private_data;

    return errno_of(arm__widen_schema(&widening->schema, out, &widening->error));
}

static int give_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct widening *widening = self->private_data;
    int rc = widening->from.get_next(&widening->from, out);

    if (rc == 0 && out->release != NULL) {
        rc = errno_of(arm__widen_array(&widening->schema, out, &widening->error));
        if (rc != 0) {
            ArrowArrayRelease(out);
        }
    }
    return rc;
}

static const char *give_error(struct ArrowArrayStream *self)
{
    struct widening *widening = self->private_data;

    return widening->error.message[0] != '\0' ? widening->error.message
                                              : widening->from.get_last_error(&widening->from);
}

static void release(struct ArrowArrayStream *self)
{
    struct widening *widening = self->private_data;

    ArrowArrayStreamRelease(&widening->from);
    ArrowSchemaRelease(&widening->schema);
    arm__free(widening);
    self->release = NULL;
}

arm_status arm__widen_stream(struct ArrowArrayStream *stream, struct arm_error *err)
{
    struct widening *widening = NULL;
    struct ArrowSchema schema;
    arm_status st;

    if (stream->get_schema(stream, &schema) != 0) {
        return ARM_OK; /* who reads it is told */
    }
    if (!arm__has_halves(&schema)) {
        ArrowSchemaRelease(&schema);
        return ARM_OK;
    }
    st = arm__calloc(1, sizeof *widening, &widening, err);
    if (st != ARM_OK) {
        ArrowSchemaRelease(&schema);
        return st;
    }
    ArrowSchemaMove(&schema, &widening->schema);
    ArrowArrayStreamMove(stream, &widening->from);
    *stream = (struct ArrowArrayStream){.get_schema = give_schema,
                                        .get_next = give_next,
                                        .get_last_error = give_error,
                                        .release = release,
                                        .private_data = widening};
    return ARM_OK;
}
