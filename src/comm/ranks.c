#include "comm/ranks.h"

#include <string.h>

#include "base/memory.h"
#include "base/process.h"
#include "comm/ranks_link.h"

struct Ranks *ranks_alone(void) {
    struct Ranks *ranks = memory_allocate(sizeof *ranks, "ranks");
    *ranks = (struct Ranks){.size = 1, .nodes = 1};
    ranks->beat = &ranks->own_beat;
    ranks->hosts = memory_allocate(sizeof *ranks->hosts, "the name of the host");
    process_own_host(ranks->hosts[0], HOST_NAME);
    return ranks;
}

void ranks_release(struct Ranks *ranks) {
    if (!ranks)
        return;
    memory_release(ranks->hosts);
    memory_release(ranks->node);
    struct Beat *beat = ranks->part ? ranks->beat : NULL;
    beat_wait(ranks->beat);
    if (ranks->operations)
        ranks->operations->release(ranks);
    else
        memory_release(ranks);
    if (beat)
        beat_go_on(beat);
}

struct Ranks *ranks_split(struct Ranks *ranks, int group) {
    beat_wait(ranks->beat);
    struct Ranks *part = ranks->operations ? ranks->operations->split(ranks, group) : ranks_alone();
    beat_go_on(ranks->beat);
    part->beat = ranks->beat;
    part->part = true;
    return part;
}

int ranks_rank(const struct Ranks *ranks) {
    return ranks->rank;
}

int ranks_size(const struct Ranks *ranks) {
    return ranks->size;
}

int ranks_nodes(const struct Ranks *ranks) {
    return ranks->nodes;
}

const char *ranks_host(const struct Ranks *ranks, int rank) {
    return ranks->hosts[rank];
}

int ranks_node(const struct Ranks *ranks, int rank) {
    return ranks->node ? ranks->node[rank] : 0;
}

struct Beat *ranks_beat(const struct Ranks *ranks) {
    return ranks->beat;
}

void ranks_use_beat(struct Ranks *ranks, struct Beat *beat) {
    *beat = *ranks->beat;
    ranks->beat = beat;
}

/* Calls an operation of ranks that communicate, and tells that this rank waits meanwhile. */
#define COLLECTIVE(ranks, operation, ...)                                                          \
    do {                                                                                           \
        beat_wait((ranks)->beat);                                                                  \
        (ranks)->operations->operation((ranks), ##__VA_ARGS__);                                    \
        beat_go_on((ranks)->beat);                                                                 \
    } while (0)

void ranks_barrier(struct Ranks *ranks) {
    if (ranks->operations)
        COLLECTIVE(ranks, barrier);
}

void ranks_broadcast(struct Ranks *ranks, void *data, int64_t bytes) {
    if (ranks->operations)
        COLLECTIVE(ranks, broadcast, 0, data, bytes);
}

void ranks_minimum(struct Ranks *ranks, int64_t *values, int count) {
    if (ranks->operations)
        COLLECTIVE(ranks, extreme, values, count, false);
}

void ranks_maximum(struct Ranks *ranks, int64_t *values, int count) {
    if (ranks->operations)
        COLLECTIVE(ranks, extreme, values, count, true);
}

void ranks_sum(struct Ranks *ranks, int64_t *values, int64_t count) {
    if (ranks->operations)
        COLLECTIVE(ranks, sum, values, count);
}

void ranks_gather(struct Ranks *ranks, const void *mine, int64_t bytes, void *all) {
    if (ranks->operations)
        COLLECTIVE(ranks, gather, mine, bytes, all);
    else if (bytes)
        memmove(all, mine, (size_t)bytes);
}

void ranks_gather_all(struct Ranks *ranks, const void *mine, int64_t bytes, void *all) {
    if (ranks->operations)
        COLLECTIVE(ranks, gather_all, mine, bytes, all);
    else if (bytes)
        memmove(all, mine, (size_t)bytes);
}

int ranks_agree(struct Ranks *ranks, int code, struct Error *error) {
    if (!ranks->operations)
        return code;
    int64_t first_failed = code == OK ? ranks->size : ranks->rank;
    ranks_minimum(ranks, &first_failed, 1);
    if (first_failed == ranks->size)
        return OK;
    int speaker = (int)first_failed;
    if (ranks->rank == speaker)
        error->code = code;
    COLLECTIVE(ranks, broadcast, speaker, error, sizeof *error);
    if (speaker > 0) /* rank 0 often acts for all ranks, so that its number would say nothing */
        error_context(error, "rank %d on %s", speaker, ranks->hosts[speaker]);
    return error->code;
}
