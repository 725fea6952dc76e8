/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_RECORD_H
#define ARM_MODEL_RECORD_H

/* The records of record.proto as values: decode and judge, encode. The unpacked protobuf-c
 * structs (Armpb__…) are the in-memory form; they are read-only after decoding. Pure. */

#include "base/hash.h"
#include "model/record.pb-c.h"

#define ARM_TABLE_ID_BYTES 20
#define ARM_RECORD_BYTES_MAX (1u << 20) /* over this a record goes into a chunk of its own */

struct arm_table_id {
    uint8_t bytes[ARM_TABLE_ID_BYTES];
};

struct arm_table_id arm__table_id(const struct arm_id *commit, uint32_t ordinal);
bool arm__table_id_equal(const struct arm_table_id *a, const struct arm_table_id *b);

/* Append the encoding of `record` to `out`. */
arm_status arm__record_encode(const Armpb__Record *record, struct arm_buf *out,
                              struct arm_error *err);

/* Decode untrusted bytes. ARM_CORRUPT unless every rule of record.proto holds: one
 * alternative, sizes of ids and hashes, sorted and unique positions, no duplicate table,
 * known enum values, no unknown field, depth of types <= 64. `payload_bytes`: every hot entry
 * must lie inside. `*out` is freed by arm__record_free. */
arm_status arm__record_decode(struct arm_bytes spine, uint64_t payload_bytes, Armpb__Record **out,
                              struct arm_error *err);
void arm__record_free(Armpb__Record *record); /* NULL is accepted */

/* A schema alone (stored by the index, sent by no one else): same rules. */
arm_status arm__schema_encode(const Armpb__Schema *schema, struct arm_buf *out,
                              struct arm_error *err);
arm_status arm__schema_decode(struct arm_bytes bytes, Armpb__Schema **out, struct arm_error *err);
void arm__schema_free(Armpb__Schema *schema);
/* A deep copy. */
arm_status arm__schema_clone(const Armpb__Schema *schema, Armpb__Schema **out,
                             struct arm_error *err);

/* What an object of that kind may be called: a namespace stands in none (""), all others in one.
 * Errors: ARM_INVALID_NAME with the reason. */
arm_status arm__object_name_check(Armpb__ObjectKind object, const char *schema_name,
                                  const char *name, struct arm_error *err);
/* "table", "view", "sequence", "schema". */
const char *arm__object_word(Armpb__ObjectKind object);

/* The value at a place of a sequence. ARM_CONSTRAINT: it has come to its end; `name` is for the
 * message. */
arm_status arm__sequence_value(const Armpb__Sequence *sequence, const char *name, uint64_t place,
                               int64_t *out, struct arm_error *err);

/* Names and types of two schemas are the same, column by column (ids left out). */
bool arm__schema_same_columns(const Armpb__Schema *a, const Armpb__Schema *b);

/* Give every field of `schema` without an id (0) a new one, nested fields too, depth first,
 * starting at last_field_id + 1; updates last_field_id. */
void arm__schema_number_fields(Armpb__Schema *schema);

/* Schemas in the making (schema_edit.c). A primary key comes first; `name` may be NULL. */
arm_status arm__schema_add_key(Armpb__Schema *schema, bool primary, const uint32_t *field_ids,
                               size_t count, const char *name, struct arm_error *err);
arm_status arm__schema_add_check(Armpb__Schema *schema, const char *name, const char *sql,
                                 struct arm_error *err);
/* A column behind the others, without an id yet; `type` is taken, also on failure. */
arm_status arm__schema_add_column(Armpb__Schema *schema, const char *name, Armpb__Type *type,
                                  Armpb__Column **out, struct arm_error *err);
/* Its id is not given again. No key may have it. `index`: among the stored ones. */
void arm__schema_remove_column(Armpb__Schema *schema, size_t index);
void arm__column_set_not_null(Armpb__Column *column, bool not_null);
/* A string of a message: `text` (NULL: none) in the place of what it was. */
arm_status arm__text_set(char **field, const char *text, struct arm_error *err);
/* The column of that field id; NULL: none. */
const Armpb__Column *arm__schema_column(const Armpb__Schema *schema, uint32_t field_id);

/* ---- generated.c: where columns stand, stored and generated ones together ---- */

size_t arm__schema_width(const Armpb__Schema *schema); /* how many there are of both */
/* The generated column there; NULL: a stored one. */
Armpb__Generated *arm__schema_generated_at(const Armpb__Schema *schema, size_t position);
/* Where the stored column of that position stands in `columns`, and the other way. */
size_t arm__schema_stored_at(const Armpb__Schema *schema, size_t position);
size_t arm__schema_position(const Armpb__Schema *schema, size_t stored);
/* Behind the generated ones that are there, at a position past theirs, without an id yet; `type` is
 * taken, also on failure. */
arm_status arm__schema_add_generated(Armpb__Schema *schema, const char *name, Armpb__Type *type,
                                     size_t position, const char *sql, struct arm_error *err);
void arm__schema_remove_generated(Armpb__Schema *schema, size_t position);

#endif
