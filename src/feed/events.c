/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/events.h"

#include <string.h>

#include "base/alloc.h"
#include "model/object.h"

enum {
    TXS_MAX = 256,    /* found in one transaction of the index */
    SPAN_SHORT = 256, /* so many txs are looked at one by one, rather than each name's */
    SCAN_MAX = 512    /* looked at for one page, though nothing is found */
};

/* ---- One event ---- */

/* What of a commit's changes is wanted. */
struct wanted {
    const struct arm_event_filter *filter; /* NULL: all of it */
    uint64_t tx;
};

static bool is_new_to(const struct wanted *wanted, const char *schema_name, const char *name)
{
    const uint64_t *acked = wanted->filter->acked_tx;

    return acked == NULL || acked[arm__share_of(schema_name, name)] < wanted->tx;
}

static bool wants_table(const struct wanted *wanted, const char *schema_name, const char *name)
{
    const struct arm_event_filter *filter = wanted->filter;
    bool matches = filter == NULL || filter->table_count == 0;

    for (size_t i = 0; !matches && i < filter->table_count; i++) {
        matches = arm__pattern_matches(&filter->tables[i], schema_name, name);
    }
    return matches && (filter == NULL || is_new_to(wanted, schema_name, name));
}

/* Whether it is an event though nothing of it is left. */
static bool wants_nothing(const struct wanted *wanted)
{
    return wanted->filter == NULL ||
           (wanted->filter->table_count == 0 && is_new_to(wanted, "", ""));
}

static arm_status fill_change(struct arm_catalog *catalog, const struct arm_commit_info *info,
                              const Armpb__TableChange *change, const char *schema_name,
                              const char *name, struct arm_arena *arena, struct arm_change *out,
                              struct arm_error *err)
{
    char shown[ARM_SHOWN_NAME_BYTES];
    struct arm_change_versions versions;
    struct arm_change filled = {.rows_added = change->rows_added,
                                .rows_removed = change->rows_removed,
                                .bytes_added = change->bytes_added};
    arm_status st = ARM_OK;

    arm__shown_name(schema_name, name, shown);
    ARM_TRY(arm__arena_text(arena, shown, &filled.table_name, err));
    ARM_TRY(arm__arena_text(arena, schema_name, &filled.schema_name, err));
    ARM_TRY(arm__arena_text(arena, name, &filled.name, err));
    ARM_TRY(arm__catalog_change_versions(catalog, info, change, &versions, err));
    ARM_TRY(arm__catalog_bytes_removed(catalog, change, &filled.bytes_removed, err));
    filled.old_version = versions.old_version;
    filled.new_version = versions.new_version;
    filled.is_new_table = versions.is_new_table;
    *out = filled;
done:
    return st;
}

static arm_status fill_changes(struct arm_catalog *catalog, const struct arm_commit_info *info,
                               const struct wanted *wanted, struct arm_arena *arena,
                               struct arm_event *out, size_t *out_seen, struct arm_error *err)
{
    const Armpb__Commit *commit = info->commit;
    struct arm_change *changes = NULL; /* once there is one that is wanted */
    arm_status st = ARM_OK;

    for (size_t i = 0; i < commit->n_changes; i++) {
        const Armpb__TableChange *change = commit->changes[i];
        struct arm_table_id id;
        char schema_name[256];
        char name[256];

        if (!arm__object_is_versioned(change->object)) {
            continue;
        }
        memcpy(id.bytes, change->table_id.data, sizeof id.bytes);
        ARM_TRY(arm__catalog_table_name(catalog, info->row.branch_id, info->row.tx, &id,
                                        schema_name, name, err));
        (*out_seen)++;
        if (wants_table(wanted, schema_name, name)) {
            if (changes == NULL) {
                ARM_TRY(
                    arm__arena_alloc(arena, commit->n_changes - i, sizeof *changes, &changes, err));
                out->changes = changes;
            }
            ARM_TRY(fill_change(catalog, info, change, schema_name, name, arena,
                                &changes[out->change_count], err));
            out->change_count++;
        }
    }
done:
    return st;
}

/* `*out_is_wanted` false: nothing of it is. */
static arm_status fill(struct arm_catalog *catalog, const struct arm_commit_info *info,
                       const struct wanted *wanted, struct arm_arena *arena, struct arm_event *out,
                       bool *out_is_wanted, struct arm_error *err)
{
    struct arm_event event = {.tx = info->row.tx, .time_us = info->row.time_us};
    size_t seen = 0;
    arm_status st = ARM_OK;

    ARM_TRY(fill_changes(catalog, info, wanted, arena, &event, &seen, err));
    *out_is_wanted = event.change_count > 0 || (seen == 0 && wants_nothing(wanted));
    if (!*out_is_wanted) {
        goto done;
    }
    memcpy(event.commit_id, info->row.commit_id.bytes, sizeof event.commit_id);
    ARM_TRY(arm__arena_text(arena, info->branch, &event.branch, err));
    ARM_TRY(arm__arena_text(arena, info->commit->author, &event.author, err));
    ARM_TRY(arm__arena_text(arena, info->commit->message, &event.message, err));
    *out = event;
done:
    return st;
}

arm_status arm__event_of(struct arm_catalog *catalog, const struct arm_commit_info *info,
                         struct arm_arena *arena, struct arm_event *out, struct arm_error *err)
{
    struct wanted all = {.filter = NULL, .tx = info->row.tx};
    bool is_wanted;

    return fill(catalog, info, &all, arena, out, &is_wanted, err);
}

/* ---- Where the next ones are (E2) ---- */

/* A table on a branch, or all of a branch (no name), or of all branches (id 0 besides). */
struct source {
    uint64_t branch_id;
    const char *schema_name;
    const char *name; /* NULL: whatever it changed */
    uint64_t next_tx; /* of its next commit; 0: there is none */
};
struct search {
    const struct arm_event_filter *filter;
    struct arm_arena arena;
    size_t count;
    size_t capacity;
    struct source *sources;
    struct arm_index_txn *txn; /* while they are looked for */
    uint64_t branch_id;        /* whose names are listed */
};

static void search_release(struct search *search)
{
    arm__free(search->sources);
    arm__arena_release(&search->arena);
}

static arm_status add_source(struct search *search, uint64_t branch_id, const char *schema_name,
                             const char *name, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (search->count == search->capacity) {
        size_t capacity = search->capacity == 0 ? 8 : 2 * search->capacity;

        ARM_TRY(arm__realloc(&search->sources, capacity, sizeof *search->sources, err));
        search->capacity = capacity;
    }
    search->sources[search->count++] = (struct source){branch_id, schema_name, name, 0};
done:
    return st;
}

static arm_status add_if_wanted(void *context, const char *schema_name, const char *name,
                                struct arm_error *err)
{
    struct search *search = context;
    const char *own_schema;
    const char *own_name;
    bool matches = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; !matches && i < search->filter->table_count; i++) {
        matches = arm__pattern_matches(&search->filter->tables[i], schema_name, name);
    }
    if (matches) {
        ARM_TRY(arm__arena_text(&search->arena, schema_name, &own_schema, err));
        ARM_TRY(arm__arena_text(&search->arena, name, &own_name, err));
        ARM_TRY(add_source(search, search->branch_id, own_schema, own_name, err));
    }
done:
    return st;
}

static arm_status add_branch(void *context, uint64_t branch_id, struct arm_error *err)
{
    struct search *search = context;

    search->branch_id = branch_id;
    return arm__index_own_names(search->txn, branch_id, add_if_wanted, search, err);
}

/* Tables that are named, of one branch: no list is needed. */
static bool names_alone(const struct arm_event_filter *filter)
{
    bool alone = filter->branch_id != 0 && filter->table_count > 0;

    for (size_t i = 0; alone && i < filter->table_count; i++) {
        alone = !filter->tables[i].is_glob;
    }
    return alone;
}

/* "*" is among them, or there are none. */
static bool wants_every_table(const struct arm_event_filter *filter)
{
    bool wants = filter->table_count == 0;

    for (size_t i = 0; !wants && i < filter->table_count; i++) {
        wants = filter->tables[i].is_every;
    }
    return wants;
}

static arm_status find_sources(struct search *search, uint64_t span, struct arm_error *err)
{
    const struct arm_event_filter *filter = search->filter;
    arm_status st = ARM_OK;

    if (names_alone(filter)) {
        for (size_t i = 0; i < filter->table_count; i++) {
            ARM_TRY(add_source(search, filter->branch_id, filter->tables[i].schema_name,
                               filter->tables[i].name, err));
        }
    } else if (wants_every_table(filter) || span <= SPAN_SHORT) {
        ARM_TRY(add_source(search, filter->branch_id, NULL, NULL, err));
    } else if (filter->branch_id != 0) {
        ARM_TRY(add_branch(search, filter->branch_id, err));
    } else {
        ARM_TRY(arm__index_branch_ids(search->txn, add_branch, search, err));
    }
done:
    return st;
}

/* Move a source to its first commit behind `after`. */
static arm_status advance(struct search *search, struct source *source, uint64_t after,
                          struct arm_error *err)
{
    return source->name == NULL
               ? arm__index_next_commit(search->txn, source->branch_id, after, &source->next_tx,
                                        err)
               : arm__index_next_change(search->txn, source->branch_id, source->schema_name,
                                        source->name, after, &source->next_tx, err);
}

/* The next tx of all sources; those that have it move on. 0: there is none. */
static arm_status take_next(struct search *search, uint64_t *out_tx, struct arm_error *err)
{
    uint64_t least = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < search->count; i++) {
        uint64_t tx = search->sources[i].next_tx;

        least = tx != 0 && (least == 0 || tx < least) ? tx : least;
    }
    for (size_t i = 0; least != 0 && i < search->count; i++) {
        if (search->sources[i].next_tx == least) {
            ARM_TRY(advance(search, &search->sources[i], least, err));
        }
    }
    *out_tx = least;
done:
    return st;
}

/* The next txs in which there may be something, behind `since` up to `until`. */
static arm_status find_txs(struct arm_catalog *catalog, struct search *search, uint64_t since,
                           uint64_t until, size_t limit, uint64_t *txs, size_t *out_count,
                           struct arm_error *err)
{
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_begin_read(catalog, &search->txn, err));
    if (search->count == 0) {
        ARM_TRY(find_sources(search, until - since, err));
    }
    for (size_t i = 0; i < search->count; i++) {
        ARM_TRY(advance(search, &search->sources[i], since, err));
    }
    while (count < limit) {
        uint64_t tx;

        ARM_TRY(take_next(search, &tx, err));
        if (tx == 0 || tx > until) {
            break;
        }
        txs[count++] = tx;
    }
    *out_count = count;
done:
    arm__index_abort(search->txn);
    search->txn = NULL;
    return st;
}

/* ---- A page ---- */

struct filling {
    struct arm_catalog *catalog;
    struct wanted wanted;
    struct arm_event_page *page;
};

static arm_status add_event(void *context, const struct arm_commit_info *info,
                            struct arm_error *err)
{
    struct filling *filling = context;
    struct arm_event_page *page = filling->page;
    bool is_wanted = false;
    arm_status st = ARM_OK;

    filling->wanted.tx = info->row.tx;
    ARM_TRY(fill(filling->catalog, info, &filling->wanted, &page->arena, &page->events[page->count],
                 &is_wanted, err));
    page->count += is_wanted ? 1 : 0;
done:
    return st;
}

arm_status arm__events_read(struct arm_catalog *catalog, const struct arm_event_filter *filter,
                            uint64_t since, uint64_t until, size_t limit,
                            struct arm_event_page *out, struct arm_error *err)
{
    struct arm_event_page page = {.scanned_to = since};
    struct filling filling = {catalog, {.filter = filter}, &page};
    struct search search = {.filter = filter};
    uint64_t txs[TXS_MAX];
    size_t scanned = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&page.arena, limit, sizeof *page.events, &page.events, err));
    while (page.count < limit && page.scanned_to < until && scanned < SCAN_MAX) {
        size_t room = limit - page.count < TXS_MAX ? limit - page.count : TXS_MAX;
        size_t count = 0;

        ARM_TRY(find_txs(catalog, &search, page.scanned_to, until, room, txs, &count, err));
        ARM_TRY(arm__catalog_commits(catalog, txs, count, add_event, &filling, err));
        page.scanned_to = count < room ? until : txs[count - 1];
        scanned += count;
    }
    *out = page;
    page = (struct arm_event_page){.count = 0};
done:
    arm__event_page_release(&page);
    search_release(&search);
    return st;
}

arm_status arm__events_at_time(struct arm_catalog *catalog, int64_t time_us, uint64_t max_tx,
                               uint64_t *out_tx, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool found = false;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_begin_read(catalog, &txn, err));
    ARM_TRY(arm__index_find_time(txn, time_us, max_tx, &tx, &found, err));
    *out_tx = found ? tx : 0;
done:
    arm__index_abort(txn);
    return st;
}

void arm__event_page_release(struct arm_event_page *page)
{
    arm__arena_release(&page->arena);
    *page = (struct arm_event_page){.count = 0};
}
