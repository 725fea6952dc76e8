/* SPDX-License-Identifier: Apache-2.0 */
/* arm_import: files are the source. DuckDB reads Parquet, CSV and JSON; Arrow IPC files are
 * offered to it as streams. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "query/arrow_ipc.h"
#include "query/csv.h"
#include "query/explain.h"
#include "query/source.h"

/* Arrow files of one import, offered under a name each. */
struct arrow_inputs {
    struct arm_query_session *session;
    struct ArrowArrayStream *streams;
    size_t count;
};

static void input_name(size_t n, char out[40])
{
    (void)snprintf(out, 40, "__arm_input_%zu", n);
}

static void close_inputs(struct arrow_inputs *inputs)
{
    char name[40];

    for (size_t i = 0; i < inputs->count; i++) {
        input_name(i, name);
        (void)arm__duck_offer(inputs->session->connection, name, NULL, NULL);
        inputs->streams[i].release(&inputs->streams[i]);
    }
    arm__free(inputs->streams);
}

/* Open and offer each file; the SQL is their union by name, in order. */
static arm_status open_inputs(struct arrow_inputs *inputs, const struct arm_source *source,
                              struct arm_buf *sql, struct arm_error *err)
{
    char name[40];
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(source->paths.count, sizeof *inputs->streams, &inputs->streams, err));
    ARM_TRY(arm__buf_printf(sql, err, "("));
    for (size_t i = 0; i < source->paths.count; i++) {
        ARM_TRY(arm__arrow_ipc_open(source->paths.items[i], &inputs->streams[i], err));
        inputs->count++;
        input_name(i, name);
        ARM_TRY(arm__duck_offer(inputs->session->connection, name, &inputs->streams[i], err));
        ARM_TRY(arm__buf_printf(sql, err, "%sFROM %s", i == 0 ? "" : " UNION ALL BY NAME ", name));
    }
    ARM_TRY(arm__buf_printf(sql, err, ")"));
done:
    return st;
}

static bool has_name(const struct arm_name_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static arm_status check_file(const char *path, const struct arm_name_list *all,
                             const struct arm_name_list *own, struct arm_error *err)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!has_name(own, all->items[i])) {
            return arm__fail(err, ARM_SCHEMA,
                             "%s has no column \"%s\", which another of the files has: import "
                             "them one by one",
                             path, all->items[i]);
        }
    }
    return ARM_OK;
}

static arm_status stream_columns(struct ArrowArrayStream *stream, struct arm_name_list *names,
                                 struct arm_error *err)
{
    struct ArrowSchema schema = {.release = NULL};
    arm_status st = ARM_OK;

    if (stream->get_schema(stream, &schema) != 0) {
        return arm__fail(err, ARM_SCHEMA, "an Arrow file gives no schema");
    }
    for (int64_t i = 0; i < schema.n_children; i++) {
        const char *name = schema.children[i]->name;

        ARM_TRY(arm__name_list_add(names, name == NULL ? "" : name, err));
    }
done:
    schema.release(&schema);
    return st;
}

/* The columns of the first file, which all others have too, and no more. */
static arm_status arrow_columns(const struct arrow_inputs *inputs, const struct arm_source *source,
                                struct arm_name_list *names, struct arm_error *err)
{
    struct arm_name_list own = {.items = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(stream_columns(&inputs->streams[0], names, err));
    for (size_t i = 1; i < inputs->count; i++) {
        arm__name_list_release(&own);
        ARM_TRY(stream_columns(&inputs->streams[i], &own, err));
        ARM_TRY(check_file(source->paths.items[i], names, &own, err));
        ARM_TRY(check_file(source->paths.items[0], &own, names, err));
    }
done:
    arm__name_list_release(&own);
    return st;
}

/* The names that DESCRIBE gives for the source, one a row. */
static arm_status describe_columns(struct arm_query_session *session, const char *source,
                                   struct arm_name_list *names, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_duck_result *result = NULL;
    duckdb_data_chunk chunk = NULL;
    char name[ARM_NAME_BYTES_MAX + 1];
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(&sql, err, "DESCRIBE FROM %s", source));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(arm__duck_execute(session->connection, (const char *)sql.data, &result, err));
    for (;;) {
        ARM_TRY(arm__duck_next(result, &chunk, err));
        if (chunk == NULL) {
            break;
        }
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
            duckdb_string_t *text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
            size_t size = duckdb_string_t_length(text[i]);

            (void)snprintf(name, sizeof name, "%.*s", (int)(size > 255 ? 255 : size),
                           duckdb_string_t_data(&text[i]));
            ARM_TRY(arm__name_list_add(names, name, err));
        }
        duckdb_destroy_data_chunk(&chunk);
    }
done:
    if (chunk != NULL) {
        duckdb_destroy_data_chunk(&chunk);
    }
    arm__duck_result_free(result);
    arm__buf_release(&sql);
    return st;
}

/* Each file has the same columns, in whatever order: DuckDB would leave out a column that only
 * a later file has. JSON's objects need not be alike. */
static arm_status check_agreement(struct arm_query_session *session,
                                  const struct arm_source *source, const char *sql_of_all,
                                  struct arm_error *err)
{
    struct arm_name_list all = {.items = NULL};
    struct arm_name_list own = {.items = NULL};
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(describe_columns(session, sql_of_all, &all, err));
    for (size_t i = 0; i < source->paths.count; i++) {
        struct arm_source one = *source;

        one.paths = (struct arm_name_list){.items = &source->paths.items[i], .count = 1};
        arm__buf_clear(&sql);
        arm__name_list_release(&own);
        ARM_TRY(arm__source_sql(&one, &sql, err));
        ARM_TRY(arm__buf_u8(&sql, 0, err));
        ARM_TRY(describe_columns(session, (const char *)sql.data, &own, err));
        ARM_TRY(check_file(source->paths.items[i], &all, &own, err));
    }
done:
    arm__name_list_release(&all);
    arm__name_list_release(&own);
    arm__buf_release(&sql);
    return st;
}

/* Text is read in the table's types: guessed ones would take the zeros off a postal code. */
static arm_status typed_source(const struct arm_load *load, const Armpb__Schema *schema,
                               struct arm_buf *sql, struct arm_error *err)
{
    struct arm_source source = *(const struct arm_source *)load->context;

    source.schema = schema;
    source.columns = load->columns;
    source.column_count = load->column_count;
    return arm__source_sql(&source, sql, err);
}

/* The file an error is about: the one it names, else the first. */
static const char *guilty_path(const struct arm_source *source, const struct arm_error *err)
{
    for (size_t i = 0; err != NULL && i < source->paths.count; i++) {
        if (strstr(err->message, source->paths.items[i]) != NULL) {
            return source->paths.items[i];
        }
    }
    return source->paths.count == 0 ? NULL : source->paths.items[0];
}

/* A failure while reading the files names the line, and the first of them if DuckDB's text names
 * none. */
static arm_status name_file(struct arm_query_session *session, arm_status st,
                            const struct arm_source *source, struct arm_error *err)
{
    if (err != NULL && st == ARM_SQL && source->format == ARM_FILE_CSV &&
        source->paths.count == 1 && strstr(err->message, "sniffing") != NULL) {
        arm__csv_explain(session, source->paths.items[0], err);
    }
    if (st != ARM_OK) {
        arm__explain(guilty_path(source, err), err);
    }
    if (err != NULL && source->paths.count > 0 &&
        (st == ARM_SQL || st == ARM_IO || st == ARM_CORRUPT) &&
        strstr(err->message, source->paths.items[0]) == NULL) {
        return arm__fail_within(err, st, "%s", source->paths.items[0]);
    }
    return st;
}

static arm_status import_source(struct arm_query_session *session, const struct arm_source *source,
                                struct arm_load *load, struct arm_write_result *out,
                                struct arm_error *err)
{
    struct arrow_inputs inputs = {.session = session};
    struct arm_name_list names = {.items = NULL};
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    if (source->format == ARM_FILE_ARROW) {
        ARM_TRY(open_inputs(&inputs, source, &sql, err));
        ARM_TRY(arrow_columns(&inputs, source, &names, err));
    } else {
        ARM_TRY(arm__source_sql(source, &sql, err));
    }
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    load->source = (const char *)sql.data;
    if (source->paths.count > 1 &&
        (source->format == ARM_FILE_CSV || source->format == ARM_FILE_PARQUET)) {
        ARM_TRY(check_agreement(session, source, load->source, err));
    }
    if (source->format != ARM_FILE_ARROW && load->mode != ARM_WRITE_CREATE) {
        ARM_TRY(describe_columns(session, load->source, &names, err));
    }
    if (source->format == ARM_FILE_CSV || source->format == ARM_FILE_JSON) {
        load->typed_source = typed_source;
        load->context = source;
    }
    load->columns = names.items;
    load->column_count = names.count;
    ARM_TRY(arm__session_load(session, load, out, err));
done:
    close_inputs(&inputs);
    arm__name_list_release(&names);
    arm__buf_release(&sql);
    return name_file(session, st, source, err);
}

/* Lines that turn out to be longer than usual are read with larger buffers, which all others do
 * better without. A transaction that is open was aborted by the first try. */
static arm_status import_lines(struct arm_query_session *session, struct arm_source *source,
                               struct arm_load *load, struct arm_write_result *out,
                               struct arm_error *err)
{
    struct arm_error local;
    arm_status st = import_source(session, source, load, out, &local);

    if (st == ARM_SQL && source->format == ARM_FILE_CSV &&
        strstr(local.message, "Maximum line size of ") != NULL &&
        arm__duck_transaction(session->connection) == NULL) {
        source->has_long_lines = true;
        st = import_source(session, source, load, out, &local);
    }
    if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    return st;
}

arm_status arm__session_import(struct arm_query_session *session, const char *table,
                               const char *const *paths, size_t path_count,
                               const struct arm_write_options *options,
                               struct arm_write_result *out, struct arm_error *err)
{
    char message[ARM_MESSAGE_BYTES];
    struct arm_load load = {.table = table, .mode = options->mode};
    struct arm_source source = {.format = ARM_FILE_UNKNOWN};
    struct arm_version_words words;
    struct arm_hash *uses = NULL;
    char *staging = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, err));
    ARM_TRY(arm__load_words(options, &load, &words, &uses, err));
    ARM_TRY(
        arm__path_join(arm__repository_path(session->duck.repository), "staging", &staging, err));
    ARM_TRY(arm__source_open(paths, path_count, options->format, staging, &source, err));
    source.null_text = options->null_text;
    (void)snprintf(message, sizeof message, "import %.200s", table);
    load.message = options->message == NULL ? message : options->message;
    load.key = options->key;
    load.key_count = options->key_count;
    ARM_TRY(import_lines(session, &source, &load, out, err));
done:
    arm__session_leave_run(session);
    arm__source_release(&source);
    arm__free(staging);
    arm__free(uses);
    return st;
}
