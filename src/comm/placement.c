#include "comm/placement.h"

#include <sched.h>
#include <unistd.h>

#include "base/memory.h"

/* What one rank knows. */
struct Place {
    cpu_set_t allowed; /* empty: not known */
    int32_t online;    /* processors of the host */
};

static struct Place own_place(void) {
    struct Place place = {.online = (int32_t)sysconf(_SC_NPROCESSORS_ONLN)};
    CPU_ZERO(&place.allowed);
    if (sched_getaffinity(0, sizeof place.allowed, &place.allowed))
        CPU_ZERO(&place.allowed); /* more processors than fit the set */
    return place;
}

static bool is_inside(const cpu_set_t *part, const cpu_set_t *whole) {
    cpu_set_t both;
    CPU_AND(&both, part, whole);
    return CPU_EQUAL(&both, part);
}

/* The ranks that may run only where rank `of` may. */
static struct Crowd crowd_of(const struct Ranks *ranks, const struct Place *places, int threads,
                             int of) {
    struct Crowd crowd = {.rank = of,
                          .processors = CPU_COUNT(&places[of].allowed),
                          .node_processors = places[of].online};
    for (int rank = ranks_size(ranks) - 1; rank >= 0; rank--) {
        if (ranks_node(ranks, rank) != ranks_node(ranks, of))
            continue;
        crowd.node_threads += threads;
        if (!is_inside(&places[rank].allowed, &places[of].allowed))
            continue;
        crowd.rank = rank;
        crowd.ranks++;
        crowd.threads += threads;
    }
    return crowd;
}

/* More threads for each processor. */
static bool is_worse(const struct Crowd *a, const struct Crowd *b) {
    return a->processors && (!b->processors || (int64_t)a->threads * b->processors >
                                                   (int64_t)b->threads * a->processors);
}

bool ranks_crowd(struct Ranks *ranks, int threads, struct Crowd *worst) {
    int size = ranks_size(ranks);
    struct Place mine = own_place();
    struct Place *places = memory_array(struct Place, size, "the ranks' processors");
    ranks_gather_all(ranks, &mine, sizeof mine, places);
    *worst = (struct Crowd){0};
    for (int rank = 0; rank < size; rank++) {
        /* ranks with the same set make the same crowd */
        bool seen = rank > 0 && ranks_node(ranks, rank) == ranks_node(ranks, rank - 1) &&
                    CPU_EQUAL(&places[rank].allowed, &places[rank - 1].allowed);
        if (seen)
            continue;
        struct Crowd crowd = crowd_of(ranks, places, threads, rank);
        if (is_worse(&crowd, worst))
            *worst = crowd;
    }
    memory_release(places);
    return worst->processors && worst->threads > worst->processors;
}
