/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of dependencies. Components by Tarjan, then in each the shortest cycle through an edge of
 * the kind that the search is about.
 *
 * Under snapshot isolation a cycle has two rw edges that follow one another (Fekete et al. 2005):
 * ww, wr and realtime mean that one committed before the other began, rw that it began before the
 * other committed; so along rw and any other edge beginnings rise, and a cycle of such steps
 * cannot close. To find one, a graph of two states a transaction: entered by an rw edge, from
 * which no rw edge leaves, and entered by another. */

#include <stdio.h>
#include <stdlib.h>

#include "support/history_private.h"

#define BIT(kind) (1u << (kind))
#define RW (BIT(HISTORY_RW) | BIT(HISTORY_RW_PREDICATE))
#define KEPT (BIT(HISTORY_WW) | BIT(HISTORY_WR))
#define NOWHERE UINT32_MAX

enum { TOLD_MAX = 8, TRIES_MAX = 100 };

struct search {
    unsigned kinds;    /* of edges looked at */
    unsigned wanted;   /* one of which the cycle must have */
    bool has_states;   /* no two rw edges in a row */
    unsigned expected; /* anomalies that are this search's to tell: others have told the rest */
};

static const struct search searches[] = {
    {BIT(HISTORY_WW), BIT(HISTORY_WW), false, BIT(HISTORY_G0)},
    {KEPT, BIT(HISTORY_WR), false, BIT(HISTORY_G1C)},
    {KEPT | BIT(HISTORY_REALTIME), BIT(HISTORY_REALTIME), false, BIT(HISTORY_G1C_REALTIME)},
    {KEPT | RW, RW, true, BIT(HISTORY_G_SINGLE) | BIT(HISTORY_G_NONADJACENT)},
    {KEPT | RW | BIT(HISTORY_REALTIME), BIT(HISTORY_REALTIME), true,
     BIT(HISTORY_G_SINGLE_REALTIME) | BIT(HISTORY_G_NONADJACENT_REALTIME)},
    {KEPT | RW, RW, false, BIT(HISTORY_G2_ITEM) | BIT(HISTORY_G2)},
    {KEPT | RW | BIT(HISTORY_REALTIME), BIT(HISTORY_REALTIME), false, BIT(HISTORY_G2_REALTIME)},
};

/* The edges of a search by where they start; nodes are states where there are two each. */
struct graph {
    struct history_checker *c;
    const struct search *search;
    uint32_t node_count;
    uint32_t *first; /* node_count + 1: into the next two */
    uint32_t *to;
    uint32_t *edge;      /* of c->edges */
    uint32_t *component; /* NOWHERE: not visited yet */
    uint32_t *size;      /* of each component */
    bool *is_told;       /* of each component: a cycle of it */
    uint32_t *came_by;   /* by the way back: index into `to` */
    uint32_t *came_from;
};

static void *array_of(size_t count, size_t size)
{
    void *array = calloc(count + 1, size);

    history_require(array != NULL, "memory");
    return array;
}

/* ---- The graph ---- */

/* The arcs of an edge: one, or with states two for what is no rw. */
static size_t arcs_of(const struct graph *g, const struct history_edge_row *edge,
                      uint32_t arcs[2][2])
{
    bool is_rw = (BIT(edge->kind) & RW) != 0;

    if ((BIT(edge->kind) & g->search->kinds) == 0) {
        return 0;
    }
    if (!g->search->has_states) {
        arcs[0][0] = edge->from;
        arcs[0][1] = edge->to;
        return 1;
    }
    arcs[0][0] = 2 * edge->from;
    arcs[0][1] = 2 * edge->to + (is_rw ? 1 : 0);
    arcs[1][0] = 2 * edge->from + 1;
    arcs[1][1] = 2 * edge->to;
    return is_rw ? 1 : 2;
}

static void lay_out(struct graph *g)
{
    const struct history_checker *c = g->c;
    uint32_t arcs[2][2];
    uint32_t *next;

    for (size_t i = 0; i < c->edge_count; i++) {
        for (size_t k = arcs_of(g, &c->edges[i], arcs); k-- > 0;) {
            g->first[arcs[k][0] + 1]++;
        }
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        g->first[i + 1] += g->first[i];
    }
    g->to = array_of(g->first[g->node_count], sizeof *g->to);
    g->edge = array_of(g->first[g->node_count], sizeof *g->edge);
    next = array_of(g->node_count, sizeof *next);
    for (size_t i = 0; i < c->edge_count; i++) {
        for (size_t k = arcs_of(g, &c->edges[i], arcs); k-- > 0;) {
            uint32_t at = g->first[arcs[k][0]] + next[arcs[k][0]]++;

            g->to[at] = arcs[k][1];
            g->edge[at] = (uint32_t)i;
        }
    }
    free(next);
}

/* ---- Components (Tarjan, without recursion) ---- */

struct tarjan {
    uint32_t *number; /* 0: not seen */
    uint32_t *low;
    uint32_t *next; /* arc to look at */
    uint32_t *path; /* of the walk */
    uint32_t *open; /* seen, in no component yet */
    uint32_t path_size;
    uint32_t open_size;
    uint32_t seen;
    uint32_t components;
};

static void enter(struct graph *g, struct tarjan *t, uint32_t node)
{
    t->number[node] = t->low[node] = ++t->seen;
    t->next[node] = g->first[node];
    t->path[t->path_size++] = node;
    t->open[t->open_size++] = node;
}

static void leave(struct graph *g, struct tarjan *t, uint32_t node)
{
    t->path_size--;
    if (t->path_size > 0) {
        uint32_t above = t->path[t->path_size - 1];

        t->low[above] = t->low[node] < t->low[above] ? t->low[node] : t->low[above];
    }
    if (t->low[node] == t->number[node]) {
        uint32_t member;

        do {
            member = t->open[--t->open_size];
            g->component[member] = t->components;
            g->size[t->components]++;
        } while (member != node);
        t->components++;
    }
}

static void walk_from(struct graph *g, struct tarjan *t, uint32_t start)
{
    enter(g, t, start);
    while (t->path_size > 0) {
        uint32_t node = t->path[t->path_size - 1];

        if (t->next[node] == g->first[node + 1]) {
            leave(g, t, node);
        } else {
            uint32_t to = g->to[t->next[node]++];

            if (t->number[to] == 0) {
                enter(g, t, to);
            } else if (g->component[to] == NOWHERE && t->number[to] < t->low[node]) {
                t->low[node] = t->number[to];
            }
        }
    }
}

static void find_components(struct graph *g)
{
    struct tarjan t = {
        .number = array_of(g->node_count, sizeof(uint32_t)),
        .low = array_of(g->node_count, sizeof(uint32_t)),
        .next = array_of(g->node_count, sizeof(uint32_t)),
        .path = array_of(g->node_count, sizeof(uint32_t)),
        .open = array_of(g->node_count, sizeof(uint32_t)),
    };

    for (uint32_t i = 0; i < g->node_count; i++) {
        g->component[i] = NOWHERE;
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (t.number[i] == 0) {
            walk_from(g, &t, i);
        }
    }
    for (uint32_t i = 0; i < t.components; i++) {
        g->c->report->components += g->size[i] > 1 ? 1 : 0;
    }
    free(t.number);
    free(t.low);
    free(t.next);
    free(t.path);
    free(t.open);
}

/* ---- One cycle ---- */

struct cycle {
    uint32_t *edges; /* of c->edges, in order */
    size_t count;
};

/* The way that was found from `from` to `to`, and then the arc that leads back. */
static struct cycle take_cycle(const struct graph *g, uint32_t from, uint32_t to, uint32_t back)
{
    struct cycle cycle = {.count = 1};

    for (uint32_t node = to; node != from; node = g->came_from[node]) {
        cycle.count++;
    }
    cycle.edges = array_of(cycle.count, sizeof *cycle.edges);
    cycle.edges[cycle.count - 1] = g->edge[back];
    for (size_t i = cycle.count - 1; i > 0; i--) {
        cycle.edges[i - 1] = g->edge[g->came_by[to]];
        to = g->came_from[to];
    }
    return cycle;
}

/* The shortest cycle through an arc, from a node to another of its component. */
static struct cycle find_cycle(struct graph *g, uint32_t node, uint32_t arc)
{
    uint32_t from = g->to[arc];
    uint32_t *queue = array_of(g->size[g->component[from]], sizeof *queue);
    uint32_t head = 0;
    uint32_t tail = 0;
    struct cycle cycle;

    queue[tail++] = from;
    g->came_by[from] = 0;
    while (g->came_by[node] == NOWHERE) {
        uint32_t at = queue[head++]; /* there is a way: it is one component */

        for (uint32_t next = g->first[at]; next < g->first[at + 1]; next++) {
            uint32_t to = g->to[next];

            if (g->component[to] == g->component[from] && g->came_by[to] == NOWHERE) {
                g->came_by[to] = next;
                g->came_from[to] = at;
                queue[tail++] = to;
            }
        }
    }
    cycle = take_cycle(g, from, node, arc);
    for (uint32_t i = 0; i < tail; i++) {
        g->came_by[queue[i]] = NOWHERE;
    }
    free(queue);
    return cycle;
}

static enum history_anomaly name_of(const struct history_checker *c, const struct cycle *cycle)
{
    unsigned kinds = 0;
    size_t rw = 0;
    bool is_adjacent = false;

    for (size_t i = 0; i < cycle->count; i++) {
        unsigned kind = BIT(c->edges[cycle->edges[i]].kind);
        unsigned next = BIT(c->edges[cycle->edges[(i + 1) % cycle->count]].kind);

        kinds |= kind;
        rw += (kind & RW) != 0 ? 1 : 0;
        is_adjacent = is_adjacent || ((kind & RW) != 0 && (next & RW) != 0);
    }
    bool is_realtime = (kinds & BIT(HISTORY_REALTIME)) != 0;

    if (rw == 0) {
        return is_realtime                      ? HISTORY_G1C_REALTIME
               : (kinds & BIT(HISTORY_WR)) != 0 ? HISTORY_G1C
                                                : HISTORY_G0;
    }
    if (rw == 1) {
        return is_realtime ? HISTORY_G_SINGLE_REALTIME : HISTORY_G_SINGLE;
    }
    if (!is_adjacent) {
        return is_realtime ? HISTORY_G_NONADJACENT_REALTIME : HISTORY_G_NONADJACENT;
    }
    return is_realtime                                ? HISTORY_G2_REALTIME
           : (kinds & BIT(HISTORY_RW_PREDICATE)) != 0 ? HISTORY_G2
                                                      : HISTORY_G2_ITEM;
}

static void tell_cycle(struct history_checker *c, const struct cycle *cycle,
                       enum history_anomaly anomaly)
{
    static const char *const words[HISTORY_EDGES] = {"ww", "wr", "rw", "rw", "realtime"};
    static const char *const kinds[HISTORY_KINDS] = {"list", "set", "register"};
    size_t txns[TOLD_MAX];
    size_t count = 0;
    char what[400] = "";
    size_t used = 0;

    for (size_t i = 0; i < cycle->count && used < sizeof what; i++) {
        const struct history_edge_row *edge = &c->edges[cycle->edges[i]];

        if (edge->from >= c->history->txn_count) {
            continue; /* a moment */
        }
        if (count < TOLD_MAX) {
            txns[count++] = edge->from;
        }
        used += (size_t)snprintf(what + used, sizeof what - used, "%s%s", used > 0 ? ", " : "",
                                 words[edge->kind]);
        if (edge->kind != HISTORY_REALTIME && used < sizeof what) {
            used += (size_t)snprintf(what + used, sizeof what - used, " by %s %llu",
                                     kinds[history_object_kind(edge->object)],
                                     (unsigned long long)(edge->object / HISTORY_KINDS));
        }
    }
    history_found(c, anomaly, what, txns, count);
}

/* ---- All cycles: one a component ---- */

/* True: it is told. */
static bool search_arc(struct graph *g, uint32_t node, uint32_t arc)
{
    struct cycle cycle = find_cycle(g, node, arc);
    enum history_anomaly anomaly = name_of(g->c, &cycle);
    bool is_expected = (BIT(anomaly) & g->search->expected) != 0;

    if (is_expected) {
        tell_cycle(g->c, &cycle, anomaly);
    }
    free(cycle.edges);
    return is_expected;
}

static void search_all(struct graph *g)
{
    size_t tries = 0;

    for (uint32_t node = 0; node < g->node_count; node++) {
        uint32_t component = g->component[node];

        for (uint32_t arc = g->first[node]; arc < g->first[node + 1]; arc++) {
            unsigned kind = BIT(g->c->edges[g->edge[arc]].kind);

            if (g->component[g->to[arc]] != component || (kind & g->search->wanted) == 0 ||
                g->is_told[component] || tries == TRIES_MAX) {
                continue;
            }
            g->is_told[component] = search_arc(g, node, arc);
            tries += g->is_told[component] ? 0 : 1; /* a kind that another search tells */
        }
    }
}

static void run_search(struct history_checker *c, const struct search *search)
{
    struct graph g = {.c = c, .search = search};

    g.node_count = (uint32_t)(search->has_states ? 2 * c->node_count : c->node_count);
    g.first = array_of(g.node_count + 1, sizeof *g.first);
    g.component = array_of(g.node_count, sizeof *g.component);
    g.size = array_of(g.node_count, sizeof *g.size);
    g.is_told = array_of(g.node_count, sizeof *g.is_told);
    g.came_by = array_of(g.node_count, sizeof *g.came_by);
    g.came_from = array_of(g.node_count, sizeof *g.came_from);
    for (uint32_t i = 0; i < g.node_count; i++) {
        g.came_by[i] = NOWHERE;
    }
    lay_out(&g);
    find_components(&g);
    search_all(&g);
    free(g.first);
    free(g.to);
    free(g.edge);
    free(g.component);
    free(g.size);
    free(g.is_told);
    free(g.came_by);
    free(g.came_from);
}

void history_find_cycles(struct history_checker *c)
{
    for (size_t i = 0; i < sizeof searches / sizeof searches[0]; i++) {
        run_search(c, &searches[i]);
    }
}
