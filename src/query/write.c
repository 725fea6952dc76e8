/* SPDX-License-Identifier: Apache-2.0 */
/* arm_write: an Arrow stream, offered to the session's connection under a name, is the source. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/name.h"
#include "query/explain.h"
#include "query/query_private.h"

static const char input_name[] = "__arm_input";

/* DuckDB would give the second of a name another one. */
static arm_status check_names(const struct arm_name_list *names, struct arm_error *err)
{
    static const struct arm_name_rule rule = {true, "column", ARM_SCHEMA};

    if (names->count == 0) {
        return arm__fail(err, ARM_SCHEMA, "the rows have no column");
    }
    return arm__names_distinct((const char *const *)names->items, names->count, &rule, err);
}

static arm_status column_names(struct ArrowArrayStream *stream, struct arm_name_list *names,
                               struct arm_error *err)
{
    struct ArrowSchema schema = {.release = NULL};
    const char *why;
    int code = stream->get_schema(stream, &schema);
    arm_status st = ARM_OK;

    if (code != 0) {
        why = stream->get_last_error(stream);
        return arm__fail(err, code == ENOMEM ? ARM_NO_MEMORY : ARM_SCHEMA,
                         "the Arrow stream gives no schema: %s",
                         why == NULL ? "it does not say why" : why);
    }
    for (int64_t i = 0; i < schema.n_children; i++) {
        const char *name = schema.children[i]->name;

        ARM_TRY(arm__name_list_add(names, name == NULL ? "" : name, err));
    }
    ARM_TRY(check_names(names, err));
done:
    schema.release(&schema);
    return st;
}

/* The statement that failed is ours, not the caller's: a value that cannot be cast is of a column
 * that does not fit. */
static arm_status explain(arm_status st, const struct arm_error *why, struct arm_error *err)
{
    static const char head[] = "Conversion Error: ";
    struct arm_error local = *why;

    arm__explain(NULL, &local);
    if (st == ARM_SQL && strncmp(local.message, head, strlen(head)) == 0) {
        st = arm__fail(&local, ARM_SCHEMA, "%s", local.message + strlen(head));
    }
    if (err != NULL) {
        *err = local;
    }
    return st;
}

arm_status arm__session_write(struct arm_query_session *session, const char *table,
                              struct ArrowArrayStream *stream,
                              const struct arm_write_options *options, struct arm_write_result *out,
                              struct arm_error *err)
{
    char message[ARM_MESSAGE_BYTES];
    struct arm_name_list names = {.items = NULL};
    struct arm_load load = {.table = table, .source = input_name, .mode = options->mode};
    struct arm_version_words words;
    struct arm_hash *uses = NULL;
    struct arm_error local;
    bool offered = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, &local));
    ARM_TRY(arm__load_words(options, &load, &words, &uses, &local));
    ARM_TRY(column_names(stream, &names, &local));
    (void)snprintf(message, sizeof message, "write %.200s", table);
    load.message = options->message == NULL ? message : options->message;
    load.key = options->key;
    load.key_count = options->key_count;
    load.columns = names.items;
    load.column_count = names.count;
    ARM_TRY(arm__duck_offer(session->connection, input_name, stream, &local));
    offered = true;
    ARM_TRY(arm__session_load(session, &load, out, &local));
done:
    if (offered) {
        (void)arm__duck_offer(session->connection, input_name, NULL, NULL);
    }
    arm__session_leave_run(session);
    arm__name_list_release(&names);
    arm__free(uses);
    return st == ARM_OK ? ARM_OK : explain(st, &local, err);
}
