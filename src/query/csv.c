/* SPDX-License-Identifier: Apache-2.0 */
#include "query/csv.h"

#include <stdio.h>
#include <string.h>

#include "model/type.h"

enum { LINE_BYTES = 1 << 16 };

static const char delimiters[] = ",;\t|";

/* How often each delimiter stands in the line outside quotes. */
static void count_delimiters(const char *line, size_t size, size_t counts[4])
{
    bool quoted = false;

    for (size_t i = 0; i < size && (quoted || (line[i] != '\n' && line[i] != '\r')); i++) {
        const char *found = line[i] == '\0' ? NULL : strchr(delimiters, line[i]);

        if (line[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && found != NULL) {
            counts[found - delimiters]++;
        }
    }
}

static bool is_text(const char *head, size_t size)
{
    return size > 0 && head[0] != '#' && memchr(head, '\0', size) == NULL &&
           memcmp(head, "\x1f\x8b", size < 2 ? size : 2) != 0 &&
           memcmp(head, "\x28\xb5\x2f\xfd", size < 4 ? size : 4) != 0;
}

struct arm_csv_head arm__csv_look(const char *path)
{
    struct arm_csv_head head = {.delimiter = '\0'};
    static const size_t kinds = sizeof delimiters - 1;
    char line[LINE_BYTES];
    size_t counts[4] = {0};
    size_t size = 0;
    FILE *file = fopen(path, "rbe");

    if (file == NULL) {
        return head;
    }
    size = fread(line, 1, sizeof line, file);
    (void)fclose(file);
    if (!is_text(line, size)) {
        return head;
    }
    count_delimiters(line, size, counts);
    for (size_t i = 0; i < kinds; i++) {
        if (counts[i] > 0 && head.delimiter != '\0') {
            return (struct arm_csv_head){.delimiter = '\0'}; /* two kinds: DuckDB is to guess */
        }
        if (counts[i] > 0) {
            head = (struct arm_csv_head){delimiters[i], counts[i] + 1};
        }
    }
    return head;
}

static arm_status build_read(const char *path, const struct arm_csv_head *head, struct arm_buf *sql,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(sql, err, "SELECT count(*) FROM read_csv("));
    ARM_TRY(arm__sql_string(path, sql, err));
    ARM_TRY(arm__buf_printf(sql, err,
                            ", auto_detect = false, header = true, quote = '\"', escape = '\"', "
                            "delim = '%c', columns = {",
                            head->delimiter));
    for (size_t i = 0; i < head->column_count; i++) {
        ARM_TRY(arm__buf_printf(sql, err, "%s'c%zu': 'VARCHAR'", i == 0 ? "" : ", ", i));
    }
    ARM_TRY(arm__buf_printf(sql, err, "})"));
    ARM_TRY(arm__buf_u8(sql, 0, err));
done:
    return st;
}

void arm__csv_explain(struct arm_query_session *session, const char *path, struct arm_error *err)
{
    struct arm_csv_head head = arm__csv_look(path);
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_error found;

    if (head.delimiter != '\0' && build_read(path, &head, &sql, NULL) == ARM_OK &&
        arm__session_run(session, (const char *)sql.data, NULL, &found) == ARM_SQL &&
        strstr(found.message, "CSV Error") != NULL) {
        *err = found;
    }
    arm__buf_release(&sql);
}
