/* The members of struct Ranks. For comm/ alone. */
#ifndef TRAINER_COMM_RANKS_LINK_H
#define TRAINER_COMM_RANKS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/beat.h"
#include "comm/ranks.h"

/* How ranks communicate. One rank alone has none of these, so that a program without MPI never
 * calls MPI. All are collective; `release` also frees the memory. */
struct RanksOperations {
    void (*release)(struct Ranks *ranks);
    void (*barrier)(struct Ranks *ranks);
    void (*broadcast)(struct Ranks *ranks, int root, void *data, int64_t bytes);
    void (*extreme)(struct Ranks *ranks, int64_t *values, int count, bool maximum);
    void (*sum)(struct Ranks *ranks, int64_t *values, int64_t count);
    void (*gather)(struct Ranks *ranks, const void *mine, int64_t bytes, void *all);
    void (*gather_all)(struct Ranks *ranks, const void *mine, int64_t bytes, void *all);
    struct Ranks *(*split)(struct Ranks *ranks, int group);
};

#define HOST_NAME 64 /* bytes of a host's name, with the closing 0 */

struct Ranks {
    int rank, size;
    int nodes;
    int *node;                /* size: the node of each rank; NULL: all are on node 0 */
    char (*hosts)[HOST_NAME]; /* size: where each rank runs */
    const struct RanksOperations *operations; /* NULL: one rank, no MPI */
    struct Beat own_beat, *beat;              /* the one in use */
    bool part;                                /* of other ranks, whose beat it uses */
};

#endif
