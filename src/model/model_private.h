/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_MODEL_PRIVATE_H
#define ARM_MODEL_MODEL_PRIVATE_H

/* What the files of this directory share. */

#include "model/record.h"

/* The rules of record.proto that the wire format cannot say, over a decoded record or schema.
 * Errors: ARM_CORRUPT naming the rule, ARM_NO_MEMORY. */
arm_status arm__record_judge(const Armpb__Record *record, uint64_t payload_bytes,
                             struct arm_error *err);
arm_status arm__schema_judge(const Armpb__Schema *schema, struct arm_error *err);

/* A failed check of something decoded is ARM_CORRUPT, of something to be encoded ARM_INVALID:
 * change `st` (and err->code) to `code`, unless it is ARM_OK or ARM_NO_MEMORY. */
arm_status arm__recode(arm_status st, arm_status code, struct arm_error *err);

/* `text` as a message may show it: itself if it is UTF-8. */
const char *arm__shown(const char *text);

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. Years count
 * through 0 (1 BC); |year| below 10^8. */
struct arm_date {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};
int64_t arm__days_of_date(const struct arm_date *date);
struct arm_date arm__date_of_days(int64_t days);
/* 28 to 31; month is 1 to 12. */
unsigned arm__days_in_month(int64_t year, unsigned month);

/* A number of `least` to `most` digits at `*at`, which is moved behind them; false if there
 * are fewer or more. At most 18 digits. */
bool arm__digits(const char **at, unsigned least, unsigned most, uint64_t *out);
/* `digits` digits (at most 9) after a point, scaled to `unit_digits`; more are dropped. */
bool arm__fraction(const char **at, unsigned unit_digits, uint64_t *out);

/* How values of a type are encoded (value.h); by TypeKind. */
enum arm_shape {
    ARM_SHAPE_NONE, /* no bounds */
    ARM_SHAPE_BOOLEAN,
    ARM_SHAPE_SIGNED,
    ARM_SHAPE_UNSIGNED,
    ARM_SHAPE_REAL,
    ARM_SHAPE_DECIMAL,
    ARM_SHAPE_TEXT,
    ARM_SHAPE_BYTES,
    ARM_SHAPE_UUID,
    ARM_SHAPE_DATE,
    ARM_SHAPE_TIME,
    ARM_SHAPE_TIMESTAMP,
};
struct arm_value_form {
    enum arm_shape shape;
    uint8_t width_bytes; /* 0: any */
    uint8_t unit_digits; /* digits below a second: of TIME and TIMESTAMP */
};
struct arm_value_form arm__value_form(const Armpb__Type *type);

/* A strtod and a printf that no host's locale changes. False: no memory. */
bool arm__real_parse(const char *text, bool is_double, double *out, bool *out_good);
#define ARM_REAL_TEXT 32
bool arm__real_print(double value, bool is_double, char out[ARM_REAL_TEXT]);

/* Of schemas: what stood behind `position` moves up, for the column there is gone (generated.c). */
void arm__schema_close_gap(Armpb__Schema *schema, size_t position);

#endif
