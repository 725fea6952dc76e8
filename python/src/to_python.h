/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_TO_PYTHON_H
#define ARM_PY_TO_PYTHON_H

/* Arrow's values as Python's: what fetchall() gives. As DuckDB's package has it: DECIMAL is
 * decimal.Decimal, HUGEINT an int, UUID a uuid.UUID, INTERVAL a timedelta (months of 30 days),
 * nanoseconds are cut to microseconds, what is infinite is the type's max or min, and a date that
 * Python cannot hold is text. */

#include "core.h"

struct row_reader;

/* Find the classes of datetime, decimal and uuid; false: an exception is set. */
bool arm_py_values_init(void);

/* A reader of batches of this schema (borrowed, as long as the reader); NULL: an exception is set.
 */
struct row_reader *arm_py_reader_new(const struct ArrowSchema *schema);
void arm_py_reader_free(struct row_reader *reader); /* NULL is accepted */
/* Go to a batch, borrowed until the next one. */
bool arm_py_reader_set(struct row_reader *reader, const struct ArrowArray *batch);
/* A row of the batch as a tuple, and one column's value. New references. */
PyObject *arm_py_reader_row(struct row_reader *reader, int64_t row);
PyObject *arm_py_reader_value(struct row_reader *reader, int64_t column, int64_t row);

/* What SQL calls the type of a column; new reference. */
PyObject *arm_py_type_name(const struct ArrowSchema *schema);

#endif
