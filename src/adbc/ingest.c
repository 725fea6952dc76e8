/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk ingestion: what is bound becomes rows of a table, as one commit, by the library's own
 * writer. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/statement.h"

void arm__adbc_ingest_release(struct arm_adbc_ingest *ingest)
{
    free(ingest->table);
    free(ingest->schema);
    free(ingest->catalog);
    free(ingest->mode);
    free(ingest->key);
    *ingest = (struct arm_adbc_ingest){0};
}

/* ---- A stream that is lent ----
 *
 * The library takes what it is given, whatever happens; a table that somebody else has just made
 * is a reason to try again with the same rows. */

struct lent {
    struct ArrowArrayStream *stream;
    int64_t column_count;
    bool was_read;
    bool is_unsound;
};

static int lent_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct lent *lent = self->private_data;
    int rc = lent->stream->get_schema(lent->stream, out);

    if (rc == 0) {
        lent->column_count = out->n_children;
    }
    return rc;
}

/* A batch's own offset and length, if its columns do not have them already: not every reader minds
 * those of a struct. */
static void cut_columns(struct ArrowArray *batch)
{
    for (int64_t i = 0; i < batch->n_children; i++) {
        struct ArrowArray *column = batch->children[i];

        if (batch->offset != 0 || column->length != batch->length) {
            column->offset += batch->offset;
            column->length = batch->length;
            column->null_count = column->null_count == 0 ? 0 : -1;
        }
    }
    batch->offset = 0;
}

static int lent_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct lent *lent = self->private_data;
    int rc;

    lent->was_read = true;
    rc = lent->stream->get_next(lent->stream, out);
    if (rc != 0 || out->release == NULL) {
        return rc;
    }
    if (!arm__adbc_is_sound(out, lent->column_count)) {
        lent->is_unsound = true;
        arm__adbc_array_release(out);
        return EINVAL;
    }
    cut_columns(out);
    return 0;
}

static const char *lent_error(struct ArrowArrayStream *self)
{
    struct lent *lent = self->private_data;

    return lent->is_unsound ? "a batch that is bound has not the columns, or the rows, that it says"
                            : lent->stream->get_last_error(lent->stream);
}

static void lent_release(struct ArrowArrayStream *self)
{
    self->release = NULL;
}

/* ---- The key: names between commas, quoted as in SQL where odd ---- */

struct key {
    size_t count;
    const char **names; /* each on the heap */
};

static void key_release(struct key *key)
{
    for (size_t i = 0; i < key->count; i++) {
        free((void *)key->names[i]);
    }
    free((void *)key->names);
}

/* One name at `*at`, which moves behind it; NULL: there is none, or no memory. */
static char *take_name(const char **at)
{
    const char *from = *at + strspn(*at, " ");
    struct arm_adbc_words words = {0};
    char *name = NULL;

    if (*from == '"') {
        for (from++; *from != '\0' && (from[0] != '"' || from[1] == '"'); from++) {
            from += *from == '"';
            arm__adbc_add_bytes(&words, from, 1);
        }
        from += *from == '"';
        from += strspn(from, " ");
    } else {
        size_t size = strcspn(from, ",");
        const char *end = from + size;

        while (size > 0 && from[size - 1] == ' ') {
            size--;
        }
        if (size > 0) {
            arm__adbc_add_bytes(&words, from, size);
        }
        from = end;
    }
    *at = from;
    return arm__adbc_words_end(&words, &name, NULL) == ADBC_STATUS_OK ? name : NULL;
}

static AdbcStatusCode parse_key(const char *text, struct key *out, struct AdbcError *error)
{
    const char *at = text;

    for (;;) {
        char *name = take_name(&at);
        const char **names = NULL;

        if (name == NULL || (*at != '\0' && *at != ',')) {
            free(name);
            return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                                  "the key %s is not a list of names between commas", text);
        }
        names = realloc((void *)out->names, (out->count + 1) * sizeof *names);
        if (names == NULL) {
            free(name);
            return arm__adbc_fail_memory(error);
        }
        out->names = names;
        out->names[out->count++] = name;
        if (*at == '\0') {
            return ADBC_STATUS_OK;
        }
        at++;
    }
}

/* ---- The write ---- */

static AdbcStatusCode check(const struct arm_adbc_statement *statement, struct AdbcError *error)
{
    if (statement->bound.release == NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                              "nothing is bound that could be taken into %s",
                              statement->ingest.table);
    }
    if (statement->ingest.temporary) {
        return arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "0A000",
                              "rows are not taken into temporary tables: CREATE TEMP TABLE and "
                              "INSERT do that");
    }
    if (statement->at != NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "25006",
                              "option adbc.armillaria.at is set: what was is not written to");
    }
    return ADBC_STATUS_OK;
}

static arm_write_mode mode_of(const struct arm_adbc_ingest *ingest, bool exists)
{
    if (ingest->mode == NULL || strcmp(ingest->mode, ADBC_INGEST_OPTION_MODE_CREATE) == 0) {
        return ARM_WRITE_CREATE;
    }
    if (strcmp(ingest->mode, ADBC_INGEST_OPTION_MODE_APPEND) == 0) {
        return ARM_WRITE_APPEND;
    }
    if (strcmp(ingest->mode, ADBC_INGEST_OPTION_MODE_REPLACE) == 0) {
        return ARM_WRITE_REPLACE;
    }
    if (strcmp(ingest->mode, ARM_ADBC_MODE_UPSERT) == 0) {
        return ARM_WRITE_UPSERT;
    }
    return exists ? ARM_WRITE_APPEND : ARM_WRITE_CREATE;
}

/* Rows that do not fit a table that is there are told as ADBC wants it. */
static AdbcStatusCode fail_write(const struct arm_adbc_run *run, arm_write_mode mode,
                                 const struct arm_error *err, struct AdbcError *error)
{
    AdbcStatusCode st = arm__adbc_run_failed(run, err, error);

    return err->code == ARM_SCHEMA && mode == ARM_WRITE_APPEND ? ADBC_STATUS_ALREADY_EXISTS : st;
}

static AdbcStatusCode write(const struct arm_adbc_run *run, const char *name, bool exists,
                            const struct key *key, int64_t *out_rows, struct AdbcError *error)
{
    const struct arm_adbc_statement *statement = run->statement;
    arm_session *session = run->connection->session;
    struct lent lent = {.stream = &run->statement->bound};
    const struct ArrowArrayStream lender = {.get_schema = lent_schema,
                                            .get_next = lent_next,
                                            .get_last_error = lent_error,
                                            .release = lent_release,
                                            .private_data = &lent};
    struct ArrowArrayStream given = lender;
    bool may_be_there = statement->ingest.mode != NULL &&
                        strcmp(statement->ingest.mode, ADBC_INGEST_OPTION_MODE_CREATE_APPEND) == 0;
    struct arm_write_options options = {
        .size = sizeof options,
        .mode = mode_of(&statement->ingest, exists),
        .message = statement->message == NULL ? run->connection->message : statement->message,
        .key = key->names,
        .key_count = key->count,
    };
    struct arm_write_result result = {0};
    struct arm_error err = {0};
    arm_status st = arm_write(session, name, &given, &options, &result, &err);

    if (st == ARM_EXISTS && may_be_there && !lent.was_read &&
        !arm_session_in_transaction(session)) {
        given = lender;
        options.mode = ARM_WRITE_APPEND;
        st = arm_write(session, name, &given, &options, &result, &err);
    }
    if (st != ARM_OK) {
        return fail_write(run, options.mode, &err, error);
    }
    *out_rows = (int64_t)result.rows;
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_ingest(const struct arm_adbc_run *run, int64_t *out_rows,
                                struct AdbcError *error)
{
    struct arm_adbc_statement *statement = run->statement;
    const struct arm_adbc_table table = {.catalog = statement->ingest.catalog,
                                         .schema = statement->ingest.schema,
                                         .name = statement->ingest.table};
    struct key key = {0};
    char *name = NULL;
    bool exists = false;
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(check(statement, error));
    if (statement->ingest.key != NULL && statement->ingest.key[0] != '\0') {
        ADBC_TRY(parse_key(statement->ingest.key, &key, error));
    }
    ADBC_TRY(arm__adbc_find_table(run->connection, &table, false, &name, &exists, error));
    ADBC_TRY(write(run, name, exists, &key, out_rows, error));
done:
    arm__adbc_stream_release(&statement->bound);
    key_release(&key);
    free(name);
    return st;
}
